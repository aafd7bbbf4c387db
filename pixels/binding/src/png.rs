//! PNG.

use openmogr_pixels_core::png::{self, Compression, Decoder, EncodeOptions, Filter};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::buffer::Input;
use crate::errors::{ArgumentError, to_python};
use crate::picture::Picture;

/// What a PNG holds besides pixels; empty where there is none.
#[pyclass(frozen, module = "openmogr_pixels")]
pub struct PngMetadata(png::Metadata);

#[pymethods]
impl PngMetadata {
    #[getter]
    fn icc<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.icc)
    }

    #[getter]
    fn exif<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.exif)
    }

    #[getter]
    fn xmp<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.xmp)
    }
}

#[pyfunction]
#[pyo3(signature = (data, *, max_bytes = 1 << 30))]
pub fn decode_png(py: Python<'_>, data: Input<'_>, max_bytes: u64) -> PyResult<(Picture, PngMetadata)> {
    let bytes = &data[..];
    let decoder = py.detach(|| Decoder::new(bytes, max_bytes)).map_err(to_python)?;
    let (picture, metadata) =
        Picture::written(py, decoder.mode(), decoder.size(), |out| decoder.decode(out))?;
    Ok((picture, PngMetadata(metadata)))
}

#[pyfunction]
#[pyo3(signature = (
    picture, *, level = 6, filter = "adaptive", palette = true, reduce = false, effort = None, icc = None,
    exif = None, xmp = ""
))]
#[expect(clippy::too_many_arguments, reason = "keywords of one Python function")]
pub fn encode_png<'py>(
    py: Python<'py>,
    picture: &Picture,
    level: u8,
    filter: &str,
    palette: bool,
    reduce: bool,
    effort: Option<u8>,
    icc: Option<Input<'_>>,
    exif: Option<Input<'_>>,
    xmp: &str,
) -> PyResult<Bound<'py, PyBytes>> {
    let filter = Filter::from_name(filter).ok_or_else(|| {
        ArgumentError::new_err(format!("the filter is {filter:?}, not none, up, paeth or adaptive"))
    })?;
    let image = picture.image(py)?;
    let options = EncodeOptions {
        compression: match effort {
            Some(effort) => Compression::Search(effort),
            None if level == 0 => Compression::Fast,
            None => Compression::Level(level),
        },
        filter,
        palette,
        reduce,
        icc: icc.as_deref().unwrap_or_default(),
        exif: exif.as_deref().unwrap_or_default(),
        xmp,
    };
    let file = py.detach(|| png::encode(&image, &options)).map_err(to_python)?;
    Ok(PyBytes::new(py, &file))
}

#[pyfunction]
#[pyo3(signature = (data, *, effort = 2, max_bytes = 1 << 30))]
pub fn optimise_png<'py>(
    py: Python<'py>,
    data: Input<'_>,
    effort: u8,
    max_bytes: u64,
) -> PyResult<Bound<'py, PyBytes>> {
    let bytes = &data[..];
    let file = py.detach(|| png::optimise(bytes, effort, max_bytes)).map_err(to_python)?;
    Ok(PyBytes::new(py, &file))
}
