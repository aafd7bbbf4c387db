//! Inter prediction: motion data, motion compensation, reference pictures (part C of the specification).
#![allow(dead_code)]

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
