//! GIF.

use openmogr_pixels_core::gif::{self, LzwOptions};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::buffer::Input;
use crate::errors::{ArgumentError, to_python};

#[pyfunction]
#[pyo3(signature = (samples, colors, *, transparent = None, tolerance = 0))]
pub fn encode_gif_samples<'py>(
    py: Python<'py>,
    samples: Input<'_>,
    colors: Input<'_>,
    transparent: Option<u8>,
    tolerance: u32,
) -> PyResult<(Bound<'py, PyBytes>, Bound<'py, PyBytes>)> {
    let (triples, rest) = colors.as_chunks::<3>();
    if !rest.is_empty() {
        return Err(ArgumentError::new_err(format!(
            "colours take 3 bytes each, not {} in all",
            colors.len()
        )));
    }
    let (bytes, options) = (&samples[..], LzwOptions { colors: triples, transparent, tolerance });
    let (data, shown) = py.detach(|| gif::encode(bytes, &options)).map_err(to_python)?;
    Ok((PyBytes::new(py, &data), PyBytes::new(py, &shown)))
}
