//! The one error type of the crate.

use std::fmt;

/// Why a stream could not be decoded or encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The stream breaks a rule of the standard; `element` names the syntax element, `value` is what was found.
    Invalid {
        /// Name of the syntax element or condition.
        element: &'static str,
        /// The offending value.
        value: i64,
    },
    /// The data end inside the named structure.
    Truncated {
        /// The structure that is incomplete.
        element: &'static str,
    },
    /// A picture ended before all of its LCUs were decoded.
    IncompletePicture {
        /// Decoded LCUs.
        decoded: u32,
        /// LCUs of the picture.
        expected: u32,
    },
    /// A legal feature that this decoder does not have.
    Unsupported {
        /// The feature.
        feature: &'static str,
        /// Value of the syntax element that asks for it.
        value: i64,
    },
    /// A budget of [`Limits`](crate::Limits) would be exceeded.
    Limit {
        /// Which budget.
        limit: &'static str,
        /// What the stream needs.
        needed: u64,
        /// What is allowed.
        allowed: u64,
    },
    /// An option of the encoder asks for QPs of chroma that not every decoder reads alike.
    ChromaQp {
        /// QP of a picture.
        qp: u8,
        /// What is asked to be added to it for Cb and Cr.
        delta: [i8; 2],
    },
    /// The caller's [`CancelCheck`](crate::CancelCheck) asked to stop.
    Cancelled,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid { element, value } => write!(f, "invalid AVS2 stream: {element} is {value}"),
            Self::Truncated { element } => write!(f, "truncated AVS2 stream: data end inside {element}"),
            Self::IncompletePicture { decoded, expected } => {
                write!(f, "incomplete AVS2 picture: {decoded} of {expected} largest coding units")
            }
            Self::Unsupported { feature, value } => {
                write!(f, "unsupported AVS2 feature: {feature} ({value})")
            }
            Self::Limit { limit, needed, allowed } => {
                write!(f, "AVS2 limit exceeded: {limit} is {needed}, allowed are {allowed}")
            }
            Self::ChromaQp { delta: [cb, cr], .. } if cb != cr => write!(
                f,
                "chroma_qp_delta is ({cb}, {cr}), but Cb and Cr need the same: there are decoders that show other \
                 colours where they differ"
            ),
            Self::ChromaQp { qp, delta: [delta, _] } => write!(
                f,
                "chroma_qp_delta is {delta} for a picture of QP {qp}, but their sum must be 0 to 63: there are \
                 decoders that do not clip it and show other colours"
            ),
            Self::Cancelled => f.write_str("decoding was cancelled"),
        }
    }
}

impl std::error::Error for Error {}
