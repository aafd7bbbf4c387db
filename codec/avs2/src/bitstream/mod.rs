//! Byte stream, start codes and bit level codes (docs/spec/avs2#a10 and #a11).

mod bits;
mod emulation;
mod units;

pub use bits::{BitCoder, BitReader, BitWriter};
pub use emulation::{insert_pseudo_start_codes, remove_pseudo_start_codes};
pub use units::{Unit, Units, start_code, write_unit};
