//! Several attempts at the same node.
//!
//! The search decides block by block, and cannot see what a decision does to the blocks after it. Searched again with
//! another lambda the node comes out differently, and of several results the best by the true lambda and the exact
//! bits is often better than what the true lambda alone leads to.

use super::node::SavedNode;
use super::{BlockAt, Cu, Search};
use crate::aec::{ContextSet, CostCoder};
use crate::encoder::quantisation::rate::ONE_BIT;
use crate::syntax::Node;

/// Factors of lambda in the order they are tried.
const FACTORS: [f64; 3] = [1.0, 1.2, 0.85];

/// A way to code a node, to be restored.
struct Attempt {
    index: usize,
    cost: f64,
    cus: Vec<Cu>,
    coded: SavedNode,
    /// States after the node.
    contexts: ContextSet,
}

impl Search<'_> {
    /// The cheapest of several ways to code the node at `at`, as [`quadtree`](Search::quadtree) does.
    pub(super) fn best_of_attempts(&mut self, node: Node, attempts: usize) -> f64 {
        let (mark, factor) = (self.cus.len(), self.lambda_factor);
        let start = self.contexts.clone();
        let mut best: Option<Attempt> = None;
        for (index, step) in FACTORS.into_iter().take(attempts).enumerate() {
            self.lambda_factor = factor * step;
            self.start_with(start.clone());
            self.cus.truncate(mark);
            self.divide(node);
            let mut coder = CostCoder::new(start.clone());
            let cus = std::mem::take(&mut self.cus);
            self.code_node(&mut coder, node, &cus[mark..]);
            self.cus = cus;
            let bits = coder.cost() as f64 / f64::from(ONE_BIT);
            let cost = factor * self.picture.lambda * bits + self.error_of(&self.cus[mark..]);
            if best.as_ref().is_none_or(|best| cost < best.cost) {
                best = Some(Attempt {
                    index,
                    cost,
                    cus: self.cus[mark..].to_vec(),
                    coded: self.saved_node(node),
                    contexts: coder.into_contexts(),
                });
            }
        }
        self.lambda_factor = factor;
        let Some(best) = best else { return 0.0 };
        if best.index + 1 != FACTORS.len().min(attempts) {
            self.put(node, &best.coded);
            best.cus.iter().for_each(|cu| self.store_cells(cu));
            self.cus.truncate(mark);
            self.cus.extend(best.cus);
        }
        self.start_with(best.contexts);
        best.cost
    }

    /// Weighted error of coded CUs.
    pub(super) fn error_of(&self, cus: &[Cu]) -> f64 {
        let picture = self.picture;
        let mut total = 0.0;
        for cu in cus {
            let weight = picture.activity.of(cu.node.at, cu.node.size());
            for c in 0..3 {
                let factor = if c == 0 { 1.0 } else { picture.chroma_weight };
                total += weight * factor * self.error_at(BlockAt::of(cu.node, c));
            }
        }
        total
    }
}
