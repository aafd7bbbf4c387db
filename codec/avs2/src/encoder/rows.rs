//! Copies of short rows.

/// Copies a row, mostly one of a small block: copies of a known length are a few instructions, others a call.
#[inline(always)]
pub(in crate::encoder) fn copy_row<T: Copy>(to: &mut [T], from: &[T]) {
    match to.len() {
        4 => to[..4].copy_from_slice(&from[..4]),
        8 => to[..8].copy_from_slice(&from[..8]),
        16 => to[..16].copy_from_slice(&from[..16]),
        _ => to.copy_from_slice(from),
    }
}
