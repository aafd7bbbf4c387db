//! JPEG.

use openmogr_pixels_core::jpeg::{
    self, DecodeOptions, Decoder, EncodeOptions, Quantisation, RecodeOptions, Sampling, Segments,
};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::buffer::Input;
use crate::errors::{ArgumentError, to_python};
use crate::picture::{Picture, region};

/// What a JPEG says of itself before its pixels.
#[pyclass(frozen, get_all, module = "openmogr_pixels")]
pub struct JpegHeader {
    width: u32,
    height: u32,
    components: Vec<(u8, u8)>,
    mode: Option<&'static str>,
    sampling: Option<&'static str>,
    precision: u8,
    progressive: bool,
    arithmetic: bool,
    lossless: bool,
    scans: u32,
}

/// What was found while decoding a JPEG.
#[pyclass(frozen, get_all, module = "openmogr_pixels")]
pub struct JpegReport {
    warnings: Vec<String>,
    warning_count: u32,
    missing_end: bool,
    truncated: bool,
}

#[pyfunction]
#[pyo3(signature = (data, *, max_scans = 1000))]
pub fn read_jpeg_header(py: Python<'_>, data: Input<'_>, max_scans: u32) -> PyResult<JpegHeader> {
    let bytes = &data[..];
    let (header, scans) = py
        .detach(|| {
            let header = jpeg::read_header(bytes)?;
            let scans = jpeg::count_scans(bytes, &header, max_scans);
            Ok((header, scans))
        })
        .map_err(to_python)?;
    Ok(JpegHeader {
        width: header.width,
        height: header.height,
        components: header.components.iter().map(|part| (part.across, part.down)).collect(),
        mode: header.mode().map(|mode| mode.name()),
        sampling: header.sampling(),
        precision: header.precision,
        progressive: header.progressive,
        arithmetic: header.arithmetic,
        lossless: header.lossless,
        scans,
    })
}

#[pyfunction]
#[pyo3(signature = (data, *, scale = 8, r#box = None, max_scans = 1000, max_bytes = 1 << 30))]
pub fn decode_jpeg(
    py: Python<'_>,
    data: Input<'_>,
    scale: u8,
    r#box: Option<(u32, u32, u32, u32)>,
    max_scans: u32,
    max_bytes: u64,
) -> PyResult<(Picture, JpegReport)> {
    let window = r#box.map(|(left, top, right, bottom)| region(left, top, right, bottom));
    let options =
        DecodeOptions { scale, region: window.transpose().map_err(to_python)?, max_scans, max_bytes };
    let bytes = &data[..];
    let decoder = py.detach(|| Decoder::new(bytes, &options)).map_err(to_python)?;
    let (picture, report) = Picture::written(py, decoder.mode(), decoder.size(), |out| decoder.decode(out))?;
    let jpeg::Report { warnings, warning_count, missing_end, truncated } = report;
    Ok((picture, JpegReport { warnings, warning_count, missing_end, truncated }))
}

#[pyfunction]
#[pyo3(signature = (
    picture, *, quality = 75, sampling = "4:2:0", progressive = false, optimize = false, dpi = None,
    exif = None, xmp = None, icc = None, max_bytes = 1 << 30
))]
#[expect(clippy::too_many_arguments, reason = "keywords of one Python function")]
pub fn encode_jpeg<'py>(
    py: Python<'py>,
    picture: &Picture,
    quality: u8,
    sampling: &str,
    progressive: bool,
    optimize: bool,
    dpi: Option<(u16, u16)>,
    exif: Option<Input<'_>>,
    xmp: Option<Input<'_>>,
    icc: Option<Input<'_>>,
    max_bytes: u64,
) -> PyResult<Bound<'py, PyBytes>> {
    let sampling = Sampling::from_name(sampling).ok_or_else(|| {
        ArgumentError::new_err(format!("the sampling is {sampling:?}, not 4:4:4, 4:2:2 or 4:2:0"))
    })?;
    let image = picture.image(py)?;
    let options = EncodeOptions {
        quality,
        sampling,
        progressive,
        optimize,
        density: dpi,
        segments: segments(&exif, &xmp, &icc),
        max_bytes,
    };
    let file = py.detach(|| jpeg::encode(&image, &options)).map_err(to_python)?;
    Ok(PyBytes::new(py, &file))
}

#[pyfunction]
#[pyo3(signature = (
    data, *, quality = None, thorough = true, exif = None, xmp = None, icc = None, max_scans = 1000,
    max_bytes = 1 << 30
))]
#[expect(clippy::too_many_arguments, reason = "keywords of one Python function")]
pub fn recode_jpeg<'py>(
    py: Python<'py>,
    data: Input<'_>,
    quality: Option<u8>,
    thorough: bool,
    exif: Option<Input<'_>>,
    xmp: Option<Input<'_>>,
    icc: Option<Input<'_>>,
    max_scans: u32,
    max_bytes: u64,
) -> PyResult<Bound<'py, PyBytes>> {
    let bytes = &data[..];
    let options = RecodeOptions {
        quantisation: quality.map_or(Quantisation::Kept, Quantisation::Quality),
        thorough,
        segments: segments(&exif, &xmp, &icc),
        max_scans,
        max_bytes,
    };
    let file = py.detach(|| jpeg::recode(bytes, &options)).map_err(to_python)?;
    Ok(PyBytes::new(py, &file))
}

fn segments<'a>(
    exif: &'a Option<Input<'_>>,
    xmp: &'a Option<Input<'_>>,
    icc: &'a Option<Input<'_>>,
) -> Segments<'a> {
    Segments {
        exif: exif.as_deref().unwrap_or_default(),
        xmp: xmp.as_deref().unwrap_or_default(),
        icc: icc.as_deref().unwrap_or_default(),
    }
}

#[pyfunction]
pub fn has_jpeg_simd() -> bool {
    jpeg::has_simd()
}
