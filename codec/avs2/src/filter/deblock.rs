//! Deblocking (docs/spec/avs2#b6).

use super::edge;
use crate::headers::DeblockingParameters;
use crate::recon::chroma_qp;
use crate::simd::Backend;
use crate::simd::kernels;

#[rustfmt::skip]
const ALPHA: [u8; 64] = [
     0,  0,  0,  0,  0,  0,  1,  1,  1,  1,  1,  2,  2,  2,  3,  3,
     4,  4,  5,  5,  6,  7,  8,  9, 10, 11, 12, 13, 15, 16, 18, 20,
    22, 24, 26, 28, 30, 33, 33, 35, 35, 36, 37, 37, 39, 39, 42, 44,
    46, 48, 50, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64,
];

#[rustfmt::skip]
const BETA: [u8; 64] = [
     0,  0,  0,  0,  0,  0,  1,  1,  1,  1,  1,  1,  1,  2,  2,  2,
     2,  2,  3,  3,  3,  3,  4,  4,  4,  4,  5,  5,  5,  5,  6,  6,
     6,  7,  7,  7,  8,  8,  8,  9,  9, 10, 10, 11, 11, 12, 13, 14,
    15, 16, 17, 18, 19, 20, 21, 22, 23, 23, 24, 24, 25, 25, 26, 27,
];

/// Thresholds of an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    /// Steps across the edge from this size on are left alone.
    pub alpha: u8,
    /// Differences beside the edge below this count as smooth.
    pub beta: u8,
}

impl Thresholds {
    /// From the QPs on both sides (docs/spec/avs2#b6.4).
    #[must_use]
    pub fn new(parameters: &DeblockingParameters, qp_p: u8, qp_q: u8) -> Self {
        Self::of_average(parameters, (qp_p + qp_q + 1) >> 1)
    }

    /// For a chroma plane from the luma QPs on both sides. Their average is mapped, not each of them: the conformance
    /// streams decide between the two readings of docs/spec/avs2#b6.4.
    #[must_use]
    pub fn of_chroma(parameters: &DeblockingParameters, qp_p: u8, qp_q: u8, delta: i8) -> Self {
        Self::of_average(parameters, chroma_qp((qp_p + qp_q + 1) >> 1, delta))
    }

    fn of_average(parameters: &DeblockingParameters, average: u8) -> Self {
        let index = |offset: i8| (i32::from(average) + i32::from(offset)).clamp(0, 63) as usize;
        Self { alpha: ALPHA[index(parameters.alpha_c_offset)], beta: BETA[index(parameters.beta_offset)] }
    }
}

/// An edge unit: `count` lines (8 in luma, 4 in chroma) beginning at one sample.
#[derive(Debug, Clone, Copy)]
pub struct EdgeUnit {
    /// Index of the first sample after the edge in the first line.
    pub q0: usize,
    /// Distance of rows.
    pub stride: usize,
    /// Number of lines.
    pub count: usize,
    /// Bits of [`edge`](super::edge): the halves to filter.
    pub halves: u8,
    /// Thresholds.
    pub thresholds: Thresholds,
    /// Chroma is filtered less.
    pub chroma: bool,
}

impl EdgeUnit {
    /// Filters a vertical edge.
    pub fn filter_vertical(&self, backend: Backend, samples: &mut [u8]) {
        if kernels::filter_vertical_edge(backend, samples, self) {
            return;
        }
        self.filter(samples, Strides { across: 1, along: self.stride });
    }

    /// Filters a horizontal edge.
    pub fn filter_horizontal(&self, backend: Backend, samples: &mut [u8]) {
        if kernels::filter_horizontal_edge(backend, samples, self) {
            return;
        }
        self.filter(samples, Strides { across: self.stride, along: 1 });
    }

    fn filter(&self, samples: &mut [u8], strides: Strides) {
        let half = self.count / 2;
        for (bit, start) in [(edge::FIRST_HALF, 0), (edge::SECOND_HALF, half)] {
            if self.halves & bit != 0 {
                let q0 = self.q0 + start * strides.along;
                filter_edge(samples, q0, strides, half, self.thresholds, self.chroma);
            }
        }
    }
}

/// Distances of samples on a line across an edge, and of the lines.
#[derive(Debug, Clone, Copy)]
struct Strides {
    across: usize,
    along: usize,
}

/// Filters `count` lines across an edge (docs/spec/avs2#b6.5).
///
/// `q0` is the index of the first sample after the edge.
fn filter_edge(
    samples: &mut [u8],
    q0: usize,
    strides: Strides,
    count: usize,
    thresholds: Thresholds,
    chroma: bool,
) {
    for i in 0..count {
        filter_line(samples, q0 + i * strides.along, strides.across, thresholds, chroma);
    }
}

#[inline]
fn filter_line(samples: &mut [u8], q0: usize, step: usize, thresholds: Thresholds, chroma: bool) {
    let at = |i: usize| i32::from(samples[q0 + i * step - 3 * step]);
    let (alpha, beta) = (i32::from(thresholds.alpha), i32::from(thresholds.beta));
    let (p0, q0s) = (at(2), at(3));
    let d = (p0 - q0s).abs();
    if d <= 1 || d >= alpha {
        return;
    }
    let p = [p0, at(1), at(0)];
    let q = [q0s, at(4), at(5)];
    let smooth =
        |s: [i32; 3]| 2 * i32::from((s[1] - s[0]).abs() < beta) + i32::from((s[2] - s[0]).abs() < beta);
    let (fp, fq) = (smooth(p), smooth(q));
    let flat = p[1] == p[0] && q[1] == q[0];
    let mut strength = match fp + fq {
        6 => 3 + i32::from(flat),
        5 => 2 + i32::from(flat),
        4 => 1 + i32::from(fp == 2),
        3 => i32::from((p[1] - q[1]).abs() < beta),
        _ => 0,
    };
    if chroma {
        strength = (strength - 1).max(0);
    }
    let (new_p, new_q) = (filter_side(strength, p, q), filter_side(strength, q, p));
    for i in 0..3 {
        samples[q0 - (i + 1) * step] = new_p[i] as u8;
        samples[q0 + i * step] = new_q[i] as u8;
    }
}

/// The new samples of side `p`, nearest first.
#[inline]
fn filter_side(strength: i32, p: [i32; 3], q: [i32; 3]) -> [i32; 3] {
    match strength {
        4 => [
            (9 * p[0] + 9 * p[2] + 8 * q[0] + 6 * q[2] + 16) >> 5,
            (7 * p[0] + 6 * p[2] + 3 * q[0] + 8) >> 4,
            (4 * p[0] + 3 * p[2] + q[0] + 4) >> 3,
        ],
        3 => [
            (p[2] + 4 * p[1] + 6 * p[0] + 4 * q[0] + q[1] + 8) >> 4,
            (3 * p[2] + 8 * p[1] + 4 * p[0] + q[0] + 8) >> 4,
            p[2],
        ],
        2 => [(3 * p[1] + 10 * p[0] + 3 * q[0] + 8) >> 4, p[1], p[2]],
        1 => [(3 * p[0] + q[0] + 2) >> 2, p[1], p[2]],
        _ => p,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::tests::{Random, levels};

    #[test]
    fn every_backend_gives_the_same() {
        let mut random = Random(2);
        let stride = 24;
        for _ in 0..20_000 {
            let mean = random.sample();
            let spread = [2, 6, 20, 100][random.below(4)];
            let samples: Vec<u8> = (0..stride * 24)
                .map(|_| mean.saturating_add_signed((random.below(2 * spread) as i32 - spread as i32) as i8))
                .collect();
            let unit = EdgeUnit {
                q0: 8 * stride + 8,
                stride,
                count: [4, 8][random.below(2)],
                halves: random.below(4) as u8,
                thresholds: Thresholds { alpha: random.below(65) as u8, beta: random.below(28) as u8 },
                chroma: random.below(2) == 1,
            };
            for filter in [EdgeUnit::filter_vertical, EdgeUnit::filter_horizontal] {
                let filtered = |backend| {
                    let mut samples = samples.clone();
                    filter(&unit, backend, &mut samples);
                    samples
                };
                for backend in levels() {
                    assert_eq!(filtered(backend), filtered(Backend::SCALAR), "{unit:?} {backend:?}");
                }
            }
        }
    }

    #[test]
    fn thresholds_use_the_rounded_average() {
        let parameters = DeblockingParameters { alpha_c_offset: 2, beta_offset: -8 };
        assert_eq!(Thresholds::new(&parameters, 30, 33), Thresholds { alpha: ALPHA[34], beta: BETA[24] });
        assert_eq!(Thresholds::new(&parameters, 63, 63), Thresholds { alpha: 64, beta: BETA[55] });
        assert_eq!(Thresholds::new(&parameters, 0, 1), Thresholds { alpha: 0, beta: 0 });
    }

    #[test]
    fn each_strength() {
        let filter = |mut line: [u8; 6], chroma| {
            filter_edge(
                &mut line,
                3,
                Strides { across: 1, along: 6 },
                1,
                Thresholds { alpha: 20, beta: 6 },
                chroma,
            );
            line
        };
        assert_eq!(filter([50, 50, 50, 51, 51, 51], false), [50, 50, 50, 51, 51, 51], "step of 1");
        assert_eq!(filter([50, 50, 50, 70, 70, 70], false), [50, 50, 50, 70, 70, 70], "step of alpha");
        assert_eq!(filter([50, 50, 50, 60, 60, 60], false), [51, 52, 54, 56, 58, 59], "strength 4");
        assert_eq!(filter([50, 51, 50, 60, 60, 60], false), [50, 51, 53, 57, 59, 60], "strength 3");
        assert_eq!(filter([50, 51, 50, 60, 60, 60], true)[1..5], [51, 52, 58, 60], "chroma one less");
        assert_eq!(filter([40, 70, 50, 60, 90, 99], false), [40, 70, 50, 60, 90, 99], "strength 0");
    }
}
