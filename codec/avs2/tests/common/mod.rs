//! Helpers of the integration tests.

#![allow(clippy::print_stdout)]

use std::path::PathBuf;

/// A path below the shared data: `$OPENMOGR_SHARED`, or `shared` beside the repository. Without them the test is
/// skipped, which it says on standard output.
pub fn shared(path: &str) -> Option<PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let root = std::env::var_os("OPENMOGR_SHARED").map_or_else(|| PathBuf::from(beside), PathBuf::from);
    let path = root.join(path);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: {} does not exist; set OPENMOGR_SHARED", path.display());
    None
}
