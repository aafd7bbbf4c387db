//! Scaling by convolution, as Pillow's `resize` without `reducing_gap` does it.

use fast_image_resize::images::{Image as Canvas, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use crate::error::{Error, Result, argument};
use crate::mode::{Image, Mode, byte_count};

/// The kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// The mean of what a pixel covers.
    Box,
    /// Triangle.
    Bilinear,
    /// Catmull-Rom (a = -0.5).
    Bicubic,
    /// Three lobes.
    Lanczos,
}

impl Filter {
    /// The filter called so: "box", "bilinear", "bicubic" or "lanczos".
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "box" => Some(Self::Box),
            "bilinear" => Some(Self::Bilinear),
            "bicubic" => Some(Self::Bicubic),
            "lanczos" => Some(Self::Lanczos),
            _ => None,
        }
    }

    fn kernel(self) -> FilterType {
        match self {
            Self::Box => FilterType::Box,
            Self::Bilinear => FilterType::Bilinear,
            Self::Bicubic => FilterType::CatmullRom,
            Self::Lanczos => FilterType::Lanczos3,
        }
    }
}

/// A window in pixels and parts of pixels: left, top, right, bottom.
pub type Window = (f64, f64, f64, f64);

/// Scales a window of the picture to `width` x `height`. Colour is weighed by alpha where there is one.
///
/// # Errors
/// A window that does not lie in the picture, a size of 0, or `out` of the wrong length.
pub fn resize(
    image: &Image<'_>,
    window: Option<Window>,
    (width, height): (u32, u32),
    filter: Filter,
    out: &mut [u8],
) -> Result<()> {
    if out.len() != byte_count(image.mode(), width, height)? {
        return Err(argument(format!(
            "the result of {width}x{height} pixels does not take {} bytes",
            out.len()
        )));
    }
    let kind = pixel_type(image.mode());
    let (left, top, right, bottom) = window_within(image, window)?;
    let source = ImageRef::new(image.width(), image.height(), image.data(), kind).map_err(internal)?;
    let mut target = Canvas::from_slice_u8(width, height, out, kind).map_err(internal)?;
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(filter.kernel()))
        .crop(left, top, right - left, bottom - top)
        .use_alpha(image.mode().has_alpha());
    Resizer::new().resize(&source, &mut target, &options).map_err(internal)
}

fn pixel_type(mode: Mode) -> PixelType {
    match mode {
        Mode::L => PixelType::U8,
        Mode::La => PixelType::U8x2,
        Mode::Rgb => PixelType::U8x3,
        Mode::Rgba | Mode::Cmyk => PixelType::U8x4,
    }
}

fn window_within(image: &Image<'_>, window: Option<Window>) -> Result<Window> {
    let (width, height) = (f64::from(image.width()), f64::from(image.height()));
    let Some((left, top, right, bottom)) = window else { return Ok((0.0, 0.0, width, height)) };
    // Written so that a NaN is refused.
    if left >= 0.0 && top >= 0.0 && right > left && bottom > top && right <= width && bottom <= height {
        return Ok((left, top, right, bottom));
    }
    Err(argument(format!(
        "the window {left},{top} to {right},{bottom} is empty or does not lie in the picture of {width}x{height}"
    )))
}

fn internal(error: impl std::fmt::Display) -> Error {
    argument(format!("the picture cannot be scaled: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_of_invisible_pixels_does_not_bleed() {
        // A red opaque half and a green invisible one: every visible pixel stays red.
        let pixel = |x: u32| if x < 8 { [255, 0, 0, 255] } else { [0, 255, 0, 0] };
        let data: Vec<u8> = (0..16 * 16).flat_map(|place| pixel(place % 16)).collect();
        let image = Image::new(Mode::Rgba, 16, 16, &data).unwrap();
        let mut out = vec![0; 5 * 5 * 4];
        resize(&image, None, (5, 5), Filter::Lanczos, &mut out).unwrap();
        for pixel in out.chunks(4).filter(|pixel| pixel[3] > 8) {
            assert!(pixel[0] > 240 && pixel[1] < 15, "{pixel:?}");
        }
    }

    #[test]
    fn refuses_windows_outside() {
        let image = Image::new(Mode::L, 2, 2, &[0; 4]).unwrap();
        for window in
            [(0.0, 0.0, 2.1, 2.0), (-0.1, 0.0, 1.0, 1.0), (1.0, 0.0, 1.0, 1.0), (f64::NAN, 0.0, 1.0, 1.0)]
        {
            assert!(resize(&image, Some(window), (1, 1), Filter::Box, &mut [0]).is_err());
        }
        assert!(resize(&image, None, (1, 1), Filter::Box, &mut [0; 2]).is_err());
        assert!(resize(&image, None, (0, 1), Filter::Box, &mut []).is_err());
    }
}
