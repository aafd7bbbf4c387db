//! Chroma at half size; samples sit in the centre of 2 x 2 pixels (docs/spec/tpg.md#t6).

use super::matrix::{CHROMA_BITS, chroma_row};
use super::{GREY, Pixels, sharp, sixteenths};

/// How chroma is brought to half size. `docs/format/tpg-encoding.md` compares them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ChromaFilter {
    /// Mean of 2 x 2 pixels.
    Box,
    /// Lanczos with three lobes.
    Lanczos,
    /// The mean of 2 x 2 pixels, at saturated edges moved towards the chroma whose bilinear magnification comes closest to
    /// the pixels; with luma that makes up for the rest of the error in luminance.
    #[default]
    Sharp,
}

const TAP_BITS: u32 = 12;
const BOX: [i32; 2] = [2048; 2];
/// 3 lobes at twice the distance, sampled at the odd halves.
const LANCZOS: [i32; 12] = [15, 62, -139, -273, 555, 1828, 1828, 555, -273, -139, 62, 15];
/// The transpose of bilinear magnification.
const TENT: [i32; 4] = [512, 1536, 1536, 512];

/// Cb and Cr of colour pixels in sixteenths.
pub(super) fn planes(pixels: &Pixels<'_>, filter: ChromaFilter) -> [Vec<i16>; 2] {
    let (width, height) = (pixels.width().div_ceil(2), pixels.height().div_ceil(2));
    match filter {
        ChromaFilter::Box => downsample(pixels, &BOX).map(|plane| quantise(&plane)),
        ChromaFilter::Lanczos => downsample(pixels, &LANCZOS).map(|plane| quantise(&plane)),
        ChromaFilter::Sharp => {
            let mut planes = downsample(pixels, &BOX);
            for (plane, tent) in planes.iter_mut().zip(downsample(pixels, &TENT)) {
                sharp::sharpen(plane, &tent, width, height);
            }
            planes.map(|plane| quantise(&plane))
        }
    }
}

fn quantise(plane: &[i16]) -> Vec<i16> {
    const SHIFT: u32 = CHROMA_BITS - 4;
    let sample = |value: &i16| ((*value + (1 << (SHIFT - 1))) >> SHIFT) + sixteenths(GREY);
    // Limited range, which ringing would leave.
    plane.iter().map(|value| sample(value).clamp(sixteenths(16), sixteenths(240))).collect()
}

/// Cb and Cr at half size with a separable filter of an even number of taps; edges are repeated.
fn downsample(pixels: &Pixels<'_>, taps: &[i32]) -> [Vec<i16>; 2] {
    let (width, height) = (pixels.width(), pixels.height());
    let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
    let before = taps.len() / 2 - 1;
    let padded = half_width * 2 + taps.len();
    let mut full = [vec![0; padded], vec![0; padded]];
    // The rows that a filtered row depends on, each with its number modulo their count.
    let mut ring = vec![[vec![0_i16; half_width], vec![0; half_width]]; taps.len()];
    let mut filtered = 0;
    let mut planes = [0; 2].map(|_| vec![0_i16; half_width * half_height]);
    let mut sums = vec![0_i32; half_width];
    for y in 0..half_height {
        let last = (2 * y + taps.len() / 2).min(height - 1);
        while filtered <= last {
            let [cb, cr] = &mut full;
            let inner = before..before + width;
            chroma_row(pixels.row(filtered), pixels.format().bytes(), &mut cb[inner.clone()], &mut cr[inner]);
            for (full, out) in full.iter_mut().zip(&mut ring[filtered % taps.len()]) {
                let (first, last) = (full[before], full[before + width - 1]);
                full[..before].fill(first);
                full[before + width..].fill(last);
                shrink_row(full, taps, out);
            }
            filtered += 1;
        }
        for (c, plane) in planes.iter_mut().enumerate() {
            sums.fill(1 << (TAP_BITS - 1));
            for (k, &tap) in taps.iter().enumerate() {
                let from = (2 * y + k).saturating_sub(before).min(height - 1);
                for (sum, &value) in sums.iter_mut().zip(&ring[from % taps.len()][c]) {
                    *sum += tap * i32::from(value);
                }
            }
            for (out, &sum) in plane[y * half_width..].iter_mut().zip(&sums) {
                *out = (sum >> TAP_BITS) as i16;
            }
        }
    }
    planes
}

fn shrink_row(full: &[i16], taps: &[i32], out: &mut [i16]) {
    for (x, out) in out.iter_mut().enumerate() {
        let window = &full[2 * x..][..taps.len()];
        let sum: i32 = window.iter().zip(taps).map(|(&value, &tap)| tap * i32::from(value)).sum();
        *out = ((sum + (1 << (TAP_BITS - 1))) >> TAP_BITS) as i16;
    }
}
