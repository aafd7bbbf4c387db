//! Files that are cut short or damaged: what there is of their first frame.

use std::ops::Range;

use avs2::decoder::Cut;
use avs2::{CancelCheck, Picture};

use super::Decoder;
use crate::{Container, Error, Frame, Options};

/// Samples of colour that are not there: grey, in each range.
const GREY: u8 = 128;
const OPAQUE: u8 = 255;

impl<D: AsRef<[u8]>> Decoder<D> {
    /// As [`new`](Self::new), for a file that may be cut short: the first frame, if it or the still is not whole, has as
    /// many rows as could be decoded ([`Frame::whole_rows`]) and is grey and opaque below. Later frames are whole.
    ///
    /// # Errors
    /// Those of [`Container::parse_cut`].
    pub fn new_cut(data: D, options: Options) -> Result<Self, Error> {
        let container = Container::parse_cut(data.as_ref(), &options.limits)?;
        Ok(Self { shows_cut: true, ..Self::of(data, container, options) })
    }

    pub(super) fn decode_first_as_far_as_it_goes(
        &mut self,
        cancel: &dyn CancelCheck,
    ) -> Result<Frame, Error> {
        if !self.container.is_cut {
            let missing = Error::MissingPicture { element: "picture", frame: 0 };
            match self.decode_whole(cancel) {
                // A damaged frame may be what the next one is made from.
                Err(Error::InvalidStream { .. }) if !self.container.header.mode().is_animation() => {}
                other => return other.and_then(|frame| frame.ok_or(missing)),
            }
            (self.stream, self.size) =
                (avs2::Decoder::new(self.options.stream_in_file(&self.container.header)), None);
        }
        self.decode_cut(cancel)
    }

    fn decode_cut(&mut self, cancel: &dyn CancelCheck) -> Result<Frame, Error> {
        let header = self.container.header;
        header.check_coding()?;
        let shown = (header.width, header.height);
        let chunks = self.container.frames.first().cloned();
        let chunks = chunks.ok_or(Error::MissingPicture { element: "picture chunk", frame: 0 })?;
        let (colour, mut rows) = self.cut_picture(chunks.colour, GREY, cancel)?;
        let mut alpha = None;
        if header.mode().has_alpha() {
            let payload = chunks.alpha.unwrap_or_default();
            let (picture, alpha_rows) = self.cut_picture(payload, OPAQUE, cancel)?;
            (alpha, rows) = (Some(picture), rows.min(alpha_rows));
        }
        let frame = Frame::new(0, chunks.delay, shown, colour, alpha, self.options.simd)?;
        let frame = frame.with_range(header.range()).with_threads(self.options.threads);
        Ok(frame.with_whole_rows(rows))
    }

    /// What there is of the picture of a payload, with `fill` below, and how many rows of pixels that is.
    fn cut_picture(
        &mut self,
        payload: Range<usize>,
        fill: u8,
        cancel: &dyn CancelCheck,
    ) -> Result<(Picture, usize), Error> {
        let data = self.data.as_ref();
        let is_short = self.container.is_cut && payload.end == data.len();
        let coded = data.get(payload).unwrap_or_default();
        let rows = match self.stream.decode_cut(coded, Cut { is_short, fill }, cancel) {
            Ok(rows) => rows,
            Err(error) => match Error::from_stream(0, error) {
                // Not even its headers are there.
                Error::InvalidStream { .. } => 0,
                other => return Err(other),
            },
        };
        self.stream.flush();
        let Container { header, .. } = &self.container;
        let Some(picture) = self.stream.next_picture() else {
            let filled = self.stream.filled(header.width, header.height, fill);
            return Ok((filled.map_err(|error| Error::from_stream(0, error))?, 0));
        };
        while self.stream.next_picture().is_some() {}
        let found = (picture.width, picture.height);
        let first = *self.size.get_or_insert(found);
        if found != first {
            return Err(Error::ChangedSize { element: "alpha picture", frame: 0, first, found });
        }
        // The last row of pixels blends with chroma that is not there.
        let is_whole = rows >= picture.height as usize;
        Ok((picture, if is_whole { rows } else { rows.saturating_sub(1) }))
    }
}
