//! Budgets and choices as Python passes them.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use tpg::encode::{ChromaFilter, EncodeOptions, PictureOptions, ToolSet};
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
        "neon" => SimdLevel::Neon,
        other => {
            let allowed = "\"auto\", \"scalar\", \"avx2\" and \"neon\"";
            let message = format!("simd is {other:?}, allowed are {allowed}");
            return Err(PyValueError::new_err(message));
        }
    };
    Ok(Options { limits: limits(limits_given), threads, simd })
}

/// How pictures are encoded: `pillow_tpg.settings.Settings`, a dictionary in which most may be missing.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct Settings {
    #[pyo3(default = 5)]
    effort: u8,
    #[pyo3(default = "full".into())]
    tools: String,
    #[pyo3(default = "sharp".into())]
    chroma: String,
    #[pyo3(default = 1.0)]
    perceptual: f32,
    #[pyo3(default)]
    chroma_qp_delta: Option<[i8; 2]>,
    #[pyo3(default)]
    lcu_size: Option<u8>,
    #[pyo3(default)]
    slice_rows: usize,
    #[pyo3(default = 1)]
    threads: usize,
    #[pyo3(default = "auto".into())]
    simd: String,
    /// QP of alpha pictures, where there are any.
    alpha_qp: Option<u8>,
    exif: Option<Vec<u8>>,
}

impl Settings {
    /// Options of the codec with a QP and its fraction.
    pub fn options(&self, qp: u8, qp_fraction: i8) -> PyResult<EncodeOptions> {
        let choices = options(None, self.threads, &self.simd)?;
        let picture = PictureOptions {
            qp,
            qp_fraction,
            effort: self.effort,
            tools: tool_set(&self.tools)?,
            lcu_size_log2: lcu_log2(self.lcu_size)?,
            chroma_qp_delta: self.chroma_qp_delta,
            perceptual: self.perceptual,
            slice_rows: self.slice_rows,
            simd: choices.simd,
            threads: choices.threads,
            ..PictureOptions::default()
        };
        Ok(EncodeOptions { picture, alpha_qp: self.alpha_qp.unwrap_or_default(), exif: self.exif.clone() })
    }

    /// How chroma is brought to half size.
    pub fn chroma_filter(&self) -> PyResult<ChromaFilter> {
        chroma_filter(&self.chroma)
    }

    /// Whether alpha pictures are to be written.
    pub fn has_alpha(&self) -> bool {
        self.alpha_qp.is_some()
    }
}

pub(crate) fn chroma_filter(chroma: &str) -> PyResult<ChromaFilter> {
    match chroma {
        "box" => Ok(ChromaFilter::Box),
        "lanczos" => Ok(ChromaFilter::Lanczos),
        "sharp" => Ok(ChromaFilter::Sharp),
        other => {
            let message = format!("chroma is {other:?}, allowed are \"box\", \"lanczos\" and \"sharp\"");
            Err(PyValueError::new_err(message))
        }
    }
}

fn tool_set(tools: &str) -> PyResult<ToolSet> {
    match tools {
        "full" => Ok(ToolSet::Full),
        "genuine" | "compatible" => Ok(ToolSet::Genuine),
        other => {
            let message = format!("tools is {other:?}, allowed are \"full\" and \"genuine\"");
            Err(PyValueError::new_err(message))
        }
    }
}

fn lcu_log2(size: Option<u8>) -> PyResult<Option<u8>> {
    match size {
        None => Ok(None),
        Some(32) => Ok(Some(5)),
        Some(64) => Ok(Some(6)),
        Some(other) => Err(PyValueError::new_err(format!("lcu_size is {other}, allowed are 32 and 64"))),
    }
}
