//! Kernels for vectors.
//!
//! Each safe function checks that the processor has the instructions and that all accesses lie inside the buffers, and
//! does nothing and returns `false` if not.
#![allow(unsafe_code)]
// An index often addresses several vectors and a table at once.
#![allow(clippy::needless_range_loop)]

mod alf;
mod deblock;
mod intra;
mod residual;
mod sao;
mod transform;

pub(crate) use alf::filter_unit;
pub(crate) use deblock::{filter_horizontal_edge, filter_vertical_edge};
pub(crate) use intra::{load_column, predict_angular};
pub(crate) use residual::add_residual;
pub(crate) use sao::{filter_band, filter_edges};
pub(crate) use transform::{inverse_transform, large_secondary, small_secondary};

use super::vector::U8x16;

/// The eight bytes from `from` on, and zeros.
#[inline]
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
unsafe fn load_8(from: *const u8) -> U8x16 {
    // SAFETY: the caller guarantees the bytes.
    U8x16::from_u64(unsafe { from.cast::<u64>().read_unaligned() })
}

#[inline]
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
unsafe fn store_8(samples: U8x16, to: *mut u8) {
    // SAFETY: the caller guarantees room for eight bytes.
    unsafe { to.cast::<u64>().write_unaligned(samples.to_u64()) };
}

#[inline]
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
unsafe fn store_4(samples: U8x16, to: *mut u8) {
    // SAFETY: the caller guarantees room for four bytes.
    unsafe { to.cast::<u32>().write_unaligned(samples.to_u32()) };
}

/// Transposes eight rows of eight bytes; each result holds two rows.
#[inline]
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
fn transpose_8x8(rows: [U8x16; 8]) -> [U8x16; 4] {
    let a = rows[0].zip_low_8(rows[1]);
    let b = rows[2].zip_low_8(rows[3]);
    let c = rows[4].zip_low_8(rows[5]);
    let d = rows[6].zip_low_8(rows[7]);
    let (e, f) = (a.zip_low_16(b), a.zip_high_16(b));
    let (g, h) = (c.zip_low_16(d), c.zip_high_16(d));
    [e.zip_low_32(g), e.zip_high_32(g), f.zip_low_32(h), f.zip_high_32(h)]
}
