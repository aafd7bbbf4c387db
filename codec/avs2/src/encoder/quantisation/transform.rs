//! Forward transforms (docs/spec/avs2#b4.6): the transposes of the decoder's.

use std::sync::LazyLock;

use crate::encoder::simd;
use crate::math;
use crate::recon::{MAX_COEFFICIENTS, Secondary};
use crate::simd::Backend;

/// Magnitudes of the cosine matrix (docs/spec/avs2#b4.1).
const COSINES: [i16; 33] = [
    32, 45, 45, 45, 44, 44, 43, 43, 42, 41, 40, 39, 38, 36, 35, 34, 32, 30, 29, 27, 25, 23, 21, 19, 17, 15,
    13, 11, 9, 7, 4, 2, 0,
];

/// A transform matrix of size N in the order the passes read it: `pairs[i][k]` holds the coefficients of frequency
/// `k` for samples `2 * i` (low half) and `2 * i + 1` (high half).
pub(in crate::encoder) struct Matrix<const N: usize, const HALF: usize> {
    pub(in crate::encoder) pairs: [[i32; N]; HALF],
}

const fn cosine(n: usize, k: usize, i: usize) -> i16 {
    let mut a = (2 * i + 1) * k * (32 / n) % 128;
    if a > 64 {
        a = 128 - a;
    }
    if a <= 32 { COSINES[a] } else { -COSINES[64 - a] }
}

const fn pack(low: i16, high: i16) -> i32 {
    (low as u16 as i32) | ((high as i32) << 16)
}

const fn cosine_matrix<const N: usize, const HALF: usize>() -> Matrix<N, HALF> {
    let mut pairs = [[0; N]; HALF];
    let mut i = 0;
    while i < HALF {
        let mut k = 0;
        while k < N {
            pairs[i][k] = pack(cosine(N, k, 2 * i), cosine(N, k, 2 * i + 1));
            k += 1;
        }
        i += 1;
    }
    Matrix { pairs }
}

const D4: [[i16; 4]; 4] = [[34, 58, 72, 81], [77, 69, -7, -75], [79, -33, -75, 58], [55, -84, 73, -28]];

pub(in crate::encoder) static T4: Matrix<4, 2> = cosine_matrix();
pub(in crate::encoder) static T8: Matrix<8, 4> = cosine_matrix();
pub(in crate::encoder) static T16: Matrix<16, 8> = cosine_matrix();
pub(in crate::encoder) static T32: Matrix<32, 16> = cosine_matrix();
pub(in crate::encoder) static SMALL: Matrix<4, 2> = {
    let mut pairs = [[0; 4]; 2];
    let mut k = 0;
    while k < 4 {
        pairs[0][k] = pack(D4[k][0], D4[k][1]);
        pairs[1][k] = pack(D4[k][2], D4[k][3]);
        k += 1;
    }
    Matrix { pairs }
};

/// The matrix of size `n` as rows of `n` packed pairs.
pub(in crate::encoder) fn matrix(n: usize, small_secondary: bool) -> &'static [i32] {
    match (n, small_secondary) {
        (4, true) => SMALL.pairs.as_flattened(),
        (4, false) => T4.pairs.as_flattened(),
        (8, _) => T8.pairs.as_flattened(),
        (16, _) => T16.pairs.as_flattened(),
        _ => T32.pairs.as_flattened(),
    }
}

/// Transforms a residual of `w` x `h` samples (row by row without gaps) into coefficients, row by row; blocks with a
/// side of 64 give half as many in both directions. The residual has `fraction` bits of fraction.
pub(in crate::encoder) fn forward_transform(
    backend: Backend,
    residual: &[i16],
    (w, h): (usize, usize),
    secondary: Secondary,
    fraction: u32,
    out: &mut [i16; MAX_COEFFICIENTS],
) {
    if w.max(h) == 64 {
        let mut low = [0; MAX_COEFFICIENTS];
        halve(residual, (w, h), &mut low);
        passes(backend, &low, (w / 2, h / 2), false, 1 + fraction, out);
        large_secondary(out, w / 2, secondary);
        return;
    }
    let small = secondary == Secondary::Small;
    passes(backend, residual, (w, h), small, u32::from(small) + fraction, out);
    large_secondary(out, w, secondary);
}

/// Rows, then columns; `extra` is added to the first shift.
fn passes(
    backend: Backend,
    residual: &[i16],
    (w, h): (usize, usize),
    small: bool,
    extra: u32,
    out: &mut [i16; MAX_COEFFICIENTS],
) {
    let shifts = (w.ilog2() - 2 + extra, h.ilog2() + 5 + u32::from(small));
    if simd::transform(backend, residual, (w, h), small, shifts, out) {
        return;
    }
    let mut rows = [0_i16; MAX_COEFFICIENTS];
    let pass = |sum: i32, shift: u32| ((sum + ((1 << shift) >> 1)) >> shift).clamp(-32768, 32767) as i16;
    let low = |pair: i32| i32::from(pair as i16);
    let m = matrix(w, small);
    for y in 0..h {
        for u in 0..w {
            let sum = (0..w / 2)
                .map(|i| {
                    let pair = m[i * w + u];
                    low(pair) * i32::from(residual[y * w + 2 * i])
                        + (pair >> 16) * i32::from(residual[y * w + 2 * i + 1])
                })
                .sum();
            rows[y * w + u] = pass(sum, shifts.0);
        }
    }
    let m = matrix(h, small);
    for v in 0..h {
        for u in 0..w {
            let sum = (0..h / 2)
                .map(|i| {
                    let pair = m[i * h + v];
                    low(pair) * i32::from(rows[2 * i * w + u])
                        + (pair >> 16) * i32::from(rows[(2 * i + 1) * w + u])
                })
                .sum();
            out[v * w + u] = pass(sum, shifts.1);
        }
    }
}

/// Energies of the samples that the coefficients of a block of half its size make, relative to that of the mean, row by
/// row; `None` for blocks of their own size (`w` x `h` samples).
///
/// The decoder puts the mean of two neighbours between them, which shrinks high frequencies.
pub(in crate::encoder) fn halved_norms((w, h): (usize, usize)) -> Option<&'static [f32]> {
    static TABLES: LazyLock<[Vec<f32>; 3]> = LazyLock::new(|| {
        let norm = |k: usize, n: usize| {
            (1.0 + math::cos(std::f64::consts::PI * k as f64 / (2 * n) as f64).powi(2)) / 2.0
        };
        [(32, 32), (32, 8), (8, 32)]
            .map(|(w, h)| (0..w * h).map(|i| (norm(i % w, w) * norm(i / w, h)) as f32).collect())
    });
    match (w, h) {
        (64, 64) => Some(&TABLES[0]),
        (64, _) => Some(&TABLES[1]),
        (_, 64) => Some(&TABLES[2]),
        _ => None,
    }
}

/// Samples of half the size whose interpolation by the decoder comes closest to the residual, times 2.
fn halve(residual: &[i16], (w, h): (usize, usize), out: &mut [i16; MAX_COEFFICIENTS]) {
    let (half_w, half_h) = (w / 2, h / 2);
    let mut rows = vec![0.0_f32; half_w * h];
    for (row, low) in residual.chunks_exact(w).zip(rows.chunks_exact_mut(half_w)) {
        halve_line(low, |i| row[i].into());
    }
    let mut column = vec![0.0; half_h];
    for x in 0..half_w {
        halve_line(&mut column, |i| rows[i * half_w + x]);
        for (out, value) in out[x..].iter_mut().step_by(half_w).zip(&column) {
            *out = (2.0 * value).round() as i16;
        }
    }
}

/// Least squares for one line: even samples are those of `low`, odd ones the means of their neighbours, and the last
/// one repeats. The matrix has three diagonals.
fn halve_line(low: &mut [f32], sample: impl Fn(usize) -> f32) {
    const BESIDE: f32 = 0.25;
    let last = low.len() - 1;
    // Forward elimination; `ratios` are what is left above the diagonal.
    let mut ratios = [0.0_f32; 32];
    for j in 0..=last {
        let before = if j > 0 { 0.5 * sample(2 * j - 1) } else { 0.0 };
        let after = sample(2 * j + 1) * if j < last { 0.5 } else { 1.0 };
        let diagonal = 1.0 + if j > 0 { 0.25 } else { 0.0 } + if j < last { 0.25 } else { 1.0 };
        let (ratio, value) = if j > 0 { (ratios[j - 1], low[j - 1]) } else { (0.0, 0.0) };
        let pivot = diagonal - BESIDE * ratio;
        ratios[j] = BESIDE / pivot;
        low[j] = (before + sample(2 * j) + after - BESIDE * value) / pivot;
    }
    for j in (0..last).rev() {
        low[j] -= ratios[j] * low[j + 1];
    }
}

const S4: [[i32; 4]; 4] = [[123, -35, -8, -3], [-32, -120, 30, 10], [14, 25, 123, -22], [8, 13, 19, 126]];

fn large_secondary(out: &mut [i16; MAX_COEFFICIENTS], w: usize, secondary: Secondary) {
    let Secondary::Large { horizontal, vertical } = secondary else { return };
    let step = |v: [i32; 4]| -> [i32; 4] {
        std::array::from_fn(|y| {
            let sum: i32 = (0..4).map(|k| S4[y][k] * v[k]).sum();
            ((sum + 64) >> 7).clamp(-32768, 32767)
        })
    };
    if vertical {
        for x in 0..4 {
            let column = step(std::array::from_fn(|y| i32::from(out[y * w + x])));
            for (y, value) in column.into_iter().enumerate() {
                out[y * w + x] = value as i16;
            }
        }
    }
    if horizontal {
        for y in 0..4 {
            let row = step(std::array::from_fn(|x| i32::from(out[y * w + x])));
            for (x, value) in row.into_iter().enumerate() {
                out[y * w + x] = value as i16;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SimdLevel;
    use crate::recon::{CoefficientBlock, inverse_transform};

    const SIZES: [(usize, usize); 9] =
        [(4, 4), (8, 8), (16, 16), (32, 32), (64, 64), (16, 4), (4, 16), (32, 8), (8, 32)];

    /// Smooth enough for the wavelet of 64x64 blocks.
    fn residual((w, h): (usize, usize), seed: u32) -> Vec<i16> {
        let mut state = seed;
        let noise = if w == 64 { 1 } else { 40 };
        (0..w * h)
            .map(|i| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let (x, y) = ((i % w) as f64, (i / w) as f64);
                (90.0 * (x / 11.0).sin() * (y / 17.0 + 1.0).cos()) as i16 + (state >> 24) as i16 % noise
            })
            .collect()
    }

    #[test]
    fn inverse_undoes_forward() {
        for size in SIZES {
            let half = if size.0 == 64 { 2 } else { 1 };
            for secondary in [
                Secondary::None,
                Secondary::of_intra_luma(size, 0, true, true),
                Secondary::of_intra_luma(size, 5, true, true),
                Secondary::of_intra_luma(size, 28, true, true),
            ] {
                let input = residual(size, 5);
                let mut coefficients = [0; MAX_COEFFICIENTS];
                forward_transform(Backend::SCALAR, &input, size, secondary, 0, &mut coefficients);
                let mut block = CoefficientBlock::default();
                let (w, h) = (size.0 / half, size.1 / half);
                block.start((w, h));
                for y in 0..h {
                    for x in 0..w {
                        block.set(x, y, coefficients[y * w + x]);
                    }
                }
                let mut output = [0; 4096];
                inverse_transform(Backend::SCALAR, &mut block, size, secondary, &mut output);
                let worst = input.iter().zip(&output).map(|(a, b)| (a - b).abs()).max().unwrap_or(0);
                assert!(worst <= 8, "{size:?} {secondary:?}: {worst}");
            }
        }
    }

    #[test]
    fn no_other_halved_line_comes_closer() {
        let samples: Vec<f32> = residual((16, 1), 3).iter().map(|&sample| sample.into()).collect();
        let mut low = [0.0; 8];
        halve_line(&mut low, |i| samples[i]);
        let shown = |i: usize| {
            let after = low[(i / 2 + 1).min(7)];
            if i.is_multiple_of(2) { low[i / 2] } else { (low[i / 2] + after) / 2.0 }
        };
        let error: Vec<f32> = samples.iter().enumerate().map(|(i, sample)| sample - shown(i)).collect();
        for j in 0..8 {
            let before = if j > 0 { error[2 * j - 1] / 2.0 } else { 0.0 };
            let after = error[2 * j + 1] / if j < 7 { 2.0 } else { 1.0 };
            let slope = before + error[2 * j] + after;
            assert!(slope.abs() < 1e-3, "value {j}: {slope}");
        }
        assert!(error.iter().any(|error| error.abs() > 1.0));
    }

    #[test]
    fn norms_are_energies_of_interpolated_cosines() {
        let norms = halved_norms((64, 64)).unwrap_or_default();
        for (k, wanted) in [(0, 1.0), (8, 0.93), (16, 0.75), (31, 0.5)] {
            assert!((norms[k] - wanted).abs() < 0.01, "{k}: {}", norms[k]);
            assert_eq!(norms[k], norms[32 * k]);
        }
        assert!(halved_norms((32, 32)).is_none());
    }

    #[test]
    fn every_backend_gives_the_same_coefficients() {
        for size in SIZES {
            for secondary in [Secondary::None, Secondary::of_intra_luma(size, 0, true, true)] {
                for seed in 0..4 {
                    let mut input = residual(size, seed);
                    if seed == 3 {
                        input.iter_mut().for_each(|r| *r = if *r > 0 { 255 } else { -255 });
                    }
                    let mut scalar = [0; MAX_COEFFICIENTS];
                    forward_transform(Backend::SCALAR, &input, size, secondary, 0, &mut scalar);
                    let mut best = [0; MAX_COEFFICIENTS];
                    let backend = Backend::detect(SimdLevel::Auto);
                    forward_transform(backend, &input, size, secondary, 0, &mut best);
                    assert_eq!(scalar, best, "{size:?} {secondary:?}");
                }
            }
        }
    }
}
