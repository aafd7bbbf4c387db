//! Refinement of a coded node.
//!
//! What a decision does to the blocks after it is seen by coding these again: a single decision is changed, all later
//! ones in the node are kept, and if the node got cheaper the change stays.

use super::luma::Modes;
use super::recoding::{Decision, Parts};
use super::{BlockAt, Cu, Search};
use crate::aec::{ContextSet, CostCoder};
use crate::encoder::options::Refinement;
use crate::encoder::quantisation::rate::ONE_BIT;
use crate::syntax::Node;

/// Factors of lambda in the quantisation of a CU.
const FACTORS: [f64; 3] = [1.0, 0.75, 1.0 / 0.75];
/// A sweep that gains less than this part of the cost is the last one.
const LEAST_GAIN: f64 = 5e-4;
const CHROMA_MODES: u8 = 5;

/// A coded CU.
struct Step {
    decision: Decision,
    error: f64,
    /// Without those of divisions, in 2^-12 bit.
    bits: u64,
    /// Error + lambda * bits from the first CU to the end of this one, without the bits of divisions.
    sum: f64,
    /// States before it.
    before: ContextSet,
}

/// CUs that were coded again, and the states after them.
struct Tail {
    steps: Vec<Step>,
    end: ContextSet,
}

/// Another decision for CU `k` of a node.
struct Change {
    k: usize,
    decision: Decision,
}

impl Search<'_> {
    /// Refines the node at `at`, whose CUs are those from `mark` on; `start` are the states before it. Returns its
    /// cost.
    pub(super) fn refine(
        &mut self,
        node: Node,
        mark: usize,
        start: ContextSet,
        refinement: Refinement,
    ) -> f64 {
        let mut steps: Vec<Step> = Vec::new();
        self.contexts = start.clone();
        for cu in self.cus.split_off(mark) {
            let sum = steps.last().map_or(0.0, |step| step.sum);
            let (step, contexts) = self.step(Decision { cu, factor: 1.0 }, sum);
            steps.push(step);
            self.contexts = contexts;
        }
        let end = self.contexts.clone();
        let (mut cost, mut end) = self.cost_of_steps(node, &start, steps.iter(), end);
        let mut coded = self.saved_node(node);
        // How often the node was changed, and how often it had been when the changes of each CU were last tried.
        let (mut changes, mut tried) = (0, vec![None; steps.len()]);
        for _ in 0..refinement.sweeps {
            let before = cost;
            for k in 0..steps.len() {
                if tried[k].replace(changes) == Some(changes) {
                    // All of them would be rejected again.
                    continue;
                }
                let mut parts = Parts::new(steps[k].decision);
                for decision in self.alternatives(&steps[k], refinement.luma_modes) {
                    let tail =
                        self.code_again(&steps, &Change { k, decision }, refinement.bits_behind, &mut parts);
                    let better = tail.and_then(|Tail { steps: tail, end }| {
                        let all = steps[..k].iter().chain(&tail);
                        let found = self.cost_of_steps(node, &start, all, end);
                        (found.0 < cost).then_some((tail, found))
                    });
                    if let Some((tail, found)) = better {
                        (cost, end) = found;
                        steps.truncate(k);
                        steps.extend(tail);
                        self.save_to(node, &mut coded);
                        changes += 1;
                    } else {
                        self.put(node, &coded);
                    }
                }
                steps[k..].iter().for_each(|step| self.store_cells(&step.decision.cu));
            }
            if cost >= before * (1.0 - LEAST_GAIN) {
                break;
            }
        }
        self.cus.extend(steps.iter().map(|step| step.decision.cu));
        self.start_with(end);
        cost
    }

    /// A CU that was coded from the states in force, and the states after it; `sum` is that of the CUs before.
    fn step(&mut self, decision: Decision, sum: f64) -> (Step, ContextSet) {
        let cu = decision.cu;
        let mut coder = CostCoder::new(self.contexts.clone());
        self.writer(&[cu]).code_cu(&mut coder);
        let error = self.error_of(&[cu]);
        let lambda = self.lambda_factor * self.picture.lambda;
        let bits = coder.cost();
        let sum = sum + error + lambda * bits as f64 / f64::from(ONE_BIT);
        (Step { decision, error, bits, sum, before: self.contexts.clone() }, coder.into_contexts())
    }

    /// Cost of a node by its exact bits, with those of divisions, and the states after it; `end` are those without
    /// divisions, which have contexts of their own.
    fn cost_of_steps<'s>(
        &mut self,
        node: Node,
        start: &ContextSet,
        steps: impl Iterator<Item = &'s Step>,
        mut end: ContextSet,
    ) -> (f64, ContextSet) {
        let (mut cus, mut bits, mut error) = (Vec::new(), 0, 0.0);
        for step in steps {
            cus.push(step.decision.cu);
            bits += step.bits;
            error += step.error;
        }
        let mut coder = CostCoder::new(start.clone());
        self.writer(&cus).code_divisions(&mut coder, node);
        bits += coder.cost();
        end.take_divisions(&coder.into_contexts());
        let bits = bits as f64 / f64::from(ONE_BIT);
        (self.lambda_factor * self.picture.lambda * bits + error, end)
    }

    /// Other ways to code a CU, one decision changed in each: luma modes, quantisation, and chroma mode.
    fn alternatives(&mut self, step: &Step, luma_modes: usize) -> Vec<Decision> {
        let Decision { cu, factor } = step.decision;
        let coded = cu.coded;
        let mut alternatives = Vec::new();
        self.start_with(step.before.clone());
        for i in 0..coded.split.block_count() {
            let modes = self.block_modes(&cu, i).into_iter().flatten();
            for mode in modes.filter(|&mode| mode != coded.luma_modes[i]).take(luma_modes) {
                let mut other = cu;
                other.coded.luma_modes[i] = mode;
                alternatives.push(Decision { cu: other, factor });
            }
        }
        let others = FACTORS.into_iter().filter(|&other| other != factor);
        alternatives.extend(others.map(|factor| Decision { cu, factor }));
        for mode in (0..CHROMA_MODES).filter(|&mode| mode != coded.chroma_mode) {
            let mut other = cu;
            other.coded.chroma_mode = mode;
            alternatives.push(Decision { cu: other, factor });
        }
        alternatives
    }

    /// The best luma modes of a block of a stored CU by Hadamard distance.
    fn block_modes(&mut self, cu: &Cu, i: usize) -> Modes {
        let (split, (x, y)) = (cu.coded.split, cu.node.at);
        let block = split.block(cu.node.size(), i);
        let at = BlockAt { c: 0, x: x + block.x, y: y + block.y, size: (block.w, block.h) };
        let block = self.luma_block(at, split.is_strips(), self.lambda_of(cu), None);
        self.rough_modes(&block)
    }

    /// Codes the CUs from the changed one on again; `None` if that falls `bits_behind` behind.
    fn code_again(
        &mut self,
        steps: &[Step],
        &Change { k, decision }: &Change,
        bits_behind: f64,
        parts: &mut Parts,
    ) -> Option<Tail> {
        let lambda = self.lambda_factor * self.picture.lambda;
        let allowed = bits_behind * lambda;
        let mut sum = if k > 0 { steps[k - 1].sum } else { 0.0 };
        let mut tail = Vec::with_capacity(steps.len() - k);
        self.start_with(steps[k].before.clone());
        for (i, old) in steps.iter().enumerate().skip(k) {
            let before = self.contexts.clone();
            let most = old.sum + allowed;
            let coded = if i == k {
                self.code_decided(decision, most - sum, Some(&mut *parts))
            } else {
                self.code_decided(old.decision, most - sum, None)
            }?;
            let bits = coded.coder.cost();
            sum = sum + coded.error + lambda * bits as f64 / f64::from(ONE_BIT);
            if sum > most {
                return None;
            }
            tail.push(Step { decision: coded.decision, error: coded.error, bits, sum, before });
            let after = coded.coder.into_contexts();
            if i + 1 == steps.len() {
                return Some(Tail { steps: tail, end: after });
            }
            self.start_with(after);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoder::analysis::activity::Activity;
    use crate::encoder::analysis::perception::{Perception, STILL_LUMA};
    use crate::encoder::input::SourcePlane;
    use crate::encoder::options::EFFORTS;
    use crate::encoder::search::Picture;
    use crate::encoder::search::row::Row;
    use crate::filter::Geometry;
    use crate::picture::PlaneBuffer;
    use crate::simd::Backend;
    use crate::syntax::SliceTools;

    /// Waves of another direction in every 8x8 block, with noise, 32 x 32.
    fn source() -> [SourcePlane; 3] {
        let mut state = 7_u32;
        std::array::from_fn(|c| {
            let side = if c == 0 { 32 } else { 16 };
            let mut plane = PlaneBuffer::new(side, side);
            for y in 0..side {
                for (x, sample) in plane.row_mut(y).iter_mut().enumerate() {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    let angle = (x / 8 + 3 * (y / 8)) as f64;
                    let wave = 50.0 * ((x as f64 * angle.cos() + y as f64 * angle.sin()) / 2.0).sin();
                    *sample = (120.0 + wave) as u8 + (state >> 28) as u8;
                }
            }
            SourcePlane::of(&plane)
        })
    }

    #[test]
    fn nodes_get_cheaper_and_stay_consistent() {
        let source = source();
        let geometry = Geometry { width: 32, height: 32, lcu_log2: 5 };
        let picture = Picture {
            geometry,
            source: &source,
            effort: EFFORTS[7],
            slice_tools: SliceTools { sdip: true, fixed_qp: true, slice_qp: 24 },
            chroma_qp_delta: [0; 2],
            weights: None,
            backend: Backend::SCALAR,
            lambda: 6.0,
            chroma_weight: 1.0,
            activity: Activity::new(&source[0], 0.1, 1.0, None),
            perception: Perception::for_strength(STILL_LUMA, 1.0),
        };
        let refinement = Refinement { sweeps: 2, luma_modes: 4, bits_behind: 5.0 };
        let mut search = Search::new(&picture, Row::new(geometry, 0, false, 24));
        let mut gains = 0;
        for at in [(0, 0), (16, 0), (0, 16), (16, 16)] {
            let (mark, start) = (search.cus.len(), search.contexts.clone());
            let node = Node { at, log2_size: 4 };
            let exact = |search: &mut Search<'_>| {
                let cus = search.cus[mark..].to_vec();
                let mut coder = CostCoder::new(start.clone());
                search.code_node(&mut coder, node, &cus);
                let bits = coder.cost() as f64 / f64::from(ONE_BIT);
                (picture.lambda * bits + search.error_of(&cus), coder.into_contexts())
            };
            search.divide(node);
            let before = exact(&mut search).0;
            let cost = search.refine(node, mark, start.clone(), refinement);
            // What is stored is what the cost was measured from.
            let (stored, contexts) = exact(&mut search);
            assert_eq!(search.contexts, contexts);
            assert!((stored - cost).abs() < 1e-6 * cost, "{at:?}: {stored} {cost}");
            assert!(cost <= before, "{at:?}: {cost} {before}");
            gains += u32::from(cost < 0.99 * before);
        }
        assert!(gains >= 2, "{gains} of four nodes gain a hundredth");
    }
}
