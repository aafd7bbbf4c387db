//! CUs of inter pictures: skip, direct, 2Nx2N with motion search, intra.

mod explicit;
mod residual;
mod vectors;

use std::ops::Range;
use std::sync::Arc;

use super::{BlockAt, Cu, Samples, Search};
use crate::encoder::analysis::metric::absolute_difference;
use crate::filter::{CuArea, RowInfo};
use crate::inter::{
    Block, Compensator, CuType, InterSyntax, InterTools, MotionContext, MotionField, MotionVector, Partition,
    PictureOrder, PredictionBlock, Rect, Source, StoredPicture, code_cu_type, code_inter, mark_inner_edges,
    orientation_of,
};
use crate::simd::Backend;
use crate::syntax::{Node, TransformSplit};
use residual::{Choice, Residual};

/// The only slice.
const SLICE: u32 = 1;
/// Greatest vector components, in quarter samples.
const MAX_VECTOR: (i32, i32) = (4 * 256, 4 * 128);
/// Derived motions of skip and direct CUs (table 4-5).
const SUBTYPES: u8 = 5;

/// What the search of inter CUs tries.
#[derive(Debug, Clone, Copy)]
pub(in crate::encoder) struct InterEffort {
    /// Derived motions that are tried with a residual.
    pub derived: usize,
    /// Explicit blocks with a hypothesis in each of two references.
    pub dual: bool,
    /// Explicit CUs with two hypotheses around a vector.
    pub multi_hypothesis: bool,
    /// Explicit CUs of two blocks.
    pub partitions: bool,
    /// Four luma transform blocks.
    pub transform_split: bool,
    /// Less is tried where a skip CU is the best so far, and less with references that are behind.
    pub quick: bool,
}

/// A skip CU is not divided if its cost per 16 samples is below this multiple of lambda, in a quick search.
pub(in crate::encoder::search) const SKIP_STOP_COST: f64 = 1.0;

/// What the search of an inter picture needs besides.
pub(in crate::encoder) struct InterPicture<'a> {
    context: MotionContext<'a>,
    references: &'a [Arc<StoredPicture>],
    effort: InterEffort,
}

impl<'a> InterPicture<'a> {
    pub fn new(tools: InterTools, effort: InterEffort, order: &'a PictureOrder) -> Self {
        let collocated = order.references.first().and_then(|reference| reference.motion.as_ref());
        let context = MotionContext { tools, distances: order.distances, collocated };
        Self { context, references: &order.references, effort }
    }
}

/// What the search of a row of an inter picture needs besides.
pub(in crate::encoder) struct InterSearch<'a> {
    context: MotionContext<'a>,
    references: &'a [Arc<StoredPicture>],
    /// Motion of the row.
    pub field: MotionField,
    pub effort: InterEffort,
    backend: Backend,
    compensator: Compensator,
    /// Vectors of the last explicit CU by reference, starts for the next search.
    pub last: [MotionVector; 4],
    block: Samples,
}

/// Blocks to predict and how a CU says so.
#[derive(Clone, Copy)]
struct Candidate {
    cu_type: CuType,
    syntax: InterSyntax,
    blocks: [Option<PredictionBlock>; 4],
    /// Bits of type and motion.
    bits: f64,
}

impl<'a> InterSearch<'a> {
    /// For the luma rows `rows` of a picture of coded width `width`.
    pub fn new(picture: &InterPicture<'a>, backend: Backend, width: usize, rows: Range<usize>) -> Self {
        let &InterPicture { context, references, effort } = picture;
        let field = MotionField::of_rows(width, rows);
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
    pub(super) fn forget_motion(&mut self, node: Node) {
        if let Some(inter) = &mut self.inter {
            inter.field.forget(Rect::of(node));
        }
    }

    pub(super) fn store_motion(&mut self, cu: &Cu) {
        let Some(inter) = &mut self.inter else { return };
        let (cu_type, syntax) = cu.inter.unwrap_or((CuType::Intra, InterSyntax::default()));
        inter.context.decode_cu(&mut inter.field, SLICE, cu.node, cu_type, &syntax);
        let coded = cu.inter.is_some() && cu.coded.ctp != 0;
        inter.field.set_coded(Rect::of(cu.node), coded);
    }

    /// The cheapest undivided CU of a picture of any type.
    pub(super) fn cu_of_any_type(&mut self, node: Node) -> (Cu, f64) {
        if self.inter.is_none() {
            return self.intra_cu(node);
        }
        let (cu, cost) = self.inter_cu(node);
        if cu.coded.ctp == 0 || !self.may_be_intra(node) {
            return (cu, cost);
        }
        let slot = node.log2_size as usize - 3;
        self.save(node, slot);
        self.forget_motion(node);
        let (intra, intra_cost) = self.intra_cu(node);
        let type_bits = self.type_bits(node.log2_size);
        let intra_cost = intra_cost + self.picture.lambda * type_bits;
        if intra_cost < cost {
            return (intra, intra_cost);
        }
        self.restore(node, slot);
        self.store_cells(&cu);
        (cu, cost)
    }

    fn type_bits(&self, log2_size: u32) -> f64 {
        let Some(inter) = &self.inter else { return 0.0 };
        self.bits(self.costs.of(|c| {
            code_cu_type(c, &inter.context.tools, log2_size as u8, CuType::Intra);
        }))
    }

    /// Whether the inter prediction, which is in the scratch block, is not much better than a flat one.
    fn may_be_intra(&mut self, node: Node) -> bool {
        let size = node.size();
        self.load_rounded_source(BlockAt::of(node, 0));
        let Some(inter) = &self.inter else { return true };
        let source = &self.scratch.source[..size * size];
        let mean = source.iter().map(|&s| u32::from(s)).sum::<u32>() / (size * size) as u32;
        let flat: u32 = source.iter().map(|&s| u32::from(s).abs_diff(mean)).sum();
        let distance = absolute_difference(
            inter.backend,
            source,
            Source { samples: &inter.block[..], stride: size },
            (size, size),
            u32::MAX,
        );
        2 * distance > flat
    }

    /// Decides and reconstructs the cheapest inter CU.
    fn inter_cu(&mut self, node: Node) -> (Cu, f64) {
        let weight = self.picture.activity.of(node.at, node.size());
        let lambda = self.picture.lambda / weight;
        let derived = self.derived(node);
        let skips = self.best_skips(node, lambda, &derived);
        let mut best = Best { cost: f64::MAX, candidate: Candidate::none(), residual: Residual::NONE };
        for &(cost, skip) in &skips {
            best.replace_if_cheaper(Choice { cost, residual: Residual::NONE }, skip);
            let direct = Candidate { cu_type: CuType::Direct, ..*skip };
            let direct = self.with_bits(direct, node.log2_size);
            best.replace_if_cheaper(self.residual_choice(&direct, node, lambda), &direct);
        }
        let rival = self.rival(node, lambda, &best.candidate);
        for candidate in self.explicit_candidates(node, lambda, &derived, rival).into_iter().flatten() {
            // With a residual, derived motion takes fewer bits.
            if skips.iter().all(|(_, skip)| skip.blocks != candidate.blocks) {
                best.replace_if_cheaper(self.residual_choice(&candidate, node, lambda), &candidate);
            }
        }
        let (cu, cost) = self.commit(&best.candidate, node, best.residual, lambda);
        (cu, cost * weight)
    }

    /// The cheapest skip candidates, with their costs: as many as are tried with a residual.
    fn best_skips<'d>(
        &mut self,
        node: Node,
        lambda: f64,
        derived: &'d [Candidate],
    ) -> Vec<(f64, &'d Candidate)> {
        let wanted = self.inter.as_ref().map_or(1, |inter| inter.effort.derived);
        let mut found: Vec<(f64, &Candidate)> = Vec::with_capacity(wanted + 1);
        for candidate in derived {
            let mut cost = lambda * candidate.bits;
            let limit = found.get(wanted - 1).map_or(f64::MAX, |&(cost, _)| cost);
            for c in 0..3 {
                if cost >= limit {
                    break;
                }
                let at = BlockAt::of(node, c);
                self.load_source(at);
                self.predict_inter(candidate, at);
                let factor = if c == 0 { 1.0 } else { self.picture.chroma_weight };
                cost += factor * self.prediction_error(at);
            }
            if cost < limit {
                found.insert(found.partition_point(|&(other, _)| other <= cost), (cost, candidate));
                found.truncate(wanted);
            }
        }
        found
    }

    /// Skip candidates with different motion.
    fn derived(&mut self, node: Node) -> Vec<Candidate> {
        let mut found: Vec<Candidate> = Vec::new();
        let weighted = self.inter.as_ref().map_or(0, |inter| match inter.context.tools.weighted_skip {
            true => inter.references.len().saturating_sub(1) as u8,
            false => 0,
        });
        let kinds = (0..SUBTYPES).map(|subtype| (subtype, 0)).chain((1..=weighted).map(|mode| (0, mode)));
        for (subtype, mode) in kinds {
            let Some(inter) = &self.inter else { break };
            let derived = inter.context.derived(&inter.field, SLICE, node, subtype, mode);
            let mut blocks = [None; 4];
            let derived = derived.as_slice();
            if derived.iter().all(|block| block.motion == derived[0].motion) {
                blocks[0] = Some(PredictionBlock::new(Rect::of(node), derived[0].motion));
            } else {
                for (to, from) in blocks.iter_mut().zip(derived) {
                    *to = Some(*from);
                }
            }
            if found.iter().any(|other| other.blocks == blocks) {
                continue;
            }
            let syntax = InterSyntax { subtype, weighted_skip_mode: mode, ..InterSyntax::default() };
            let candidate = Candidate { cu_type: CuType::Skip, syntax, blocks, bits: 0.0 };
            found.push(self.with_bits(candidate, node.log2_size));
        }
        found
    }

    fn with_bits(&self, candidate: Candidate, log2_size: u32) -> Candidate {
        let Some(inter) = &self.inter else { return candidate };
        let mut syntax = candidate.syntax;
        let bits = self.costs.of(|c| {
            code_cu_type(c, &inter.context.tools, log2_size as u8, candidate.cu_type);
            code_inter(c, &inter.context.tools, log2_size as u8, candidate.cu_type, &mut syntax);
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

/// The cheapest way to code a CU so far.
struct Best {
    cost: f64,
    candidate: Candidate,
    residual: Residual,
}

impl Best {
    fn replace_if_cheaper(&mut self, Choice { cost, residual }: Choice, candidate: &Candidate) {
        if cost < self.cost {
            *self = Self { cost, candidate: *candidate, residual };
        }
    }
}

impl Candidate {
    fn none() -> Self {
        Self { cu_type: CuType::Skip, syntax: InterSyntax::default(), blocks: [None; 4], bits: 0.0 }
    }
}

/// Marks the edges inside an inter CU.
pub(super) fn mark_inner(info: &mut RowInfo, area: CuArea, cu: &Cu, cu_type: CuType) {
    let partition = match cu_type {
        CuType::Explicit(partition) => partition,
        _ => Partition::Whole,
    };
    let split = cu.coded.ctp != 0 && cu.coded.split != TransformSplit::None;
    let transform = split.then(|| orientation_of(cu.coded.split));
    mark_inner_edges(info, (area.bx, area.by), cu.node.size(), partition, transform);
}
