//! Residuals of inter CUs.

use super::Candidate;
use crate::encoder::quantisation::quantiser::Quantiser;
use crate::encoder::search::reconstruction::BlockCosts;
use crate::encoder::search::{BlockAt, Cu, Search};
use crate::inter::{
    CuType, InterCuKind, InterResidual, Orientation, code_inter_residual, orientation_of, transform_split,
};
use crate::recon::Secondary;
use crate::syntax::{BlockClass, IntraCu, Node, TransformSplit};

/// Coded blocks of an inter CU and the division of its luma.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Residual {
    pub ctp: u8,
    /// Of luma.
    pub split: TransformSplit,
}

impl Residual {
    pub(super) const NONE: Self = Self { ctp: 0, split: TransformSplit::None };

    pub(super) fn is_split(self) -> bool {
        self.split != TransformSplit::None
    }
}

/// A residual and what it costs.
#[derive(Clone, Copy)]
pub(super) struct Choice {
    pub cost: f64,
    pub residual: Residual,
}

/// Coding of the luma of a CU whose transform is split.
struct SplitLuma {
    cost: f64,
    ctp: u8,
}

impl BlockCosts {
    /// Cost with coefficients.
    fn with(self, bits: impl Fn(u32) -> f64, factor: f64, lambda: f64) -> f64 {
        self.coded.map_or(f64::MAX, |coded| {
            factor * (self.empty + f64::from(coded.distortion)) + lambda * bits(coded.bits)
        })
    }
}

impl<'a> Search<'a> {
    fn inter_quantiser(&self, at: BlockAt, log2_size: u32) -> Quantiser<'a> {
        let qp = self.picture.slice_tools.slice_qp;
        if at.c > 0 {
            return self.chroma_quantiser(at.c, qp, log2_size);
        }
        let n = if at.size == (1 << log2_size, 1 << log2_size) { log2_size } else { log2_size - 1 };
        self.luma_quantiser(qp, n, at.size)
    }

    /// Quantises a block whose source and prediction are loaded.
    fn inter_block(&mut self, at: BlockAt, log2_size: u32, lambda: f64) -> BlockCosts {
        let lambda = if at.c == 0 { lambda } else { lambda / self.picture.chroma_weight };
        let class = if at.c == 0 { BlockClass::INTER_LUMA } else { BlockClass::CHROMA };
        let quantiser = self.inter_quantiser(at, log2_size);
        self.quantise_block(&quantiser, at.size, Secondary::None, class, lambda)
    }

    /// Division of the luma of a CU whose transform is split.
    fn transform_split(&self, candidate: &Candidate, log2_size: u32) -> TransformSplit {
        let nonsquare = log2_size > 3;
        let orientation = match candidate.cu_type {
            CuType::Explicit(partition) if nonsquare => partition.orientation(),
            _ => Orientation::Square,
        };
        transform_split(true, orientation)
    }

    /// Bits of what comes before the levels of an inter CU. The cells of the CU are overwritten.
    fn residual_bits(&mut self, node: Node, cu_type: CuType, residual: Residual) -> f64 {
        let tools = &self.picture.slice_tools;
        let orientation = orientation_of(residual.split);
        let mut coded = InterResidual { split: residual.is_split(), ctp: residual.ctp, qp: tools.slice_qp };
        let (costs, row) = (&self.costs, &mut self.row);
        let kind = InterCuKind { cu_type, orientation };
        let bits = costs.of(|c| code_inter_residual(c, tools, row, node, kind, &mut coded));
        self.bits(bits)
    }

    /// Cost of a candidate with the best choice of coded blocks.
    pub(super) fn residual_choice(&mut self, candidate: &Candidate, node: Node, lambda: f64) -> Choice {
        // By component, without and with coefficients.
        let mut costs = [[0.0; 2]; 3];
        for c in [1, 2, 0] {
            let block = BlockAt::of(node, c);
            self.load_source(block);
            self.predict_inter(candidate, block);
            let found = self.inter_block(block, node.log2_size, lambda);
            let factor = if c == 0 { 1.0 } else { self.picture.chroma_weight };
            costs[c] = [factor * found.empty, found.with(|bits| self.bits(bits), factor, lambda)];
        }
        let mut best = Choice { cost: f64::MAX, residual: Residual::NONE };
        for i in 0..8_usize {
            let residual = Residual { ctp: (i & 1 | (i >> 1) << 4) as u8, ..Residual::NONE };
            if residual.ctp == 0 && candidate.cu_type == CuType::Direct {
                continue;
            }
            let cost = costs[0][i & 1] + costs[1][i >> 1 & 1] + costs[2][i >> 2];
            self.keep_better(&mut best, Choice { cost, residual }, candidate, node, lambda);
        }
        let may_split = self.inter.as_ref().is_some_and(|inter| inter.effort.transform_split);
        if !may_split || best.residual.ctp & 1 == 0 {
            return best;
        }
        let split = self.transform_split(candidate, node.log2_size);
        let Some(luma) = self.split_luma(node, split, lambda, best.cost) else { return best };
        for chroma in [0, 1, 2, 3] {
            let residual = Residual { ctp: luma.ctp | chroma << 4, split };
            if residual.ctp == 0 {
                continue;
            }
            let (cb, cr) = (usize::from(chroma & 1), usize::from(chroma >> 1));
            let cost = luma.cost + costs[1][cb] + costs[2][cr];
            self.keep_better(&mut best, Choice { cost, residual }, candidate, node, lambda);
        }
        best
    }

    /// Replaces `best` by `other`, whose cost is yet without the bits of type, motion and coded blocks, if that is
    /// cheaper.
    fn keep_better(
        &mut self,
        best: &mut Choice,
        Choice { cost, residual }: Choice,
        candidate: &Candidate,
        node: Node,
        lambda: f64,
    ) {
        if cost < best.cost {
            let bits = self.residual_bits(node, candidate.cu_type, residual);
            let cost = cost + lambda * (candidate.bits + bits);
            if cost < best.cost {
                *best = Choice { cost, residual };
            }
        }
    }

    /// The luma of a CU whose source and prediction are loaded, with a split transform; `None` if it costs more than
    /// `limit`.
    fn split_luma(
        &mut self,
        node: Node,
        split: TransformSplit,
        lambda: f64,
        limit: f64,
    ) -> Option<SplitLuma> {
        let ((x, y), size) = (node.at, node.size());
        let prediction = self.scratch.prediction.clone();
        let mut luma = SplitLuma { cost: 0.0, ctp: 0 };
        for i in 0..split.block_count() {
            let block = split.block(size, i);
            let part = BlockAt { c: 0, x: x + block.x, y: y + block.y, size: (block.w, block.h) };
            self.load_source(part);
            let rows = prediction[block.y * size + block.x..].chunks(size);
            for (to, from) in self.scratch.prediction.chunks_exact_mut(block.w).zip(rows).take(block.h) {
                to.copy_from_slice(&from[..block.w]);
            }
            let found = self.inter_block(part, node.log2_size, lambda);
            let coded = found.with(|bits| self.bits(bits), 1.0, lambda);
            luma.ctp |= u8::from(coded < found.empty) << i;
            luma.cost += coded.min(found.empty);
            if luma.cost > limit {
                return None;
            }
        }
        Some(luma)
    }

    /// Reconstructs a CU and stores what later ones need.
    pub(super) fn commit(
        &mut self,
        candidate: &Candidate,
        node: Node,
        residual: Residual,
        lambda: f64,
    ) -> (Cu, f64) {
        let flags = self.residual_bits(node, candidate.cu_type, residual);
        let mut cost = lambda * (candidate.bits + flags);
        let (Node { at: (x, y), log2_size }, size) = (node, node.size());
        let luma_offset = self.z_offset(x, y);
        for c in 0..3 {
            let whole = BlockAt::of(node, c);
            self.load_source(whole);
            self.predict_inter(candidate, whole);
            if c == 0
                && let Some(inter) = &mut self.inter
            {
                inter.block[..size * size].copy_from_slice(&self.scratch.prediction[..size * size]);
            }
            let offset = luma_offset >> (2 * usize::from(c > 0));
            if c > 0 || !residual.is_split() {
                let bit = if c == 0 { 0 } else { 3 + c };
                cost += self.commit_block(whole, log2_size, residual.ctp >> bit & 1 == 1, lambda, offset);
                continue;
            }
            for i in 0..residual.split.block_count() {
                let block = residual.split.block(size, i);
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
        let coded = IntraCu { split: residual.split, ctp: residual.ctp, qp, ..IntraCu::default() };
        let cu = Cu { node, coded, inter: Some((candidate.cu_type, candidate.syntax)) };
        self.store_cells(&cu);
        (cu, cost)
    }

    /// Reconstructs a block whose source and prediction are loaded; cost of its error and levels.
    fn commit_block(&mut self, at: BlockAt, log2_size: u32, coded: bool, lambda: f64, offset: usize) -> f64 {
        let mut cost = 0.0;
        if coded {
            let found = self.inter_block(at, log2_size, lambda);
            cost += found.coded.map_or(0.0, |coded| lambda * self.bits(coded.bits));
        }
        self.scratch.keep();
        let quantiser = self.inter_quantiser(at, log2_size);
        let error = self.reconstruct(at, coded.then_some(&quantiser), Secondary::None, offset);
        cost + if at.c == 0 { error } else { error * self.picture.chroma_weight }
    }
}
