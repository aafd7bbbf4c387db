//! JPEG by libjpeg-turbo, PNG by `png`, scaling by `fast_image_resize`, behind one small interface.
//!
//! Pixels are 8 bit samples, interleaved, rows without padding. Every function checks the length of its buffers.

pub mod alpha;
mod error;
pub mod gif;
pub mod jpeg;
mod mode;
pub mod png;
pub mod quantise;
pub mod resize;
pub mod score;

pub use error::{Error, Result};
pub use mode::{Image, Mode, Region, byte_count};
