//! Sample adaptive offset (docs/spec/avs2#b7).

use crate::simd::Backend;
use crate::simd::kernels;
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

/// The columns or rows of region `i` of `count` (docs/spec/avs2#b7.2), for units of size `n` and `size` samples in all.
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

/// What is filtered and where to: planes of one size and stride.
pub struct Planes<'a> {
    /// Samples before the filter.
    pub input: &'a [u8],
    /// Samples after it.
    pub output: &'a mut [u8],
    /// Distance of rows.
    pub stride: usize,
    /// Samples per row.
    pub width: usize,
    /// Number of rows.
    pub height: usize,
}

/// Filters an area.
///
/// `is_allowed(x, y, nx, ny)` tells whether the sample may be compared with a neighbour inside the plane; it is `None`
/// if all may.
pub fn filter_area(
    backend: Backend,
    sao: &Sao,
    area: Area,
    Planes { input, output, stride, width, height }: Planes<'_>,
    is_allowed: Option<&dyn Fn(usize, usize, usize, usize) -> bool>,
) {
    let Area { x0, x1, y0, y1 } = area;
    for y in y0..y1 {
        output[y * stride + x0..y * stride + x1].copy_from_slice(&input[y * stride + x0..y * stride + x1]);
    }
    match *sao {
        Sao::Off => {}
        Sao::Band { starts, offsets } => {
            let table = band_table(starts, offsets);
            for y in y0..y1 {
                let row = &mut output[y * stride + x0..y * stride + x1];
                if kernels::filter_band(backend, &table, row) {
                    continue;
                }
                for sample in row {
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
                let mut done = 0;
                if is_allowed.is_none() {
                    let samples = (y * stride + x0, x1.saturating_sub(x0));
                    let planes = (input, &mut *output);
                    done = kernels::filter_edges(backend, table, planes, samples, a_offset.unsigned_abs());
                }
                for x in x0 + done..x1 {
                    let at = y * stride + x;
                    if let Some(is_allowed) = is_allowed {
                        let first = (x.wrapping_add_signed(dx), y.wrapping_add_signed(dy));
                        let second = (x.wrapping_add_signed(-dx), y.wrapping_add_signed(-dy));
                        if !is_allowed(x, y, first.0, first.1) || !is_allowed(x, y, second.0, second.1) {
                            continue;
                        }
                    }
                    let neighbours =
                        [a_offset, -a_offset].map(|offset| input[at.wrapping_add_signed(offset)]);
                    output[at] = input[at].saturating_add_signed(table[edge_class(input[at], neighbours)]);
                }
            }
        }
    }
}

/// The class of a sample between two neighbours, 0..=4 (docs/spec/avs2#b7.3).
fn edge_class(sample: u8, neighbours: [u8; 2]) -> usize {
    let above = neighbours.iter().filter(|&&neighbour| sample > neighbour).count();
    let below = neighbours.iter().filter(|&&neighbour| sample < neighbour).count();
    2 + above - below
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::tests::{Random, levels};

    #[test]
    fn every_backend_gives_the_same() {
        let mut random = Random(3);
        let (stride, width, height) = (192, 130, 20);
        for _ in 0..2000 {
            let mask = [255, 3, 15][random.below(3)];
            let input: Vec<u8> = (0..stride * height).map(|_| random.sample() & mask).collect();
            let sao = match random.below(2) {
                0 => Sao::Edge {
                    direction: random.below(4) as u8,
                    offsets: [random.below(8) as i8 - 1, 1, -1, 1 - random.below(8) as i8],
                },
                _ => Sao::Band {
                    starts: [random.below(32) as u8, random.below(32) as u8],
                    offsets: std::array::from_fn(|_| random.below(15) as i8 - 7),
                },
            };
            let (x0, y0) = (random.below(60), random.below(10));
            let area = Area {
                x0,
                x1: x0 + 1 + random.below(width - x0),
                y0,
                y1: y0 + 1 + random.below(height - y0),
            };
            let filtered = |backend| {
                let mut output = vec![0; input.len()];
                let planes = Planes { input: &input, output: &mut output, stride, width, height };
                filter_area(backend, &sao, area, planes, None);
                output
            };
            for backend in levels() {
                assert!(filtered(backend) == filtered(Backend::SCALAR), "{sao:?} {area:?} {backend:?}");
            }
        }
    }

    #[test]
    fn regions_are_shifted_by_four() {
        assert_eq!(region_span(0, 3, 32, 70), (0, 28));
        assert_eq!(region_span(1, 3, 32, 70), (28, 60));
        assert_eq!(region_span(2, 3, 32, 70), (60, 70));
        assert_eq!(region_span(0, 1, 8, 8), (0, 8));
    }

    #[test]
    fn bands_wrap_around() {
        let table = band_table([31, 15], [1, 2, 3, -4]);
        assert_eq!((table[31], table[0], table[15], table[16], table[1]), (1, 2, 3, -4, 0));
    }
}
