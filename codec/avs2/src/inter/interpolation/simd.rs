//! Filters for vectors; each returns whether it did the work. Only [`Kernels`](super::Kernels) calls them, where the
//! processor has the instructions.

#![allow(unsafe_code)]

use super::{MAX_SIZE, Rows, SLACK, Source, Target};
use crate::simd::vector::{BytePair, I16x16, Pairs8, Sums16, U8x16, Vector};

/// Results per iteration; what is read behind the last one is at most the slack.
const LANES: usize = SLACK;

pub(super) fn filter_1d<const TAPS: usize>(
    source: Source<'_>,
    step: usize,
    taps: &[i8; TAPS],
    target: &mut Target<'_>,
) -> bool {
    if !source_suffices(source, target.width, target.height, (TAPS - 1) * step) || !target_suffices(target) {
        return false;
    }
    // SAFETY: see the top of the module for the instructions; the checks bound all accesses.
    unsafe { filter_1d_vectors(source, step, taps, target) };
    true
}

pub(super) fn filter_2d<const TAPS: usize>(
    source: Source<'_>,
    taps: (&[i8; TAPS], &[i8; TAPS]),
    rows: &mut Rows,
    target: &mut Target<'_>,
) -> bool {
    let height = target.height + TAPS - 1;
    if !source_suffices(source, target.width, height, TAPS - 1) || !target_suffices(target) {
        return false;
    }
    // SAFETY: see the top of the module for the instructions; the checks bound all accesses, and `rows` has `MAX_SIZE` + 8 rows of
    // `MAX_SIZE` values.
    unsafe { filter_2d_vectors(source, taps, rows, target) };
    true
}

/// Whether reading `width` rounded up to whole vectors stays within the source.
fn source_suffices(source: Source<'_>, width: usize, height: usize, last_tap: usize) -> bool {
    let end = (height - 1) * source.stride + last_tap + width.next_multiple_of(LANES);
    source.samples.len() >= end
}

fn target_suffices(target: &Target<'_>) -> bool {
    (1..=MAX_SIZE).contains(&target.width)
        && (1..=MAX_SIZE).contains(&target.height)
        && target.samples.len() >= (target.height - 1) * target.stride + target.width
}

/// Sums of 16 samples beginning at `at`, weighted with the taps; 16 bits suffice for every row of the tables.
#[inline]
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
unsafe fn sum_taps<const TAPS: usize>(at: *const u8, step: usize, pairs: &[BytePair; 4]) -> I16x16 {
    let mut sum = I16x16::splat(0);
    for (k, &pair) in pairs.iter().enumerate().take(TAPS / 2) {
        // SAFETY: the callers guarantee 16 readable bytes at every tap.
        let [a, b] = unsafe { [2 * k, 2 * k + 1].map(|tap| U8x16::load(at.add(tap * step))) };
        sum = sum.mul_add_bytes(a, b, pair);
    }
    sum
}

/// Stores the first `count` bytes of `value`.
#[inline]
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
unsafe fn store(at: *mut u8, count: usize, value: U8x16) {
    // SAFETY: the callers guarantee `count` writable bytes.
    unsafe {
        match count {
            8 => at.cast::<u64>().write_unaligned(value.to_u64()),
            4 => at.cast::<u32>().write_unaligned(value.to_u32()),
            LANES.. => value.store(at),
            _ => {
                let mut bytes = [0_u8; LANES];
                value.store(bytes.as_mut_ptr());
                at.copy_from_nonoverlapping(bytes.as_ptr(), count);
            }
        }
    }
}

/// The taps in pairs; pairs that do not exist are 0.
#[inline]
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
fn byte_pairs<const TAPS: usize>(taps: &[i8; TAPS]) -> [BytePair; 4] {
    [0, 2, 4, 6].map(|k| BytePair::new(if k < TAPS { [taps[k], taps[k + 1]] } else { [0; 2] }))
}

#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
unsafe fn filter_1d_vectors<const TAPS: usize>(
    source: Source<'_>,
    step: usize,
    taps: &[i8; TAPS],
    target: &mut Target<'_>,
) {
    // SAFETY: the caller checked the lengths of source and target.
    unsafe {
        let pairs = byte_pairs(taps);
        for y in 0..target.height {
            let row = source.samples.as_ptr().add(y * source.stride);
            let out = target.samples.as_mut_ptr().add(y * target.stride);
            for x in (0..target.width).step_by(LANES) {
                let sum = sum_taps::<TAPS>(row.add(x), step, &pairs).add(I16x16::splat(32));
                store(out.add(x), target.width - x, sum.shr::<6>().pack_u8());
            }
        }
    }
}

#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
unsafe fn filter_2d_vectors<const TAPS: usize>(
    source: Source<'_>,
    (horizontal, vertical): (&[i8; TAPS], &[i8; TAPS]),
    rows: &mut Rows,
    target: &mut Target<'_>,
) {
    // SAFETY: the caller checked the lengths of source and target; vectors begin at multiples of 16 in rows of 64
    // values.
    unsafe {
        let pairs = byte_pairs(horizontal);
        for y in 0..target.height + TAPS - 1 {
            let row = source.samples.as_ptr().add(y * source.stride);
            let out = rows.as_mut_ptr().add(y * MAX_SIZE);
            for x in (0..target.width).step_by(LANES) {
                sum_taps::<TAPS>(row.add(x), 1, &pairs).store(out.add(x));
            }
        }
        let mut pairs = [Pairs8::splat([0; 2]); 4];
        for (pair, taps) in pairs.iter_mut().zip(vertical.chunks_exact(2)) {
            *pair = Pairs8::splat([taps[0].into(), taps[1].into()]);
        }
        for x in (0..target.width).step_by(LANES) {
            for y in 0..target.height {
                let row = |k: usize| I16x16::load(rows.as_ptr().add((y + k) * MAX_SIZE + x));
                let mut sums = Sums16::splat(2048);
                for (k, &pair) in pairs.iter().enumerate().take(TAPS / 2) {
                    sums = sums.mul_add(row(2 * k), row(2 * k + 1), pair);
                }
                let bytes = sums.shr_pack::<12>().pack_u8();
                store(target.samples.as_mut_ptr().add(y * target.stride + x), target.width - x, bytes);
            }
        }
    }
}
