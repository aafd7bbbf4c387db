//! Sample adaptive offset (clause 7).

use crate::simd::Backend;
use crate::syntax::Sao;

/// A rectangle of samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Area {
    /// First column.
    pub x0: usize,
    /// Column after the last.
    pub x1: usize,
    /// First row.
    pub y0: usize,
    /// Row after the last.
    pub y1: usize,
}

/// The columns or rows of region `i` of `count` (7.2), for units of size `n` and `size` samples in all.
#[must_use]
pub fn region_span(i: usize, count: usize, n: usize, size: usize) -> (usize, usize) {
    let start = if i == 0 { 0 } else { i * n - 4 };
    let end = if i + 1 == count { size } else { (i + 1) * n - 4 };
    (start, end)
}

/// The offsets of the 32 bands.
#[must_use]
pub fn band_table(starts: [u8; 2], offsets: [i8; 4]) -> [i8; 32] {
    let mut table = [0; 32];
    for (i, offset) in offsets.into_iter().enumerate() {
        table[(usize::from(starts[i / 2]) + i % 2) & 31] = offset;
    }
    table
}

/// Where the neighbours of a sample lie, by direction: columns and rows from the sample to the first of them; the second
/// lies opposite.
#[must_use]
pub fn direction_offset(direction: u8) -> (isize, isize) {
    [(-1, 0), (0, -1), (-1, -1), (1, -1)][usize::from(direction & 3)]
}

/// Filters an area from `input` to `output`, planes of `width` x `height` samples with the same stride.
///
/// `is_allowed(x, y, nx, ny)` tells whether the sample may be compared with a neighbour inside the plane; it is `None`
/// if all may.
pub fn filter_area(
    backend: Backend,
    sao: &Sao,
    area: Area,
    (input, output): (&[u8], &mut [u8]),
    stride: usize,
    (width, height): (usize, usize),
    is_allowed: Option<&dyn Fn(usize, usize, usize, usize) -> bool>,
) {
    let _ = backend;
    let Area { x0, x1, y0, y1 } = area;
    for y in y0..y1 {
        output[y * stride + x0..y * stride + x1].copy_from_slice(&input[y * stride + x0..y * stride + x1]);
    }
    match *sao {
        Sao::Off => {}
        Sao::Band { starts, offsets } => {
            let table = band_table(starts, offsets);
            for y in y0..y1 {
                for sample in &mut output[y * stride + x0..y * stride + x1] {
                    *sample = sample.saturating_add_signed(table[usize::from(*sample >> 3)]);
                }
            }
        }
        Sao::Edge { direction, offsets } => {
            let [e0, e1, e3, e4] = offsets;
            let table = [e0, e1, 0, e3, e4];
            let (dx, dy) = direction_offset(direction);
            let (left, above) = (usize::from(dx != 0), usize::from(dy != 0));
            let (x0, x1) = (x0.max(left), x1.min(width - left));
            let (y0, y1) = (y0.max(above), y1.min(height - above));
            let a_offset = dy * stride as isize + dx;
            for y in y0..y1 {
                for x in x0..x1 {
                    let at = y * stride + x;
                    if let Some(is_allowed) = is_allowed {
                        let first = (x.wrapping_add_signed(dx), y.wrapping_add_signed(dy));
                        let second = (x.wrapping_add_signed(-dx), y.wrapping_add_signed(-dy));
                        if !is_allowed(x, y, first.0, first.1) || !is_allowed(x, y, second.0, second.1) {
                            continue;
                        }
                    }
                    let s = input[at];
                    let a = input[at.wrapping_add_signed(a_offset)];
                    let b = input[at.wrapping_add_signed(-a_offset)];
                    let sign = |other: u8| i32::from(s > other) - i32::from(s < other);
                    let class = 2 + sign(a) + sign(b);
                    output[at] = s.saturating_add_signed(table[class as usize]);
                }
            }
        }
    }
}
