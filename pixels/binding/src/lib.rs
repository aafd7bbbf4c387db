//! Python binding of `openmogr-pixels-core` and `openmogr-sandbox`; the interpreter's lock is released while pixels are worked on.
#![forbid(unsafe_code)]

mod buffer;
mod errors;
mod gif;
mod jpeg;
mod picture;
mod png;
mod sandbox;

use pyo3::prelude::*;

/// Native part of `openmogr_pixels`.
#[pymodule(gil_used = false)]
mod _openmogr_pixels {
    #[pymodule_export]
    use super::errors::{ArgumentError, DamagedError, LimitError, PixelsError, UnsupportedError};
    #[pymodule_export]
    use super::gif::encode_gif_samples;
    #[pymodule_export]
    use super::jpeg::{
        JpegHeader, JpegReport, decode_jpeg, encode_jpeg, has_jpeg_simd, read_jpeg_header, recode_jpeg,
    };
    #[pymodule_export]
    use super::picture::Picture;
    #[pymodule_export]
    use super::png::{PngMetadata, decode_png, encode_png, optimise_png};
    #[pymodule_export]
    use super::sandbox::{confine, confinement};

    #[pymodule_export]
    #[allow(non_upper_case_globals)]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
