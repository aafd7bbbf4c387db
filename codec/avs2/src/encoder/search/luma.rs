//! Luma of intra CUs: partitions and modes.

use super::reconstruction::BlockCosts;
use super::{BlockAt, Cu, Search, Tradeoff, UNTRIED, coded_size};
use crate::encoder::analysis::metric::hadamard;
use crate::encoder::quantisation::quantiser::{Quantised, Quantiser};
use crate::encoder::quantisation::transform::halved_norms;
use crate::recon::{Availability, Secondary};
use crate::syntax::coding::{code_luma_mode, code_partition};
use crate::syntax::{
    BlockClass, IntraCu, NeighbourView, Node, TransformSplit, code_luma_ctp, most_probable_modes,
};

/// Modes that are worth full costs, one after the other.
pub(super) type Modes = [Option<u8>; 14];

/// The luma of a CU.
#[derive(Clone, Copy)]
pub(super) struct Luma {
    split: TransformSplit,
    modes: [u8; 4],
    pub ctp: u8,
    cost: f64,
}

/// A block whose source and reference line are loaded, and what its modes cost.
pub(super) struct LumaBlock {
    at: BlockAt,
    /// One of SDIP.
    is_strip: bool,
    available: Availability,
    most_probable: (u8, u8),
    /// Bits by mode.
    mode_bits: [f64; 33],
    lambda: f64,
}

/// What a luma block is coded with.
struct ModeChoice {
    mode: u8,
    /// It has coefficients.
    coded: bool,
    cost: f64,
}

impl LumaBlock {
    fn secondary(&self, mode: u8) -> Secondary {
        Secondary::of_intra_luma(self.at.size, mode, self.available.left, self.available.top)
    }
}

impl<'a> Search<'a> {
    /// The cheapest undivided intra CU.
    pub(super) fn intra_cu(&mut self, node: Node) -> (Cu, f64) {
        const PARTITIONS: usize = 4;
        let picture = self.picture;
        let weight = picture.activity.of(node.at, node.size());
        let qp = picture.slice_tools.slice_qp;
        // Distortions are weighted by dividing lambda.
        let tradeoff = Tradeoff { qp, lambda: picture.lambda * self.lambda_factor / weight };
        let mut best = self.luma(node, TransformSplit::None, tradeoff, None);
        let quarters = node.log2_size == 3 && picture.effort.quarters;
        let strips = picture.slice_tools.sdip && matches!(node.log2_size, 4 | 5);
        if best.ctp != 0 && (quarters || strips) {
            let splits: &[TransformSplit] = if quarters {
                &[TransformSplit::Quarters]
            } else {
                &[TransformSplit::Horizontal, TransformSplit::Vertical]
            };
            for &split in splits {
                self.save(node, PARTITIONS);
                let other = self.luma(node, split, tradeoff, None);
                if other.cost < best.cost {
                    best = other;
                } else {
                    self.restore(node, PARTITIONS);
                }
            }
        }
        let chroma = self.chroma(node, best.modes[0], tradeoff, None);
        let ctp = best.ctp | chroma.ctp << 4;
        let cost = best.cost + chroma.cost;
        let (split, luma_modes, chroma_mode) = (best.split, best.modes, chroma.mode);
        let coded = IntraCu { split, luma_modes, chroma_mode, ctp, qp };
        let cu = Cu { node, coded, inter: None };
        self.store_cells(&cu);
        (cu, cost * weight)
    }

    /// The luma blocks of a CU with the given partition, with `modes` if they are decided.
    pub(super) fn luma(
        &mut self,
        node: Node,
        split: TransformSplit,
        Tradeoff { qp, lambda }: Tradeoff,
        modes: Option<[u8; 4]>,
    ) -> Luma {
        let (Node { at: (x, y), log2_size }, size) = (node, node.size());
        let sdip = self.picture.slice_tools.sdip;
        let partition = self.costs.of(|c| {
            code_partition(c, sdip, log2_size, split);
        });
        let n = if split == TransformSplit::None { log2_size } else { log2_size - 1 };
        let mut luma = Luma { split, modes: [0; 4], ctp: 0, cost: lambda * self.bits(partition) };
        for i in 0..split.block_count() {
            let block = split.block(size, i);
            let at = BlockAt { c: 0, x: x + block.x, y: y + block.y, size: (block.w, block.h) };
            let quantiser = self.luma_quantiser(qp, n, at.size);
            let block = self.luma_block(at, split.is_strips(), lambda);
            let tried = match modes {
                Some(modes) => std::array::from_fn(|slot| (slot == 0).then_some(modes[i])),
                None => self.rough_modes(&block),
            };
            let offset = self.z_offset(x, y) + i * size * size / 4;
            let ModeChoice { mode, coded, cost } = self.best_mode(&block, &quantiser, tried, offset);
            luma.modes[i] = mode;
            luma.ctp |= u8::from(coded) << i;
            luma.cost += cost;
            self.row.update((at.x, at.y), at.size, |cell| {
                cell.luma_mode = mode;
                cell.coded = coded;
            });
        }
        luma
    }

    /// For luma blocks of `size` samples; `n` is the rounding parameter.
    pub(super) fn luma_quantiser(&self, qp: u8, n: u32, size: (usize, usize)) -> Quantiser<'a> {
        let picture = self.picture;
        let mut quantiser = Quantiser::new(picture.backend, qp, n, picture.effort.dead_zone);
        if let Some(weights) = picture.weights {
            quantiser = quantiser.with_weights(weights, coded_size(size));
        }
        quantiser.seen = picture.perception[0].weights(size);
        quantiser.norms = halved_norms(size);
        quantiser
    }

    /// Loads a block to compare modes.
    pub(super) fn luma_block(&mut self, at: BlockAt, is_strip: bool, lambda: f64) -> LumaBlock {
        let available = self.row.availability((at.x, at.y), at.size);
        self.load_source(at);
        self.load_line(at, available);
        let most_probable = most_probable_modes(self.row.luma_modes((at.x, at.y)));
        let mode_bits = std::array::from_fn(|mode| {
            self.bits(self.costs.of(|c| {
                code_luma_mode(c, most_probable, mode as u8);
            }))
        });
        LumaBlock { at, is_strip, available, most_probable, mode_bits, lambda }
    }

    /// Decides between modes by their full costs and reconstructs the block; its levels are kept at `offset`.
    fn best_mode(
        &mut self,
        block: &LumaBlock,
        quantiser: &Quantiser<'_>,
        modes: Modes,
        offset: usize,
    ) -> ModeChoice {
        let (at, lambda) = (block.at, block.lambda);
        let ctp_bits = [false, true].map(|coded| {
            self.bits(self.costs.of(|c| {
                code_luma_ctp(c, &self.row, (at.x, at.y), coded);
            }))
        });
        let mut best = (f64::MAX, 0, None);
        for mode in modes.into_iter().flatten() {
            self.predict(mode, at.size);
            let class = BlockClass::intra_luma(mode, block.is_strip);
            let BlockCosts { empty, coded } =
                self.quantise_block(quantiser, at.size, block.secondary(mode), class, lambda);
            let mode_bits = block.mode_bits[usize::from(mode)];
            let without = empty + lambda * (mode_bits + ctp_bits[0]);
            let with = coded.map_or(f64::MAX, |Quantised { distortion, bits }| {
                let bits = self.bits(bits) + ctp_bits[1] + mode_bits;
                empty + f64::from(distortion) + lambda * bits
            });
            let cost = with.min(without);
            if cost < best.0 {
                best = (cost, mode, coded.filter(|_| with < without));
                self.scratch.keep();
            }
        }
        let (_, mode, coded) = best;
        let error = self.reconstruct(at, coded.is_some().then_some(quantiser), block.secondary(mode), offset);
        let bits = block.mode_bits[usize::from(mode)]
            + match coded {
                None => ctp_bits[0],
                Some(Quantised { bits, .. }) => ctp_bits[1] + self.bits(bits),
            };
        ModeChoice { mode, coded: coded.is_some(), cost: error + lambda * bits }
    }

    /// The modes that are worth full costs, by Hadamard distance; the most probable modes are among them.
    pub(super) fn rough_modes(&mut self, block: &LumaBlock) -> Modes {
        let effort = self.picture.effort;
        let mut costs = self.rough_costs(block);
        let wanted = if block.is_strip {
            effort.strip_modes
        } else {
            effort.luma_modes[block.at.size.0.ilog2() as usize - 2]
        };
        let mut modes = [None; 14];
        for slot in modes.iter_mut().take(wanted.min(12)) {
            let cheapest =
                (0..33_u8).min_by(|&a, &b| costs[usize::from(a)].total_cmp(&costs[usize::from(b)]));
            let Some(mode) = cheapest.filter(|&mode| costs[usize::from(mode)] < UNTRIED) else { break };
            costs[usize::from(mode)] = UNTRIED;
            *slot = Some(mode);
        }
        if wanted > 2 {
            for mode in [block.most_probable.0, block.most_probable.1] {
                if !modes.contains(&Some(mode))
                    && let Some(slot) = modes.iter_mut().find(|slot| slot.is_none())
                {
                    *slot = Some(mode);
                }
            }
        }
        modes
    }

    /// Hadamard distances and bits of modes: some of all directions, then those around the two best, closer and closer.
    fn rough_costs(&mut self, block: &LumaBlock) -> [f64; 33] {
        let effort = self.picture.effort;
        let coarse_step = if block.is_strip { effort.strip_coarse_step } else { effort.coarse_step };
        let mut costs = [UNTRIED; 33];
        for mode in [0, 1, 2, block.most_probable.0, block.most_probable.1] {
            self.add_rough_cost(block, mode, &mut costs);
        }
        for mode in (4..=32).step_by(coarse_step.into()) {
            self.add_rough_cost(block, mode, &mut costs);
        }
        let mut step = coarse_step / 2;
        while step > 0 {
            let mut best = [(f64::MAX, 0_u8); 2];
            for mode in 3..=32 {
                let cost = costs[usize::from(mode)];
                if cost < best[0].0 {
                    best = [(cost, mode), best[0]];
                } else if cost < best[1].0 {
                    best[1] = (cost, mode);
                }
            }
            for (_, mode) in best {
                for mode in [mode.saturating_sub(step).max(3), (mode + step).min(32)] {
                    self.add_rough_cost(block, mode, &mut costs);
                }
            }
            step /= 2;
        }
        costs
    }

    fn add_rough_cost(&mut self, block: &LumaBlock, mode: u8, costs: &mut [f64; 33]) {
        let cost = &mut costs[usize::from(mode)];
        if *cost == UNTRIED {
            let size = block.at.size;
            self.predict(mode, size);
            let count = size.0 * size.1;
            let (source, prediction) = (&self.scratch.source[..count], &self.scratch.prediction[..count]);
            let distance = hadamard(self.picture.backend, source, prediction, size);
            *cost = f64::from(distance) + block.lambda.sqrt() * block.mode_bits[usize::from(mode)];
        }
    }
}
