//! Luma of intra units: partitions and modes.

use super::{BlockAt, Node, Search, UNTRIED, Unit, coded_size};
use crate::encoder::analysis::metric::{hadamard, source_energy};
use crate::encoder::input::FRACTION_BITS;
use crate::encoder::quantisation::quantiser::{Quantised, Quantiser};
use crate::encoder::quantisation::rate::ONE_BIT;
use crate::encoder::quantisation::transform::{forward_transform, halved_norms};
use crate::recon::{Availability, Secondary};
use crate::syntax::coding::{code_luma_mode, code_partition};
use crate::syntax::{
    BlockClass, IntraUnit, NeighbourView, TransformSplit, code_luma_ctp, most_probable_modes,
};

/// The luma of a unit.
#[derive(Clone, Copy)]
pub(super) struct Luma {
    split: TransformSplit,
    modes: [u8; 4],
    pub ctp: u8,
    cost: f64,
}

/// A luma block with levels.
struct CodedLuma<'a> {
    at: BlockAt,
    quantiser: &'a Quantiser<'a>,
    secondary: Secondary,
    class: BlockClass,
    lambda: f64,
    /// Of its levels.
    offset: usize,
}

impl Search<'_> {
    /// The cheapest undivided unit.
    pub(super) fn unit(&mut self, node: Node) -> (Unit, f64) {
        let Node { at: (x, y), log2_size } = node;
        const PARTITIONS: usize = 4;
        let size = 1_usize << log2_size;
        let picture = self.picture;
        let weight = picture.activity.of((x, y), size);
        let qp = picture.slice_tools.slice_qp;
        // Distortions are weighted by dividing lambda.
        let lambda = picture.lambda * self.lambda_factor / weight;
        let mut best = self.luma((x, y), log2_size, TransformSplit::None, (qp, lambda), None);
        let quarters = log2_size == 3 && picture.effort.quarters;
        let strips = picture.slice_tools.sdip && matches!(log2_size, 4 | 5);
        if best.ctp != 0 && (quarters || strips) {
            let splits: &[TransformSplit] = if quarters {
                &[TransformSplit::Quarters]
            } else {
                &[TransformSplit::Horizontal, TransformSplit::Vertical]
            };
            for &split in splits {
                self.save(node, PARTITIONS);
                let other = self.luma((x, y), log2_size, split, (qp, lambda), None);
                if other.cost < best.cost {
                    best = other;
                } else {
                    self.restore(node, PARTITIONS);
                }
            }
        }
        let (chroma_mode, chroma_ctp, chroma_cost) =
            self.chroma((x, y), log2_size, best.modes[0], (qp, lambda), None);
        let ctp = best.ctp | chroma_ctp << 4;
        let cost = best.cost + chroma_cost;
        let unit = IntraUnit { split: best.split, luma_modes: best.modes, chroma_mode, ctp, qp };
        let unit = Unit { x, y, log2_size, unit, inter: None };
        self.store_cells(&unit);
        (unit, cost * weight)
    }

    /// The luma blocks of a unit with the given partition, with `modes` if they are decided.
    pub(super) fn luma(
        &mut self,
        (x, y): (usize, usize),
        log2_size: u32,
        split: TransformSplit,
        (qp, lambda): (u8, f64),
        modes: Option<[u8; 4]>,
    ) -> Luma {
        let size = 1 << log2_size;
        let sdip = self.picture.slice_tools.sdip;
        let partition = self.costs.of(|c| {
            code_partition(c, sdip, log2_size, split);
        });
        let n = if split == TransformSplit::None { log2_size } else { log2_size - 1 };
        let mut luma = Luma { split, modes: [0; 4], ctp: 0, cost: lambda * self.bits(partition) };
        for i in 0..split.block_count() {
            let block = split.block(size, i);
            let at = BlockAt { c: 0, x: x + block.x, y: y + block.y, size: (block.w, block.h) };
            let strip = matches!(split, TransformSplit::Horizontal | TransformSplit::Vertical);
            let offset = self.z_offset(x, y) + i * size * size / 4;
            let (mode, coded, cost) =
                self.luma_block(at, (qp, n, lambda), strip, offset, modes.map(|modes| modes[i]));
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

    /// Bits of each luma mode.
    pub(super) fn mode_bits(&self, mpm: (u8, u8)) -> [f64; 33] {
        std::array::from_fn(|mode| {
            self.bits(self.costs.of(|c| {
                code_luma_mode(c, mpm, mode as u8);
            }))
        })
    }

    /// Decides a luma block, unless `only` does, and reconstructs it: mode, whether it has coefficients, and cost.
    fn luma_block(
        &mut self,
        at: BlockAt,
        (qp, n, lambda): (u8, u32, f64),
        strip: bool,
        offset: usize,
        only: Option<u8>,
    ) -> (u8, bool, f64) {
        let picture = self.picture;
        let size = at.size;
        let count = size.0 * size.1;
        let available = self.row.availability((at.x, at.y), size);
        self.load_source(at);
        self.load_line(at, available);
        let mpm = most_probable_modes(self.row.luma_modes((at.x, at.y)));
        let mode_bits = self.mode_bits(mpm);
        let ctp_bits = [false, true].map(|coded| {
            self.bits(self.costs.of(|c| {
                code_luma_ctp(c, &self.row, (at.x, at.y), coded);
            }))
        });

        let modes = match only {
            Some(_) => std::array::from_fn(|i| only.filter(|_| i == 0)),
            None => self.rough_modes(size, available, lambda, &mode_bits, mpm, strip),
        };
        let mut quantiser = Quantiser::new(qp, n, picture.effort.dead_zone);
        let coded = coded_size(size);
        if let Some(weights) = picture.weights {
            quantiser = quantiser.with_weights(weights, coded);
        }
        quantiser.seen = picture.perception[0].weights(size);
        quantiser.norms = halved_norms(size);
        let mut best = (f64::MAX, 0, None);
        for mode in modes.into_iter().flatten() {
            self.predict(mode, size, available);
            let scratch = &mut self.scratch;
            let (source, prediction) = (&scratch.fine[..count], &scratch.prediction[..count]);
            picture.perception[0].residual(source, prediction, &mut scratch.residual[..]);
            let empty = source_energy(&scratch.residual[..count]);
            let secondary = Secondary::of_intra_luma(size, mode, available.left, available.top);
            forward_transform(
                picture.backend,
                (&scratch.residual[..count], FRACTION_BITS),
                size,
                secondary,
                &mut scratch.coefficients,
            );
            let empty = quantiser.empty(empty, &scratch.coefficients[..], coded);
            let class = BlockClass::intra_luma(mode, strip);
            let result = quantiser.quantise(
                picture.backend,
                &self.costs,
                lambda as f32,
                &scratch.coefficients,
                coded,
                class,
                &mut scratch.levels[..],
            );
            let without = empty + lambda * (mode_bits[usize::from(mode)] + ctp_bits[0]);
            let with = result.map_or(f64::MAX, |Quantised { distortion, bits }| {
                let bits = f64::from(bits) / f64::from(ONE_BIT) + ctp_bits[1] + mode_bits[usize::from(mode)];
                empty + f64::from(distortion) + lambda * bits
            });
            let cost = with.min(without);
            if cost < best.0 {
                let result = if with < without { result } else { None };
                best = (cost, mode, result);
                std::mem::swap(&mut scratch.levels, &mut scratch.best_levels);
                std::mem::swap(&mut scratch.prediction, &mut scratch.best_prediction);
            }
        }
        let (_, mode, result) = best;
        let secondary = Secondary::of_intra_luma(size, mode, available.left, available.top);
        let error = self.reconstruct(at, result.is_some().then_some(&quantiser), secondary, offset);
        let Some(Quantised { bits, .. }) = result else {
            return (mode, false, error + lambda * (mode_bits[usize::from(mode)] + ctp_bits[0]));
        };
        let class = BlockClass::intra_luma(mode, strip);
        let block = CodedLuma { at, quantiser: &quantiser, secondary, class, lambda, offset };
        let cost = self.quantised_as_shown(&block, error + lambda * self.bits(bits));
        (mode, true, cost + lambda * (mode_bits[usize::from(mode)] + ctp_bits[1]))
    }

    /// Quantises a block again, which is reconstructed at `cost`, as long as that lowers it: what the decoded samples are
    /// beyond black and white, nobody sees, so they may stay there. Returns the cost, without that of the mode.
    fn quantised_as_shown(&mut self, block: &CodedLuma<'_>, mut cost: f64) -> f64 {
        const ROUNDS: usize = 3;
        let at = block.at;
        for _ in 0..ROUNDS {
            if !self.picture.perception[0].is_as_shown() || !self.residual_as_shown(at) {
                break;
            }
            let count = at.size.0 * at.size.1;
            let scratch = &mut self.scratch;
            let residual = (&scratch.residual[..count], FRACTION_BITS);
            let backend = self.picture.backend;
            forward_transform(backend, residual, at.size, block.secondary, &mut scratch.coefficients);
            let result = block.quantiser.quantise(
                backend,
                &self.costs,
                block.lambda as f32,
                &scratch.coefficients,
                coded_size(at.size),
                block.class,
                &mut scratch.levels[..],
            );
            let Some(Quantised { bits, .. }) = result else { break };
            std::mem::swap(&mut scratch.levels, &mut scratch.best_levels);
            let error = self.reconstruct(at, Some(block.quantiser), block.secondary, block.offset);
            let next = error + block.lambda * self.bits(bits);
            if next >= cost {
                let scratch = &mut self.scratch;
                std::mem::swap(&mut scratch.levels, &mut scratch.best_levels);
                self.reconstruct(at, Some(block.quantiser), block.secondary, block.offset);
                break;
            }
            cost = next;
        }
        cost
    }

    /// The modes that are worth full costs, by Hadamard distance; the most probable modes are among them.
    pub(super) fn rough_modes(
        &mut self,
        size: (usize, usize),
        available: Availability,
        lambda: f64,
        mode_bits: &[f64; 33],
        mpm: (u8, u8),
        strip: bool,
    ) -> [Option<u8>; 14] {
        let effort = self.picture.effort;
        let coarse_step = if strip { effort.strip_coarse_step } else { effort.coarse_step };
        let count = size.0 * size.1;
        let root = lambda.sqrt();
        let mut costs = [UNTRIED; 33];
        let evaluate = |search: &mut Self, costs: &mut [f64; 33], mode: u8| {
            let cost = &mut costs[usize::from(mode)];
            if *cost == UNTRIED {
                search.predict(mode, size, available);
                let scratch = &search.scratch;
                let (source, prediction) = (&scratch.source[..count], &scratch.prediction[..count]);
                let distance = hadamard(search.picture.backend, source, prediction, size);
                *cost = f64::from(distance) + root * mode_bits[usize::from(mode)];
            }
        };
        for mode in [0, 1, 2, mpm.0, mpm.1] {
            evaluate(self, &mut costs, mode);
        }
        for mode in (4..=32).step_by(coarse_step.into()) {
            evaluate(self, &mut costs, mode);
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
                    evaluate(self, &mut costs, mode);
                }
            }
            step /= 2;
        }
        let wanted = if strip { effort.strip_modes } else { effort.luma_modes[size.0.ilog2() as usize - 2] };
        let mut modes = [None; 14];
        for slot in modes.iter_mut().take(wanted.min(12)) {
            let cheapest =
                (0..33_u8).min_by(|&a, &b| costs[usize::from(a)].total_cmp(&costs[usize::from(b)]));
            let Some(mode) = cheapest.filter(|&mode| costs[usize::from(mode)] < UNTRIED) else { break };
            costs[usize::from(mode)] = UNTRIED;
            *slot = Some(mode);
        }
        if wanted > 2 {
            for mode in [mpm.0, mpm.1] {
                if !modes.contains(&Some(mode))
                    && let Some(slot) = modes.iter_mut().find(|slot| slot.is_none())
                {
                    *slot = Some(mode);
                }
            }
        }
        modes
    }
}
