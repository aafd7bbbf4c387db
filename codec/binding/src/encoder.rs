//! Encoding of pictures.

use std::sync::Mutex;

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes};
use tpg::CancelCheck;
use tpg::colour::PlaneRef;
use tpg::encode::{EncodedImage, PixelFormat, Pixels, Source};

use crate::errors::{CancelledError, to_python};
use crate::options::{Settings, chroma_filter};

/// Python functions that hear of finished rows and may end the call; what they raise ends it as well.
pub(crate) struct Callbacks {
    progress: Option<Py<PyAny>>,
    cancel: Option<Py<PyAny>>,
    raised: Mutex<Option<PyErr>>,
    /// Rows that `progress` has heard of; locked while it runs, before the interpreter is entered.
    reported: Mutex<usize>,
}

impl Callbacks {
    pub(crate) fn new(progress: Option<Py<PyAny>>, cancel: Option<Py<PyAny>>) -> Self {
        Self { progress, cancel, raised: Mutex::new(None), reported: Mutex::new(0) }
    }

    fn keep(&self, error: PyErr) {
        if let Ok(mut raised) = self.raised.lock() {
            raised.get_or_insert(error);
        }
    }

    fn has_raised(&self) -> bool {
        self.raised.lock().is_ok_and(|raised| raised.is_some())
    }

    pub(crate) fn report(&self, done: usize, rows: usize) {
        let Some(progress) = &self.progress else { return };
        let Ok(mut reported) = self.reported.lock() else { return };
        // Rows that ended at the same time may be told in any order.
        if done <= *reported || self.has_raised() {
            return;
        }
        *reported = done;
        if let Err(error) = Python::attach(|py| progress.bind(py).call1((done, rows)).map(drop)) {
            self.keep(error);
        }
    }
}

impl CancelCheck for Callbacks {
    fn is_cancelled(&self) -> bool {
        if self.has_raised() {
            return true;
        }
        let answer = Python::attach(|py| {
            // Ctrl-C.
            py.check_signals()?;
            self.cancel.as_ref().map_or(Ok(false), |cancel| cancel.bind(py).call0()?.is_truthy())
        });
        answer.unwrap_or_else(|error| {
            self.keep(error);
            true
        })
    }
}

/// A result, or what Python is to raise instead.
pub(crate) fn outcome<T>(callbacks: Callbacks, result: Result<T, tpg::Error>) -> PyResult<T> {
    if let Some(error) = callbacks.raised.into_inner().ok().flatten() {
        return Err(error);
    }
    result.map_err(|error| match error {
        tpg::Error::Cancelled => CancelledError::new_err("encoding was cancelled"),
        error => to_python(&error),
    })
}

pub(crate) fn pixel_format(channels: usize) -> PyResult<PixelFormat> {
    match channels {
        1 => Ok(PixelFormat::Grey),
        2 => Ok(PixelFormat::GreyAlpha),
        3 => Ok(PixelFormat::Rgb),
        4 => Ok(PixelFormat::Rgba),
        _ => Err(PyValueError::new_err(format!("channels is {channels}, allowed are 1 to 4"))),
    }
}

/// A converted picture that can be encoded several times.
#[pyclass(frozen, module = "pillow_tpg._pillow_tpg")]
pub struct Encoder(Source);

#[pymethods]
impl Encoder {
    #[new]
    #[pyo3(signature = (pixels, width, height, channels, *, chroma="sharp"))]
    fn new(
        py: Python<'_>,
        pixels: &Bound<'_, PyAny>,
        width: usize,
        height: usize,
        channels: usize,
        chroma: &str,
    ) -> PyResult<Self> {
        let (format, filter) = (pixel_format(channels)?, chroma_filter(chroma)?);
        let pixels = PyBuffer::<u8>::get(pixels)?.to_vec(py)?;
        let source = py.detach(|| {
            let stride = width.saturating_mul(format.bytes());
            let pixels = Pixels::new(&pixels, width, height, stride, format)?;
            Ok(Source::new(&pixels, filter))
        });
        source.map(Self).map_err(|error| to_python(&error))
    }

    /// Whether an alpha picture will be written.
    #[getter]
    fn has_alpha(&self) -> bool {
        self.0.has_alpha()
    }

    /// Encodes with one QP.
    #[pyo3(signature = (qp, settings, *, progress, cancel))]
    fn encode(
        &self,
        py: Python<'_>,
        qp: u8,
        settings: Settings,
        progress: Option<Py<PyAny>>,
        cancel: Option<Py<PyAny>>,
    ) -> PyResult<Encoded> {
        let options = settings.options(qp, 0)?;
        let callbacks = Callbacks::new(progress, cancel);
        let result = py.detach(|| {
            let progress = |done, rows| callbacks.report(done, rows);
            self.0.encode(&options, &callbacks, &progress)
        });
        outcome(callbacks, result).map(Encoded)
    }
}

/// A file and what a decoder makes of it.
#[pyclass(frozen, module = "pillow_tpg._pillow_tpg")]
pub struct Encoded(EncodedImage);

#[pymethods]
impl Encoded {
    /// Size of the file in bytes.
    #[getter]
    fn size(&self) -> usize {
        self.0.file.len()
    }

    /// The TPG file.
    fn file<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.file)
    }

    /// Decoded plane, rows without padding: 0 Y, 1 Cb, 2 Cr, 3 alpha.
    fn plane<'py>(&self, py: Python<'py>, index: usize) -> PyResult<Bound<'py, PyByteArray>> {
        let plane: PlaneRef<'_> =
            self.0.plane(index).ok_or_else(|| PyValueError::new_err(format!("there is no plane {index}")))?;
        PyByteArray::new_with(py, plane.width * plane.height, |out| {
            plane.write(out).map_err(|error| to_python(&error))
        })
    }

    /// Decoded rows of R, G, B.
    fn rgb<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyByteArray>> {
        PyByteArray::new_with(py, self.0.rgb_bytes(), |out| {
            py.detach(|| self.0.write_rgb(out)).map_err(|error| to_python(&error))
        })
    }
}
