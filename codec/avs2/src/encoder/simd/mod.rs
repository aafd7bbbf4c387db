//! Kernels of the encoder for vectors; each returns whether (or what) it computed. The portable twins are
//! with their callers.
#![allow(unsafe_code)]
// Kernels of slices are unsafe to call only where the processor may lack the instructions.
#![allow(unused_unsafe)]

mod kernels;

use crate::encoder::analysis::metric::SourceRows;
use crate::inter::Source;
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
    if backend.has_vectors() {
        // SAFETY: the processor has the instructions.
        unsafe { kernels::transform(residual, size, small, shifts, out) };
        return true;
    }
    false
}

/// Sum of 8x8 Hadamard distances; width and height are multiples of 8.
pub(super) fn hadamard_8x8(backend: Backend, a: &[u8], b: &[u8], size: (usize, usize)) -> Option<u32> {
    if backend.has_vectors() {
        // SAFETY: the processor has the instructions.
        return Some(unsafe { kernels::hadamard_8x8(a, b, size) });
    }
    None
}

/// Sum of squared differences of sixteenths and samples, in squared sixteenths.
pub(super) fn source_error(
    backend: Backend,
    source: (&[i16], usize),
    samples: (&[u8], usize),
    size: (usize, usize),
) -> Option<u64> {
    if backend.has_vectors() {
        // SAFETY: the processor has the instructions.
        return Some(unsafe { kernels::source_error(source, samples, size) });
    }
    None
}

/// The same; sums of differences in squares of 2 x 2 are written to `sums`, row by row.
pub(super) fn squares_error(
    backend: Backend,
    source: SourceRows<'_>,
    samples: Source<'_>,
    (w, h): (usize, usize),
    sums: &mut [i16],
) -> Option<u64> {
    if backend.has_vectors() && (matches!(w, 4 | 8) && h.is_multiple_of(4) || w.is_multiple_of(16)) {
        // SAFETY: the processor has the instructions.
        return Some(unsafe { kernels::squares_error(source, samples, (w, h), sums) });
    }
    None
}

/// Adds the products of rows `i` and `k` (`i` <= `k`) of the first `w` values to `sums[10 * i + k]`.
pub(super) fn correlate(backend: Backend, rows: &[[i16; 64]; 10], w: usize, sums: &mut [i64; 90]) {
    if backend.has_vectors() {
        // SAFETY: the processor has the instructions.
        unsafe { kernels::correlate(rows, w, sums) };
        return;
    }
    for i in 0..9 {
        for k in i..10 {
            let products = rows[i][..w].iter().zip(&rows[k][..w]);
            sums[10 * i + k] += i64::from(products.map(|(&a, &b)| i32::from(a) * i32::from(b)).sum::<i32>());
        }
    }
}

/// Groups with a coefficient of at least `threshold` in magnitude; see the caller.
pub(super) fn large_groups(backend: Backend, coefficients: &[i16], w: usize, threshold: i16) -> Option<u64> {
    if backend.has_vectors() && w >= 8 {
        // SAFETY: the processor has the instructions.
        return Some(unsafe { kernels::large_groups(coefficients, w, threshold) });
    }
    None
}

/// Sum of 4x4 Hadamard distances; width and height are multiples of 4.
pub(super) fn hadamard_4x4(backend: Backend, a: &[u8], b: &[u8], size: (usize, usize)) -> Option<u32> {
    if backend.has_vectors() {
        // SAFETY: the processor has the instructions.
        return Some(unsafe { kernels::hadamard_4x4(a, b, size) });
    }
    None
}
