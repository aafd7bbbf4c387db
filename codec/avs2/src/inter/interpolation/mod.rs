//! Sample interpolation (docs/spec/avs2#c12.2 and #c12.3).
//!
//! The kernels filter a source that holds all taps; [`compensation`](super::compensation) prepares it. Luma has 8 taps
//! at quarter samples, chroma 4 taps at eighth samples.

mod scalar;
mod simd;

use crate::simd::Backend;

/// Table 12-1; taps at -3..=4.
pub(super) const LUMA: [[i8; 8]; 4] = [
    [0, 0, 0, 64, 0, 0, 0, 0],
    [-1, 4, -10, 57, 19, -7, 3, -1],
    [-1, 4, -11, 40, 40, -11, 4, -1],
    [-1, 3, -7, 19, 57, -10, 4, -1],
];

/// Table 12-2; taps at -1..=2.
pub(super) const CHROMA: [[i8; 4]; 8] = [
    [0, 64, 0, 0],
    [-4, 62, 6, 0],
    [-6, 56, 15, -1],
    [-5, 47, 25, -3],
    [-4, 36, 36, -4],
    [-3, 25, 47, -5],
    [-1, 15, 56, -6],
    [0, 6, 62, -4],
];

/// Largest prediction block.
pub(super) const MAX_SIZE: usize = 64;
/// Samples that a kernel may read behind the last tap of a row.
pub(super) const SLACK: usize = 16;

/// Samples with a row length; where they are filtered, the first sample is that of the first tap.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) samples: &'a [u8],
    pub(crate) stride: usize,
}

/// Where `width` x `height` predicted samples go.
pub(super) struct Target<'a> {
    pub(super) samples: &'a mut [u8],
    pub(super) stride: usize,
    pub(super) width: usize,
    pub(super) height: usize,
}

/// Horizontal results of the two-dimensional filter, rows of [`MAX_SIZE`] values.
pub(super) type Rows = [i16; MAX_SIZE * (MAX_SIZE + 8)];

/// Which filters to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kernels {
    Scalar,
    Vectors,
}

impl Kernels {
    pub(super) fn new(backend: Backend) -> Self {
        if backend.has_vectors() {
            return Self::Vectors;
        }
        Self::Scalar
    }

    /// Filters in one direction; `step` is the distance of two taps: 1 horizontally, the row length vertically.
    pub(super) fn filter_1d<const TAPS: usize>(
        self,
        source: Source<'_>,
        step: usize,
        taps: &[i8; TAPS],
        target: &mut Target<'_>,
    ) {
        if self == Self::Vectors && simd::filter_1d(source, step, taps, target) {
            return;
        }
        scalar::filter_1d(source, step, taps, target);
    }

    /// Filters horizontally and then vertically, without rounding between.
    pub(super) fn filter_2d<const TAPS: usize>(
        self,
        source: Source<'_>,
        (horizontal, vertical): (&[i8; TAPS], &[i8; TAPS]),
        rows: &mut Rows,
        target: &mut Target<'_>,
    ) {
        if self == Self::Vectors && simd::filter_2d(source, (horizontal, vertical), rows, target) {
            return;
        }
        scalar::filter_2d(source, (horizontal, vertical), rows, target);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SimdLevel;

    struct Random(u32);

    impl Random {
        fn below(&mut self, n: u32) -> u32 {
            self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (self.0 >> 8) % n
        }
    }

    const STRIDE: usize = 96;

    fn predict<const TAPS: usize>(
        kernels: Kernels,
        samples: &[u8],
        taps: (&[i8; TAPS], &[i8; TAPS]),
        mode: u32,
        (width, height): (usize, usize),
    ) -> Vec<u8> {
        let mut out = vec![77; MAX_SIZE * MAX_SIZE];
        let mut target = Target { samples: &mut out, stride: MAX_SIZE, width, height };
        let source = Source { samples, stride: STRIDE };
        match mode {
            0 => kernels.filter_1d(source, 1, taps.0, &mut target),
            1 => kernels.filter_1d(source, STRIDE, taps.1, &mut target),
            _ => kernels.filter_2d(source, taps, &mut [0; MAX_SIZE * (MAX_SIZE + 8)], &mut target),
        }
        out
    }

    #[test]
    fn simd_equals_scalar() {
        let best = Kernels::new(Backend::detect(SimdLevel::Auto));
        let mut r = Random(3);
        for round in 0..600 {
            let samples: Vec<u8> = (0..STRIDE * 80)
                .map(|_| match round % 3 {
                    0 => r.below(256) as u8,
                    1 => 255 * r.below(2) as u8,
                    _ => 100 + r.below(40) as u8,
                })
                .collect();
            let luma = [4, 8, 12, 16, 24, 32, 48, 64];
            let size = (luma[r.below(8) as usize], luma[r.below(8) as usize]);
            let mode = r.below(3);
            let taps = (&LUMA[r.below(4) as usize], &LUMA[r.below(4) as usize]);
            assert_eq!(
                predict(best, &samples, taps, mode, size),
                predict(Kernels::Scalar, &samples, taps, mode, size),
                "luma {size:?} {mode} {taps:?}"
            );
            let size = (size.0 / 2, size.1 / 2);
            let taps = (&CHROMA[r.below(8) as usize], &CHROMA[r.below(8) as usize]);
            assert_eq!(
                predict(best, &samples, taps, mode, size),
                predict(Kernels::Scalar, &samples, taps, mode, size),
                "chroma {size:?} {mode} {taps:?}"
            );
        }
    }

    #[test]
    fn filters_of_constant_samples_keep_them() {
        let samples = vec![201; STRIDE * 80];
        for taps in &LUMA {
            assert_eq!(taps.iter().map(|&t| i32::from(t)).sum::<i32>(), 64);
            let out = predict(Kernels::Scalar, &samples, (taps, &LUMA[1]), 2, (64, 64));
            assert!(out.iter().all(|&v| v == 201));
        }
        for taps in &CHROMA {
            assert_eq!(taps.iter().map(|&t| i32::from(t)).sum::<i32>(), 64);
        }
    }
}
