//! Luma of intra CUs: partitions and modes.

use super::{BlockAt, Cu, Scratch, Search, Tradeoff, UNTRIED, coded_size};
use crate::aec::ctx;
use crate::encoder::analysis::metric::hadamard;
use crate::encoder::quantisation::quantiser::{Quantised, Quantiser};
use crate::encoder::quantisation::rate::Costs;
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
    /// Squared error of all blocks, each measured on its own.
    pub error: f64,
}

/// What the luma of a CU is searched for.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    /// The modes of the blocks, if they are decided.
    pub modes: Option<[u8; 4]>,
    /// Only what is cheaper is of use.
    pub limit: f64,
    /// How many blocks are coded already, and which of them have coefficients. They have no part in cost and error.
    pub kept: (usize, u8),
}

impl Wanted {
    const ANY: Self = Self::below(f64::INFINITY);

    /// What is cheaper than `limit`.
    const fn below(limit: f64) -> Self {
        Self { modes: None, limit, kept: (0, 0) }
    }

    /// Blocks with these modes.
    pub(super) fn with_modes(modes: [u8; 4]) -> Self {
        Self { modes: Some(modes), ..Self::ANY }
    }
}

/// A block whose source and reference line are loaded, and what its modes cost.
pub(super) struct LumaBlock {
    at: BlockAt,
    /// One of SDIP.
    is_strip: bool,
    available: Availability,
    most_probable: (u8, u8),
    /// Bits by mode, as far as modes are tried.
    mode_bits: [f64; 33],
    lambda: f64,
    /// Cost of a bit in Hadamard distances.
    root: f64,
}

/// What a luma block is coded with.
struct ModeChoice {
    mode: u8,
    /// It has coefficients.
    coded: bool,
    cost: f64,
    error: f64,
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
        let mut best = self.luma(node, TransformSplit::None, tradeoff, Wanted::ANY);
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
                let other = self.luma(node, split, tradeoff, Wanted::below(best.cost));
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

    /// The luma blocks of a CU with the given partition; given up as soon as it is no cheaper than wanted.
    pub(super) fn luma(
        &mut self,
        node: Node,
        split: TransformSplit,
        Tradeoff { qp, lambda }: Tradeoff,
        Wanted { modes, limit, kept: (kept, ctp) }: Wanted,
    ) -> Luma {
        let (Node { at: (x, y), log2_size }, size) = (node, node.size());
        let sdip = self.picture.slice_tools.sdip;
        let partition = self.costs.of(|c| {
            code_partition(c, sdip, log2_size, split);
        });
        let n = if split == TransformSplit::None { log2_size } else { log2_size - 1 };
        let cost = lambda * self.bits(partition);
        let mut luma = Luma { split, modes: modes.unwrap_or_default(), ctp, cost, error: 0.0 };
        for i in 0..split.block_count() {
            let block = split.block(size, i);
            let at = BlockAt { c: 0, x: x + block.x, y: y + block.y, size: (block.w, block.h) };
            if i < kept {
                self.store_luma_cells(at, luma.modes[i], ctp >> i & 1 == 1);
                continue;
            }
            let quantiser = self.luma_quantiser(qp, n, at.size);
            let only = modes.map(|modes| modes[i]);
            let block = self.luma_block(at, split.is_strips(), lambda, only);
            let tried = match only {
                Some(_) => std::array::from_fn(|slot| only.filter(|_| slot == 0)),
                None => self.rough_modes(&block),
            };
            let offset = self.z_offset(x, y) + i * size * size / 4;
            let ModeChoice { mode, coded, cost, error } = self.best_mode(&block, &quantiser, tried, offset);
            luma.modes[i] = mode;
            luma.ctp |= u8::from(coded) << i;
            luma.cost += cost;
            luma.error += error;
            // No block costs less than nothing.
            if luma.cost >= limit {
                return luma;
            }
            self.store_luma_cells(at, mode, coded);
        }
        luma
    }

    /// What later blocks see of a luma block.
    fn store_luma_cells(&mut self, at: BlockAt, mode: u8, coded: bool) {
        self.row.update((at.x, at.y), at.size, |cell| {
            cell.luma_mode = mode;
            cell.coded = coded;
        });
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

    /// Loads a block to compare all modes, or for the only one.
    pub(super) fn luma_block(
        &mut self,
        at: BlockAt,
        is_strip: bool,
        lambda: f64,
        only: Option<u8>,
    ) -> LumaBlock {
        let available = self.row.availability((at.x, at.y), at.size);
        self.load_source(at);
        self.load_line(at, available);
        self.rough.start(at, available, &self.scratch.line);
        let most_probable = most_probable_modes(self.row.luma_modes((at.x, at.y)));
        let mode_bits = match only {
            None => luma_mode_costs(&self.costs, most_probable).map(|cost| self.bits(cost)),
            Some(mode) => {
                let cost = self.costs.of(|c| {
                    code_luma_mode(c, most_probable, mode);
                });
                let mut mode_bits = [0.0; 33];
                mode_bits[usize::from(mode)] = self.bits(cost);
                mode_bits
            }
        };
        LumaBlock { at, is_strip, available, most_probable, mode_bits, lambda, root: lambda.sqrt() }
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
            let class = BlockClass::intra_luma(mode, block.is_strip);
            let empty = self.transform_luma(block, quantiser, mode);
            let coded = self.quantise_coefficients(quantiser, at.size, class, lambda);
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
        let mode_bits = block.mode_bits[usize::from(mode)];
        let (cost, error) = match coded {
            None => (error + lambda * (mode_bits + ctp_bits[0]), error),
            Some(Quantised { bits, .. }) => {
                let cost = error + lambda * self.bits(bits);
                let (cost, error) = self.quantise_as_shown(block, mode, quantiser, offset, (cost, error));
                (cost + lambda * (mode_bits + ctp_bits[1]), error)
            }
        };
        ModeChoice { mode, coded: coded.is_some(), cost, error }
    }

    /// Predicts a block and transforms what is left; returns the weighted error of a block without coefficients.
    fn transform_luma(&mut self, block: &LumaBlock, quantiser: &Quantiser<'_>, mode: u8) -> f64 {
        let size = block.at.size;
        let scratch = &mut self.scratch;
        let known = self.rough.prediction(mode, &mut scratch.prediction[..]);
        if let Some(empty) = self.rough.coefficients(mode, &mut scratch.coefficients[..]) {
            return empty;
        }
        if !known {
            self.predict(mode, size);
        }
        self.load_residual(size, true);
        let empty = self.transform_residual(quantiser, size, block.secondary(mode));
        let Scratch { prediction, coefficients, .. } = &self.scratch;
        self.rough.set_coefficients(mode, &prediction[..], &coefficients[..], empty);
        empty
    }

    /// Quantises a block, which is reconstructed at a cost and with an error, again as long as that lowers the cost: where
    /// its samples are beyond black or white nobody sees it, so they may stay there. Returns the cost, without that of the
    /// mode, and the error.
    fn quantise_as_shown(
        &mut self,
        block: &LumaBlock,
        mode: u8,
        quantiser: &Quantiser<'_>,
        offset: usize,
        (mut cost, mut least): (f64, f64),
    ) -> (f64, f64) {
        const ROUNDS: usize = 3;
        let (at, secondary) = (block.at, block.secondary(mode));
        for _ in 0..ROUNDS {
            if !self.picture.perception[0].is_as_shown() || !self.residual_as_shown(at) {
                break;
            }
            let class = BlockClass::intra_luma(mode, block.is_strip);
            self.transform_residual(quantiser, at.size, secondary);
            let coded = self.quantise_coefficients(quantiser, at.size, class, block.lambda);
            let Some(Quantised { bits, .. }) = coded else { break };
            self.scratch.swap_levels();
            let error = self.reconstruct(at, Some(quantiser), secondary, offset);
            let next = error + block.lambda * self.bits(bits);
            if next >= cost {
                self.scratch.swap_levels();
                self.reconstruct(at, Some(quantiser), secondary, offset);
                break;
            }
            (cost, least) = (next, error);
        }
        (cost, least)
    }

    /// The modes that are worth full costs, by Hadamard distance; the most probable modes are among them.
    pub(super) fn rough_modes(&mut self, block: &LumaBlock) -> Modes {
        let effort = self.picture.effort;
        let wanted = if block.is_strip {
            effort.strip_modes
        } else {
            effort.luma_modes[block.at.size.0.ilog2() as usize - 2]
        };
        let mut modes = [None; 14];
        let best = self.rough_order(block, wanted.min(12)).best;
        for (slot, ranked) in modes.iter_mut().zip(best).take_while(|(_, ranked)| ranked.cost < UNTRIED) {
            *slot = Some(ranked.mode);
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

    /// Tries some modes of all directions, then those around the two best, closer and closer.
    fn rough_order(&mut self, block: &LumaBlock, wanted: usize) -> RoughOrder {
        let effort = self.picture.effort;
        let coarse_step = if block.is_strip { effort.strip_coarse_step } else { effort.coarse_step };
        let mut order = RoughOrder::new(wanted);
        self.load_rounded_source(block.at);
        for mode in [0, 1, 2, block.most_probable.0, block.most_probable.1] {
            self.try_roughly(block, mode, &mut order);
        }
        for mode in (4..=32).step_by(coarse_step.into()) {
            self.try_roughly(block, mode, &mut order);
        }
        let mut step = coarse_step / 2;
        while step > 0 {
            for Ranked { mode, .. } in order.angular {
                for mode in [mode.saturating_sub(step).max(3), (mode + step).min(32)] {
                    self.try_roughly(block, mode, &mut order);
                }
            }
            step /= 2;
        }
        order
    }

    fn try_roughly(&mut self, block: &LumaBlock, mode: u8, order: &mut RoughOrder) {
        if order.tried >> mode & 1 == 1 {
            return;
        }
        let distance = self.rough.distance(mode).unwrap_or_else(|| {
            let size = block.at.size;
            self.predict(mode, size);
            let count = size.0 * size.1;
            let (source, prediction) = (&self.scratch.source[..count], &self.scratch.prediction[..count]);
            let distance = hadamard(self.picture.backend, source, prediction, size);
            self.rough.set(mode, distance, prediction);
            distance
        });
        let cost = f64::from(distance) + block.root * block.mode_bits[usize::from(mode)];
        order.add(Ranked { cost, mode });
    }
}

/// What `code_luma_mode` would cost, by mode: five bits have a context each, so all codes share their beginnings.
fn luma_mode_costs(costs: &Costs, most_probable: (u8, u8)) -> [u32; 33] {
    let mut codes = [0; 32];
    codes[0] = costs.bin(ctx::LUMA_MODE, false);
    for i in 0..5 {
        let [zero, one] = [false, true].map(|bin| costs.bin(ctx::LUMA_MODE + 1 + i, bin));
        for code in (0..1 << i).rev() {
            (codes[2 * code], codes[2 * code + 1]) = (codes[code] + zero, codes[code] + one);
        }
    }
    let first = costs.bin(ctx::LUMA_MODE, true);
    let mut rest = codes.into_iter();
    std::array::from_fn(|mode| match mode as u8 {
        mode if mode == most_probable.0 => first + costs.bin(ctx::LUMA_MODE + 6, false),
        mode if mode == most_probable.1 => first + costs.bin(ctx::LUMA_MODE + 6, true),
        _ => rest.next().unwrap_or_default(),
    })
}

/// A mode and its rough cost.
#[derive(Clone, Copy)]
struct Ranked {
    cost: f64,
    mode: u8,
}

/// The best of the modes that were tried.
struct RoughOrder {
    /// One bit a mode.
    tried: u64,
    /// The cheapest first; of equal ones that with the lower number.
    best: [Ranked; 12],
    /// How many of these are wanted.
    wanted: usize,
    /// The two best directions.
    angular: [Ranked; 2],
}

impl RoughOrder {
    fn new(wanted: usize) -> Self {
        let none = Ranked { cost: UNTRIED, mode: 0 };
        Self { tried: 0, best: [none; 12], wanted, angular: [none; 2] }
    }

    fn add(&mut self, new: Ranked) {
        self.tried |= 1 << new.mode;
        insert(&mut self.best[..self.wanted], new);
        if new.mode >= 3 {
            insert(&mut self.angular, new);
        }
    }
}

/// Puts a mode in its place; the last one drops out.
fn insert(best: &mut [Ranked], new: Ranked) {
    let is_better = |old: &Ranked| new.cost < old.cost || (new.cost == old.cost && new.mode < old.mode);
    let Some(mut place) = best.len().checked_sub(1).filter(|&last| is_better(&best[last])) else { return };
    while place > 0 && is_better(&best[place - 1]) {
        best[place] = best[place - 1];
        place -= 1;
    }
    best[place] = new;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aec::{ContextSet, CostCoder};

    #[test]
    fn costs_of_modes_are_those_of_their_codes() {
        let mut coder = CostCoder::new(ContextSet::default());
        (0..200_u32).for_each(|i| {
            code_luma_mode(&mut coder, (0, 2), (i * i % 33) as u8);
        });
        let costs = Costs::new(&coder.into_contexts());
        for most_probable in [(0, 2), (0, 31), (7, 8), (31, 32)] {
            let expected = std::array::from_fn(|mode| {
                costs.of(|c| {
                    code_luma_mode(c, most_probable, mode as u8);
                })
            });
            assert_eq!(luma_mode_costs(&costs, most_probable), expected, "{most_probable:?}");
        }
    }

    #[test]
    fn the_cheapest_modes_are_kept_in_order() {
        let mut order = RoughOrder::new(3);
        for (mode, cost) in [(0, 5.0), (20, 4.0), (7, 4.0), (1, 9.0), (30, 4.5), (2, 1.0)] {
            order.add(Ranked { cost, mode });
        }
        let modes = |ranked: &[Ranked]| ranked.iter().map(|ranked| ranked.mode).collect::<Vec<_>>();
        assert_eq!(modes(&order.best[..3]), [2, 7, 20]);
        assert_eq!(modes(&order.angular), [7, 20]);
        assert_eq!(order.best[3].cost, UNTRIED, "not wanted");
        assert_eq!(order.tried, 1 | 2 | 4 | 1 << 7 | 1 << 20 | 1 << 30);
    }
}
