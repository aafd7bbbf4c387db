//! Motion search.

use super::{Candidate, InterSearch, MAX_VECTOR, SLICE, absolute_difference};
use crate::encoder::analysis::metric::hadamard;
use crate::inter::{
    Block, CuType, InterSyntax, Motion, MotionVector, Partition, PredictionBlock, PredictionSyntax, Rect,
    difference, representable,
};
use crate::syntax::Node;

const COARSE: [Stride; 2] = [Stride::new(64, 2), Stride::new(32, 3)];
const WHOLE: [Stride; 3] = [Stride::new(16, 3), Stride::new(8, 4), Stride::new(4, 8)];
const FRACTIONS: [Stride; 2] = [Stride::new(2, 2), Stride::new(1, 2)];
const AROUND: [(i32, i32); 8] = [(-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (1, -1), (-1, 1), (1, 1)];

/// A block and what its search goes by.
#[derive(Clone, Copy)]
pub(super) struct Goal<'s> {
    /// The source of `rect` without gaps.
    pub source: &'s [u8],
    pub rect: Rect,
    /// Cost of a bit in absolute differences.
    pub root: f64,
    /// Steps beyond the neighbourhood of the likely vectors.
    pub wide: bool,
}

/// Explicit motion of a CU, and its cost in Hadamard differences.
#[derive(Clone, Copy)]
pub(super) struct Explicit {
    pub cost: f64,
    pub candidate: Candidate,
}

/// A vector and its cost.
#[derive(Clone, Copy)]
pub(super) struct FoundVector {
    cost: f64,
    vector: MotionVector,
}

/// A step of a search in quarter samples, and how often it may move on.
#[derive(Clone, Copy)]
struct Stride {
    step: i32,
    rounds: usize,
}

impl Stride {
    const fn new(step: i32, rounds: usize) -> Self {
        Self { step, rounds }
    }
}

/// A prediction block found by a search: syntax, motion, and its cost in Hadamard differences.
#[derive(Clone, Copy)]
pub(super) struct Found {
    pub cost: f64,
    pub syntax: PredictionSyntax,
    pub block: PredictionBlock,
}

impl InterSearch<'_> {
    fn distance(&mut self, goal: &Goal<'_>, block: &PredictionBlock, fine: bool) -> f64 {
        let (w, h) = (goal.rect.width, goal.rect.height);
        let target = Block { samples: &mut self.block[..], stride: w };
        self.compensator.predict(self.references, block, 0, target);
        let prediction = &self.block[..w * h];
        f64::from(if fine {
            hadamard(self.backend, goal.source, prediction, (w, h))
        } else {
            absolute_difference(goal.source, prediction)
        })
    }

    /// The vector of `rect` into reference `reference`, from the most promising of `starts`.
    pub(super) fn vector(
        &mut self,
        goal: &Goal<'_>,
        reference: u8,
        predictor: MotionVector,
        starts: &[MotionVector],
    ) -> FoundVector {
        let pmvr = self.context.tools.pmvr;
        let length = |v: i32| 2 * (v.unsigned_abs() + 1).ilog2() + 1;
        let mut cost_of = |vector: MotionVector, fine: bool| -> f64 {
            let block = PredictionBlock::new(goal.rect, Motion::single(reference as i8, vector));
            let d = difference(predictor, vector, pmvr);
            self.distance(goal, &block, fine) + goal.root * f64::from(length(d.x) + length(d.y))
        };
        let moved = |from: MotionVector, dx: i32, dy: i32| {
            let x = (i32::from(from.x) + dx).clamp(-MAX_VECTOR.0, MAX_VECTOR.0) as i16;
            let y = (i32::from(from.y) + dy).clamp(-MAX_VECTOR.1, MAX_VECTOR.1) as i16;
            representable(predictor, MotionVector::new(x, y), pmvr)
        };
        let whole = |v: MotionVector| MotionVector::new((v.x + 2) & !3, (v.y + 2) & !3);
        let mut best = FoundVector { cost: f64::MAX, vector: MotionVector::ZERO };
        for (i, &start) in starts.iter().enumerate() {
            if starts[..i].contains(&start) {
                continue;
            }
            let vector = moved(whole(start), 0, 0);
            let cost = cost_of(vector, false);
            if cost < best.cost {
                best = FoundVector { cost, vector };
            }
        }
        let coarse: &[_] = if goal.wide { &COARSE } else { &[] };
        for &stride in coarse.iter().chain(&WHOLE) {
            walk(&mut best, stride, &moved, &mut |v| cost_of(v, false));
        }
        best.cost = cost_of(best.vector, true);
        for &start in starts {
            let vector = moved(start, 0, 0);
            if vector != best.vector
                && (vector.x & 3 != 0 || vector.y & 3 != 0 || start == MotionVector::ZERO)
            {
                let cost = cost_of(vector, true);
                if cost < best.cost {
                    best = FoundVector { cost, vector };
                }
            }
        }
        for stride in FRACTIONS {
            walk(&mut best, stride, &moved, &mut |v| cost_of(v, true));
        }
        best
    }

    /// The cheapest motion of one prediction block over all references and, if allowed, with two hypotheses.
    /// `found` gives and takes the best vector by reference, a start for the next search.
    pub(super) fn block(
        &mut self,
        goal: &Goal<'_>,
        shape: crate::inter::Shape,
        near: &mut [MotionVector; 4],
        others: &[MotionVector],
        dual: bool,
    ) -> Found {
        let mut best: Option<Found> = None;
        let count = self.references.len().min(4);
        for reference in 0..count as u8 {
            let predictor = self.context.block_predictor(&self.field, SLICE, goal.rect, shape, reference);
            let r = usize::from(reference);
            let mut starts = [MotionVector::ZERO; 10];
            starts[1..4].copy_from_slice(&[predictor, near[r], self.last[r]]);
            let mut n = 4;
            if r == 0 || count == 1 {
                for &other in others.iter().take(6) {
                    starts[n] = other;
                    n += 1;
                }
            }
            let FoundVector { cost, vector } = self.vector(goal, reference, predictor, &starts[..n]);
            near[r] = vector;
            let cost = cost + goal.root * f64::from(reference);
            let block = PredictionBlock::new(goal.rect, Motion::single(reference as i8, vector));
            let mut syntax = PredictionSyntax { reference, ..PredictionSyntax::default() };
            syntax.differences[0] = difference(predictor, vector, self.context.tools.pmvr);
            let single = Found { cost, syntax, block };
            if best.is_none_or(|best| single.cost < best.cost) {
                best = Some(single);
            }
            if dual && count > 1 {
                let motion = self.context.dual(reference, vector);
                let block = PredictionBlock::new(goal.rect, motion);
                let d = difference(predictor, vector, self.context.tools.pmvr);
                let length = |v: i32| 2 * (v.unsigned_abs() + 1).ilog2() + 1;
                let bits = length(d.x) + length(d.y) + i32::from(reference) as u32;
                let cost = self.distance(goal, &block, true) + goal.root * f64::from(bits);
                syntax.dual = true;
                if best.is_none_or(|best| cost < best.cost) {
                    best = Some(Found { cost, syntax, block });
                }
            }
        }
        best.unwrap_or_else(|| Found {
            cost: f64::MAX,
            syntax: PredictionSyntax::default(),
            block: PredictionBlock::new(goal.rect, Motion::single(0, MotionVector::ZERO)),
        })
    }

    /// Explicit motion of a CU in one or two blocks; `goal` is that of the whole.
    pub(super) fn explicit(
        &mut self,
        goal: &Goal<'_>,
        node: Node,
        partition: Partition,
        near: &mut [MotionVector; 4],
        others: &[MotionVector],
    ) -> Explicit {
        let ((x, y), size) = (node.at, node.size());
        let mut syntax = InterSyntax::default();
        let mut blocks = [None; 4];
        let mut cost = 0.0;
        let mut part = [0; 4096];
        let smallest = size == 8 && partition != Partition::Whole;
        let dual = self.effort.dual && self.context.tools.dual_hypothesis && !smallest;
        for (index, block) in blocks.iter_mut().enumerate().take(partition.count()) {
            let (rect, shape) = partition.block(index, node);
            let origin = (rect.y - y) * size + rect.x - x;
            let from = goal.source[origin..].chunks(size);
            for (to, from) in part.chunks_exact_mut(rect.width).zip(from).take(rect.height) {
                to.copy_from_slice(&from[..rect.width]);
            }
            let part = Goal { source: &part[..rect.width * rect.height], rect, ..*goal };
            let found = self.block(&part, shape, near, others, dual);
            cost += found.cost;
            syntax.blocks[index] = found.syntax;
            *block = Some(found.block);
            self.field.store(rect, SLICE, found.block.motion);
        }
        self.field.forget(Rect::of(node));
        let cu_type = CuType::Explicit(partition);
        Explicit { cost, candidate: Candidate { cu_type, syntax, blocks, bits: 0.0 } }
    }

    /// The best offset of two hypotheses around the motion of `whole`, an undivided CU; `goal` is that of its search.
    pub(super) fn multi_hypothesis(&mut self, whole: Explicit, goal: &Goal<'_>) -> Explicit {
        let mut best = whole;
        let Some(block) = whole.candidate.blocks[0] else { return best };
        if whole.candidate.syntax.blocks[0].dual {
            return best;
        }
        let plain = self.distance(goal, &block, true);
        for mode in 1..=8 {
            let block = PredictionBlock { multi_hypothesis: mode, ..block };
            let cost = whole.cost - plain + self.distance(goal, &block, true) + 3.0 * goal.root;
            if cost < best.cost {
                best = Explicit { cost, ..whole };
                best.candidate.blocks[0] = Some(block);
                best.candidate.syntax.multi_hypothesis = mode;
            }
        }
        best
    }
}

/// Moves to the best neighbour at a distance of a step, as often as the stride allows.
fn walk(
    best: &mut FoundVector,
    Stride { step, rounds }: Stride,
    moved: &impl Fn(MotionVector, i32, i32) -> MotionVector,
    cost_of: &mut impl FnMut(MotionVector) -> f64,
) {
    for _ in 0..rounds {
        let centre = best.vector;
        for (dx, dy) in AROUND {
            let vector = moved(centre, dx * step, dy * step);
            if vector == centre {
                continue;
            }
            let cost = cost_of(vector);
            if cost < best.cost {
                *best = FoundVector { cost, vector };
            }
        }
        if best.vector == centre {
            break;
        }
    }
}
