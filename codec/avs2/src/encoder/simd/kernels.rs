//! The kernels.

use crate::encoder::analysis::metric::SourceRows;
use crate::encoder::quantisation::transform::matrix;
use crate::encoder::rows::copy_row;
use crate::inter::Source;
use crate::recon::MAX_COEFFICIENTS;
use crate::simd::vector::{I16x8, I16x16, I32x4, I32x8, Pairs4, Pairs8, U8x16, Vector};

/// Pair `i` of neighbours.
#[inline]
fn pair(samples: &[i16], i: usize) -> [i16; 2] {
    [samples[2 * i], samples[2 * i + 1]]
}

/// The two factors that an entry of a matrix holds.
#[inline]
fn factors(entry: i32) -> [i16; 2] {
    [entry as i16, (entry >> 16) as i16]
}

/// The eight bytes at the beginning of a slice.
#[inline]
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
fn read_8(from: &[u8]) -> U8x16 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&from[..8]);
    U8x16::from_u64(u64::from_ne_bytes(bytes))
}

/// The four values at the beginning of a slice.
#[inline]
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
fn read_4(from: &[i16]) -> I16x8 {
    let from = &from[..4];
    // SAFETY: four values are eight bytes.
    I16x8::from_u64(unsafe { from.as_ptr().cast::<u64>().read_unaligned() })
}

/// Rounds, shifts and stores four sums.
#[inline]
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
fn finish_4(sum: I32x4, shift: u32, to: &mut [i16]) {
    let row = sum.add(I32x4::splat((1 << shift) >> 1)).shr(shift).pack_u64();
    let to = &mut to[..4];
    // SAFETY: four values are eight bytes.
    unsafe { to.as_mut_ptr().cast::<u64>().write_unaligned(row) };
}

/// Rounds, shifts and packs eight sums.
#[inline]
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
fn finish(sum: I32x8, shift: u32) -> I16x8 {
    sum.add(I32x8::splat((1 << shift) >> 1)).shr(shift).pack()
}

/// Both passes of a forward transform.
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
pub(super) fn transform(
    residual: &[i16],
    (w, h): (usize, usize),
    small: bool,
    shifts: (u32, u32),
    out: &mut [i16; MAX_COEFFICIENTS],
) {
    // Most blocks are small, and clearing takes time.
    match w * h {
        ..=64 => passes::<64>(residual, (w, h), small, shifts, out),
        _ => passes::<MAX_COEFFICIENTS>(residual, (w, h), small, shifts, out),
    }
}

/// The same for at most `MOST` coefficients.
#[inline]
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
fn passes<const MOST: usize>(
    residual: &[i16],
    (w, h): (usize, usize),
    small: bool,
    shifts: (u32, u32),
    out: &mut [i16; MAX_COEFFICIENTS],
) {
    let mut rows = [0_i16; MOST];
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
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
fn rows_4(residual: &[i16], h: usize, m: &[i32], shift: u32, out: &mut [i16]) {
    let row = |i: usize| Pairs4::zip(lane_of(m, i, 0), lane_of(m, i, 1));
    let (m0, m1) = (row(0), row(1));
    for (input, out) in residual.chunks_exact(4).take(h).zip(out.chunks_exact_mut(4)) {
        let sum = I32x4::splat(0).mul_add(Pairs4::splat(pair(input, 0)), m0);
        finish_4(sum.mul_add(Pairs4::splat(pair(input, 1)), m1), shift, out);
    }
}

/// The first or second factors of row `i` of a matrix of four.
#[inline]
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
fn lane_of(m: &[i32], i: usize, which: usize) -> I16x8 {
    let factors: [i16; 4] = std::array::from_fn(|k| factors(m[4 * i + k])[which]);
    read_4(&factors)
}

/// `V` vectors of eight frequencies make a row of `N`.
#[inline]
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
fn rows_n<const N: usize, const V: usize>(
    residual: &[i16],
    h: usize,
    m: &[i32],
    shift: u32,
    out: &mut [i16],
) {
    for (input, out) in residual.chunks_exact(N).take(h).zip(out.chunks_exact_mut(N)) {
        let mut sums = [I32x8::splat(0); V];
        for (i, m) in m.chunks_exact(N).enumerate() {
            let samples = Pairs8::splat(pair(input, i));
            for (sum, m) in sums.iter_mut().zip(m.chunks_exact(8)) {
                *sum = sum.mul_add(samples, Pairs8::from_neighbours(I16x16::read(m)));
            }
        }
        for (sum, out) in sums.into_iter().zip(out.chunks_exact_mut(8)) {
            finish(sum, shift).write(out);
        }
    }
}

/// Columns of height `N`; `HALF` pairs of rows.
#[inline]
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
fn columns<const N: usize, const HALF: usize>(
    rows: &[i16],
    w: usize,
    m: &[i32],
    shift: u32,
    out: &mut [i16],
) {
    if w == 4 {
        let pairs: [Pairs4; HALF] =
            std::array::from_fn(|i| Pairs4::zip(read_4(&rows[8 * i..]), read_4(&rows[8 * i + 4..])));
        for v in 0..N {
            let mut sum = I32x4::splat(0);
            for (i, &samples) in pairs.iter().enumerate() {
                sum = sum.mul_add(samples, Pairs4::splat(factors(m[i * N + v])));
            }
            finish_4(sum, shift, &mut out[4 * v..]);
        }
        return;
    }
    for x in (0..w).step_by(8) {
        let row = |y: usize| I16x8::read(&rows[y * w + x..]);
        let pairs: [Pairs8; HALF] = std::array::from_fn(|i| Pairs8::zip(row(2 * i), row(2 * i + 1)));
        for v in 0..N {
            let mut sum = I32x8::splat(0);
            for (i, &samples) in pairs.iter().enumerate() {
                sum = sum.mul_add(samples, Pairs8::splat(factors(m[i * N + v])));
            }
            finish(sum, shift).write(&mut out[v * w + x..]);
        }
    }
}

/// Sum of 8x8 Hadamard distances.
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
pub(super) fn hadamard_8x8(a: &[u8], b: &[u8], (w, h): (usize, usize)) -> u32 {
    let mut total = 0;
    for y in (0..h).step_by(8) {
        if w == 8 {
            let rows = std::array::from_fn(|j| {
                let at = (y + j) * 8;
                let row = read_8(&a[at..]).widen_low().sub(read_8(&b[at..]).widen_low());
                I16x16::join(row, I16x8::splat(0))
            });
            total += hadamard_rows(rows);
            continue;
        }
        for x in (0..w).step_by(16) {
            let rows = std::array::from_fn(|j| {
                let at = (y + j) * w + x;
                U8x16::read(&a[at..]).widen().sub(U8x16::read(&b[at..]).widen())
            });
            total += hadamard_rows(rows);
        }
    }
    total
}

/// Hadamard distance of the 8x8 blocks in the two halves of the rows.
#[inline]
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
fn hadamard_rows(rows: [I16x16; 8]) -> u32 {
    let r = butterflies(rows);
    // Transposes 8x8 in each half.
    let t = [
        r[0].zip_low_16(r[1]),
        r[0].zip_high_16(r[1]),
        r[2].zip_low_16(r[3]),
        r[2].zip_high_16(r[3]),
        r[4].zip_low_16(r[5]),
        r[4].zip_high_16(r[5]),
        r[6].zip_low_16(r[7]),
        r[6].zip_high_16(r[7]),
    ];
    let u = [
        t[0].zip_low_32(t[2]),
        t[0].zip_high_32(t[2]),
        t[1].zip_low_32(t[3]),
        t[1].zip_high_32(t[3]),
        t[4].zip_low_32(t[6]),
        t[4].zip_high_32(t[6]),
        t[5].zip_low_32(t[7]),
        t[5].zip_high_32(t[7]),
    ];
    let r = butterflies([
        u[0].zip_low_64(u[4]),
        u[0].zip_high_64(u[4]),
        u[1].zip_low_64(u[5]),
        u[1].zip_high_64(u[5]),
        u[2].zip_low_64(u[6]),
        u[2].zip_high_64(u[6]),
        u[3].zip_low_64(u[7]),
        u[3].zip_high_64(u[7]),
    ]);
    // Up to 64 * 255 each: pairs do not overflow 32 bits.
    let sum = r.iter().fold(I32x8::splat(0), |sum, row| sum.add_pairs(row.abs()));
    let [low, high] = sum.half_sums();
    // A block without differences adds nothing.
    (low + 2) / 4 + (high + 2) / 4
}

#[inline]
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
fn butterflies(mut r: [I16x16; 8]) -> [I16x16; 8] {
    for step in [4, 2, 1] {
        for i in 0..8 {
            if i & step == 0 {
                let (a, b) = (r[i], r[i | step]);
                r[i] = a.add(b);
                r[i | step] = a.sub(b);
            }
        }
    }
    r
}

/// Sum of squared differences of sixteenths and samples, in squared sixteenths.
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
pub(super) fn source_error(
    (source, source_stride): (&[i16], usize),
    (samples, stride): (&[u8], usize),
    (w, h): (usize, usize),
) -> u64 {
    let mut total = 0_u64;
    for y in 0..h {
        let (a, b) = (&source[y * source_stride..][..w], &samples[y * stride..][..w]);
        // In 512 samples no sum overflows.
        for (a, b) in a.chunks(512).zip(b.chunks(512)) {
            let mut sum = I32x8::splat(0);
            let (a16, b16) = (a.chunks_exact(16), b.chunks_exact(16));
            let (rest_a, rest_b) = (a16.remainder(), b16.remainder());
            for (a, b) in a16.zip(b16) {
                let d = I16x16::read(a).sub(U8x16::read(b).widen().shl::<4>());
                sum = sum.dot_add(d, d);
            }
            total += sum.sum_unsigned();
            total += rest_a
                .iter()
                .zip(rest_b)
                .map(|(&a, &b)| u64::from((i32::from(a) - (i32::from(b) << 4)).unsigned_abs().pow(2)))
                .sum::<u64>();
        }
    }
    total
}

/// The same, of squares of 2 x 2 as well, whose sums of differences are written row by row. The width is 4 or 8, with a
/// height that is a multiple of 4, or a multiple of 16.
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
pub(super) fn squares_error(
    source: SourceRows<'_>,
    samples: Source<'_>,
    (w, h): (usize, usize),
    sums: &mut [i16],
) -> u64 {
    // Rows whose squares fit into a vector of sums.
    const ROWS: usize = 16;
    let zero = I32x8::splat(0);
    let mut total = 0;
    if w < 16 {
        // Four rows at a time.
        for (y, sums) in (0..h).step_by(4).zip(sums.chunks_exact_mut(w)) {
            let (mut a, mut b) = ([0; 32], [0; 32]);
            for j in 0..4 {
                copy_row(&mut a[j * w..][..w], &source.samples[(y + j) * source.stride..][..w]);
                copy_row(&mut b[j * w..][..w], &samples.samples[(y + j) * samples.stride..][..w]);
            }
            let d = difference(&a, &b);
            if w == 4 {
                let mut pairs = [0; 8];
                neighbours(d).write(&mut pairs);
                sums.copy_from_slice(&[0, 1, 4, 5].map(|i| pairs[i] + pairs[i + 2]));
                total += zero.dot_add(d, d).sum_unsigned();
                continue;
            }
            let e = difference(&a[16..], &b[16..]);
            let (mut first, mut second) = ([0; 8], [0; 8]);
            neighbours(d).write(&mut first);
            neighbours(e).write(&mut second);
            for i in 0..4 {
                (sums[i], sums[4 + i]) = (first[i] + first[4 + i], second[i] + second[4 + i]);
            }
            total += zero.dot_add(d, d).dot_add(e, e).sum_unsigned();
        }
        return total;
    }
    for from in (0..h).step_by(ROWS) {
        let mut sum = zero;
        for y in (from..(from + ROWS).min(h)).step_by(2) {
            for x in (0..w).step_by(16) {
                let row = |y: usize| {
                    let (a, b) = (y * source.stride + x, y * samples.stride + x);
                    difference(&source.samples[a..], &samples.samples[b..])
                };
                let (d, e) = (row(y), row(y + 1));
                sum = sum.dot_add(d, d).dot_add(e, e);
                neighbours(d.add(e)).write(&mut sums[y / 2 * (w / 2) + x / 2..]);
            }
        }
        total += sum.sum_unsigned();
    }
    total
}

/// Sixteen sixteenths minus samples.
#[inline]
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
fn difference(source: &[i16], samples: &[u8]) -> I16x16 {
    I16x16::read(source).sub(U8x16::read(samples).widen().shl::<4>())
}

/// Sums of neighbours, which fit into 16 bits.
#[inline]
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
fn neighbours(v: I16x16) -> I16x8 {
    I32x8::splat(0).mul_add(Pairs8::from_neighbours(v), Pairs8::splat([1, 1])).pack()
}

/// Products of the tap sums; see the caller.
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
pub(super) fn correlate(rows: &[[i16; 64]; 10], w: usize, sums: &mut [i64; 90]) {
    let vectors = w.div_ceil(16);
    let load = |row: usize, i: usize| {
        let mut values = [0_i16; 16];
        let end = (16 * i + 16).min(w);
        values[..end - 16 * i].copy_from_slice(&rows[row][16 * i..end]);
        I16x16::read(&values)
    };
    let mut values = [[I16x16::splat(0); 4]; 10];
    for (row, values) in values.iter_mut().enumerate() {
        for (i, value) in values.iter_mut().enumerate().take(vectors) {
            *value = load(row, i);
        }
    }
    for i in 0..9 {
        for k in i..10 {
            let mut sum = I32x8::splat(0);
            for (&a, &b) in values[i].iter().zip(&values[k]).take(vectors) {
                sum = sum.dot_add(a, b);
            }
            let [low, high] = sum.half_sums();
            sums[10 * i + k] += i64::from(low.wrapping_add(high));
        }
    }
}

/// Groups of 4x4 with a coefficient of at least `threshold` (above 0) in magnitude, as bits row by row; `w` is 8 or
/// more.
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
pub(super) fn large_groups(coefficients: &[i16], w: usize, threshold: i16) -> u64 {
    let limit = I16x8::splat(threshold - 1);
    let mut groups = 0_u64;
    for (gy, rows) in coefficients.chunks_exact(4 * w).enumerate() {
        for x in (0..w).step_by(8) {
            let mut any = I16x8::splat(0);
            for y in 0..4 {
                any = any.or(I16x8::read(&rows[y * w + x..]).abs().gt(limit));
            }
            groups |= any.any_of_fours() << (gy * (w / 4) + x / 4);
        }
    }
    groups
}

/// Sum of 4x4 Hadamard distances.
#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
pub(super) fn hadamard_4x4(a: &[u8], b: &[u8], (w, h): (usize, usize)) -> u32 {
    let load =
        |from: &[u8]| U8x16::from_u32(u32::from_ne_bytes([from[0], from[1], from[2], from[3]])).widen_low();
    let mut total = 0;
    for y in (0..h).step_by(4) {
        for x in (0..w).step_by(4) {
            let row = |j: usize| {
                let at = (y + j) * w + x;
                load(&a[at..at + 4]).sub(load(&b[at..at + 4]))
            };
            // Rows 0 and 1 beside each other, then 2 and 3.
            let (r01, r23) = (row(0).zip_low_64(row(1)), row(2).zip_low_64(row(3)));
            let (s, d) = (r01.add(r23), r01.sub(r23));
            // s: 0 + 2, 1 + 3; d: 0 - 2, 1 - 3.
            let (low, high) = (s.zip_low_64(d), s.zip_high_64(d));
            let (p, q) = (low.add(high), low.sub(high));
            // Within each row of four: neighbours at distance 2, then 1.
            let twos = I16x8::read(&[1, 1, -1, -1, 1, 1, -1, -1_i16]);
            let ones = I16x8::read(&[1, -1, 1, -1, 1, -1, 1, -1_i16]);
            let pass = |v: I16x8| {
                let v = v.swap_twos().add(v.mul(twos));
                v.swap_neighbours().add(v.mul(ones)).abs()
            };
            // Up to 16 * 255 each.
            total += (pass(p).add(pass(q)).sum() as u32).div_ceil(2);
        }
    }
    total
}
