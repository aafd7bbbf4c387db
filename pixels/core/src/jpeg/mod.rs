//! JPEG by libjpeg-turbo: headers, scaled and cropped decoding, encoding.
//!
//! The library comes as MozJPEG in its fastest profile, which is libjpeg-turbo without MozJPEG's own searches.

mod decode;
mod encode;
mod header;
mod recode;
mod session;

pub use decode::{DecodeOptions, Decoder, Report};
pub use encode::{EncodeOptions, Sampling, Segments, encode};
pub use header::{Component, Header, count_scans, read_header};
pub use recode::{Quantisation, RecodeOptions, recode};

/// Whether libjpeg-turbo was built with SIMD and this processor runs it.
pub fn has_simd() -> bool {
    session::has_simd()
}
