//! Angular intra prediction.

use std::mem::MaybeUninit;

use super::{load_8, store_4, store_8, transpose_8x8};
use crate::recon::{ReferenceLine, column_step, displacement, row_step};
use crate::simd::Backend;
use crate::simd::vector::{BytePair, I16x16, U8x16, Vector};

/// Distance of columns in the buffer of transposed blocks: 64 samples and a vector behind them.
const COLUMN: usize = 80;
/// Index of the corner in the reversed line.
const ORIGIN: usize = 16;
const REVERSED: usize = 320;

type Columns = MaybeUninit<[u8; 64 * COLUMN]>;
type Reversed = MaybeUninit<[u8; REVERSED]>;

/// Reads a column of samples, whose first one is `samples[first]`, from the end of `column` to its beginning.
///
/// # Panics
/// If there are not as many rows.
pub(crate) fn load_column(samples: &[u8], (first, stride): (usize, usize), column: &mut [u8]) {
    let count = column.len();
    assert!(count == 0 || samples.len() > first + (count - 1) * stride);
    for i in 0..count {
        // SAFETY: the place of the last sample was checked, and with it those of all; `column` holds `count`.
        unsafe { *column.get_unchecked_mut(count - 1 - i) = *samples.get_unchecked(first + i * stride) };
    }
}

/// Twin of the angular modes of [`crate::recon::predict_intra`].
pub(crate) fn predict_angular(
    backend: Backend,
    mode: u8,
    (w, h): (usize, usize),
    line: &ReferenceLine,
    out: &mut [u8],
    stride: usize,
) -> bool {
    let is_size = |n: usize| matches!(n, 4 | 8 | 16 | 32 | 64);
    if !backend.has_vectors()
        || !is_size(w)
        || !is_size(h)
        || stride < w
        || out.len() < (h - 1) * stride + w
        || !matches!(mode, 3..=11 | 13..=23 | 25..=32)
    {
        return false;
    }
    // SAFETY: the instructions, the sizes and the output were checked. The line is long enough for every mode: see `ReferenceLine`.
    unsafe {
        match mode {
            3..=11 => top(mode, (w, h), line, out.as_mut_ptr(), stride),
            25..=32 => left(mode, (w, h), line, out.as_mut_ptr(), stride),
            _ => corner(mode, (w, h), line, out.as_mut_ptr(), stride),
        }
    }
    true
}

#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
unsafe fn top(mode: u8, (w, h): (usize, usize), line: &ReferenceLine, out: *mut u8, stride: usize) {
    // A row begins at most 176 samples behind the corner and reads 64 + 16 + 3.
    let line = line.slice(0, 384);
    for y in 0..h {
        let (d, f) = displacement(row_step(mode), y + 1);
        // SAFETY: the slice bounds the reads, the caller the writes.
        unsafe { filter(line[d..d + 96].as_ptr(), out.add(y * stride), w, ascending(f)) };
    }
}

#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
unsafe fn left(mode: u8, (w, h): (usize, usize), line: &ReferenceLine, out: *mut u8, stride: usize) {
    let mut columns = Columns::uninit();
    let mut reversed = Reversed::uninit();
    // SAFETY: displacements are at most 128, so reads end before ORIGIN + 128 + 64 + 16 + 3 samples of the reversed line;
    // columns have room for 64 samples and a vector.
    unsafe {
        let columns = columns.as_mut_ptr().cast::<u8>();
        reverse(line, ORIGIN + h + 2 * w + 20, &mut reversed);
        let reversed = reversed.as_ptr().cast::<u8>();
        for x in 0..w {
            let (d, f) = displacement(column_step(mode), x + 1);
            filter(reversed.add(ORIGIN + d), columns.add(x * COLUMN), h, ascending(f));
        }
        transpose(columns, (w, h), out, stride);
    }
}

/// Modes that read both sides of the corner.
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
unsafe fn corner(mode: u8, (w, h): (usize, usize), line: &ReferenceLine, out: *mut u8, stride: usize) {
    let mut columns = Columns::uninit();
    let mut reversed = Reversed::uninit();
    // First column of each row that is predicted from above.
    let mut first = [w; 64];
    // SAFETY: reads of the reversed line end before ORIGIN + 64 + 16 + 3 samples; columns have room for 64 samples and a
    // vector. What is not written of the columns is transposed, but replaced afterwards.
    unsafe {
        let columns = columns.as_mut_ptr().cast::<u8>();
        reverse(line, ORIGIN + h + 20, &mut reversed);
        let reversed = reversed.as_ptr().cast::<u8>();
        for x in (0..w).rev() {
            let (dc, fc) = displacement(column_step(mode), x + 1);
            first[..dc.min(h)].fill(x);
            clear(columns.add(x * COLUMN), dc.min(h));
            if dc < h {
                filter(reversed.add(ORIGIN - 1), columns.add(x * COLUMN + dc), h - dc, descending(fc));
            }
        }
        transpose(columns, (w, h), out, stride);
    }
    for (y, &x) in first.iter().enumerate().take(h) {
        if x < w {
            let (dr, fr) = displacement(row_step(mode), y + 1);
            let source = line.slice(x as isize - dr as isize - 1, 96);
            // SAFETY: the slice bounds the reads, the caller the writes.
            unsafe { filter(source.as_ptr(), out.add(y * stride + x), w - x, descending(fr)) };
        }
    }
}

/// The first `count` samples of the line from `ORIGIN` before the corner on, to the left and down.
#[inline]
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
unsafe fn reverse(line: &ReferenceLine, count: usize, reversed: &mut Reversed) {
    let source = line.slice(ORIGIN as isize + 1 - REVERSED as isize, REVERSED);
    // SAFETY: both arrays hold `REVERSED` samples, a multiple of 16, and `count` is below that.
    unsafe {
        let target = reversed.as_mut_ptr().cast::<u8>();
        for at in (0..count.min(REVERSED)).step_by(16) {
            U8x16::load(source.as_ptr().add(REVERSED - 16 - at)).reverse().store(target.add(at));
        }
    }
}

fn ascending(f: i32) -> [i8; 4] {
    [32 - f as i8, 64 - f as i8, 32 + f as i8, f as i8]
}

fn descending(f: i32) -> [i8; 4] {
    [f as i8, 32 + f as i8, 64 - f as i8, 32 - f as i8]
}

/// Filters `count` samples; reads whole vectors and three samples more, writes `count`.
#[inline]
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
unsafe fn filter(source: *const u8, target: *mut u8, count: usize, [a, b, c, d]: [i8; 4]) {
    // SAFETY: the caller guarantees that the samples exist.
    unsafe {
        let (first, second) = (BytePair::new([a, b]), BytePair::new([c, d]));
        let vector = |source: *const u8| {
            let load = |k: usize| U8x16::load(source.add(k));
            // At most 128 * 255 + 64.
            let sum = I16x16::splat(64).mul_add_bytes(load(0), load(1), first);
            sum.mul_add_bytes(load(2), load(3), second).shr::<7>().pack_u8()
        };
        let mut at = 0;
        while at + 16 <= count {
            vector(source.add(at)).store(target.add(at));
            at += 16;
        }
        if at == count {
            return;
        }
        let mut last = vector(source.add(at));
        if count - at >= 8 {
            store_8(last, target.add(at));
            last = last.drop_8();
            at += 8;
        }
        if count - at >= 4 {
            store_4(last, target.add(at));
            last = last.drop_4();
            at += 4;
        }
        let mut rest = last.to_u32();
        while at < count {
            target.add(at).write(rest as u8);
            rest >>= 8;
            at += 1;
        }
    }
}

/// Writes zeros to `count` bytes, and up to 15 more.
#[inline]
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
unsafe fn clear(target: *mut u8, count: usize) {
    for at in (0..count).step_by(16) {
        // SAFETY: the caller guarantees whole vectors.
        unsafe { U8x16::from_u32(0).store(target.add(at)) };
    }
}

/// Makes `h` rows of `w` samples from `w` columns of `h`.
#[inline]
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
unsafe fn transpose(columns: *mut u8, (w, h): (usize, usize), out: *mut u8, stride: usize) {
    // SAFETY: the caller guarantees the output and 64 columns of COLUMN samples; columns behind a width of 4 and rows
    // behind a height of 4 are set first, and not stored.
    unsafe {
        for x in w..w.next_multiple_of(8) {
            clear(columns.add(x * COLUMN), h.next_multiple_of(8));
        }
        if h == 4 {
            for x in 0..w {
                columns.add(x * COLUMN + 4).write_bytes(0, 4);
            }
        }
        for x in (0..w).step_by(8) {
            for y in (0..h).step_by(8) {
                let load = |i: usize| load_8(columns.add((x + i) * COLUMN + y));
                let pairs = transpose_8x8([0, 1, 2, 3, 4, 5, 6, 7].map(load));
                for (k, pair) in pairs.into_iter().enumerate().take((h - y) / 2) {
                    for (row, samples) in [(0, pair), (1, pair.drop_8())] {
                        let target = out.add((y + 2 * k + row) * stride + x);
                        if w == 4 {
                            store_4(samples, target);
                        } else {
                            store_8(samples, target);
                        }
                    }
                }
            }
        }
    }
}
