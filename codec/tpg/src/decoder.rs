//! Decoding of files, frame by frame.

mod cut;

use std::ops::Range;

use avs2::{CancelCheck, Picture};

use crate::{Container, Error, Frame, Options};

/// Alpha that is coded in so many times fewer bytes than colour is decoded where another thread would wait for colour. Of more
/// alpha the reading is better divided as well.
const SMALL_ALPHA: usize = 8;

/// Decodes a file that is held in memory.
///
/// After an error no more frames come.
#[derive(Debug)]
pub struct Decoder<D> {
    data: D,
    container: Container,
    options: Options,
    stream: avs2::Decoder,
    next: usize,
    /// Coded size of the first picture.
    size: Option<(u32, u32)>,
    failed: bool,
    /// A first frame that is not whole is shown as far as it goes.
    shows_cut: bool,
}

impl<D: AsRef<[u8]>> Decoder<D> {
    /// Steps through the chunks; nothing is decoded yet.
    ///
    /// # Errors
    /// Those of [`Container::parse`].
    pub fn new(data: D, options: Options) -> Result<Self, Error> {
        let container = Container::parse(data.as_ref(), &options.limits)?;
        Ok(Self::of(data, container, options))
    }

    fn of(data: D, container: Container, options: Options) -> Self {
        let stream = avs2::Decoder::new(options.stream_in_file(&container.header));
        Self { data, container, options, stream, next: 0, size: None, failed: false, shows_cut: false }
    }

    /// The structure of the file.
    #[must_use]
    pub fn container(&self) -> &Container {
        &self.container
    }

    /// The whole file.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        self.data.as_ref()
    }

    /// The EXIF block without the `Exif\0\0` in front.
    #[must_use]
    pub fn exif(&self) -> Option<&[u8]> {
        self.container.exif.clone().and_then(|range| self.data().get(range))
    }

    /// The next frame; `None` behind the last one. `cancel` is asked about once per row of largest coding units.
    ///
    /// # Errors
    /// If the frame is broken, unsupported, too large or not there. Frames before it have been delivered.
    pub fn next_frame(&mut self, cancel: &dyn CancelCheck) -> Result<Option<Frame>, Error> {
        if self.failed {
            return Ok(None);
        }
        let result = self.decode_next(cancel);
        self.failed = result.is_err();
        self.next += 1;
        result
    }

    fn decode_next(&mut self, cancel: &dyn CancelCheck) -> Result<Option<Frame>, Error> {
        if self.shows_cut && self.next == 0 {
            return self.decode_first_as_far_as_it_goes(cancel).map(Some);
        }
        self.decode_whole(cancel)
    }

    fn decode_whole(&mut self, cancel: &dyn CancelCheck) -> Result<Option<Frame>, Error> {
        let Some(chunks) = self.container.frames.get(self.next).cloned() else {
            let first_missing = self.next == self.container.frames.len();
            return match &self.container.damage {
                Some(error) if first_missing => Err(error.clone()),
                _ => Ok(None),
            };
        };
        let header = self.container.header;
        header.check_coding()?;
        let (shown, has_alpha) = ((header.width, header.height), header.mode().has_alpha());
        let animation = header.mode().is_animation();
        let small = chunks
            .alpha
            .clone()
            .filter(|alpha| has_alpha && !animation && alpha.len() * SMALL_ALPHA <= chunks.colour.len());
        let (colour, early) = self.picture(chunks.colour, "colour picture", small, cancel)?;
        let alpha = match (early, chunks.alpha) {
            (Some(picture), _) => Some(self.checked(picture, "alpha picture")?),
            // Later pictures of the stream may refer to an alpha picture that is not announced.
            (None, Some(payload)) if has_alpha || animation => {
                Some(self.picture(payload, "alpha picture", None, cancel)?.0)
            }
            _ => None,
        };
        let alpha = alpha.filter(|_| has_alpha);
        let range = header.range();
        let frame = Frame::new(self.next, chunks.delay, shown, colour, alpha, self.options.simd)?;
        Ok(Some(frame.with_range(range).with_threads(self.options.threads)))
    }

    /// Decodes the one picture of a payload; perhaps that of the payload `small` as well.
    fn picture(
        &mut self,
        payload: Range<usize>,
        element: &'static str,
        small: Option<Range<usize>>,
        cancel: &dyn CancelCheck,
    ) -> Result<(Picture, Option<Picture>), Error> {
        let frame = self.next;
        let data = |range| self.data.as_ref().get(range).unwrap_or_default();
        let decoded = match small {
            Some(small) => self.stream.decode_with(data(payload), data(small), cancel),
            None => self.stream.decode(data(payload), cancel).map(|()| None),
        };
        let early = decoded.map_err(|source| Error::from_stream(frame, source))?;
        let animation = self.container.header.mode().is_animation();
        if !animation {
            // No later picture can come before this one, whatever the stream says about reordering.
            self.stream.flush();
        }
        let reordered = self.stream.sequence().is_some_and(|sequence| !sequence.low_delay);
        let picture = self.stream.next_picture().ok_or(match animation && reordered {
            true => Error::Unsupported { feature: "reordered pictures in an animation, low_delay", value: 0 },
            false => Error::MissingPicture { element, frame },
        })?;
        // Whatever else the payload holds is not to be shown.
        while self.stream.next_picture().is_some() {}
        Ok((self.checked(picture, element)?, early))
    }

    /// A picture that has the size of the first one.
    fn checked(&mut self, picture: Picture, element: &'static str) -> Result<Picture, Error> {
        let found = (picture.width, picture.height);
        let first = *self.size.get_or_insert(found);
        if found != first {
            return Err(Error::ChangedSize { element, frame: self.next, first, found });
        }
        Ok(picture)
    }
}
