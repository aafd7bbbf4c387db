//! Decoders and the frames they give.

use std::sync::{Mutex, TryLockError};

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyByteArray;
use tpg::{CancelCheck, Error, FileType, colour::PlaneRef};

use crate::errors::to_python;
use crate::info::Info;
use crate::options::{Limits, options};

/// Asks a Python function whether to stop; what it raises stops the call as well.
struct Callback {
    function: Option<Py<PyAny>>,
    raised: Mutex<Option<PyErr>>,
}

impl CancelCheck for Callback {
    fn is_cancelled(&self) -> bool {
        let Some(function) = &self.function else { return false };
        let answer = Python::attach(|py| function.bind(py).call0()?.is_truthy());
        answer.unwrap_or_else(|error| {
            if let Ok(mut raised) = self.raised.lock() {
                *raised = Some(error);
            }
            true
        })
    }
}

enum Source {
    File(Box<tpg::Decoder<PyBackedBytes>>),
    Stream(Box<tpg::StreamDecoder<PyBackedBytes>>),
}

/// Iterates over the frames of a TPG file or of a bare AVS2 stream.
#[pyclass(frozen, module = "pillow_tpg")]
pub struct Decoder {
    source: Mutex<Source>,
    cancel: Callback,
    info: Option<Py<Info>>,
}

#[pymethods]
impl Decoder {
    #[new]
    #[pyo3(signature = (data, *, limits=None, threads=1, simd="auto", cancel=None))]
    fn new(
        py: Python<'_>,
        data: PyBackedBytes,
        limits: Option<&Bound<'_, Limits>>,
        threads: usize,
        simd: &str,
        cancel: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let options = options(limits, threads, simd)?;
        let source = py.detach(|| match tpg::file_type(&data) {
            Some(FileType::Avs2) => {
                tpg::StreamDecoder::new(data, options).map(|stream| Source::Stream(Box::new(stream)))
            }
            _ => tpg::Decoder::new(data, options).map(|file| Source::File(Box::new(file))),
        });
        Self::of(py, source.map_err(|error| to_python(&error))?, cancel)
    }

    /// For a TPG file that may be cut short: of its first frame there is as much as could be decoded.
    #[staticmethod]
    #[pyo3(signature = (data, *, limits=None, threads=1))]
    fn cut(
        py: Python<'_>,
        data: PyBackedBytes,
        limits: Option<&Bound<'_, Limits>>,
        threads: usize,
    ) -> PyResult<Self> {
        let options = options(limits, threads, "auto")?;
        let file = py.detach(|| tpg::Decoder::new_cut(data, options)).map_err(|error| to_python(&error))?;
        Self::of(py, Source::File(Box::new(file)), None)
    }

    /// The structure of the TPG file; None for a bare AVS2 stream.
    #[getter]
    fn info(&self, py: Python<'_>) -> Option<Py<Info>> {
        self.info.as_ref().map(|info| info.clone_ref(py))
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Frame>> {
        let result = py.detach(|| {
            let mut source = match self.source.try_lock() {
                Ok(source) => source,
                Err(TryLockError::Poisoned(_)) => return Err(None),
                Err(TryLockError::WouldBlock) => return Err(None),
            };
            match &mut *source {
                Source::File(file) => file.next_frame(&self.cancel).map_err(Some),
                Source::Stream(stream) => stream.next_frame(&self.cancel).map_err(Some),
            }
        });
        match result {
            Ok(frame) => Ok(frame.map(Frame)),
            Err(None) => Err(PyRuntimeError::new_err("the decoder is already running in another call")),
            Err(Some(error)) => {
                let raised = match error {
                    Error::Cancelled => self.cancel.raised.lock().ok().and_then(|mut raised| raised.take()),
                    _ => None,
                };
                Err(raised.unwrap_or_else(|| to_python(&error)))
            }
        }
    }
}

impl Decoder {
    fn of(py: Python<'_>, source: Source, cancel: Option<Py<PyAny>>) -> PyResult<Self> {
        let info = match &source {
            Source::File(file) => Some(Py::new(py, Info::new(py, file.data(), file.container()))?),
            Source::Stream(_) => None,
        };
        let cancel = Callback { function: cancel, raised: Mutex::new(None) };
        Ok(Self { source: Mutex::new(source), cancel, info })
    }
}

/// A decoded frame in the size to show.
#[pyclass(frozen, module = "pillow_tpg")]
pub struct Frame(tpg::Frame);

#[pymethods]
impl Frame {
    /// Position in the file, from 0.
    #[getter]
    fn index(&self) -> usize {
        self.0.index
    }

    /// How long the frame is shown, in 1/100 s; 0 in stills.
    #[getter]
    fn delay(&self) -> u16 {
        self.0.delay
    }

    /// Width in pixels.
    #[getter]
    fn width(&self) -> usize {
        self.0.width
    }

    /// Height in pixels.
    #[getter]
    fn height(&self) -> usize {
        self.0.height
    }

    /// Rows from the top that have all their pixels: the height, but for a frame that is not whole.
    #[getter]
    fn whole_rows(&self) -> usize {
        self.0.whole_rows
    }

    /// Whether there is an alpha plane.
    #[getter]
    fn has_alpha(&self) -> bool {
        self.0.has_alpha()
    }

    /// Samples of a plane, rows without padding: 0 Y, 1 Cb, 2 Cr, 3 alpha.
    fn plane<'py>(&self, py: Python<'py>, index: usize) -> PyResult<Bound<'py, PyByteArray>> {
        let plane = if index == 3 { self.0.alpha() } else { self.0.plane(index) };
        let plane = plane.ok_or_else(|| PyValueError::new_err(format!("the frame has no plane {index}")))?;
        fill(py, plane.width * plane.height, |out| plane.write(out))
    }

    /// Y, then Cb, then Cr: 8-bit planar 4:2:0.
    fn yuv420<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyByteArray>> {
        let planes: Vec<PlaneRef<'_>> = (0..3).filter_map(|index| self.0.plane(index)).collect();
        let bytes = planes.iter().map(|plane| plane.width * plane.height).sum();
        fill(py, bytes, |mut out| {
            for plane in &planes {
                let (now, rest) = std::mem::take(&mut out).split_at_mut(plane.width * plane.height);
                plane.write(now)?;
                out = rest;
            }
            Ok(())
        })
    }

    /// Rows of R, G, B.
    fn rgb<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyByteArray>> {
        fill(py, self.0.rgb_bytes(), |out| self.0.write_rgb(out))
    }

    /// Rows of R, G, B, A; A is 255 where there is no alpha plane.
    fn rgba<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyByteArray>> {
        fill(py, self.0.rgba_bytes(), |out| self.0.write_rgba(out))
    }

    fn __repr__(&self) -> String {
        format!("<pillow_tpg Frame {} of {}x{}>", self.0.index, self.0.width, self.0.height)
    }
}

/// A new byte array that `write` fills while other Python threads run.
fn fill<'py>(
    py: Python<'py>,
    bytes: usize,
    write: impl FnOnce(&mut [u8]) -> Result<(), Error> + Send,
) -> PyResult<Bound<'py, PyByteArray>> {
    PyByteArray::new_with(py, bytes, |out| py.detach(|| write(out)).map_err(|error| to_python(&error)))
}
