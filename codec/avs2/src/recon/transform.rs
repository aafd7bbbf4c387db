//! Inverse transforms (docs/spec/avs2#b4) and reconstruction (docs/spec/avs2#b5).

use crate::simd::Backend;
use crate::simd::kernels;

/// Greatest number of coefficients of a block (32x32).
pub const MAX_COEFFICIENTS: usize = 1024;
/// Greatest number of residual samples of a block (64x64).
pub const MAX_RESIDUAL: usize = 4096;

/// The secondary transform of a block (docs/spec/avs2#b4.3, #b4.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Secondary {
    /// None.
    #[default]
    None,
    /// 4x4 luma intra blocks: another matrix instead of the cosine transform.
    Small,
    /// Larger luma intra blocks: a transform of the first 4x4 coefficients.
    Large {
        /// Transform the rows.
        horizontal: bool,
        /// Transform the columns.
        vertical: bool,
    },
}

impl Secondary {
    /// The transform of a luma intra block of a sequence with `secondary_transform_enable_flag` = 1; `left` and `top`
    /// are the availability of its neighbours.
    #[must_use]
    pub fn of_intra_luma((w, h): (usize, usize), mode: u8, left: bool, top: bool) -> Self {
        if (w, h) == (4, 4) {
            return Self::Small;
        }
        Self::Large { horizontal: left && (mode <= 2 || mode >= 13), vertical: top && mode <= 23 }
    }
}

/// The coefficients of one block, scaled, row by row.
#[derive(Debug, Clone)]
pub struct CoefficientBlock {
    /// `width` coefficients per row.
    pub coefficients: [i16; MAX_COEFFICIENTS],
    /// Coefficients per row.
    pub width: usize,
    /// Number of rows.
    pub height: usize,
    /// Columns from this one on are 0.
    pub nonzero_width: usize,
    /// Rows from this one on are 0.
    pub nonzero_height: usize,
}

impl Default for CoefficientBlock {
    fn default() -> Self {
        Self { coefficients: [0; MAX_COEFFICIENTS], width: 0, height: 0, nonzero_width: 0, nonzero_height: 0 }
    }
}

impl CoefficientBlock {
    /// Makes room for a block of `width` x `height`; all coefficients must be 0.
    #[inline]
    pub fn start(&mut self, (width, height): (usize, usize)) {
        debug_assert!(self.coefficients.iter().all(|&c| c == 0));
        (self.width, self.height) = (width, height);
        (self.nonzero_width, self.nonzero_height) = (0, 0);
    }

    /// Sets the coefficient at (`x`, `y`).
    #[inline]
    pub fn set(&mut self, x: usize, y: usize, coefficient: i16) {
        self.coefficients[y * self.width + x] = coefficient;
        self.nonzero_width = self.nonzero_width.max(x + 1);
        self.nonzero_height = self.nonzero_height.max(y + 1);
    }

    /// Notes that the group of 4x4 coefficients in column and row `at` of groups is not 0, or its first coefficient
    /// alone.
    #[inline(always)]
    pub fn extend(&mut self, (gx, gy): (usize, usize), is_corner: bool) {
        let size = if is_corner && (gx, gy) == (0, 0) { 1 } else { 4 };
        self.nonzero_width = self.nonzero_width.max(4 * gx + size);
        self.nonzero_height = self.nonzero_height.max(4 * gy + size);
    }

    /// Sets all coefficients to 0 again.
    #[inline]
    pub fn clear(&mut self) {
        let end = self.nonzero_height * self.width;
        self.coefficients[..end].fill(0);
    }
}

/// The magnitudes of the cosine matrix (docs/spec/avs2#b4.1).
const COSINES: [i8; 33] = [
    32, 45, 45, 45, 44, 44, 43, 43, 42, 41, 40, 39, 38, 36, 35, 34, 32, 30, 29, 27, 25, 23, 21, 19, 17, 15,
    13, 11, 9, 7, 4, 2, 0,
];

/// T32; row = frequency, column = sample.
pub(crate) static T32: [[i8; 32]; 32] = {
    let mut matrix = [[0; 32]; 32];
    let mut k = 0;
    while k < 32 {
        let mut i = 0;
        while i < 32 {
            let mut a = (2 * i + 1) * k % 128;
            if a > 64 {
                a = 128 - a;
            }
            matrix[k][i] = if a <= 32 { COSINES[a] } else { -COSINES[64 - a] };
            i += 1;
        }
        k += 1;
    }
    matrix
};

/// D4 (docs/spec/avs2#b4.3).
pub(crate) static D4: [[i8; 4]; 4] =
    [[34, 58, 72, 81], [77, 69, -7, -75], [79, -33, -75, 58], [55, -84, 73, -28]];

/// S4 (docs/spec/avs2#b4.4).
pub(crate) const S4: [[i32; 4]; 4] =
    [[123, -35, -8, -3], [-32, -120, 30, 10], [14, 25, 123, -22], [8, 13, 19, 126]];

/// Makes the residual of a block of `w` x `h` samples from its coefficients, row by row without gaps.
///
/// Blocks with a side of 64 have half as many coefficients in both directions (docs/spec/avs2#b4.5). `block` may be
/// changed.
pub fn inverse_transform(
    backend: Backend,
    block: &mut CoefficientBlock,
    (w, h): (usize, usize),
    secondary: Secondary,
    residual: &mut [i16; MAX_RESIDUAL],
) {
    let wavelet = w.max(h) == 64;
    match secondary {
        Secondary::None => {}
        Secondary::Small => {
            if kernels::small_secondary(backend, block, residual) {
                return;
            }
            return small_secondary(block, residual);
        }
        Secondary::Large { horizontal, vertical } => {
            if horizontal || vertical {
                if !kernels::large_secondary(backend, block, horizontal, vertical) {
                    large_secondary(block, horizontal, vertical);
                }
                block.nonzero_width = block.nonzero_width.max(4);
                block.nonzero_height = block.nonzero_height.max(4);
            }
        }
    }
    if (block.nonzero_width, block.nonzero_height) == (1, 1) {
        constant(block, wavelet, residual);
    } else if !kernels::inverse_transform(backend, block, wavelet, residual) {
        cosine(block, wavelet, residual);
    }
    if wavelet {
        synthesize(residual, (block.width, block.height));
    }
}

/// Shift and width in bits of the second step (docs/spec/avs2#b4.2).
fn second_step(wavelet: bool) -> (u32, u32) {
    if wavelet { (11, 10) } else { (12, 9) }
}

/// The residual of a single coefficient at frequency 0.
fn constant(block: &CoefficientBlock, wavelet: bool, residual: &mut [i16; MAX_RESIDUAL]) {
    let (shift, bits) = second_step(wavelet);
    // The first step returns the coefficient.
    let value = round_clip(32 * i32::from(block.coefficients[0]), shift, bits);
    residual[..block.width * block.height].fill(value);
}

/// docs/spec/avs2#b4.2
fn cosine(block: &CoefficientBlock, wavelet: bool, residual: &mut [i16; MAX_RESIDUAL]) {
    let (cw, ch) = (block.width, block.height);
    let mut columns = [0; MAX_COEFFICIENTS];
    let (nw, nh) = (block.nonzero_width, block.nonzero_height);
    for x in 0..nw {
        for y in 0..ch {
            let sum: i32 = (0..nh)
                .map(|k| i32::from(T32[k * (32 / ch)][y]) * i32::from(block.coefficients[k * cw + x]))
                .sum();
            columns[y * cw + x] = round_clip(sum, 5, 16);
        }
    }
    let (shift, bits) = second_step(wavelet);
    for y in 0..ch {
        for x in 0..cw {
            let sum: i32 =
                (0..nw).map(|k| i32::from(T32[k * (32 / cw)][x]) * i32::from(columns[y * cw + k])).sum();
            residual[y * cw + x] = round_clip(sum, shift, bits);
        }
    }
}

/// `Rs` (docs/spec/avs2#b4.2)
#[inline(always)]
fn round_clip(value: i32, shift: u32, bits: u32) -> i16 {
    let limit = 1 << (bits - 1);
    ((value + (1 << (shift - 1))) >> shift).clamp(-limit, limit - 1) as i16
}

fn small_secondary(block: &CoefficientBlock, residual: &mut [i16; MAX_RESIDUAL]) {
    let mut columns = [[0_i16; 4]; 4];
    for (y, row) in columns.iter_mut().enumerate() {
        for (x, value) in row.iter_mut().enumerate() {
            let sum = (0..4).map(|k| i32::from(D4[k][y]) * i32::from(block.coefficients[4 * k + x])).sum();
            *value = round_clip(sum, 5, 16);
        }
    }
    for (y, row) in columns.iter().enumerate() {
        for x in 0..4 {
            let sum = (0..4).map(|k| i32::from(D4[k][x]) * i32::from(row[k])).sum();
            residual[4 * y + x] = round_clip(sum, 14, 9);
        }
    }
}

fn large_secondary(block: &mut CoefficientBlock, horizontal: bool, vertical: bool) {
    let width = block.width;
    let mut q: [[i32; 4]; 4] =
        std::array::from_fn(|y| std::array::from_fn(|x| block.coefficients[y * width + x].into()));
    let step = |row: [i32; 4]| -> [i32; 4] {
        std::array::from_fn(|x| {
            let sum: i32 = (0..4).map(|k| S4[k][x] * row[k]).sum();
            ((sum + 64) >> 7).clamp(-32768, 32767)
        })
    };
    if horizontal {
        q = q.map(step);
    }
    if vertical {
        let columns: [[i32; 4]; 4] = std::array::from_fn(|x| step([q[0][x], q[1][x], q[2][x], q[3][x]]));
        q = std::array::from_fn(|y| std::array::from_fn(|x| columns[x][y]));
    }
    for (y, row) in q.iter().enumerate() {
        for (x, &value) in row.iter().enumerate() {
            block.coefficients[y * width + x] = value as i16;
        }
    }
}

/// Doubles the size of a residual of `w` x `h` (docs/spec/avs2#b4.5).
fn synthesize(residual: &mut [i16; MAX_RESIDUAL], (w, h): (usize, usize)) {
    let mut rows = [0; MAX_RESIDUAL / 2];
    for j in 0..h {
        let next = (j + 1).min(h - 1);
        for x in 0..w {
            let (a, b) = (residual[j * w + x] >> 1, residual[next * w + x] >> 1);
            rows[2 * j * w + x] = a;
            rows[(2 * j + 1) * w + x] = (a + b) >> 1;
        }
    }
    for y in 0..2 * h {
        let row = &rows[y * w..][..w];
        for i in 0..w {
            residual[2 * (y * w + i)] = row[i];
            residual[2 * (y * w + i) + 1] = (row[i] + row[(i + 1).min(w - 1)]) >> 1;
        }
    }
}

/// Adds a residual to the prediction in `out` (5); the residual's rows follow each other without gaps.
pub fn add_residual(
    backend: Backend,
    residual: &[i16; MAX_RESIDUAL],
    (w, h): (usize, usize),
    out: &mut [u8],
    stride: usize,
) {
    if kernels::add_residual(backend, residual, (w, h), out, stride) {
        return;
    }
    for (row, residual) in super::intra::rows(out, stride, (w, h)).zip(residual.chunks_exact(w)) {
        for (sample, &r) in row.iter_mut().zip(residual) {
            *sample = (i16::from(*sample) + r).clamp(0, 255) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::tests::{Random, levels};

    /// Checksums of part B, self-test T2: width, height, without secondary transform and with it for modes 18, 5, 28.
    const CHECKSUMS: [(usize, usize, [u16; 4]); 11] = [
        (4, 4, [60790, 21662, 21662, 21662]),
        (8, 8, [65170, 28476, 61515, 1405]),
        (16, 16, [49699, 63277, 14130, 64558]),
        (32, 32, [31771, 39351, 2945, 64227]),
        (64, 64, [12305, 51700, 9845, 60848]),
        (16, 4, [18936, 3245, 49944, 6666]),
        (4, 16, [26123, 41977, 47303, 4603]),
        (32, 8, [32130, 25124, 37691, 1698]),
        (8, 32, [3779, 14858, 18559, 9475]),
        (64, 16, [22700, 44488, 43080, 59996]),
        (16, 64, [6630, 60041, 26072, 14636]),
    ];

    #[test]
    fn matrix_of_the_specification() {
        assert_eq!(T32[1][..8], [45, 45, 44, 43, 41, 39, 36, 34]);
        assert_eq!(T32[8][..4], [42, 17, -17, -42]);
        assert_eq!(T32[31][28..], [15, -11, 7, -2]);
    }

    #[test]
    fn every_backend_gives_the_same() {
        let mut random = Random(5);
        for round in 0..3000 {
            let (w, h, _) = CHECKSUMS[random.below(CHECKSUMS.len())];
            let halve = if w.max(h) == 64 { 2 } else { 1 };
            let (cw, ch) = (w / halve, h / halve);
            let mut block = CoefficientBlock::default();
            block.start((cw, ch));
            let range = [4, 200, 65536][random.below(3)];
            let (width, height) = (1 + random.below(cw), 1 + random.below(ch));
            for _ in 0..1 + random.below(40) {
                let value = random.below(range) as i32 - range as i32 / 2;
                block.set(random.below(width), random.below(height), value as i16);
            }
            let secondary = match (round % 3, w, h) {
                (0, 4, 4) => Secondary::Small,
                (1, ..) if (w, h) != (4, 4) => {
                    Secondary::Large { horizontal: true, vertical: random.below(2) == 1 }
                }
                _ => Secondary::None,
            };
            let samples: Vec<u8> = (0..w * h).map(|_| random.sample()).collect();
            let made = |backend| {
                let mut residual = [0; MAX_RESIDUAL];
                let mut out = samples.clone();
                inverse_transform(backend, &mut block.clone(), (w, h), secondary, &mut residual);
                add_residual(backend, &residual, (w, h), &mut out, w);
                (residual[..w * h].to_vec(), out)
            };
            for backend in levels() {
                assert!(made(backend) == made(Backend::SCALAR), "{w}x{h} {secondary:?} {backend:?}");
            }
        }
    }

    #[test]
    fn checksums_of_the_specification() {
        for backend in [Backend::SCALAR, Backend::detect(crate::SimdLevel::Auto)] {
            for (w, h, sums) in CHECKSUMS {
                let halve = if w.max(h) == 64 { 2 } else { 1 };
                for (mode, sum) in [None, Some(18), Some(5), Some(28)].into_iter().zip(sums) {
                    let mut state = (64 * w + h + 7) as u32;
                    let mut next = || {
                        state = state.wrapping_mul(1_103_515_245).wrapping_add(12345) & 0x7FFF_FFFF;
                        (state >> 16) as i32
                    };
                    let mut block = CoefficientBlock::default();
                    block.start((w / halve, h / halve));
                    for y in 0..h / halve {
                        for x in 0..w / halve {
                            let (a, b) = (next(), next());
                            if x + y < 8 || a & 15 == 0 {
                                block.set(x, y, (((b & 1023) - 512) >> ((x + y) / 2).min(9)) as i16);
                            }
                        }
                    }
                    let secondary =
                        mode.map_or(Secondary::None, |m| Secondary::of_intra_luma((w, h), m, true, true));
                    let mut residual = [0; MAX_RESIDUAL];
                    inverse_transform(backend, &mut block, (w, h), secondary, &mut residual);
                    let v = residual[..w * h]
                        .iter()
                        .fold(0_u16, |v, &r| v.wrapping_mul(31).wrapping_add(r as u16));
                    assert_eq!(v, sum, "{w}x{h}, mode {mode:?}, {backend:?}");
                }
            }
        }
    }
}
