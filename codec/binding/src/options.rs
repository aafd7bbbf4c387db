//! Budgets and choices as Python passes them.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use tpg::{Options, SimdLevel};

const MAX_THREADS: usize = 64;

/// Budgets that are checked before memory is allocated; what is not given has its default.
#[pyclass(frozen, eq, module = "pillow_tpg")]
#[derive(Clone, PartialEq)]
pub struct Limits(pub tpg::Limits);

#[pymethods]
impl Limits {
    #[new]
    #[pyo3(signature = (*, max_pixels=None, max_frames=None, max_total_pixels=None, max_bytes=None, max_memory=None))]
    fn new(
        max_pixels: Option<u64>,
        max_frames: Option<u32>,
        max_total_pixels: Option<u64>,
        max_bytes: Option<usize>,
        max_memory: Option<usize>,
    ) -> Self {
        let default = tpg::Limits::default();
        Self(tpg::Limits {
            max_pixels: max_pixels.unwrap_or(default.max_pixels),
            max_frames: max_frames.unwrap_or(default.max_frames),
            max_total_pixels: max_total_pixels.unwrap_or(default.max_total_pixels),
            max_bytes: max_bytes.unwrap_or(default.max_bytes),
            max_memory: max_memory.unwrap_or(default.max_memory),
        })
    }

    /// Largest number of pixels of one frame.
    #[getter]
    fn max_pixels(&self) -> u64 {
        self.0.max_pixels
    }

    /// Largest number of frames.
    #[getter]
    fn max_frames(&self) -> u32 {
        self.0.max_frames
    }

    /// Largest number of pixels of all frames together.
    #[getter]
    fn max_total_pixels(&self) -> u64 {
        self.0.max_total_pixels
    }

    /// Largest size of a file in bytes.
    #[getter]
    fn max_bytes(&self) -> usize {
        self.0.max_bytes
    }

    /// Largest number of bytes in the decoder's picture buffers.
    #[getter]
    fn max_memory(&self) -> usize {
        self.0.max_memory
    }

    fn __repr__(&self) -> String {
        let tpg::Limits { max_pixels, max_frames, max_total_pixels, max_bytes, max_memory } = self.0;
        format!(
            "Limits(max_pixels={max_pixels}, max_frames={max_frames}, max_total_pixels={max_total_pixels}, \
             max_bytes={max_bytes}, max_memory={max_memory})"
        )
    }
}

pub fn limits(limits: Option<&Bound<'_, Limits>>) -> tpg::Limits {
    limits.map_or_else(tpg::Limits::default, |limits| limits.get().0)
}

pub fn options(limits_given: Option<&Bound<'_, Limits>>, threads: usize, simd: &str) -> PyResult<Options> {
    if !(1..=MAX_THREADS).contains(&threads) {
        return Err(PyValueError::new_err(format!("threads is {threads}, allowed are 1 to {MAX_THREADS}")));
    }
    let simd = match simd {
        "auto" => SimdLevel::Auto,
        "scalar" => SimdLevel::Scalar,
        "avx2" => SimdLevel::Avx2,
        other => {
            let message = format!("simd is {other:?}, allowed are \"auto\", \"scalar\" and \"avx2\"");
            return Err(PyValueError::new_err(message));
        }
    };
    Ok(Options { limits: limits(limits_given), threads, simd })
}
