//! AVX2 kernels.

use std::arch::x86_64::*;

use crate::encoder::quantisation::transform::matrix;
use crate::recon::MAX_COEFFICIENTS;

#[inline]
#[target_feature(enable = "avx2")]
fn load_i16x8(from: &[i16]) -> __m128i {
    let from = &from[..8];
    // SAFETY: 8 elements are 16 bytes.
    unsafe { _mm_loadu_si128(from.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn load_i16x4(from: &[i16]) -> __m128i {
    let from = &from[..4];
    // SAFETY: 4 elements are 8 bytes.
    unsafe { _mm_loadl_epi64(from.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn load_i32(from: &[i32]) -> __m256i {
    let from = &from[..8];
    // SAFETY: 8 elements are 32 bytes.
    unsafe { _mm256_loadu_si256(from.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn store_i16x8(to: &mut [i16], value: __m128i) {
    let to = &mut to[..8];
    // SAFETY: 8 elements are 16 bytes.
    unsafe { _mm_storeu_si128(to.as_mut_ptr().cast(), value) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn store_i16x4(to: &mut [i16], value: __m128i) {
    let to = &mut to[..4];
    // SAFETY: 4 elements are 8 bytes.
    unsafe { _mm_storel_epi64(to.as_mut_ptr().cast(), value) }
}

/// Two neighbouring samples as one 32-bit lane.
#[inline]
fn pair(samples: &[i16], i: usize) -> i32 {
    i32::from(samples[2 * i] as u16) | (i32::from(samples[2 * i + 1]) << 16)
}

/// Rounds, shifts and packs eight sums.
#[inline]
#[target_feature(enable = "avx2")]
fn finish(sum: __m256i, round: __m256i, shift: __m128i) -> __m128i {
    let sum = _mm256_sra_epi32(_mm256_add_epi32(sum, round), shift);
    _mm_packs_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256::<1>(sum))
}

/// Both passes of a forward transform.
#[target_feature(enable = "avx2")]
pub(super) fn transform(
    residual: &[i16],
    (w, h): (usize, usize),
    small: bool,
    shifts: (u32, u32),
    out: &mut [i16; MAX_COEFFICIENTS],
) {
    let mut rows = [0_i16; MAX_COEFFICIENTS];
    match w {
        4 => rows_4(residual, h, matrix(4, small), shifts.0, &mut rows),
        8 => rows_n::<8, 1>(residual, h, matrix(8, false), shifts.0, &mut rows),
        16 => rows_n::<16, 2>(residual, h, matrix(16, false), shifts.0, &mut rows),
        _ => rows_n::<32, 4>(residual, h, matrix(32, false), shifts.0, &mut rows),
    }
    let m = matrix(h, small);
    match h {
        4 => columns::<4, 2>(&rows, w, m, shifts.1, out),
        8 => columns::<8, 4>(&rows, w, m, shifts.1, out),
        16 => columns::<16, 8>(&rows, w, m, shifts.1, out),
        _ => columns::<32, 16>(&rows, w, m, shifts.1, out),
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn rows_4(residual: &[i16], h: usize, m: &[i32], shift: u32, out: &mut [i16]) {
    let round = _mm_set1_epi32((1 << shift) >> 1);
    let shift = _mm_cvtsi32_si128(shift as i32);
    let row = |i: usize| _mm_set_epi32(m[4 * i + 3], m[4 * i + 2], m[4 * i + 1], m[4 * i]);
    let (m0, m1) = (row(0), row(1));
    for (input, out) in residual.chunks_exact(4).take(h).zip(out.chunks_exact_mut(4)) {
        let a = _mm_madd_epi16(_mm_set1_epi32(pair(input, 0)), m0);
        let b = _mm_madd_epi16(_mm_set1_epi32(pair(input, 1)), m1);
        let sum = _mm_sra_epi32(_mm_add_epi32(_mm_add_epi32(a, b), round), shift);
        store_i16x4(out, _mm_packs_epi32(sum, sum));
    }
}

/// `V` vectors of eight frequencies make a row of `N`.
#[inline]
#[target_feature(enable = "avx2")]
fn rows_n<const N: usize, const V: usize>(
    residual: &[i16],
    h: usize,
    m: &[i32],
    shift: u32,
    out: &mut [i16],
) {
    let round = _mm256_set1_epi32((1 << shift) >> 1);
    let shift = _mm_cvtsi32_si128(shift as i32);
    for (input, out) in residual.chunks_exact(N).take(h).zip(out.chunks_exact_mut(N)) {
        let mut sums = [_mm256_setzero_si256(); V];
        for (i, m) in m.chunks_exact(N).enumerate() {
            let samples = _mm256_set1_epi32(pair(input, i));
            for (sum, m) in sums.iter_mut().zip(m.chunks_exact(8)) {
                *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(samples, load_i32(m)));
            }
        }
        for (sum, out) in sums.into_iter().zip(out.chunks_exact_mut(8)) {
            store_i16x8(out, finish(sum, round, shift));
        }
    }
}

/// Columns of height `N`; `HALF` pairs of rows.
#[inline]
#[target_feature(enable = "avx2")]
fn columns<const N: usize, const HALF: usize>(
    rows: &[i16],
    w: usize,
    m: &[i32],
    shift: u32,
    out: &mut [i16],
) {
    let shift_by = _mm_cvtsi32_si128(shift as i32);
    if w == 4 {
        let round = _mm_set1_epi32((1 << shift) >> 1);
        let pairs: [__m128i; HALF] = std::array::from_fn(|i| {
            _mm_unpacklo_epi16(load_i16x4(&rows[8 * i..]), load_i16x4(&rows[8 * i + 4..]))
        });
        for v in 0..N {
            let mut sum = round;
            for (i, &samples) in pairs.iter().enumerate() {
                sum = _mm_add_epi32(sum, _mm_madd_epi16(samples, _mm_set1_epi32(m[i * N + v])));
            }
            let sum = _mm_sra_epi32(sum, shift_by);
            store_i16x4(&mut out[4 * v..], _mm_packs_epi32(sum, sum));
        }
        return;
    }
    let round = _mm256_set1_epi32((1 << shift) >> 1);
    for x in (0..w).step_by(8) {
        let pairs: [__m256i; HALF] = std::array::from_fn(|i| {
            let (a, b) = (load_i16x8(&rows[2 * i * w + x..]), load_i16x8(&rows[(2 * i + 1) * w + x..]));
            _mm256_set_m128i(_mm_unpackhi_epi16(a, b), _mm_unpacklo_epi16(a, b))
        });
        for v in 0..N {
            let mut sum = _mm256_setzero_si256();
            for (i, &samples) in pairs.iter().enumerate() {
                sum = _mm256_add_epi32(sum, _mm256_madd_epi16(samples, _mm256_set1_epi32(m[i * N + v])));
            }
            store_i16x8(&mut out[v * w + x..], finish(sum, round, shift_by));
        }
    }
}

/// Sum of 8x8 Hadamard distances.
#[target_feature(enable = "avx2")]
pub(super) fn hadamard_8x8(a: &[u8], b: &[u8], (w, h): (usize, usize)) -> u32 {
    let mut total = 0;
    for y in (0..h).step_by(8) {
        if w == 8 {
            let rows = std::array::from_fn(|j| {
                let at = (y + j) * 8;
                _mm256_castsi128_si256(_mm_sub_epi16(load_u8x8(&a[at..]), load_u8x8(&b[at..])))
            });
            total += hadamard_rows(rows, true);
            continue;
        }
        for x in (0..w).step_by(16) {
            let rows = std::array::from_fn(|j| {
                let at = (y + j) * w + x;
                _mm256_sub_epi16(load_u8x16(&a[at..]), load_u8x16(&b[at..]))
            });
            total += hadamard_rows(rows, false);
        }
    }
    total
}

#[inline]
#[target_feature(enable = "avx2")]
fn load_u8x8(from: &[u8]) -> __m128i {
    let from = &from[..8];
    // SAFETY: 8 bytes are read.
    _mm_cvtepu8_epi16(unsafe { _mm_loadl_epi64(from.as_ptr().cast()) })
}

#[inline]
#[target_feature(enable = "avx2")]
fn load_u8x16(from: &[u8]) -> __m256i {
    let from = &from[..16];
    // SAFETY: 16 bytes are read.
    _mm256_cvtepu8_epi16(unsafe { _mm_loadu_si128(from.as_ptr().cast()) })
}

/// Hadamard distance of the 8x8 blocks in the two halves of the rows (the lower half only if `single`).
#[inline]
#[target_feature(enable = "avx2")]
fn hadamard_rows(mut r: [__m256i; 8], single: bool) -> u32 {
    r = butterflies(r);
    // Transposes 8x8 in each half.
    let t = [
        _mm256_unpacklo_epi16(r[0], r[1]),
        _mm256_unpackhi_epi16(r[0], r[1]),
        _mm256_unpacklo_epi16(r[2], r[3]),
        _mm256_unpackhi_epi16(r[2], r[3]),
        _mm256_unpacklo_epi16(r[4], r[5]),
        _mm256_unpackhi_epi16(r[4], r[5]),
        _mm256_unpacklo_epi16(r[6], r[7]),
        _mm256_unpackhi_epi16(r[6], r[7]),
    ];
    let u = [
        _mm256_unpacklo_epi32(t[0], t[2]),
        _mm256_unpackhi_epi32(t[0], t[2]),
        _mm256_unpacklo_epi32(t[1], t[3]),
        _mm256_unpackhi_epi32(t[1], t[3]),
        _mm256_unpacklo_epi32(t[4], t[6]),
        _mm256_unpackhi_epi32(t[4], t[6]),
        _mm256_unpacklo_epi32(t[5], t[7]),
        _mm256_unpackhi_epi32(t[5], t[7]),
    ];
    let r = butterflies([
        _mm256_unpacklo_epi64(u[0], u[4]),
        _mm256_unpackhi_epi64(u[0], u[4]),
        _mm256_unpacklo_epi64(u[1], u[5]),
        _mm256_unpackhi_epi64(u[1], u[5]),
        _mm256_unpacklo_epi64(u[2], u[6]),
        _mm256_unpackhi_epi64(u[2], u[6]),
        _mm256_unpacklo_epi64(u[3], u[7]),
        _mm256_unpackhi_epi64(u[3], u[7]),
    ]);
    let ones = _mm256_set1_epi16(1);
    let mut sum = _mm256_setzero_si256();
    for row in r {
        // Up to 64 * 255 per lane: pairs do not overflow 32 bits.
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_abs_epi16(row), ones));
    }
    let low = (horizontal_sum(_mm256_castsi256_si128(sum)) + 2) / 4;
    if single { low } else { low + (horizontal_sum(_mm256_extracti128_si256::<1>(sum)) + 2) / 4 }
}

#[inline]
#[target_feature(enable = "avx2")]
fn horizontal_sum(v: __m128i) -> u32 {
    let v = _mm_add_epi32(v, _mm_shuffle_epi32::<0b01_00_11_10>(v));
    let v = _mm_add_epi32(v, _mm_shuffle_epi32::<0b10_11_00_01>(v));
    _mm_cvtsi128_si32(v) as u32
}

#[inline]
#[target_feature(enable = "avx2")]
fn butterflies(mut r: [__m256i; 8]) -> [__m256i; 8] {
    for step in [4, 2, 1] {
        for i in 0..8 {
            if i & step == 0 {
                let (a, b) = (r[i], r[i | step]);
                r[i] = _mm256_add_epi16(a, b);
                r[i | step] = _mm256_sub_epi16(a, b);
            }
        }
    }
    r
}

/// Sum of squared differences of sixteenths and samples, in squared sixteenths.
#[target_feature(enable = "avx2")]
pub(super) fn source_error(
    (source, source_stride): (&[i16], usize),
    (samples, stride): (&[u8], usize),
    (w, h): (usize, usize),
) -> u64 {
    let mut total = 0_u64;
    for y in 0..h {
        let (a, b) = (&source[y * source_stride..][..w], &samples[y * stride..][..w]);
        // In 512 samples no 32-bit lane overflows.
        for (a, b) in a.chunks(512).zip(b.chunks(512)) {
            let mut sum = _mm256_setzero_si256();
            let (a16, b16) = (a.chunks_exact(16), b.chunks_exact(16));
            let (rest_a, rest_b) = (a16.remainder(), b16.remainder());
            for (a, b) in a16.zip(b16) {
                let d = _mm256_sub_epi16(load_i16x16(a), _mm256_slli_epi16::<4>(load_u8x16(b)));
                sum = _mm256_add_epi32(sum, _mm256_madd_epi16(d, d));
            }
            let wide = _mm256_add_epi64(
                _mm256_cvtepu32_epi64(_mm256_castsi256_si128(sum)),
                _mm256_cvtepu32_epi64(_mm256_extracti128_si256::<1>(sum)),
            );
            let half = _mm_add_epi64(_mm256_castsi256_si128(wide), _mm256_extracti128_si256::<1>(wide));
            total += (_mm_cvtsi128_si64(half) + _mm_extract_epi64::<1>(half)) as u64;
            total += rest_a
                .iter()
                .zip(rest_b)
                .map(|(&a, &b)| u64::from((i32::from(a) - (i32::from(b) << 4)).unsigned_abs().pow(2)))
                .sum::<u64>();
        }
    }
    total
}

#[inline]
#[target_feature(enable = "avx2")]
fn load_i16x16(from: &[i16]) -> __m256i {
    let from = &from[..16];
    // SAFETY: 16 elements are 32 bytes.
    unsafe { _mm256_loadu_si256(from.as_ptr().cast()) }
}

/// Products of the tap sums; see the caller.
#[target_feature(enable = "avx2")]
pub(super) fn correlate(rows: &[[i16; 64]; 10], w: usize, sums: &mut [i64; 90]) {
    let vectors = w.div_ceil(16);
    let load = |row: usize, i: usize| {
        let mut values = [0_i16; 16];
        let end = (16 * i + 16).min(w);
        values[..end - 16 * i].copy_from_slice(&rows[row][16 * i..end]);
        // SAFETY: 16 elements are 32 bytes.
        unsafe { _mm256_loadu_si256(values.as_ptr().cast()) }
    };
    let mut values = [[_mm256_setzero_si256(); 4]; 10];
    for (row, values) in values.iter_mut().enumerate() {
        for (i, value) in values.iter_mut().enumerate().take(vectors) {
            *value = load(row, i);
        }
    }
    for i in 0..9 {
        for k in i..10 {
            let mut sum = _mm256_setzero_si256();
            for (&a, &b) in values[i].iter().zip(&values[k]).take(vectors) {
                sum = _mm256_add_epi32(sum, _mm256_madd_epi16(a, b));
            }
            let half = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256::<1>(sum));
            sums[10 * i + k] += i64::from(horizontal_sum(half));
        }
    }
}

/// Groups of 4x4 with a coefficient of at least `threshold` (above 0) in magnitude, as bits row by row; `w` is 8 or
/// more.
#[target_feature(enable = "avx2")]
pub(super) fn large_groups(coefficients: &[i16], w: usize, threshold: i16) -> u64 {
    let limit = _mm_set1_epi16(threshold - 1);
    let mut groups = 0_u64;
    for (gy, rows) in coefficients.chunks_exact(4 * w).enumerate() {
        for x in (0..w).step_by(8) {
            let mut any = _mm_setzero_si128();
            for y in 0..4 {
                let magnitude = _mm_abs_epi16(load_i16x8(&rows[y * w + x..]));
                any = _mm_or_si128(any, _mm_cmpgt_epi16(magnitude, limit));
            }
            let mask = _mm_movemask_epi8(any) as u32;
            let bits = u64::from(mask & 0xFF != 0) | u64::from(mask & 0xFF00 != 0) << 1;
            groups |= bits << (gy * (w / 4) + x / 4);
        }
    }
    groups
}

/// Sum of 4x4 Hadamard distances.
#[target_feature(enable = "avx2")]
pub(super) fn hadamard_4x4(a: &[u8], b: &[u8], (w, h): (usize, usize)) -> u32 {
    let load = |from: &[u8]| {
        let bytes = i32::from_le_bytes([from[0], from[1], from[2], from[3]]);
        _mm_cvtepu8_epi16(_mm_cvtsi32_si128(bytes))
    };
    let ones = _mm_set1_epi16(1);
    let mut total = 0;
    for y in (0..h).step_by(4) {
        for x in (0..w).step_by(4) {
            let row = |j: usize| {
                let at = (y + j) * w + x;
                _mm_sub_epi16(load(&a[at..at + 4]), load(&b[at..at + 4]))
            };
            // Rows 0 and 1 beside each other, then 2 and 3.
            let (r01, r23) = (_mm_unpacklo_epi64(row(0), row(1)), _mm_unpacklo_epi64(row(2), row(3)));
            let (s, d) = (_mm_add_epi16(r01, r23), _mm_sub_epi16(r01, r23));
            // s: 0 + 2, 1 + 3; d: 0 - 2, 1 - 3.
            let (low, high) = (_mm_unpacklo_epi64(s, d), _mm_unpackhi_epi64(s, d));
            let (p, q) = (_mm_add_epi16(low, high), _mm_sub_epi16(low, high));
            // Within each row of four: neighbours at distance 2, then 1.
            let pass = |v: __m128i| {
                let swapped = _mm_shufflehi_epi16::<0b01_00_11_10>(_mm_shufflelo_epi16::<0b01_00_11_10>(v));
                let v = _mm_add_epi16(swapped, _mm_sign_epi16(v, _mm_set_epi16(-1, -1, 1, 1, -1, -1, 1, 1)));
                let swapped = _mm_shufflehi_epi16::<0b10_11_00_01>(_mm_shufflelo_epi16::<0b10_11_00_01>(v));
                let v = _mm_add_epi16(swapped, _mm_sign_epi16(v, _mm_set_epi16(-1, 1, -1, 1, -1, 1, -1, 1)));
                _mm_madd_epi16(_mm_abs_epi16(v), ones)
            };
            total += horizontal_sum(_mm_add_epi32(pass(p), pass(q))).div_ceil(2);
        }
    }
    total
}
