//! Python's error classes, one for each kind of `tpg::Error`.

use pyo3::PyErr;
use pyo3::create_exception;
use pyo3::exceptions::PyValueError;
use tpg::Error;

create_exception!(pillow_tpg, TpgError, PyValueError, "Why a TPG file could not be read or written.");

/// Classes below `TpgError` and the variants they stand for.
macro_rules! error_classes {
    ($($variant:ident => $class:ident, $doc:literal;)*) => {
        $(create_exception!(pillow_tpg, $class, TpgError, $doc);)*

        pub fn to_python(error: &Error) -> PyErr {
            match error {
                $(Error::$variant { .. } => $class::new_err(error.to_string()),)*
                Error::ChangedSize { .. } => SizeMismatchError::new_err(error.to_string()),
                _ => TpgError::new_err(error.to_string()),
            }
        }
    };
}

error_classes! {
    NotTpg => NotTpgError, "The data do not begin with \"TPG AVS2B\".";
    InvalidContainer => InvalidContainerError, "A field or chunk breaks a rule of the container.";
    Truncated => TruncatedError, "The data end inside a chunk.";
    MissingPicture => MissingPictureError, "A picture that the file announces is not there.";
    SizeMismatch => SizeMismatchError, "A coded picture is smaller than the size to show, or its size changes.";
    InvalidStream => InvalidStreamError, "The AVS2 stream inside is broken.";
    Unsupported => UnsupportedError, "A legal feature that this package does not have.";
    Limit => LimitError, "A budget of Limits would be exceeded.";
    InvalidBuffer => BufferSizeError, "A buffer for samples has the wrong size.";
    Cancelled => CancelledError, "The caller asked to stop.";
}
