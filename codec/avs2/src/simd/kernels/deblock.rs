//! Deblocking of eight lines at a time.

use super::{load_8, store_8, transpose_8x8};
use crate::filter::deblock::{EdgeUnit, Thresholds};
use crate::filter::edge;
use crate::simd::Backend;
use crate::simd::vector::{I16x8, U8x16};

/// Filters a vertical edge; the twin of [`EdgeUnit::filter_vertical`].
pub(crate) fn filter_vertical_edge(backend: Backend, samples: &mut [u8], unit: &EdgeUnit) -> bool {
    let &EdgeUnit { q0, stride, count, .. } = unit;
    if !backend.has_vectors()
        || q0 < 4
        || !matches!(count, 4 | 8)
        || samples.len() < q0 + (count - 1) * stride + 4
    {
        return false;
    }
    // SAFETY: the instructions were checked, and that four samples on both sides of every line exist.
    unsafe { vertical(samples.as_mut_ptr().add(q0 - 4), unit) };
    true
}

/// Filters a horizontal edge; the twin of [`EdgeUnit::filter_horizontal`]. Eight columns are rewritten, whatever the
/// number of lines.
pub(crate) fn filter_horizontal_edge(backend: Backend, samples: &mut [u8], unit: &EdgeUnit) -> bool {
    let &EdgeUnit { q0, stride, count, .. } = unit;
    if !backend.has_vectors()
        || q0 < 3 * stride
        || !matches!(count, 4 | 8)
        || samples.len() < q0 + 2 * stride + 8
    {
        return false;
    }
    // SAFETY: the instructions were checked, and that three rows of eight samples on both sides exist.
    unsafe { horizontal(samples.as_mut_ptr().add(q0), unit) };
    true
}

#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
unsafe fn horizontal(q0: *mut u8, unit: &EdgeUnit) {
    let &EdgeUnit { stride, thresholds, chroma, .. } = unit;
    // SAFETY: see the caller.
    unsafe {
        let row = |i: usize| q0.sub(3 * stride).add(i * stride);
        let rows = [0, 1, 2, 3, 4, 5].map(|i| load_8(row(i)).widen_low());
        if let Some(rows) = filter(rows, lanes(unit), thresholds, chroma) {
            for (i, samples) in rows.into_iter().enumerate() {
                store_8(samples.pack_u8(samples), row(i));
            }
        }
    }
}

#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
unsafe fn vertical(p3: *mut u8, unit: &EdgeUnit) {
    let &EdgeUnit { stride, count, thresholds, chroma, .. } = unit;
    // SAFETY: see the caller.
    unsafe {
        let mut lines = [U8x16::from_u32(0); 8];
        for (i, line) in lines.iter_mut().enumerate().take(count) {
            *line = load_8(p3.add(i * stride));
        }
        let columns = transpose_8x8(lines);
        // Each vector holds two columns; the outermost two are not filtered.
        let samples = [
            columns[0].widen_high(),
            columns[1].widen_low(),
            columns[1].widen_high(),
            columns[2].widen_low(),
            columns[2].widen_high(),
            columns[3].widen_low(),
        ];
        let Some(new) = filter(samples, lanes(unit), thresholds, chroma) else { return };
        let columns = [
            columns[0].zip_low_64(new[0].pack_u8(new[0])),
            new[1].pack_u8(new[2]),
            new[3].pack_u8(new[4]),
            new[5].pack_u8(new[5]).zip_high_64(columns[3]),
        ];
        let split = |v: U8x16| [v, v.drop_8()];
        let [[a, b], [c, d], [e, f], [g, h]] = columns.map(split);
        let lines = transpose_8x8([a, b, c, d, e, f, g, h]);
        for i in 0..count {
            let line = lines[i / 2];
            store_8(if i % 2 == 0 { line } else { line.drop_8() }, p3.add(i * stride));
        }
    }
}

/// A mask of the lines to filter.
#[inline]
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
fn lanes(unit: &EdgeUnit) -> I16x8 {
    let half = |bit: u8| if unit.halves & bit == 0 { 0_u64 } else { u64::MAX };
    let (first, second) = (half(edge::FIRST_HALF), half(edge::SECOND_HALF));
    if unit.count == 8 {
        I16x8::from_u64s([first, second])
    } else {
        I16x8::from_u64(first & 0xFFFF_FFFF | second << 32)
    }
}

/// The new samples p2, p1, p0, q0, q1, q2; nothing if none changes.
#[inline]
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
fn filter(samples: [I16x8; 6], lanes: I16x8, thresholds: Thresholds, chroma: bool) -> Option<[I16x8; 6]> {
    let [p2, p1, p0, q0, q1, q2] = samples;
    let set = |v: i16| I16x8::splat(v);
    let difference = |a: I16x8, b: I16x8| a.sub(b).abs();
    let d = difference(p0, q0);
    let active = d.gt(set(1)).and(set(thresholds.alpha.into()).gt(d)).and(lanes);
    if !active.any() {
        return None;
    }
    let beta = set(thresholds.beta.into());
    let smooth = |a, b| beta.gt(difference(a, b));
    // Comparisons give -1, so sums of them are negative.
    let measure = |s0, s1, s2| {
        let near = smooth(s1, s0);
        set(0).sub(near.add(near).add(smooth(s2, s0)))
    };
    let (fp, fq) = (measure(p0, p1, p2), measure(q0, q1, q2));
    let total = fp.add(fq);
    let flat = p1.eq(p0).and(q1.eq(q0));
    let one_if = |mask: I16x8| mask.and(set(1));
    let when = |sum: i16, strength: I16x8| total.eq(set(sum)).and(strength);
    let plus_flat = one_if(flat);
    let strength = when(6, set(3).add(plus_flat))
        .or(when(5, set(2).add(plus_flat)))
        .or(when(4, set(1).add(one_if(fp.eq(set(2))))))
        .or(when(3, one_if(smooth(p1, q1))));
    let strength = if chroma { strength.sub(set(1)).max(set(0)) } else { strength };
    let strength = strength.and(active);
    if !strength.any() {
        return None;
    }
    let [p0n, p1n, p2n] = filter_side(strength, [p0, p1, p2], [q0, q1, q2]);
    let [q0n, q1n, q2n] = filter_side(strength, [q0, q1, q2], [p0, p1, p2]);
    Some([p2n, p1n, p0n, q0n, q1n, q2n])
}

/// The new samples of side `p`, nearest first.
#[inline]
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
fn filter_side(strength: I16x8, [p0, p1, p2]: [I16x8; 3], [q0, q1, q2]: [I16x8; 3]) -> [I16x8; 3] {
    let times = |factor: i16, v: I16x8| v.mul(I16x8::splat(factor));
    let sum = |values: &[I16x8], round: i16| values.iter().fold(I16x8::splat(round), |sum, &v| sum.add(v));
    let is = |s: i16| strength.eq(I16x8::splat(s));
    let (is1, is2, is3, is4) = (is(1), is(2), is(3), is(4));

    let by1 = sum(&[times(3, p0), q0], 2).shr::<2>();
    let by2 = sum(&[times(3, p1), times(10, p0), times(3, q0)], 8).shr::<4>();
    let by3 = sum(&[p2, times(4, p1), times(6, p0), times(4, q0), q1], 8).shr::<4>();
    let by4 = sum(&[times(9, p0), times(9, p2), times(8, q0), times(6, q2)], 16).shr::<5>();
    let new0 = is4.select(by4, is3.select(by3, is2.select(by2, is1.select(by1, p0))));

    let by3 = sum(&[times(3, p2), times(8, p1), times(4, p0), q0], 8).shr::<4>();
    let by4 = sum(&[times(7, p0), times(6, p2), times(3, q0)], 8).shr::<4>();
    let new1 = is4.select(by4, is3.select(by3, p1));

    let by4 = sum(&[times(4, p0), times(3, p2), q0], 4).shr::<3>();
    [new0, new1, is4.select(by4, p2)]
}
