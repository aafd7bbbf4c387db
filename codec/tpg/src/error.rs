//! The one error type of the crate.

use std::fmt;

use crate::MAX_WRITTEN_SIDE;

/// Why a file could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The data do not begin with `TPG AVS2B`.
    NotTpg,
    /// A field or chunk breaks a rule of the container.
    InvalidContainer {
        /// The field or condition.
        element: &'static str,
        /// What was found.
        value: u64,
        /// Where, in bytes from the start of the file.
        offset: usize,
    },
    /// The data end inside the named structure.
    Truncated {
        /// The structure that is incomplete.
        element: &'static str,
        /// Where it begins, in bytes from the start of the file.
        offset: usize,
        /// Its size in bytes.
        needed: u64,
        /// How many bytes of it are there.
        available: u64,
    },
    /// A picture that the file announces is not there.
    MissingPicture {
        /// Which one.
        element: &'static str,
        /// The frame it belongs to, counted from 0.
        frame: usize,
    },
    /// The coded picture is smaller than the size to show.
    SizeMismatch {
        /// Width and height of the header chunk.
        shown: (u32, u32),
        /// Width and height of the coded picture.
        coded: (u32, u32),
    },
    /// A picture has another coded size than the first one of the file.
    ChangedSize {
        /// Which picture.
        element: &'static str,
        /// The frame it belongs to, counted from 0.
        frame: usize,
        /// Width and height of the first picture.
        first: (u32, u32),
        /// Width and height of this one.
        found: (u32, u32),
    },
    /// The AVS2 stream inside is broken.
    InvalidStream {
        /// The frame that could not be decoded, counted from 0.
        frame: usize,
        /// What is wrong with it.
        source: avs2::Error,
    },
    /// A legal feature that this crate does not have.
    Unsupported {
        /// The feature.
        feature: &'static str,
        /// The value that asks for it.
        value: i64,
    },
    /// A budget of [`Limits`](crate::Limits) would be exceeded.
    Limit {
        /// Which budget.
        limit: &'static str,
        /// What the file needs.
        needed: u64,
        /// What is allowed.
        allowed: u64,
    },
    /// A buffer for samples has the wrong size.
    InvalidBuffer {
        /// Its size in bytes.
        given: usize,
        /// The right size in bytes.
        needed: usize,
    },
    /// An option of the encoder is out of range or not part of the tool set.
    InvalidOption {
        /// The option.
        option: &'static str,
        /// What was given.
        value: i64,
    },
    /// An option of the encoder asks for QPs of chroma that not every decoder reads alike.
    ChromaQp(avs2::Error),
    /// A picture to write has no pixels, or a side above [`MAX_WRITTEN_SIDE`](crate::MAX_WRITTEN_SIDE).
    InvalidSize {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
    },
    /// The caller's [`CancelCheck`](crate::CancelCheck) asked to stop.
    Cancelled,
}

impl Error {
    /// An error of the AVS2 decoder at frame `frame`; budgets, missing features and cancellation keep their kind.
    pub(crate) fn from_stream(frame: usize, source: avs2::Error) -> Self {
        match source {
            avs2::Error::Unsupported { feature, value } => Self::Unsupported { feature, value },
            avs2::Error::Limit { limit, needed, allowed } => Self::Limit { limit, needed, allowed },
            avs2::Error::Cancelled => Self::Cancelled,
            source => Self::InvalidStream { frame, source },
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotTpg => f.write_str("not a TPG file: it does not begin with \"TPG AVS2B\""),
            Self::InvalidContainer { element, value, offset } => {
                write!(f, "invalid TPG file: {element} is {value:#x} at byte {offset}")
            }
            Self::Truncated { element, offset, needed, available } => write!(
                f,
                "truncated TPG file: {element} at byte {offset} has {needed} bytes, but only {available} are there"
            ),
            Self::MissingPicture { element, frame } => {
                write!(f, "incomplete TPG file: frame {frame} has no {element}")
            }
            Self::SizeMismatch { shown, coded } => write!(
                f,
                "invalid TPG file: the header says {}x{}, but the coded picture has only {}x{}",
                shown.0, shown.1, coded.0, coded.1
            ),
            Self::ChangedSize { element, frame, first, found } => write!(
                f,
                "invalid TPG file: the {element} of frame {frame} has {}x{} pixels, but the first one {}x{}",
                found.0, found.1, first.0, first.1
            ),
            Self::InvalidStream { frame, source } => write!(f, "frame {frame}: {source}"),
            Self::Unsupported { feature, value } => write!(f, "unsupported feature: {feature} ({value})"),
            Self::Limit { limit, needed, allowed } => {
                write!(f, "limit exceeded: {limit} is {needed}, allowed are {allowed}")
            }
            Self::InvalidBuffer { given, needed } => {
                write!(f, "the buffer has {given} bytes, but {needed} are needed")
            }
            Self::InvalidOption { option, value } => write!(f, "{option} is out of range: {value}"),
            Self::ChromaQp(source) => source.fmt(f),
            Self::InvalidSize { width, height } => write!(
                f,
                "a picture of {width}x{height} pixels cannot be written: sides of TPG are 1 to {MAX_WRITTEN_SIDE}"
            ),
            Self::Cancelled => f.write_str("decoding was cancelled"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::InvalidStream { source, .. } | Self::ChromaQp(source) => Some(source),
            _ => None,
        }
    }
}
