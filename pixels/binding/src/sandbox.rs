use std::path::PathBuf;

use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;

/// Closes this process in for good: no files but those below `readable`, no network, no other programs.
#[pyfunction]
pub fn confine(readable: Vec<PathBuf>) -> PyResult<()> {
    openmogr_sandbox::confine(&readable).map(drop).map_err(PyOSError::new_err)
}

/// What `confine` uses on this system, in words.
#[pyfunction]
pub fn confinement() -> &'static str {
    let found = openmogr_sandbox::available();
    match (found.landlock, found.seccomp) {
        (true, true) => "Landlock and seccomp",
        (true, false) => "Landlock",
        (false, true) => "seccomp",
        (false, false) => "nothing of the kernel's",
    }
}
