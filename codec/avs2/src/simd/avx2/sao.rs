//! Sample adaptive offset.

use std::arch::x86_64::*;

use crate::simd::Backend;

/// Adds the offsets of the 32 bands to a row.
pub(crate) fn filter_band(backend: Backend, table: &[i8; 32], row: &mut [u8]) -> bool {
    if !backend.has_avx2() || row.len() < 32 {
        return false;
    }
    let vectors = row.len() / 32;
    let (body, rest) = row.split_at_mut(32 * vectors);
    // SAFETY: AVX2 was checked; `body` consists of whole vectors.
    unsafe { band(table, body) };
    for sample in rest {
        *sample = sample.saturating_add_signed(table[usize::from(*sample >> 3)]);
    }
    true
}

#[target_feature(enable = "avx2")]
unsafe fn band(table: &[i8; 32], body: &mut [u8]) {
    // SAFETY: see the caller.
    unsafe {
        let half = |at: usize| _mm256_broadcastsi128_si256(_mm_loadu_si128(table.as_ptr().add(at).cast()));
        let (low, high) = (half(0), half(16));
        let bias = _mm256_set1_epi8(-128);
        for vector in body.chunks_exact_mut(32) {
            let samples = _mm256_loadu_si256(vector.as_ptr().cast());
            let index = _mm256_and_si256(_mm256_srli_epi16::<3>(samples), _mm256_set1_epi8(31));
            let offset = _mm256_blendv_epi8(
                _mm256_shuffle_epi8(low, index),
                _mm256_shuffle_epi8(high, index),
                _mm256_cmpgt_epi8(index, _mm256_set1_epi8(15)),
            );
            let sum = _mm256_adds_epi8(_mm256_xor_si256(samples, bias), offset);
            _mm256_storeu_si256(vector.as_mut_ptr().cast(), _mm256_xor_si256(sum, bias));
        }
    }
}

/// Adds edge offsets to `count` samples from index `at` on; neighbours lie at `-distance` and `distance`.
///
/// `table` holds the offsets by class. Processes whole vectors and returns how many samples were done.
pub(crate) fn filter_edges(
    backend: Backend,
    table: [i8; 5],
    (input, output): (&[u8], &mut [u8]),
    (at, count): (usize, usize),
    distance: usize,
) -> usize {
    let done = count / 32 * 32;
    if !backend.has_avx2() || at < distance || input.len() < at + done + distance || output.len() < at + done
    {
        return 0;
    }
    // SAFETY: AVX2 was checked, and that the samples and both neighbours exist.
    unsafe { edges(table, (input, output), (at, done), distance) };
    done
}

#[target_feature(enable = "avx2")]
unsafe fn edges(
    table: [i8; 5],
    (input, output): (&[u8], &mut [u8]),
    (at, count): (usize, usize),
    distance: usize,
) {
    // SAFETY: see the caller.
    unsafe {
        let mut offsets = [0; 16];
        offsets[..5].copy_from_slice(&table);
        let offsets = _mm256_broadcastsi128_si256(_mm_loadu_si128(offsets.as_ptr().cast()));
        let bias = _mm256_set1_epi8(-128);
        let two = _mm256_set1_epi8(2);
        for i in (0..count).step_by(32) {
            let load =
                |index: usize| _mm256_xor_si256(_mm256_loadu_si256(input.as_ptr().add(index).cast()), bias);
            let s = load(at + i);
            let (a, b) = (load(at + i - distance), load(at + i + distance));
            // Comparisons give -1.
            let sign = |n| _mm256_sub_epi8(_mm256_cmpgt_epi8(n, s), _mm256_cmpgt_epi8(s, n));
            let class = _mm256_add_epi8(two, _mm256_add_epi8(sign(a), sign(b)));
            let sum = _mm256_adds_epi8(s, _mm256_shuffle_epi8(offsets, class));
            _mm256_storeu_si256(output.as_mut_ptr().add(at + i).cast(), _mm256_xor_si256(sum, bias));
        }
    }
}
