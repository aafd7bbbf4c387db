//! Adding a residual to a prediction.

use super::{load_8, store_4, store_8};
use crate::recon::MAX_RESIDUAL;
use crate::simd::Backend;
use crate::simd::vector::{I16x8, I16x16, U8x16, Vector};

/// Twin of [`crate::recon::add_residual`].
pub(crate) fn add_residual(
    backend: Backend,
    residual: &[i16; MAX_RESIDUAL],
    (w, h): (usize, usize),
    out: &mut [u8],
    stride: usize,
) -> bool {
    if !backend.has_vectors()
        || w * h > MAX_RESIDUAL
        || !(w == 4 || w == 8 || (w > 0 && w % 16 == 0))
        || h == 0
        || stride < w
        || out.len() < (h - 1) * stride + w
    {
        return false;
    }
    // SAFETY: the instructions, the size of the residual and that of the output were checked.
    unsafe { add(residual, (w, h), out.as_mut_ptr(), stride) };
    true
}

#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
unsafe fn add(residual: &[i16; MAX_RESIDUAL], (w, h): (usize, usize), out: *mut u8, stride: usize) {
    // SAFETY: the caller guarantees `h` rows of `w` samples in both arrays.
    unsafe {
        for y in 0..h {
            let (r, out) = (residual.as_ptr().add(y * w), out.add(y * stride));
            match w {
                4 => {
                    let samples = U8x16::from_u32(out.cast::<u32>().read_unaligned()).widen_low();
                    let sum = samples.add(I16x8::from_u64(r.cast::<u64>().read_unaligned()));
                    store_4(sum.pack_u8(sum), out);
                }
                8 => {
                    let sum = load_8(out).widen_low().add(I16x8::load(r));
                    store_8(sum.pack_u8(sum), out);
                }
                _ => {
                    for x in (0..w).step_by(16) {
                        let samples = U8x16::load(out.add(x)).widen();
                        samples.add(I16x16::load(r.add(x))).pack_u8().store(out.add(x));
                    }
                }
            }
        }
    }
}
