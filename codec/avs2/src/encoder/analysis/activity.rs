//! Where errors are seen: weights by local activity and brightness.

use crate::encoder::input::{FRACTION_BITS, SourcePlane};
use crate::encoder::{DrawnRegions, Importance};
use crate::math;

/// Weights of errors by 16x16 block. Their geometric mean over a picture is about 1.
#[derive(Debug, Clone)]
pub(in crate::encoder) struct Activity {
    columns: usize,
    rows: usize,
    weights: Vec<f32>,
}

/// Measured weights of errors in the 16x16 blocks of a picture.
#[derive(Debug, Clone)]
pub struct BlockWeights {
    /// Logarithms (base 2), row by row, blocks at the right and bottom edges included; only their differences count.
    pub logs: Vec<f32>,
    /// How much the logarithms of weights by activity count beside these, 0 to 1.
    pub activity: f32,
}

/// Size of the blocks.
const UNIT: usize = 16;
/// Greatest weight; the least is its reciprocal.
const GREATEST: f32 = 4.0;

impl Activity {
    /// Measures `luma`; at strength 1 the weight falls with the power `slope` of the variance, and strength 0 weighs
    /// all blocks alike. Blocks in `drawn` regions all weigh the same.
    pub(in crate::encoder) fn new(
        luma: &SourcePlane,
        slope: f32,
        strength: f32,
        drawn: Option<&DrawnRegions>,
    ) -> Self {
        let (columns, rows) = (luma.width().div_ceil(UNIT), luma.height().div_ceil(UNIT));
        let places = (0..columns * rows).map(|i| (i % columns * UNIT, i / columns * UNIT));
        let mut logs: Vec<f32> =
            places.clone().map(|at| -slope * log_activity(luma, at) + brightness(luma, at)).collect();
        if let Some(drawn) = drawn {
            let inside: Vec<bool> = places.map(|at| drawn.contain(at)).collect();
            // Beside photographs what is drawn must not take more than it did, and where it is all there is, blank
            // areas cost nothing anyway.
            let level = if drawn.mostly() { 0.0 } else { mean(&logs, &inside) };
            for (log, _) in logs.iter_mut().zip(&inside).filter(|(_, inside)| **inside) {
                *log = level;
            }
        }
        let mean = logs.iter().sum::<f32>() / logs.len().max(1) as f32;
        let weight = |log: &f32| math::exp2_f32((log - mean) * strength).clamp(1.0 / GREATEST, GREATEST);
        Self { columns, rows, weights: logs.iter().map(weight).collect() }
    }

    /// The same with measured weights.
    pub(in crate::encoder) fn with_weights(mut self, weights: Option<&BlockWeights>) -> Self {
        let Some(BlockWeights { logs, activity }) = weights else { return self };
        let both = |(weight, log): (&f32, &f32)| activity * math::log2_f32(*weight) + log;
        let sums: Vec<f32> = self.weights.iter().zip(logs).map(both).collect();
        let mean = sums.iter().sum::<f32>() / sums.len().max(1) as f32;
        for (weight, log) in self.weights.iter_mut().zip(&sums) {
            *weight = math::exp2_f32(log - mean).clamp(1.0 / GREATEST, GREATEST);
        }
        self
    }

    /// The same where it counts `strength` how much later pictures inherit; the mean of the logarithms stays.
    pub(in crate::encoder) fn with_importance(
        mut self,
        importance: Option<&Importance>,
        strength: f32,
    ) -> Self {
        let Some(Importance { logs }) = importance else { return self };
        let mean = logs.iter().sum::<f32>() / logs.len().max(1) as f32;
        for (weight, log) in self.weights.iter_mut().zip(logs) {
            *weight = (*weight * math::exp2_f32((log - mean) * strength)).clamp(1.0 / GREATEST, GREATEST);
        }
        self
    }

    /// Weight of errors in a square.
    pub(in crate::encoder) fn of(&self, (x, y): (usize, usize), size: usize) -> f64 {
        let (x0, y0) = (x / UNIT, y / UNIT);
        let (x1, y1) =
            ((x + size).div_ceil(UNIT).min(self.columns), (y + size).div_ceil(UNIT).min(self.rows));
        let (mut sum, mut count) = (0.0, 0);
        for row in y0..y1 {
            for weight in &self.weights[row * self.columns + x0..row * self.columns + x1] {
                sum += f64::from(*weight);
                count += 1;
            }
        }
        sum / f64::from(count.max(1))
    }
}

/// The mean of the values `inside`.
fn mean(logs: &[f32], inside: &[bool]) -> f32 {
    let count = inside.iter().filter(|&&inside| inside).count();
    let values = logs.iter().zip(inside).filter(|(_, inside)| **inside);
    values.map(|(log, _)| log).sum::<f32>() / count.max(1) as f32
}

/// Logarithm of the mean variance of the 8x8 blocks of a unit.
fn log_activity(luma: &SourcePlane, (x, y): (usize, usize)) -> f32 {
    let (mut total, mut count) = (0.0_f32, 0.0_f32);
    for dy in [0, 8] {
        for dx in [0, 8] {
            if x + dx + 8 > luma.width() || y + dy + 8 > luma.height() {
                continue;
            }
            let (mut sum, mut squares) = (0_u32, 0_u32);
            for row in y + dy..y + dy + 8 {
                for &sample in &luma.row(row)[x + dx..x + dx + 8] {
                    sum += sample as u32;
                    squares += sample as u32 * sample as u32;
                }
            }
            let scale = 64.0 * f32::from(1_u16 << (2 * FRACTION_BITS));
            total += (squares as f32 - sum as f32 * sum as f32 / 64.0).max(0.0) / scale;
            count += 1.0;
        }
    }
    math::log2_f32(total / count.max(1.0) + 2.0)
}

/// Logarithm of what errors weigh by the mean of luma: more in the dark.
fn brightness(luma: &SourcePlane, (x, y): (usize, usize)) -> f32 {
    let (mut sum, mut count) = (0_i32, 0_i32);
    for row in y..(y + UNIT).min(luma.height()) {
        let samples = &luma.row(row)[x..(x + UNIT).min(luma.width())];
        sum += samples.iter().map(|&sample| i32::from(sample)).sum::<i32>();
        count += samples.len() as i32;
    }
    let mean = sum as f32 / (count.max(1) << FRACTION_BITS) as f32;
    let level = ((mean - 16.0) / 219.0).clamp(0.0, 1.0);
    (-0.78 + 0.36 * level) * level
}
