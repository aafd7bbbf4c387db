//! Inverse quantisation (docs/spec/avs2#b3).

use crate::headers::WeightMatrices;

#[rustfmt::skip]
const SCALE: [u16; 64] = [
    32768, 36061, 38968, 42495, 46341, 50535, 55437, 60424,
    32932, 35734, 38968, 42495, 46177, 50535, 55109, 59933,
    65535, 35734, 38968, 42577, 46341, 50617, 55027, 60097,
    32809, 35734, 38968, 42454, 46382, 50576, 55109, 60056,
    65535, 35734, 38968, 42495, 46320, 50515, 55109, 60076,
    65535, 35744, 38968, 42495, 46341, 50535, 55099, 60087,
    65535, 35734, 38973, 42500, 46341, 50535, 55109, 60097,
    32771, 35734, 38965, 42497, 46341, 50535, 55109, 60099,
];

#[rustfmt::skip]
const SHIFT: [u8; 64] = [
    15, 15, 15, 15, 15, 15, 15, 15,
    14, 14, 14, 14, 14, 14, 14, 14,
    14, 13, 13, 13, 13, 13, 13, 13,
    12, 12, 12, 12, 12, 12, 12, 12,
    12, 11, 11, 11, 11, 11, 11, 11,
    11, 10, 10, 10, 10, 10, 10, 10,
    10,  9,  9,  9,  9,  9,  9,  9,
     8,  8,  8,  8,  8,  8,  8,  8,
];

/// QP of chroma for index 43 and above (docs/spec/avs2#b3.2); below it is the index.
const CHROMA_QP: [u8; 21] =
    [42, 43, 43, 44, 44, 45, 45, 46, 46, 47, 47, 48, 48, 48, 49, 49, 49, 50, 50, 50, 51];

/// QP of a chroma component from the QP of luma and the component's delta (docs/spec/avs2#b3.2).
#[must_use]
pub fn chroma_qp(luma_qp: u8, delta: i8) -> u8 {
    let index = (i32::from(luma_qp) + i32::from(delta)).clamp(0, 63) as u8;
    if index < 43 { index } else { CHROMA_QP[usize::from(index) - 43] }
}

/// Scales the levels of one block (docs/spec/avs2#b3.4, #b3.5).
#[derive(Debug, Clone, Copy)]
pub struct Dequantiser<'a> {
    scale: i32,
    shift: u32,
    weights: Option<Weights<'a>>,
}

#[derive(Debug, Clone, Copy)]
struct Weights<'a> {
    matrix: &'a [u8],
    stride: usize,
    /// log2 of how often each entry is repeated.
    repeat: u32,
}

impl<'a> Dequantiser<'a> {
    /// For blocks of QP `qp` (0..=63) with rounding parameter `n` (docs/spec/avs2#b3.3).
    #[must_use]
    pub fn new(qp: u8, n: u32) -> Self {
        let index = usize::from(qp.min(63));
        // shift = SHIFT + bit depth + 1 + n - 16
        Self { scale: SCALE[index].into(), shift: u32::from(SHIFT[index]) + n - 7, weights: None }
    }

    /// The same with weights, for a block of `w` x `h` coefficients.
    #[must_use]
    pub fn with_weights(self, weights: &'a WeightMatrices, (w, h): (usize, usize)) -> Self {
        let weights = match w.max(h) {
            4 => Weights { matrix: &weights.m4, stride: 4, repeat: 0 },
            8 => Weights { matrix: &weights.m8, stride: 8, repeat: 0 },
            16 => Weights { matrix: &weights.m8, stride: 8, repeat: 1 },
            _ => Weights { matrix: &weights.m8, stride: 8, repeat: 2 },
        };
        Self { weights: Some(weights), ..self }
    }

    /// Whether the scale depends on the place in the block.
    #[inline(always)]
    #[must_use]
    pub fn is_weighted(&self) -> bool {
        self.weights.is_some()
    }

    /// The coefficient at (`x`, `y`) for `level`, -32768..=32768.
    #[inline]
    #[must_use]
    pub fn scale(&self, x: usize, y: usize, level: i32) -> i16 {
        match self.weights {
            None => self.scale_plainly(level) as i16,
            Some(Weights { matrix, stride, repeat }) => {
                let round = 1 << (self.shift - 1);
                let weight = matrix[((y >> repeat) & 7) * stride + ((x >> repeat) & 7)];
                let weighted = i64::from((level * i32::from(weight)) >> 2) * i64::from(self.scale);
                (((weighted >> 4) + round) >> self.shift).clamp(-32768, 32767) as i16
            }
        }
    }

    /// The coefficient for `level` without weights, which is the same everywhere in the block.
    #[inline(always)]
    #[must_use]
    pub fn scale_plainly(&self, level: i32) -> i32 {
        let round = 1 << (self.shift - 1);
        (level.wrapping_mul(self.scale).wrapping_add(round) >> self.shift).clamp(-32768, 32767)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headers::DEFAULT_WEIGHTS;

    #[test]
    fn chroma_qp_follows_the_map() {
        assert_eq!(chroma_qp(42, 0), 42);
        assert_eq!(chroma_qp(43, 0), 42);
        assert_eq!(chroma_qp(63, 0), 51);
        assert_eq!(chroma_qp(63, 16), 51);
        assert_eq!(chroma_qp(3, -16), 0);
    }

    #[test]
    fn flat_weights_change_nothing() {
        let flat = WeightMatrices { m4: [64; 16], m8: [64; 64] };
        for qp in 0..64 {
            for n in 2..=6 {
                let plain = Dequantiser::new(qp, n);
                let weighted = plain.with_weights(&flat, (8, 8));
                for level in [-32768, -1000, -33, -1, 0, 1, 2, 77, 32767] {
                    assert_eq!(
                        plain.scale(1, 2, level),
                        weighted.scale(1, 2, level),
                        "QP {qp} level {level}"
                    );
                }
            }
        }
    }

    #[test]
    fn weights_by_block_size() {
        let at = |size, x, y| Dequantiser::new(63, 2).with_weights(&DEFAULT_WEIGHTS, size).scale(x, y, 64);
        // 64 * weight / 64 * 60099 >> (8 + 2 - 7) = weight * 7512.4, so compare ratios below the clip with small QP.
        let small = |size, x, y| Dequantiser::new(0, 4).with_weights(&DEFAULT_WEIGHTS, size).scale(x, y, 64);
        assert_eq!(small((8, 8), 7, 7), ((216 * 16 * 32768 / 16 + 2048_i64) >> 12) as i16);
        assert_eq!(small((16, 16), 14, 15), small((8, 8), 7, 7));
        assert_eq!(small((32, 8), 28, 7), small((8, 8), 7, 1));
        assert_eq!(small((4, 16), 3, 15), small((8, 8), 1, 7));
        assert_eq!(small((4, 4), 3, 3), ((96 * 16 * 32768 / 16 + 2048_i64) >> 12) as i16);
        assert_eq!(at((4, 4), 3, 3), 32767);
    }
}
