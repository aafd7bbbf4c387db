//! Edges of inter CUs and the motion switch of deblocking (docs/spec/avs2#c14).

use super::motion::{Motion, MotionField};
use super::partition::{Orientation, Partition};
use crate::filter::{RowInfo, edge};

/// Side of an edge unit.
const UNIT: usize = 8;

/// Marks the edges inside an inter CU of `size` whose first 8x8 block is (`bx`, `by`) of the row
/// (docs/spec/avs2#b6.2).
///
/// `partition` is `Whole` for skip and direct CUs. `transform` is the orientation of the transform blocks if the
/// transform is split and any block of the CU is coded.
pub(crate) fn mark_inner_edges(
    info: &mut RowInfo,
    (bx, by): (usize, usize),
    size: usize,
    partition: Partition,
    transform: Option<Orientation>,
) {
    if size == UNIT {
        return;
    }
    let count = size / UNIT;
    let border = partition.border(size).filter(|border| border % UNIT == 0);
    match (partition.orientation(), border) {
        (Orientation::Horizontal, Some(border)) => {
            info.mark_horizontal(bx, by + border / UNIT, count, edge::LUMA | edge::CHROMA);
        }
        (Orientation::Vertical, Some(border)) => {
            info.mark_vertical(bx + border / UNIT, by, count, edge::LUMA | edge::CHROMA);
        }
        _ => {}
    }
    let Some(transform) = transform else { return };
    if transform == Orientation::Square {
        info.mark_vertical(bx + count / 2, by, count, edge::LUMA);
        info.mark_horizontal(bx, by + count / 2, count, edge::LUMA);
        return;
    }
    for offset in [size / 4, size / 2, size / 4 * 3].into_iter().filter(|offset| offset % UNIT == 0) {
        if transform == Orientation::Horizontal {
            info.mark_horizontal(bx, by + offset / UNIT, count, edge::LUMA);
        } else {
            info.mark_vertical(bx + offset / UNIT, by, count, edge::LUMA);
        }
    }
}

/// Unmarks the halves of the edges of an LCU row that P and F pictures do not filter.
///
/// `y` is the first luma row; the motion of the row and of the row above must be stored.
pub(crate) fn switch_off_still_edges(info: &mut RowInfo, field: &MotionField, y: usize) {
    let columns = info.columns;
    let rows = (field.height() - y).div_ceil(UNIT).min(info.vertical.len() / columns.max(1));
    for by in 0..rows {
        for bx in 0..columns {
            let (x, y) = (UNIT * bx, y + UNIT * by);
            let mark = &mut info.vertical[by * columns + bx];
            if *mark != 0 && x > 0 {
                *mark &= !still_halves(field, |i| ((x - 1, y + 4 * i), (x, y + 4 * i)));
            }
            let mark = &mut info.horizontal[by * columns + bx];
            if *mark != 0 && y > 0 {
                *mark &= !still_halves(field, |i| ((x + 4 * i, y - 1), (x + 4 * i, y)));
            }
        }
    }
}

type Position = (usize, usize);

/// Bits of the halves that are not filtered; `sides` gives the positions beside half 0 or 1.
fn still_halves(field: &MotionField, sides: impl Fn(usize) -> (Position, Position)) -> u8 {
    let (p, q) = sides(0);
    if field.is_coded(p.0, p.1) || field.is_coded(q.0, q.1) {
        return 0;
    }
    let mut bits = 0;
    for (i, half) in [edge::FIRST_HALF, edge::SECOND_HALF].into_iter().enumerate() {
        let (p, q) = sides(i);
        if moves_alike(field.at(p.0, p.1), field.at(q.0, q.1)) {
            bits |= half;
        }
    }
    bits
}

fn moves_alike(p: &Motion, q: &Motion) -> bool {
    let near = |a: i16, b: i16| a.abs_diff(b) < 4;
    p.references[0] >= 0
        && p.references[0] == q.references[0]
        && near(p.vectors[0].x, q.vectors[0].x)
        && near(p.vectors[0].y, q.vectors[0].y)
}

#[cfg(test)]
mod tests {
    use super::super::motion::{MotionVector, Rect};
    use super::*;
    use crate::filter::Geometry;

    const GEOMETRY: Geometry = Geometry { width: 64, height: 64, lcu_log2: 6 };

    fn marked(marks: &[u8], vertical: bool) -> Vec<(usize, u8)> {
        let at = |i: usize| if vertical { marks[i] } else { marks[8 * i] };
        (0..8).map(|i| (i, at(i))).filter(|&(_, bits)| bits != 0).collect()
    }

    #[test]
    fn inner_edges_lie_on_the_grid() {
        use Partition::{Horizontal, HorizontalUp, VerticalRight, Whole};
        const BOTH: u8 = edge::LUMA | edge::CHROMA;
        for (size, partition, transform, vertical, horizontal) in [
            (64, Whole, None, vec![], vec![]),
            (64, Horizontal, None, vec![], vec![(4, BOTH)]),
            (16, HorizontalUp, None, vec![], vec![]),
            (32, HorizontalUp, None, vec![], vec![(1, BOTH)]),
            (32, VerticalRight, None, vec![(3, BOTH)], vec![]),
            (16, Whole, Some(Orientation::Square), vec![(1, edge::LUMA)], vec![(1, edge::LUMA)]),
            (16, Horizontal, Some(Orientation::Horizontal), vec![], vec![(1, BOTH)]),
            (
                32,
                VerticalRight,
                Some(Orientation::Vertical),
                vec![(1, edge::LUMA), (2, edge::LUMA), (3, BOTH)],
                vec![],
            ),
            (8, Horizontal, Some(Orientation::Square), vec![], vec![]),
        ] {
            let mut info = RowInfo::new(&GEOMETRY);
            mark_inner_edges(&mut info, (0, 0), size, partition, transform);
            assert_eq!(marked(&info.vertical, true), vertical, "{size} {partition:?} {transform:?}");
            assert_eq!(marked(&info.horizontal, false), horizontal, "{size} {partition:?} {transform:?}");
        }
    }

    #[test]
    fn still_edges_are_switched_off() {
        let mut field = MotionField::default();
        field.reset(64, 64);
        let moving = |x, y| Motion::single(0, MotionVector::new(x, y));
        field.store(Rect::new(0, 0, 64, 64), 1, moving(0, 0));
        field.store(Rect::new(8, 4, 8, 4), 1, moving(4, 0));
        field.store(Rect::new(16, 0, 8, 8), 1, moving(3, -3));
        field.store(Rect::new(32, 0, 8, 8), 1, Motion::INTRA);
        field.set_coded(Rect::new(48, 0, 8, 8), true);
        let mut info = RowInfo::new(&GEOMETRY);
        info.vertical.fill(edge::LUMA | edge::CHROMA);
        switch_off_still_edges(&mut info, &field, 0);
        let second = edge::CHROMA | edge::SECOND_HALF;
        let all = edge::CHROMA | edge::LUMA;
        let off = edge::CHROMA;
        assert_eq!(info.vertical[1..8], [second, off, off, all, all, all, all]);
        // The difference of 4 at x = 16 counts only in the second half.
        field.store(Rect::new(16, 0, 8, 8), 1, moving(0, 0));
        info.vertical.fill(edge::LUMA);
        switch_off_still_edges(&mut info, &field, 0);
        assert_eq!(info.vertical[2], edge::SECOND_HALF);
    }
}
