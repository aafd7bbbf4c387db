//! How much a viewer sees of what was lost: SSIMULACRA2.

use fast_ssim2::{PixelDescriptor, PixelSlice, Ssimulacra2Reference};

use crate::error::{Error, Result, argument};
use crate::mode::{Image, Mode};

/// Side of the windows that stand for a large picture: a multiple of the largest MCU, so that blocks stay whole.
const WINDOW: u32 = 256;
/// The metric's smallest side.
const MIN_SIDE: u32 = 8;

/// The score of a picture beside its original: 100 for the same picture, lower the more a viewer sees.
///
/// Pictures of more than `max_pixels` are judged by windows all over them, put beside each other.
///
/// # Errors
/// Pictures of other modes than L and RGB, of different sizes or modes, or with a side below 8.
pub fn score(original: &Image<'_>, other: &Image<'_>, max_pixels: u32) -> Result<f64> {
    let size = (original.width(), original.height());
    if size != (other.width(), other.height()) || original.mode() != other.mode() {
        return Err(argument("pictures to compare have the same size and mode"));
    }
    if !matches!(original.mode(), Mode::L | Mode::Rgb) {
        return Err(argument(format!("pictures to compare are L or RGB, not {}", original.mode().name())));
    }
    if size.0.min(size.1) < MIN_SIDE {
        return Err(argument(format!("pictures of {}x{} pixels are too small to compare", size.0, size.1)));
    }
    let places = windows(size, max_pixels);
    let (first, width, height) = sample(original, &places);
    let (second, ..) = sample(other, &places);
    let slice =
        |pixels| PixelSlice::new(pixels, width, height, width as usize * 3, PixelDescriptor::RGB8_SRGB);
    let refused = |told: String| Error::Limit(format!("the pictures cannot be compared: {told}"));
    let reference = slice(&first).map_err(|error| refused(format!("{error:?}"))).and_then(|pixels| {
        Ssimulacra2Reference::new(&pixels).map_err(|error| refused(format!("{error:?}")))
    })?;
    slice(&second)
        .map_err(|error| refused(format!("{error:?}")))
        .and_then(|pixels| reference.compare(&pixels).map_err(|error| refused(format!("{error:?}"))))
}

/// Where windows lie, row by row, and their size.
struct Windows {
    lefts: Vec<u32>,
    tops: Vec<u32>,
    width: u32,
    height: u32,
}

fn windows((width, height): (u32, u32), max_pixels: u32) -> Windows {
    if u64::from(width) * u64::from(height) <= u64::from(max_pixels) {
        return Windows { lefts: vec![0], tops: vec![0], width, height };
    }
    let (across, down) = (width.min(WINDOW), height.min(WINDOW));
    let count = (max_pixels / (across * down)).max(1);
    // As many columns to rows as the picture is wide to high.
    let columns = (f64::from(count) * f64::from(width) / f64::from(height)).sqrt().round();
    let columns = (columns as u32).clamp(1, (width / across).min(count));
    let rows = (count / columns).clamp(1, height / down);
    let places = |number: u32, side: u32, length: u32| {
        (0..number).map(move |place| {
            let free = u64::from(side - length);
            let start = if number == 1 { free / 2 } else { free * u64::from(place) / u64::from(number - 1) };
            start as u32 / 16 * 16
        })
    };
    Windows {
        lefts: places(columns, width, across).collect(),
        tops: places(rows, height, down).collect(),
        width: across,
        height: down,
    }
}

/// The windows of a picture beside each other in RGB, with the size of what they make.
fn sample(image: &Image<'_>, windows: &Windows) -> (Vec<u8>, u32, u32) {
    let channels = image.mode().channels();
    let stride = image.width() as usize * channels;
    let (columns, rows) = (windows.lefts.len(), windows.tops.len());
    let mut out = Vec::with_capacity(columns * rows * (windows.width * windows.height) as usize * 3);
    for &top in &windows.tops {
        for row in image.data().chunks_exact(stride).skip(top as usize).take(windows.height as usize) {
            for &left in &windows.lefts {
                let part = &row[left as usize * channels..][..windows.width as usize * channels];
                if channels == 1 {
                    out.extend(part.iter().flat_map(|&grey| [grey; 3]));
                } else {
                    out.extend_from_slice(part);
                }
            }
        }
    }
    (out, windows.width * columns as u32, windows.height * rows as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(count: usize) -> Vec<u8> {
        (0..count as u32).map(|place| (place.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
    }

    #[test]
    fn the_same_is_100_and_less_is_seen() {
        for (mode, width, height) in [(Mode::L, 64, 40), (Mode::Rgb, 1100, 300), (Mode::Rgb, 9, 4000)] {
            let pixels = noise(width as usize * height as usize * mode.channels());
            let image = Image::new(mode, width, height, &pixels).unwrap();
            assert!(score(&image, &image, 1 << 18).unwrap() > 99.9);
            let worse: Vec<u8> = pixels.iter().map(|sample| sample & 0xC0).collect();
            let worse = Image::new(mode, width, height, &worse).unwrap();
            assert!(score(&image, &worse, 1 << 18).unwrap() < 90.0, "{mode:?}");
        }
    }

    #[test]
    fn windows_lie_inside_and_reach_the_ends() {
        for (width, height) in [(4000, 3000), (9000, 300), (300, 9000), (256, 60_000), (50_000, 100)] {
            let found = windows((width, height), 1 << 20);
            let covered = found.lefts.len() * found.tops.len() * (found.width * found.height) as usize;
            assert!(covered <= 1 << 20 && covered > 1 << 17, "{width}x{height}: {covered}");
            assert!(found.lefts.iter().all(|left| left + found.width <= width));
            assert!(found.tops.iter().all(|top| top + found.height <= height));
        }
    }

    #[test]
    fn refuses_what_cannot_be_compared() {
        let image = |mode, width, height, data| Image::new(mode, width, height, data).unwrap();
        let pixels = noise(8 * 8 * 4);
        let rgb = image(Mode::Rgb, 8, 8, &pixels[..192]);
        assert!(score(&rgb, &image(Mode::Rgb, 16, 4, &pixels[..192]), 99).is_err());
        assert!(score(&rgb, &image(Mode::L, 8, 8, &pixels[..64]), 99).is_err());
        let clear = image(Mode::Rgba, 8, 8, &pixels);
        assert!(score(&clear, &clear, 99).is_err());
        let small = image(Mode::L, 7, 9, &pixels[..63]);
        assert!(score(&small, &small, 99).is_err());
    }
}
