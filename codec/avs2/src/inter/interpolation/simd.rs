//! AVX2 filters; each returns whether it did the work.

#![allow(unsafe_code)]

use std::arch::x86_64::*;

use super::{MAX_SIZE, Rows, SLACK, Source, Target};

/// Results per iteration; what is read behind the last one is at most the slack.
const LANES: usize = SLACK;

pub(super) fn filter_1d<const TAPS: usize>(
    source: Source<'_>,
    step: usize,
    taps: &[i8; TAPS],
    target: &mut Target<'_>,
) -> bool {
    if !is_x86_feature_detected!("avx2")
        || !source_suffices(source, target.width, target.height, (TAPS - 1) * step)
        || !target_suffices(target)
    {
        return false;
    }
    // SAFETY: the processor has AVX2; the other checks bound all accesses.
    unsafe { filter_1d_avx2(source, step, taps, target) };
    true
}

pub(super) fn filter_2d<const TAPS: usize>(
    source: Source<'_>,
    taps: (&[i8; TAPS], &[i8; TAPS]),
    rows: &mut Rows,
    target: &mut Target<'_>,
) -> bool {
    let height = target.height + TAPS - 1;
    if !is_x86_feature_detected!("avx2")
        || !source_suffices(source, target.width, height, TAPS - 1)
        || !target_suffices(target)
    {
        return false;
    }
    // SAFETY: the processor has AVX2; the other checks bound all accesses, and `rows` has `MAX_SIZE` + 8 rows of
    // `MAX_SIZE` values.
    unsafe { filter_2d_avx2(source, taps, rows, target) };
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

/// Taps in pairs, each pair repeated over a vector of bytes.
#[inline(always)]
unsafe fn byte_pairs<const TAPS: usize>(taps: &[i8; TAPS]) -> [__m256i; 4] {
    // SAFETY: the callers have AVX2.
    unsafe {
        let mut pairs = [_mm256_setzero_si256(); 4];
        for (pair, taps) in pairs.iter_mut().zip(taps.chunks_exact(2)) {
            *pair = _mm256_set1_epi16(i16::from_le_bytes([taps[0] as u8, taps[1] as u8]));
        }
        pairs
    }
}

/// Sums of 16 samples beginning at `at`, weighted with the taps; 16 bits suffice for every row of the tables.
#[inline(always)]
unsafe fn sum_taps<const TAPS: usize>(at: *const u8, step: usize, pairs: &[__m256i; 4]) -> __m256i {
    // SAFETY: the callers have AVX2 and guarantee 16 readable bytes at every tap.
    unsafe {
        let mut sum = _mm256_setzero_si256();
        for (k, &pair) in pairs.iter().enumerate().take(TAPS / 2) {
            let a = _mm_loadu_si128(at.add(2 * k * step).cast());
            let b = _mm_loadu_si128(at.add((2 * k + 1) * step).cast());
            let both = _mm256_set_m128i(_mm_unpackhi_epi8(a, b), _mm_unpacklo_epi8(a, b));
            sum = _mm256_add_epi16(sum, _mm256_maddubs_epi16(both, pair));
        }
        sum
    }
}

/// Stores the first `count` bytes of `value`.
#[inline(always)]
unsafe fn store(at: *mut u8, count: usize, value: __m128i) {
    // SAFETY: the callers have AVX2 and guarantee `count` writable bytes.
    unsafe {
        match count {
            8 => _mm_storel_epi64(at.cast(), value),
            4 => at.cast::<i32>().write_unaligned(_mm_cvtsi128_si32(value)),
            LANES.. => _mm_storeu_si128(at.cast(), value),
            _ => {
                let mut bytes = [0_u8; LANES];
                _mm_storeu_si128(bytes.as_mut_ptr().cast(), value);
                at.copy_from_nonoverlapping(bytes.as_ptr(), count);
            }
        }
    }
}

#[target_feature(enable = "avx2")]
unsafe fn filter_1d_avx2<const TAPS: usize>(
    source: Source<'_>,
    step: usize,
    taps: &[i8; TAPS],
    target: &mut Target<'_>,
) {
    // SAFETY: the caller checked AVX2 and the lengths of source and target.
    unsafe {
        let pairs = byte_pairs(taps);
        let round = _mm256_set1_epi16(32);
        for y in 0..target.height {
            let row = source.samples.as_ptr().add(y * source.stride);
            let out = target.samples.as_mut_ptr().add(y * target.stride);
            for x in (0..target.width).step_by(LANES) {
                let sum = sum_taps::<TAPS>(row.add(x), step, &pairs);
                let sum = _mm256_srai_epi16::<6>(_mm256_add_epi16(sum, round));
                let bytes = _mm_packus_epi16(_mm256_castsi256_si128(sum), _mm256_extracti128_si256::<1>(sum));
                store(out.add(x), target.width - x, bytes);
            }
        }
    }
}

#[target_feature(enable = "avx2")]
unsafe fn filter_2d_avx2<const TAPS: usize>(
    source: Source<'_>,
    (horizontal, vertical): (&[i8; TAPS], &[i8; TAPS]),
    rows: &mut Rows,
    target: &mut Target<'_>,
) {
    // SAFETY: the caller checked AVX2 and the lengths of source and target; vectors begin at multiples of 16 in rows
    // of 64 values.
    unsafe {
        let pairs = byte_pairs(horizontal);
        for y in 0..target.height + TAPS - 1 {
            let row = source.samples.as_ptr().add(y * source.stride);
            let out = rows.as_mut_ptr().add(y * MAX_SIZE);
            for x in (0..target.width).step_by(LANES) {
                let sum = sum_taps::<TAPS>(row.add(x), 1, &pairs);
                _mm256_storeu_si256(out.add(x).cast(), sum);
            }
        }
        let mut pairs = [_mm256_setzero_si256(); 4];
        for (pair, taps) in pairs.iter_mut().zip(vertical.chunks_exact(2)) {
            let low = u32::from(i16::from(taps[0]) as u16);
            let high = u32::from(i16::from(taps[1]) as u16);
            *pair = _mm256_set1_epi32((high << 16 | low) as i32);
        }
        let round = _mm256_set1_epi32(2048);
        for x in (0..target.width).step_by(LANES) {
            for y in 0..target.height {
                let row = rows.as_ptr().add(y * MAX_SIZE + x);
                let (mut low, mut high) = (round, round);
                for (k, &pair) in pairs.iter().enumerate().take(TAPS / 2) {
                    let a = _mm256_loadu_si256(row.add(2 * k * MAX_SIZE).cast());
                    let b = _mm256_loadu_si256(row.add((2 * k + 1) * MAX_SIZE).cast());
                    low = _mm256_add_epi32(low, _mm256_madd_epi16(_mm256_unpacklo_epi16(a, b), pair));
                    high = _mm256_add_epi32(high, _mm256_madd_epi16(_mm256_unpackhi_epi16(a, b), pair));
                }
                let words = _mm256_packs_epi32(_mm256_srai_epi32::<12>(low), _mm256_srai_epi32::<12>(high));
                let bytes =
                    _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256::<1>(words));
                store(target.samples.as_mut_ptr().add(y * target.stride + x), target.width - x, bytes);
            }
        }
    }
}
