//! Sequence, picture and slice headers.

/// A sequence header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SequenceHeader {
    /// Width to show, in luma samples.
    pub horizontal_size: u16,
    /// Height to show, in luma samples.
    pub vertical_size: u16,
}
