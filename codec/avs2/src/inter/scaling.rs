//! Scaling of motion vectors by picture distances (docs/spec/avs2#c6).
//!
//! The three roundings differ, and none is the identity for equal distances.

use super::motion::MotionVector;

fn inverse(distance: i32) -> i64 {
    16384 / i64::from(distance.max(1))
}

fn predictor(v: i64, to: i32, from: i32) -> i64 {
    v.signum() * ((v.abs() * i64::from(to) * inverse(from) + 8192) >> 14)
}

fn temporal(v: i64, to: i32, from: i32) -> i64 {
    (v * i64::from(to) * inverse(from) + 8192) >> 14
}

fn direct(v: i64, to: i32, from: i32) -> i64 {
    v.signum() * ((inverse(from) * (1 + v.abs() * i64::from(to)) - 1) >> 14)
}

/// `scaleP`, for predictors.
pub(super) fn scale_predictor(v: MotionVector, to: i32, from: i32) -> MotionVector {
    v.map(|v| predictor(v, to, from))
}

/// `scaleT`, for temporal skip of P and F pictures and for derived second vectors.
pub(super) fn scale_temporal(v: MotionVector, to: i32, from: i32) -> MotionVector {
    v.map(|v| temporal(v, to, from))
}

/// `scaleD`, for temporal direct of B pictures.
pub(super) fn scale_direct(v: MotionVector, to: i32, from: i32) -> MotionVector {
    v.map(|v| direct(v, to, from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worked_numbers() {
        for (v, to, from, p, t, d) in [
            (37, 2, 4, 19, 19, 18),
            (-37, 2, 4, -19, -18, -18),
            (5, 2, 6, 2, 2, 1),
            (-5, 2, 6, -2, -2, -1),
            (1, 2, 4, 1, 1, 0),
            (-1, 2, 4, -1, 0, 0),
            (3000, 6, 6, 2999, 2999, 2999),
            (-9000, 6, 6, -8998, -8998, -8997),
            (100, 10, 6, 167, 167, 166),
        ] {
            let scaled = (predictor(v, to, from), temporal(v, to, from), direct(v, to, from));
            assert_eq!(scaled, (p, t, d), "{v} {to} {from}");
        }
    }

    #[test]
    fn results_saturate() {
        let v = MotionVector::new(i16::MIN, i16::MAX);
        assert_eq!(scale_predictor(v, 510, 1), MotionVector::new(i16::MIN, i16::MAX));
        assert_eq!(scale_temporal(v, 510, 0), MotionVector::new(i16::MIN, i16::MAX));
    }
}
