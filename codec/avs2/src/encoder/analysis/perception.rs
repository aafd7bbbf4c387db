//! Errors as they are seen: those of low frequencies count for more.
//!
//! The error of an area is its squared error, times a base weight, plus weighted energies of the mean errors of the
//! squares with sides of 2, 4, 8 and 16 samples in it. It is the same however the area is divided into blocks, so that
//! divisions compare; for a coefficient of a transform it is a weight by position.

use std::sync::LazyLock;

use crate::encoder::analysis::drawn;
use crate::encoder::analysis::metric::{SourceRows, source_error, source_residual, squares_error};
use crate::encoder::input::{FRACTION_BITS, SourcePlane};
use crate::inter::Source;
use crate::math;
use crate::multiversion;
use crate::picture::PlaneBuffer;
use crate::simd::Backend;

/// Sides of the squares whose mean errors count.
const SIDES: [usize; 4] = [2, 4, 8, 16];

/// What the squares of their sums of sixteenths are multiplied by. Powers of 2 are exact.
const SCALES: [f64; 4] = {
    let mut scales = [0.0; 4];
    let mut i = 0;
    while i < 4 {
        scales[i] = 1.0 / ((SIDES[i] * SIDES[i]) << (2 * FRACTION_BITS)) as f64;
        i += 1;
    }
    scales
};

/// What errors weigh at strength 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::encoder) struct Weights {
    /// What squared errors of all frequencies weigh.
    base: f32,
    /// What the means of squares weigh beside, by side.
    means: [f32; 4],
}

/// Luma of stills. `docs/inside/encoder.md` says how these were found.
pub(in crate::encoder) const STILL_LUMA: Weights = Weights { base: 0.85, means: [0.0, 1.3, 0.0, 0.5] };
/// The same where they are refined.
pub(in crate::encoder) const REFINED_LUMA: Weights = Weights { base: 0.89, means: [0.0, 1.2, 0.0, 0.5] };
/// The same where nodes are searched several times as well.
pub(in crate::encoder) const ATTEMPTED_LUMA: Weights = Weights { base: 0.85, ..REFINED_LUMA };
/// Luma of stills that are mostly drawn.
pub(in crate::encoder) const DRAWN_LUMA: Weights = Weights { base: 1.0, means: [0.0, 1.2, 0.0, 0.5] };
/// Luma of animations.
pub(in crate::encoder) const ANIMATION_LUMA: Weights = Weights { base: 0.92, means: [0.0, 0.8, 0.0, 0.8] };
const CHROMA: Weights = Weights { base: 0.35, means: [0.35, 0.8, 0.0, 2.5] };

/// log2 of the block sides that there are tables for.
const SIZES: std::ops::Range<usize> = 2..7;

/// Weights of errors in one kind of component.
#[derive(Debug, Clone)]
pub(in crate::encoder) struct Perception {
    base: f32,
    /// What the means of squares weigh beside, by side.
    means: [f32; 4],
    /// Weights of coefficients by log2 of height and width; none if all are 1.
    tables: Vec<Vec<f32>>,
    /// Errors beyond black and white of limited range count for nothing.
    as_shown: bool,
}

impl Perception {
    /// Weights of luma and of chroma; with `strength` 0 errors of all frequencies weigh the same.
    pub fn for_strength(luma: Weights, strength: f32) -> [Self; 2] {
        [luma, CHROMA].map(|Weights { base, means }| {
            Self::new(math::pow(base.into(), strength.into()) as f32, means.map(|mean| mean * strength))
        })
    }

    fn new(base: f32, means: [f32; 4]) -> Self {
        let mut tables = Vec::new();
        if means != [0.0; 4] {
            for size in SIZES.flat_map(|h| SIZES.map(move |w| (1_usize << w, 1_usize << h))) {
                tables.push(table(base, means, size));
            }
        }
        Self { base, means, tables, as_shown: false }
    }

    /// The same where errors beyond black and white of limited range, which nobody sees, count for nothing.
    pub fn limited_to_shown(self) -> Self {
        Self { as_shown: true, ..self }
    }

    /// Whether errors beyond black and white count for nothing.
    pub fn is_as_shown(&self) -> bool {
        self.as_shown
    }

    /// Writes what is left to code of a source in sixteenths, in sixteenths without gaps.
    pub fn residual(&self, backend: Backend, source: &[i16], prediction: &[u8], out: &mut [i16]) {
        source_residual(backend, source, prediction, out);
        if self.as_shown {
            for ((out, &source), &sample) in out.iter_mut().zip(source).zip(prediction) {
                let sample = i16::from(sample) << FRACTION_BITS;
                *out = drawn::wanted(source, sample) - sample;
            }
        }
    }

    /// Weights of squared errors of the coefficients of a block of `w` x `h` samples, row by row; `None` if all are 1.
    pub fn weights(&self, (w, h): (usize, usize)) -> Option<&[f32]> {
        let index = |n: usize| n.ilog2() as usize - SIZES.start;
        self.tables.get(index(h) * SIZES.len() + index(w)).map(Vec::as_slice)
    }

    /// Error of a plane.
    pub fn plane_error(&self, backend: Backend, source: &SourcePlane, plane: &PlaneBuffer) -> f64 {
        const TILE: usize = 64;
        let mut total = 0.0;
        for y in (0..plane.height()).step_by(TILE) {
            for x in (0..plane.width()).step_by(TILE) {
                let size = ((plane.width() - x).min(TILE), (plane.height() - y).min(TILE));
                let samples = (&plane.samples()[plane.index(x, y)..], plane.stride());
                total += self.error(backend, (source.from(x, y), source.width()), samples, size);
            }
        }
        total
    }

    /// Error of a block whose sides are multiples of 4 up to 64, at a multiple of its size; rows of `source`
    /// (sixteenths) and `samples` are the second value apart.
    pub fn error(
        &self,
        backend: Backend,
        source: (&[i16], usize),
        samples: (&[u8], usize),
        size: (usize, usize),
    ) -> f64 {
        if !self.as_shown {
            return self.error_of(backend, source, samples, size);
        }
        let (w, h) = size;
        let mut shown = [0; 64 * 64];
        for (shown, samples) in shown.chunks_exact_mut(w).zip(samples.0.chunks(samples.1)).take(h) {
            for (shown, &sample) in shown.iter_mut().zip(samples) {
                *shown = drawn::shown(sample);
            }
        }
        self.error_of(backend, source, (&shown, w), size)
    }

    fn error_of(
        &self,
        backend: Backend,
        source: (&[i16], usize),
        samples: (&[u8], usize),
        (w, h): (usize, usize),
    ) -> f64 {
        if self.tables.is_empty() {
            return source_error(backend, source, samples, (w, h));
        }
        let source = SourceRows { samples: source.0, stride: source.1 };
        let samples = Source { samples: samples.0, stride: samples.1 };
        // Most blocks are small, and clearing takes time.
        match w * h / 4 {
            ..=16 => self.error_with_means::<16>(backend, source, samples, (w, h)),
            17..=64 => self.error_with_means::<64>(backend, source, samples, (w, h)),
            _ => self.error_with_means::<1024>(backend, source, samples, (w, h)),
        }
    }

    /// Squared error and weighted energies of the mean errors of a block with at most `N` squares of 2 x 2.
    fn error_with_means<const N: usize>(
        &self,
        backend: Backend,
        source: SourceRows<'_>,
        samples: Source<'_>,
        (w, h): (usize, usize),
    ) -> f64 {
        let mut squares = [0_i16; N];
        let plain = squares_error(backend, source, samples, (w, h), &mut squares);
        multiversion::run(
            backend,
            #[inline(always)]
            || {
                let mut total = f64::from(self.base) * plain;
                let mut sums = squares.map(i32::from);
                let mut size = (w / 2, h / 2);
                for (i, (&scale, &weight)) in SCALES.iter().zip(&self.means).enumerate() {
                    if i > 0 {
                        size = shrink(&mut sums, size);
                    }
                    if weight > 0.0 {
                        total += f64::from(weight) * energy(&sums[..size.0 * size.1]) * scale;
                    }
                }
                total
            },
        )
    }
}

/// Sums 2 x 2 neighbours; a side of 1 stays.
#[inline(always)]
fn shrink(sums: &mut [i32], (w, h): (usize, usize)) -> (usize, usize) {
    let (next_w, next_h) = (w.div_ceil(2), h.div_ceil(2));
    if w.is_multiple_of(2) && h.is_multiple_of(2) {
        for y in 0..next_h {
            for x in 0..next_w {
                let (above, below) = (2 * y * w + 2 * x, (2 * y + 1) * w + 2 * x);
                sums[y * next_w + x] = sums[above] + sums[above + 1] + sums[below] + sums[below + 1];
            }
        }
        return (next_w, next_h);
    }
    for y in 0..next_h {
        for x in 0..next_w {
            let mut sum = 0;
            for row in 2 * y..(2 * y + 2).min(h) {
                sum += sums[row * w + 2 * x..row * w + (2 * x + 2).min(w)].iter().sum::<i32>();
            }
            sums[y * next_w + x] = sum;
        }
    }
    (next_w, next_h)
}

#[inline(always)]
fn energy(sums: &[i32]) -> f64 {
    if sums.len() <= 4 {
        // As below, without lanes that are 0.
        return sums.iter().map(|&sum| f64::from(sum as f32 * sum as f32)).sum();
    }
    // Lanes of their own let the compiler use vectors; the order of additions is fixed.
    let mut lanes = [0.0_f32; 8];
    for part in sums.chunks(8) {
        for (lane, &sum) in lanes.iter_mut().zip(part) {
            *lane += sum as f32 * sum as f32;
        }
    }
    lanes.iter().map(|&lane| f64::from(lane)).sum()
}

/// Weights of the coefficients there are in a block of `w` x `h` samples.
fn table(base: f32, means: [f32; 4], (w, h): (usize, usize)) -> Vec<f32> {
    let (coded_w, coded_h) = crate::encoder::write::lcu::coded_size((w, h));
    let mut table = vec![base; coded_w * coded_h];
    let shares = |n: usize| &SHARES[n.ilog2() as usize - SIZES.start];
    for ((across, down), mean) in shares(w).iter().zip(shares(h)).zip(means) {
        for (row, down) in table.chunks_exact_mut(coded_w).zip(down) {
            for (weight, across) in row.iter_mut().zip(across) {
                *weight += mean * across * down;
            }
        }
    }
    table
}

/// [`share`] by log2 of the length and by side; every picture needs them.
static SHARES: LazyLock<Vec<[Vec<f32>; 4]>> =
    LazyLock::new(|| SIZES.map(|log2| SIDES.map(|side| share(1 << log2, side))).collect());

/// How much of the energy of each cosine of length `n` is in its means over `side` samples; where these reach beyond
/// the block, errors there are taken to be independent.
fn share(n: usize, side: usize) -> Vec<f32> {
    let length = n as f64;
    let sample = |k: usize, i: usize| {
        let scale = if k == 0 { 1.0 } else { 2.0 };
        (scale / length).sqrt()
            * math::cos(std::f64::consts::PI * (2 * i + 1) as f64 * k as f64 / (2.0 * length))
    };
    let mean = |k: usize, from: usize| (from..(from + side).min(n)).map(|i| sample(k, i)).sum::<f64>();
    (0..n)
        .map(|k| {
            let energy: f64 = (0..n).step_by(side).map(|from| mean(k, from).powi(2)).sum();
            (energy / side as f64) as f32
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(w: usize, h: usize, value: impl Fn(usize, usize) -> i16) -> Vec<i16> {
        (0..w * h).map(|i| 128 * 16 + value(i % w, i / w)).collect()
    }

    #[test]
    fn strength_0_is_the_squared_error() {
        let source = block(16, 8, |x, y| (x * y) as i16);
        let [luma, chroma] = Perception::for_strength(STILL_LUMA, 0.0);
        let plain = source_error(Backend::SCALAR, (&source, 16), (&[128; 128], 16), (16, 8));
        assert_eq!(luma.error(Backend::SCALAR, (&source, 16), (&[128; 128], 16), (16, 8)), plain);
        assert!(chroma.weights((16, 8)).is_none());
    }

    #[test]
    fn division_does_not_matter() {
        let source = block(32, 32, |x, y| ((x * 7 + y * 13) % 50) as i16 - 25);
        let samples = vec![128; 1024];
        for perception in Perception::for_strength(STILL_LUMA, 1.0) {
            let error = |x: usize, y: usize, size| {
                let at = y * 32 + x;
                perception.error(Backend::SCALAR, (&source[at..], 32), (&samples[at..], 32), size)
            };
            let whole = error(0, 0, (32, 32));
            let parts = error(0, 0, (16, 16)) + error(16, 0, (16, 16)) + error(0, 16, (32, 16));
            assert!((whole - parts).abs() < 1e-3 * whole, "{whole} {parts}");
        }
    }

    #[test]
    fn flat_errors_weigh_more_than_alternating_ones() {
        let flat = block(16, 16, |_, _| 16);
        let alternating = block(16, 16, |x, y| if (x + y) % 2 == 0 { 16 } else { -16 });
        let perceptions = Perception::for_strength(STILL_LUMA, 1.0);
        for (perception, Weights { base, means }) in perceptions.iter().zip([STILL_LUMA, CHROMA]) {
            let error = |source| perception.error(Backend::SCALAR, (source, 16), (&[128; 256], 16), (16, 16));
            assert!((error(&alternating) - 256.0 * f64::from(base)).abs() < 0.01);
            let all = base + means.iter().sum::<f32>();
            assert!((error(&flat) - 256.0 * f64::from(all)).abs() < 0.01);
        }
    }

    #[test]
    fn what_is_not_shown_is_no_error() {
        let source = block(8, 8, |x, _| if x < 4 { 107 * 16 } else { -112 * 16 });
        let samples: Vec<u8> = (0..64).map(|i| if i % 8 < 4 { 250 } else { 3 }).collect();
        let [luma, _] = Perception::for_strength(DRAWN_LUMA, 1.0);
        let error = |luma: &Perception| luma.error(Backend::SCALAR, (&source, 8), (&samples, 8), (8, 8));
        assert!(error(&luma) > 1000.0);
        let luma = luma.limited_to_shown();
        assert_eq!(error(&luma), 0.0);
        let mut residual = [1; 64];
        luma.residual(Backend::SCALAR, &source, &samples, &mut residual);
        assert_eq!(residual, [0; 64]);
    }

    #[test]
    fn weights_are_those_of_a_cosine() {
        let [luma, _] = Perception::for_strength(STILL_LUMA, 1.0);
        for (size, k) in [((16, 16), (1, 0)), ((32, 8), (2, 1)), ((8, 8), (0, 0))] {
            let (w, h) = size;
            let cosine = |n: usize, k: usize, i: usize| {
                (std::f64::consts::PI * (2 * i + 1) as f64 * k as f64 / (2 * n) as f64).cos()
            };
            let source = block(w, h, |x, y| (1600.0 * cosine(w, k.0, x) * cosine(h, k.1, y)).round() as i16);
            let samples = vec![128; w * h];
            let plain = source_error(Backend::SCALAR, (&source, w), (&samples, w), size);
            let weight = luma.error(Backend::SCALAR, (&source, w), (&samples, w), size) / plain;
            let table = luma.weights(size).map_or(1.0, |weights| weights[k.1 * w + k.0]);
            // Blocks of 8 count for half of the mean of 16 in each direction.
            assert!((weight - f64::from(table)).abs() < 0.01, "{size:?} {weight} {table}");
        }
    }
}
