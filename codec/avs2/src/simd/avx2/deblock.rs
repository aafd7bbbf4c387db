//! Deblocking of eight lines at a time.

use std::arch::x86_64::*;

use crate::filter::deblock::{EdgeUnit, Thresholds};
use crate::filter::edge;
use crate::simd::Backend;

/// Filters a vertical edge; the twin of [`EdgeUnit::filter_vertical`].
pub(crate) fn filter_vertical_edge(backend: Backend, samples: &mut [u8], unit: &EdgeUnit) -> bool {
    let &EdgeUnit { q0, stride, count, .. } = unit;
    if !backend.has_avx2()
        || q0 < 4
        || !matches!(count, 4 | 8)
        || samples.len() < q0 + (count - 1) * stride + 4
    {
        return false;
    }
    // SAFETY: AVX2 was checked, and that four samples on both sides of every line exist.
    unsafe { vertical(samples.as_mut_ptr().add(q0 - 4), unit) };
    true
}

/// Filters a horizontal edge; the twin of [`EdgeUnit::filter_horizontal`]. Eight columns are rewritten, whatever the
/// number of lines.
pub(crate) fn filter_horizontal_edge(backend: Backend, samples: &mut [u8], unit: &EdgeUnit) -> bool {
    let &EdgeUnit { q0, stride, count, .. } = unit;
    if !backend.has_avx2()
        || q0 < 3 * stride
        || !matches!(count, 4 | 8)
        || samples.len() < q0 + 2 * stride + 8
    {
        return false;
    }
    // SAFETY: AVX2 was checked, and that three rows of eight samples on both sides exist.
    unsafe { horizontal(samples.as_mut_ptr().add(q0), unit) };
    true
}

#[target_feature(enable = "avx2")]
unsafe fn horizontal(q0: *mut u8, unit: &EdgeUnit) {
    let &EdgeUnit { stride, thresholds, chroma, .. } = unit;
    // SAFETY: see the caller.
    unsafe {
        let mut rows = [_mm_setzero_si128(); 6];
        for (i, row) in rows.iter_mut().enumerate() {
            *row = _mm_cvtepu8_epi16(_mm_loadl_epi64(q0.sub(3 * stride).add(i * stride).cast()));
        }
        if let Some(rows) = filter(rows, lanes(unit), thresholds, chroma) {
            for (i, row) in rows.into_iter().enumerate() {
                _mm_storel_epi64(q0.sub(3 * stride).add(i * stride).cast(), _mm_packus_epi16(row, row));
            }
        }
    }
}

#[target_feature(enable = "avx2")]
unsafe fn vertical(p3: *mut u8, unit: &EdgeUnit) {
    let &EdgeUnit { stride, count, thresholds, chroma, .. } = unit;
    // SAFETY: see the caller.
    unsafe {
        let mut lines = [_mm_setzero_si128(); 8];
        for (i, line) in lines.iter_mut().enumerate().take(count) {
            *line = _mm_loadl_epi64(p3.add(i * stride).cast());
        }
        let columns = transpose(lines);
        let zero = _mm_setzero_si128();
        let low = |v: __m128i| _mm_unpacklo_epi8(v, zero);
        let high = |v: __m128i| _mm_unpackhi_epi8(v, zero);
        // Each vector holds two columns; the outermost two are not filtered.
        let samples = [
            high(columns[0]),
            low(columns[1]),
            high(columns[1]),
            low(columns[2]),
            high(columns[2]),
            low(columns[3]),
        ];
        let Some(new) = filter(samples, lanes(unit), thresholds, chroma) else { return };
        let pack = |a: __m128i, b: __m128i| _mm_packus_epi16(a, b);
        let columns = [
            _mm_unpacklo_epi64(columns[0], pack(new[0], new[0])),
            pack(new[1], new[2]),
            pack(new[3], new[4]),
            _mm_unpackhi_epi64(pack(new[5], new[5]), columns[3]),
        ];
        let split = |v: __m128i| [v, _mm_unpackhi_epi64(v, v)];
        let [[a, b], [c, d], [e, f], [g, h]] = columns.map(split);
        let lines = transpose([a, b, c, d, e, f, g, h]);
        for i in 0..count {
            let line = lines[i / 2];
            let line = if i % 2 == 0 { line } else { _mm_unpackhi_epi64(line, line) };
            _mm_storel_epi64(p3.add(i * stride).cast(), line);
        }
    }
}

/// Transposes eight rows of eight bytes; each result holds two rows.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn transpose(rows: [__m128i; 8]) -> [__m128i; 4] {
    // SAFETY: the callers have AVX2.
    unsafe {
        let a = _mm_unpacklo_epi8(rows[0], rows[1]);
        let b = _mm_unpacklo_epi8(rows[2], rows[3]);
        let c = _mm_unpacklo_epi8(rows[4], rows[5]);
        let d = _mm_unpacklo_epi8(rows[6], rows[7]);
        let (e, f) = (_mm_unpacklo_epi16(a, b), _mm_unpackhi_epi16(a, b));
        let (g, h) = (_mm_unpacklo_epi16(c, d), _mm_unpackhi_epi16(c, d));
        [
            _mm_unpacklo_epi32(e, g),
            _mm_unpackhi_epi32(e, g),
            _mm_unpacklo_epi32(f, h),
            _mm_unpackhi_epi32(f, h),
        ]
    }
}

/// A mask of the lines to filter.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn lanes(unit: &EdgeUnit) -> __m128i {
    // SAFETY: the callers have AVX2.
    unsafe {
        let half = |bit: u8| if unit.halves & bit == 0 { 0_u64 } else { u64::MAX };
        let (first, second) = (half(edge::FIRST_HALF), half(edge::SECOND_HALF));
        if unit.count == 8 {
            _mm_set_epi64x(second as i64, first as i64)
        } else {
            _mm_set_epi64x(0, (first & 0xFFFF_FFFF | second << 32) as i64)
        }
    }
}

/// The new samples p2, p1, p0, q0, q1, q2; nothing if none changes.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn filter(
    samples: [__m128i; 6],
    lanes: __m128i,
    thresholds: Thresholds,
    chroma: bool,
) -> Option<[__m128i; 6]> {
    // SAFETY: the callers have AVX2.
    unsafe {
        let [p2, p1, p0, q0, q1, q2] = samples;
        let set = |v: i16| _mm_set1_epi16(v);
        let difference = |a, b| _mm_abs_epi16(_mm_sub_epi16(a, b));
        let d = difference(p0, q0);
        let active = _mm_and_si128(
            _mm_and_si128(_mm_cmpgt_epi16(d, set(1)), _mm_cmpgt_epi16(set(thresholds.alpha.into()), d)),
            lanes,
        );
        if _mm_movemask_epi8(active) == 0 {
            return None;
        }
        let beta = set(thresholds.beta.into());
        let smooth = |a, b| _mm_cmpgt_epi16(beta, difference(a, b));
        // Comparisons give -1, so sums of them are negative.
        let measure = |s0, s1, s2| {
            let near = smooth(s1, s0);
            _mm_sub_epi16(_mm_setzero_si128(), _mm_add_epi16(_mm_add_epi16(near, near), smooth(s2, s0)))
        };
        let (fp, fq) = (measure(p0, p1, p2), measure(q0, q1, q2));
        let total = _mm_add_epi16(fp, fq);
        let flat = _mm_and_si128(_mm_cmpeq_epi16(p1, p0), _mm_cmpeq_epi16(q1, q0));
        let one_if = |mask| _mm_and_si128(mask, set(1));
        let when = |sum: i16, strength| _mm_and_si128(_mm_cmpeq_epi16(total, set(sum)), strength);
        let plus_flat = one_if(flat);
        let strength = _mm_or_si128(
            _mm_or_si128(
                when(6, _mm_add_epi16(set(3), plus_flat)),
                when(5, _mm_add_epi16(set(2), plus_flat)),
            ),
            _mm_or_si128(
                when(4, _mm_add_epi16(set(1), one_if(_mm_cmpeq_epi16(fp, set(2))))),
                when(3, one_if(smooth(p1, q1))),
            ),
        );
        let strength = if chroma { _mm_subs_epu16(strength, set(1)) } else { strength };
        let strength = _mm_and_si128(strength, active);
        if _mm_testz_si128(strength, strength) == 1 {
            return None;
        }
        let [p0n, p1n, p2n] = filter_side(strength, [p0, p1, p2], [q0, q1, q2]);
        let [q0n, q1n, q2n] = filter_side(strength, [q0, q1, q2], [p0, p1, p2]);
        Some([p2n, p1n, p0n, q0n, q1n, q2n])
    }
}

/// The new samples of side `p`, nearest first.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn filter_side(strength: __m128i, p: [__m128i; 3], q: [__m128i; 3]) -> [__m128i; 3] {
    // SAFETY: the callers have AVX2.
    unsafe {
        let [p0, p1, p2] = p;
        let [q0, q1, q2] = q;
        let times = |factor: i16, v| _mm_mullo_epi16(v, _mm_set1_epi16(factor));
        let sum = |values: &[__m128i], round: i16| {
            values.iter().fold(_mm_set1_epi16(round), |sum, &v| _mm_add_epi16(sum, v))
        };
        let is = |s: i16| _mm_cmpeq_epi16(strength, _mm_set1_epi16(s));
        let (is1, is2, is3, is4) = (is(1), is(2), is(3), is(4));
        let pick = |mask, new, old| _mm_blendv_epi8(old, new, mask);

        let by1 = _mm_srli_epi16::<2>(sum(&[times(3, p0), q0], 2));
        let by2 = _mm_srli_epi16::<4>(sum(&[times(3, p1), times(10, p0), times(3, q0)], 8));
        let by3 = _mm_srli_epi16::<4>(sum(&[p2, times(4, p1), times(6, p0), times(4, q0), q1], 8));
        let by4 = _mm_srli_epi16::<5>(sum(&[times(9, p0), times(9, p2), times(8, q0), times(6, q2)], 16));
        let new0 = pick(is4, by4, pick(is3, by3, pick(is2, by2, pick(is1, by1, p0))));

        let by3 = _mm_srli_epi16::<4>(sum(&[times(3, p2), times(8, p1), times(4, p0), q0], 8));
        let by4 = _mm_srli_epi16::<4>(sum(&[times(7, p0), times(6, p2), times(3, q0)], 8));
        let new1 = pick(is4, by4, pick(is3, by3, p1));

        let by4 = _mm_srli_epi16::<3>(sum(&[times(4, p0), times(3, p2), q0], 4));
        [new0, new1, pick(is4, by4, p2)]
    }
}
