//! Python binding of the `tpg` crate; `pillow_tpg` wraps it.
#![forbid(unsafe_code)]

mod animation;
mod decoder;
mod encoder;
mod errors;
mod info;
mod metric;
mod options;

use pyo3::prelude::*;

/// "tpg" or "avs2" by the first bytes of `data`, None for anything else.
#[pyfunction]
fn file_type(data: &[u8]) -> Option<&'static str> {
    match tpg::file_type(data)? {
        tpg::FileType::Tpg => Some("tpg"),
        tpg::FileType::Avs2 => Some("avs2"),
        _ => None,
    }
}

/// Native part of `pillow_tpg`.
#[pymodule(gil_used = false)]
mod _pillow_tpg {
    #[pymodule_export]
    use super::animation::AnimationEncoder;
    #[pymodule_export]
    use super::decoder::{Decoder, Frame};
    #[pymodule_export]
    use super::encoder::{Encoded, Encoder};
    #[pymodule_export]
    use super::errors::{
        BufferSizeError, CancelledError, InvalidContainerError, InvalidStreamError, LimitError,
        MissingPictureError, NotTpgError, SizeMismatchError, TpgError, TruncatedError, UnsupportedError,
    };
    #[pymodule_export]
    use super::file_type;
    #[pymodule_export]
    use super::info::{Info, read_info};
    #[pymodule_export]
    use super::metric::Ssimulacra2;
    #[pymodule_export]
    use super::options::Limits;

    #[pymodule_export]
    #[allow(non_upper_case_globals)]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
