//! Inverse cosine transforms.

use crate::recon::{CoefficientBlock, D4, MAX_COEFFICIENTS, MAX_RESIDUAL, S4, T32};
use crate::simd::Backend;
use crate::simd::vector::{I16x8, I16x16, I32x4, I32x8, Pairs4, Pairs8, Vector};

/// Two factors.
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
static SECONDARY: [[Pair; 4]; 2] = {
    let mut pairs = [[[0; 2]; 4]; 2];
    let mut at = 0;
    while at < 8 {
        let (j, i) = (at / 4, at % 4);
        pairs[j][i] = [S4[2 * j][i] as i16, S4[2 * j + 1][i] as i16];
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
    shift: u32,
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
    if !backend.has_vectors()
        || !is_size(block.width)
        || !is_size(block.height)
        || block.nonzero_width > block.width
        || block.nonzero_height > block.height
    {
        return false;
    }
    let rounding = if wavelet { Rounding { shift: 11, max: 511 } } else { Rounding { shift: 12, max: 255 } };
    // What lies behind the residual of as many samples as coefficients is free for the first step.
    let Some((residual, rest)) = residual.split_first_chunk_mut() else { return false };
    let Some(columns) = rest.first_chunk_mut() else { return false };
    // SAFETY: the instructions were checked; the sizes fit into the arrays.
    unsafe {
        column_step(block, columns);
        row_step(columns, block, rounding, residual);
    }
    true
}

/// The transform of 4x4 luma intra blocks (docs/spec/avs2#b4.3).
pub(crate) fn small_secondary(
    backend: Backend,
    block: &CoefficientBlock,
    residual: &mut [i16; MAX_RESIDUAL],
) -> bool {
    if !backend.has_vectors() || (block.width, block.height) != (4, 4) {
        return false;
    }
    let Some((residual, _)) = residual.split_first_chunk_mut() else { return false };
    let mut columns = [0; 16];
    // SAFETY: the instructions were checked; all arrays hold 16 values.
    unsafe {
        column_4x4(&block.coefficients, 2, &FULL_D4, &mut columns);
        rows_of_4(&columns, 4, &FULL_D4, Rounding { shift: 14, max: 255 }, residual);
    }
    true
}

/// The transform of the first 4x4 coefficients of a luma intra block (docs/spec/avs2#b4.4).
pub(crate) fn large_secondary(
    backend: Backend,
    block: &mut CoefficientBlock,
    horizontal: bool,
    vertical: bool,
) -> bool {
    if !backend.has_vectors() || !matches!(block.width, 4..=32) || !matches!(block.height, 4..=32) {
        return false;
    }
    // SAFETY: the instructions were checked, and that the block has four rows and columns.
    unsafe { secondary(block, horizontal, vertical) };
    true
}

#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
unsafe fn secondary(block: &mut CoefficientBlock, horizontal: bool, vertical: bool) {
    // SAFETY: the caller guarantees four rows of four coefficients; `corner` holds as many.
    unsafe {
        let width = block.width;
        let first = block.coefficients.as_mut_ptr();
        let row = |y: usize| first.add(y * width).cast::<u64>();
        let mut corner = [0_i16; 16];
        for y in 0..4 {
            corner.as_mut_ptr().add(4 * y).cast::<u64>().write_unaligned(row(y).read_unaligned());
        }
        if horizontal {
            let factors = [0, 1].map(|j: usize| Pairs8::repeat(I16x8::load(SECONDARY[j].as_ptr())));
            let two_rows = |y: usize| {
                let both = |j: usize| {
                    let [a, b] = [4 * y, 4 * y + 4].map(|at| pair_at(&corner, at + 2 * j));
                    Pairs8::splat_halves(a, b)
                };
                round(I32x8::splat(0).mul_add(both(0), factors[0]).mul_add(both(1), factors[1]), 7)
            };
            let rows = two_rows(0).pack_with(two_rows(2));
            rows.store(corner.as_mut_ptr());
        }
        let inputs = [row_pairs_4(&corner, 0, 1), row_pairs_4(&corner, 2, 3)];
        for y in 0..4 {
            let column = |j: usize| Pairs4::splat(SECONDARY[j][y]);
            let sum = I32x4::splat(64).mul_add(inputs[0], column(0)).mul_add(inputs[1], column(1));
            let new = if vertical {
                sum.shr(7).pack_u64()
            } else {
                corner.as_ptr().add(4 * y).cast::<u64>().read_unaligned()
            };
            row(y).write_unaligned(new);
        }
    }
}

/// Whether the second step works on pairs of even and of odd columns.
fn uses_halves(width: usize) -> bool {
    width >= 16
}

#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
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

/// Rows `a` and `b` of eight columns as pairs.
#[inline]
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
unsafe fn row_pairs(block: &CoefficientBlock, x: usize, a: usize, b: usize) -> Pairs8 {
    // SAFETY: the caller guarantees that the rows and eight columns exist.
    unsafe {
        let row = |k: usize| I16x8::load(block.coefficients.as_ptr().add(k * block.width + x));
        Pairs8::zip(row(a), row(b))
    }
}

/// Rounds and stores row `y` of eight columns, in the order that the second step wants.
#[inline]
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
unsafe fn store_columns(sum: I32x8, block: &CoefficientBlock, x: usize, y: usize, columns: &mut [i16]) {
    let mut row = sum.add(I32x8::splat(16)).shr(5).pack();
    if uses_halves(block.width) {
        row = row.swap_middle();
    }
    // SAFETY: the caller guarantees that the row and eight columns exist.
    unsafe { row.store(columns.as_mut_ptr().add(y * block.width + x)) };
}

#[inline]
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
unsafe fn column_full<const N: usize, const P: usize>(
    block: &CoefficientBlock,
    x: usize,
    pairs: &[[Pair; N]; P],
    columns: &mut [i16],
) {
    // SAFETY: the caller guarantees that the block has N rows and eight columns from `x` on.
    unsafe {
        let count = block.nonzero_height.div_ceil(2);
        let mut inputs = [Pairs8::splat([0; 2]); P];
        for j in 0..count {
            inputs[j] = row_pairs(block, x, 2 * j, 2 * j + 1);
        }
        for y in 0..N {
            let mut sum = I32x8::splat(0);
            for j in 0..count {
                sum = sum.mul_add(inputs[j], Pairs8::splat(pairs[j][y]));
            }
            store_columns(sum, block, x, y, columns);
        }
    }
}

#[inline]
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
unsafe fn column_half<const N: usize, const P: usize>(
    block: &CoefficientBlock,
    x: usize,
    pairs: &[[Pair; N]; P],
    columns: &mut [i16],
) {
    // SAFETY: the caller guarantees that the block has 2N rows and eight columns from `x` on.
    unsafe {
        let count = block.nonzero_height.div_ceil(4);
        let mut inputs = [Pairs8::splat([0; 2]); P];
        for j in 0..count {
            inputs[2 * j] = row_pairs(block, x, 4 * j, 4 * j + 2);
            inputs[2 * j + 1] = row_pairs(block, x, 4 * j + 1, 4 * j + 3);
        }
        for y in 0..N {
            let mut even = I32x8::splat(0);
            let mut odd = I32x8::splat(0);
            for j in 0..count {
                even = even.mul_add(inputs[2 * j], Pairs8::splat(pairs[2 * j][y]));
                odd = odd.mul_add(inputs[2 * j + 1], Pairs8::splat(pairs[2 * j + 1][y]));
            }
            store_columns(even.add(odd), block, x, y, columns);
            store_columns(even.sub(odd), block, x, 2 * N - 1 - y, columns);
        }
    }
}

/// Rows `a` and `b` of a block of four columns as pairs.
#[inline]
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
unsafe fn row_pairs_4(coefficients: &[i16], a: usize, b: usize) -> Pairs4 {
    // SAFETY: the caller guarantees that the rows exist.
    unsafe {
        let row = |k: usize| I16x8::from_u64(coefficients.as_ptr().add(4 * k).cast::<u64>().read_unaligned());
        Pairs4::zip(row(a), row(b))
    }
}

#[inline]
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
unsafe fn store_4(sum: I32x4, y: usize, columns: &mut [i16]) {
    let row = sum.add(I32x4::splat(16)).shr(5).pack_u64();
    // SAFETY: the caller guarantees that the row exists.
    unsafe { columns.as_mut_ptr().add(4 * y).cast::<u64>().write_unaligned(row) };
}

#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
unsafe fn column_4x4(coefficients: &[i16], count: usize, pairs: &[[Pair; 4]; 2], columns: &mut [i16]) {
    // SAFETY: the caller guarantees 16 values in both arrays.
    unsafe {
        let inputs = [row_pairs_4(coefficients, 0, 1), row_pairs_4(coefficients, 2, 3)];
        for y in 0..4 {
            let mut sum = I32x4::splat(0);
            for j in 0..count {
                sum = sum.mul_add(inputs[j], Pairs4::splat(pairs[j][y]));
            }
            store_4(sum, y, columns);
        }
    }
}

#[inline]
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
unsafe fn column_4xn<const N: usize, const P: usize>(
    block: &CoefficientBlock,
    pairs: &[[Pair; N]; P],
    columns: &mut [i16],
) {
    // SAFETY: the caller guarantees that the block has four columns and N rows.
    unsafe {
        for y in 0..N {
            let mut sum = I32x4::splat(0);
            for j in 0..block.nonzero_height.div_ceil(2) {
                let input = row_pairs_4(&block.coefficients, 2 * j, 2 * j + 1);
                sum = sum.mul_add(input, Pairs4::splat(pairs[j][y]));
            }
            store_4(sum, y, columns);
        }
    }
}

#[inline]
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
unsafe fn column_4xn_half(block: &CoefficientBlock, columns: &mut [i16]) {
    // SAFETY: the caller guarantees that the block has four columns and 16 or 32 rows.
    unsafe {
        let n = block.height / 2;
        for y in 0..n {
            let mut even = I32x4::splat(0);
            let mut odd = I32x4::splat(0);
            for j in 0..block.nonzero_height.div_ceil(4) {
                let factors = |i: usize| Pairs4::splat(if n == 8 { HALF_16[i][y] } else { HALF_32[i][y] });
                let a = row_pairs_4(&block.coefficients, 4 * j, 4 * j + 2);
                let b = row_pairs_4(&block.coefficients, 4 * j + 1, 4 * j + 3);
                even = even.mul_add(a, factors(2 * j));
                odd = odd.mul_add(b, factors(2 * j + 1));
            }
            store_4(even.add(odd), y, columns);
            store_4(even.sub(odd), 2 * n - 1 - y, columns);
        }
    }
}

#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
unsafe fn row_step(
    columns: &[i16; MAX_COEFFICIENTS],
    block: &CoefficientBlock,
    rounding: Rounding,
    residual: &mut [i16; MAX_COEFFICIENTS],
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
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
fn round(sum: I32x8, shift: u32) -> I32x8 {
    sum.add(I32x8::splat(1 << (shift - 1))).shr(shift)
}

#[inline]
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
fn clip(values: I16x16, max: i16) -> I16x16 {
    values.min(I16x16::splat(max)).max(I16x16::splat(-max - 1))
}

/// The two values from `at` on.
#[inline]
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
unsafe fn pair_at(columns: &[i16], at: usize) -> Pair {
    // SAFETY: the caller guarantees two values.
    unsafe { columns.as_ptr().add(at).cast::<Pair>().read() }
}

#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
unsafe fn rows_of_4(
    columns: &[i16],
    height: usize,
    pairs: &[[Pair; 4]; 2],
    rounding: Rounding,
    residual: &mut [i16; MAX_COEFFICIENTS],
) {
    // SAFETY: the caller guarantees 4 * `height` values; `height` is a multiple of 4.
    unsafe {
        let factors = [0, 1].map(|j: usize| Pairs8::repeat(I16x8::load(pairs[j].as_ptr())));
        let two_rows = |y: usize| {
            let both = |j: usize| {
                let [a, b] = [4 * y, 4 * y + 4].map(|at| pair_at(columns, at + 2 * j));
                Pairs8::splat_halves(a, b)
            };
            let sum = I32x8::splat(0).mul_add(both(0), factors[0]).mul_add(both(1), factors[1]);
            round(sum, rounding.shift)
        };
        for y in (0..height).step_by(4) {
            let rows = clip(two_rows(y).pack_with(two_rows(y + 2)), rounding.max);
            rows.store(residual.as_mut_ptr().add(4 * y));
        }
    }
}

#[inline]
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
unsafe fn rows_of_8(
    columns: &[i16; MAX_COEFFICIENTS],
    block: &CoefficientBlock,
    rounding: Rounding,
    residual: &mut [i16; MAX_COEFFICIENTS],
) {
    // SAFETY: the caller guarantees that the block has eight columns; its height is a multiple of 4.
    unsafe {
        let count = block.nonzero_width.div_ceil(2);
        let factors = [0, 1, 2, 3].map(|j: usize| Pairs8::from_neighbours(I16x16::load(FULL_8[j].as_ptr())));
        let row = |y: usize| {
            let mut sum = I32x8::splat(0);
            for (j, &factors) in factors.iter().enumerate().take(count) {
                sum = sum.mul_add(Pairs8::splat(pair_at(columns, 8 * y + 2 * j)), factors);
            }
            round(sum, rounding.shift)
        };
        for y in (0..block.height).step_by(2) {
            clip(row(y).pack_with(row(y + 1)), rounding.max).store(residual.as_mut_ptr().add(8 * y));
        }
    }
}

/// Rows of 16 or 32 samples; V vectors hold the first half of a row.
#[inline]
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
unsafe fn rows_half<const N: usize, const P: usize, const V: usize>(
    columns: &[i16; MAX_COEFFICIENTS],
    block: &CoefficientBlock,
    pairs: &[[Pair; N]; P],
    rounding: Rounding,
    residual: &mut [i16; MAX_COEFFICIENTS],
) {
    // SAFETY: the caller guarantees that the block has 2N = 16 V columns.
    unsafe {
        let count = block.nonzero_width.div_ceil(4);
        for y in 0..block.height {
            let mut even = [I32x8::splat(0); V];
            let mut odd = [I32x8::splat(0); V];
            for j in 0..count {
                let a = Pairs8::splat(pair_at(columns, 2 * N * y + 4 * j));
                let b = Pairs8::splat(pair_at(columns, 2 * N * y + 4 * j + 2));
                for v in 0..V {
                    let factors =
                        |i: usize| Pairs8::from_neighbours(I16x16::load(pairs[i].as_ptr().add(8 * v)));
                    even[v] = even[v].mul_add(a, factors(2 * j));
                    odd[v] = odd[v].mul_add(b, factors(2 * j + 1));
                }
            }
            let out = residual.as_mut_ptr().add(2 * N * y);
            let first = |v: usize| round(even[v].add(odd[v]), rounding.shift);
            let last = |v: usize| round(even[v].sub(odd[v]), rounding.shift).reverse();
            let store = |at: usize, a: I32x8, b: I32x8| clip(a.pack_with(b), rounding.max).store(out.add(at));
            if V == 1 {
                store(0, first(0), last(0));
            } else {
                store(0, first(0), first(1));
                store(16, last(1), last(0));
            }
        }
    }
}
