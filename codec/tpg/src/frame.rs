//! A decoded frame.

use avs2::{Picture, SimdLevel};

use crate::Error;
use crate::colour::{self, ColourRange, Layout, PlaneRef, Planes};

/// One frame in the size to show: 4:2:0 planes of 8 bits, and the alpha plane if there is one.
#[derive(Debug, Clone)]
pub struct Frame {
    /// Position in the file, from 0.
    pub index: usize,
    /// How long the frame is shown, in 1/100 s; 0 in stills.
    pub delay: u16,
    /// Width to show in pixels.
    pub width: usize,
    /// Height to show in pixels.
    pub height: usize,
    /// Rows from the top that have all their pixels: `height`, but for a frame that is not whole.
    pub whole_rows: usize,
    colour: Picture,
    alpha: Option<Picture>,
    simd: SimdLevel,
    threads: usize,
    range: ColourRange,
}

impl Frame {
    /// Cuts `colour` and `alpha` to the size to show.
    pub(crate) fn new(
        index: usize,
        delay: u16,
        shown: (u32, u32),
        colour: Picture,
        alpha: Option<Picture>,
        simd: SimdLevel,
    ) -> Result<Self, Error> {
        for picture in [Some(&colour), alpha.as_ref()].into_iter().flatten() {
            if picture.width < shown.0 || picture.height < shown.1 {
                return Err(Error::SizeMismatch { shown, coded: (picture.width, picture.height) });
            }
        }
        let (width, height) = (shown.0 as usize, shown.1 as usize);
        let range = ColourRange::Limited;
        Ok(Self { index, delay, width, height, whole_rows: height, colour, alpha, simd, threads: 1, range })
    }

    /// The frame with samples of another range.
    pub(crate) fn with_range(self, range: ColourRange) -> Self {
        Self { range, ..self }
    }

    /// The frame with so many whole rows, at most.
    pub(crate) fn with_whole_rows(self, rows: usize) -> Self {
        Self { whole_rows: self.height.min(rows), ..self }
    }

    /// The frame whose pixels are made by up to so many threads.
    pub(crate) fn with_threads(self, threads: usize) -> Self {
        Self { threads, ..self }
    }

    /// The decoded colour picture, uncut.
    #[must_use]
    pub fn picture(&self) -> &Picture {
        &self.colour
    }

    /// Whether there is an alpha plane.
    #[must_use]
    pub fn has_alpha(&self) -> bool {
        self.alpha.is_some()
    }

    /// Width and height of the chroma planes.
    #[must_use]
    pub fn chroma_size(&self) -> (usize, usize) {
        (self.width.div_ceil(2), self.height.div_ceil(2))
    }

    /// Plane 0 is Y, 1 Cb, 2 Cr; `None` for others.
    #[must_use]
    pub fn plane(&self, index: usize) -> Option<PlaneRef<'_>> {
        let (width, height) = match index {
            0 => (self.width, self.height),
            1 | 2 => self.chroma_size(),
            _ => return None,
        };
        Some(cut(&self.colour, index, width, height))
    }

    /// Alpha, 0 transparent to 255 opaque.
    #[must_use]
    pub fn alpha(&self) -> Option<PlaneRef<'_>> {
        self.alpha.as_ref().map(|picture| cut(picture, 0, self.width, self.height))
    }

    /// Bytes that [`write_rgb`](Self::write_rgb) fills.
    #[must_use]
    pub fn rgb_bytes(&self) -> usize {
        self.width * self.height * 3
    }

    /// Bytes that [`write_rgba`](Self::write_rgba) fills.
    #[must_use]
    pub fn rgba_bytes(&self) -> usize {
        self.width * self.height * 4
    }

    /// Writes rows of R, G, B without padding.
    ///
    /// # Errors
    /// If `out` has not [`rgb_bytes`](Self::rgb_bytes) bytes.
    pub fn write_rgb(&self, out: &mut [u8]) -> Result<(), Error> {
        self.convert(None, Layout::Rgb, out)
    }

    /// Writes rows of R, G, B, A without padding; A is 255 where there is no alpha plane.
    ///
    /// # Errors
    /// If `out` has not [`rgba_bytes`](Self::rgba_bytes) bytes.
    pub fn write_rgba(&self, out: &mut [u8]) -> Result<(), Error> {
        self.convert(self.alpha(), Layout::Rgba, out)
    }

    fn convert(&self, alpha: Option<PlaneRef<'_>>, layout: Layout, out: &mut [u8]) -> Result<(), Error> {
        let (chroma_width, chroma_height) = self.chroma_size();
        let colour = [
            cut(&self.colour, 0, self.width, self.height),
            cut(&self.colour, 1, chroma_width, chroma_height),
            cut(&self.colour, 2, chroma_width, chroma_height),
        ];
        let planes = Planes { colour, alpha, range: self.range };
        colour::convert_by_threads(&planes, layout, self.simd, self.threads, out)
    }
}

fn cut(picture: &Picture, index: usize, width: usize, height: usize) -> PlaneRef<'_> {
    let plane = picture.plane(index);
    PlaneRef { data: plane.data(), stride: plane.stride, width, height }
}
