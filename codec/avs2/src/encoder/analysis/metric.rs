//! Distances between blocks of samples.

use crate::encoder::input::FRACTION_BITS;
use crate::encoder::simd;
use crate::inter::Source;
use crate::multiversion;
use crate::simd::Backend;

/// Sum of squared differences of a source in sixteenths and samples, in squared samples; rows are the second value
/// apart.
pub(in crate::encoder) fn source_error(
    backend: Backend,
    source: (&[i16], usize),
    samples: (&[u8], usize),
    (w, h): (usize, usize),
) -> f64 {
    let sum = simd::source_error(backend, source, samples, (w, h)).unwrap_or_else(|| {
        let row = |y: usize| -> u64 {
            let source = &source.0[y * source.1..][..w];
            let samples = &samples.0[y * samples.1..][..w];
            let difference = |(&a, &b): (&i16, &u8)| i32::from(a) - (i32::from(b) << FRACTION_BITS);
            source.iter().zip(samples).map(|pair| u64::from(difference(pair).pow(2) as u32)).sum()
        };
        (0..h).map(row).sum()
    });
    sum as f64 / f64::from(1 << (2 * FRACTION_BITS))
}

/// Writes source minus prediction, in sixteenths, without gaps.
pub(in crate::encoder) fn source_residual(
    backend: Backend,
    source: &[i16],
    prediction: &[u8],
    out: &mut [i16],
) {
    multiversion::run(
        backend,
        #[inline(always)]
        || {
            for ((out, &a), &b) in out.iter_mut().zip(source).zip(prediction) {
                *out = a - (i16::from(b) << FRACTION_BITS);
            }
        },
    );
}

/// Sum of squares of a residual in sixteenths, in squared samples.
pub(in crate::encoder) fn source_energy(backend: Backend, residual: &[i16]) -> f64 {
    let sum = multiversion::run(
        backend,
        #[inline(always)]
        || {
            // 64 squares of up to 4080 fit into 32 bits.
            let square = |&r: &i16| (i32::from(r) * i32::from(r)) as u32;
            residual.chunks(64).map(|part| u64::from(part.iter().map(square).sum::<u32>())).sum::<u64>()
        },
    );
    sum as f64 / f64::from(1 << (2 * FRACTION_BITS))
}

/// Rows of a source in sixteenths.
#[derive(Clone, Copy)]
pub(in crate::encoder) struct SourceRows<'a> {
    pub samples: &'a [i16],
    /// Rows are this far apart.
    pub stride: usize,
}

/// Sum of squared differences of a source in sixteenths and samples, in squared samples. The sums of differences in
/// squares of 2 x 2 are written to `sums`, row by row.
pub(in crate::encoder) fn squares_error(
    backend: Backend,
    source: SourceRows<'_>,
    samples: Source<'_>,
    (w, h): (usize, usize),
    sums: &mut [i16],
) -> f64 {
    if let Some(sum) = simd::squares_error(backend, source, samples, (w, h), sums) {
        return sum as f64 / f64::from(1 << (2 * FRACTION_BITS));
    }
    for (y, sums) in sums.chunks_exact_mut(w / 2).take(h / 2).enumerate() {
        sums.fill(0);
        for y in 2 * y..2 * y + 2 {
            let source = source.samples[y * source.stride..][..w].chunks_exact(2);
            let samples = samples.samples[y * samples.stride..][..w].chunks_exact(2);
            for ((sum, a), b) in sums.iter_mut().zip(source).zip(samples) {
                *sum += a[0] + a[1] - ((i16::from(b[0]) + i16::from(b[1])) << FRACTION_BITS);
            }
        }
    }
    source_error(backend, (source.samples, source.stride), (samples.samples, samples.stride), (w, h))
}

/// Rows after which [`absolute_difference`] looks at its limit.
const ROWS_AT_A_TIME: usize = 4;

/// Sum of absolute differences of `a`, a block without gaps, and `b`; once it is above `limit`, it may be that of the
/// first rows only.
pub(in crate::encoder) fn absolute_difference(
    backend: Backend,
    a: &[u8],
    b: Source<'_>,
    (w, h): (usize, usize),
    limit: u32,
) -> u32 {
    let sum = match w {
        4 => sum_of_rows::<4>,
        8 => sum_of_rows::<8>,
        16 => sum_of_rows::<16>,
        32 => sum_of_rows::<32>,
        _ => sum_of_rows::<64>,
    };
    sum(backend, a, b, h, limit)
}

fn sum_of_rows<const W: usize>(backend: Backend, a: &[u8], b: Source<'_>, h: usize, limit: u32) -> u32 {
    multiversion::run(
        backend,
        #[inline(always)]
        || {
            let mut sum = 0;
            for y in 0..h {
                let (a, b) = (&a[y * W..][..W], &b.samples[y * b.stride..][..W]);
                for i in 0..W {
                    sum += (i32::from(a[i]) - i32::from(b[i])).unsigned_abs();
                }
                if y % ROWS_AT_A_TIME == ROWS_AT_A_TIME - 1 && sum > limit {
                    break;
                }
            }
            sum
        },
    )
}

/// Sum of absolute Hadamard coefficients of the difference, scaled like a sum of absolute differences; blocks are
/// without gaps.
pub(in crate::encoder) fn hadamard(backend: Backend, a: &[u8], b: &[u8], (w, h): (usize, usize)) -> u32 {
    if w.min(h) < 8 {
        if let Some(sum) = simd::hadamard_4x4(backend, a, b, (w, h)) {
            return sum;
        }
        let mut sum = 0;
        for y in (0..h).step_by(4) {
            for x in (0..w).step_by(4) {
                let diff: [[i32; 4]; 4] = std::array::from_fn(|j| {
                    let at = (y + j) * w + x;
                    std::array::from_fn(|i| i32::from(a[at + i]) - i32::from(b[at + i]))
                });
                sum += hadamard_4x4(diff);
            }
        }
        return sum;
    }
    if let Some(sum) = simd::hadamard_8x8(backend, a, b, (w, h)) {
        return sum;
    }
    let mut sum = 0;
    for y in (0..h).step_by(8) {
        for x in (0..w).step_by(8) {
            let diff: [[i32; 8]; 8] = std::array::from_fn(|j| {
                let at = (y + j) * w + x;
                std::array::from_fn(|i| i32::from(a[at + i]) - i32::from(b[at + i]))
            });
            sum += hadamard_8x8(diff);
        }
    }
    sum
}

fn hadamard_4x4(mut d: [[i32; 4]; 4]) -> u32 {
    let pass = |v: [i32; 4]| {
        let (a, b, c, d) = (v[0] + v[2], v[1] + v[3], v[0] - v[2], v[1] - v[3]);
        [a + b, a - b, c + d, c - d]
    };
    d = d.map(pass);
    let mut sum = 0;
    let [a, b, c, d] = d;
    for (((a, b), c), d) in a.into_iter().zip(b).zip(c).zip(d) {
        sum += pass([a, b, c, d]).iter().map(|v| v.unsigned_abs()).sum::<u32>();
    }
    sum.div_ceil(2)
}

fn hadamard_8x8(mut d: [[i32; 8]; 8]) -> u32 {
    let pass = |mut v: [i32; 8]| {
        for step in [4, 2, 1] {
            let mut next = [0; 8];
            for i in 0..8 {
                let partner = i ^ step;
                next[i] = if i & step == 0 { v[i] + v[partner] } else { v[partner] - v[i] };
            }
            v = next;
        }
        v
    };
    d = d.map(pass);
    let mut sum = 0;
    let columns: [[i32; 8]; 8] = std::array::from_fn(|x| d.map(|row| row[x]));
    for column in columns {
        sum += pass(column).iter().map(|v| v.unsigned_abs()).sum::<u32>();
    }
    (sum + 2) / 4
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SimdLevel;

    #[test]
    fn every_backend_measures_the_same() {
        let mut state = 9_u32;
        let mut block = |n: usize, range: u32| -> Vec<u8> {
            (0..n)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    ((state >> 16) % range) as u8
                })
                .collect()
        };
        let best = Backend::detect(SimdLevel::Auto);
        for size in [(4, 4), (8, 8), (16, 16), (32, 32), (64, 64), (16, 4), (4, 16), (32, 8), (8, 32)] {
            for range in [2, 256] {
                let (a, mut b) = (block(size.0 * size.1, range), block(size.0 * size.1, range));
                if range == 2 {
                    b.fill(255);
                }
                assert_eq!(
                    hadamard(Backend::SCALAR, &a, &b, size),
                    hadamard(best, &a, &b, size),
                    "Hadamard {size:?}"
                );
                let fine: Vec<i16> =
                    a.iter().enumerate().map(|(i, &a)| i16::from(a) * 16 + (i % 16) as i16).collect();
                let error = |backend| source_error(backend, (&fine, size.0), (&b, size.0), size);
                assert_eq!(error(Backend::SCALAR), error(best), "source error {size:?}");
                let mut residual = vec![0; fine.len()];
                for backend in [Backend::SCALAR, best] {
                    source_residual(backend, &fine, &b, &mut residual);
                    assert_eq!(source_energy(backend, &residual), error(best), "energy {size:?}");
                }
                let squares = |backend| {
                    let mut sums = vec![1; fine.len() / 4];
                    let source = SourceRows { samples: &fine, stride: size.0 };
                    let samples = Source { samples: &b, stride: size.0 };
                    let error = squares_error(backend, source, samples, size, &mut sums);
                    (error, sums)
                };
                assert_eq!(squares(Backend::SCALAR), squares(best), "squares {size:?}");
                assert_eq!(squares(best).0, error(best), "squares {size:?}");
            }
        }
    }

    #[test]
    fn absolute_differences_go_row_by_row_to_a_limit() {
        let b: Vec<u8> = (0..80 * 64).map(|i| (i * 31 % 251) as u8).collect();
        let best = Backend::detect(SimdLevel::Auto);
        for (w, h) in [(4, 4), (8, 4), (16, 16), (64, 32), (32, 64), (64, 64)] {
            let a: Vec<u8> = (0..w * h).map(|i| (i * 17 % 256) as u8).collect();
            let row = |y: usize| -> u32 {
                a[y * w..][..w].iter().zip(&b[y * 80..]).map(|(&a, &b)| u32::from(a.abs_diff(b))).sum()
            };
            let all: u32 = (0..h).map(row).sum();
            for backend in [Backend::SCALAR, best] {
                assert_eq!(
                    absolute_difference(backend, &a, Source { samples: &b, stride: 80 }, (w, h), u32::MAX),
                    all
                );
                assert_eq!(
                    absolute_difference(backend, &a, Source { samples: &b, stride: 80 }, (w, h), all),
                    all
                );
                assert!(absolute_difference(backend, &a, Source { samples: &b, stride: 80 }, (w, h), 5) > 5);
            }
        }
    }

    #[test]
    fn equal_blocks_have_no_distance() {
        let a = [7; 64];
        assert_eq!(hadamard(Backend::SCALAR, &a, &a, (8, 8)), 0);
        assert_eq!(hadamard(Backend::SCALAR, &a, &[9; 64], (8, 8)), 32);
        let sixteenths = [7 * 16 + 8; 64];
        assert_eq!(source_error(Backend::SCALAR, (&sixteenths, 8), (&[9; 64], 8), (8, 8)), 64.0 * 2.25);
    }
}
