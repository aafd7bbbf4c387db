//! Where errors are seen: weights and QP differences by local activity.

use super::Importance;
use crate::picture::PlaneBuffer;

/// Weights of squared errors and QPs by 16x16 block.
#[derive(Debug, Clone)]
pub(super) struct Activity {
    columns: usize,
    rows: usize,
    weights: Vec<f32>,
    qp: u8,
    adaptive_qp: bool,
}

/// Size of the blocks.
const UNIT: usize = 16;

impl Activity {
    /// Measures `luma`; `strength` 0 weighs all samples alike. Without `adaptive_qp` only the weights vary.
    pub(super) fn new(luma: &PlaneBuffer, strength: f32, qp: u8, adaptive_qp: bool) -> Self {
        let (columns, rows) = (luma.width().div_ceil(UNIT), luma.height().div_ceil(UNIT));
        let mut logs = Vec::with_capacity(columns * rows);
        for by in 0..rows {
            for bx in 0..columns {
                logs.push(log_activity(luma, bx * UNIT, by * UNIT));
            }
        }
        let mean = logs.iter().sum::<f32>() / logs.len().max(1) as f32;
        let weights =
            logs.iter().map(|log| (-(log - mean) * 0.12 * strength).exp2().clamp(0.5, 2.0)).collect();
        Self { columns, rows, weights, qp, adaptive_qp }
    }

    /// The same where it counts `strength` how much later pictures inherit; the mean of the logarithms stays.
    pub(super) fn with_importance(mut self, importance: Option<&Importance>, strength: f32) -> Self {
        let Some(Importance { logs }) = importance else { return self };
        let mean = logs.iter().sum::<f32>() / logs.len().max(1) as f32;
        for (weight, log) in self.weights.iter_mut().zip(logs) {
            *weight = (*weight * ((log - mean) * strength).exp2()).clamp(0.25, 4.0);
        }
        self
    }

    /// Weight of squared errors in a square, and its QP.
    pub(super) fn of(&self, (x, y): (usize, usize), size: usize) -> (f64, u8) {
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
        let weight = sum / f64::from(count.max(1));
        if !self.adaptive_qp {
            return (weight, self.qp);
        }
        // Lambda doubles every four QPs.
        let difference = (-4.0 * weight.log2()).round() as i32;
        (weight, (i32::from(self.qp) + difference).clamp(0, 63) as u8)
    }
}

/// Logarithm of the mean variance of the 8x8 blocks of a unit.
fn log_activity(luma: &PlaneBuffer, x: usize, y: usize) -> f32 {
    let (mut total, mut count) = (0.0_f32, 0.0_f32);
    for dy in [0, 8] {
        for dx in [0, 8] {
            if x + dx + 8 > luma.width() || y + dy + 8 > luma.height() {
                continue;
            }
            let (mut sum, mut squares) = (0_u32, 0_u32);
            for row in y + dy..y + dy + 8 {
                for &sample in &luma.row(row)[x + dx..x + dx + 8] {
                    sum += u32::from(sample);
                    squares += u32::from(sample) * u32::from(sample);
                }
            }
            total += (squares - sum * sum / 64) as f32 / 64.0;
            count += 1.0;
        }
    }
    (total / count.max(1.0) + 2.0).log2()
}
