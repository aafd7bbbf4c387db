//! Decoding of streams: units, sequences, the order of pictures.

mod aside;
mod cut;
mod inter;
mod lcu;
mod parsed;
mod picture;
mod pipeline;
mod sink;

use std::collections::VecDeque;

use self::aside::Waiting;
pub use self::cut::Cut;
use self::picture::{Means, PictureDecoder};
use crate::bitstream::{BitReader, Units, remove_pseudo_start_codes, start_code};
#[doc(hidden)]
pub use crate::filter::Stages;
use crate::headers::{PictureHeader, SequenceHeader};
use crate::inter::{PictureBuffer, picture_bytes};
use crate::simd::Backend;
use crate::{CancelCheck, DecoderOptions, Error, Picture};

/// Decodes an AVS2 stream that arrives in pieces.
#[derive(Debug)]
pub struct Decoder {
    options: DecoderOptions,
    backend: Backend,
    sequence: Option<SequenceHeader>,
    /// The sequence has ended: the next header starts a new one.
    ended: bool,
    pictures: u32,
    buffer: PictureBuffer,
    ready: VecDeque<Picture>,
    keep_stages: bool,
    stages: VecDeque<Stages>,
    /// For the thread that reconstructs the next picture.
    waiting: Option<Waiting>,
}

impl Decoder {
    /// A decoder at the start of a stream.
    #[must_use]
    pub fn new(options: DecoderOptions) -> Self {
        Self {
            options,
            backend: Backend::detect(options.simd),
            sequence: None,
            ended: false,
            pictures: 0,
            buffer: PictureBuffer::default(),
            ready: VecDeque::new(),
            keep_stages: false,
            stages: VecDeque::new(),
            waiting: None,
        }
    }

    /// Decodes whole units; the end of `data` ends the last unit.
    ///
    /// `data` must contain at least one picture, and every picture that begins in it must end in it. Headers are
    /// remembered from call to call.
    ///
    /// Pictures that were not taken count against [`Limits::max_memory`](crate::Limits::max_memory): feed a long
    /// animation picture by picture, and it needs the memory of a few pictures only.
    ///
    /// # Errors
    /// Pictures decoded before the error are available from [`next_picture`](Self::next_picture).
    pub fn decode(&mut self, data: &[u8], cancel: &dyn CancelCheck) -> Result<(), Error> {
        let mut current: Option<PictureDecoder> = None;
        let mut found = false;
        for unit in Units::new(data) {
            match unit.value {
                0..=start_code::SLICE_MAX => {
                    let picture = current.as_mut().ok_or(Error::Invalid {
                        element: "slice without a picture",
                        value: unit.value.into(),
                    })?;
                    let payload = remove_pseudo_start_codes(unit.value, unit.payload);
                    picture.decode_slice(unit.value, &payload, false, cancel)?;
                }
                start_code::SEQUENCE => {
                    self.finish_picture(current.take())?;
                    self.start_sequence(unit.payload)?;
                }
                start_code::SEQUENCE_END => {
                    self.finish_picture(current.take())?;
                    self.ended = !self.options.ignore_sequence_end;
                }
                start_code::INTRA_PICTURE | start_code::INTER_PICTURE => {
                    self.finish_picture(current.take())?;
                    found = true;
                    let payload = remove_pseudo_start_codes(unit.value, unit.payload);
                    current = Some(self.start_picture(unit.value == start_code::INTRA_PICTURE, &payload)?);
                }
                // User data and extensions do not change samples; other values are reserved.
                _ => {}
            }
        }
        self.finish_picture(current.take())?;
        if found { Ok(()) } else { Err(Error::Truncated { element: "stream before any picture" }) }
    }

    /// The next picture in output order.
    pub fn next_picture(&mut self) -> Option<Picture> {
        self.ready.pop_front()
    }

    /// Ends the stream: pictures held back for reordering become available.
    pub fn flush(&mut self) {
        self.buffer.flush(&mut self.ready);
    }

    /// The sequence header in force.
    #[must_use]
    pub fn sequence(&self) -> Option<&SequenceHeader> {
        self.sequence.as_ref()
    }

    /// Keeps the planes between the loop filters, for tests.
    #[doc(hidden)]
    pub fn keep_stages(&mut self) {
        self.keep_stages = true;
    }

    /// The stages of the next picture in coding order.
    #[doc(hidden)]
    pub fn next_stages(&mut self) -> Option<Stages> {
        self.stages.pop_front()
    }

    fn start_sequence(&mut self, payload: &[u8]) -> Result<(), Error> {
        let mut header = SequenceHeader::new(16, 16, 4);
        header.code(&mut BitReader::new(payload))?;
        let size = |h: &SequenceHeader| (h.horizontal_size, h.vertical_size);
        let is_new = self.ended || self.sequence.as_ref().is_none_or(|old| size(old) != size(&header));
        if is_new {
            self.buffer.flush(&mut self.ready);
            self.ended = false;
        }
        self.sequence = Some(header);
        Ok(())
    }

    fn start_picture(&mut self, intra: bool, payload: &[u8]) -> Result<PictureDecoder, Error> {
        let sequence = self
            .sequence
            .as_ref()
            .ok_or(Error::Invalid { element: "picture without a sequence header", value: 0 })?;
        if self.ended {
            return Err(Error::Invalid { element: "picture after the end of the sequence", value: 0 });
        }
        let mut header = PictureHeader::new_intra(0);
        header.code(&mut BitReader::new(payload), sequence, intra)?;
        if self.pictures >= self.options.limits.max_pictures {
            return Err(Error::Limit {
                limit: "max_pictures",
                needed: u64::from(self.pictures) + 1,
                allowed: self.options.limits.max_pictures.into(),
            });
        }
        self.pictures += 1;
        let order = self.buffer.begin(sequence, &header)?;
        let undelivered = self.ready.iter().filter(|picture| !self.buffer.holds(picture));
        let held = self.buffer.bytes() + undelivered.map(picture_bytes).sum::<usize>();
        let (backend, keep_stages) = (self.backend, self.keep_stages);
        let sequence = sequence.clone();
        let aside = self.take_aside();
        let means = Means { options: &self.options, backend, held, keep_stages };
        PictureDecoder::new(sequence, header, order, means, aside)
    }

    fn finish_picture(&mut self, current: Option<PictureDecoder>) -> Result<(), Error> {
        let (Some(current), Some(sequence)) = (current, &self.sequence) else { return Ok(()) };
        let (stored, header, stages) = current.finish()?;
        self.stages.extend(stages);
        self.buffer.insert(sequence, &header, stored, &mut self.ready);
        Ok(())
    }
}
