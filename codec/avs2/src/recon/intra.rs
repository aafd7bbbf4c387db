//! Intra prediction (docs/spec/avs2#b2).

use super::availability::Availability;
use crate::multiversion;
use crate::simd::Backend;
use crate::simd::kernels;

/// Sample used where none is available.
const MID: u8 = 128;
/// Index of the corner.
const CORNER: usize = 320;
const LENGTH: usize = 704;

/// The line of reference samples (docs/spec/avs2#b2.5): index 0 is the corner, positive indices run to the right along
/// the row above, negative ones down along the column to the left.
#[derive(Debug, Clone)]
pub struct ReferenceLine {
    samples: [u8; LENGTH],
    /// Of the block that the line was loaded for; DC prediction asks for its `left` and `top`.
    available: Availability,
}

impl Default for ReferenceLine {
    fn default() -> Self {
        Self { samples: [MID; LENGTH], available: Availability::default() }
    }
}

impl ReferenceLine {
    /// Sample `i` of the line, -320..=383.
    #[inline]
    #[must_use]
    pub fn at(&self, i: isize) -> u8 {
        self.samples[CORNER.wrapping_add_signed(i)]
    }

    /// The `len` samples from index `from` on.
    #[inline]
    pub(crate) fn slice(&self, from: isize, len: usize) -> &[u8] {
        &self.samples[CORNER.wrapping_add_signed(from)..][..len]
    }

    /// Loads the line for a block of `w` x `h` samples whose first sample is `samples[origin]`, and which is to be
    /// predicted with `mode`.
    pub fn load(
        &mut self,
        samples: &[u8],
        stride: usize,
        origin: usize,
        (w, h): (usize, usize),
        available: Availability,
        mode: u8,
    ) {
        self.available = available;
        let line = &mut self.samples;
        if available.top {
            let above = origin - stride;
            let count = if available.top_right { 2 * w } else { w };
            line[CORNER + 1..][..count].copy_from_slice(&samples[above..][..count]);
            if !available.top_right {
                let last = line[CORNER + w];
                line[CORNER + w + 1..][..w].fill(last);
            }
        } else {
            line[CORNER + 1..][..w].fill(MID);
            // Above-right may exist although above does not, where a slice begins inside a row.
            if available.top_right {
                let above = origin - stride + w;
                line[CORNER + w + 1..][..w].copy_from_slice(&samples[above..][..w]);
            } else {
                line[CORNER + w + 1..][..w].fill(MID);
            }
        }
        if available.left {
            let count = if available.bottom_left { 2 * h } else { h };
            kernels::load_column(samples, (origin - 1, stride), &mut line[CORNER - count..CORNER]);
            if !available.bottom_left {
                let last = line[CORNER - h];
                line[CORNER - 2 * h..CORNER - h].fill(last);
            }
        } else {
            line[CORNER - 2 * h..CORNER].fill(MID);
        }
        line[CORNER] = match available {
            Availability { top_left: true, .. } => samples[origin - stride - 1],
            Availability { top: true, .. } => line[CORNER + 1],
            Availability { left: true, .. } => line[CORNER - 1],
            _ => MID,
        };
        self.extend((w, h), mode);
    }

    /// Repeats the end samples as far as `mode` reads beyond them.
    pub fn extend(&mut self, (w, h): (usize, usize), mode: u8) {
        let line = &mut self.samples;
        if (3..=11).contains(&mode) {
            let last = line[CORNER + 2 * w];
            line[CORNER + 2 * w + 1..(CORNER + w + 11 * h / 4 + 4).max(CORNER + 2 * w + 1)].fill(last);
        } else if (25..=32).contains(&mode) {
            let last = line[CORNER - 2 * h];
            line[(CORNER - h - 2 * w - 4).min(CORNER - 2 * h)..CORNER - 2 * h].fill(last);
        }
    }
}

/// Displacement per row of modes 3..=23 as multiplier and shift (docs/spec/avs2#b2.7).
const ROW_STEP: [(u32, u32); 24] = [
    (0, 0),
    (0, 0),
    (0, 0),
    (11, 2),
    (2, 0),
    (11, 3),
    (1, 0),
    (93, 7),
    (1, 1),
    (93, 8),
    (1, 2),
    (1, 3),
    (0, 0),
    (1, 3),
    (1, 2),
    (93, 8),
    (1, 1),
    (93, 7),
    (1, 0),
    (11, 3),
    (2, 0),
    (11, 2),
    (4, 0),
    (8, 0),
];

/// Displacement per column of modes 13..=32.
const COLUMN_STEP: [(u32, u32); 33] = {
    let mut steps = [(0, 0); 33];
    let first = [(8, 0), (4, 0), (11, 2), (2, 0), (11, 3), (1, 0), (93, 7), (1, 1), (93, 8), (1, 2), (1, 3)];
    let second = [(1, 3), (1, 2), (93, 8), (1, 1), (93, 7), (1, 0), (11, 3), (2, 0)];
    let mut i = 0;
    while i < 11 {
        steps[13 + i] = first[i];
        i += 1;
    }
    i = 0;
    while i < 8 {
        steps[25 + i] = second[i];
        i += 1;
    }
    steps
};

/// Displacement from one row or column to the next, in samples: `multiplier` / 2^`shift`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    multiplier: u32,
    shift: u32,
}

/// Integer and fractional displacement (1/32 sample) at distance `k`.
#[inline]
pub(crate) fn displacement(step: Step, k: usize) -> (usize, i32) {
    let p = (k as u32 * step.multiplier * 32) >> step.shift;
    ((p >> 5) as usize, (p & 31) as i32)
}

/// Step of `mode` per row.
#[inline]
pub(crate) fn row_step(mode: u8) -> Step {
    let (multiplier, shift) = ROW_STEP[usize::from(mode)];
    Step { multiplier, shift }
}

/// Step of `mode` per column.
#[inline]
pub(crate) fn column_step(mode: u8) -> Step {
    let (multiplier, shift) = COLUMN_STEP[usize::from(mode)];
    Step { multiplier, shift }
}

/// Predicts a block of `w` x `h` samples into `out`, whose rows are `stride` apart.
/// `mode` is 0..=32.
pub fn predict_intra(
    backend: Backend,
    mode: u8,
    (w, h): (usize, usize),
    line: &ReferenceLine,
    out: &mut [u8],
    stride: usize,
) {
    if kernels::predict_angular(backend, mode, (w, h), line, out, stride) {
        return;
    }
    match mode {
        0 | 12 | 24 => match w {
            4 => flat::<4>(mode, line, h, out, stride),
            8 => flat::<8>(mode, line, h, out, stride),
            16 => flat::<16>(mode, line, h, out, stride),
            32 => flat::<32>(mode, line, h, out, stride),
            _ => flat::<64>(mode, line, h, out, stride),
        },
        1 => multiversion::run(
            backend,
            #[inline(always)]
            || plane(line, (w, h), out, stride),
        ),
        2 => multiversion::run(
            backend,
            #[inline(always)]
            || bilinear(line, (w, h), out, stride),
        ),
        3..=11 => top_angular(mode, line, (w, h), out, stride),
        13..=23 => corner_angular(mode, line, (w, h), out, stride),
        _ => left_angular(mode, line, (w, h), out, stride),
    }
}

/// The rows of a block.
#[inline]
pub(crate) fn rows(out: &mut [u8], stride: usize, (w, h): (usize, usize)) -> impl Iterator<Item = &mut [u8]> {
    out.chunks_mut(stride).take(h).map(move |row| &mut row[..w])
}

/// The modes whose rows are copies: DC, vertical, horizontal. Rows of known width need no calls.
fn flat<const W: usize>(mode: u8, line: &ReferenceLine, h: usize, out: &mut [u8], stride: usize) {
    let rows = rows(out, stride, (W, h)).filter_map(|row| row.first_chunk_mut::<W>());
    match mode {
        0 => {
            let value = [dc(line, (W, h)); W];
            rows.for_each(|row| *row = value);
        }
        12 => {
            let above: [u8; W] = std::array::from_fn(|x| line.at(x as isize + 1));
            rows.for_each(|row| *row = above);
        }
        _ => rows.enumerate().for_each(|(y, row)| *row = [line.at(-(y as isize) - 1); W]),
    }
}

fn dc(line: &ReferenceLine, (w, h): (usize, usize)) -> u8 {
    let sum = |samples: &[u8]| samples.iter().map(|&s| u32::from(s)).sum::<u32>();
    let (w32, h32) = (w as u32, h as u32);
    let top = || sum(line.slice(1, w));
    let left = || sum(line.slice(-(h as isize), h));
    let value = match (line.available.top, line.available.left) {
        (true, true) => ((top() + left() + ((w32 + h32) >> 1)) * (512 / (w32 + h32))) >> 9,
        (true, false) => (top() + (w32 >> 1)) >> w.ilog2(),
        (false, true) => (left() + (h32 >> 1)) >> h.ilog2(),
        (false, false) => MID.into(),
    };
    value as u8
}

#[inline(always)]
fn plane(line: &ReferenceLine, (w, h): (usize, usize), out: &mut [u8], stride: usize) {
    let at = |i: isize| i32::from(line.at(i));
    let slope = |n: usize, sign: isize| {
        let half = n as isize / 2;
        let sum: i32 = (1..=half).map(|k| k as i32 * (at(sign * (half + k)) - at(sign * (half - k)))).sum();
        let (multiplier, shift) = [(13, 7), (17, 10), (5, 11), (11, 15), (23, 19)][n.ilog2() as usize - 2];
        (((sum << 5) * multiplier) + (1 << (shift - 1))) >> shift
    };
    let (b, c) = (slope(w, 1), slope(h, -1));
    let a = (at(w as isize) + at(-(h as isize))) << 4;
    for (y, row) in rows(out, stride, (w, h)).enumerate() {
        let start = a + (y as i32 - h as i32 / 2 + 1) * c + 16;
        for (x, sample) in row.iter_mut().enumerate() {
            *sample = ((start + (x as i32 - w as i32 / 2 + 1) * b) >> 5).clamp(0, 255) as u8;
        }
    }
}

#[inline(always)]
fn bilinear(line: &ReferenceLine, (w, h): (usize, usize), out: &mut [u8], stride: usize) {
    let at = |i: isize| i32::from(line.at(i));
    let (lw, lh) = (w.ilog2(), h.ilog2());
    let (a, b) = (at(w as isize), at(-(h as isize)));
    let c = if w == h {
        (a + b + 1) >> 1
    } else {
        let m = lw.min(lh);
        (((a << lw) + (b << lh)) * 13 + (1 << (m + 5))) >> (m + 6)
    };
    let weight = 2 * c - a - b;
    // What rows have in common, by column: the vertical interpolation at row -1 and its change from row to row.
    let (mut vertical, mut steps) = ([0; 64], [0; 64]);
    for (x, (vertical, step)) in vertical.iter_mut().zip(&mut steps).enumerate().take(w) {
        let top = at(x as isize + 1);
        (*vertical, *step) = (top << (lh + lw), (b - top) << lw);
    }
    for (y, row) in rows(out, stride, (w, h)).enumerate() {
        let left = at(-(y as isize) - 1);
        let start = ((left << lw) + (a - left)) << lh;
        let step = ((a - left) << lh) + y as i32 * weight;
        let columns = row.iter_mut().zip(vertical.iter_mut().zip(&steps));
        for (x, (sample, (vertical, change))) in columns.enumerate() {
            *vertical += change;
            let sum = start + x as i32 * step + *vertical + (1 << (lw + lh));
            *sample = (sum >> (lw + lh + 1)).clamp(0, 255) as u8;
        }
    }
}

/// The interpolation filter on four samples in order of the direction (docs/spec/avs2#b2.7).
#[inline(always)]
fn interpolate(samples: [u8; 4], f: i32) -> u8 {
    let [a, b, c, d] = samples.map(i32::from);
    ((a * (32 - f) + b * (64 - f) + c * (32 + f) + d * f + 64) >> 7) as u8
}

#[inline(always)]
fn ascending(line: &[u8], f: i32) -> u8 {
    interpolate([line[0], line[1], line[2], line[3]], f)
}

#[inline(always)]
fn descending(line: &[u8], f: i32) -> u8 {
    interpolate([line[3], line[2], line[1], line[0]], f)
}

fn top_angular(mode: u8, line: &ReferenceLine, (w, h): (usize, usize), out: &mut [u8], stride: usize) {
    for (y, row) in rows(out, stride, (w, h)).enumerate() {
        let (d, f) = displacement(row_step(mode), y + 1);
        let samples = line.slice(d as isize, w + 3);
        for (sample, window) in row.iter_mut().zip(samples.windows(4)) {
            *sample = ascending(window, f);
        }
    }
}

fn left_angular(mode: u8, line: &ReferenceLine, (w, h): (usize, usize), out: &mut [u8], stride: usize) {
    for x in 0..w {
        let (d, f) = displacement(column_step(mode), x + 1);
        for y in 0..h {
            out[y * stride + x] = descending(line.slice(-((y + d) as isize) - 3, 4), f);
        }
    }
}

fn corner_angular(mode: u8, line: &ReferenceLine, (w, h): (usize, usize), out: &mut [u8], stride: usize) {
    for y in 0..h {
        let (dr, fr) = displacement(row_step(mode), y + 1);
        for x in 0..w {
            let (dc, fc) = displacement(column_step(mode), x + 1);
            out[y * stride + x] = if y < dc {
                descending(line.slice(x as isize - dr as isize - 1, 4), fr)
            } else {
                ascending(line.slice(-((y - dc) as isize) - 2, 4), fc)
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::tests::{Random, levels};

    /// Checksums of part B, self-test T1: modes by block sizes.
    const SIZES: [(usize, usize); 9] =
        [(4, 4), (8, 8), (16, 16), (32, 32), (64, 64), (16, 4), (4, 16), (32, 8), (8, 32)];

    #[rustfmt::skip]
    const CHECKSUMS: [[u16; 9]; 33] = [
        [30464, 46080, 12288, 49152, 0, 36864, 21504, 61440, 45056],
        [23054, 18185, 46912, 57632, 65024, 12389, 43476, 12432, 10808],
        [59443, 17935, 54550, 9544, 14080, 1703, 2396, 55968, 7398],
        [35536, 25159, 133, 55947, 51731, 11004, 1988, 41225, 51503],
        [64338, 789, 10742, 3702, 27490, 3923, 32958, 7246, 13819],
        [37650, 32880, 13830, 7743, 29030, 52347, 8830, 28621, 14529],
        [56123, 59803, 60092, 12594, 29281, 25196, 28732, 22400, 37103],
        [8417, 17267, 60360, 8895, 13117, 722, 26845, 22785, 32818],
        [16388, 24301, 61847, 36646, 8539, 26108, 28918, 56043, 32056],
        [17469, 44376, 13449, 59762, 16183, 39970, 18594, 104, 22393],
        [63925, 46275, 23508, 21908, 13364, 65288, 41791, 44083, 65278],
        [51961, 18695, 42113, 52330, 9599, 23857, 16885, 30542, 62992],
        [61008, 1352, 36448, 32736, 22016, 26592, 16544, 48344, 15424],
        [22034, 26033, 2752, 15650, 45857, 54913, 17848, 7133, 13181],
        [18243, 25822, 35305, 10840, 44774, 60350, 3602, 61654, 42184],
        [21586, 19920, 15916, 63828, 15003, 14957, 62030, 39513, 62626],
        [21409, 53940, 48149, 8481, 32299, 56370, 48250, 63422, 13665],
        [8431, 51252, 34582, 56676, 63231, 27156, 12592, 35372, 31678],
        [7356, 15381, 380, 38242, 38572, 18607, 58666, 19293, 51403],
        [39704, 7157, 14371, 50094, 57282, 11560, 23863, 3753, 47141],
        [32085, 6976, 56449, 49286, 15364, 37263, 688, 23912, 42501],
        [1139, 57717, 40394, 36389, 31898, 55923, 3797, 29782, 36675],
        [3116, 63452, 17437, 51508, 18248, 3348, 14706, 9738, 54944],
        [1480, 19332, 36123, 30737, 42502, 17037, 23160, 47924, 21577],
        [40576, 40064, 60416, 52224, 60416, 6400, 15424, 49152, 53632],
        [31868, 56063, 3055, 61238, 8909, 14856, 46061, 60583, 26039],
        [30744, 32752, 9997, 30667, 52827, 5947, 57314, 29133, 47297],
        [23384, 15199, 49319, 11202, 18522, 5329, 59534, 52379, 10824],
        [40403, 56502, 64991, 46790, 35057, 58187, 23643, 42905, 1959],
        [22682, 28121, 49095, 7585, 28880, 60608, 3961, 12485, 18214],
        [59403, 5455, 17542, 24004, 26466, 11845, 49343, 6629, 20800],
        [15220, 1519, 35795, 46596, 48762, 29925, 18298, 35681, 25277],
        [44132, 53602, 28126, 26555, 24324, 43567, 1098, 39844, 59326],
    ];

    fn seeded_line((w, h): (usize, usize)) -> ReferenceLine {
        let mut state = (100 * w + h) as u32;
        let mut line = ReferenceLine::default();
        let mut a = 128;
        for i in -2 * h as isize..=2 * w as isize {
            state = state.wrapping_mul(1_103_515_245).wrapping_add(12345) & 0x7FFF_FFFF;
            a = (3 * a + ((state >> 16) & 255) + 2) >> 2;
            line.samples[CORNER.wrapping_add_signed(i)] = a as u8;
        }
        line
    }

    #[test]
    fn every_backend_gives_the_same() {
        let mut random = Random(4);
        for _ in 0..20 {
            let mut line = ReferenceLine::default();
            (0..LENGTH).for_each(|i| line.samples[i] = random.sample());
            for size in SIZES {
                line.available = Availability {
                    left: random.below(3) > 0,
                    top: random.below(3) > 0,
                    ..Availability::default()
                };
                for mode in 0..33 {
                    let stride = size.0 + [0, 5][random.below(2)];
                    let mut predicted = [Vec::new(), Vec::new()];
                    for backend in levels() {
                        for (out, backend) in predicted.iter_mut().zip([backend, Backend::SCALAR]) {
                            *out = vec![7; stride * size.1];
                            predict_intra(backend, mode, size, &line, out, stride);
                        }
                        assert!(predicted[0] == predicted[1], "mode {mode}, block {size:?}, {backend:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn checksums_of_the_specification() {
        for backend in [Backend::SCALAR, Backend::detect(crate::SimdLevel::Auto)] {
            for (mode, sums) in CHECKSUMS.iter().enumerate() {
                for (size, sum) in SIZES.iter().zip(sums) {
                    let mut line = seeded_line(*size);
                    line.available = Availability { left: true, top: true, ..Availability::default() };
                    line.extend(*size, mode as u8);
                    let mut out = vec![0; size.0 * size.1];
                    predict_intra(backend, mode as u8, *size, &line, &mut out, size.0);
                    let v = out.iter().fold(0_u16, |v, &s| v.wrapping_mul(31).wrapping_add(s.into()));
                    assert_eq!(v, *sum, "mode {mode}, block {size:?}, {backend:?}");
                }
            }
        }
    }
}
