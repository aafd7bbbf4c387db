//! Alpha put on a colour.

use crate::error::{Result, argument};
use crate::mode::{Image, Mode};

/// The mode of a picture without its alpha.
pub fn opaque(mode: Mode) -> Mode {
    match mode {
        Mode::La => Mode::L,
        Mode::Rgba => Mode::Rgb,
        other => other,
    }
}

/// Writes the picture on a colour, without alpha, as Pillow's `paste` with a mask computes it.
///
/// # Errors
/// A picture without alpha, a colour of another count of samples, or `out` of the wrong length.
pub fn flatten(image: &Image<'_>, color: &[u8], out: &mut [u8]) -> Result<()> {
    match (image.mode(), color) {
        (Mode::La, &[grey]) => blend::<2, 1>(image, [grey], out),
        (Mode::Rgba, &[red, green, blue]) => blend::<4, 3>(image, [red, green, blue], out),
        (Mode::La | Mode::Rgba, _) => Err(argument(format!(
            "a colour for mode {} has {} samples, not {}",
            image.mode().name(),
            image.mode().channels() - 1,
            color.len()
        ))),
        (mode, _) => Err(argument(format!("pictures of mode {} have no alpha", mode.name()))),
    }
}

fn blend<const FROM: usize, const TO: usize>(
    image: &Image<'_>,
    color: [u8; TO],
    out: &mut [u8],
) -> Result<()> {
    let (pixels, _) = image.data().as_chunks::<FROM>();
    let (results, rest) = out.as_chunks_mut::<TO>();
    if results.len() != pixels.len() || !rest.is_empty() {
        return Err(argument(format!("the result takes {} bytes, not {}", pixels.len() * TO, out.len())));
    }
    for (result, pixel) in results.iter_mut().zip(pixels) {
        if pixel[FROM - 1] == 255 {
            result.copy_from_slice(&pixel[..TO]);
            continue;
        }
        let alpha = u32::from(pixel[FROM - 1]);
        for channel in 0..TO {
            let sum = u32::from(pixel[channel]) * alpha + u32::from(color[channel]) * (255 - alpha) + 128;
            result[channel] = (((sum >> 8) + sum) >> 8) as u8;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_exact() {
        let image = Image::new(Mode::Rgba, 3, 1, &[1, 2, 3, 255, 1, 2, 3, 0, 0, 0, 0, 128]).unwrap();
        let mut out = [0; 9];
        flatten(&image, &[255, 254, 253], &mut out).unwrap();
        assert_eq!(out, [1, 2, 3, 255, 254, 253, 127, 127, 126]);
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let image = Image::new(Mode::La, 1, 1, &[9, 9]).unwrap();
        assert!(flatten(&image, &[1, 2, 3], &mut [0; 1]).is_err());
        assert!(flatten(&image, &[1], &mut [0; 2]).is_err());
        assert!(flatten(&Image::new(Mode::L, 1, 1, &[9]).unwrap(), &[1], &mut [0; 1]).is_err());
    }
}
