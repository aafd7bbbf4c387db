//! Scaling by convolution, as Pillow's `resize` without `reducing_gap` does it.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::{U8, U8x2, U8x3, U8x4};
use fast_image_resize::{FilterType, ImageView, MulDiv, PixelTrait, ResizeAlg, ResizeOptions, Resizer};

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

    /// How far the kernel reaches, in pixels of the smaller picture.
    fn support(self) -> f64 {
        match self {
            Self::Box => 0.5,
            Self::Bilinear => 1.0,
            Self::Bicubic => 2.0,
            Self::Lanczos => 3.0,
        }
    }
}

/// A window in pixels and parts of pixels: left, top, right, bottom.
pub type Window = (f64, f64, f64, f64);

/// Scales a window of the picture to `width` x `height`. Colour is weighed by alpha where there is one.
///
/// Rows are scaled first and then columns, as Pillow does it: the other order clips at other places.
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
    let window = window_within(image, window)?;
    match image.mode() {
        Mode::L => scaled::<U8>(image, window, (width, height), filter, out),
        Mode::La => scaled::<U8x2>(image, window, (width, height), filter, out),
        Mode::Rgb => scaled::<U8x3>(image, window, (width, height), filter, out),
        Mode::Rgba | Mode::Cmyk => scaled::<U8x4>(image, window, (width, height), filter, out),
    }
}

/// Typed, so that only the four kinds of pixels are compiled.
fn scaled<P: PixelTrait>(
    image: &Image<'_>,
    (left, top, right, bottom): Window,
    (width, height): (u32, u32),
    filter: Filter,
    out: &mut [u8],
) -> Result<()> {
    let (first, last) = rows_needed(image, (top, bottom), height, filter);
    let (above, rows) = (f64::from(first), f64::from(last - first));
    let across = Scaling { filter, left, top: above, width: right - left, height: rows };
    let down = Scaling { filter, left: 0.0, top: top - above, width: f64::from(width), height: bottom - top };
    let source =
        TypedImageRef::<P>::from_buffer(image.width(), image.height(), image.data()).map_err(internal)?;
    let mut target = TypedImage::<P>::from_buffer(width, height, out).map_err(internal)?;
    let mut between = TypedImage::<P>::new(width, last - first);
    if !image.mode().has_alpha() {
        across.apply(&source, &mut between)?;
        return down.apply(&borrowed(&between)?, &mut target);
    }
    let mut weighed = TypedImage::<P>::new(image.width(), image.height());
    MulDiv::new().multiply_alpha_typed(&source, &mut weighed).map_err(internal)?;
    across.apply(&borrowed(&weighed)?, &mut between)?;
    down.apply(&borrowed(&between)?, &mut target)?;
    MulDiv::new().divide_alpha_inplace_typed(&mut target).map_err(internal)
}

fn borrowed<'a, P: PixelTrait>(image: &'a TypedImage<'_, P>) -> Result<TypedImageRef<'a, P>> {
    TypedImageRef::new(image.width(), image.height(), image.pixels()).map_err(internal)
}

/// One pass: the window that becomes all of the result.
struct Scaling {
    filter: Filter,
    left: f64,
    top: f64,
    width: f64,
    height: f64,
}

impl Scaling {
    fn apply<P: PixelTrait>(
        &self,
        source: &TypedImageRef<'_, P>,
        target: &mut TypedImage<'_, P>,
    ) -> Result<()> {
        let options = ResizeOptions::new()
            .resize_alg(ResizeAlg::Convolution(self.filter.kernel()))
            .crop(self.left, self.top, self.width, self.height)
            .use_alpha(false);
        Resizer::new().resize_typed(source, target, &options).map_err(internal)
    }
}

/// The first row that scaling reads and the one after the last: the kernel reaches beyond the window.
fn rows_needed(image: &Image<'_>, (top, bottom): (f64, f64), height: u32, filter: Filter) -> (u32, u32) {
    let scale = (bottom - top) / f64::from(height);
    let reach =
        if scale == 1.0 && top.fract() == 0.0 { 0.0 } else { filter.support() * scale.max(1.0) + 1.0 };
    let first = (top - reach).floor().max(0.0);
    let last = (bottom + reach).ceil().min(f64::from(image.height()));
    (first as u32, last as u32)
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
