//! Byte stream, start codes and bit level codes (clauses 10 and 11 of the specification).

mod bits;
mod emulation;
mod units;

pub use bits::{BitCoder, BitReader, BitWriter};
pub use emulation::{insert_pseudo_start_codes, remove_pseudo_start_codes};
pub use units::{Unit, Units, start_code, write_unit};
