//! Motion vector prediction (docs/spec/avs2#c7).

use super::motion::{Motion, MotionField, MotionVector, Rect};
use super::partition::Shape;
use super::scaling::scale_predictor;

/// Distances of the references of the current picture (docs/spec/avs2#c3.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Distances {
    /// By reference index.
    pub(crate) values: [i32; 4],
    /// In B pictures index 0 is the backward and 1 the forward reference.
    pub(crate) is_b: bool,
}

impl Distances {
    /// Distance of reference `index`, at least 1.
    pub(crate) fn of(&self, index: i8) -> i32 {
        usize::try_from(index).ok().and_then(|i| self.values.get(i)).map_or(1, |&d| d.max(1))
    }
}

/// The positions of table 5-1.
#[derive(Debug, Clone, Copy)]
pub(super) enum Neighbour {
    A,
    B,
    C,
    D,
    F,
    G,
}

/// The motion field as slice number `slice` sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Neighbours<'a> {
    pub(super) field: &'a MotionField,
    pub(super) slice: u32,
}

impl<'a> Neighbours<'a> {
    /// Motion of a neighbour of `rect` if it is available; an intra neighbour is available.
    pub(super) fn of(self, rect: Rect, neighbour: Neighbour) -> Option<&'a Motion> {
        let (x, y) = (rect.x as isize, rect.y as isize);
        let (right, bottom) = (x + rect.width as isize, y + rect.height as isize);
        let (x, y) = match neighbour {
            Neighbour::A => (x - 1, y),
            Neighbour::B => (x, y - 1),
            Neighbour::C => (right, y - 1),
            Neighbour::D => (x - 1, y - 1),
            Neighbour::F => (x - 1, bottom - 1),
            Neighbour::G => (right - 1, y - 1),
        };
        self.field.neighbour(x, y, self.slice)
    }
}

/// Predicts the vector of `rect` for hypothesis or list `list` and reference index `reference`.
pub(super) fn predict_vector(
    neighbours: Neighbours<'_>,
    distances: &Distances,
    rect: Rect,
    shape: Shape,
    list: usize,
    reference: i8,
) -> MotionVector {
    let a = neighbours.of(rect, Neighbour::A);
    let b = neighbours.of(rect, Neighbour::B);
    // An available intra block at C is not replaced.
    let c = neighbours.of(rect, Neighbour::C).or_else(|| neighbours.of(rect, Neighbour::D));
    let candidate = |motion: Option<&Motion>| {
        let motion = motion.filter(|m| m.references[list] >= 0)?;
        let from = motion.references[list];
        let (to, from) = if distances.is_b {
            let distance = distances.of(1 - list as i8);
            (distance, distance)
        } else {
            (distances.of(reference), distances.of(from))
        };
        Some((scale_predictor(motion.vectors[list], to, from), motion.references[list]))
    };
    let candidates = [candidate(a), candidate(b), candidate(c)];
    let mut usable = candidates.iter().flatten();
    if let (Some(&(only, _)), None) = (usable.next(), usable.next()) {
        return only;
    }
    let preferred = match shape {
        Shape::None => None,
        Shape::Left | Shape::Bottom => candidates[0],
        Shape::Top => candidates[1],
        Shape::Right => candidates[2],
    };
    if let Some((vector, _)) = preferred.filter(|&(_, r)| r == reference) {
        return vector;
    }
    let [a, b, c] = candidates.map(|c| c.map_or(MotionVector::ZERO, |(vector, _)| vector));
    MotionVector::saturating(
        middle(a.x.into(), b.x.into(), c.x.into()),
        middle(a.y.into(), b.y.into(), c.y.into()),
    )
}

/// Average of the two values that belong together, rounded toward zero.
fn middle(a: i64, b: i64, c: i64) -> i64 {
    let opposite = |v: i64, p: i64, q: i64| (v < 0 && p > 0 && q > 0) || (v > 0 && p < 0 && q < 0);
    if opposite(a, b, c) {
        return (b + c) / 2;
    }
    if opposite(b, c, a) {
        return (c + a) / 2;
    }
    if opposite(c, a, b) {
        return (a + b) / 2;
    }
    let (ab, bc, ca) = ((a - b).abs(), (b - c).abs(), (c - a).abs());
    if ab <= bc && ab <= ca {
        (a + b) / 2
    } else if bc <= ca {
        (b + c) / 2
    } else {
        (c + a) / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worked_numbers_of_middle() {
        for (a, b, c, result) in [
            (4, 7, 9, 8),
            (-4, 7, 10, 8),
            (4, -7, -10, -8),
            (0, 5, 9, 7),
            (8, 0, 3, 1),
            (-3, -8, -9, -8),
            (5, 5, -5, 5),
            (3, -2, 9, 6),
            (-5, 0, 5, -2),
            (1, 4, 7, 2),
        ] {
            assert_eq!(middle(a, b, c), result, "{a} {b} {c}");
        }
    }

    fn field(entries: &[(usize, usize, Motion)]) -> MotionField {
        let mut field = MotionField::default();
        field.reset(64, 64);
        for &(x, y, motion) in entries {
            field.store(Rect::new(x, y, 4, 4), 1, motion);
        }
        field
    }

    fn moving(reference: i8, x: i16) -> Motion {
        Motion::single(reference, MotionVector::new(x, -x))
    }

    const DISTANCES: Distances = Distances { values: [2, 4, 6, 8], is_b: false };

    fn predict(field: &MotionField, shape: Shape, reference: i8) -> MotionVector {
        let neighbours = Neighbours { field, slice: 1 };
        predict_vector(neighbours, &DISTANCES, Rect::new(16, 16, 16, 16), shape, 0, reference)
    }

    #[test]
    fn only_usable_neighbour_is_taken_and_scaled() {
        let field = field(&[(12, 16, moving(1, 40)), (16, 12, Motion::INTRA), (32, 12, Motion::INTRA)]);
        assert_eq!(predict(&field, Shape::None, 0), MotionVector::new(20, -20));
    }

    #[test]
    fn corner_d_replaces_only_an_undecoded_c() {
        let d = (12, 12, moving(0, 8));
        assert_eq!(predict(&field(&[d]), Shape::None, 0).x, 8);
        assert_eq!(predict(&field(&[d, (32, 12, Motion::INTRA)]), Shape::None, 0).x, 0);
    }

    #[test]
    fn preferred_neighbour_needs_the_same_reference() {
        let entries = [(12, 16, moving(0, 8)), (16, 12, moving(1, 8)), (32, 12, moving(0, 100))];
        let field = field(&entries);
        assert_eq!(predict(&field, Shape::Left, 0).x, 8);
        assert_eq!(predict(&field, Shape::Right, 0).x, 100);
        // B has another reference: the closest pair, 8 and 4, is averaged.
        assert_eq!(predict(&field, Shape::Top, 0).x, 6);
        assert_eq!(predict(&field, Shape::Top, 1).x, 8);
    }
}
