//! Units of inter pictures: skip, direct, 2Nx2N with motion search, intra.

use std::sync::Arc;

use super::{BlockAt, Samples, Search, Unit, coded_size, energy};
use crate::aec::{BinCoder, ctx};
use crate::encoder::metric::{hadamard, residual, squared_error};
use crate::encoder::quantiser::{Quantised, Quantiser};
use crate::encoder::transform::forward_transform;
use crate::inter::{
    Block, Compensator, InterSyntax, Motion, MotionContext, MotionField, MotionVector, Partition,
    PredictionBlock, Rect, StoredPicture, UnitType, code_inter, code_unit_type, difference, representable,
};
use crate::recon::Secondary;
use crate::simd::Backend;
use crate::syntax::coding::code_chroma_ctp;
use crate::syntax::{BlockClass, IntraUnit};

/// The only slice.
const SLICE: u32 = 1;
/// Greatest vector components, in quarter samples.
const MAX_VECTOR: (i32, i32) = (4 * 256, 4 * 128);
/// Derived motions of skip and direct units (table 4-5).
const SUBTYPES: u8 = 5;
/// A prediction is as good as noise if the mean squared error of no 8x8 block is above this multiple of lambda.
const NOISE: f64 = 1.2;

/// What inter pictures need besides.
pub(in crate::encoder) struct InterSearch<'a> {
    context: MotionContext<'a>,
    references: &'a [Arc<StoredPicture>],
    pub field: MotionField,
    compensator: Compensator,
    /// Explicit vector of the last unit, a start for the next search.
    last: MotionVector,
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
        backend: Backend,
    ) -> Self {
        let compensator = Compensator::new(backend);
        Self { context, references, field, compensator, last: MotionVector::ZERO, block: Box::new([0; 4096]) }
    }
}

impl<'a> Search<'a> {
    /// Makes the motion of a square that is tried again undecoded.
    pub(super) fn forget_motion(&mut self, (x, y): (usize, usize), size: usize) {
        if let Some(inter) = &mut self.inter {
            inter.field.forget(Rect::new(x, y, size, size));
        }
    }

    pub(super) fn store_motion(&mut self, unit: &Unit) {
        let Some(inter) = &mut self.inter else { return };
        let (kind, syntax) = unit.inter.unwrap_or((UnitType::Intra, InterSyntax::default()));
        let size = 1 << unit.level;
        inter.context.decode_unit(&mut inter.field, SLICE, (unit.x, unit.y, size), kind, &syntax);
        let coded = unit.inter.is_some() && unit.unit.ctp != 0;
        inter.field.set_coded(Rect::new(unit.x, unit.y, size, size), coded);
    }

    /// Codes type, motion and coded blocks of a unit; of intra units only the type.
    pub(super) fn code_inter_unit<C: BinCoder>(&self, c: &mut C, unit: &Unit) {
        let Some(inter) = &self.inter else { return };
        let tools = &inter.context.tools;
        let (kind, mut syntax) = unit.inter.unwrap_or((UnitType::Intra, InterSyntax::default()));
        code_unit_type(c, tools, unit.level as u8, kind);
        code_inter(c, tools, unit.level as u8, kind, &mut syntax);
        self.code_residual_flags(c, (unit.x, unit.y), kind, unit.unit.ctp);
    }

    fn code_residual_flags<C: BinCoder>(&self, c: &mut C, (x, y): (usize, usize), kind: UnitType, ctp: u8) {
        if matches!(kind, UnitType::Skip | UnitType::Intra) {
            return;
        }
        if kind != UnitType::Direct && c.bin(ctx::CTP + 8, ctp == 0) {
            return;
        }
        c.bin(ctx::TRANSFORM_SPLIT, false);
        code_chroma_ctp(c, ctx::CTP + 4, ctp >> 4);
        if ctp >> 4 != 0 {
            c.bin(self.ctp_context(x, y), ctp & 1 == 1);
        }
    }

    /// The cheapest undivided unit of a picture of any type, and whether nothing better is worth a try.
    pub(super) fn unit_of_any_kind(&mut self, at: (usize, usize), level: u32) -> (Unit, f64, bool) {
        if self.inter.is_none() {
            let (unit, cost) = self.unit(at, level);
            return (unit, cost, false);
        }
        let (unit, cost, still) = self.inter_unit(at, level);
        if still || unit.unit.ctp == 0 || !self.may_be_intra(at, level) {
            return (unit, cost, still);
        }
        self.save(at, level, level as usize - 3);
        self.forget_motion(at, 1 << level);
        let (intra, intra_cost) = self.unit(at, level);
        let type_bits = self.type_bits(level);
        let intra_cost = intra_cost + self.picture.lambda * type_bits;
        if intra_cost < cost {
            return (intra, intra_cost, false);
        }
        self.restore(at, level, level as usize - 3);
        self.store_cells(&unit);
        (unit, cost, false)
    }

    fn type_bits(&self, level: u32) -> f64 {
        let Some(inter) = &self.inter else { return 0.0 };
        self.bits(self.costs.of(|c| {
            code_unit_type(c, &inter.context.tools, level as u8, UnitType::Intra);
        }))
    }

    /// Whether the inter prediction, which is in the scratch block, is not much better than a flat one.
    fn may_be_intra(&mut self, (x, y): (usize, usize), level: u32) -> bool {
        let size = 1_usize << level;
        self.load_source(BlockAt { c: 0, x, y, size: (size, size) });
        let Some(inter) = &self.inter else { return true };
        let source = &self.scratch.source[..size * size];
        let mean = source.iter().map(|&s| u32::from(s)).sum::<u32>() / (size * size) as u32;
        let flat: u32 = source.iter().map(|&s| u32::from(s).abs_diff(mean)).sum();
        2 * absolute_difference(source, &inter.block[..size * size]) > flat
    }

    /// Decides and reconstructs the cheapest inter unit.
    fn inter_unit(&mut self, (x, y): (usize, usize), level: u32) -> (Unit, f64, bool) {
        let size = 1_usize << level;
        let (weight, _) = self.picture.activity.of((x, y), size);
        let lambda = self.picture.lambda / weight;
        let at = |c: usize| {
            let shift = usize::from(c > 0);
            BlockAt { c, x: x >> shift, y: y >> shift, size: (size >> shift, size >> shift) }
        };
        let derived = self.derived((x, y), level);
        let mut skip: Option<(f64, usize)> = None;
        for (i, candidate) in derived.iter().enumerate() {
            let mut cost = lambda * candidate.bits;
            let mut calm = true;
            for c in 0..3 {
                self.load_source(at(c));
                self.predict_inter(candidate, at(c));
                let factor = if c == 0 { 1.0 } else { self.picture.chroma_weight };
                let (error, peak) = self.errors(at(c).size.0);
                calm &= peak < NOISE * self.picture.lambda;
                cost += factor * error;
            }
            if skip.is_none_or(|(best, _)| cost < best) {
                skip = Some((cost, i));
            }
            if calm {
                let (unit, cost) = self.commit(candidate, (x, y), level, 0, lambda);
                return (unit, cost * weight, true);
            }
        }
        let mut best = (f64::MAX, Candidate::none(), 0);
        if let Some((cost, i)) = skip {
            best = (cost, derived[i], 0);
            let direct = Candidate { kind: UnitType::Direct, ..derived[i] };
            let direct = self.with_bits(direct, level);
            let (cost, ctp) = self.residual_choice(&direct, (x, y), level, lambda);
            if cost < best.0 {
                best = (cost, direct, ctp);
            }
        }
        let explicit = self.motion_search((x, y), level, lambda);
        let (cost, ctp) = self.residual_choice(&explicit, (x, y), level, lambda);
        if cost < best.0 {
            best = (cost, explicit, ctp);
        }
        let (_, candidate, ctp) = best;
        let (unit, cost) = self.commit(&candidate, (x, y), level, ctp, lambda);
        (unit, cost * weight, false)
    }

    /// Skip candidates with different motion.
    fn derived(&mut self, (x, y): (usize, usize), level: u32) -> Vec<Candidate> {
        let mut found: Vec<Candidate> = Vec::new();
        let size = 1_usize << level;
        for subtype in 0..SUBTYPES {
            let Some(inter) = &self.inter else { break };
            let derived = inter.context.derived(&inter.field, SLICE, (x, y, size), subtype, 0);
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
            let syntax = InterSyntax { subtype, ..InterSyntax::default() };
            let candidate = Candidate { kind: UnitType::Skip, syntax, blocks, bits: 0.0 };
            found.push(self.with_bits(candidate, level));
        }
        found
    }

    fn with_bits(&self, candidate: Candidate, level: u32) -> Candidate {
        let Some(inter) = &self.inter else { return candidate };
        let mut syntax = candidate.syntax;
        let bits = self.costs.of(|c| {
            code_unit_type(c, &inter.context.tools, level as u8, candidate.kind);
            code_inter(c, &inter.context.tools, level as u8, candidate.kind, &mut syntax);
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

    /// Squared error of the prediction, and the greatest mean of an 8x8 block.
    fn errors(&self, size: usize) -> (f64, f64) {
        let unit = size.min(8);
        let (mut sum, mut peak) = (0, 0);
        for y in (0..size).step_by(unit) {
            for x in (0..size).step_by(unit) {
                let from = y * size + x;
                let (a, b) = (&self.scratch.source[from..], &self.scratch.prediction[from..]);
                let error = squared_error(self.picture.backend, (a, size), (b, size), (unit, unit));
                sum += error;
                peak = peak.max(error);
            }
        }
        (sum as f64, peak as f64 / (unit * unit) as f64)
    }

    /// Explicit motion: a walk in shrinking steps from the likely vectors.
    fn motion_search(&mut self, (x, y): (usize, usize), level: u32, lambda: f64) -> Candidate {
        let size = 1_usize << level;
        let rect = Rect::new(x, y, size, size);
        self.load_source(BlockAt { c: 0, x, y, size: (size, size) });
        let Some(mut inter) = self.inter.take() else { return Candidate::none() };
        let predictor = inter.context.predictor(&inter.field, SLICE, (x, y, size), 0);
        let root = lambda.sqrt();
        let tools = inter.context.tools;
        let backend = self.picture.backend;
        let mut cost_of = |vector: MotionVector, fine: bool| -> f64 {
            let block = PredictionBlock::new(rect, Motion::single(0, vector));
            let target = Block { samples: &mut inter.block[..], stride: size };
            inter.compensator.predict(inter.references, &block, 0, target);
            let (source, prediction) = (&self.scratch.source[..size * size], &inter.block[..size * size]);
            let distance = if fine {
                hadamard(backend, source, prediction, (size, size))
            } else {
                absolute_difference(source, prediction)
            };
            let d = difference(predictor, vector, true);
            let length = |v: i32| 2 * (v.unsigned_abs() + 1).ilog2() + 1;
            f64::from(distance) + root * f64::from(length(d.x) + length(d.y))
        };
        let moved = |from: MotionVector, dx: i32, dy: i32| {
            let x = (i32::from(from.x) + dx).clamp(-MAX_VECTOR.0, MAX_VECTOR.0) as i16;
            let y = (i32::from(from.y) + dy).clamp(-MAX_VECTOR.1, MAX_VECTOR.1) as i16;
            representable(predictor, MotionVector::new(x, y), true)
        };
        let whole = |v: MotionVector| MotionVector::new((v.x + 2) & !3, (v.y + 2) & !3);
        let mut best = (f64::MAX, MotionVector::ZERO);
        for start in [MotionVector::ZERO, predictor, inter.last] {
            let vector = moved(whole(start), 0, 0);
            let cost = cost_of(vector, false);
            if cost < best.0 {
                best = (cost, vector);
            }
        }
        const DIAMOND: [(i32, i32); 8] =
            [(-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (1, -1), (-1, 1), (1, 1)];
        for (step, fine, rounds) in [
            (64, false, 2),
            (32, false, 3),
            (16, false, 3),
            (8, false, 4),
            (4, false, 8),
            (2, true, 2),
            (1, true, 2),
        ] {
            if step == 2 {
                best.0 = cost_of(best.1, true);
                for start in [predictor, MotionVector::ZERO] {
                    let vector = moved(start, 0, 0);
                    let cost = cost_of(vector, true);
                    if cost < best.0 {
                        best = (cost, vector);
                    }
                }
            }
            for _ in 0..rounds {
                let centre = best.1;
                for (dx, dy) in DIAMOND {
                    let vector = moved(centre, dx * step, dy * step);
                    if vector == centre {
                        continue;
                    }
                    let cost = cost_of(vector, fine);
                    if cost < best.0 {
                        best = (cost, vector);
                    }
                }
                if best.1 == centre {
                    break;
                }
            }
        }
        let vector = best.1;
        inter.last = vector;
        let mut syntax = InterSyntax::default();
        syntax.blocks[0].differences[0] = difference(predictor, vector, tools.pmvr);
        self.inter = Some(inter);
        let block = PredictionBlock::new(rect, Motion::single(0, vector));
        let candidate = Candidate {
            kind: UnitType::Explicit(Partition::Whole),
            syntax,
            blocks: [Some(block), None, None, None],
            bits: 0.0,
        };
        self.with_bits(candidate, level)
    }

    fn inter_quantiser(&self, c: usize, level: u32) -> Quantiser<'a> {
        let picture = self.picture;
        let qp = picture.slice_tools.slice_qp;
        if c > 0 {
            return self.chroma_quantiser(c, qp, level);
        }
        let quantiser = Quantiser::new(qp, level, picture.effort.dead_zone);
        let size = 1 << level;
        match picture.weights {
            None => quantiser,
            Some(weights) => quantiser.with_weights(weights, coded_size((size, size))),
        }
    }

    /// Predicts and quantises a block whose source is loaded: error without, error with levels, bits of the levels.
    fn inter_block(
        &mut self,
        candidate: &Candidate,
        at: BlockAt,
        level: u32,
        lambda: f64,
    ) -> (f64, Option<(f64, f64)>) {
        self.predict_inter(candidate, at);
        let picture = self.picture;
        let lambda = if at.c == 0 { lambda } else { lambda / picture.chroma_weight };
        let count = at.size.0 * at.size.1;
        let scratch = &mut self.scratch;
        residual(&scratch.source[..count], &scratch.prediction[..count], &mut scratch.residual[..]);
        let empty = energy(&scratch.residual[..count]);
        let (backend, none) = (picture.backend, Secondary::None);
        forward_transform(backend, &scratch.residual[..count], at.size, none, &mut scratch.coefficients);
        let class = if at.c == 0 { BlockClass::INTER_LUMA } else { BlockClass::CHROMA };
        let quantiser = self.inter_quantiser(at.c, level);
        let scratch = &mut self.scratch;
        let result = quantiser.quantise(
            backend,
            &self.costs,
            lambda as f32,
            &scratch.coefficients,
            coded_size(at.size),
            class,
            &mut scratch.levels[..],
        );
        (empty, result.map(|Quantised { distortion, bits }| (empty + f64::from(distortion), self.bits(bits))))
    }

    /// Cost of a candidate with the best choice of coded blocks.
    fn residual_choice(
        &mut self,
        candidate: &Candidate,
        (x, y): (usize, usize),
        level: u32,
        lambda: f64,
    ) -> (f64, u8) {
        let mut costs = [[0.0, f64::MAX]; 3];
        for (c, cost) in costs.iter_mut().enumerate() {
            let shift = usize::from(c > 0);
            let size = (1_usize << level) >> shift;
            let at = BlockAt { c, x: x >> shift, y: y >> shift, size: (size, size) };
            self.load_source(at);
            let (empty, coded) = self.inter_block(candidate, at, level, lambda);
            let factor = if c == 0 { 1.0 } else { self.picture.chroma_weight };
            cost[0] = factor * empty;
            if let Some((error, bits)) = coded {
                cost[1] = factor * error + lambda * bits;
            }
        }
        let mut best = (f64::MAX, 0);
        for i in 0..8_usize {
            let ctp = (i & 1 | (i >> 1) << 4) as u8;
            if ctp == 0 && candidate.kind == UnitType::Direct {
                continue;
            }
            let flags = self.costs.of(|c| self.code_residual_flags(c, (x, y), candidate.kind, ctp));
            let cost = costs[0][i & 1] + costs[1][i >> 1 & 1] + costs[2][i >> 2];
            let cost = cost + lambda * (candidate.bits + self.bits(flags));
            if cost < best.0 {
                best = (cost, ctp);
            }
        }
        best
    }

    /// Reconstructs a unit and stores what later ones need.
    fn commit(
        &mut self,
        candidate: &Candidate,
        (x, y): (usize, usize),
        level: u32,
        ctp: u8,
        lambda: f64,
    ) -> (Unit, f64) {
        let flags = self.costs.of(|c| self.code_residual_flags(c, (x, y), candidate.kind, ctp));
        let mut cost = lambda * (candidate.bits + self.bits(flags));
        let luma_offset = self.z_offset(x, y);
        for c in 0..3 {
            let shift = usize::from(c > 0);
            let size = (1_usize << level) >> shift;
            let at = BlockAt { c, x: x >> shift, y: y >> shift, size: (size, size) };
            let coded = if c == 0 { ctp & 1 == 1 } else { ctp >> (3 + c) & 1 == 1 };
            self.load_source(at);
            if coded {
                let (_, result) = self.inter_block(candidate, at, level, lambda);
                cost += result.map_or(0.0, |(_, bits)| lambda * bits);
            } else {
                self.predict_inter(candidate, at);
            }
            if c == 0
                && let Some(inter) = &mut self.inter
            {
                inter.block[..size * size].copy_from_slice(&self.scratch.prediction[..size * size]);
            }
            let scratch = &mut self.scratch;
            std::mem::swap(&mut scratch.levels, &mut scratch.best_levels);
            std::mem::swap(&mut scratch.prediction, &mut scratch.best_prediction);
            let quantiser = self.inter_quantiser(c, level);
            let offset = luma_offset >> (2 * shift);
            let error = self.reconstruct(at, coded.then_some(&quantiser), Secondary::None, offset);
            cost += if c == 0 { error } else { error * self.picture.chroma_weight };
        }
        let qp = self.picture.slice_tools.slice_qp;
        let unit = IntraUnit { ctp, qp, ..IntraUnit::default() };
        let unit = Unit { x, y, level, unit, inter: Some((candidate.kind, candidate.syntax)) };
        self.store_cells(&unit);
        (unit, cost)
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
