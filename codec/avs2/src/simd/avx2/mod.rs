//! AVX2 kernels.
//!
//! Each safe function checks that the processor has AVX2 and that all accesses lie inside the buffers, and does nothing
//! and returns `false` if not.
#![allow(unsafe_code)]
// Intrinsics without pointers are unsafe before Rust 1.87.
#![allow(unused_unsafe)]
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
pub(crate) use intra::predict_angular;
pub(crate) use residual::add_residual;
pub(crate) use sao::{filter_band, filter_edges};
pub(crate) use transform::{inverse_transform, small_secondary};
