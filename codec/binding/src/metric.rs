//! SSIMULACRA2, the scale on which `quality` is calibrated and `target_ssimulacra2` is searched.

use fast_ssim2::{PixelDescriptor, PixelSlice, Ssimulacra2Reference};
use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

const CHANNELS: u32 = 3;

/// A reference picture, analysed once, to which others of the same size are compared.
#[pyclass(frozen, module = "pillow_tpg._pillow_tpg")]
pub struct Ssimulacra2 {
    reference: Ssimulacra2Reference,
    width: u32,
    height: u32,
}

#[pymethods]
impl Ssimulacra2 {
    #[new]
    fn new(py: Python<'_>, pixels: &Bound<'_, PyAny>, width: u32, height: u32) -> PyResult<Self> {
        let pixels = copy(py, pixels, width, height)?;
        let reference =
            py.detach(|| Ssimulacra2Reference::new(&slice(&pixels, width, height)?).map_err(refused))?;
        Ok(Self { reference, width, height })
    }

    /// 100 for the same picture, lower the more a viewer sees, below 0 for a ruin.
    fn score(&self, py: Python<'_>, pixels: &Bound<'_, PyAny>) -> PyResult<f64> {
        let pixels = copy(py, pixels, self.width, self.height)?;
        py.detach(|| self.reference.compare(&slice(&pixels, self.width, self.height)?).map_err(refused))
    }
}

fn copy(py: Python<'_>, pixels: &Bound<'_, PyAny>, width: u32, height: u32) -> PyResult<Vec<u8>> {
    let pixels = PyBuffer::<u8>::get(pixels)?.to_vec(py)?;
    let wanted = u64::from(width) * u64::from(height) * u64::from(CHANNELS);
    if pixels.len() as u64 != wanted {
        return Err(PyValueError::new_err(format!(
            "{width}x{height} RGB pixels take {wanted} bytes, not {}",
            pixels.len()
        )));
    }
    Ok(pixels)
}

fn slice(pixels: &[u8], width: u32, height: u32) -> PyResult<PixelSlice<'_>> {
    let stride = width as usize * CHANNELS as usize;
    PixelSlice::new(pixels, width, height, stride, PixelDescriptor::RGB8_SRGB).map_err(refused)
}

fn refused(error: impl std::fmt::Debug) -> PyErr {
    PyValueError::new_err(format!("the pictures cannot be compared: {error:?}"))
}
