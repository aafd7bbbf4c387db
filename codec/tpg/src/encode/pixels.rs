//! Pixels to encode.

use crate::Error;
use crate::writer::check_size;

/// Components of a pixel, 8 bits each, sRGB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PixelFormat {
    /// Grey.
    Grey,
    /// Grey and alpha.
    GreyAlpha,
    /// R, G, B.
    Rgb,
    /// R, G, B, alpha; not premultiplied.
    Rgba,
}

impl PixelFormat {
    /// Bytes of a pixel.
    #[must_use]
    pub fn bytes(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::GreyAlpha => 2,
            Self::Rgb => 3,
            Self::Rgba => 4,
        }
    }

    pub(super) fn is_grey(self) -> bool {
        matches!(self, Self::Grey | Self::GreyAlpha)
    }

    pub(super) fn has_alpha(self) -> bool {
        matches!(self, Self::GreyAlpha | Self::Rgba)
    }

    /// Components that are not alpha.
    pub(super) fn colours(self) -> usize {
        if self.is_grey() { 1 } else { 3 }
    }
}

/// Rows of pixels.
#[derive(Debug, Clone, Copy)]
pub struct Pixels<'a> {
    data: &'a [u8],
    width: usize,
    height: usize,
    stride: usize,
    format: PixelFormat,
}

impl<'a> Pixels<'a> {
    /// `stride` is the distance of two rows in bytes; the last row may end early.
    ///
    /// # Errors
    /// A side is not in 1..=16382, rows overlap, or `data` is too short.
    pub fn new(
        data: &'a [u8],
        width: usize,
        height: usize,
        stride: usize,
        format: PixelFormat,
    ) -> Result<Self, Error> {
        check_size(width, height)?;
        let row = width * format.bytes();
        if stride < row {
            return Err(Error::InvalidOption { option: "stride", value: stride as i64 });
        }
        let needed =
            stride.checked_mul(height - 1).and_then(|rows| rows.checked_add(row)).unwrap_or(usize::MAX);
        if data.len() < needed {
            return Err(Error::InvalidBuffer { given: data.len(), needed });
        }
        Ok(Self { data, width, height, stride, format })
    }

    /// Rows whose size is known to be right.
    pub(super) fn trusted(
        data: &'a [u8],
        width: usize,
        height: usize,
        stride: usize,
        format: PixelFormat,
    ) -> Self {
        Self { data, width, height, stride, format }
    }

    pub(super) fn width(&self) -> usize {
        self.width
    }

    pub(super) fn height(&self) -> usize {
        self.height
    }

    pub(super) fn format(&self) -> PixelFormat {
        self.format
    }

    pub(super) fn row(&self, y: usize) -> &'a [u8] {
        &self.data[y * self.stride..][..self.width * self.format.bytes()]
    }

    /// The alpha plane, if the format has one.
    pub(super) fn alpha(&self) -> Option<Vec<u8>> {
        self.format.has_alpha().then(|| {
            let bytes = self.format.bytes();
            let rows = (0..self.height).flat_map(|y| self.row(y).chunks_exact(bytes));
            let mut alpha = Vec::with_capacity(self.width * self.height);
            alpha.extend(rows.map(|pixel| pixel[bytes - 1]));
            alpha
        })
    }
}
