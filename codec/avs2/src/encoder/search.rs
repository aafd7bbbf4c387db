//! Search of the coding quadtree (docs/spec/avs2#b9.4).

mod attempts;
mod chroma;
mod inter;
mod refinement;

pub(super) use inter::{InterEffort, InterSearch};

use super::input::{FRACTION_BITS, SourcePlane};
use super::lcu::{LcuDecision, LcuLevels, Tree, Unit, coded_blocks, coded_size, z_order};
use super::metric::{hadamard, source_energy, source_residual};
use super::options::Effort;
use super::quantiser::{LevelArray, Quantised, Quantiser};
use super::rate::{Costs, ONE_BIT};
use super::row::{Cell, Row};
use super::transform::{forward_transform, halved_norms};
use crate::aec::{BinCoder, ContextSet, CostCoder, ctx};
use crate::filter::edge;
use crate::headers::WeightMatrices;
use crate::recon::{
    Availability, CoefficientBlock, MAX_COEFFICIENTS, ReferenceLine, Secondary, add_residual,
    inverse_transform, predict_intra,
};
use crate::simd::Backend;
use crate::syntax::coding::{code_chroma_ctp, code_chroma_mode, code_luma_mode, code_partition};
use crate::syntax::{
    BlockClass, CuKind, IntraUnit, SaoLcu, SaoMerge, SliceTools, code_coefficients, code_split_flag,
    most_probable_modes,
};

/// What the search of a picture needs.
pub(super) struct Picture<'a> {
    pub tree: Tree,
    /// In coded size.
    pub source: &'a [SourcePlane; 3],
    pub effort: Effort,
    pub slice_tools: SliceTools,
    pub chroma_qp_delta: [i8; 2],
    pub weights: Option<&'a WeightMatrices>,
    pub backend: Backend,
    /// Squared error per bit at the QP of the slice.
    pub lambda: f64,
    /// Weight of squared errors in chroma.
    pub chroma_weight: f64,
    pub activity: super::activity::Activity,
    /// Weights by frequency of luma and chroma.
    pub perception: [super::perception::Perception; 2],
}

/// Samples of one block.
type Samples = Box<[u8; 4096]>;

struct Scratch {
    line: ReferenceLine,
    /// Rounded to 8 bits, for rough comparisons.
    source: Samples,
    /// In sixteenths.
    fine: Box<[i16; 4096]>,
    prediction: Samples,
    best_prediction: Samples,
    residual: Box<[i16; 4096]>,
    coefficients: Box<[i16; MAX_COEFFICIENTS]>,
    levels: Box<[i16; MAX_COEFFICIENTS]>,
    best_levels: Box<[i16; MAX_COEFFICIENTS]>,
    block: Box<CoefficientBlock>,
}

/// Samples and levels of a unit that another way to code it may replace.
struct Saved {
    samples: [Samples; 3],
    levels: [Box<[i16; 4096]>; 3],
}

/// Searches the units of one row.
pub(super) struct Search<'a> {
    picture: &'a Picture<'a>,
    pub row: Row,
    pub contexts: ContextSet,
    costs: Costs,
    levels: LcuLevels,
    units: Vec<Unit>,
    /// By how much lambda is changed in an attempt.
    lambda_factor: f64,
    scratch: Scratch,
    /// By level from 8x8 to 64x64, and one for the partitions of a unit.
    saved: Vec<Saved>,
    /// In inter pictures.
    pub inter: Option<Box<InterSearch<'a>>>,
}

/// The luma of a unit.
#[derive(Clone, Copy)]
struct Luma {
    kind: CuKind,
    modes: [u8; 4],
    ctp: u8,
    cost: f64,
}

/// A position and size in samples of a component.
#[derive(Clone, Copy)]
struct BlockAt {
    c: usize,
    x: usize,
    y: usize,
    size: (usize, usize),
}

/// log2 of the smallest square that several attempts are made at.
const ATTEMPT_LOG2: usize = 4;

/// Cost of a mode that is not tried.
const UNTRIED: f64 = f64::MAX;

impl<'a> Search<'a> {
    pub fn new(picture: &'a Picture<'a>, row: Row) -> Self {
        let samples = || -> Samples { Box::new([0; 4096]) };
        let coefficients = || Box::new([0; MAX_COEFFICIENTS]);
        let contexts = ContextSet::default();
        Self {
            costs: Costs::new(&contexts),
            contexts,
            row,
            levels: LcuLevels::new(picture.tree.lcu_log2),
            units: Vec::new(),
            lambda_factor: 1.0,
            scratch: Scratch {
                line: ReferenceLine::default(),
                source: samples(),
                fine: Box::new([0; 4096]),
                prediction: samples(),
                best_prediction: samples(),
                residual: Box::new([0; 4096]),
                coefficients: coefficients(),
                levels: coefficients(),
                best_levels: coefficients(),
                block: Box::default(),
            },
            saved: (0..5)
                .map(|_| Saved {
                    samples: std::array::from_fn(|_| samples()),
                    levels: std::array::from_fn(|_| Box::new([0; 4096])),
                })
                .collect(),
            inter: None,
            picture,
        }
    }

    /// Sets the context states that the next unit starts with.
    pub fn start_with(&mut self, contexts: ContextSet) {
        self.costs = Costs::new(&contexts);
        self.contexts = contexts;
    }

    /// Decides the unit in column `column`.
    pub fn largest_unit(&mut self, column: usize) {
        let tree = self.picture.tree;
        let (x, y) = (column << tree.lcu_log2, self.row.y);
        self.units.clear();
        self.quadtree((x, y), tree.lcu_log2);
        let mut levels = Vec::new();
        for unit in &self.units {
            let offset = self.z_offset(unit.x, unit.y);
            coded_blocks(unit, |c, from, (w, h), _| {
                let from = from + if c == 0 { offset } else { offset / 4 };
                levels.extend_from_slice(&self.levels.planes[c][from..from + w * h]);
            });
        }
        let lcu = LcuDecision {
            units: std::mem::take(&mut self.units),
            levels,
            sao: SaoLcu::default(),
            sao_merge: SaoMerge::None,
            alf: [false; 3],
        };
        lcu.units.iter().for_each(|unit| self.mark(unit));
        self.row.lcus.push(lcu);
    }

    /// Leaves QP and edges for deblocking (docs/spec/avs2#b6.2).
    fn mark(&mut self, unit: &Unit) {
        let size = 1_usize << unit.level;
        let (bx, by, count) = (unit.x / 8, (unit.y - self.row.y) / 8, size / 8);
        let info = &mut self.row.info;
        for row in by..by + count {
            info.qp[row * info.units + bx..][..count].fill(unit.unit.qp);
        }
        if unit.x > 0 {
            info.mark_vertical(bx, by, count, edge::LUMA | edge::CHROMA);
        }
        if unit.y > 0 {
            info.mark_horizontal(bx, by, count, edge::LUMA | edge::CHROMA);
        }
        if let Some((kind, _)) = unit.inter {
            return inter::mark_inner(info, (bx, by), unit, kind);
        }
        for i in 1..count {
            match unit.unit.kind {
                CuKind::Intra2NxhN => info.mark_horizontal(bx, by + i, count, edge::LUMA),
                CuKind::IntrahNx2N => info.mark_vertical(bx + i, by, count, edge::LUMA),
                _ => {}
            }
        }
    }

    /// Number of luma samples before a position in Z order.
    fn z_offset(&self, x: usize, y: usize) -> usize {
        let mask = (1 << self.picture.tree.lcu_log2) - 1;
        16 * z_order(x & mask, y & mask)
    }

    /// Codes a unit whose cells and levels are stored, for the context states after it.
    fn code_unit<C: BinCoder>(&self, c: &mut C, whole: &Unit) {
        let Unit { x, y, level, unit, inter } = whole;
        if self.inter.is_some() {
            self.code_inter_unit(c, whole);
        }
        if inter.is_some() {
            return self.code_levels(c, whole);
        }
        let size = 1 << level;
        code_partition(c, self.picture.slice_tools.sdip, *level, unit.kind);
        for i in 0..unit.kind.block_count() {
            let block = unit.kind.block(size, i);
            let (left, above) = self.row.neighbours(x + block.x, y + block.y);
            code_luma_mode(c, most_probable_modes((left.mode, above.mode)), unit.luma_modes[i]);
        }
        let (left, _) = self.row.neighbours(*x, *y);
        code_chroma_mode(c, left.chroma_mode_set, unit.luma_modes[0], unit.chroma_mode);
        for i in 0..unit.kind.block_count() {
            let block = unit.kind.block(size, i);
            let context = self.ctp_context(x + block.x, y + block.y);
            c.bin(context, unit.ctp >> i & 1 == 1);
        }
        code_chroma_ctp(c, ctx::CTP + 6, unit.ctp >> 4);
        self.code_levels(c, whole);
    }

    fn code_levels<C: BinCoder>(&self, c: &mut C, unit: &Unit) {
        let offset = self.z_offset(unit.x, unit.y);
        coded_blocks(unit, |plane, from, size, class| {
            let from = from + if plane == 0 { offset } else { offset / 4 };
            let levels = &self.levels.planes[plane][from..from + size.0 * size.1];
            code_coefficients(c, size, class, &mut LevelArray { levels, width: size.0 });
        });
    }

    /// Context of `ctp_y` of the block at a luma position (docs/spec/avs2#a28.4).
    fn ctp_context(&self, x: usize, y: usize) -> usize {
        let (left, above) = self.row.neighbours(x, y);
        ctx::CTP + usize::from(left.coded) + 2 * usize::from(above.coded)
    }

    /// The context states after `code`, from those in force.
    fn adapted(&self, code: impl FnOnce(&mut CostCoder)) -> ContextSet {
        let mut coder = CostCoder::new(self.contexts.clone());
        code(&mut coder);
        coder.into_contexts()
    }

    fn follow(&mut self, contexts: Option<ContextSet>) {
        if let Some(contexts) = contexts {
            self.start_with(contexts);
        }
    }

    /// Codes the square at (`x`, `y`) with its units, as [`code_unit`](Self::code_unit).
    fn code_node<'u, C: BinCoder>(
        &self,
        c: &mut C,
        (x, y): (usize, usize),
        level: u32,
        units: &mut (impl Iterator<Item = &'u Unit> + Clone),
    ) {
        let tree = self.picture.tree;
        let size = 1_usize << level;
        let Some(unit) = units.clone().next() else { return };
        let split = unit.level < level;
        if level > 3 && x + size <= tree.width && y + size <= tree.height {
            code_split_flag(c, level, split);
        }
        if !split {
            units.next();
            return self.code_unit(c, unit);
        }
        let half = size / 2;
        for (dx, dy) in [(0, 0), (half, 0), (0, half), (half, half)] {
            if x + dx < tree.width && y + dy < tree.height {
                self.code_node(c, (x + dx, y + dy), level - 1, units);
            }
        }
    }

    fn bits(&self, cost: u32) -> f64 {
        f64::from(cost) / f64::from(ONE_BIT)
    }

    /// The cheapest way to code the square at `at`; it is left in the row's samples, cells, levels and units.
    fn quadtree(&mut self, at: (usize, usize), level: u32) -> f64 {
        let effort = self.picture.effort;
        if self.inter.is_some() {
            return self.divide(at, level);
        }
        let refinement = effort.refinement.filter(|_| level as usize == ATTEMPT_LOG2);
        let (mark, start) = (self.units.len(), refinement.map(|_| self.contexts.clone()));
        let cost = match effort.attempts.get((level as usize).wrapping_sub(ATTEMPT_LOG2)) {
            Some(&attempts) if attempts > 1 => self.best_of_attempts(at, level, attempts),
            _ => self.divide(at, level),
        };
        match (refinement, start) {
            (Some(refinement), Some(start)) => self.refine((at, level), mark, start, refinement),
            _ => cost,
        }
    }

    /// One attempt at what [`quadtree`](Self::quadtree) does.
    fn divide(&mut self, at: (usize, usize), level: u32) -> f64 {
        let (x, y) = at;
        let tree = self.picture.tree;
        let size = 1_usize << level;
        let inside = x + size <= tree.width && y + size <= tree.height;
        let lambda = self.picture.lambda * self.lambda_factor;
        let split_cost = |search: &Self, split: bool| {
            if level > 3 && inside {
                lambda * search.bits(search.costs.bin(ctx::SPLIT + level as usize - 4, split))
            } else {
                0.0
            }
        };
        let follow = self.picture.effort.follow_log2;
        let mut whole = None;
        if inside && level <= self.picture.effort.max_cu_log2 {
            let (unit, cost) = self.unit_of_any_kind(at, level);
            let cost = cost + split_cost(self, false);
            let stop = cost < self.picture.effort.stop_cost * lambda * (size * size) as f64 / 16.0;
            let contexts =
                (level >= follow).then(|| self.adapted(|c| self.code_node(c, at, level, &mut [unit].iter())));
            if level == 3 || stop {
                self.follow(contexts);
                self.units.push(unit);
                return cost;
            }
            self.save(at, level, level as usize - 3);
            whole = Some((unit, cost, contexts));
        }
        self.forget_motion(at, size);
        let mark = self.units.len();
        let limit = whole.as_ref().map_or(f64::MAX, |(_, cost, ..)| *cost);
        let mut cost = split_cost(self, true);
        let before = (level == follow).then(|| self.contexts.clone());
        let half = size / 2;
        for (dx, dy) in [(0, 0), (half, 0), (0, half), (half, half)] {
            if cost < limit && x + dx < tree.width && y + dy < tree.height {
                cost += self.quadtree((x + dx, y + dy), level - 1);
            }
        }
        match whole {
            Some((unit, limit, contexts)) if limit <= cost => {
                self.units.truncate(mark);
                self.restore(at, level, level as usize - 3);
                self.store_cells(&unit);
                self.follow(contexts);
                self.units.push(unit);
                limit
            }
            _ => {
                if let Some(before) = before {
                    self.contexts = before;
                    let mut units = self.units[mark..].iter();
                    let contexts = self.adapted(|c| self.code_node(c, at, level, &mut units));
                    self.start_with(contexts);
                }
                cost
            }
        }
    }

    fn store_cells(&mut self, unit: &Unit) {
        let size = 1 << unit.level;
        self.store_motion(unit);
        let coded = unit.unit;
        for i in 0..coded.kind.block_count() {
            let block = coded.kind.block(size, i);
            let cell = Cell {
                mode: coded.luma_modes[i],
                coded: coded.ctp >> i & 1 == 1,
                chroma_mode_set: coded.chroma_mode != 0 || unit.inter.is_some(),
                qp: coded.qp,
            };
            self.row.update((unit.x + block.x, unit.y + block.y), (block.w, block.h), |c| *c = cell);
        }
    }

    /// Keeps samples and levels of a square.
    fn save(&mut self, (x, y): (usize, usize), level: u32, slot: usize) {
        let offset = self.z_offset(x, y);
        for c in 0..3 {
            let shift = usize::from(c > 0);
            let size = (1_usize << level) >> shift;
            let plane = &self.row.planes[c];
            let saved = &mut self.saved[slot];
            for (i, to) in saved.samples[c].chunks_exact_mut(size).take(size).enumerate() {
                let y = ((y - self.row.y) >> shift) + 1 + i;
                to.copy_from_slice(&plane.row(y)[x >> shift..][..size]);
            }
            let from = offset >> (2 * shift);
            saved.levels[c][..size * size].copy_from_slice(&self.levels.planes[c][from..from + size * size]);
        }
    }

    fn restore(&mut self, (x, y): (usize, usize), level: u32, slot: usize) {
        let offset = self.z_offset(x, y);
        for c in 0..3 {
            let shift = usize::from(c > 0);
            let size = (1_usize << level) >> shift;
            let saved = &self.saved[slot];
            for (i, from) in saved.samples[c].chunks_exact(size).take(size).enumerate() {
                let y = ((y - self.row.y) >> shift) + 1 + i;
                self.row.planes[c].row_mut(y)[x >> shift..][..size].copy_from_slice(from);
            }
            let to = offset >> (2 * shift);
            self.levels.planes[c][to..to + size * size].copy_from_slice(&saved.levels[c][..size * size]);
        }
    }

    /// The cheapest undivided unit.
    fn unit(&mut self, (x, y): (usize, usize), level: u32) -> (Unit, f64) {
        const PARTITIONS: usize = 4;
        let size = 1_usize << level;
        let picture = self.picture;
        let weight = picture.activity.of((x, y), size);
        let qp = picture.slice_tools.slice_qp;
        // Distortions are weighted by dividing lambda.
        let lambda = picture.lambda * self.lambda_factor / weight;
        let mut best = self.luma((x, y), level, CuKind::Intra2Nx2N, (qp, lambda), None);
        let quarters = level == 3 && picture.effort.quarters;
        let strips = picture.slice_tools.sdip && matches!(level, 4 | 5);
        if best.ctp != 0 && (quarters || strips) {
            let kinds: &[CuKind] =
                if quarters { &[CuKind::IntraNxN] } else { &[CuKind::Intra2NxhN, CuKind::IntrahNx2N] };
            for &kind in kinds {
                self.save((x, y), level, PARTITIONS);
                let other = self.luma((x, y), level, kind, (qp, lambda), None);
                if other.cost < best.cost {
                    best = other;
                } else {
                    self.restore((x, y), level, PARTITIONS);
                }
            }
        }
        let (chroma_mode, chroma_ctp, chroma_cost) =
            self.chroma((x, y), level, best.modes[0], (qp, lambda), None);
        let ctp = best.ctp | chroma_ctp << 4;
        let cost = best.cost + chroma_cost;
        let unit = IntraUnit { kind: best.kind, luma_modes: best.modes, chroma_mode, ctp, qp };
        let unit = Unit { x, y, level, unit, inter: None };
        self.store_cells(&unit);
        (unit, cost * weight)
    }

    /// The luma blocks of a unit with the given partition, with `modes` if they are decided.
    fn luma(
        &mut self,
        (x, y): (usize, usize),
        level: u32,
        kind: CuKind,
        (qp, lambda): (u8, f64),
        modes: Option<[u8; 4]>,
    ) -> Luma {
        let size = 1 << level;
        let sdip = self.picture.slice_tools.sdip;
        let partition = self.costs.of(|c| {
            code_partition(c, sdip, level, kind);
        });
        let n = if kind == CuKind::Intra2Nx2N { level } else { level - 1 };
        let mut luma = Luma { kind, modes: [0; 4], ctp: 0, cost: lambda * self.bits(partition) };
        for i in 0..kind.block_count() {
            let block = kind.block(size, i);
            let at = BlockAt { c: 0, x: x + block.x, y: y + block.y, size: (block.w, block.h) };
            let strip = matches!(kind, CuKind::Intra2NxhN | CuKind::IntrahNx2N);
            let offset = self.z_offset(x, y) + i * size * size / 4;
            let (mode, coded, cost) =
                self.luma_block(at, (qp, n, lambda), strip, offset, modes.map(|modes| modes[i]));
            luma.modes[i] = mode;
            luma.ctp |= u8::from(coded) << i;
            luma.cost += cost;
            self.row.update((at.x, at.y), at.size, |cell| {
                cell.mode = mode;
                cell.coded = coded;
            });
        }
        luma
    }

    /// Loads the source of a block without gaps.
    fn load_source(&mut self, at: BlockAt) {
        let (w, h) = at.size;
        let Scratch { source, fine, .. } = &mut self.scratch;
        for (i, (fine, whole)) in fine.chunks_exact_mut(w).zip(source.chunks_exact_mut(w)).take(h).enumerate()
        {
            fine.copy_from_slice(&self.picture.source[at.c].row(at.y + i)[at.x..at.x + w]);
            for (whole, &fine) in whole.iter_mut().zip(&*fine) {
                *whole = ((fine + (1 << (FRACTION_BITS - 1))) >> FRACTION_BITS).min(255) as u8;
            }
        }
    }

    /// Index of a block's first sample in the row's plane.
    fn origin(&self, at: BlockAt) -> usize {
        let top = self.row.y >> usize::from(at.c > 0);
        self.row.planes[at.c].index(at.x, at.y - top + 1)
    }

    /// Loads the reference line for all modes.
    fn load_line(&mut self, at: BlockAt, available: Availability) {
        let origin = self.origin(at);
        let plane = &self.row.planes[at.c];
        let line = &mut self.scratch.line;
        line.load(plane.samples(), plane.stride(), origin, at.size, available, 3);
        line.extend(at.size, 32);
    }

    fn predict(&mut self, mode: u8, size: (usize, usize), available: Availability) {
        let scratch = &mut self.scratch;
        let backend = self.picture.backend;
        predict_intra(backend, mode, size, &scratch.line, available, &mut scratch.prediction[..], size.0);
    }

    /// Bits of each luma mode.
    fn mode_bits(&self, mpm: (u8, u8)) -> [f64; 33] {
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
        let (left, above) = self.row.neighbours(at.x, at.y);
        let mpm = most_probable_modes((left.mode, above.mode));
        let mode_bits = self.mode_bits(mpm);
        let context = self.ctp_context(at.x, at.y);
        let ctp_bits = [false, true].map(|coded| self.bits(self.costs.bin(context, coded)));

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
            source_residual(&scratch.fine[..count], &scratch.prediction[..count], &mut scratch.residual[..]);
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
        let bits = mode_bits[usize::from(mode)]
            + match result {
                None => ctp_bits[0],
                Some(Quantised { bits, .. }) => ctp_bits[1] + self.bits(bits),
            };
        (mode, result.is_some(), error + lambda * bits)
    }

    /// The modes that are worth full costs, by Hadamard distance; the most probable modes are among them.
    fn rough_modes(
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

    /// Reconstructs a block from the best prediction and levels with the decoder's functions, keeps the levels at
    /// `offset`, and returns the squared error.
    fn reconstruct(
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
            to[..w].copy_from_slice(from);
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

    /// Error of a reconstructed block.
    fn error_at(&self, at: BlockAt) -> f64 {
        let (source, plane) = (&self.picture.source[at.c], &self.row.planes[at.c]);
        let samples = (&plane.samples()[self.origin(at)..], plane.stride());
        let perception = &self.picture.perception[usize::from(at.c > 0)];
        perception.error(self.picture.backend, (source.from(at.x, at.y), source.width()), samples, at.size)
    }
}
