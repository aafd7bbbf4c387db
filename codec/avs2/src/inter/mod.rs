//! Inter prediction: motion data, motion compensation, reference pictures (part C of the specification).
//!
//! The decoder uses these parts in this order; an encoder uses the same ones, so that both stay in step:
//!
//! 1. [`PictureBuffer::begin`] takes a picture header and gives the picture's place in its sequence, its references
//!    and their distances. After the loop filters [`PictureBuffer::insert`] takes the picture, with the
//!    [`MotionField::to_collocated`] part of its motion, and outputs what is due.
//! 2. [`code_cu_type`] and [`code_inter`] code type and motion of a CU, [`code_inter_residual`] its transform
//!    split, coded blocks and QP; coefficients follow as in intra CUs, for the luma blocks of [`transform_split`]
//!    and the class [`BlockClass::INTER_LUMA`](crate::syntax::BlockClass::INTER_LUMA). They write with an `AecWriter`
//!    and count bits with a `CostCoder`. In inter pictures [`code_cu_type`] comes before every CU, intra ones
//!    included.
//! 3. [`MotionContext::decode_cu`] turns the syntax into motion, stores it in the [`MotionField`] and returns the
//!    blocks to predict. Every CU of an inter picture must be stored, intra CUs too, in coding order.
//! 4. [`Compensator::predict`] makes the prediction of one component of a block. Recon functions add the residual.
//! 5. [`MotionField::set_coded`], [`mark_inner_edges`] and [`switch_off_still_edges`] prepare deblocking: the motion
//!    switch needs the coded flags and the motion of both sides, so it runs once a row of CUs is complete.
//!
//! For choices, before anything is stored:
//!
//! * [`MotionContext::derived`] tells the motion of each skip or direct mode. Temporal motion (subtype 0) is that of
//!   the reference picture, scaled: it is zero only where the reference did not move either.
//! * [`MotionContext::block_predictor`] gives the vector predictor of a block; [`representable`] moves a wanted vector
//!   to one that progressive resolution can express, and [`difference`] gives what is coded for it.
//! * [`PredictionBlock::new`] with [`Motion::single`] predicts from any vector, for motion search.
//! * Trials of divided CUs store motion; [`MotionField::forget`] takes it back before another trial of the area.

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
#[cfg(test)]
mod tests;
mod vector_coding;

pub(crate) use compensation::{Block, Compensator, pointed_at};
pub(crate) use deblocking::{mark_inner_edges, switch_off_still_edges};
pub(crate) use derivation::MotionContext;
pub(crate) use interpolation::Source;
pub(crate) use motion::{CollocatedMotion, MotionEdge, MotionField, Rect};
pub(crate) use partition::{Orientation, Partition, Shape};
pub(crate) use picture_buffer::{PictureBuffer, PictureOrder, StoredPicture, picture_bytes};
pub(crate) use syntax::{
    CuType, InterCuKind, InterResidual, InterSyntax, InterTools, code_cu_type, code_inter,
    code_inter_residual, orientation_of, transform_split,
};

#[allow(unused_imports, reason = "for encoders")]
pub(crate) use {
    derivation::PredictionBlock,
    motion::{Motion, MotionVector},
    syntax::PredictionSyntax,
    vector_coding::{VectorDifference, difference, representable},
};
