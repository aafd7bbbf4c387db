//! Bytes in and out.

use std::ops::Deref;

use openmogr_pixels_core::{Error, Result};
use pyo3::buffer::PyBuffer;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::errors::to_python;

/// Bytes of the caller: borrowed from `bytes`, which cannot change, copied from any other buffer, which might.
pub enum Input<'py> {
    Borrowed(Bound<'py, PyBytes>),
    Copied(Vec<u8>),
}

impl<'a, 'py> FromPyObject<'a, 'py> for Input<'py> {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(bytes) = object.cast::<PyBytes>() {
            return Ok(Self::Borrowed(bytes.to_owned()));
        }
        Ok(Self::Copied(PyBuffer::<u8>::get(&object)?.to_vec(object.py())?))
    }
}

impl Deref for Input<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes.as_bytes(),
            Self::Copied(bytes) => bytes,
        }
    }
}

/// New `bytes` of that length, filled by `write` without the interpreter's lock, and what it returns.
pub fn written<'py, T: Send>(
    py: Python<'py>,
    length: usize,
    write: impl FnOnce(&mut [u8]) -> Result<T> + Send,
) -> PyResult<(Bound<'py, PyBytes>, T)> {
    let mut result = Err(Error::Argument("nothing was written".into()));
    let bytes = PyBytes::new_with(py, length, |out| {
        result = py.detach(|| write(out));
        Ok(())
    })?;
    Ok((bytes, result.map_err(to_python)?))
}
