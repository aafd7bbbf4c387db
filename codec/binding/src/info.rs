//! What a file says about itself.

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;
use tpg::{Container, Mode};

use crate::errors::to_python;
use crate::options::{Limits, limits};

/// The structure of a TPG file.
#[pyclass(frozen, get_all, module = "pillow_tpg")]
pub struct Info {
    /// Width to show in pixels.
    width: u32,
    /// Height to show in pixels.
    height: u32,
    /// "still", "still+alpha", "animation" or "animation+alpha".
    mode: &'static str,
    /// All eight flag bits of the header chunk.
    flags: u8,
    /// Whether there is an alpha plane.
    has_alpha: bool,
    /// Whether the file is an animation.
    is_animated: bool,
    /// Whole frames in the file.
    frame_count: usize,
    /// Frames that the header chunk of an animation announces.
    declared_frame_count: Option<u32>,
    /// How long each frame is shown, in 1/100 s; empty for stills.
    delays: Vec<u16>,
    /// Width of the coded pictures, if their header can be read.
    coded_width: Option<u32>,
    /// Height of the coded pictures.
    coded_height: Option<u32>,
    /// QP of the first picture, 0 to 63.
    qp: Option<u8>,
    /// EXIF block without "Exif\0\0" in front.
    exif: Option<Py<PyBytes>>,
    /// User data chunks.
    user_data: Vec<Py<PyBytes>>,
    /// Why frames that the header announces cannot be shown.
    damage: Option<String>,
    /// Bytes behind the last chunk that are not a chunk.
    trailing_bytes: usize,
}

#[pymethods]
impl Info {
    fn __repr__(&self) -> String {
        let Self { width, height, mode, frame_count, .. } = self;
        format!("<pillow_tpg.Info {width}x{height} {mode}, frames: {frame_count}>")
    }
}

impl Info {
    pub fn new(py: Python<'_>, data: &[u8], container: &Container) -> Self {
        let bytes = |range: &std::ops::Range<usize>| {
            PyBytes::new(py, data.get(range.clone()).unwrap_or_default()).unbind()
        };
        let header = &container.header;
        let mode = header.mode();
        let coded = container.first_picture(data);
        Self {
            width: header.width,
            height: header.height,
            mode: match mode {
                Mode::StillAlpha => "still+alpha",
                Mode::Animation => "animation",
                Mode::AnimationAlpha => "animation+alpha",
                _ => "still",
            },
            flags: header.flags,
            has_alpha: mode.has_alpha(),
            is_animated: mode.is_animation(),
            frame_count: container.frames.len(),
            declared_frame_count: header.declared_frames,
            delays: match mode.is_animation() {
                true => container.frames.iter().map(|frame| frame.delay).collect(),
                false => Vec::new(),
            },
            coded_width: coded.map(|picture| picture.coded_width),
            coded_height: coded.map(|picture| picture.coded_height),
            qp: coded.and_then(|picture| picture.qp),
            exif: container.exif.as_ref().map(bytes),
            user_data: container.user_data.iter().map(bytes).collect(),
            damage: container.damage.as_ref().map(ToString::to_string),
            trailing_bytes: container.trailing_bytes,
        }
    }
}

/// Reads the structure of a TPG file without decoding a picture. With `cut` a first frame that is not whole counts.
#[pyfunction]
#[pyo3(signature = (data, *, limits=None, cut=false))]
pub fn read_info(
    py: Python<'_>,
    data: PyBackedBytes,
    limits: Option<&Bound<'_, Limits>>,
    cut: bool,
) -> PyResult<Info> {
    let limits = crate::info::limits(limits);
    let parse = if cut { Container::parse_cut } else { Container::parse };
    let container = py.detach(|| parse(&data, &limits)).map_err(|error| to_python(&error))?;
    Ok(Info::new(py, &data, &container))
}
