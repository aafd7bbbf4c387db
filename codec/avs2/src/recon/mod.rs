//! Reconstruction of blocks (docs/spec/avs2#b1 to #b5): from prediction and coefficients to samples.
//!
//! All functions work on caller's buffers, so an encoder reconstructs with the decoder's code:
//! [`ReferenceLine::load`] and [`predict_intra`] make the prediction, [`Dequantiser`] scales levels,
//! [`inverse_transform`] makes the residual and [`add_residual`] adds it.

mod availability;
mod intra;
mod quantisation;
mod transform;

pub use availability::Availability;
pub(crate) use availability::{LcuPlace, z_order};
pub use intra::{ReferenceLine, predict_intra};
pub(crate) use intra::{column_step, displacement, row_step};
pub use quantisation::{Dequantiser, chroma_qp};
pub use transform::{
    CoefficientBlock, MAX_COEFFICIENTS, MAX_RESIDUAL, Secondary, add_residual, inverse_transform,
};
pub(crate) use transform::{D4, S4, T32};
