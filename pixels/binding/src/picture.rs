//! Pixels between two calls.

use openmogr_pixels_core::resize::{Filter, resize};
use openmogr_pixels_core::{Error, Image, Mode, Region, Result, alpha, byte_count, quantise, score};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::buffer::{Input, written};
use crate::errors::{ArgumentError, to_python};

/// Pixels of 8 bit samples, interleaved, rows without padding.
#[pyclass(frozen, module = "openmogr_pixels")]
pub struct Picture {
    mode: Mode,
    width: u32,
    height: u32,
    data: Py<PyBytes>,
}

impl Picture {
    /// Has `write` fill a new picture.
    pub fn written<T: Send>(
        py: Python<'_>,
        mode: Mode,
        (width, height): (u32, u32),
        write: impl FnOnce(&mut [u8]) -> Result<T> + Send,
    ) -> PyResult<(Self, T)> {
        let length = byte_count(mode, width, height).map_err(to_python)?;
        let (data, told) = written(py, length, write)?;
        Ok((Self { mode, width, height, data: data.unbind() }, told))
    }

    pub fn image<'a>(&'a self, py: Python<'a>) -> PyResult<Image<'a>> {
        Image::new(self.mode, self.width, self.height, self.data.as_bytes(py)).map_err(to_python)
    }
}

#[pymethods]
impl Picture {
    #[new]
    fn new(py: Python<'_>, mode: &str, width: u32, height: u32, data: &Bound<'_, PyAny>) -> PyResult<Self> {
        let mode = Mode::from_name(mode).ok_or_else(|| {
            ArgumentError::new_err(format!("the mode is {mode:?}, not L, LA, RGB, RGBA or CMYK"))
        })?;
        let data = match data.extract::<Input<'_>>()? {
            Input::Borrowed(bytes) => bytes,
            Input::Copied(bytes) => PyBytes::new(py, &bytes),
        };
        Image::new(mode, width, height, data.as_bytes()).map_err(to_python)?;
        Ok(Self { mode, width, height, data: data.unbind() })
    }

    #[getter]
    fn mode(&self) -> &'static str {
        self.mode.name()
    }

    #[getter]
    fn width(&self) -> u32 {
        self.width
    }

    #[getter]
    fn height(&self) -> u32 {
        self.height
    }

    #[getter]
    fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    #[getter]
    fn data<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        self.data.bind(py).clone()
    }

    #[pyo3(signature = (width, height, *, filter = "lanczos", r#box = None))]
    fn resize(
        &self,
        py: Python<'_>,
        width: u32,
        height: u32,
        filter: &str,
        r#box: Option<(f64, f64, f64, f64)>,
    ) -> PyResult<Self> {
        let kernel = Filter::from_name(filter).ok_or_else(|| {
            ArgumentError::new_err(format!("the filter is {filter:?}, not box, bilinear, bicubic or lanczos"))
        })?;
        let image = self.image(py)?;
        Ok(Self::written(py, self.mode, (width, height), |out| {
            resize(&image, r#box, (width, height), kernel, out)
        })?
        .0)
    }

    fn crop(&self, py: Python<'_>, left: u32, top: u32, right: u32, bottom: u32) -> PyResult<Self> {
        let image = self.image(py)?;
        let region = region(left, top, right, bottom)
            .and_then(|region| region.within(self.width, self.height))
            .map_err(to_python)?;
        let channels = self.mode.channels();
        let (start, length) = (left as usize * channels, region.width as usize * channels);
        Ok(Self::written(py, self.mode, (region.width, region.height), |out| {
            for (target, row) in out.chunks_exact_mut(length).zip(image.rows().skip(top as usize)) {
                target.copy_from_slice(&row[start..start + length]);
            }
            Ok(())
        })?
        .0)
    }

    #[pyo3(signature = (color = None))]
    fn flatten(&self, py: Python<'_>, color: Option<Vec<u8>>) -> PyResult<Self> {
        let image = self.image(py)?;
        let mode = alpha::opaque(self.mode);
        let color = color.unwrap_or_else(|| vec![255; mode.channels()]);
        Ok(Self::written(py, mode, (self.width, self.height), |out| alpha::flatten(&image, &color, out))?.0)
    }

    #[pyo3(signature = (colors = 256, *, dithering = 1.0))]
    fn quantise(&self, py: Python<'_>, colors: u16, dithering: f32) -> PyResult<Self> {
        let image = self.image(py)?;
        Ok(Self::written(py, self.mode, (self.width, self.height), |out| {
            quantise::quantise(&image, colors, dithering, out)
        })?
        .0)
    }

    #[pyo3(signature = (other, *, max_pixels = 1 << 20))]
    fn score(&self, py: Python<'_>, other: &Self, max_pixels: u32) -> PyResult<f64> {
        let (image, other) = (self.image(py)?, other.image(py)?);
        py.detach(|| score::score(&image, &other, max_pixels)).map_err(to_python)
    }

    fn __repr__(&self) -> String {
        format!("<Picture {} {}x{}>", self.mode.name(), self.width, self.height)
    }
}

/// The window between two corners.
pub fn region(left: u32, top: u32, right: u32, bottom: u32) -> Result<Region> {
    match (right.checked_sub(left), bottom.checked_sub(top)) {
        (Some(width), Some(height)) => Ok(Region { left, top, width, height }),
        _ => Err(Error::Argument(format!("the window {left},{top} to {right},{bottom} is empty"))),
    }
}
