//! Sample adaptive offset.

use crate::simd::Backend;
use crate::simd::vector::{Table16, Table32, U8x32, Vector};

/// Adds the offsets of the 32 bands to a row.
pub(crate) fn filter_band(backend: Backend, table: &[i8; 32], row: &mut [u8]) -> bool {
    if !backend.has_vectors() || row.len() < 32 {
        return false;
    }
    let vectors = row.len() / 32;
    let (body, rest) = row.split_at_mut(32 * vectors);
    // SAFETY: the instructions were checked; `body` consists of whole vectors.
    unsafe { band(table, body) };
    for sample in rest {
        *sample = sample.saturating_add_signed(table[usize::from(*sample >> 3)]);
    }
    true
}

#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
unsafe fn band(table: &[i8; 32], body: &mut [u8]) {
    // SAFETY: see the caller.
    unsafe {
        let table = Table32::new(table);
        for vector in body.chunks_exact_mut(32) {
            let samples = U8x32::load(vector.as_ptr());
            samples.add_signed(table.look_up(samples.shr::<3>())).store(vector.as_mut_ptr());
        }
    }
}

/// Adds edge offsets to `count` samples from index `at` on; neighbours lie at `-distance` and `distance`.
///
/// `table` holds the offsets by class. Processes whole vectors and returns how many samples were done.
pub(crate) fn filter_edges(
    backend: Backend,
    table: [i8; 5],
    (input, output): (&[u8], &mut [u8]),
    (at, count): (usize, usize),
    distance: usize,
) -> usize {
    let done = count / 32 * 32;
    if !backend.has_vectors()
        || at < distance
        || input.len() < at + done + distance
        || output.len() < at + done
    {
        return 0;
    }
    // SAFETY: the instructions were checked, and that the samples and both neighbours exist.
    unsafe { edges(table, (input, output), (at, done), distance) };
    done
}

#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
unsafe fn edges(
    table: [i8; 5],
    (input, output): (&[u8], &mut [u8]),
    (at, count): (usize, usize),
    distance: usize,
) {
    // SAFETY: see the caller.
    unsafe {
        let mut offsets = [0; 16];
        offsets[..5].copy_from_slice(&table);
        let offsets = Table16::new(&offsets);
        for i in (0..count).step_by(32) {
            let load = |index: usize| U8x32::load(input.as_ptr().add(index));
            let s = load(at + i);
            let (a, b) = (load(at + i - distance), load(at + i + distance));
            let class = U8x32::splat(2).add(s.compare(a)).add(s.compare(b));
            s.add_signed(offsets.look_up(class)).store(output.as_mut_ptr().add(at + i));
        }
    }
}
