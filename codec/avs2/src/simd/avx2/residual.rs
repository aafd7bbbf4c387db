//! Adding a residual to a prediction.

use std::arch::x86_64::*;

use crate::recon::MAX_RESIDUAL;
use crate::simd::Backend;

/// Twin of [`crate::recon::add_residual`].
pub(crate) fn add_residual(
    backend: Backend,
    residual: &[i16; MAX_RESIDUAL],
    (w, h): (usize, usize),
    out: &mut [u8],
    stride: usize,
) -> bool {
    if !backend.has_avx2()
        || w * h > MAX_RESIDUAL
        || !(w == 4 || w == 8 || (w > 0 && w % 16 == 0))
        || h == 0
        || stride < w
        || out.len() < (h - 1) * stride + w
    {
        return false;
    }
    // SAFETY: AVX2, the size of the residual and that of the output were checked.
    unsafe { add(residual, (w, h), out.as_mut_ptr(), stride) };
    true
}

#[target_feature(enable = "avx2")]
unsafe fn add(residual: &[i16; MAX_RESIDUAL], (w, h): (usize, usize), out: *mut u8, stride: usize) {
    // SAFETY: the caller guarantees `h` rows of `w` samples in both arrays.
    unsafe {
        for y in 0..h {
            let (r, out) = (residual.as_ptr().add(y * w), out.add(y * stride));
            match w {
                4 => {
                    let samples = _mm_cvtepu8_epi16(_mm_cvtsi32_si128(out.cast::<i32>().read_unaligned()));
                    let sum = _mm_add_epi16(samples, _mm_loadl_epi64(r.cast()));
                    out.cast::<i32>().write_unaligned(_mm_cvtsi128_si32(_mm_packus_epi16(sum, sum)));
                }
                8 => {
                    let samples = _mm_cvtepu8_epi16(_mm_loadl_epi64(out.cast()));
                    let sum = _mm_add_epi16(samples, _mm_loadu_si128(r.cast()));
                    _mm_storel_epi64(out.cast(), _mm_packus_epi16(sum, sum));
                }
                _ => {
                    for x in (0..w).step_by(16) {
                        let samples = _mm256_cvtepu8_epi16(_mm_loadu_si128(out.add(x).cast()));
                        let sum = _mm256_add_epi16(samples, _mm256_loadu_si256(r.add(x).cast()));
                        let low = _mm256_castsi256_si128(sum);
                        let packed = _mm_packus_epi16(low, _mm256_extracti128_si256::<1>(sum));
                        _mm_storeu_si128(out.add(x).cast(), packed);
                    }
                }
            }
        }
    }
}
