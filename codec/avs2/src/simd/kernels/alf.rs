//! Adaptive loop filter.

use crate::filter::alf::FilterUnit;
use crate::filter::sao::Area;
use crate::simd::Backend;
use crate::simd::vector::{I16x16, Pairs8, Sums16, U8x16, Vector};

/// Twin of the portable filter in [`crate::filter::alf`]; filters columns `x0..x1` of the unit without regard to its
/// sides, and up to 15 columns more.
pub(crate) fn filter_unit(
    backend: Backend,
    taps: &[i16; 9],
    unit: &FilterUnit,
    (x0, x1): (usize, usize),
    (input, output): (&[u8], &mut [u8]),
    stride: usize,
) -> bool {
    let Area { y0, y1, .. } = unit.area;
    let end = x0 + (x1 - x0).next_multiple_of(16);
    if !backend.has_vectors()
        || y1 <= y0
        || y0 * stride + x0 < 3
        || input.len() < (y1 - 1) * stride + end + 3
        || output.len() < (y1 - 1) * stride + end
    {
        return false;
    }
    // SAFETY: the instructions were checked; all reads lie between three samples before the first of the area and three behind the
    // last one, whole vectors included, because rows are clamped to those of the unit.
    unsafe { filter(taps, (x0, x1, y0, y1), (input, output), stride) };
    true
}

#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
unsafe fn filter(
    taps: &[i16; 9],
    (x0, x1, y0, y1): (usize, usize, usize, usize),
    (input, output): (&[u8], &mut [u8]),
    stride: usize,
) {
    // SAFETY: see the caller.
    unsafe {
        // The last pair adds half of the divisor.
        let factors = [
            Pairs8::splat([taps[0], taps[1]]),
            Pairs8::splat([taps[2], taps[3]]),
            Pairs8::splat([taps[4], taps[5]]),
            Pairs8::splat([taps[6], taps[7]]),
            Pairs8::splat([taps[8], 32]),
        ];
        let ones = I16x16::splat(1);
        for y in y0..y1 {
            let row = |dy: isize| {
                let y = (y as isize + dy).clamp(y0 as isize, y1 as isize - 1);
                input.as_ptr().add(y as usize * stride)
            };
            let [m3, m2, m1, c, p1, p2, p3] = [row(-3), row(-2), row(-1), row(0), row(1), row(2), row(3)];
            for x in (x0..x1).step_by(16) {
                let load = |row: *const u8, dx: isize| U8x16::load(row.add(x).offset(dx)).widen();
                let sum = |a: *const u8, dx: isize, b: *const u8| load(a, dx).add(load(b, -dx));
                let inputs = [
                    (sum(m3, 0, p3), sum(m2, 0, p2)),
                    (sum(m1, -1, p1), sum(m1, 0, p1)),
                    (sum(m1, 1, p1), sum(c, -3, c)),
                    (sum(c, -2, c), sum(c, -1, c)),
                    (load(c, 0), ones),
                ];
                let mut sums = Sums16::splat(0);
                for ((a, b), factors) in inputs.into_iter().zip(factors) {
                    sums = sums.mul_add(a, b, factors);
                }
                sums.shr_pack::<6>().pack_u8().store(output.as_mut_ptr().add(y * stride + x));
            }
        }
    }
}
