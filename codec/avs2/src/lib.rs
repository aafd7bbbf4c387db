//! Decoder and encoder for AVS2 video (IEEE 1857.4-2018, GB/T 33475.2-2016): 8 bit, 4:2:0.
//!
//! ```no_run
//! use avs2::{Decoder, DecoderOptions, NeverCancel};
//!
//! let data = std::fs::read("picture.avs")?;
//! let mut decoder = Decoder::new(DecoderOptions::default());
//! decoder.decode(&data, &NeverCancel)?;
//! decoder.flush();
//! while let Some(picture) = decoder.next_picture() {
//!     let luma = picture.plane(0);
//!     for y in 0..picture.height as usize {
//!         let row = &luma.row(y)[..picture.width as usize];
//!         assert_eq!(row.len(), picture.width as usize);
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![deny(unsafe_code)]

mod aec;
pub mod bitstream;
mod cancel;
pub mod decoder;
pub mod encoder;
mod error;
mod filter;
pub mod headers;
mod inter;
pub mod math;
mod multiversion;
mod options;
mod picture;
mod recon;
mod simd;
mod syntax;

pub use cancel::{CancelCheck, NeverCancel};
pub use decoder::Decoder;
pub use error::Error;
pub use headers::SequenceHeader;
pub use options::{DecoderOptions, Limits, SimdLevel};
pub use picture::{Picture, PictureType, Plane, PlaneBuffer};
