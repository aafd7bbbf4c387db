//! Motion search.

use super::{Candidate, InterSearch, MAX_VECTOR, SLICE};
use crate::encoder::analysis::metric::{absolute_difference, hadamard};
use crate::inter::{
    Block, CuType, InterSyntax, Motion, MotionVector, Partition, PredictionBlock, PredictionSyntax, Rect,
    Shape, Source, difference, pointed_at, representable,
};
use crate::syntax::Node;

const COARSE: [Stride; 2] = [Stride::new(64, 2), Stride::new(32, 3)];
const WHOLE: [Stride; 3] = [Stride::new(16, 3), Stride::new(8, 4), Stride::new(4, 8)];
const FRACTIONS: [Stride; 2] = [Stride::new(2, 2), Stride::new(1, 2)];
/// In a quick search, references whose cost in whole samples is above this multiple of the least are given up.
const BEHIND: f64 = 1.25;
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
    /// Bits of references to try.
    pub references: u8,
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

/// What a vector points into, and what it is coded by.
#[derive(Clone, Copy)]
struct Target {
    reference: u8,
    predictor: MotionVector,
    pmvr: bool,
}

impl Target {
    /// The vector so far from another, as far as vectors go and can be coded.
    fn moved(self, from: MotionVector, dx: i32, dy: i32) -> MotionVector {
        let x = (i32::from(from.x) + dx).clamp(-MAX_VECTOR.0, MAX_VECTOR.0) as i16;
        let y = (i32::from(from.y) + dy).clamp(-MAX_VECTOR.1, MAX_VECTOR.1) as i16;
        representable(self.predictor, MotionVector::new(x, y), self.pmvr)
    }

    /// About how many bits the difference to the predictor takes.
    fn bits(self, vector: MotionVector) -> f64 {
        let d = difference(self.predictor, vector, self.pmvr);
        let length = |v: i32| 2 * (v.unsigned_abs() + 1).ilog2() + 1;
        f64::from(length(d.x) + length(d.y))
    }
}

/// Where a search starts.
#[derive(Clone, Copy)]
struct Starts {
    vectors: [MotionVector; 10],
    count: usize,
}

impl Starts {
    fn all(&self) -> &[MotionVector] {
        &self.vectors[..self.count]
    }
}

/// A vector in whole samples, and its cost in absolute differences, that of naming the reference included.
#[derive(Clone, Copy)]
struct RoughVector {
    to: Target,
    vector: MotionVector,
    cost: f64,
    starts: Starts,
}

/// A prediction block found by a search: syntax, motion, and its cost in Hadamard differences.
#[derive(Clone, Copy)]
pub(super) struct Found {
    pub cost: f64,
    pub syntax: PredictionSyntax,
    pub block: PredictionBlock,
}

impl InterSearch<'_> {
    /// Hadamard distance of a prediction.
    fn distance(&mut self, goal: &Goal<'_>, block: &PredictionBlock) -> f64 {
        let (w, h) = (goal.rect.width, goal.rect.height);
        let target = Block { samples: &mut self.block[..], stride: w };
        self.compensator.predict(self.references, block, 0, target);
        f64::from(hadamard(self.backend, goal.source, &self.block[..w * h], (w, h)))
    }

    /// Sum of absolute differences of a prediction with one hypothesis; once it is above `limit`, any number above it.
    fn rough_distance(&mut self, goal: &Goal<'_>, reference: u8, vector: MotionVector, limit: f64) -> f64 {
        let (size, backend) = ((goal.rect.width, goal.rect.height), self.backend);
        let limit = limit as u32;
        let pointed = self.references.get(usize::from(reference));
        if let Some(samples) = pointed.and_then(|reference| pointed_at(reference, goal.rect, vector)) {
            return absolute_difference(backend, goal.source, samples, size, limit).into();
        }
        let block = PredictionBlock::new(goal.rect, Motion::single(reference as i8, vector));
        let target = Block { samples: &mut self.block[..], stride: size.0 };
        self.compensator.predict(self.references, &block, 0, target);
        absolute_difference(
            backend,
            goal.source,
            Source { samples: &self.block[..], stride: size.0 },
            size,
            limit,
        )
        .into()
    }

    /// The vector in whole samples of `rect` into a reference, from the most promising of `starts`.
    fn whole_vector(&mut self, goal: &Goal<'_>, to: Target, starts: &[MotionVector]) -> FoundVector {
        let mut cost_of = |vector: MotionVector, limit: f64| {
            let bits = goal.root * to.bits(vector);
            let rest = Some(limit - bits).filter(|&rest| rest > 0.0)?;
            Some(self.rough_distance(goal, to.reference, vector, rest) + bits).filter(|&cost| cost < limit)
        };
        let whole = |v: MotionVector| MotionVector::new((v.x + 2) & !3, (v.y + 2) & !3);
        let mut best = FoundVector { cost: f64::MAX, vector: MotionVector::ZERO };
        for (i, &start) in starts.iter().enumerate() {
            if starts[..i].contains(&start) {
                continue;
            }
            let vector = to.moved(whole(start), 0, 0);
            if let Some(cost) = cost_of(vector, best.cost) {
                best = FoundVector { cost, vector };
            }
        }
        let coarse: &[_] = if goal.wide { &COARSE } else { &[] };
        for &stride in coarse.iter().chain(&WHOLE) {
            walk(&mut best, stride, to, &mut cost_of);
        }
        best
    }

    /// The vector around a rough one or at one of its starts.
    fn fine_vector(&mut self, goal: &Goal<'_>, rough: &RoughVector) -> FoundVector {
        let (to, whole) = (rough.to, rough.vector);
        let mut cost_of = |vector: MotionVector, limit: f64| {
            let bits = goal.root * to.bits(vector);
            if bits >= limit {
                return None;
            }
            let block = PredictionBlock::new(goal.rect, Motion::single(to.reference as i8, vector));
            Some(self.distance(goal, &block) + bits).filter(|&cost| cost < limit)
        };
        let mut best = FoundVector { cost: f64::MAX, vector: whole };
        best.cost = cost_of(whole, f64::MAX).unwrap_or(f64::MAX);
        for &start in rough.starts.all() {
            let vector = to.moved(start, 0, 0);
            if vector != best.vector
                && (vector.x & 3 != 0 || vector.y & 3 != 0 || start == MotionVector::ZERO)
                && let Some(cost) = cost_of(vector, best.cost)
            {
                best = FoundVector { cost, vector };
            }
        }
        for stride in FRACTIONS {
            walk(&mut best, stride, to, &mut cost_of);
        }
        best
    }

    /// The cheapest motion of one prediction block over the references of the goal and, if allowed, with two hypotheses.
    /// `near` gives and takes the best vector by reference, a start for the next search.
    pub(super) fn block(
        &mut self,
        goal: &Goal<'_>,
        shape: Shape,
        near: &mut [MotionVector; 4],
        others: &[MotionVector],
        dual: bool,
    ) -> Found {
        let count = self.references.len().min(4);
        let roughly = self.rough_vectors(goal, shape, near, others);
        let least = roughly.iter().flatten().map(|rough| rough.cost).fold(f64::MAX, f64::min);
        let limit = if self.effort.quick { BEHIND * least } else { f64::MAX };
        let mut best = Found {
            cost: f64::MAX,
            syntax: PredictionSyntax::default(),
            block: PredictionBlock::new(goal.rect, Motion::single(0, MotionVector::ZERO)),
        };
        for rough in roughly.iter().flatten().filter(|rough| rough.cost <= limit) {
            let (to, reference) = (rough.to, rough.to.reference);
            let FoundVector { cost, vector } = self.fine_vector(goal, rough);
            near[usize::from(reference)] = vector;
            let cost = cost + goal.root * f64::from(reference);
            let block = PredictionBlock::new(goal.rect, Motion::single(reference as i8, vector));
            let mut syntax = PredictionSyntax { reference, ..PredictionSyntax::default() };
            syntax.differences[0] = difference(to.predictor, vector, to.pmvr);
            if cost < best.cost {
                best = Found { cost, syntax, block };
            }
            if dual && count > 1 {
                let motion = self.context.dual(reference, vector);
                let block = PredictionBlock::new(goal.rect, motion);
                let bits = to.bits(vector) + f64::from(reference);
                let cost = self.distance(goal, &block) + goal.root * bits;
                if cost < best.cost {
                    syntax.dual = true;
                    best = Found { cost, syntax, block };
                }
            }
        }
        best
    }

    /// The best vectors in whole samples by reference.
    fn rough_vectors(
        &mut self,
        goal: &Goal<'_>,
        shape: Shape,
        near: &mut [MotionVector; 4],
        others: &[MotionVector],
    ) -> [Option<RoughVector>; 4] {
        let count = self.references.len().min(4);
        let mut found = [None; 4];
        for (r, found) in found.iter_mut().enumerate().take(count) {
            if goal.references >> r & 1 == 0 {
                continue;
            }
            let reference = r as u8;
            let predictor = self.context.block_predictor(&self.field, SLICE, goal.rect, shape, reference);
            let to = Target { reference, predictor, pmvr: self.context.tools.pmvr };
            let mut starts = Starts { vectors: [MotionVector::ZERO; 10], count: 4 };
            starts.vectors[1..4].copy_from_slice(&[predictor, near[r], self.last[r]]);
            if r == 0 || count == 1 {
                for (start, &other) in starts.vectors[4..].iter_mut().zip(others) {
                    *start = other;
                    starts.count += 1;
                }
            }
            let FoundVector { cost, vector } = self.whole_vector(goal, to, starts.all());
            near[r] = vector;
            *found = Some(RoughVector { to, vector, cost: cost + goal.root * f64::from(reference), starts });
        }
        found
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

    /// The better division of a CU into two blocks; `near` are vectors of the whole.
    pub(super) fn best_of_halves(
        &mut self,
        goal: &Goal<'_>,
        node: Node,
        near: [MotionVector; 4],
    ) -> Option<Explicit> {
        let halves = [Partition::Horizontal, Partition::Vertical]
            .map(|partition| self.explicit(goal, node, partition, &mut near.clone(), &[]));
        halves.into_iter().min_by(|a, b| a.cost.total_cmp(&b.cost))
    }

    /// The best offset of two hypotheses around the motion of `whole`, an undivided CU; `goal` is that of its search.
    pub(super) fn multi_hypothesis(&mut self, whole: Explicit, goal: &Goal<'_>) -> Explicit {
        let mut best = whole;
        let Some(block) = whole.candidate.blocks[0] else { return best };
        if whole.candidate.syntax.blocks[0].dual {
            return best;
        }
        let plain = self.distance(goal, &block);
        for mode in 1..=8 {
            let block = PredictionBlock { multi_hypothesis: mode, ..block };
            let cost = whole.cost - plain + self.distance(goal, &block) + 3.0 * goal.root;
            if cost < best.cost {
                best = Explicit { cost, ..whole };
                best.candidate.blocks[0] = Some(block);
                best.candidate.syntax.multi_hypothesis = mode;
            }
        }
        best
    }
}

/// Moves to the best neighbour at a distance of a step, as often as the stride allows; `cost_of` gives costs below its
/// limit.
fn walk(
    best: &mut FoundVector,
    Stride { step, rounds }: Stride,
    to: Target,
    cost_of: &mut impl FnMut(MotionVector, f64) -> Option<f64>,
) {
    let mut before = None;
    for _ in 0..rounds {
        let centre = best.vector;
        for (dx, dy) in AROUND {
            let vector = to.moved(centre, dx * step, dy * step);
            // What was not better than the centre before is not better than this one.
            if vector == centre || before.is_some_and(|before| is_around(before, vector, step)) {
                continue;
            }
            if let Some(cost) = cost_of(vector, best.cost) {
                *best = FoundVector { cost, vector };
            }
        }
        if best.vector == centre {
            break;
        }
        before = Some(centre);
    }
}

/// Whether a vector is `centre` or one of the vectors at a distance of a step.
fn is_around(centre: MotionVector, vector: MotionVector, step: i32) -> bool {
    let near = |a: i16, b: i16| matches!((i32::from(a) - i32::from(b)).abs(), d if d == 0 || d == step);
    near(centre.x, vector.x) && near(centre.y, vector.y)
}
