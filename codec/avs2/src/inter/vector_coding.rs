//! Motion vector differences and progressive resolution (docs/spec/avs2#c8).

use super::motion::MotionVector;

/// A coded motion vector difference; see [`reconstruct`] for its units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct VectorDifference {
    pub(crate) x: i32,
    pub(crate) y: i32,
}

/// The vector that `difference` stands for.
///
/// With progressive resolution (`pmvr`) quarter samples exist only within two units of the anchor, the predictor rounded
/// down to half samples; further away a step is a half sample.
pub(crate) fn reconstruct(predictor: MotionVector, difference: VectorDifference, pmvr: bool) -> MotionVector {
    let (px, py) = (i64::from(predictor.x), i64::from(predictor.y));
    let (dx, dy) = (i64::from(difference.x), i64::from(difference.y));
    if !pmvr {
        return MotionVector::saturating(px + dx, py + dy);
    }
    let (ax, ay) = (px & !1, py & !1);
    let (ux, uy) = (dx + (px - ax), dy + (py - ay));
    // The horizontal test has precedence, and the other component is twice its difference, not twice u.
    if ux.abs() > 2 {
        MotionVector::saturating(ax + 2 * (ux - ux.signum()), ay + 2 * dy)
    } else if uy.abs() > 2 {
        MotionVector::saturating(ax + 2 * dx, ay + 2 * (uy - uy.signum()))
    } else {
        MotionVector::saturating(ax + ux, ay + uy)
    }
}

/// The nearest vector towards the anchor that can be coded with `predictor`.
pub(crate) fn representable(predictor: MotionVector, vector: MotionVector, pmvr: bool) -> MotionVector {
    let (dx, dy) = anchor_distance(predictor, vector);
    if !pmvr || (dx.abs() <= 2 && dy.abs() <= 2) {
        return vector;
    }
    let toward = |v: i16, d: i32| if d % 2 == 0 { v } else { v - d.signum() as i16 };
    MotionVector::new(toward(vector.x, dx), toward(vector.y, dy))
}

/// The difference that codes `vector`, the inverse of [`reconstruct`].
///
/// With `pmvr` the vector must be [`representable`].
pub(crate) fn difference(predictor: MotionVector, vector: MotionVector, pmvr: bool) -> VectorDifference {
    if !pmvr {
        return VectorDifference {
            x: i32::from(vector.x) - i32::from(predictor.x),
            y: i32::from(vector.y) - i32::from(predictor.y),
        };
    }
    let (dx, dy) = anchor_distance(predictor, vector);
    let (ox, oy) = (i32::from(predictor.x & 1), i32::from(predictor.y & 1));
    if dx.abs() <= 2 && dy.abs() <= 2 {
        VectorDifference { x: dx - ox, y: dy - oy }
    } else if dx.abs() >= 4 {
        VectorDifference { x: dx / 2 + dx.signum() - ox, y: dy / 2 }
    } else {
        VectorDifference { x: dx / 2, y: dy / 2 + dy.signum() - oy }
    }
}

fn anchor_distance(predictor: MotionVector, vector: MotionVector) -> (i32, i32) {
    let distance = |v: i16, p: i16| i32::from(v) - i32::from(p & !1);
    (distance(vector.x, predictor.x), distance(vector.y, predictor.y))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worked_numbers() {
        for (p, d, v) in [
            ((4, 6), (2, -2), (6, 4)),
            ((4, 6), (3, 0), (8, 6)),
            ((4, 6), (3, 5), (8, 16)),
            ((4, 6), (-3, 1), (0, 8)),
            ((5, 7), (1, 1), (6, 8)),
            ((5, 7), (2, 0), (8, 6)),
            ((5, 7), (-3, 0), (2, 7)),
            ((5, 7), (-4, 0), (0, 6)),
            ((5, 7), (0, 2), (4, 10)),
            ((5, 7), (1, -4), (6, 2)),
            ((-3, -5), (0, 0), (-3, -5)),
            ((-3, -5), (4, -1), (4, -8)),
        ] {
            let predictor = MotionVector::new(p.0, p.1);
            let found = reconstruct(predictor, VectorDifference { x: d.0, y: d.1 }, true);
            assert_eq!(found, MotionVector::new(v.0, v.1), "{p:?} {d:?}");
        }
    }

    #[test]
    fn differences_lead_back_to_the_vector() {
        for pmvr in [false, true] {
            for px in -3..4 {
                for py in -3..4 {
                    let predictor = MotionVector::new(px, py);
                    for x in -12..13 {
                        for y in -12..13 {
                            let wanted = MotionVector::new(x, y);
                            let vector = representable(predictor, wanted, pmvr);
                            assert!((vector.x - x).abs() <= 1 && (vector.y - y).abs() <= 1);
                            assert_eq!(representable(predictor, vector, pmvr), vector);
                            let d = difference(predictor, vector, pmvr);
                            assert_eq!(reconstruct(predictor, d, pmvr), vector, "{predictor:?} {wanted:?}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn far_vectors_saturate() {
        let predictor = MotionVector::new(i16::MAX, i16::MIN);
        let d = VectorDifference { x: 1 << 20, y: -(1 << 20) };
        for pmvr in [false, true] {
            assert_eq!(reconstruct(predictor, d, pmvr), MotionVector::new(i16::MAX, i16::MIN));
        }
    }
}
