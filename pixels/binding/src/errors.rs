//! Python's error classes, one for each kind of `Error`.

use openmogr_pixels_core::Error;
use pyo3::PyErr;
use pyo3::create_exception;
use pyo3::exceptions::PyValueError;

create_exception!(openmogr_pixels, PixelsError, PyValueError, "Why a picture could not be read or written.");
create_exception!(
    openmogr_pixels,
    DamagedError,
    PixelsError,
    "The data break their format's rules or end early."
);
create_exception!(
    openmogr_pixels,
    UnsupportedError,
    PixelsError,
    "A legal feature that this package does not have."
);
create_exception!(openmogr_pixels, LimitError, PixelsError, "A limit of the caller would be exceeded.");
create_exception!(
    openmogr_pixels,
    ArgumentError,
    PixelsError,
    "An argument out of range, or a wrong buffer size."
);

pub fn to_python(error: Error) -> PyErr {
    match error {
        Error::Damaged(told) => DamagedError::new_err(told),
        Error::Unsupported(told) => UnsupportedError::new_err(told),
        Error::Limit(told) => LimitError::new_err(told),
        Error::Argument(told) => ArgumentError::new_err(told),
    }
}
