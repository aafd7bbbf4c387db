//! Residuals of inter units.

use super::Candidate;
use crate::encoder::analysis::metric::{source_energy, source_residual};
use crate::encoder::input::FRACTION_BITS;
use crate::encoder::quantisation::quantiser::{Quantised, Quantiser};
use crate::encoder::quantisation::transform::{forward_transform, halved_norms};
use crate::encoder::search::{BlockAt, Search, Unit, coded_size};
use crate::inter::{
    InterResidual, Orientation, UnitType, code_inter_residual, transform_split, transform_strips,
};
use crate::recon::Secondary;
use crate::syntax::{BlockClass, IntraUnit, TransformSplit};

/// Coded blocks of an inter unit and the division of its luma.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Residual {
    pub ctp: u8,
    /// `Intra2Nx2N` stands for one block.
    pub kind: TransformSplit,
}

impl Residual {
    pub(super) const NONE: Self = Self { ctp: 0, kind: TransformSplit::None };

    pub(super) fn split(self) -> bool {
        self.kind != TransformSplit::None
    }
}

/// How a block may be coded: error without levels; error with levels and their bits.
type Choice = (f64, Option<(f64, f64)>);

impl<'a> Search<'a> {
    fn inter_quantiser(&self, at: BlockAt, log2_size: u32) -> Quantiser<'a> {
        let picture = self.picture;
        let qp = picture.slice_tools.slice_qp;
        if at.c > 0 {
            return self.chroma_quantiser(at.c, qp, log2_size);
        }
        let log2 = if at.size == (1 << log2_size, 1 << log2_size) { log2_size } else { log2_size - 1 };
        let mut quantiser = Quantiser::new(qp, log2, picture.effort.dead_zone);
        quantiser.seen = picture.perception[0].weights(at.size);
        quantiser.norms = halved_norms(at.size);
        match picture.weights {
            None => quantiser,
            Some(weights) => quantiser.with_weights(weights, coded_size(at.size)),
        }
    }

    /// Quantises a block whose source and prediction are loaded.
    fn inter_block(&mut self, at: BlockAt, log2_size: u32, lambda: f64) -> Choice {
        let picture = self.picture;
        let lambda = if at.c == 0 { lambda } else { lambda / picture.chroma_weight };
        let count = at.size.0 * at.size.1;
        let scratch = &mut self.scratch;
        source_residual(&scratch.fine[..count], &scratch.prediction[..count], &mut scratch.residual[..]);
        let empty = source_energy(&scratch.residual[..count]);
        let (backend, none) = (picture.backend, Secondary::None);
        forward_transform(
            backend,
            (&scratch.residual[..count], FRACTION_BITS),
            at.size,
            none,
            &mut scratch.coefficients,
        );
        let class = if at.c == 0 { BlockClass::INTER_LUMA } else { BlockClass::CHROMA };
        let quantiser = self.inter_quantiser(at, log2_size);
        let scratch = &mut self.scratch;
        let empty = quantiser.empty(empty, &scratch.coefficients[..], coded_size(at.size));
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

    fn plane_block((x, y): (usize, usize), log2_size: u32, c: usize) -> BlockAt {
        let shift = usize::from(c > 0);
        let size = (1_usize << log2_size) >> shift;
        BlockAt { c, x: x >> shift, y: y >> shift, size: (size, size) }
    }

    /// Division of the luma of a unit whose transform is split.
    fn split_kind(&self, candidate: &Candidate, log2_size: u32) -> TransformSplit {
        let nonsquare = log2_size > 3;
        let orientation = match candidate.kind {
            UnitType::Explicit(partition) if nonsquare => partition.orientation(),
            _ => Orientation::Square,
        };
        transform_split(true, orientation)
    }

    /// Bits of what comes before the levels of an inter unit. The cells of the unit are overwritten.
    fn residual_bits(
        &mut self,
        at: ((usize, usize), u32),
        kind: UnitType,
        Residual { ctp, kind: transform }: Residual,
    ) -> f64 {
        let tools = &self.picture.slice_tools;
        let split = transform != TransformSplit::None;
        let mut residual = InterResidual { split, ctp, qp: tools.slice_qp };
        let (costs, row) = (&self.costs, &mut self.row);
        let strips = transform_strips(transform);
        let bits = costs.of(|c| code_inter_residual(c, tools, row, at, (kind, strips), &mut residual));
        self.bits(bits)
    }

    /// Cost of a candidate with the best choice of coded blocks.
    pub(super) fn residual_choice(
        &mut self,
        candidate: &Candidate,
        at: (usize, usize),
        log2_size: u32,
        lambda: f64,
    ) -> (f64, Residual) {
        let mut costs = [[0.0, f64::MAX]; 3];
        for c in [1, 2, 0] {
            let block = Self::plane_block(at, log2_size, c);
            self.load_source(block);
            self.predict_inter(candidate, block);
            let (empty, coded) = self.inter_block(block, log2_size, lambda);
            let factor = if c == 0 { 1.0 } else { self.picture.chroma_weight };
            costs[c][0] = factor * empty;
            if let Some((error, bits)) = coded {
                costs[c][1] = factor * error + lambda * bits;
            }
        }
        let flags = |search: &mut Self, residual: Residual| {
            let bits = search.residual_bits((at, log2_size), candidate.kind, residual);
            lambda * (candidate.bits + bits)
        };
        let mut best = (f64::MAX, Residual::NONE);
        for i in 0..8_usize {
            let residual = Residual { ctp: (i & 1 | (i >> 1) << 4) as u8, ..Residual::NONE };
            if residual.ctp == 0 && candidate.kind == UnitType::Direct {
                continue;
            }
            let cost = costs[0][i & 1] + costs[1][i >> 1 & 1] + costs[2][i >> 2];
            if cost < best.0 {
                let cost = cost + flags(self, residual);
                if cost < best.0 {
                    best = (cost, residual);
                }
            }
        }
        let may_split = self.inter.as_ref().is_some_and(|inter| inter.effort.transform_split);
        if !may_split || best.1.ctp & 1 == 0 {
            return best;
        }
        // Luma is loaded and predicted still.
        let kind = self.split_kind(candidate, log2_size);
        let size = 1 << log2_size;
        let prediction = self.scratch.prediction.clone();
        let (mut luma, mut ctp) = (0.0, 0);
        for i in 0..kind.block_count() {
            let block = kind.block(size, i);
            let part = BlockAt { c: 0, x: at.0 + block.x, y: at.1 + block.y, size: (block.w, block.h) };
            self.load_source(part);
            let rows = prediction[block.y * size + block.x..].chunks(size);
            for (to, from) in self.scratch.prediction.chunks_exact_mut(block.w).zip(rows).take(block.h) {
                to.copy_from_slice(&from[..block.w]);
            }
            let (empty, coded) = self.inter_block(part, log2_size, lambda);
            let coded = coded.map_or(f64::MAX, |(error, bits)| error + lambda * bits);
            ctp |= u8::from(coded < empty) << i;
            luma += coded.min(empty);
            if luma > best.0 {
                return best;
            }
        }
        for chroma in [0, 1, 2, 3] {
            let residual = Residual { ctp: ctp | chroma << 4, kind };
            if residual.ctp == 0 {
                continue;
            }
            let (cb, cr) = (usize::from(chroma & 1), usize::from(chroma >> 1));
            let cost = luma + costs[1][cb] + costs[2][cr];
            if cost < best.0 {
                let cost = cost + flags(self, residual);
                if cost < best.0 {
                    best = (cost, residual);
                }
            }
        }
        best
    }

    /// Reconstructs a unit and stores what later ones need.
    pub(super) fn commit(
        &mut self,
        candidate: &Candidate,
        (x, y): (usize, usize),
        log2_size: u32,
        residual: Residual,
        lambda: f64,
    ) -> (Unit, f64) {
        let flags = self.residual_bits(((x, y), log2_size), candidate.kind, residual);
        let mut cost = lambda * (candidate.bits + flags);
        let luma_offset = self.z_offset(x, y);
        let size = 1_usize << log2_size;
        for c in 0..3 {
            let whole = Self::plane_block((x, y), log2_size, c);
            self.load_source(whole);
            self.predict_inter(candidate, whole);
            if c == 0
                && let Some(inter) = &mut self.inter
            {
                inter.block[..size * size].copy_from_slice(&self.scratch.prediction[..size * size]);
            }
            let offset = luma_offset >> (2 * usize::from(c > 0));
            if c > 0 || !residual.split() {
                let bit = if c == 0 { 0 } else { 3 + c };
                cost += self.commit_block(whole, log2_size, residual.ctp >> bit & 1 == 1, lambda, offset);
                continue;
            }
            for i in 0..residual.kind.block_count() {
                let block = residual.kind.block(size, i);
                let at = BlockAt { c, x: x + block.x, y: y + block.y, size: (block.w, block.h) };
                self.load_source(at);
                if let Some(inter) = &self.inter {
                    let rows = inter.block[block.y * size + block.x..].chunks(size);
                    let to = self.scratch.prediction.chunks_exact_mut(block.w);
                    for (to, from) in to.zip(rows).take(block.h) {
                        to.copy_from_slice(&from[..block.w]);
                    }
                }
                let offset = offset + i * size * size / 4;
                cost += self.commit_block(at, log2_size, residual.ctp >> i & 1 == 1, lambda, offset);
            }
        }
        let qp = self.picture.slice_tools.slice_qp;
        let unit = IntraUnit { split: residual.kind, ctp: residual.ctp, qp, ..IntraUnit::default() };
        let unit = Unit { x, y, log2_size, unit, inter: Some((candidate.kind, candidate.syntax)) };
        self.store_cells(&unit);
        (unit, cost)
    }

    /// Reconstructs a block whose source and prediction are loaded; cost of its error and levels.
    fn commit_block(&mut self, at: BlockAt, log2_size: u32, coded: bool, lambda: f64, offset: usize) -> f64 {
        let mut cost = 0.0;
        if coded {
            let (_, result) = self.inter_block(at, log2_size, lambda);
            cost += result.map_or(0.0, |(_, bits)| lambda * bits);
        }
        let scratch = &mut self.scratch;
        std::mem::swap(&mut scratch.levels, &mut scratch.best_levels);
        std::mem::swap(&mut scratch.prediction, &mut scratch.best_prediction);
        let quantiser = self.inter_quantiser(at, log2_size);
        let error = self.reconstruct(at, coded.then_some(&quantiser), Secondary::None, offset);
        cost + if at.c == 0 { error } else { error * self.picture.chroma_weight }
    }
}
