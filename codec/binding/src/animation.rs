//! Encoding of animations.

use std::sync::Mutex;

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use tpg::encode::{AnimationWriter, ChromaFilter, EncodeOptions, PictureOptions, Pixels, Source};

use crate::encoder::{Callbacks, chroma_filter, lcu_log2, pixel_format, tool_set};
use crate::errors::{CancelledError, to_python};
use crate::options::options;

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
    #[pyo3(signature = (width, height, qp, *, chroma, effort, tools, perceptual, lcu_size, exif, threads, simd))]
    #[allow(clippy::too_many_arguments)]
    fn new(
        width: u32,
        height: u32,
        qp: u8,
        chroma: &str,
        effort: u8,
        tools: &str,
        perceptual: f32,
        lcu_size: Option<u8>,
        exif: Option<Vec<u8>>,
        threads: usize,
        simd: &str,
    ) -> PyResult<Self> {
        let choices = options(None, threads, simd)?;
        let picture = PictureOptions {
            qp,
            effort,
            tools: tool_set(tools)?,
            lcu_size_log2: lcu_log2(lcu_size)?,
            perceptual,
            simd: choices.simd,
            threads: choices.threads,
            ..PictureOptions::default()
        };
        let options = EncodeOptions { picture, exif, ..EncodeOptions::default() };
        let writer = AnimationWriter::new(width, height, &options).map_err(|error| to_python(&error))?;
        Ok(Self {
            writer: Mutex::new(Some(writer)),
            filter: chroma_filter(chroma)?,
            size: (width as usize, height as usize),
        })
    }

    /// Encodes a frame of the animation's size; `delay` is in 1/100 s.
    #[pyo3(signature = (pixels, channels, delay, *, cancel))]
    fn push(
        &self,
        py: Python<'_>,
        pixels: &Bound<'_, PyAny>,
        channels: usize,
        delay: u16,
        cancel: Option<Py<PyAny>>,
    ) -> PyResult<()> {
        let format = pixel_format(channels)?;
        let pixels = PyBuffer::<u8>::get(pixels)?.to_vec(py)?;
        let mut writer = self.writer.lock().map_err(|_| is_over())?.take().ok_or_else(is_over)?;
        let callbacks = Callbacks::new(None, cancel);
        let (width, height) = self.size;
        let result = py.detach(|| {
            let pixels = Pixels::new(&pixels, width, height, width.saturating_mul(format.bytes()), format)?;
            let source = Source::new(&pixels, self.filter);
            writer.push(source, delay, &callbacks, &|_, _| {})?;
            Ok(writer)
        });
        if let Some(error) = callbacks.into_raised() {
            return Err(error);
        }
        match result {
            Ok(writer) => {
                *self.writer.lock().map_err(|_| is_over())? = Some(writer);
                Ok(())
            }
            Err(tpg::Error::Cancelled) => Err(CancelledError::new_err("encoding was cancelled")),
            Err(error) => Err(to_python(&error)),
        }
    }

    /// The file. Nothing can be added afterwards.
    fn finish<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let writer = self.writer.lock().map_err(|_| is_over())?.take().ok_or_else(is_over)?;
        let file = writer.finish().map_err(|error| to_python(&error))?;
        Ok(PyBytes::new(py, &file))
    }
}
