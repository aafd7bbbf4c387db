//! Why a picture could not be read or written.

use std::fmt;

/// The kinds of failure; each carries a sentence for the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The data break the rules of their format, or end too early.
    Damaged(String),
    /// A legal feature that this crate does not have.
    Unsupported(String),
    /// A limit of the caller would be exceeded.
    Limit(String),
    /// An argument is out of its range, or a buffer has the wrong size.
    Argument(String),
}

/// A result with this crate's error.
pub type Result<T> = std::result::Result<T, Error>;

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged(told) | Self::Unsupported(told) | Self::Limit(told) | Self::Argument(told) => {
                out.write_str(told)
            }
        }
    }
}

impl std::error::Error for Error {}

pub(crate) fn argument(told: impl Into<String>) -> Error {
    Error::Argument(told.into())
}
