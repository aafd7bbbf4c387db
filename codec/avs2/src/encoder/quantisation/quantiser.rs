//! Rate-distortion optimised quantisation (docs/spec/avs2#b9.3).
//!
//! Coefficient groups are visited as they are coded, from the last to the first. Two hypotheses are carried along: that
//! no coefficient has been coded yet, and the cheapest way to have coded some. Within a group the same is done by
//! coefficient. Rates come from the context states at the start of the LCU.

use crate::aec::ctx;
use crate::encoder::quantisation::rate::{Costs, FINAL_ONE, FINAL_ZERO, ONE_BIT};
use crate::encoder::simd;
use crate::headers::WeightMatrices;
use crate::multiversion;
use crate::recon::{Dequantiser, MAX_COEFFICIENTS};
use crate::simd::Backend;
use crate::syntax::coding::{Block, CELLS_4X4, RANKS, RUN_PLACES};
use crate::syntax::{BlockClass, Levels};

/// Reciprocals of the decoder's scale (docs/spec/avs2#b9.3).
#[rustfmt::skip]
const RECIPROCALS: [u16; 64] = [
    32768, 29775, 27554, 25268, 23170, 21247, 19369, 17770,
    16302, 15024, 13777, 12634, 11626, 10624,  9742,  8958,
     8192,  7512,  6889,  6305,  5793,  5303,  4878,  4467,
     4091,  3756,  3444,  3161,  2894,  2654,  2435,  2235,
     2048,  1878,  1722,  1579,  1449,  1329,  1218,  1117,
     1024,   939,   861,   790,   724,   664,   609,   558,
      512,   470,   430,   395,   362,   332,   304,   279,
      256,   235,   215,   197,   181,   166,   152,   140,
];

/// Quantises the blocks of one QP and size.
#[derive(Debug, Clone, Copy)]
pub(in crate::encoder) struct Quantiser<'a> {
    backend: Backend,
    reciprocal: u32,
    shift: u32,
    pub(in crate::encoder) dequantiser: Dequantiser<'a>,
    weights: Option<&'a WeightMatrices>,
    /// Squared samples per squared unit of a coefficient.
    gain: f32,
    /// Coefficients below this magnitude become 0 at once.
    threshold: i16,
    /// Weights of squared errors by coefficient, row by row; `None` if all are 1.
    pub(in crate::encoder) seen: Option<&'a [f32]>,
    /// Energies of coefficients relative to `gain`, row by row; `None` if all are 1.
    pub(in crate::encoder) norms: Option<&'a [f32]>,
}

/// Levels of a block that are worth coding.
#[derive(Debug, Clone, Copy)]
pub(in crate::encoder) struct Quantised {
    /// Change of the weighted distortion against a block without coefficients, in squared samples (negative).
    pub distortion: f32,
    /// Bits of the coefficients, in 2^-12 bit.
    pub bits: u32,
}

impl<'a> Quantiser<'a> {
    /// `n` is the rounding parameter (docs/spec/avs2#b3.3).
    pub(in crate::encoder) fn new(backend: Backend, qp: u8, n: u32, dead_zone: f32) -> Self {
        let reciprocal = u32::from(RECIPROCALS[usize::from(qp.min(63))]);
        let shift = 22 - n;
        let step = (1_u64 << shift) as f32 / reciprocal as f32;
        Self {
            backend,
            reciprocal,
            shift,
            dequantiser: Dequantiser::new(qp, n),
            weights: None,
            gain: 2_f32.powi(2 * (n as i32 - 7)),
            threshold: (step * dead_zone).ceil().min(32767.0) as i16,
            seen: None,
            norms: None,
        }
    }

    /// Weighted error of a block without coefficients, if `plain` is its squared error.
    pub(in crate::encoder) fn empty(&self, plain: f64, coefficients: &[i16], size: (usize, usize)) -> f64 {
        let Some(seen) = self.seen else { return plain };
        let seen = &seen[..size.0 * size.1];
        if let Some(norms) = self.norms {
            let weighted = coefficients.iter().zip(seen).zip(norms);
            let sum: f32 = weighted.map(|((&c, w), norm)| f32::from(c).powi(2) * (w - 1.0) * norm).sum();
            return plain + f64::from(sum * self.gain);
        }
        let sum = multiversion::run(
            self.backend,
            #[inline(always)]
            || {
                let mut sums = [0.0_f32; 8];
                for (c, w) in coefficients.chunks_exact(8).zip(seen.chunks_exact(8)) {
                    for ((sum, &c), &w) in sums.iter_mut().zip(c).zip(w) {
                        *sum += f32::from(c) * f32::from(c) * (w - 1.0);
                    }
                }
                sums.iter().sum::<f32>()
            },
        );
        plain + f64::from(sum * self.gain)
    }

    /// The same with weighted quantisation, for blocks of `size` coefficients.
    pub(in crate::encoder) fn with_weights(self, weights: &'a WeightMatrices, size: (usize, usize)) -> Self {
        Self {
            dequantiser: self.dequantiser.with_weights(weights, size),
            weights: Some(weights),
            threshold: (f32::from(self.threshold) * 0.7) as i16,
            ..self
        }
    }

    /// The nearest level to a magnitude, without weights.
    #[inline(always)]
    fn plain_level(&self, magnitude: u32) -> u32 {
        (magnitude * self.reciprocal + (1 << (self.shift - 1))) >> self.shift
    }

    /// The nearest level to a magnitude.
    #[inline(always)]
    fn level(&self, magnitude: u32, x: usize, y: usize, size: (usize, usize)) -> u32 {
        let Some(weights) = self.weights else { return self.plain_level(magnitude) };
        let weight = match size.0.max(size.1) {
            4 => weights.m4[y * 4 + x],
            8 => weights.m8[y * 8 + x],
            16 => weights.m8[((y >> 1) & 7) * 8 + ((x >> 1) & 7)],
            _ => weights.m8[((y >> 2) & 7) * 8 + ((x >> 2) & 7)],
        };
        let scaled = u64::from(magnitude) * u64::from(self.reciprocal) * 64 / u64::from(weight.max(1));
        ((scaled + (1 << (self.shift - 1))) >> self.shift) as u32
    }

    /// Finds levels for `coefficients` (`w` x `h`, row by row) that minimise distortion + `lambda` * bits; `None` if
    /// no coefficient is worth its bits. `lambda` is per bit; `levels` need not be cleared.
    pub(in crate::encoder) fn quantise(
        &self,
        costs: &Costs,
        lambda: f32,
        coefficients: &[i16; MAX_COEFFICIENTS],
        size: (usize, usize),
        class: BlockClass,
        levels: &mut [i16],
    ) -> Option<Quantised> {
        let count = size.0 * size.1;
        let levels = &mut levels[..count];
        levels.fill(0);
        let groups = large_groups(self.backend, &coefficients[..count], size.0, self.threshold);
        if groups == 0 {
            return None;
        }
        let lambda = lambda / ONE_BIT as f32;
        let task = Task { quantiser: self, costs, lambda, coefficients, size, groups };
        multiversion::run(
            self.backend,
            #[inline(always)]
            || match class {
                BlockClass { luma: false, .. } => task.run::<false, true>(false, levels),
                BlockClass { diagonal: true, .. } => task.run::<true, true>(false, levels),
                BlockClass { swap, .. } => task.run::<true, false>(swap, levels),
            },
        )
    }
}

struct Task<'a> {
    quantiser: &'a Quantiser<'a>,
    costs: &'a Costs,
    /// Per unit of cost.
    lambda: f32,
    coefficients: &'a [i16; MAX_COEFFICIENTS],
    size: (usize, usize),
    /// Bits of the groups, row by row, with a coefficient that reaches the threshold.
    groups: u64,
}

/// The groups, row by row, with a coefficient of at least `threshold` in magnitude, as bits.
pub(in crate::encoder) fn large_groups(
    backend: Backend,
    coefficients: &[i16],
    w: usize,
    threshold: i16,
) -> u64 {
    if let Some(groups) = simd::large_groups(backend, coefficients, w, threshold) {
        return groups;
    }
    let mut groups = 0;
    for (y, row) in coefficients.chunks_exact(w).enumerate() {
        for (gx, cells) in row.chunks_exact(4).enumerate() {
            let any = cells.iter().any(|c| c.unsigned_abs() >= threshold.unsigned_abs());
            groups |= u64::from(any) << (y / 4 * (w / 4) + gx);
        }
    }
    groups
}

/// Index of each scan position in the rows of a group.
const CELLS: [u8; 16] = cells(false);
/// The same for blocks that are coded transposed.
const TRANSPOSED_CELLS: [u8; 16] = cells(true);

const fn cells(swap: bool) -> [u8; 16] {
    let mut cells = [0; 16];
    let mut position = 0;
    while position < 16 {
        let (x, y) = CELLS_4X4[position];
        cells[position] = if swap { 4 * x + y } else { 4 * y + x };
        position += 1;
    }
    cells
}

/// Coefficients of a group, row by row.
struct Group {
    /// Scan index of the group.
    index: usize,
    /// Place of its first coefficient in the block.
    origin: usize,
    nearest: [i32; 16],
    /// Change of the distortion by the nearest level and by the one below, against level 0.
    changes: [[f32; 16]; 2],
    /// Scan position of the last nearest level that is not 0.
    top: usize,
    /// Less than the cost of any choice.
    least: f32,
}

/// The cheapest way so far to code some coefficients of a block.
#[derive(Clone, Copy)]
struct Coded {
    /// Against a block without coefficients.
    cost: f32,
    bits: u32,
    rank: usize,
    /// The group with the last coefficient, which is coded first.
    last: usize,
}

/// A way to code a group.
#[derive(Clone, Copy)]
struct Choice {
    /// Cost against a group without coefficients.
    cost: f32,
    /// In 2^-12 bit, a whole number.
    bits: f32,
    rank: usize,
    /// Row by row.
    levels: [u16; 16],
    /// Levels of the six positions behind the current one and of this one itself in the lowest byte; 4 stands for all
    /// above.
    nearby: u64,
}

impl Choice {
    #[inline(always)]
    fn none(rank: usize) -> Self {
        Self { cost: f32::MAX, bits: 0.0, rank, levels: [0; 16], nearby: 0 }
    }

    /// Codes a level that is not 0 at the current position.
    #[inline(always)]
    fn put(&mut self, cell: usize, level: u32) {
        self.levels[cell] = level as u16;
        self.nearby |= u64::from(level.min(4));
        self.rank = self.rank.max(RANKS[level.min(5) as usize].into());
    }

    /// The set of run contexts (docs/spec/avs2#a44.3): levels at most six positions away count.
    #[inline(always)]
    fn run_set(&self) -> usize {
        let seven = self.nearby & 0x00FF_FFFF_FFFF_FFFF;
        let sum = seven.wrapping_mul(0x0101_0101_0101_0101) >> 56;
        (sum as usize / 2).min(2)
    }
}

impl Task<'_> {
    #[inline(always)]
    fn run<const LUMA: bool, const DIAG: bool>(&self, swap: bool, levels: &mut [i16]) -> Option<Quantised> {
        let block = Block::<LUMA, DIAG>::new(self.size, swap);
        let mut best: Option<Coded> = None;
        // Origins of groups whose levels were stored, by scan index.
        let (mut stored, mut origins) = (0_u64, [0_u16; 64]);
        for g in (0..block.groups).rev() {
            let group = self.load(&block, g);
            let flag = |coded: bool| {
                let context = ctx::NONZERO_CG + if LUMA { usize::from(g != 0) } else { 2 };
                self.costs.bin(context, coded)
            };
            let Some(group) = group else {
                if let Some(best) = &mut best {
                    let rate = flag(false);
                    best.cost += self.lambda * rate as f32;
                    best.bits += rate;
                }
                continue;
            };
            let mut taken = None;
            if let Some(before) = best {
                let (empty, coded) = (flag(false), flag(true));
                let without = before.cost + self.lambda * empty as f32;
                best = Some(Coded { cost: without, bits: before.bits + empty, ..before });
                let least = before.cost + group.least + self.lambda * coded as f32;
                if least < without {
                    let choice = self.code_group(&block, &group, before.rank);
                    let with = before.cost + choice.cost + self.lambda * coded as f32;
                    if with < without {
                        let bits = before.bits + choice.bits as u32 + coded;
                        best = Some(Coded { cost: with, bits, rank: choice.rank, ..before });
                        taken = Some(choice);
                    }
                }
            }
            let rate = self.costs.of(|c| {
                block.code_last_group(c, g);
            });
            // With much gained already, starting here is hopeless.
            if best.is_none_or(|best| best.cost > group.least + self.lambda * rate as f32) {
                let choice = self.code_group(&block, &group, 0);
                let cost = choice.cost + self.lambda * rate as f32;
                if best.is_none_or(|best| cost < best.cost) {
                    best = Some(Coded { cost, bits: choice.bits as u32 + rate, rank: choice.rank, last: g });
                    taken = Some(choice);
                }
            }
            if let Some(choice) = taken {
                self.store(group.origin, &choice.levels, levels);
                stored |= 1 << g;
                origins[g] = group.origin as u16;
            }
        }
        let Coded { cost, bits, last, .. } = best?;
        // What was coded before the start that came out best.
        for g in (last + 1..block.groups).filter(|g| stored >> g & 1 == 1) {
            self.store(origins[g].into(), &[0; 16], levels);
        }
        Some(Quantised { distortion: cost - self.lambda * bits as f32, bits })
    }

    /// Puts the levels of the group at `origin` into those of the block, with the signs of the coefficients.
    #[inline(always)]
    fn store(&self, origin: usize, group: &[u16; 16], levels: &mut [i16]) {
        let w = self.size.0;
        for (y, row) in group.chunks_exact(4).enumerate() {
            let at = origin + y * w;
            let coefficients = &self.coefficients[at..at + 4];
            for ((to, &level), &coefficient) in levels[at..at + 4].iter_mut().zip(row).zip(coefficients) {
                let sign = coefficient >> 15;
                *to = (level as i16 ^ sign).wrapping_sub(sign);
            }
        }
    }

    /// The coefficients of group `g`, or `None` if all of them become 0.
    #[inline(always)]
    fn load<const LUMA: bool, const DIAG: bool>(&self, block: &Block<LUMA, DIAG>, g: usize) -> Option<Group> {
        let w = self.size.0;
        let (gx, gy) = block.group(g);
        // Swapped blocks are square, and their groups are where the transposed ones are.
        let (cx, cy) = if block.swap() { (gy, gx) } else { (gx, gy) };
        if self.groups >> (cy * (w / 4) + cx) & 1 == 0 {
            return None;
        }
        let origin = 4 * (cy * w + cx);
        let mut gains = [self.quantiser.gain; 16];
        let mut coefficients = [0; 16];
        for (y, (gains, row)) in gains.chunks_exact_mut(4).zip(coefficients.chunks_exact_mut(4)).enumerate() {
            let at = origin + y * w;
            row.copy_from_slice(&self.coefficients[at..at + 4]);
            for table in [self.quantiser.seen, self.quantiser.norms].into_iter().flatten() {
                gains.iter_mut().zip(&table[at..at + 4]).for_each(|(gain, factor)| *gain *= factor);
            }
        }
        let mut group =
            Group { index: g, origin, nearest: [0; 16], changes: [[0.0; 16]; 2], top: 0, least: 0.0 };
        match self.quantiser.weights {
            None => self.measure(&coefficients, &gains, &mut group),
            Some(_) => self.measure_weighted((4 * cx, 4 * cy), &coefficients, &gains, &mut group),
        }
        let cells = block_cells(block);
        group.top = (0..16).rev().find(|&p| group.nearest[cell(cells, p)] > 0)?;
        group.least = self.least_cost(&group.changes);
        Some(group)
    }

    /// Finds the nearest levels of a group and what they change. Plain loops without branches, so that they become
    /// vectors.
    #[inline(always)]
    fn measure(&self, coefficients: &[i16; 16], gains: &[f32; 16], group: &mut Group) {
        let (quantiser, dequantiser) = (*self.quantiser, self.quantiser.dequantiser);
        let threshold = i32::from(quantiser.threshold);
        let magnitudes = coefficients.map(|coefficient| i32::from(coefficient).abs());
        let mut nearest = [0; 16];
        for (nearest, &magnitude) in nearest.iter_mut().zip(&magnitudes) {
            let level = quantiser.plain_level(magnitude as u32).min(32767) as i32;
            *nearest = if magnitude < threshold { 0 } else { level };
        }
        for (lower, changes) in (0..).zip(&mut group.changes) {
            for i in 0..16 {
                let (level, magnitude) = (nearest[i] - lower, magnitudes[i]);
                let error = magnitude.wrapping_sub(dequantiser.scale_plainly(level));
                let change = error.wrapping_mul(error).wrapping_sub(magnitude * magnitude);
                changes[i] = if level > 0 { change as f32 * gains[i] } else { 0.0 };
            }
        }
        group.nearest = nearest;
    }

    /// The same with weighted quantisation, for the group whose first coefficient is at (`x`, `y`).
    fn measure_weighted(
        &self,
        (x, y): (usize, usize),
        coefficients: &[i16; 16],
        gains: &[f32; 16],
        group: &mut Group,
    ) {
        let threshold = i32::from(self.quantiser.threshold);
        for i in 0..16 {
            let (x, y) = (x + i % 4, y + i / 4);
            let magnitude = i32::from(coefficients[i]).abs();
            if magnitude < threshold {
                continue;
            }
            let nearest = self.quantiser.level(magnitude as u32, x, y, self.size).min(32767) as i32;
            let change = |level: i32| {
                let error = magnitude - i32::from(self.quantiser.dequantiser.scale(x, y, level));
                error.wrapping_mul(error).wrapping_sub(magnitude * magnitude) as f32 * gains[i]
            };
            group.nearest[i] = nearest;
            group.changes[0][i] = if nearest > 0 { change(nearest) } else { 0.0 };
            group.changes[1][i] = if nearest > 1 { change(nearest - 1) } else { 0.0 };
        }
    }

    /// Less than the cost of levels with these changes of the distortion, of which one at least is not 0: each has a
    /// sign, and bits beside.
    #[inline(always)]
    fn least_cost(&self, changes: &[[f32; 16]; 2]) -> f32 {
        let sign = self.lambda * ONE_BIT as f32;
        let mut sums = [0.0_f32; 8];
        for i in 0..16 {
            let (nearest, lower) = (changes[0][i], changes[1][i]);
            let cost = if lower < nearest { lower } else { nearest } + sign;
            sums[i % 8] += if cost < 0.0 { cost } else { 0.0 };
        }
        sums.iter().sum()
    }

    /// The cheapest way to code a group with at least one coefficient; `rank` is 0 for the first coded group.
    #[inline]
    fn code_group<const LUMA: bool, const DIAG: bool>(
        &self,
        block: &Block<LUMA, DIAG>,
        group: &Group,
        rank: usize,
    ) -> Choice {
        let g = group.index;
        let places = &RUN_PLACES[usize::from(block.groups > 1)][usize::from(g == 0)]
            [if LUMA { 1 + usize::from(DIAG) } else { 0 }];
        let (run_base, level_base) =
            if LUMA { (ctx::RUN, ctx::LEVEL) } else { (ctx::RUN + 33, ctx::LEVEL + 20) };
        let (lambda, rates) = (self.lambda, &self.costs.rates);
        let last_costs = LastCosts::new(block, g, rank == 0, rates);
        let (cells, mut choice) = (block_cells(block), Choice::none(rank));
        // Number of levels, context set of runs, and whether a level above 2 makes later starts hopeless.
        let (mut count, mut set, mut large) = (0_usize, 0_usize, false);
        for p in (0..=group.top).rev() {
            let i = cell(cells, p);
            let (nearest, changes) = (group.nearest[i] as u32, [group.changes[0][i], group.changes[1][i]]);
            choice.nearby <<= 8;
            let [zero_rate, one_rate] = rates[run_base + 11 * set + usize::from(places[p])];
            if nearest == 0 {
                if count > 0 {
                    choice.bits += zero_rate;
                    choice.cost += lambda * zero_rate;
                }
                continue;
            }
            let low = level_base + if g == 0 && p < 3 { 10 } else { 0 };
            if count > 0 {
                let k = usize::min(2, count.div_ceil(2));
                let level_costs = rates[low + choice.rank.min(k + 2) + 5 * k / 2];
                let (cost, rate, level) = best_level(nearest, changes, level_costs, lambda);
                let with = cost + lambda * one_rate;
                let without = lambda * zero_rate;
                if with < without {
                    choice.cost += with;
                    choice.bits += rate + one_rate;
                    choice.put(i, level);
                    count += 1;
                    large |= level > 2;
                    set = choice.run_set();
                } else {
                    choice.cost += without;
                    choice.bits += zero_rate;
                }
            }
            if count == 0 || !large {
                let last = last_costs.at(p);
                let (cost, rate, level) = best_level(nearest, changes, rates[low + rank.min(2)], lambda);
                let cost = cost + lambda * last;
                if cost < choice.cost {
                    choice = Choice { cost, bits: rate + last, ..Choice::none(rank) };
                    choice.put(i, level);
                    (count, large, set) = (1, level > 2, choice.run_set());
                }
            }
        }
        choice
    }
}

/// The cells of a block's groups by scan position.
#[inline(always)]
fn block_cells<const LUMA: bool, const DIAG: bool>(block: &Block<LUMA, DIAG>) -> &'static [u8; 16] {
    if block.swap() { &TRANSPOSED_CELLS } else { &CELLS }
}

#[inline(always)]
fn cell(cells: &[u8; 16], position: usize) -> usize {
    usize::from(cells[position] & 15)
}

/// The cheaper of the nearest level and the one below: cost, bits, level. `changes` are those of the distortion.
#[inline(always)]
fn best_level(nearest: u32, changes: [f32; 2], [zero, one]: [f32; 2], lambda: f32) -> (f32, f32, u32) {
    let rate = level_cost(nearest, zero, one);
    let cost = changes[0] + lambda * rate;
    if nearest > 1 {
        let lower_rate = level_cost(nearest - 1, zero, one);
        let lower = changes[1] + lambda * lower_rate;
        if lower < cost {
            return (lower, lower_rate, nearest - 1);
        }
    }
    (cost, rate, nearest)
}

/// Costs of the position of a group's last coefficient (docs/spec/avs2#a43.4).
struct LastCosts {
    x: [f32; 4],
    y: [f32; 4],
    exchange: bool,
    mirror: [bool; 2],
}

impl LastCosts {
    #[inline(always)]
    fn new<const LUMA: bool, const DIAG: bool>(
        block: &Block<LUMA, DIAG>,
        g: usize,
        first: bool,
        rates: &[[f32; 2]; ctx::COUNT],
    ) -> Self {
        let (gx, gy) = block.group(g);
        let base = block.last_position_context((gx, gy), first);
        let unary = |base: usize| {
            let ([z0, o0], [z1, o1]) = (rates[base], rates[base + 1]);
            [o0, z0 + o1, z0 + z1 + o1, z0 + 2.0 * z1]
        };
        Self {
            x: unary(base),
            y: unary(base + 2),
            exchange: DIAG && gx == 0 && gy > 0,
            mirror: [!first, !first && DIAG],
        }
    }

    #[inline(always)]
    fn at(&self, position: usize) -> f32 {
        let (x, y) = CELLS_4X4[position];
        let x = if self.mirror[0] { 3 - x } else { x };
        let y = if self.mirror[1] { 3 - y } else { y };
        let (x, y) = if self.exchange { (y, x) } else { (x, y) };
        self.x[usize::from(x)] + self.y[usize::from(y)]
    }
}

/// Bits of a level and its sign (docs/spec/avs2#a43.5).
#[inline(always)]
fn level_cost(level: u32, zero: f32, one: f32) -> f32 {
    if level <= 32 {
        let stop = if level < 32 { one } else { 0.0 };
        return (FINAL_ZERO + ONE_BIT) as f32 + (level - 1) as i32 as f32 * zero + stop;
    }
    let length = (level - 32).ilog2();
    (FINAL_ONE + ONE_BIT + (2 * length + 1) * ONE_BIT) as f32
}

/// Levels in an array, row by row.
pub(in crate::encoder) struct LevelArray<'a> {
    pub(in crate::encoder) levels: &'a [i16],
    pub(in crate::encoder) width: usize,
}

impl Levels for LevelArray<'_> {
    #[inline(always)]
    fn get(&self, x: usize, y: usize) -> i32 {
        self.levels[y * self.width + x].into()
    }

    /// Only readers change levels.
    #[inline(always)]
    fn set(&mut self, _x: usize, _y: usize, _level: i32) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aec::{BinCoder, ContextSet, CostCoder};
    use crate::syntax::code_coefficients;

    #[test]
    fn estimated_bits_are_those_of_the_syntax() {
        let mut state = 3_u32;
        let mut next = |n: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) % n
        };
        let mut coder = CostCoder::new(ContextSet::default());
        for _ in 0..4000 {
            coder.bin(next(ctx::COUNT as u32) as usize, next(3) == 0);
        }
        let costs = Costs::new(&coder.clone().into_contexts());
        let classes = [
            BlockClass::CHROMA,
            BlockClass::INTER_LUMA,
            BlockClass::intra_luma(12, false),
            BlockClass::intra_luma(24, false),
        ];
        let mut coded = 0;
        for size in [(4, 4), (8, 8), (16, 16), (32, 32), (16, 4), (4, 16), (32, 8), (8, 32)] {
            for class in classes {
                let class = BlockClass { swap: class.swap && size.0 == size.1, ..class };
                for round in 0..12 {
                    let mut coefficients = [0_i16; MAX_COEFFICIENTS];
                    for (i, coefficient) in coefficients[..size.0 * size.1].iter_mut().enumerate() {
                        let (x, y) = (i % size.0, i / size.0);
                        let range = 1 + 4000 / (1 + x * x + y * y) as u32 * (1 + round % 4);
                        *coefficient =
                            (next(2 * range + 1) as i32 - range as i32).clamp(-32768, 32767) as i16;
                    }
                    let quantiser = Quantiser::new(Backend::SCALAR, 10 + 4 * round as u8, 4, 0.5);
                    let mut levels = [0; MAX_COEFFICIENTS];
                    let Some(result) =
                        quantiser.quantise(&costs, 30.0, &coefficients, size, class, &mut levels)
                    else {
                        assert_eq!(levels, [0; MAX_COEFFICIENTS]);
                        continue;
                    };
                    coded += 1;
                    let bits = costs.of(|c| {
                        let mut array = LevelArray { levels: &levels, width: size.0 };
                        code_coefficients(c, size, class, &mut array);
                    });
                    assert_eq!(result.bits, bits, "{size:?} {class:?}");
                }
            }
        }
        assert!(coded > 100);
    }

    #[test]
    fn every_backend_gives_the_same() {
        let mut state = 5_u32;
        let mut next = |n: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) % n
        };
        let costs = Costs::new(&ContextSet::default());
        let seen: Vec<f32> = (0..MAX_COEFFICIENTS).map(|_| 0.5 + next(100) as f32 / 50.0).collect();
        for round in 0..200 {
            let size = [(4, 4), (8, 8), (16, 16), (32, 32), (16, 4), (8, 32)][round % 6];
            let (range, qp) = ([9, 500, 20_000][round % 3], next(64) as u8);
            let mut coefficients = [0; MAX_COEFFICIENTS];
            coefficients[..size.0 * size.1]
                .iter_mut()
                .for_each(|c| *c = (next(2 * range + 1) as i32 - range as i32) as i16);
            let quantised = |backend| {
                let mut quantiser = Quantiser::new(backend, qp, 3, 0.5);
                quantiser.seen = Some(&seen);
                let mut levels = [0; MAX_COEFFICIENTS];
                let class = BlockClass::INTER_LUMA;
                let found = quantiser.quantise(&costs, 300.0, &coefficients, size, class, &mut levels);
                let empty = quantiser.empty(1e6, &coefficients, size);
                (levels, found.map(|found| (found.distortion.to_bits(), found.bits)), empty.to_bits())
            };
            for backend in crate::simd::tests::levels() {
                assert!(quantised(backend) == quantised(Backend::SCALAR), "{size:?} {backend:?}");
            }
        }
    }

    #[test]
    fn small_lambda_keeps_the_nearest_levels() {
        let costs = Costs::new(&ContextSet::default());
        let quantiser = Quantiser::new(Backend::SCALAR, 24, 3, 0.5);
        let mut coefficients = [0; MAX_COEFFICIENTS];
        for (i, c) in coefficients[..64].iter_mut().enumerate() {
            *c = (i as i16 - 32) * 61;
        }
        let mut levels = [0; 64];
        let class = BlockClass::CHROMA;
        assert!(quantiser.quantise(&costs, 1e-6, &coefficients, (8, 8), class, &mut levels).is_some());
        for (c, level) in coefficients.iter().zip(levels) {
            let scaled = quantiser.dequantiser.scale(0, 0, level.into());
            assert!((i32::from(*c) - i32::from(scaled)).abs() <= 64 * 4, "{c} {level} {scaled}");
        }
    }
}
