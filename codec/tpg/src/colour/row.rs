//! One row of the conversion, in integers.

use super::{ColourRange, Layout};

/// Coefficients in 1/256.
struct Matrix {
    black: i32,
    y: i32,
    cr_to_r: i32,
    cb_to_g: i32,
    cr_to_g: i32,
    cb_to_b: i32,
}

const LIMITED: Matrix =
    Matrix { black: 16, y: 298, cr_to_r: 409, cb_to_g: -100, cr_to_g: -208, cb_to_b: 516 };
const FULL: Matrix = Matrix { black: 0, y: 256, cr_to_r: 359, cb_to_g: -88, cr_to_g: -183, cb_to_b: 454 };
const HALF: i32 = 128;
/// Chroma of grey.
const GREY: i32 = 128;

/// Samples that one row of pixels depends on.
pub(super) struct Source<'a> {
    pub y: &'a [u8],
    /// Nearest row and next but one.
    pub cb: [&'a [u8]; 2],
    pub cr: [&'a [u8]; 2],
    pub alpha: Option<&'a [u8]>,
    pub range: ColourRange,
}

/// Chroma of one row.
pub(super) struct Scratch {
    /// In quarters, half width, one more at each end.
    blended: Vec<u16>,
    /// Full width rounded up to even.
    cb: Vec<u8>,
    cr: Vec<u8>,
}

impl Scratch {
    pub(super) fn new(width: usize) -> Self {
        let half = width.div_ceil(2);
        Self { blended: vec![0; half + 2], cb: vec![0; half * 2], cr: vec![0; half * 2] }
    }
}

pub(super) fn convert_row(source: &Source<'_>, scratch: &mut Scratch, layout: Layout, out: &mut [u8]) {
    convert_row_inline(source, scratch, layout, out);
}

#[inline(always)]
pub(super) fn convert_row_inline(source: &Source<'_>, scratch: &mut Scratch, layout: Layout, out: &mut [u8]) {
    upsample(source.cb, &mut scratch.blended, &mut scratch.cb);
    upsample(source.cr, &mut scratch.blended, &mut scratch.cr);
    match layout {
        Layout::Rgb => write::<3>(source, scratch, out),
        Layout::Rgba => {
            write::<4>(source, scratch, out);
            if let Some(alpha) = source.alpha {
                for (pixel, &a) in out.chunks_exact_mut(4).zip(alpha) {
                    pixel[3] = a;
                }
            }
        }
    }
}

#[inline(always)]
fn upsample([near, far]: [&[u8]; 2], blended: &mut [u16], out: &mut [u8]) {
    let half = near.len();
    let inner = &mut blended[1..=half];
    for ((value, &near), &far) in inner.iter_mut().zip(near).zip(far) {
        *value = 3 * u16::from(near) + u16::from(far);
    }
    blended[0] = blended[1];
    blended[half + 1] = blended[half];
    let neighbours = blended[..half].iter().zip(&blended[1..=half]).zip(&blended[2..half + 2]);
    for (pair, ((&left, &value), &right)) in out.chunks_exact_mut(2).zip(neighbours) {
        pair[0] = ((3 * value + left + 8) >> 4) as u8;
        pair[1] = ((3 * value + right + 8) >> 4) as u8;
    }
}

#[inline(always)]
fn write<const N: usize>(source: &Source<'_>, scratch: &Scratch, out: &mut [u8]) {
    // With constants in each, the compiler makes two loops.
    match source.range {
        ColourRange::Limited => write_with::<N>(&LIMITED, source, scratch, out),
        ColourRange::Full => write_with::<N>(&FULL, source, scratch, out),
    }
}

#[inline(always)]
fn write_with<const N: usize>(matrix: &Matrix, source: &Source<'_>, scratch: &Scratch, out: &mut [u8]) {
    let chroma = scratch.cb.iter().zip(&scratch.cr);
    for ((pixel, &y), (&cb, &cr)) in out.chunks_exact_mut(N).zip(source.y).zip(chroma) {
        let y = (i32::from(y) - matrix.black) * matrix.y + HALF;
        let (cb, cr) = (i32::from(cb) - GREY, i32::from(cr) - GREY);
        pixel[0] = clamp(y + cr * matrix.cr_to_r);
        pixel[1] = clamp(y + cb * matrix.cb_to_g + cr * matrix.cr_to_g);
        pixel[2] = clamp(y + cb * matrix.cb_to_b);
        if N == 4 {
            pixel[3] = 255;
        }
    }
}

#[inline(always)]
fn clamp(value: i32) -> u8 {
    (value >> 8).clamp(0, 255) as u8
}
