//! Pictures of at most 256 colours as indices.

use std::collections::HashMap;

use crate::mode::{Image, Mode};

/// A picture as indices, and its colours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Palette {
    /// One for each pixel.
    pub indices: Vec<u8>,
    /// Red, green, blue, alpha of each index; those that are not opaque come first.
    pub colors: Vec<[u8; 4]>,
}

/// The palette of a picture of mode RGB or RGBA; None for other modes and for more than 256 colours.
pub fn palette_of(image: &Image<'_>) -> Option<Palette> {
    match image.mode().channels() {
        3 => indexed::<3>(image, |[r, g, b]| [r, g, b, 255]),
        4 if image.mode().has_alpha() => indexed::<4>(image, |color| color),
        _ => None,
    }
}

fn indexed<const N: usize>(image: &Image<'_>, color: impl Fn([u8; N]) -> [u8; 4]) -> Option<Palette> {
    let (pixels, _) = image.data().as_chunks::<N>();
    let mut known: HashMap<[u8; N], u8> = HashMap::new();
    let mut seen: Vec<[u8; N]> = Vec::new();
    let mut indices = Vec::with_capacity(pixels.len());
    let mut last = None;
    for pixel in pixels {
        // Neighbours are mostly equal where there are few colours.
        let index = match last {
            Some((same, index)) if same == *pixel => index,
            _ => *match known.entry(*pixel) {
                std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
                std::collections::hash_map::Entry::Vacant(entry) => {
                    let index = u8::try_from(seen.len()).ok()?;
                    seen.push(*pixel);
                    entry.insert(index)
                }
            },
        };
        last = Some((*pixel, index));
        indices.push(index);
    }
    Some(sorted(indices, seen.into_iter().map(color).collect()))
}

/// Translucent colours first, so that the `tRNS` chunk ends with the last of them.
fn sorted(mut indices: Vec<u8>, colors: Vec<[u8; 4]>) -> Palette {
    let mut order: Vec<u8> = (0..=u8::MAX).take(colors.len()).collect();
    order.sort_by_key(|&index| colors[usize::from(index)][3] == 255);
    let mut places = [0_u8; 256];
    for (place, &index) in (0..=u8::MAX).zip(&order) {
        places[usize::from(index)] = place;
    }
    indices.iter_mut().for_each(|index| *index = places[usize::from(*index)]);
    Palette { indices, colors: order.iter().map(|&index| colors[usize::from(index)]).collect() }
}

/// The same picture in fewer channels, where its alpha says nothing or its colours are grey; None where it needs all.
pub fn fewer_channels(image: &Image<'_>) -> Option<(Mode, Vec<u8>)> {
    match image.mode() {
        Mode::La => image
            .data()
            .as_chunks::<2>()
            .0
            .iter()
            .all(|pixel| pixel[1] == 255)
            .then(|| (Mode::L, image.data().as_chunks::<2>().0.iter().map(|pixel| pixel[0]).collect())),
        Mode::Rgb => {
            let pixels = image.data().as_chunks::<3>().0;
            is_grey(pixels).then(|| (Mode::L, pixels.iter().map(|pixel| pixel[0]).collect()))
        }
        Mode::Rgba => {
            let pixels = image.data().as_chunks::<4>().0;
            let opaque = pixels.iter().all(|pixel| pixel[3] == 255);
            match (opaque, is_grey(pixels)) {
                (false, false) => None,
                (false, true) => {
                    Some((Mode::La, pixels.iter().flat_map(|pixel| [pixel[0], pixel[3]]).collect()))
                }
                (true, false) => {
                    Some((Mode::Rgb, pixels.iter().flat_map(|&[r, g, b, _]| [r, g, b]).collect()))
                }
                (true, true) => Some((Mode::L, pixels.iter().map(|pixel| pixel[0]).collect())),
            }
        }
        Mode::L | Mode::Cmyk => None,
    }
}

fn is_grey<const N: usize>(pixels: &[[u8; N]]) -> bool {
    pixels.iter().all(|pixel| pixel[0] == pixel[1] && pixel[1] == pixel[2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_that_say_nothing_go() {
        let of = |mode, data: &[u8]| fewer_channels(&Image::new(mode, 2, 1, data).unwrap());
        assert_eq!(of(Mode::La, &[1, 255, 2, 255]), Some((Mode::L, vec![1, 2])));
        assert_eq!(of(Mode::La, &[1, 255, 2, 254]), None);
        assert_eq!(of(Mode::Rgb, &[1, 1, 1, 2, 2, 2]), Some((Mode::L, vec![1, 2])));
        assert_eq!(of(Mode::Rgb, &[1, 1, 1, 2, 2, 3]), None);
        assert_eq!(of(Mode::Rgba, &[1, 1, 1, 0, 2, 2, 2, 9]), Some((Mode::La, vec![1, 0, 2, 9])));
        assert_eq!(of(Mode::Rgba, &[1, 2, 3, 255, 4, 5, 6, 255]), Some((Mode::Rgb, vec![1, 2, 3, 4, 5, 6])));
        assert_eq!(of(Mode::Rgba, &[7, 7, 7, 255, 4, 4, 4, 255]), Some((Mode::L, vec![7, 4])));
        assert_eq!(of(Mode::Rgba, &[1, 2, 3, 0, 4, 5, 6, 255]), None);
    }

    #[test]
    fn counts_to_256_and_no_further() {
        let pixels: Vec<u8> = (0..=256_u16).flat_map(|n| [n as u8, (n >> 8) as u8, 9]).collect();
        let of = |count: u32| Image::new(Mode::Rgb, count, 1, &pixels[..count as usize * 3]).unwrap();
        assert_eq!(palette_of(&of(256)).unwrap().colors.len(), 256);
        assert!(palette_of(&of(257)).is_none());
    }

    #[test]
    fn translucent_colours_come_first() {
        let data = [1, 1, 1, 255, 2, 2, 2, 7, 1, 1, 1, 255];
        let palette = palette_of(&Image::new(Mode::Rgba, 3, 1, &data).unwrap()).unwrap();
        assert_eq!(palette.colors, [[2, 2, 2, 7], [1, 1, 1, 255]]);
        assert_eq!(palette.indices, [1, 0, 1]);
    }
}
