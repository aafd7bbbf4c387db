//! Several attempts at the same node.
//!
//! The search decides block by block, and cannot see what a decision does to the blocks after it. Searched again with
//! another lambda the node comes out differently, and of several results the best by the true lambda and the exact
//! bits is often better than what the true lambda alone leads to.

use super::node::SavedNode;
use super::{BlockAt, Node, Search, Unit};
use crate::aec::{ContextSet, CostCoder};
use crate::encoder::quantisation::rate::ONE_BIT;

/// Factors of lambda in the order they are tried.
const FACTORS: [f64; 3] = [1.0, 1.2, 0.85];

/// A way to code a node, to be restored.
struct Attempt {
    index: usize,
    cost: f64,
    units: Vec<Unit>,
    coded: SavedNode,
    /// States after the node.
    contexts: ContextSet,
}

impl Search<'_> {
    /// The cheapest of several ways to code the node at `at`, as [`quadtree`](Search::quadtree) does.
    pub(super) fn best_of_attempts(&mut self, node: Node, attempts: usize) -> f64 {
        let (mark, factor) = (self.units.len(), self.lambda_factor);
        let start = self.contexts.clone();
        let mut best: Option<Attempt> = None;
        for (index, step) in FACTORS.into_iter().take(attempts).enumerate() {
            self.lambda_factor = factor * step;
            self.start_with(start.clone());
            self.units.truncate(mark);
            self.divide(node);
            let mut coder = CostCoder::new(start.clone());
            let units = std::mem::take(&mut self.units);
            self.code_node(&mut coder, node, &units[mark..]);
            self.units = units;
            let bits = coder.cost() as f64 / f64::from(ONE_BIT);
            let cost = factor * self.picture.lambda * bits + self.error_of(&self.units[mark..]);
            if best.as_ref().is_none_or(|best| cost < best.cost) {
                best = Some(Attempt {
                    index,
                    cost,
                    units: self.units[mark..].to_vec(),
                    coded: self.saved_node(node),
                    contexts: coder.into_contexts(),
                });
            }
        }
        self.lambda_factor = factor;
        let Some(best) = best else { return 0.0 };
        if best.index + 1 != FACTORS.len().min(attempts) {
            self.put(node, &best.coded);
            best.units.iter().for_each(|unit| self.store_cells(unit));
            self.units.truncate(mark);
            self.units.extend(best.units);
        }
        self.start_with(best.contexts);
        best.cost
    }

    /// Weighted error of coded units.
    pub(super) fn error_of(&self, units: &[Unit]) -> f64 {
        let picture = self.picture;
        let mut total = 0.0;
        for unit in units {
            let size = 1_usize << unit.log2_size;
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
