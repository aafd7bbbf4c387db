//! One row of the conversion, in integers.

use super::Layout;

/// Matrix coefficients of luma in 1/65536, of chroma in 1/4096: chroma comes in sixteenths.
const Y_SCALE: i32 = 76_309;
const CR_TO_R: i32 = 6_537;
const CB_TO_G: i32 = -1_605;
const CR_TO_G: i32 = -3_330;
const CB_TO_B: i32 = 8_263;
const HALF: i32 = 1 << 15;

const BLACK: i32 = 16;
/// Chroma of grey in sixteenths.
const GREY: i32 = 128 * 16;

/// Samples that one row of pixels depends on.
pub(super) struct Source<'a> {
    pub y: &'a [u8],
    /// Nearest row and next but one.
    pub cb: [&'a [u8]; 2],
    pub cr: [&'a [u8]; 2],
    pub alpha: Option<&'a [u8]>,
}

/// Chroma of one row.
pub(super) struct Scratch {
    /// In quarters, half width, one more at each end.
    blended: Vec<u16>,
    /// In sixteenths, full width rounded up to even.
    cb: Vec<i16>,
    cr: Vec<i16>,
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
fn upsample([near, far]: [&[u8]; 2], blended: &mut [u16], out: &mut [i16]) {
    let half = near.len();
    let inner = &mut blended[1..=half];
    for ((value, &near), &far) in inner.iter_mut().zip(near).zip(far) {
        *value = 3 * u16::from(near) + u16::from(far);
    }
    blended[0] = blended[1];
    blended[half + 1] = blended[half];
    let neighbours = blended[..half].iter().zip(&blended[1..=half]).zip(&blended[2..half + 2]);
    for (pair, ((&left, &value), &right)) in out.chunks_exact_mut(2).zip(neighbours) {
        pair[0] = (3 * value + left) as i16;
        pair[1] = (3 * value + right) as i16;
    }
}

#[inline(always)]
fn write<const N: usize>(source: &Source<'_>, scratch: &Scratch, out: &mut [u8]) {
    let chroma = scratch.cb.iter().zip(&scratch.cr);
    for ((pixel, &y), (&cb, &cr)) in out.chunks_exact_mut(N).zip(source.y).zip(chroma) {
        let y = (i32::from(y) - BLACK) * Y_SCALE + HALF;
        let (cb, cr) = (i32::from(cb) - GREY, i32::from(cr) - GREY);
        pixel[0] = clamp(y + cr * CR_TO_R);
        pixel[1] = clamp(y + cb * CB_TO_G + cr * CR_TO_G);
        pixel[2] = clamp(y + cb * CB_TO_B);
        if N == 4 {
            pixel[3] = 255;
        }
    }
}

#[inline(always)]
fn clamp(value: i32) -> u8 {
    (value >> 16).clamp(0, 255) as u8
}
