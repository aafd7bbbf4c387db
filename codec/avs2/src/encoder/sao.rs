//! stub
use crate::filter::Geometry;
use crate::picture::PlaneBuffer;
use crate::simd::Backend;
use super::row::Row;
pub(super) struct Task<'a> { pub geometry: Geometry, pub source: &'a [PlaneBuffer;3], pub lambda: f64, pub backend: Backend, pub slice_rows: usize }
pub(super) fn apply(_t: &Task<'_>, _p: &mut [PlaneBuffer;3], _r: &mut [Row]) -> [bool;3] { [false;3] }
