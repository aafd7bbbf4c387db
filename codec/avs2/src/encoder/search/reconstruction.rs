//! Prediction and reconstruction of blocks, and their errors.

use super::{BlockAt, Scratch, Search, coded_size};
use crate::encoder::analysis::drawn;
use crate::encoder::analysis::metric::source_energy;
use crate::encoder::input::FRACTION_BITS;
use crate::encoder::quantisation::quantiser::{Quantised, Quantiser};
use crate::encoder::quantisation::transform::forward_transform;
use crate::encoder::rows::copy_row;
use crate::recon::{Availability, Secondary, add_residual, inverse_transform, predict_intra};
use crate::syntax::BlockClass;

/// What a block costs with its prediction.
#[derive(Clone, Copy)]
pub(super) struct BlockCosts {
    /// Weighted error without coefficients.
    pub empty: f64,
    /// What coefficients change, if any are worth their bits.
    pub coded: Option<Quantised>,
}

impl Search<'_> {
    /// Loads the source of a block without gaps.
    pub(super) fn load_source(&mut self, at: BlockAt) {
        if self.scratch.loaded.replace(at) == Some(at) {
            return;
        }
        let (w, h) = at.size;
        for (i, fine) in self.scratch.fine.chunks_exact_mut(w).take(h).enumerate() {
            copy_row(fine, &self.picture.source[at.c].row(at.y + i)[at.x..at.x + w]);
        }
    }

    /// The same, and rounded to 8 bits.
    pub(super) fn load_rounded_source(&mut self, at: BlockAt) {
        self.load_source(at);
        let Scratch { source, fine, rounded, .. } = &mut self.scratch;
        if rounded.replace(at) == Some(at) {
            return;
        }
        for (whole, &fine) in source.iter_mut().zip(fine.iter()).take(at.size.0 * at.size.1) {
            *whole = ((fine + (1 << (FRACTION_BITS - 1))) >> FRACTION_BITS).min(255) as u8;
        }
    }

    /// Index of a block's first sample in the row's plane.
    pub(super) fn origin(&self, at: BlockAt) -> usize {
        let top = self.row.y >> usize::from(at.c > 0);
        self.row.planes[at.c].index(at.x, at.y - top + 1)
    }

    /// Loads the reference line for all modes.
    pub(super) fn load_line(&mut self, at: BlockAt, available: Availability) {
        let origin = self.origin(at);
        let plane = &self.row.planes[at.c];
        let line = &mut self.scratch.line;
        line.load(plane.samples(), plane.stride(), origin, at.size, available, 3);
        line.extend(at.size, 32);
    }

    /// Predicts the block whose reference line is loaded.
    pub(super) fn predict(&mut self, mode: u8, size: (usize, usize)) {
        let scratch = &mut self.scratch;
        let backend = self.picture.backend;
        predict_intra(backend, mode, size, &scratch.line, &mut scratch.prediction[..], size.0);
    }

    /// Transforms and quantises the difference of source and prediction, both in the scratch, into `scratch.levels`.
    pub(super) fn quantise_block(
        &mut self,
        quantiser: &Quantiser<'_>,
        size: (usize, usize),
        secondary: Secondary,
        class: BlockClass,
        lambda: f64,
    ) -> BlockCosts {
        self.load_residual(size, class.luma);
        let empty = self.transform_residual(quantiser, size, secondary);
        BlockCosts { empty, coded: self.quantise_coefficients(quantiser, size, class, lambda) }
    }

    /// Loads the difference of source and prediction, both in the scratch.
    pub(super) fn load_residual(&mut self, size: (usize, usize), luma: bool) {
        let count = size.0 * size.1;
        let Scratch { fine, prediction, residual, .. } = &mut self.scratch;
        let perception = &self.picture.perception[usize::from(!luma)];
        perception.residual(self.picture.backend, &fine[..count], &prediction[..count], &mut residual[..]);
    }

    /// Transforms the residual in the scratch; returns the weighted error of a block without coefficients.
    pub(super) fn transform_residual(
        &mut self,
        quantiser: &Quantiser<'_>,
        size: (usize, usize),
        secondary: Secondary,
    ) -> f64 {
        let backend = self.picture.backend;
        let Scratch { residual, coefficients, .. } = &mut self.scratch;
        let residual = &residual[..size.0 * size.1];
        let energy = source_energy(backend, residual);
        forward_transform(backend, residual, size, secondary, FRACTION_BITS, coefficients);
        quantiser.empty(energy, &coefficients[..], coded_size(size))
    }

    /// Quantises the coefficients in the scratch into `scratch.levels`.
    pub(super) fn quantise_coefficients(
        &mut self,
        quantiser: &Quantiser<'_>,
        size: (usize, usize),
        class: BlockClass,
        lambda: f64,
    ) -> Option<Quantised> {
        let Scratch { coefficients, levels, .. } = &mut self.scratch;
        quantiser.quantise(&self.costs, lambda as f32, coefficients, coded_size(size), class, &mut levels[..])
    }

    /// Reconstructs a block from the best prediction and levels with the decoder's functions, keeps the levels at
    /// `offset`, and returns the squared error.
    pub(super) fn reconstruct(
        &mut self,
        at: BlockAt,
        quantiser: Option<&Quantiser<'_>>,
        secondary: Secondary,
        offset: usize,
    ) -> f64 {
        let origin = self.origin(at);
        let backend = self.picture.backend;
        let (w, h) = at.size;
        let scratch = &mut self.scratch;
        let plane = &mut self.row.planes[at.c];
        let stride = plane.stride();
        let out = &mut plane.samples_mut()[origin..];
        for (to, from) in out.chunks_mut(stride).zip(scratch.best_prediction.chunks_exact(w)).take(h) {
            copy_row(&mut to[..w], from);
        }
        if let Some(quantiser) = quantiser {
            let coded = coded_size(at.size);
            let count = coded.0 * coded.1;
            self.levels.planes[at.c][offset..offset + count].copy_from_slice(&scratch.best_levels[..count]);
            let block = &mut scratch.block;
            block.start(coded);
            for (y, row) in scratch.best_levels.chunks_exact(coded.0).take(coded.1).enumerate() {
                for (x, &level) in row.iter().enumerate() {
                    if level != 0 {
                        block.set(x, y, quantiser.dequantiser.scale(x, y, level.into()));
                    }
                }
            }
            inverse_transform(backend, block, at.size, secondary, &mut scratch.residual);
            block.clear();
            add_residual(backend, &scratch.residual, at.size, out, stride);
        }
        self.error_at(at)
    }

    /// Loads what is left to code of a reconstructed block where its samples may stay beyond black and white; false if
    /// none is beyond.
    pub(super) fn residual_as_shown(&mut self, at: BlockAt) -> bool {
        let origin = self.origin(at);
        let (w, h) = at.size;
        let plane = &self.row.planes[at.c];
        let Scratch { residual, best_prediction, fine, .. } = &mut self.scratch;
        let mut beyond = false;
        for y in 0..h {
            let decoded = &plane.samples()[origin + y * plane.stride()..][..w];
            let pairs = fine[y * w..][..w].iter().zip(&best_prediction[y * w..][..w]);
            for ((out, (&source, &prediction)), &sample) in
                residual[y * w..][..w].iter_mut().zip(pairs).zip(decoded)
            {
                let wanted = drawn::wanted(source, i16::from(sample) << FRACTION_BITS);
                beyond |= wanted != source;
                *out = wanted - (i16::from(prediction) << FRACTION_BITS);
            }
        }
        beyond
    }

    /// Error of a reconstructed block.
    pub(super) fn error_at(&self, at: BlockAt) -> f64 {
        let (source, plane) = (&self.picture.source[at.c], &self.row.planes[at.c]);
        let samples = (&plane.samples()[self.origin(at)..], plane.stride());
        let perception = &self.picture.perception[usize::from(at.c > 0)];
        perception.error(self.picture.backend, (source.from(at.x, at.y), source.width()), samples, at.size)
    }
}
