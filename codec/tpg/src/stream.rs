//! Decoding of bare AVS2 streams, picture by picture.

use avs2::CancelCheck;

use crate::container::check_limit;
use crate::format::{CODE_BYTES, START_CODE};
use crate::{Error, Frame, Options};

/// Start codes of units that belong to the following picture (table 7-1 of the standard).
const SEQUENCE_HEADER: u8 = 0xB0;
const INTRA_PICTURE: u8 = 0xB3;
const INTER_PICTURE: u8 = 0xB6;

/// Decodes an AVS2 stream that is held in memory and not in a container. Frames have no delay and no alpha.
#[derive(Debug)]
pub struct StreamDecoder<D> {
    data: D,
    options: Options,
    stream: avs2::Decoder,
    offset: usize,
    delivered: usize,
    ended: bool,
    error: Option<Error>,
    reported: bool,
}

impl<D: AsRef<[u8]>> StreamDecoder<D> {
    /// Nothing is decoded yet.
    ///
    /// # Errors
    /// If the stream has more bytes than the limit.
    pub fn new(data: D, options: Options) -> Result<Self, Error> {
        check_limit("file size", data.as_ref().len() as u64, options.limits.max_bytes as u64)?;
        let stream = avs2::Decoder::new(options.stream());
        Ok(Self {
            data,
            options,
            stream,
            offset: 0,
            delivered: 0,
            ended: false,
            error: None,
            reported: false,
        })
    }

    /// The next picture in output order; `None` behind the last one.
    ///
    /// # Errors
    /// If a picture is broken, unsupported or too large, or if there is none at all. Pictures before it have been
    /// delivered; no more come after an error.
    pub fn next_frame(&mut self, cancel: &dyn CancelCheck) -> Result<Option<Frame>, Error> {
        loop {
            if let Some(picture) = self.stream.next_picture() {
                let index = self.delivered;
                self.delivered += 1;
                let shown = (picture.width, picture.height);
                let frame = Frame::new(index, 0, shown, picture, None, self.options.simd)?;
                return Ok(Some(frame.with_threads(self.options.threads)));
            }
            if let Some(error) = self.error.take() {
                self.reported = true;
                return Err(error);
            }
            if self.ended {
                let none = self.delivered == 0 && !std::mem::replace(&mut self.reported, true);
                return if none {
                    Err(Error::MissingPicture { element: "picture", frame: 0 })
                } else {
                    Ok(None)
                };
            }
            if self.offset >= self.data.as_ref().len() {
                self.ended = true;
                self.stream.flush();
                continue;
            }
            let data = self.data.as_ref();
            let rest = data.get(self.offset..).unwrap_or_default();
            let length = picture_length(rest);
            let decoded = self.stream.decode(&rest[..length], cancel);
            self.offset += length;
            if let Err(source) = decoded {
                self.ended = true;
                self.stream.flush();
                self.error = Some(Error::from_stream(self.delivered, source));
            }
        }
    }
}

/// Number of bytes up to the second picture, or up to a sequence header behind the first one.
fn picture_length(data: &[u8]) -> usize {
    let mut seen_picture = false;
    for (offset, unit) in data.windows(CODE_BYTES).enumerate() {
        if unit[..3] == START_CODE {
            match unit[3] {
                INTRA_PICTURE | INTER_PICTURE | SEQUENCE_HEADER if seen_picture => return offset,
                INTRA_PICTURE | INTER_PICTURE => seen_picture = true,
                _ => {}
            }
        }
    }
    data.len()
}
