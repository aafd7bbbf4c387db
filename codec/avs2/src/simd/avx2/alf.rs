//! Adaptive loop filter.

use std::arch::x86_64::*;

use crate::filter::alf::FilterUnit;
use crate::filter::sao::Area;
use crate::simd::Backend;

/// Twin of the portable filter in [`crate::filter::alf`]; filters columns `x0..x1` of the unit without regard to its
/// sides, and up to 15 columns more.
pub(crate) fn filter_unit(
    backend: Backend,
    taps: &[i16; 9],
    unit: &FilterUnit,
    (x0, x1): (usize, usize),
    (input, output): (&[u8], &mut [u8]),
    stride: usize,
) -> bool {
    let Area { y0, y1, .. } = unit.area;
    let end = x0 + (x1 - x0).next_multiple_of(16);
    if !backend.has_avx2()
        || y1 <= y0
        || y0 * stride + x0 < 3
        || input.len() < (y1 - 1) * stride + end + 3
        || output.len() < (y1 - 1) * stride + end
    {
        return false;
    }
    // SAFETY: AVX2 was checked; all reads lie between three samples before the first of the area and three behind the
    // last one, whole vectors included, because rows are clamped to those of the unit.
    unsafe { filter(taps, (x0, x1, y0, y1), (input, output), stride) };
    true
}

#[target_feature(enable = "avx2")]
unsafe fn filter(
    taps: &[i16; 9],
    (x0, x1, y0, y1): (usize, usize, usize, usize),
    (input, output): (&[u8], &mut [u8]),
    stride: usize,
) {
    // SAFETY: see the caller.
    unsafe {
        let pair = |a: i16, b: i16| _mm256_set1_epi32(i32::from(a) << 16 | i32::from(b as u16));
        // The last pair adds half of the divisor.
        let factors = [
            pair(taps[1], taps[0]),
            pair(taps[3], taps[2]),
            pair(taps[5], taps[4]),
            pair(taps[7], taps[6]),
            pair(32, taps[8]),
        ];
        let ones = _mm256_set1_epi16(1);
        for y in y0..y1 {
            let row = |dy: isize| {
                let y = (y as isize + dy).clamp(y0 as isize, y1 as isize - 1);
                input.as_ptr().add(y as usize * stride)
            };
            let [m3, m2, m1, c, p1, p2, p3] = [row(-3), row(-2), row(-1), row(0), row(1), row(2), row(3)];
            for x in (x0..x1).step_by(16) {
                let load = |row: *const u8, dx: isize| {
                    _mm256_cvtepu8_epi16(_mm_loadu_si128(row.add(x).offset(dx).cast()))
                };
                let sum = |a: *const u8, dx: isize, b: *const u8| _mm256_add_epi16(load(a, dx), load(b, -dx));
                let inputs = [
                    (sum(m3, 0, p3), sum(m2, 0, p2)),
                    (sum(m1, -1, p1), sum(m1, 0, p1)),
                    (sum(m1, 1, p1), sum(c, -3, c)),
                    (sum(c, -2, c), sum(c, -1, c)),
                    (load(c, 0), ones),
                ];
                let mut low = _mm256_setzero_si256();
                let mut high = _mm256_setzero_si256();
                for ((a, b), factor) in inputs.into_iter().zip(factors) {
                    low = _mm256_add_epi32(low, _mm256_madd_epi16(_mm256_unpacklo_epi16(a, b), factor));
                    high = _mm256_add_epi32(high, _mm256_madd_epi16(_mm256_unpackhi_epi16(a, b), factor));
                }
                let values = _mm256_packs_epi32(_mm256_srai_epi32::<6>(low), _mm256_srai_epi32::<6>(high));
                let packed =
                    _mm_packus_epi16(_mm256_castsi256_si128(values), _mm256_extracti128_si256::<1>(values));
                _mm_storeu_si128(output.as_mut_ptr().add(y * stride + x).cast(), packed);
            }
        }
    }
}
