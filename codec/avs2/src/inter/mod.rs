//! Inter prediction: motion data, motion compensation, reference pictures (part C of the specification).

mod compensation;
mod deblocking;
mod derivation;
mod interpolation;
mod motion;
mod partition;
mod picture_buffer;
mod prediction;
mod scaling;
mod syntax;
mod vector_coding;

pub(crate) use compensation::{Block, Compensator};
pub(crate) use deblocking::{mark_inner_edges, switch_off_still_edges};
pub(crate) use derivation::{MotionContext, PredictionBlocks};
pub(crate) use motion::{CollocatedMotion, MotionField, Rect};
pub(crate) use partition::{Orientation, Partition};
pub(crate) use picture_buffer::{PictureBuffer, PictureOrder, StoredPicture, picture_bytes};
pub(crate) use syntax::{
    InterResidual, InterSyntax, InterTools, UnitType, code_inter, code_inter_residual, code_unit_type,
    transform_kind,
};
