//! Several attempts at the same square.
//!
//! The search decides block by block, and cannot see what a decision does to the blocks after it. Searched again with
//! another lambda the square comes out differently, and of several results the best by the true lambda and the exact
//! bits is often better than what the true lambda alone leads to.

use super::{BlockAt, Search, Unit};
use crate::aec::{ContextSet, CostCoder};
use crate::encoder::rate::ONE_BIT;

/// Factors of lambda in the order they are tried.
const FACTORS: [f64; 3] = [1.0, 1.2, 0.85];

/// A way to code a square, to be restored.
struct Attempt {
    index: usize,
    cost: f64,
    units: Vec<Unit>,
    coded: CodedSquare,
    /// States after the square.
    contexts: ContextSet,
}

/// Samples and levels of the part of a square that is inside the picture.
pub(super) struct CodedSquare {
    samples: [Vec<u8>; 3],
    levels: [Vec<i16>; 3],
}

impl Search<'_> {
    /// The cheapest of several ways to code the square at `at`, as [`quadtree`](Search::quadtree) does.
    pub(super) fn best_of_attempts(&mut self, at: (usize, usize), level: u32, attempts: usize) -> f64 {
        let (mark, factor) = (self.units.len(), self.lambda_factor);
        let start = self.contexts.clone();
        let mut best: Option<Attempt> = None;
        for (index, step) in FACTORS.into_iter().take(attempts).enumerate() {
            self.lambda_factor = factor * step;
            self.start_with(start.clone());
            self.units.truncate(mark);
            self.divide(at, level);
            let mut coder = CostCoder::new(start.clone());
            self.code_node(&mut coder, at, level, &mut self.units[mark..].iter());
            let bits = coder.cost() as f64 / f64::from(ONE_BIT);
            let cost = factor * self.picture.lambda * bits + self.error_of(&self.units[mark..]);
            if best.as_ref().is_none_or(|best| cost < best.cost) {
                best = Some(Attempt {
                    index,
                    cost,
                    units: self.units[mark..].to_vec(),
                    coded: self.coded_square(at, level),
                    contexts: coder.into_contexts(),
                });
            }
        }
        self.lambda_factor = factor;
        let Some(best) = best else { return 0.0 };
        if best.index + 1 != FACTORS.len().min(attempts) {
            self.put(at, level, &best.coded);
            best.units.iter().for_each(|unit| self.store_cells(unit));
            self.units.truncate(mark);
            self.units.extend(best.units);
        }
        self.start_with(best.contexts);
        best.cost
    }

    /// What is coded in a square.
    pub(super) fn coded_square(&self, at: (usize, usize), level: u32) -> CodedSquare {
        CodedSquare {
            samples: std::array::from_fn(|c| self.square(at, level, c).1.concat()),
            levels: std::array::from_fn(|c| self.levels.planes[c][self.level_range(at, level, c)].to_vec()),
        }
    }

    /// Puts back what was coded in a square.
    pub(super) fn put(&mut self, at: (usize, usize), level: u32, coded: &CodedSquare) {
        for c in 0..3 {
            let range = self.level_range(at, level, c);
            self.levels.planes[c][range].copy_from_slice(&coded.levels[c]);
            let ((x, y, width), _) = self.square(at, level, c);
            for (i, row) in coded.samples[c].chunks_exact(width).enumerate() {
                self.row.planes[c].row_mut(y + i)[x..x + width].copy_from_slice(row);
            }
        }
    }

    /// Where the levels of a square are.
    fn level_range(&self, (x, y): (usize, usize), level: u32, c: usize) -> std::ops::Range<usize> {
        let shift = 2 * usize::from(c > 0);
        let from = self.z_offset(x, y);
        from >> shift..(from + (1 << (2 * level))) >> shift
    }

    /// The part of a square inside the picture: column, row and width in the row's plane, and the samples.
    fn square(&self, (x, y): (usize, usize), level: u32, c: usize) -> ((usize, usize, usize), Vec<&[u8]>) {
        let shift = usize::from(c > 0);
        let size = (1_usize << level) >> shift;
        let plane = &self.row.planes[c];
        let (left, top) = (x >> shift, ((y - self.row.y) >> shift) + 1);
        let width = size.min(plane.width() - left);
        let bottom = (top + size).min((self.row.height >> shift) + 1);
        ((left, top, width), (top..bottom).map(|row| &plane.row(row)[left..left + width]).collect())
    }

    /// Weighted error of coded units.
    pub(super) fn error_of(&self, units: &[Unit]) -> f64 {
        let picture = self.picture;
        let mut total = 0.0;
        for unit in units {
            let size = 1_usize << unit.level;
            let weight = picture.activity.of((unit.x, unit.y), size);
            for c in 0..3 {
                let shift = usize::from(c > 0);
                let size = (size >> shift, size >> shift);
                let at = BlockAt { c, x: unit.x >> shift, y: unit.y >> shift, size };
                let factor = if c == 0 { 1.0 } else { picture.chroma_weight };
                total += weight * factor * self.error_at(at);
            }
        }
        total
    }
}
