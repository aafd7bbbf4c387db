//! Units of inter pictures: skip, direct, 2Nx2N with motion search, intra.

mod residual;
mod rows;
mod vectors;

use std::sync::Arc;

use super::{BlockAt, Node, Samples, Search, Unit};
use crate::filter::{RowInfo, UnitArea};
use crate::inter::{
    Block, Compensator, InterSyntax, InterTools, MotionContext, MotionField, MotionVector, Partition,
    PredictionBlock, Rect, StoredPicture, UnitType, code_inter, code_unit_type, mark_inner_edges,
    transform_strips,
};
use crate::simd::Backend;
use crate::syntax::TransformSplit;
use residual::Residual;
pub(in crate::encoder) use rows::search_inter_rows;

/// The only slice.
const SLICE: u32 = 1;
/// Greatest vector components, in quarter samples.
const MAX_VECTOR: (i32, i32) = (4 * 256, 4 * 128);
/// Derived motions of skip and direct units (table 4-5).
const SUBTYPES: u8 = 5;

/// What the search of inter units tries.
#[derive(Debug, Clone, Copy)]
pub(in crate::encoder) struct InterEffort {
    /// Derived motions that are tried with a residual.
    pub derived: usize,
    /// Explicit blocks with a hypothesis in each of two references.
    pub dual: bool,
    /// Explicit units with two hypotheses around a vector.
    pub multi_hypothesis: bool,
    /// Explicit units of two blocks.
    pub partitions: bool,
    /// Four luma transform blocks.
    pub transform_split: bool,
}

/// What inter pictures need besides.
pub(in crate::encoder) struct InterSearch<'a> {
    context: MotionContext<'a>,
    references: &'a [Arc<StoredPicture>],
    pub field: MotionField,
    pub effort: InterEffort,
    backend: Backend,
    compensator: Compensator,
    /// Vectors of the last explicit unit by reference, starts for the next search.
    last: [MotionVector; 4],
    block: Samples,
}

/// Blocks to predict and how a unit says so.
#[derive(Clone, Copy)]
struct Candidate {
    kind: UnitType,
    syntax: InterSyntax,
    blocks: [Option<PredictionBlock>; 4],
    /// Bits of type and motion.
    bits: f64,
}

impl<'a> InterSearch<'a> {
    pub fn new(
        context: MotionContext<'a>,
        references: &'a [Arc<StoredPicture>],
        field: MotionField,
        effort: InterEffort,
        backend: Backend,
    ) -> Self {
        let compensator = Compensator::new(backend);
        let (last, block) = ([MotionVector::ZERO; 4], Box::new([0; 4096]));
        Self { context, references, field, effort, backend, compensator, last, block }
    }

    /// Header values that the syntax depends on.
    pub fn tools(&self) -> &InterTools {
        &self.context.tools
    }
}

impl<'a> Search<'a> {
    /// Makes the motion of a node that is tried again undecoded.
    pub(super) fn forget_motion(&mut self, Node { at: (x, y), log2_size }: Node) {
        if let Some(inter) = &mut self.inter {
            let size = 1 << log2_size;
            inter.field.forget(Rect::new(x, y, size, size));
        }
    }

    pub(super) fn store_motion(&mut self, unit: &Unit) {
        let Some(inter) = &mut self.inter else { return };
        let (kind, syntax) = unit.inter.unwrap_or((UnitType::Intra, InterSyntax::default()));
        let size = 1 << unit.log2_size;
        inter.context.decode_unit(&mut inter.field, SLICE, (unit.x, unit.y, size), kind, &syntax);
        let coded = unit.inter.is_some() && unit.unit.ctp != 0;
        inter.field.set_coded(Rect::new(unit.x, unit.y, size, size), coded);
    }

    /// The cheapest undivided unit of a picture of any type.
    pub(super) fn unit_of_any_kind(&mut self, node: Node) -> (Unit, f64) {
        let Node { at, log2_size } = node;
        if self.inter.is_none() {
            return self.unit(node);
        }
        let (unit, cost) = self.inter_unit(at, log2_size);
        if unit.unit.ctp == 0 || !self.may_be_intra(at, log2_size) {
            return (unit, cost);
        }
        self.save(node, log2_size as usize - 3);
        self.forget_motion(node);
        let (intra, intra_cost) = self.unit(node);
        let type_bits = self.type_bits(log2_size);
        let intra_cost = intra_cost + self.picture.lambda * type_bits;
        if intra_cost < cost {
            return (intra, intra_cost);
        }
        self.restore(node, log2_size as usize - 3);
        self.store_cells(&unit);
        (unit, cost)
    }

    fn type_bits(&self, log2_size: u32) -> f64 {
        let Some(inter) = &self.inter else { return 0.0 };
        self.bits(self.costs.of(|c| {
            code_unit_type(c, &inter.context.tools, log2_size as u8, UnitType::Intra);
        }))
    }

    /// Whether the inter prediction, which is in the scratch block, is not much better than a flat one.
    fn may_be_intra(&mut self, (x, y): (usize, usize), log2_size: u32) -> bool {
        let size = 1_usize << log2_size;
        self.load_source(BlockAt { c: 0, x, y, size: (size, size) });
        let Some(inter) = &self.inter else { return true };
        let source = &self.scratch.source[..size * size];
        let mean = source.iter().map(|&s| u32::from(s)).sum::<u32>() / (size * size) as u32;
        let flat: u32 = source.iter().map(|&s| u32::from(s).abs_diff(mean)).sum();
        2 * absolute_difference(source, &inter.block[..size * size]) > flat
    }

    /// Decides and reconstructs the cheapest inter unit.
    fn inter_unit(&mut self, (x, y): (usize, usize), log2_size: u32) -> (Unit, f64) {
        let size = 1_usize << log2_size;
        let weight = self.picture.activity.of((x, y), size);
        let lambda = self.picture.lambda / weight;
        let at = |c: usize| {
            let shift = usize::from(c > 0);
            BlockAt { c, x: x >> shift, y: y >> shift, size: (size >> shift, size >> shift) }
        };
        let derived = self.derived((x, y), log2_size);
        let mut skips: Vec<(f64, usize)> = Vec::new();
        for (i, candidate) in derived.iter().enumerate() {
            let mut cost = lambda * candidate.bits;
            for c in 0..3 {
                self.load_source(at(c));
                self.predict_inter(candidate, at(c));
                let factor = if c == 0 { 1.0 } else { self.picture.chroma_weight };
                cost += factor * self.prediction_error(at(c));
            }
            skips.push((cost, i));
        }
        skips.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut best = (f64::MAX, Candidate::none(), Residual::NONE);
        for (n, &(cost, i)) in skips.iter().enumerate() {
            if cost < best.0 {
                best = (cost, derived[i], Residual::NONE);
            }
            if n < self.inter.as_ref().map_or(0, |inter| inter.effort.derived) {
                let direct = Candidate { kind: UnitType::Direct, ..derived[i] };
                let direct = self.with_bits(direct, log2_size);
                let (cost, residual) = self.residual_choice(&direct, (x, y), log2_size, lambda);
                if cost < best.0 {
                    best = (cost, direct, residual);
                }
            }
        }
        for candidate in self.explicit_candidates((x, y), log2_size, lambda, &derived).into_iter().flatten() {
            let (cost, residual) = self.residual_choice(&candidate, (x, y), log2_size, lambda);
            if cost < best.0 {
                best = (cost, candidate, residual);
            }
        }
        let (_, candidate, residual) = best;
        let (unit, cost) = self.commit(&candidate, (x, y), log2_size, residual, lambda);
        (unit, cost * weight)
    }

    /// Explicit motion worth a full cost.
    fn explicit_candidates(
        &mut self,
        (x, y): (usize, usize),
        log2_size: u32,
        lambda: f64,
        derived: &[Candidate],
    ) -> [Option<Candidate>; 3] {
        let size = 1_usize << log2_size;
        self.load_source(BlockAt { c: 0, x, y, size: (size, size) });
        let Some(mut inter) = self.inter.take() else { return [None; 3] };
        let root = lambda.sqrt();
        let mut others = [MotionVector::ZERO; 6];
        for (to, from) in others.iter_mut().zip(derived.iter().filter_map(|d| d.blocks[0])) {
            *to = from.motion.vectors[0];
        }
        let others = &others[..derived.len().min(6)];
        let source = &self.scratch.source;
        let mut near = inter.last;
        let unit = (x, y, size);
        let whole = inter.explicit(unit, Partition::Whole, (source, root, true), &mut near, others);
        inter.last = near;
        let mut found = [Some(whole), None, None];
        if inter.effort.multi_hypothesis {
            found[0] = Some(inter.multi_hypothesis(whole, (source, root)));
        }
        if inter.effort.partitions {
            let mut best: Option<(f64, Candidate)> = None;
            for partition in [Partition::Horizontal, Partition::Vertical] {
                let mut near = near;
                let (cost, candidate) =
                    inter.explicit(unit, partition, (source, root, false), &mut near, &[]);
                if best.as_ref().is_none_or(|best| cost < best.0) {
                    best = Some((cost, candidate));
                }
            }
            found[1] = best.filter(|best| best.0 < whole.0);
        }
        self.inter = Some(inter);
        found.map(|found| found.map(|(_, candidate)| self.with_bits(candidate, log2_size)))
    }

    /// Skip candidates with different motion.
    fn derived(&mut self, (x, y): (usize, usize), log2_size: u32) -> Vec<Candidate> {
        let mut found: Vec<Candidate> = Vec::new();
        let size = 1_usize << log2_size;
        let weighted = self.inter.as_ref().map_or(0, |inter| match inter.context.tools.weighted_skip {
            true => inter.references.len().saturating_sub(1) as u8,
            false => 0,
        });
        let kinds = (0..SUBTYPES).map(|subtype| (subtype, 0)).chain((1..=weighted).map(|mode| (0, mode)));
        for (subtype, mode) in kinds {
            let Some(inter) = &self.inter else { break };
            let derived = inter.context.derived(&inter.field, SLICE, (x, y, size), subtype, mode);
            let mut blocks = [None; 4];
            let derived = derived.as_slice();
            if derived.iter().all(|block| block.motion == derived[0].motion) {
                blocks[0] = Some(PredictionBlock::new(Rect::new(x, y, size, size), derived[0].motion));
            } else {
                for (to, from) in blocks.iter_mut().zip(derived) {
                    *to = Some(*from);
                }
            }
            if found.iter().any(|other| other.blocks == blocks) {
                continue;
            }
            let syntax = InterSyntax { subtype, weighted_skip_mode: mode, ..InterSyntax::default() };
            let candidate = Candidate { kind: UnitType::Skip, syntax, blocks, bits: 0.0 };
            found.push(self.with_bits(candidate, log2_size));
        }
        found
    }

    fn with_bits(&self, candidate: Candidate, log2_size: u32) -> Candidate {
        let Some(inter) = &self.inter else { return candidate };
        let mut syntax = candidate.syntax;
        let bits = self.costs.of(|c| {
            code_unit_type(c, &inter.context.tools, log2_size as u8, candidate.kind);
            code_inter(c, &inter.context.tools, log2_size as u8, candidate.kind, &mut syntax);
        });
        Candidate { bits: self.bits(bits), ..candidate }
    }

    /// Predicts a block of a component into `scratch.prediction`; luma is kept for [`may_be_intra`](Self::may_be_intra).
    fn predict_inter(&mut self, candidate: &Candidate, at: BlockAt) {
        let Some(inter) = &mut self.inter else { return };
        let shift = usize::from(at.c > 0);
        let stride = at.size.0;
        for block in candidate.blocks.iter().flatten() {
            let origin = ((block.rect.y >> shift) - at.y) * stride + (block.rect.x >> shift) - at.x;
            let target = Block { samples: &mut self.scratch.prediction[origin..], stride };
            inter.compensator.predict(inter.references, block, at.c, target);
        }
    }

    /// Error of the prediction of a block whose source is loaded.
    fn prediction_error(&self, at: BlockAt) -> f64 {
        let (a, b) = (&self.scratch.fine[..], &self.scratch.prediction[..]);
        let perception = &self.picture.perception[usize::from(at.c > 0)];
        perception.error(self.picture.backend, (a, at.size.0), (b, at.size.0), at.size)
    }
}

impl Candidate {
    fn none() -> Self {
        Self { kind: UnitType::Skip, syntax: InterSyntax::default(), blocks: [None; 4], bits: 0.0 }
    }
}

fn absolute_difference(a: &[u8], b: &[u8]) -> u32 {
    a.iter().zip(b).map(|(&a, &b)| u32::from(a.abs_diff(b))).sum()
}

/// Marks the edges inside an inter unit.
pub(super) fn mark_inner(info: &mut RowInfo, area: UnitArea, unit: &Unit, kind: UnitType) {
    let partition = match kind {
        UnitType::Explicit(partition) => partition,
        _ => Partition::Whole,
    };
    let split = unit.unit.ctp != 0 && unit.unit.split != TransformSplit::None;
    let transform = split.then(|| transform_strips(unit.unit.split));
    mark_inner_edges(info, (area.bx, area.by), 1 << unit.log2_size, partition, transform);
}
