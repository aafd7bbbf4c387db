//! Adaptive loop filter (docs/spec/avs2#b8).

use std::ops::Range;

use super::sao::Area;
use crate::simd::Backend;
use crate::simd::kernels;

const REGIONS: [[u8; 4]; 4] = [[0, 1, 4, 5], [15, 2, 3, 6], [14, 11, 10, 7], [13, 12, 9, 8]];

/// The region of the LCU (`i`, `j`) of `columns` x `rows` (docs/spec/avs2#b8.2).
#[must_use]
pub fn region((i, j): (usize, usize), (columns, rows): (usize, usize)) -> usize {
    let part = |i: usize, count: usize| {
        let quarter = (count + 1) >> 2;
        i.checked_div(quarter).map_or(3, |part| part.min(3))
    };
    REGIONS[part(j, rows)][part(i, columns)].into()
}

/// Where rows of a filter unit may read beyond its columns (docs/spec/avs2#b8.3, rule 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sides {
    /// Samples to the left of the unit.
    pub left: bool,
    /// Samples to the right of the unit.
    pub right: bool,
}

/// A filter unit (docs/spec/avs2#b8.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FilterUnit {
    /// The samples to filter.
    pub area: Area,
    /// Rows before this one lie in the LCU row above.
    pub lcu_y: usize,
    /// The sides of the rows before `lcu_y` and of the others.
    pub sides: [Sides; 2],
}

/// Filters a unit from `input` to `output`, planes with the same stride.
///
/// `taps` are C0..C8. Samples above and below the unit are replaced by its nearest sample, those to the left and right
/// where its sides forbid them.
pub fn filter_unit(
    backend: Backend,
    taps: &[i16; 9],
    unit: &FilterUnit,
    (input, output): (&[u8], &mut [u8]),
    stride: usize,
) {
    if filter_unit_by_vectors(backend, taps, unit, (input, output), stride) {
        return;
    }
    let Area { x0, x1, y0, y1 } = unit.area;
    filter_part(taps, unit, (x0..x1, y0..y1), (input, output), stride);
}

/// Filters whole vectors first, then the samples whose taps may not leave the unit as those of a vector do.
fn filter_unit_by_vectors(
    backend: Backend,
    taps: &[i16; 9],
    unit: &FilterUnit,
    (input, output): (&[u8], &mut [u8]),
    stride: usize,
) -> bool {
    let Area { x0, x1, y0, y1 } = unit.area;
    if x1 < x0 + 8 || unit.sides[0] != unit.sides[1] {
        return false;
    }
    // Without samples to the left the first vector begins where no tap leaves the unit.
    let left = if unit.sides[0].left { 0 } else { 3 };
    let right = if unit.sides[0].right { 0 } else { 3 };
    if !kernels::filter_unit(backend, taps, unit, (x0 + left, x1), (input, &mut *output), stride) {
        return false;
    }
    let mut part = |columns, rows| filter_part(taps, unit, (columns, rows), (input, &mut *output), stride);
    part(x0..x0 + left, y0..y1);
    part(x1 - right..x1, y0..y1);
    for y in [y0, y1 - 1] {
        part(x0..x0 + 1, y..y + 1);
        part(x1 - 1..x1, y..y + 1);
    }
    true
}

fn filter_part(
    taps: &[i16; 9],
    &FilterUnit { area: Area { x0, x1, y0, y1 }, lcu_y, sides }: &FilterUnit,
    (columns, rows): (Range<usize>, Range<usize>),
    (input, output): (&[u8], &mut [u8]),
    stride: usize,
) {
    const SHAPE: [(isize, isize); 8] =
        [(0, -3), (0, -2), (-1, -1), (0, -1), (1, -1), (-3, 0), (-2, 0), (-1, 0)];
    let (min_x, max_x) = (x0 as isize, x1 as isize - 1);
    let sample = |x: isize, y: isize| {
        let clamped = y.clamp(y0 as isize, y1 as isize - 1);
        let sides = sides[usize::from(y >= lcu_y as isize)];
        let may_leave = if x < min_x { sides.left } else { sides.right };
        let x = if clamped != y || !may_leave { x.clamp(min_x, max_x) } else { x };
        i32::from(input[clamped as usize * stride + x as usize])
    };
    for y in rows {
        for x in columns.clone() {
            let at = y * stride + x;
            let (x, y) = (x as isize, y as isize);
            let mut sum = i32::from(taps[8]) * sample(x, y);
            for (&tap, (dx, dy)) in taps.iter().zip(SHAPE) {
                sum += i32::from(tap) * (sample(x + dx, y + dy) + sample(x - dx, y - dy));
            }
            output[at] = ((sum + 32) >> 6).clamp(0, 255) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::tests::{Random, levels};

    #[test]
    fn every_backend_gives_the_same() {
        let mut random = Random(1);
        let (stride, height) = (192, 70);
        for round in 0..300 {
            let input: Vec<u8> = (0..stride * height + 64).map(|_| random.sample()).collect();
            let mut taps: [i16; 9] = std::array::from_fn(|_| random.below(128) as i16 - 64);
            taps[8] = random.below(2000) as i16 - 1000;
            let x0 = [0, 8, 16, 32, 64][random.below(5)];
            let x1 = (x0 + [4, 8, 16, 20, 32, 64][random.below(6)]).min(150);
            let y0 = random.below(5);
            let area = Area { x0, x1, y0, y1: y0 + 4 + random.below(60) };
            let mut side = || Sides { left: x0 > 0 && random.below(4) > 0, right: random.below(4) > 0 };
            let above = side();
            let sides = [above, if round % 3 == 0 { side() } else { above }];
            let unit = FilterUnit { area, lcu_y: y0 + 4, sides };
            let filtered = |backend| {
                let mut output = vec![0; input.len()];
                filter_unit(backend, &taps, &unit, (&input, &mut output), stride);
                (area.y0..area.y1)
                    .map(|y| output[y * stride + x0..y * stride + x1].to_vec())
                    .collect::<Vec<_>>()
            };
            for backend in levels() {
                assert!(filtered(backend) == filtered(Backend::SCALAR), "{unit:?} {backend:?}");
            }
        }
    }

    #[test]
    fn regions_of_small_and_large_pictures() {
        assert_eq!(region((0, 0), (1, 1)), 8);
        assert_eq!(region((0, 0), (40, 20)), 0);
        assert_eq!(region((39, 19), (40, 20)), 8);
        assert_eq!(region((10, 5), (40, 20)), 2);
        assert_eq!(region((0, 2), (2, 3)), 7);
    }
}
