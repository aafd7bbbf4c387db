//! The matrix of BT.601 in limited range, in integers.

use super::{PixelFormat, Pixels};

/// Coefficients in 1/65536. Those of a chroma component add up to 0, so that grey stays grey.
const R_TO_Y: i32 = 16_829;
const G_TO_Y: i32 = 33_039;
const B_TO_Y: i32 = 6_416;
const R_TO_CB: i32 = -9_714;
const G_TO_CB: i32 = -19_070;
const B_TO_CB: i32 = 28_784;
const R_TO_CR: i32 = 28_784;
const G_TO_CR: i32 = -24_103;
const B_TO_CR: i32 = -4_681;
/// 16 and the half for rounding to sixteenths.
const BLACK: i32 = (16 << 16) + (1 << 11);

/// Fraction bits of chroma before it is made smaller.
pub(super) const CHROMA_BITS: u32 = 6;

fn luma_of(r: u8, g: u8, b: u8) -> i16 {
    ((R_TO_Y * i32::from(r) + G_TO_Y * i32::from(g) + B_TO_Y * i32::from(b) + BLACK) >> 12) as i16
}

/// Luma of all pixels in sixteenths.
pub(super) fn luma(pixels: &Pixels<'_>) -> Vec<i16> {
    let mut out = vec![0; pixels.width() * pixels.height()];
    for (y, out) in out.chunks_exact_mut(pixels.width()).enumerate() {
        let row = pixels.row(y);
        match pixels.format() {
            PixelFormat::Grey => grey::<1>(row, out),
            PixelFormat::GreyAlpha => grey::<2>(row, out),
            PixelFormat::Rgb => rgb::<3>(row, out),
            PixelFormat::Rgba => rgb::<4>(row, out),
        }
    }
    out
}

fn grey<const N: usize>(row: &[u8], out: &mut [i16]) {
    for (out, pixel) in out.iter_mut().zip(row.chunks_exact(N)) {
        *out = luma_of(pixel[0], pixel[0], pixel[0]);
    }
}

fn rgb<const N: usize>(row: &[u8], out: &mut [i16]) {
    for (out, pixel) in out.iter_mut().zip(row.chunks_exact(N)) {
        *out = luma_of(pixel[0], pixel[1], pixel[2]);
    }
}

/// Cb and Cr of a row of colour pixels, around 0, with [`CHROMA_BITS`] fraction bits.
pub(super) fn chroma_row(row: &[u8], bytes: usize, cb: &mut [i16], cr: &mut [i16]) {
    if bytes == 3 {
        chroma_row_of::<3>(row, cb, cr);
    } else {
        chroma_row_of::<4>(row, cb, cr);
    }
}

fn chroma_row_of<const N: usize>(row: &[u8], cb: &mut [i16], cr: &mut [i16]) {
    const SHIFT: u32 = 16 - CHROMA_BITS;
    const HALF: i32 = 1 << (SHIFT - 1);
    for ((pixel, cb), cr) in row.chunks_exact(N).zip(cb).zip(cr) {
        let [r, g, b] = [pixel[0], pixel[1], pixel[2]].map(i32::from);
        *cb = ((R_TO_CB * r + G_TO_CB * g + B_TO_CB * b + HALF) >> SHIFT) as i16;
        *cr = ((R_TO_CR * r + G_TO_CR * g + B_TO_CR * b + HALF) >> SHIFT) as i16;
    }
}
