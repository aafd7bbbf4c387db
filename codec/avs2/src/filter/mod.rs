//! Loop filters (docs/spec/avs2#b6 to #b8).
//!
//! [`deblock`], [`sao`] and [`alf`] hold the filters as functions over planes; [`LoopFilter`] runs them row of largest
//! CUs by row, as the reconstruction delivers them.

pub mod alf;
pub mod deblock;
mod info;
mod pipeline;
pub mod sao;

pub(crate) use info::CuArea;
pub use info::{Geometry, LcuInfo, RowInfo, edge};
pub use pipeline::{FilterSetup, LoopFilter, Stages};
