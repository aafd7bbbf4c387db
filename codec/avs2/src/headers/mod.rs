//! Sequence, picture and slice headers (docs/spec/avs2#a12 to #a17).
//!
//! Each header's syntax is one function, generic over a [`BitCoder`](crate::bitstream::BitCoder): with a
//! [`BitReader`](crate::bitstream::BitReader) it fills the structure in, with a
//! [`BitWriter`](crate::bitstream::BitWriter) it writes the structure. Both check the same ranges.

mod alf;
mod picture;
mod sequence;
mod slice;
mod weighting;

pub use alf::{AlfFilter, AlfParameters};
pub use picture::{DeblockingParameters, PictureHeader};
pub use sequence::{ReferenceConfigurationSet, SequenceHeader};
pub use slice::SliceHeader;
pub use weighting::{DEFAULT_WEIGHTS, PictureWeighting, WeightMatrices, WeightModel, WeightParameters};

use crate::Error;

/// `value` if it lies in `range`, else an error that names `element`.
pub(crate) fn in_range<T: Copy + PartialOrd + Into<i64>>(
    element: &'static str,
    value: T,
    range: std::ops::RangeInclusive<T>,
) -> Result<T, Error> {
    if range.contains(&value) { Ok(value) } else { Err(Error::Invalid { element, value: value.into() }) }
}
