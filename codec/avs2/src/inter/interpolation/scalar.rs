//! Portable filters.

use super::{MAX_SIZE, Rows, Source, Target};

pub(super) fn filter_1d<const TAPS: usize>(
    source: Source<'_>,
    step: usize,
    taps: &[i8; TAPS],
    target: &mut Target<'_>,
) {
    for y in 0..target.height {
        let row = &source.samples[y * source.stride..];
        let out = &mut target.samples[y * target.stride..][..target.width];
        for (x, out) in out.iter_mut().enumerate() {
            let sum: i32 =
                taps.iter().enumerate().map(|(k, &t)| i32::from(t) * i32::from(row[x + k * step])).sum();
            *out = ((sum + 32) >> 6).clamp(0, 255) as u8;
        }
    }
}

pub(super) fn filter_2d<const TAPS: usize>(
    source: Source<'_>,
    (horizontal, vertical): (&[i8; TAPS], &[i8; TAPS]),
    rows: &mut Rows,
    target: &mut Target<'_>,
) {
    for y in 0..target.height + TAPS - 1 {
        let row = &source.samples[y * source.stride..];
        for (x, out) in rows[y * MAX_SIZE..][..target.width].iter_mut().enumerate() {
            // At most 255 * 88: 16 bits suffice.
            *out = horizontal.iter().enumerate().map(|(k, &t)| i16::from(t) * i16::from(row[x + k])).sum();
        }
    }
    for y in 0..target.height {
        let out = &mut target.samples[y * target.stride..][..target.width];
        for (x, out) in out.iter_mut().enumerate() {
            let sum: i32 = (vertical.iter().enumerate())
                .map(|(k, &t)| i32::from(t) * i32::from(rows[(y + k) * MAX_SIZE + x]))
                .sum();
            *out = ((sum + 2048) >> 12).clamp(0, 255) as u8;
        }
    }
}
