//! Functions of the encoder's decisions, the same on every machine.
//!
//! Those of the standard library are the system's, whose last bits differ; one bit may decide which of two codings is
//! taken, and files would depend on where they are made. These use what IEEE 754 defines exactly: sums, products and
//! quotients. Their errors are a few units in the last place.

use std::f64::consts::{FRAC_2_PI, LN_2, LOG2_E, SQRT_2};

/// 1 / (2k + 1), of the inverse hyperbolic tangent.
const ODD: [f64; 13] = {
    let mut coefficients = [0.0; 13];
    let mut k = 0;
    while k < coefficients.len() {
        coefficients[k] = 1.0 / (2 * k + 1) as f64;
        k += 1;
    }
    coefficients
};

/// 1 / k!
const FACTORIALS: [f64; 22] = {
    let mut coefficients = [1.0; 22];
    let mut k = 1;
    while k < coefficients.len() {
        coefficients[k] = coefficients[k - 1] / k as f64;
        k += 1;
    }
    coefficients
};

/// The coefficients of the cosine (`odd` = 0) or of the sine divided by the angle (1), by powers of its square.
const fn series(odd: usize) -> [f64; 10] {
    let mut coefficients = [0.0; 10];
    let mut k = 0;
    while k < coefficients.len() {
        let factor = FACTORIALS[2 * k + odd];
        coefficients[k] = if k % 2 == 0 { factor } else { -factor };
        k += 1;
    }
    coefficients
}

const COSINE: [f64; 10] = series(0);
const SINE: [f64; 10] = series(1);

/// The sum of `coefficients[k] * x^k`.
fn polynomial(coefficients: &[f64], x: f64) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, coefficient| sum * x + coefficient)
}

/// The binary logarithm.
#[must_use]
pub fn log2(x: f64) -> f64 {
    if x.is_nan() || x < 0.0 {
        return f64::NAN;
    }
    if x == 0.0 || x == f64::INFINITY {
        return if x == 0.0 { f64::NEG_INFINITY } else { x };
    }
    // Subnormal numbers are made normal.
    let (x, shift) = if x < f64::MIN_POSITIVE { (x * (1_u64 << 54) as f64, 54) } else { (x, 0) };
    let bits = x.to_bits();
    let mut exponent = (bits >> 52) as i32 - 1023;
    let mut mantissa = f64::from_bits(bits & ((1 << 52) - 1) | 1023 << 52);
    if mantissa > SQRT_2 {
        mantissa /= 2.0;
        exponent += 1;
    }
    // ln m = 2 (s + s^3 / 3 + s^5 / 5 + ...), |s| < 0.172
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    f64::from(exponent - shift) + 2.0 * LOG2_E * (s * polynomial(&ODD, s * s))
}

/// 2 to the power of `x`.
#[must_use]
pub fn exp2(x: f64) -> f64 {
    if x.is_nan() {
        return x;
    }
    if x.abs() > 1080.0 {
        return if x > 0.0 { f64::INFINITY } else { 0.0 };
    }
    let whole = (x + 0.5).floor();
    // In two steps, as a power of two may be out of range where the result is not.
    let power = |n: i32| f64::from_bits(((n + 1023) as u64) << 52);
    let half = whole as i32 / 2;
    polynomial(&FACTORIALS[..17], (x - whole) * LN_2) * power(half) * power(whole as i32 - half)
}

/// `x`, which must not be negative, to the power of `y`.
#[must_use]
pub fn pow(x: f64, y: f64) -> f64 {
    if y == 0.0 { 1.0 } else { exp2(y * log2(x)) }
}

/// The cosine of an angle of at most some thousand.
#[must_use]
pub fn cos(x: f64) -> f64 {
    // Half of pi, the first part exact in products with small numbers.
    const HALF_PI: [f64; 2] = [1.570_796_326_734_125_6, 6.077_100_506_506_192e-11];
    let quarter = (x * FRAC_2_PI + 0.5).floor();
    let r = (x - quarter * HALF_PI[0]) - quarter * HALF_PI[1];
    let (cosine, sine) = (polynomial(&COSINE, r * r), r * polynomial(&SINE, r * r));
    match quarter.rem_euclid(4.0) as u8 {
        0 => cosine,
        1 => -sine,
        2 => -cosine,
        _ => sine,
    }
}

/// [`log2`] of and as single precision.
#[must_use]
pub fn log2_f32(x: f32) -> f32 {
    log2(x.into()) as f32
}

/// [`exp2`] of and as single precision.
#[must_use]
pub fn exp2_f32(x: f32) -> f32 {
    exp2(x.into()) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_close(is: f64, should: f64, what: &str) {
        assert!((is - should).abs() <= 1e-14 * should.abs().max(0.1), "{what}: {is} instead of {should}");
    }

    #[test]
    fn values_are_those_of_the_system() {
        for i in 0..20_000 {
            let x = f64::from(i) / 7.0 + 1e-3;
            assert_close(log2(x), x.log2(), "log2");
            assert_close(log2(1.0 / x), -x.log2(), "log2");
            assert_close(pow(x, 0.42), x.powf(0.42), "pow");
            let small = f64::from(i - 10_000) / 900.0;
            assert_close(exp2(small) / small.exp2(), 1.0, "exp2");
            assert_close(cos(small * 20.0), (small * 20.0).cos(), "cos");
        }
    }

    #[test]
    fn whole_powers_are_exact() {
        for n in -1022..=1023 {
            assert_eq!(exp2(f64::from(n)), f64::from(n).exp2());
            assert_eq!(log2(exp2(f64::from(n))), f64::from(n));
        }
        assert_eq!((exp2(-1074.0), log2(exp2(-1074.0))), (f64::from_bits(1), -1074.0));
    }

    #[test]
    fn outermost_values() {
        assert_eq!((log2(0.0), log2(f64::INFINITY)), (f64::NEG_INFINITY, f64::INFINITY));
        assert!(log2(-1.0).is_nan() && log2(f64::NAN).is_nan() && exp2(f64::NAN).is_nan());
        assert_eq!(
            (exp2(f64::INFINITY), exp2(f64::NEG_INFINITY), exp2(1024.0)),
            (f64::INFINITY, 0.0, f64::INFINITY)
        );
        assert_eq!((pow(0.0, 2.4), pow(0.0, 0.0), pow(1.0, 9.0)), (0.0, 1.0, 1.0));
    }
}
