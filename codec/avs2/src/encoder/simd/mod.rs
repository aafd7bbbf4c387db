//! Kernels of the encoder for certain processors; each returns whether (or what) it computed. The portable twins are
//! with their callers.
#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
mod avx2;

use crate::recon::MAX_COEFFICIENTS;
use crate::simd::Backend;

/// Both passes of a forward transform.
pub(super) fn transform(
    backend: Backend,
    residual: &[i16],
    size: (usize, usize),
    small: bool,
    shifts: (u32, u32),
    out: &mut [i16; MAX_COEFFICIENTS],
) -> bool {
    #[cfg(target_arch = "x86_64")]
    if backend.has_avx2() {
        // SAFETY: the processor has AVX2.
        unsafe { avx2::transform(residual, size, small, shifts, out) };
        return true;
    }
    let _ = (backend, residual, size, small, shifts, out);
    false
}

/// Sum of 8x8 Hadamard distances; width and height are multiples of 8.
pub(super) fn hadamard_8x8(backend: Backend, a: &[u8], b: &[u8], size: (usize, usize)) -> Option<u32> {
    #[cfg(target_arch = "x86_64")]
    if backend.has_avx2() {
        // SAFETY: the processor has AVX2.
        return Some(unsafe { avx2::hadamard_8x8(a, b, size) });
    }
    let _ = (backend, a, b, size);
    None
}

/// Sum of squared differences of sixteenths and samples, in squared sixteenths.
pub(super) fn source_error(
    backend: Backend,
    source: (&[i16], usize),
    samples: (&[u8], usize),
    size: (usize, usize),
) -> Option<u64> {
    #[cfg(target_arch = "x86_64")]
    if backend.has_avx2() {
        // SAFETY: the processor has AVX2.
        return Some(unsafe { avx2::source_error(source, samples, size) });
    }
    let _ = (backend, source, samples, size);
    None
}

/// Adds the products of rows `i` and `k` (`i` <= `k`) of the first `w` values to `sums[10 * i + k]`.
pub(super) fn correlate(backend: Backend, rows: &[[i16; 64]; 10], w: usize, sums: &mut [i64; 90]) {
    #[cfg(target_arch = "x86_64")]
    if backend.has_avx2() {
        // SAFETY: the processor has AVX2.
        unsafe { avx2::correlate(rows, w, sums) };
        return;
    }
    let _ = backend;
    for i in 0..9 {
        for k in i..10 {
            let products = rows[i][..w].iter().zip(&rows[k][..w]);
            sums[10 * i + k] += i64::from(products.map(|(&a, &b)| i32::from(a) * i32::from(b)).sum::<i32>());
        }
    }
}

/// Groups with a coefficient of at least `threshold` in magnitude; see the caller.
pub(super) fn large_groups(backend: Backend, coefficients: &[i16], w: usize, threshold: i16) -> Option<u64> {
    #[cfg(target_arch = "x86_64")]
    if backend.has_avx2() && w >= 8 {
        // SAFETY: the processor has AVX2.
        return Some(unsafe { avx2::large_groups(coefficients, w, threshold) });
    }
    let _ = (backend, coefficients, w, threshold);
    None
}

/// Sum of 4x4 Hadamard distances; width and height are multiples of 4.
pub(super) fn hadamard_4x4(backend: Backend, a: &[u8], b: &[u8], size: (usize, usize)) -> Option<u32> {
    #[cfg(target_arch = "x86_64")]
    if backend.has_avx2() {
        // SAFETY: the processor has AVX2.
        return Some(unsafe { avx2::hadamard_4x4(a, b, size) });
    }
    let _ = (backend, a, b, size);
    None
}
