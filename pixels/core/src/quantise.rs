//! Pictures with few colours.

use quantizr::{Image as Pixels, Options, QuantizeResult};

use crate::error::{Error, Result, argument};
use crate::mode::{Image, Mode};

/// Writes the picture with at most `colors` different colours, alpha among them, of the same mode.
///
/// # Errors
/// A picture that is not RGB or RGBA, `colors` that are not 2-256, `dithering` that is not 0-1, or `out` of another length.
pub fn quantise(image: &Image<'_>, colors: u16, dithering: f32, out: &mut [u8]) -> Result<()> {
    let channels = match image.mode() {
        Mode::Rgb => 3,
        Mode::Rgba => 4,
        other => return Err(argument(format!("pictures of mode {} are not quantised", other.name()))),
    };
    if out.len() != image.data().len() {
        return Err(argument(format!("the result takes {} bytes, not {}", image.data().len(), out.len())));
    }
    let mut options = Options::default();
    options
        .set_max_colors(colors.into())
        .map_err(|_| argument(format!("a palette of {colors} colours, not 2 to 256")))?;
    let refused = |error| Error::Argument(format!("the picture cannot be quantised: {error:?}"));
    let mut filled = Vec::new();
    if channels == 3 {
        filled.reserve_exact(image.data().len() / 3 * 4);
        filled.extend(image.data().as_chunks::<3>().0.iter().flat_map(|&[r, g, b]| [r, g, b, 255]));
    }
    let data = if channels == 3 { &filled[..] } else { image.data() };
    let (width, height) = (image.width() as usize, image.height() as usize);
    let pixels = Pixels::new(data, width, height).map_err(refused)?;
    let mut result = QuantizeResult::quantize(&pixels, &options);
    result
        .set_dithering_level(dithering)
        .map_err(|_| argument(format!("the dithering is {dithering}, not 0 to 1")))?;
    let mut indices = vec![0; width * height];
    result.remap_image(&pixels, &mut indices).map_err(refused)?;
    let palette = result.get_palette();
    for (pixel, &index) in out.chunks_exact_mut(channels).zip(&indices) {
        let color = palette.entries[usize::from(index)];
        pixel.copy_from_slice(&[color.r, color.g, color.b, color.a][..channels]);
    }
    Ok(())
}
