//! Chroma and luma that together come closest to the pixels after the decoder's magnification.

use std::sync::LazyLock;

use avs2::math;

use super::Pixels;
use super::matrix::CHROMA_BITS;

/// Steps of Richardson's iteration; more sharpen details that cost more than they show.
const STEPS: usize = 4;

/// Sharpening below this is left out: on photos it costs more than it shows.
const DEAD_ZONE: i16 = 2 << CHROMA_BITS;

/// What becomes of small changes of luma.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SmallChanges {
    /// They show less than they cost in squared error.
    InPart,
    Whole,
}

/// Changes of luma up to this, in sixteenths, are small.
const SMALL_CHANGE: i32 = 3 * STEP;
/// The part of them that is made, in tenths.
const SMALL_PART: i32 = 3;

/// Moves `chroma`, the mean of 2 x 2 pixels, towards the chroma whose magnification comes closest to the pixels, except
/// for the dead zone. `tent` is as for [`solve`].
pub(super) fn sharpen(chroma: &mut [i16], tent: &[i16], width: usize, height: usize) {
    for (chroma, solved) in chroma.iter_mut().zip(solve(tent, width, height)) {
        let change = solved - *chroma;
        *chroma += change - change.clamp(-DEAD_ZONE, DEAD_ZONE);
    }
}

/// Solves for the chroma whose bilinear magnification has the least squared error. `tent` is the full chroma filtered
/// with the transpose of the magnification.
fn solve(tent: &[i16], width: usize, height: usize) -> Vec<i16> {
    let tent: Vec<f32> = tent.iter().map(|&value| value.into()).collect();
    let mut chroma = tent.clone();
    let mut smooth = vec![0.0; chroma.len()];
    for _ in 0..STEPS {
        magnify_and_shrink(&chroma, &mut smooth, width, height);
        for ((chroma, &tent), &smooth) in chroma.iter_mut().zip(&tent).zip(&smooth) {
            *chroma += tent - smooth;
        }
    }
    chroma.iter().map(|value| value.round() as i16).collect()
}

/// Magnification followed by its transpose: 3, 10, 3 sixteenths in both directions.
fn magnify_and_shrink(from: &[f32], to: &mut [f32], width: usize, height: usize) {
    let (outer, inner) = (3.0 / 16.0, 10.0 / 16.0);
    let mut sums = vec![0.0; width + 2];
    for y in 0..height {
        let row = |y: usize| &from[y * width..][..width];
        let (above, here, below) = (row(y.saturating_sub(1)), row(y), row((y + 1).min(height - 1)));
        for (((sum, above), here), below) in sums[1..].iter_mut().zip(above).zip(here).zip(below) {
            *sum = outer * (above + below) + inner * here;
        }
        sums[0] = sums[1];
        sums[width + 1] = sums[width];
        let windows = sums.windows(3);
        for (to, window) in to[y * width..][..width].iter_mut().zip(windows) {
            *to = outer * (window[0] + window[2]) + inner * window[1];
        }
    }
}

/// Matrix of the decoder, as in `colour::row`, for sixteenths.
const Y_SCALE: i32 = 4_769;
const CR_TO_R: i32 = 6_537;
const CB_TO_G: i32 = -1_605;
const CR_TO_G: i32 = -3_330;
const CB_TO_B: i32 = 8_263;
const HALF: i32 = 1 << 11;
const STEP: i32 = 16;
const BLACK: i32 = 16 * STEP;
const WHITE: i32 = 235 * STEP;
const CHROMA_ZERO: i32 = 128 * 16;

/// How bright a pixel looks: the mean of the responses of long and medium cones, as XYB defines them, in 1/10000.
const LUMINANCE: [i32; 3] = [2650, 6570, 780];

/// sRGB in sixteenths to linear light, 0..=65535.
static LINEAR: LazyLock<[i32; 255 * 16 + 1]> = LazyLock::new(|| {
    std::array::from_fn(|value| {
        let value = value as f64 / (255.0 * 16.0);
        let linear = if value <= 0.04045 { value / 12.92 } else { math::pow((value + 0.055) / 1.055, 2.4) };
        (linear * 65_535.0).round() as i32
    })
});

/// Luma, in sixteenths, with which the decoded pixels have about the luminance of the given ones; Cb and Cr, `chroma`,
/// are in sixteenths.
pub(super) fn luma(pixels: &Pixels<'_>, chroma: [&[i16]; 2], small: SmallChanges) -> Vec<i16> {
    let (width, height) = (pixels.width(), pixels.height());
    let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
    let linear = &*LINEAR;
    let luminance = |rgb: [i32; 3]| {
        let parts = [0, 1, 2].map(|c| LUMINANCE[c] * (linear[rgb[c] as usize] >> 2));
        parts.iter().sum::<i32>()
    };
    let mut out = super::matrix::luma(pixels);
    let mut magnified = [vec![0; half_width * 2], vec![0; half_width * 2]];
    for (y, out) in out.chunks_exact_mut(width).enumerate() {
        let near = y / 2;
        let far = if y % 2 == 0 { near.saturating_sub(1) } else { (near + 1).min(half_height - 1) };
        for (plane, out) in chroma.iter().zip(&mut magnified) {
            magnify_row(
                &plane[near * half_width..][..half_width],
                &plane[far * half_width..][..half_width],
                out,
            );
        }
        let row = pixels.row(y).chunks_exact(pixels.format().bytes());
        for (((luma, pixel), &cb), &cr) in out.iter_mut().zip(row).zip(&magnified[0]).zip(&magnified[1]) {
            let wanted = luminance([pixel[0], pixel[1], pixel[2]].map(|value| 16 * i32::from(value)));
            let (cb, cr) = (cb - CHROMA_ZERO, cr - CHROMA_ZERO);
            let offsets = [cr * CR_TO_R, cb * CB_TO_G + cr * CR_TO_G, cb * CB_TO_B];
            let error = |luma: i32| {
                let base = (luma - BLACK) * Y_SCALE + HALF;
                luminance(offsets.map(|offset| ((base + offset) >> 12).clamp(0, 255 * 16))) - wanted
            };
            let change = root(i32::from(*luma), error) - i32::from(*luma);
            *luma += if small == SmallChanges::Whole { change } else { damped(change) } as i16;
        }
    }
    out
}

/// A change of luma without most of its first steps.
fn damped(change: i32) -> i32 {
    change - change.clamp(-SMALL_CHANGE, SMALL_CHANGE) * (10 - SMALL_PART) / 10
}

/// The value in the range of luma where the rising function `error` is closest to 0, sought from `start`; values are
/// sixteenths, and `error` is evaluated a whole step apart.
fn root(start: i32, error: impl Fn(i32) -> i32) -> i32 {
    let start = start.clamp(BLACK, WHITE);
    let mut best = start;
    let mut best_error = error(start);
    let step = if best_error > 0 { -STEP } else { STEP };
    while best_error != 0 && (BLACK..=WHITE).contains(&(best + step)) {
        let next = error(best + step);
        if next.signum() != best_error.signum() {
            let (here, there) = (i64::from(best_error).abs(), i64::from(next).abs());
            return best + (i64::from(step) * here / (here + there)) as i32;
        }
        if next.abs() >= best_error.abs() {
            break;
        }
        (best, best_error) = (best + step, next);
    }
    best
}

/// A row in sixteenths at full width, as the decoder makes it.
fn magnify_row(near: &[i16], far: &[i16], out: &mut [i32]) {
    let blended = |x: usize| 3 * i32::from(near[x]) + i32::from(far[x]);
    let last = near.len() - 1;
    for (x, pair) in out.chunks_exact_mut(2).enumerate() {
        let here = 3 * blended(x);
        pair[0] = (here + blended(x.saturating_sub(1)) + 8) >> 4;
        pair[1] = (here + blended((x + 1).min(last)) + 8) >> 4;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_changes_of_luma_stay_and_small_ones_shrink() {
        assert_eq!([0, 10, -10, 48, 100, -100].map(damped), [0, 3, -3, 15, 67, -67]);
    }
}
