//! Adaptive loop filter (clause 8).

use super::sao::Area;
use crate::simd::Backend;

const REGIONS: [[u8; 4]; 4] = [[0, 1, 4, 5], [15, 2, 3, 6], [14, 11, 10, 7], [13, 12, 9, 8]];

/// The region of the largest coding unit (`i`, `j`) of `columns` x `rows` (8.2).
#[must_use]
pub fn region((i, j): (usize, usize), (columns, rows): (usize, usize)) -> usize {
    let part = |i: usize, count: usize| {
        let quarter = (count + 1) >> 2;
        i.checked_div(quarter).map_or(3, |part| part.min(3))
    };
    REGIONS[part(j, rows)][part(i, columns)].into()
}

/// Where rows of a filter unit may read beyond its columns (8.3, rule 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sides {
    /// Samples to the left of the unit.
    pub left: bool,
    /// Samples to the right of the unit.
    pub right: bool,
}

/// A filter unit (8.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FilterUnit {
    /// The samples to filter.
    pub area: Area,
    /// Rows before this one lie in the row of largest coding units above.
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
    let _ = backend;
    filter_unit_scalar(taps, unit, (input, output), stride);
}

fn filter_unit_scalar(
    taps: &[i16; 9],
    &FilterUnit { area: Area { x0, x1, y0, y1 }, lcu_y, sides }: &FilterUnit,
    (input, output): (&[u8], &mut [u8]),
    stride: usize,
) {
    const SHAPE: [(isize, isize); 8] =
        [(0, -3), (0, -2), (-1, -1), (0, -1), (1, -1), (-3, 0), (-2, 0), (-1, 0)];
    let columns = x0 as isize..x1 as isize;
    let (min_x, max_x) = (x0 as isize, x1 as isize - 1);
    let sample = |x: isize, y: isize| {
        let clamped = y.clamp(y0 as isize, y1 as isize - 1);
        let sides = sides[usize::from(y >= lcu_y as isize)];
        let may_leave = if x < columns.start { sides.left } else { sides.right };
        let x = if clamped != y || !may_leave { x.clamp(min_x, max_x) } else { x };
        i32::from(input[clamped as usize * stride + x as usize])
    };
    for y in y0 as isize..y1 as isize {
        for x in columns.clone() {
            let mut sum = i32::from(taps[8]) * sample(x, y);
            for (&tap, (dx, dy)) in taps.iter().zip(SHAPE) {
                sum += i32::from(tap) * (sample(x + dx, y + dy) + sample(x - dx, y - dy));
            }
            output[y as usize * stride + x as usize] = ((sum + 32) >> 6).clamp(0, 255) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_of_small_and_large_pictures() {
        assert_eq!(region((0, 0), (1, 1)), 8);
        assert_eq!(region((0, 0), (40, 20)), 0);
        assert_eq!(region((39, 19), (40, 20)), 8);
        assert_eq!(region((10, 5), (40, 20)), 2);
        assert_eq!(region((0, 2), (2, 3)), 13);
    }
}
