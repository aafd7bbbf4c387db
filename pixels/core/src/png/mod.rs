//! PNG by the `png` crate: every kind to 8 bit, and encoding, with a palette where it loses nothing.

mod decode;
mod encode;
mod optimise;
mod palette;

pub use decode::{Decoder, Metadata};
pub use encode::{Compression, EncodeOptions, Filter, encode};
pub use optimise::optimise;
pub use palette::{Palette, fewer_channels, palette_of};
