//! Reader and writer of TPG files: a small container around AVS2 still pictures and animations.
//!
//! The format is described in `docs/format/tpg.md`. Frames come out one by one, so that an animation never needs more
//! memory than its reference pictures.
//!
//! ```no_run
//! use tpg::{Decoder, NeverCancel, Options};
//!
//! let data = std::fs::read("picture.tpg")?;
//! let mut decoder = Decoder::new(data, Options::default())?;
//! while let Some(frame) = decoder.next_frame(&NeverCancel)? {
//!     let mut rgb = vec![0; frame.rgb_bytes()];
//!     frame.write_rgb(&mut rgb)?;
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![deny(unsafe_code)]

pub mod colour;
mod container;
mod decoder;
pub mod encode;
mod error;
mod format;
mod frame;
mod options;
mod stream;
mod writer;

pub use avs2::{CancelCheck, NeverCancel};
pub use container::{Container, FirstPicture, FrameChunks};
pub use decoder::Decoder;
pub use error::Error;
pub use format::{FileType, Header, MAX_SIDE, MAX_WRITTEN_SIDE, Mode, file_type};
pub use frame::Frame;
pub use options::{Limits, Options, SimdLevel};
pub use stream::StreamDecoder;
pub use writer::Writer;
