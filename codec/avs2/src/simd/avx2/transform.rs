//! Inverse cosine transforms.

use std::arch::x86_64::*;

use crate::recon::{CoefficientBlock, D4, MAX_COEFFICIENTS, MAX_RESIDUAL, T32};
use crate::simd::Backend;

/// Two factors for `_mm256_madd_epi16`.
type Pair = [i16; 2];

/// Matrix rows 2j and 2j + 1, for all samples.
static FULL_4: [[Pair; 4]; 2] = full_pairs(8);
static FULL_8: [[Pair; 8]; 4] = full_pairs(4);
static FULL_D4: [[Pair; 4]; 2] = {
    let mut pairs = [[[0; 2]; 4]; 2];
    let mut at = 0;
    while at < 8 {
        let (j, i) = (at / 4, at % 4);
        pairs[j][i] = [D4[2 * j][i] as i16, D4[2 * j + 1][i] as i16];
        at += 1;
    }
    pairs
};
/// For the first half of the samples: entry 2j the rows 4j and 4j + 2, entry 2j + 1 the rows 4j + 1 and 4j + 3.
static HALF_16: [[Pair; 8]; 8] = half_pairs(2);
static HALF_32: [[Pair; 16]; 16] = half_pairs(1);

const fn full_pairs<const N: usize, const P: usize>(step: usize) -> [[Pair; N]; P] {
    let mut pairs = [[[0; 2]; N]; P];
    let mut at = 0;
    while at < N * P {
        let (j, i) = (at / N, at % N);
        pairs[j][i] = [T32[2 * j * step][i] as i16, T32[(2 * j + 1) * step][i] as i16];
        at += 1;
    }
    pairs
}

const fn half_pairs<const N: usize, const P: usize>(step: usize) -> [[Pair; N]; P] {
    let mut pairs = [[[0; 2]; N]; P];
    let mut at = 0;
    while at < N * P {
        let (j, i) = (at / N, at % N);
        let k = 4 * (j / 2) + j % 2;
        pairs[j][i] = [T32[k * step][i] as i16, T32[(k + 2) * step][i] as i16];
        at += 1;
    }
    pairs
}

/// Shift and greatest value of the second step.
#[derive(Clone, Copy)]
struct Rounding {
    shift: i32,
    max: i16,
}

/// The transform without secondary transform and wavelet (docs/spec/avs2#b4.2); `wavelet` selects its rounding.
pub(crate) fn inverse_transform(
    backend: Backend,
    block: &CoefficientBlock,
    wavelet: bool,
    residual: &mut [i16; MAX_RESIDUAL],
) -> bool {
    let is_size = |n: usize| matches!(n, 4 | 8 | 16 | 32);
    if !backend.has_avx2()
        || !is_size(block.width)
        || !is_size(block.height)
        || block.nonzero_width > block.width
        || block.nonzero_height > block.height
    {
        return false;
    }
    let rounding = if wavelet { Rounding { shift: 11, max: 511 } } else { Rounding { shift: 12, max: 255 } };
    // SAFETY: AVX2 was checked; the sizes fit into the arrays.
    unsafe {
        let mut columns = [0; MAX_COEFFICIENTS];
        column_step(block, &mut columns);
        row_step(&columns, block, rounding, residual);
    }
    true
}

/// The transform of 4x4 luma intra blocks (docs/spec/avs2#b4.3).
pub(crate) fn small_secondary(
    backend: Backend,
    block: &CoefficientBlock,
    residual: &mut [i16; MAX_RESIDUAL],
) -> bool {
    if !backend.has_avx2() || (block.width, block.height) != (4, 4) {
        return false;
    }
    let mut columns = [0; 16];
    // SAFETY: AVX2 was checked; all arrays hold 16 values.
    unsafe {
        column_4x4(&block.coefficients, 2, &FULL_D4, &mut columns);
        rows_of_4(&columns, 4, &FULL_D4, Rounding { shift: 14, max: 255 }, residual);
    }
    true
}

/// Whether the second step works on pairs of even and of odd columns.
fn uses_halves(width: usize) -> bool {
    width >= 16
}

#[target_feature(enable = "avx2")]
unsafe fn column_step(block: &CoefficientBlock, columns: &mut [i16; MAX_COEFFICIENTS]) {
    // SAFETY: the caller guarantees the sizes.
    unsafe {
        if block.width == 4 {
            return match block.height {
                4 => column_4x4(&block.coefficients, block.nonzero_height.div_ceil(2), &FULL_4, columns),
                8 => column_4xn(block, &FULL_8, columns),
                _ => column_4xn_half(block, columns),
            };
        }
        for x in (0..block.nonzero_width).step_by(8) {
            match block.height {
                4 => column_full(block, x, &FULL_4, columns),
                8 => column_full(block, x, &FULL_8, columns),
                16 => column_half(block, x, &HALF_16, columns),
                _ => column_half(block, x, &HALF_32, columns),
            }
        }
    }
}

/// Rows `a` and `b` of eight columns, interleaved.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn interleave(block: &CoefficientBlock, x: usize, a: usize, b: usize) -> __m256i {
    // SAFETY: the caller guarantees that the rows and eight columns exist.
    unsafe {
        let row = |k: usize| _mm_loadu_si128(block.coefficients.as_ptr().add(k * block.width + x).cast());
        let (a, b) = (row(a), row(b));
        _mm256_set_m128i(_mm_unpackhi_epi16(a, b), _mm_unpacklo_epi16(a, b))
    }
}

#[inline]
#[target_feature(enable = "avx2")]
unsafe fn broadcast(pair: &Pair) -> __m256i {
    // SAFETY: a pair has four bytes.
    unsafe { _mm256_set1_epi32(pair.as_ptr().cast::<i32>().read_unaligned()) }
}

/// Rounds and stores row `y` of eight columns, in the order that the second step wants.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn store_columns(sum: __m256i, block: &CoefficientBlock, x: usize, y: usize, columns: &mut [i16]) {
    // SAFETY: the caller guarantees that the row and eight columns exist.
    unsafe {
        let sum = _mm256_srai_epi32::<5>(_mm256_add_epi32(sum, _mm256_set1_epi32(16)));
        let mut row = _mm_packs_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256::<1>(sum));
        if uses_halves(block.width) {
            row = _mm_shufflehi_epi16::<0b11_01_10_00>(_mm_shufflelo_epi16::<0b11_01_10_00>(row));
        }
        _mm_storeu_si128(columns.as_mut_ptr().add(y * block.width + x).cast(), row);
    }
}

#[inline]
#[target_feature(enable = "avx2")]
unsafe fn column_full<const N: usize, const P: usize>(
    block: &CoefficientBlock,
    x: usize,
    pairs: &[[Pair; N]; P],
    columns: &mut [i16],
) {
    // SAFETY: the caller guarantees that the block has N rows and eight columns from `x` on.
    unsafe {
        let count = block.nonzero_height.div_ceil(2);
        let mut inputs = [_mm256_setzero_si256(); P];
        for (j, input) in inputs.iter_mut().enumerate().take(count) {
            *input = interleave(block, x, 2 * j, 2 * j + 1);
        }
        for y in 0..N {
            let mut sum = _mm256_setzero_si256();
            for j in 0..count {
                sum = _mm256_add_epi32(sum, _mm256_madd_epi16(inputs[j], broadcast(&pairs[j][y])));
            }
            store_columns(sum, block, x, y, columns);
        }
    }
}

#[inline]
#[target_feature(enable = "avx2")]
unsafe fn column_half<const N: usize, const P: usize>(
    block: &CoefficientBlock,
    x: usize,
    pairs: &[[Pair; N]; P],
    columns: &mut [i16],
) {
    // SAFETY: the caller guarantees that the block has 2N rows and eight columns from `x` on.
    unsafe {
        let count = block.nonzero_height.div_ceil(4);
        let mut inputs = [_mm256_setzero_si256(); P];
        for j in 0..count {
            inputs[2 * j] = interleave(block, x, 4 * j, 4 * j + 2);
            inputs[2 * j + 1] = interleave(block, x, 4 * j + 1, 4 * j + 3);
        }
        for y in 0..N {
            let mut even = _mm256_setzero_si256();
            let mut odd = _mm256_setzero_si256();
            for j in 0..count {
                even = _mm256_add_epi32(even, _mm256_madd_epi16(inputs[2 * j], broadcast(&pairs[2 * j][y])));
                odd = _mm256_add_epi32(
                    odd,
                    _mm256_madd_epi16(inputs[2 * j + 1], broadcast(&pairs[2 * j + 1][y])),
                );
            }
            store_columns(_mm256_add_epi32(even, odd), block, x, y, columns);
            store_columns(_mm256_sub_epi32(even, odd), block, x, 2 * N - 1 - y, columns);
        }
    }
}

/// Rows `a` and `b` of a block of four columns, interleaved.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn interleave_4(coefficients: &[i16], a: usize, b: usize) -> __m128i {
    // SAFETY: the caller guarantees that the rows exist.
    unsafe {
        let row = |k: usize| _mm_loadl_epi64(coefficients.as_ptr().add(4 * k).cast());
        _mm_unpacklo_epi16(row(a), row(b))
    }
}

#[inline]
#[target_feature(enable = "avx2")]
unsafe fn store_4(sum: __m128i, y: usize, columns: &mut [i16]) {
    // SAFETY: the caller guarantees that the row exists.
    unsafe {
        let sum = _mm_srai_epi32::<5>(_mm_add_epi32(sum, _mm_set1_epi32(16)));
        _mm_storel_epi64(columns.as_mut_ptr().add(4 * y).cast(), _mm_packs_epi32(sum, sum));
    }
}

#[target_feature(enable = "avx2")]
unsafe fn column_4x4(coefficients: &[i16], count: usize, pairs: &[[Pair; 4]; 2], columns: &mut [i16]) {
    // SAFETY: the caller guarantees 16 values in both arrays.
    unsafe {
        let inputs = [interleave_4(coefficients, 0, 1), interleave_4(coefficients, 2, 3)];
        for y in 0..4 {
            let mut sum = _mm_setzero_si128();
            for j in 0..count {
                let factors = _mm256_castsi256_si128(broadcast(&pairs[j][y]));
                sum = _mm_add_epi32(sum, _mm_madd_epi16(inputs[j], factors));
            }
            store_4(sum, y, columns);
        }
    }
}

#[inline]
#[target_feature(enable = "avx2")]
unsafe fn column_4xn<const N: usize, const P: usize>(
    block: &CoefficientBlock,
    pairs: &[[Pair; N]; P],
    columns: &mut [i16],
) {
    // SAFETY: the caller guarantees that the block has four columns and N rows.
    unsafe {
        for y in 0..N {
            let mut sum = _mm_setzero_si128();
            for j in 0..block.nonzero_height.div_ceil(2) {
                let factors = _mm256_castsi256_si128(broadcast(&pairs[j][y]));
                let input = interleave_4(&block.coefficients, 2 * j, 2 * j + 1);
                sum = _mm_add_epi32(sum, _mm_madd_epi16(input, factors));
            }
            store_4(sum, y, columns);
        }
    }
}

#[inline]
#[target_feature(enable = "avx2")]
unsafe fn column_4xn_half(block: &CoefficientBlock, columns: &mut [i16]) {
    // SAFETY: the caller guarantees that the block has four columns and 16 or 32 rows.
    unsafe {
        let n = block.height / 2;
        for y in 0..n {
            let mut even = _mm_setzero_si128();
            let mut odd = _mm_setzero_si128();
            for j in 0..block.nonzero_height.div_ceil(4) {
                let factors = |i: usize| {
                    let pair = if n == 8 { &HALF_16[i][y] } else { &HALF_32[i][y] };
                    _mm256_castsi256_si128(broadcast(pair))
                };
                let a = interleave_4(&block.coefficients, 4 * j, 4 * j + 2);
                let b = interleave_4(&block.coefficients, 4 * j + 1, 4 * j + 3);
                even = _mm_add_epi32(even, _mm_madd_epi16(a, factors(2 * j)));
                odd = _mm_add_epi32(odd, _mm_madd_epi16(b, factors(2 * j + 1)));
            }
            store_4(_mm_add_epi32(even, odd), y, columns);
            store_4(_mm_sub_epi32(even, odd), 2 * n - 1 - y, columns);
        }
    }
}

#[target_feature(enable = "avx2")]
unsafe fn row_step(
    columns: &[i16; MAX_COEFFICIENTS],
    block: &CoefficientBlock,
    rounding: Rounding,
    residual: &mut [i16; MAX_RESIDUAL],
) {
    // SAFETY: the caller guarantees the sizes.
    unsafe {
        match block.width {
            4 => rows_of_4(columns, block.height, &FULL_4, rounding, residual),
            8 => rows_of_8(columns, block, rounding, residual),
            16 => rows_half::<8, 8, 1>(columns, block, &HALF_16, rounding, residual),
            _ => rows_half::<16, 16, 2>(columns, block, &HALF_32, rounding, residual),
        }
    }
}

#[inline]
#[target_feature(enable = "avx2")]
unsafe fn round(sum: __m256i, shift: i32) -> __m256i {
    // SAFETY: the callers have AVX2.
    unsafe {
        let half = _mm256_set1_epi32(1 << (shift - 1));
        _mm256_sra_epi32(_mm256_add_epi32(sum, half), _mm_cvtsi32_si128(shift))
    }
}

#[inline]
#[target_feature(enable = "avx2")]
unsafe fn clip(values: __m256i, max: i16) -> __m256i {
    // SAFETY: the callers have AVX2.
    unsafe { _mm256_max_epi16(_mm256_min_epi16(values, _mm256_set1_epi16(max)), _mm256_set1_epi16(-max - 1)) }
}

/// Pair `j` of a row.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn row_pair(columns: &[i16], at: usize) -> i32 {
    // SAFETY: the caller guarantees two values.
    unsafe { columns.as_ptr().add(at).cast::<i32>().read_unaligned() }
}

#[target_feature(enable = "avx2")]
unsafe fn rows_of_4(
    columns: &[i16],
    height: usize,
    pairs: &[[Pair; 4]; 2],
    rounding: Rounding,
    residual: &mut [i16; MAX_RESIDUAL],
) {
    // SAFETY: the caller guarantees 4 * `height` values; `height` is a multiple of 4.
    unsafe {
        let factors =
            [0, 1].map(|j: usize| _mm256_broadcastsi128_si256(_mm_loadu_si128(pairs[j].as_ptr().cast())));
        let two_rows = |y: usize| {
            let both = |j: usize| {
                let [a, b] = [4 * y, 4 * y + 4].map(|at| _mm_set1_epi32(row_pair(columns, at + 2 * j)));
                _mm256_madd_epi16(_mm256_set_m128i(b, a), factors[j])
            };
            round(_mm256_add_epi32(both(0), both(1)), rounding.shift)
        };
        for y in (0..height).step_by(4) {
            // Lanes hold rows y, y + 2 and y + 1, y + 3.
            let rows = clip(_mm256_packs_epi32(two_rows(y), two_rows(y + 2)), rounding.max);
            let rows = _mm256_permute4x64_epi64::<0b11_01_10_00>(rows);
            _mm256_storeu_si256(residual.as_mut_ptr().add(4 * y).cast(), rows);
        }
    }
}

#[inline]
#[target_feature(enable = "avx2")]
unsafe fn rows_of_8(
    columns: &[i16; MAX_COEFFICIENTS],
    block: &CoefficientBlock,
    rounding: Rounding,
    residual: &mut [i16; MAX_RESIDUAL],
) {
    // SAFETY: the caller guarantees that the block has eight columns; its height is a multiple of 4.
    unsafe {
        let count = block.nonzero_width.div_ceil(2);
        let factors: [__m256i; 4] = std::array::from_fn(|j| _mm256_loadu_si256(FULL_8[j].as_ptr().cast()));
        let row = |y: usize| {
            let mut sum = _mm256_setzero_si256();
            for (j, factors) in factors.iter().enumerate().take(count) {
                let input = _mm256_set1_epi32(row_pair(columns, 8 * y + 2 * j));
                sum = _mm256_add_epi32(sum, _mm256_madd_epi16(input, *factors));
            }
            round(sum, rounding.shift)
        };
        for y in (0..block.height).step_by(2) {
            let rows = clip(_mm256_packs_epi32(row(y), row(y + 1)), rounding.max);
            let rows = _mm256_permute4x64_epi64::<0b11_01_10_00>(rows);
            _mm256_storeu_si256(residual.as_mut_ptr().add(8 * y).cast(), rows);
        }
    }
}

/// Rows of 16 or 32 samples; V vectors hold the first half of a row.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn rows_half<const N: usize, const P: usize, const V: usize>(
    columns: &[i16; MAX_COEFFICIENTS],
    block: &CoefficientBlock,
    pairs: &[[Pair; N]; P],
    rounding: Rounding,
    residual: &mut [i16; MAX_RESIDUAL],
) {
    // SAFETY: the caller guarantees that the block has 2N = 16 V columns.
    unsafe {
        let count = block.nonzero_width.div_ceil(4);
        let reverse = _mm256_setr_epi32(7, 6, 5, 4, 3, 2, 1, 0);
        for y in 0..block.height {
            let mut even = [_mm256_setzero_si256(); V];
            let mut odd = [_mm256_setzero_si256(); V];
            for j in 0..count {
                let a = _mm256_set1_epi32(row_pair(columns, 2 * N * y + 4 * j));
                let b = _mm256_set1_epi32(row_pair(columns, 2 * N * y + 4 * j + 2));
                for v in 0..V {
                    let factors = |i: usize| _mm256_loadu_si256(pairs[i].as_ptr().add(8 * v).cast());
                    even[v] = _mm256_add_epi32(even[v], _mm256_madd_epi16(a, factors(2 * j)));
                    odd[v] = _mm256_add_epi32(odd[v], _mm256_madd_epi16(b, factors(2 * j + 1)));
                }
            }
            let out = residual.as_mut_ptr().add(2 * N * y);
            let first = |v: usize| round(_mm256_add_epi32(even[v], odd[v]), rounding.shift);
            let last = |v: usize| {
                let values = round(_mm256_sub_epi32(even[v], odd[v]), rounding.shift);
                _mm256_permutevar8x32_epi32(values, reverse)
            };
            let store = |at: usize, a: __m256i, b: __m256i| {
                let values = clip(_mm256_packs_epi32(a, b), rounding.max);
                let values = _mm256_permute4x64_epi64::<0b11_01_10_00>(values);
                _mm256_storeu_si256(out.add(at).cast(), values);
            };
            if V == 1 {
                store(0, first(0), last(0));
            } else {
                store(0, first(0), first(1));
                store(16, last(1), last(0));
            }
        }
    }
}
