//! Encoding of animations.

use std::sync::Mutex;

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes};
use tpg::encode::{AnimationWriter, ChromaFilter, Pixels, Source};

use crate::encoder::{Callbacks, outcome, pixel_format};
use crate::errors::to_python;
use crate::options::Settings;

/// Writes an animation frame by frame.
#[pyclass(frozen, module = "pillow_tpg._pillow_tpg")]
pub struct AnimationEncoder {
    /// None after the end or an error.
    writer: Mutex<Option<AnimationWriter>>,
    filter: ChromaFilter,
    size: (usize, usize),
}

fn is_over() -> PyErr {
    PyValueError::new_err("the animation is finished, or was given up after an error")
}

#[pymethods]
impl AnimationEncoder {
    #[new]
    #[pyo3(signature = (width, height, qp, settings, *, qp_fraction))]
    fn new(width: u32, height: u32, qp: u8, settings: Settings, qp_fraction: i8) -> PyResult<Self> {
        let options = settings.options(qp, qp_fraction)?;
        let writer = match settings.has_alpha() {
            true => AnimationWriter::with_alpha(width, height, &options),
            false => AnimationWriter::new(width, height, &options),
        };
        Ok(Self {
            writer: Mutex::new(Some(writer.map_err(|error| to_python(&error))?)),
            filter: settings.chroma_filter()?,
            size: (width as usize, height as usize),
        })
    }

    /// Adds a frame of the animation's size and encodes the one that has waited long enough, if any; `delay` is in
    /// 1/100 s.
    #[pyo3(signature = (pixels, channels, delay, *, progress, cancel))]
    fn push(
        &self,
        py: Python<'_>,
        pixels: &Bound<'_, PyAny>,
        channels: usize,
        delay: u32,
        progress: Option<Py<PyAny>>,
        cancel: Option<Py<PyAny>>,
    ) -> PyResult<()> {
        let format = pixel_format(channels)?;
        let pixels = PyBuffer::<u8>::get(pixels)?.to_vec(py)?;
        let mut writer = self.take()?;
        let callbacks = Callbacks::new(progress, cancel);
        let (width, height) = self.size;
        let result = py.detach(|| {
            let pixels = Pixels::new(&pixels, width, height, width.saturating_mul(format.bytes()), format)?;
            let source = Source::of_frame(&pixels, self.filter);
            writer.push(source, delay, &callbacks, &|done, rows| callbacks.report(done, rows))?;
            Ok(writer)
        });
        let writer = outcome(callbacks, result)?;
        *self.writer.lock().map_err(|_| is_over())? = Some(writer);
        Ok(())
    }

    /// Encodes the first frame that waits, when there are no more to add.
    #[pyo3(signature = (*, progress, cancel))]
    fn encode_next(
        &self,
        py: Python<'_>,
        progress: Option<Py<PyAny>>,
        cancel: Option<Py<PyAny>>,
    ) -> PyResult<()> {
        let mut writer = self.take()?;
        let callbacks = Callbacks::new(progress, cancel);
        let result = py.detach(|| {
            writer.encode_next(&callbacks, &|done, rows| callbacks.report(done, rows))?;
            Ok(writer)
        });
        let writer = outcome(callbacks, result)?;
        *self.writer.lock().map_err(|_| is_over())? = Some(writer);
        Ok(())
    }

    /// Frames encoded and frames that wait; equal ones in a row are one.
    fn counts(&self) -> PyResult<(usize, usize)> {
        let writer = self.writer.lock().map_err(|_| is_over())?;
        let writer = writer.as_ref().ok_or_else(is_over)?;
        Ok((writer.encoded(), writer.waiting()))
    }

    /// Rows of R, G, B that a decoder makes of the frame that was encoded last.
    fn rgb<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyByteArray>> {
        let frame = match &*self.writer.lock().map_err(|_| is_over())? {
            Some(writer) => writer.reconstruction(),
            None => None,
        };
        let frame = frame.ok_or_else(|| PyValueError::new_err("no frame was encoded"))?;
        PyByteArray::new_with(py, frame.rgb_bytes(), |out| {
            py.detach(|| frame.write_rgb(out)).map_err(|error| to_python(&error))
        })
    }

    /// The file. Nothing can be added afterwards.
    #[pyo3(signature = (*, cancel))]
    fn finish<'py>(&self, py: Python<'py>, cancel: Option<Py<PyAny>>) -> PyResult<Bound<'py, PyBytes>> {
        let writer = self.take()?;
        let callbacks = Callbacks::new(None, cancel);
        let result = py.detach(|| writer.finish(&callbacks));
        Ok(PyBytes::new(py, &outcome(callbacks, result)?))
    }
}

impl AnimationEncoder {
    /// The writer, which has to be put back after success.
    fn take(&self) -> PyResult<AnimationWriter> {
        self.writer.lock().map_err(|_| is_over())?.take().ok_or_else(is_over)
    }
}
