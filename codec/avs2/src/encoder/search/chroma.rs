//! Chroma of intra CUs.

use super::reconstruction::BlockCosts;
use super::{BlockAt, Search, Tradeoff};
use crate::aec::ctx;
use crate::encoder::analysis::metric::hadamard;
use crate::encoder::quantisation::quantiser::Quantiser;
use crate::recon::{Availability, Secondary, chroma_qp};
use crate::syntax::coding::{code_chroma_ctp, code_chroma_mode};
use crate::syntax::{BlockClass, NeighbourView, Node, chroma_to_luma_mode};

/// The chroma of a CU.
#[derive(Clone, Copy)]
pub(super) struct Chroma {
    pub mode: u8,
    /// Coded blocks: bit 0 Cb, bit 1 Cr.
    pub ctp: u8,
    pub cost: f64,
    /// Squared errors of Cb and Cr.
    pub errors: [f64; 2],
}

/// Both chroma blocks of a CU, and what their choices cost.
struct ChromaBlocks {
    node: Node,
    /// Of the first luma block.
    luma_mode: u8,
    /// Lambda is that of errors in chroma.
    tradeoff: Tradeoff,
    available: Availability,
    /// Bits by mode.
    mode_bits: [f64; 5],
    /// Bits by coded blocks.
    ctp_bits: [f64; 4],
}

impl ChromaBlocks {
    fn at(&self, c: usize) -> BlockAt {
        BlockAt::of(self.node, c)
    }

    /// Whether the mode repeats the derived one, and so has no code.
    fn is_redundant(&self, mode: u8) -> bool {
        mode > 0 && chroma_to_luma_mode(mode, self.luma_mode) == self.luma_mode
    }
}

impl<'a> Search<'a> {
    /// Decides and reconstructs both chroma blocks of a CU, with the mode `only` if there is one.
    pub(super) fn chroma(
        &mut self,
        node: Node,
        luma_mode: u8,
        tradeoff: Tradeoff,
        only: Option<u8>,
    ) -> Chroma {
        let blocks = self.chroma_blocks(node, luma_mode, tradeoff);
        let modes = match only {
            Some(mode) if blocks.is_redundant(mode) => vec![0],
            Some(mode) => vec![mode],
            None => self.rough_chroma_modes(&blocks),
        };
        let (mode, ctp, bits) = self.best_chroma(&blocks, &modes);
        let (cost, errors) = self.commit_chroma(&blocks, mode, ctp, bits);
        Chroma { mode, ctp, cost: cost * self.picture.chroma_weight, errors }
    }

    fn chroma_blocks(&self, node: Node, luma_mode: u8, tradeoff: Tradeoff) -> ChromaBlocks {
        let (x, y) = node.at;
        let left = self.row.left(x, y);
        let mode_bits = std::array::from_fn(|mode| {
            self.bits(self.costs.of(|c| {
                code_chroma_mode(c, left.chroma_mode_set, luma_mode, mode as u8);
            }))
        });
        let ctp_bits = std::array::from_fn(|ctp| {
            self.bits(self.costs.of(|c| {
                code_chroma_ctp(c, ctx::CTP + 6, ctp as u8);
            }))
        });
        let tradeoff = Tradeoff { lambda: tradeoff.lambda / self.picture.chroma_weight, ..tradeoff };
        let available = self.row.availability((x, y), (node.size(), node.size()));
        ChromaBlocks { node, luma_mode, tradeoff, available, mode_bits, ctp_bits }
    }

    /// The modes that are worth full costs: all of them, or the best by Hadamard distance.
    fn rough_chroma_modes(&mut self, blocks: &ChromaBlocks) -> Vec<u8> {
        let picture = self.picture;
        let root = blocks.tradeoff.lambda.sqrt();
        let mut order: [(f64, u8); 5] = std::array::from_fn(|mode| {
            let redundant = blocks.is_redundant(mode as u8);
            (if redundant { f64::MAX } else { blocks.mode_bits[mode] * root }, mode as u8)
        });
        if picture.effort.chroma_modes < 4 {
            for c in 1..3 {
                let at = blocks.at(c);
                let count = at.size.0 * at.size.1;
                self.load_rounded_source(at);
                self.load_line(at, blocks.available);
                for (cost, mode) in order.iter_mut().filter(|(cost, _)| *cost < f64::MAX) {
                    self.predict(chroma_to_luma_mode(*mode, blocks.luma_mode), at.size);
                    let scratch = &self.scratch;
                    let (source, prediction) = (&scratch.source[..count], &scratch.prediction[..count]);
                    *cost += f64::from(hadamard(picture.backend, source, prediction, at.size));
                }
            }
            order.sort_by(|a, b| a.0.total_cmp(&b.0));
        }
        order
            .iter()
            .filter(|(cost, _)| *cost < f64::MAX)
            .take(picture.effort.chroma_modes)
            .map(|&(_, mode)| mode)
            .collect()
    }

    /// The cheapest of some modes, the blocks that are coded with it, and the bits of both blocks' coefficients. Their
    /// predictions and levels are kept.
    fn best_chroma(&mut self, blocks: &ChromaBlocks, modes: &[u8]) -> (u8, u8, [f64; 2]) {
        let lambda = blocks.tradeoff.lambda;
        let mut best = (f64::MAX, 0, 0, [0.0; 2]);
        for &mode in modes {
            let mut bits = [0.0; 2];
            // Cost without and with coefficients of each component.
            let costs = [1, 2].map(|c| {
                let BlockCosts { empty, coded } = self.chroma_block(blocks, c, mode);
                self.scratch.chroma[c - 1].swap(&mut self.scratch.prediction, &mut self.scratch.levels);
                bits[c - 1] = coded.map_or(0.0, |coded| self.bits(coded.bits));
                let with = coded
                    .map_or(f64::MAX, |coded| empty + f64::from(coded.distortion) + lambda * bits[c - 1]);
                [empty, with]
            });
            let before = best.0;
            for ctp in 0..4_usize {
                let cost = costs[0][ctp & 1]
                    + costs[1][ctp >> 1]
                    + lambda * (blocks.mode_bits[usize::from(mode)] + blocks.ctp_bits[ctp]);
                if cost < best.0 {
                    best = (cost, mode, ctp as u8, bits);
                }
            }
            if best.0 < before {
                std::mem::swap(&mut self.scratch.chroma, &mut self.scratch.best_chroma);
            }
        }
        (best.1, best.2, best.3)
    }

    /// Reconstructs both blocks from what is kept, whose coefficients have `coefficient_bits`; their cost and errors.
    fn commit_chroma(
        &mut self,
        blocks: &ChromaBlocks,
        mode: u8,
        ctp: u8,
        coefficient_bits: [f64; 2],
    ) -> (f64, [f64; 2]) {
        let Tradeoff { qp, lambda } = blocks.tradeoff;
        let Node { at: (x, y), log2_size } = blocks.node;
        let offset = self.z_offset(x, y) / 4;
        let bits = blocks.mode_bits[usize::from(mode)] + blocks.ctp_bits[usize::from(ctp)];
        let (mut cost, mut errors) = (lambda * bits, [0.0; 2]);
        for c in 1..3 {
            let scratch = &mut self.scratch;
            scratch.best_chroma[c - 1].swap(&mut scratch.best_prediction, &mut scratch.best_levels);
            let coded = ctp >> (c - 1) & 1 == 1;
            let quantiser = self.chroma_quantiser(c, qp, log2_size);
            let error = self.reconstruct(blocks.at(c), coded.then_some(&quantiser), Secondary::None, offset);
            errors[c - 1] = error;
            cost += error;
            if coded {
                cost += lambda * coefficient_bits[c - 1];
            }
        }
        (cost, errors)
    }

    pub(super) fn chroma_quantiser(&self, c: usize, qp: u8, log2_size: u32) -> Quantiser<'a> {
        let picture = self.picture;
        let qp = chroma_qp(qp, picture.chroma_qp_delta[c - 1]);
        let half = (1 << log2_size) / 2;
        let mut quantiser = Quantiser::new(picture.backend, qp, log2_size - 1, picture.effort.dead_zone);
        quantiser.seen = picture.perception[1].weights((half, half));
        match picture.weights {
            None => quantiser,
            Some(weights) => quantiser.with_weights(weights, (half, half)),
        }
    }

    /// Predicts and quantises a chroma block.
    fn chroma_block(&mut self, blocks: &ChromaBlocks, c: usize, mode: u8) -> BlockCosts {
        let at = blocks.at(c);
        self.load_source(at);
        self.load_line(at, blocks.available);
        self.predict(chroma_to_luma_mode(mode, blocks.luma_mode), at.size);
        let Tradeoff { qp, lambda } = blocks.tradeoff;
        let quantiser = self.chroma_quantiser(c, qp, blocks.node.log2_size);
        self.quantise_block(&quantiser, at.size, Secondary::None, BlockClass::CHROMA, lambda)
    }
}
