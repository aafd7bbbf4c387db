//! Angular intra prediction.

use std::arch::x86_64::*;
use std::mem::MaybeUninit;

use crate::recon::{ReferenceLine, column_step, displacement, row_step};
use crate::simd::Backend;

/// Distance of columns in the buffer of transposed blocks: 64 samples and a vector behind them.
const COLUMN: usize = 80;
/// Index of the corner in the reversed line.
const ORIGIN: usize = 16;
const REVERSED: usize = 320;

type Columns = MaybeUninit<[u8; 64 * COLUMN]>;
type Reversed = MaybeUninit<[u8; REVERSED]>;

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
    if !backend.has_avx2()
        || !is_size(w)
        || !is_size(h)
        || stride < w
        || out.len() < (h - 1) * stride + w
        || !matches!(mode, 3..=11 | 13..=23 | 25..=32)
    {
        return false;
    }
    // SAFETY: AVX2, the sizes and the output were checked. The line is long enough for every mode: see `ReferenceLine`.
    unsafe {
        match mode {
            3..=11 => top(mode, (w, h), line, out.as_mut_ptr(), stride),
            25..=32 => left(mode, (w, h), line, out.as_mut_ptr(), stride),
            _ => corner(mode, (w, h), line, out.as_mut_ptr(), stride),
        }
    }
    true
}

#[target_feature(enable = "avx2")]
unsafe fn top(mode: u8, (w, h): (usize, usize), line: &ReferenceLine, out: *mut u8, stride: usize) {
    // A row begins at most 176 samples behind the corner and reads 64 + 16 + 3.
    let line = line.slice(0, 384);
    for y in 0..h {
        let (d, f) = displacement(row_step(mode), y + 1);
        // SAFETY: the slice bounds the reads, the caller the writes.
        unsafe { filter(line[d..d + 96].as_ptr(), out.add(y * stride), w, ascending(f)) };
    }
}

#[target_feature(enable = "avx2")]
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
#[target_feature(enable = "avx2")]
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
            if dc < h {
                filter(reversed.add(ORIGIN - 1), columns.add(x * COLUMN + dc), h - dc, descending(fc));
            } else {
                columns.add(x * COLUMN).write_bytes(0, h);
            }
            columns.add(x * COLUMN).write_bytes(0, dc.min(h));
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
#[target_feature(enable = "avx2")]
unsafe fn reverse(line: &ReferenceLine, count: usize, reversed: &mut Reversed) {
    let source = line.slice(ORIGIN as isize + 1 - REVERSED as isize, REVERSED);
    // SAFETY: both arrays hold `REVERSED` samples, a multiple of 16, and `count` is below that.
    unsafe {
        let order = _mm_setr_epi8(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
        let target = reversed.as_mut_ptr().cast::<u8>();
        for at in (0..count.min(REVERSED)).step_by(16) {
            let samples = _mm_loadu_si128(source.as_ptr().add(REVERSED - 16 - at).cast());
            _mm_storeu_si128(target.add(at).cast(), _mm_shuffle_epi8(samples, order));
        }
    }
}

fn ascending(f: i32) -> [u8; 4] {
    [32 - f as u8, 64 - f as u8, 32 + f as u8, f as u8]
}

fn descending(f: i32) -> [u8; 4] {
    [f as u8, 32 + f as u8, 64 - f as u8, 32 - f as u8]
}

/// Filters `count` samples; reads whole vectors and three samples more, writes `count`.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn filter(source: *const u8, target: *mut u8, count: usize, [a, b, c, d]: [u8; 4]) {
    // SAFETY: the caller guarantees that the samples exist.
    unsafe {
        let first = _mm256_set1_epi16(i16::from_le_bytes([a, b]));
        let second = _mm256_set1_epi16(i16::from_le_bytes([c, d]));
        let vector = |source: *const u8| {
            let load = |k: usize| _mm256_cvtepu8_epi16(_mm_loadu_si128(source.add(k).cast()));
            // The samples of a pair in the low and high bytes of each element.
            let pair = |k: usize| _mm256_or_si256(load(k), _mm256_slli_epi16::<8>(load(k + 1)));
            let sum =
                _mm256_add_epi16(_mm256_maddubs_epi16(pair(0), first), _mm256_maddubs_epi16(pair(2), second));
            let sum = _mm256_srli_epi16::<7>(_mm256_add_epi16(sum, _mm256_set1_epi16(64)));
            _mm_packus_epi16(_mm256_castsi256_si128(sum), _mm256_extracti128_si256::<1>(sum))
        };
        let mut at = 0;
        while at + 16 <= count {
            _mm_storeu_si128(target.add(at).cast(), vector(source.add(at)));
            at += 16;
        }
        if at == count {
            return;
        }
        let mut last = vector(source.add(at));
        if count - at >= 8 {
            _mm_storel_epi64(target.add(at).cast(), last);
            last = _mm_srli_si128::<8>(last);
            at += 8;
        }
        if count - at >= 4 {
            target.add(at).cast::<i32>().write_unaligned(_mm_cvtsi128_si32(last));
            last = _mm_srli_si128::<4>(last);
            at += 4;
        }
        let mut rest = _mm_cvtsi128_si32(last);
        while at < count {
            target.add(at).write(rest as u8);
            rest >>= 8;
            at += 1;
        }
    }
}

/// Makes `h` rows of `w` samples from `w` columns of `h`.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn transpose(columns: *mut u8, (w, h): (usize, usize), out: *mut u8, stride: usize) {
    // SAFETY: the caller guarantees the output and 64 columns of COLUMN samples; columns behind a width of 4 and rows
    // behind a height of 4 are set first, and not stored.
    unsafe {
        for x in w..w.next_multiple_of(8) {
            columns.add(x * COLUMN).write_bytes(0, h.next_multiple_of(8));
        }
        if h == 4 {
            for x in 0..w {
                columns.add(x * COLUMN + 4).write_bytes(0, 4);
            }
        }
        for x in (0..w).step_by(8) {
            for y in (0..h).step_by(8) {
                let load = |i: usize| _mm_loadl_epi64(columns.add((x + i) * COLUMN + y).cast());
                let a = _mm_unpacklo_epi8(load(0), load(1));
                let b = _mm_unpacklo_epi8(load(2), load(3));
                let c = _mm_unpacklo_epi8(load(4), load(5));
                let d = _mm_unpacklo_epi8(load(6), load(7));
                let (e, f) = (_mm_unpacklo_epi16(a, b), _mm_unpackhi_epi16(a, b));
                let (g, i) = (_mm_unpacklo_epi16(c, d), _mm_unpackhi_epi16(c, d));
                let pairs = [
                    _mm_unpacklo_epi32(e, g),
                    _mm_unpackhi_epi32(e, g),
                    _mm_unpacklo_epi32(f, i),
                    _mm_unpackhi_epi32(f, i),
                ];
                for (k, pair) in pairs.into_iter().enumerate().take((h - y) / 2) {
                    for (row, samples) in [(0, pair), (1, _mm_unpackhi_epi64(pair, pair))] {
                        let target = out.add((y + 2 * k + row) * stride + x);
                        if w == 4 {
                            target.cast::<i32>().write_unaligned(_mm_cvtsi128_si32(samples));
                        } else {
                            _mm_storel_epi64(target.cast(), samples);
                        }
                    }
                }
            }
        }
    }
}
