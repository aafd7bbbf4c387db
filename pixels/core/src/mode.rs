//! Channels of a picture, and pictures as borrowed samples.

use crate::error::{Error, Result, argument};

/// What the samples of a pixel are, 8 bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Grey.
    L,
    /// Grey and alpha.
    La,
    /// Red, green, blue.
    Rgb,
    /// Red, green, blue, alpha; not premultiplied.
    Rgba,
    /// Cyan, magenta, yellow, black; 0 is no ink.
    Cmyk,
}

impl Mode {
    /// Pillow's name of it.
    pub fn name(self) -> &'static str {
        match self {
            Self::L => "L",
            Self::La => "LA",
            Self::Rgb => "RGB",
            Self::Rgba => "RGBA",
            Self::Cmyk => "CMYK",
        }
    }

    /// The mode that Pillow calls so.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::L, Self::La, Self::Rgb, Self::Rgba, Self::Cmyk].into_iter().find(|mode| mode.name() == name)
    }

    /// Samples, and so bytes, of a pixel.
    pub fn channels(self) -> usize {
        match self {
            Self::L => 1,
            Self::La => 2,
            Self::Rgb => 3,
            Self::Rgba | Self::Cmyk => 4,
        }
    }

    /// Whether the last channel is alpha.
    pub fn has_alpha(self) -> bool {
        matches!(self, Self::La | Self::Rgba)
    }
}

/// The bytes of a picture.
///
/// # Errors
/// A side of 0, or more bytes than can be addressed.
pub fn byte_count(mode: Mode, width: u32, height: u32) -> Result<usize> {
    if width == 0 || height == 0 {
        return Err(argument(format!("a picture of {width}x{height} pixels has none")));
    }
    let bytes = u64::from(width) * u64::from(height);
    bytes
        .checked_mul(mode.channels() as u64)
        .and_then(|bytes| isize::try_from(bytes).ok())
        .map(isize::cast_unsigned)
        .ok_or_else(|| Error::Limit(format!("a picture of {width}x{height} pixels cannot be in memory")))
}

/// A picture: samples interleaved, rows one after another without padding.
#[derive(Debug, Clone, Copy)]
pub struct Image<'a> {
    mode: Mode,
    width: u32,
    height: u32,
    data: &'a [u8],
}

impl<'a> Image<'a> {
    /// Wraps samples.
    ///
    /// # Errors
    /// `data` has not the length that mode and size ask for.
    pub fn new(mode: Mode, width: u32, height: u32, data: &'a [u8]) -> Result<Self> {
        let wanted = byte_count(mode, width, height)?;
        if data.len() != wanted {
            return Err(argument(format!(
                "{width}x{height} pixels of mode {} take {wanted} bytes, not {}",
                mode.name(),
                data.len()
            )));
        }
        Ok(Self { mode, width, height, data })
    }

    /// Its channels.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Pixels across.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Pixels down.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Its samples.
    pub fn data(&self) -> &'a [u8] {
        self.data
    }

    /// The samples of each row.
    pub fn rows(&self) -> std::slice::ChunksExact<'a, u8> {
        self.data.chunks_exact(self.width as usize * self.mode.channels())
    }
}

/// A window of whole pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region {
    /// Distance from the left.
    pub left: u32,
    /// Distance from the top.
    pub top: u32,
    /// Pixels across, at least 1.
    pub width: u32,
    /// Pixels down, at least 1.
    pub height: u32,
}

impl Region {
    /// All of a picture.
    pub fn whole(width: u32, height: u32) -> Self {
        Self { left: 0, top: 0, width, height }
    }

    /// The same window, if it is not empty and lies in a picture of that size.
    ///
    /// # Errors
    /// It does not.
    pub fn within(self, width: u32, height: u32) -> Result<Self> {
        let inside = self.width > 0
            && self.height > 0
            && self.left.checked_add(self.width).is_some_and(|right| right <= width)
            && self.top.checked_add(self.height).is_some_and(|bottom| bottom <= height);
        if inside {
            return Ok(self);
        }
        let Self { left, top, width: across, height: down } = self;
        Err(argument(format!(
            "the window of {across}x{down} pixels at {left},{top} does not lie in the picture of {width}x{height}"
        )))
    }
}
