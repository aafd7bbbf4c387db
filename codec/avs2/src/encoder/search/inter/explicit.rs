//! Which explicit motion is worth a full cost.

use super::Candidate;
use super::vectors::Goal;
use crate::encoder::analysis::metric::hadamard;
use crate::encoder::search::{BlockAt, Search};
use crate::inter::{CuType, MotionVector, Partition, Rect};
use crate::syntax::Node;

/// What explicit motion is compared with before it is tried with a residual.
#[derive(Clone, Copy)]
pub(super) struct Rival {
    /// Cost in Hadamard differences.
    cost: f64,
    /// Bits of its references, and of the picture before.
    references: u8,
}

/// Bits of all references.
const ALL: u8 = 15;

impl Search<'_> {
    /// The best derived motion, if the search is quick and it needs no residual: then explicit motion that is not closer
    /// to the source is hardly ever cheaper.
    pub(super) fn rival(&mut self, node: Node, lambda: f64, best: &Candidate) -> Option<Rival> {
        let quick = self.inter.as_ref().is_some_and(|inter| inter.effort.quick);
        if !quick || best.cu_type != CuType::Skip {
            return None;
        }
        let at = BlockAt::of(node, 0);
        self.load_rounded_source(at);
        self.predict_inter(best, at);
        let count = node.size() * node.size();
        let (source, prediction) = (&self.scratch.source[..count], &self.scratch.prediction[..count]);
        let distance = hadamard(self.picture.backend, source, prediction, at.size);
        let named = best.blocks.iter().flatten().flat_map(|block| block.motion.references);
        Some(Rival {
            cost: f64::from(distance) + lambda.sqrt() * best.bits,
            references: named.filter(|&reference| reference >= 0).fold(1, |all, one| all | 1 << one),
        })
    }

    /// Explicit motion worth a full cost.
    pub(super) fn explicit_candidates(
        &mut self,
        node: Node,
        lambda: f64,
        derived: &[Candidate],
        rival: Option<Rival>,
    ) -> [Option<Candidate>; 2] {
        self.load_rounded_source(BlockAt::of(node, 0));
        let Some(mut inter) = self.inter.take() else { return [None; 2] };
        let mut others = [MotionVector::ZERO; 6];
        for (to, from) in others.iter_mut().zip(derived.iter().filter_map(|d| d.blocks[0])) {
            *to = from.motion.vectors[0];
        }
        let others = &others[..derived.len().min(6)];
        let source = &self.scratch.source[..node.size() * node.size()];
        let references = rival.map_or(ALL, |rival| rival.references);
        let (rect, root) = (Rect::of(node), lambda.sqrt());
        let goal = Goal { source, rect, root, wide: rival.is_none(), references };
        let mut near = inter.last;
        let whole = inter.explicit(&goal, node, Partition::Whole, &mut near, others);
        inter.last = near;
        let mut found = [None; 2];
        if rival.is_none_or(|rival| whole.cost <= rival.cost) {
            let references = match inter.effort.quick {
                true => 1 | 1 << whole.candidate.syntax.blocks[0].reference,
                false => ALL,
            };
            let goal = Goal { wide: false, references, ..goal };
            found[0] = Some(match inter.effort.multi_hypothesis {
                true => inter.multi_hypothesis(whole, &goal),
                false => whole,
            });
            if inter.effort.partitions {
                found[1] = inter.best_of_halves(&goal, node, near).filter(|best| best.cost < whole.cost);
            }
        }
        self.inter = Some(inter);
        found.map(|found| found.map(|explicit| self.with_bits(explicit.candidate, node.log2_size)))
    }
}
