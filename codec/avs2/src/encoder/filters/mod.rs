//! Estimation of the parameters of the loop filters.

pub(super) mod alf;
pub(super) mod deblocking;
pub(super) mod sao;

use crate::encoder::analysis::perception::Perception;
use crate::encoder::input::SourcePlane;
use crate::filter::Geometry;
use crate::simd::Backend;

/// What the estimation for a picture needs.
pub(super) struct FilterTask<'a> {
    pub geometry: Geometry,
    pub source: &'a [SourcePlane; 3],
    /// Weights by frequency of luma and chroma, for deblocking.
    pub perception: &'a [Perception; 2],
    /// Squared error per bit.
    pub lambda: f64,
    /// Weight of squared errors in chroma.
    pub chroma_weight: f64,
    pub backend: Backend,
    /// LCU rows per slice.
    pub slice_rows: usize,
    pub threads: usize,
}
