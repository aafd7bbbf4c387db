//! Chroma of intra units.

use super::{BlockAt, Search};
use crate::aec::ctx;
use crate::encoder::analysis::metric::{hadamard, source_energy, source_residual};
use crate::encoder::input::FRACTION_BITS;
use crate::encoder::quantisation::quantiser::{Quantised, Quantiser};
use crate::encoder::quantisation::rate::ONE_BIT;
use crate::encoder::quantisation::transform::forward_transform;
use crate::recon::{Availability, Secondary, chroma_qp};
use crate::syntax::coding::{code_chroma_ctp, code_chroma_mode};
use crate::syntax::{BlockClass, NeighbourView, chroma_to_luma_mode};

impl<'a> Search<'a> {
    /// Decides and reconstructs both chroma blocks of a unit, with the mode `only` if there is one: mode, coded blocks
    /// and cost.
    pub(super) fn chroma(
        &mut self,
        (x, y): (usize, usize),
        log2_size: u32,
        luma_mode: u8,
        (qp, lambda): (u8, f64),
        only: Option<u8>,
    ) -> (u8, u8, f64) {
        let picture = self.picture;
        let half = (1_usize << log2_size) / 2;
        let size = (half, half);
        let count = half * half;
        let available = self.row.availability((x, y), (2 * half, 2 * half));
        let left = self.row.left(x, y);
        let lambda = lambda / picture.chroma_weight;
        let mode_bits: [f64; 5] = std::array::from_fn(|mode| {
            self.bits(self.costs.of(|c| {
                code_chroma_mode(c, left.chroma_mode_set, luma_mode, mode as u8);
            }))
        });
        let ctp_bits: [f64; 4] = std::array::from_fn(|ctp| {
            self.bits(self.costs.of(|c| {
                code_chroma_ctp(c, ctx::CTP + 6, ctp as u8);
            }))
        });
        let at = |c: usize| BlockAt { c, x: x / 2, y: y / 2, size };
        // The mode that repeats the derived one has no code.
        let is_redundant = |mode: u8| mode > 0 && chroma_to_luma_mode(mode, luma_mode) == luma_mode;
        let mut order: [(f64, u8); 5] = std::array::from_fn(|mode| {
            (if is_redundant(mode as u8) { f64::MAX } else { mode_bits[mode] * lambda.sqrt() }, mode as u8)
        });
        if picture.effort.chroma_modes < 4 && only.is_none() {
            for c in 1..3 {
                self.load_source(at(c));
                self.load_line(at(c), available);
                for (cost, mode) in order.iter_mut().filter(|(cost, _)| *cost < f64::MAX) {
                    self.predict(chroma_to_luma_mode(*mode, luma_mode), size, available);
                    let scratch = &self.scratch;
                    let (source, prediction) = (&scratch.source[..count], &scratch.prediction[..count]);
                    *cost += f64::from(hadamard(picture.backend, source, prediction, size));
                }
            }
            order.sort_by(|a, b| a.0.total_cmp(&b.0));
        }
        let mut best = (f64::MAX, 0, 0);
        let tried: Vec<u8> = match only {
            Some(mode) if is_redundant(mode) => vec![0],
            Some(mode) => vec![mode],
            None => order
                .iter()
                .filter(|(cost, _)| *cost < f64::MAX)
                .take(picture.effort.chroma_modes)
                .map(|&(_, mode)| mode)
                .collect(),
        };
        for &mode in &tried {
            // Cost without and with coefficients of each component.
            let mut costs = [[0.0; 2]; 2];
            for c in 1..3 {
                self.load_source(at(c));
                self.load_line(at(c), available);
                let result = self.chroma_block(c, mode, luma_mode, qp, log2_size, lambda, available);
                costs[c - 1] = result.0;
            }
            for ctp in 0..4_usize {
                let cost = costs[0][ctp & 1]
                    + costs[1][ctp >> 1]
                    + lambda * (mode_bits[usize::from(mode)] + ctp_bits[ctp]);
                if cost < best.0 {
                    best = (cost, mode, ctp);
                }
            }
        }
        let (_, mode, ctp) = best;
        let offset = self.z_offset(x, y) / 4;
        let mut cost = lambda * (mode_bits[usize::from(mode)] + ctp_bits[ctp]);
        for c in 1..3 {
            self.load_source(at(c));
            self.load_line(at(c), available);
            let (_, bits) = self.chroma_block(c, mode, luma_mode, qp, log2_size, lambda, available);
            let scratch = &mut self.scratch;
            std::mem::swap(&mut scratch.levels, &mut scratch.best_levels);
            std::mem::swap(&mut scratch.prediction, &mut scratch.best_prediction);
            let coded = ctp >> (c - 1) & 1 == 1;
            let quantiser = self.chroma_quantiser(c, qp, log2_size);
            cost += self.reconstruct(at(c), coded.then_some(&quantiser), Secondary::None, offset);
            if coded {
                cost += lambda * bits;
            }
        }
        (mode, ctp as u8, cost * picture.chroma_weight)
    }

    pub(super) fn chroma_quantiser(&self, c: usize, qp: u8, log2_size: u32) -> Quantiser<'a> {
        let picture = self.picture;
        let qp = chroma_qp(qp, picture.chroma_qp_delta[c - 1]);
        let half = (1 << log2_size) / 2;
        let mut quantiser = Quantiser::new(qp, log2_size - 1, picture.effort.dead_zone);
        quantiser.seen = picture.perception[1].weights((half, half));
        match picture.weights {
            None => quantiser,
            Some(weights) => quantiser.with_weights(weights, (half, half)),
        }
    }

    /// Predicts and quantises a chroma block whose source and reference line are loaded: cost without and with
    /// coefficients, and bits of the coefficients.
    #[allow(clippy::too_many_arguments)]
    fn chroma_block(
        &mut self,
        c: usize,
        mode: u8,
        luma_mode: u8,
        qp: u8,
        log2_size: u32,
        lambda: f64,
        available: Availability,
    ) -> ([f64; 2], f64) {
        let half = (1_usize << log2_size) / 2;
        let (size, count) = ((half, half), half * half);
        self.predict(chroma_to_luma_mode(mode, luma_mode), size, available);
        let quantiser = self.chroma_quantiser(c, qp, log2_size);
        let scratch = &mut self.scratch;
        source_residual(&scratch.fine[..count], &scratch.prediction[..count], &mut scratch.residual[..]);
        let empty = source_energy(&scratch.residual[..count]);
        forward_transform(
            self.picture.backend,
            (&scratch.residual[..count], FRACTION_BITS),
            size,
            Secondary::None,
            &mut scratch.coefficients,
        );
        let empty = quantiser.empty(empty, &scratch.coefficients[..], size);
        let class = BlockClass::CHROMA;
        let lambda_f = lambda as f32;
        let levels = &mut scratch.levels[..];
        let backend = self.picture.backend;
        let result =
            quantiser.quantise(backend, &self.costs, lambda_f, &scratch.coefficients, size, class, levels);
        match result {
            None => ([empty, f64::MAX], 0.0),
            Some(Quantised { distortion, bits }) => {
                let bits = f64::from(bits) / f64::from(ONE_BIT);
                ([empty, empty + f64::from(distortion) + lambda * bits], bits)
            }
        }
    }
}
