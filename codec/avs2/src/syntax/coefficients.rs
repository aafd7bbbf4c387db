//! Transform coefficients (40 to 45).

use super::scan::{CELLS_4X4, GroupScan, POSITION_4X4, group_scan};
use crate::Error;
use crate::aec::{BinCoder, LocalJob, ctx};

/// What the coding of a block depends on besides its size (42).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockClass {
    /// A luma block.
    pub luma: bool,
    /// Neither a vertical nor a horizontal class.
    pub diagonal: bool,
    /// Coded transposed.
    pub swap: bool,
}

impl BlockClass {
    /// Chroma blocks.
    pub const CHROMA: Self = Self { luma: false, diagonal: true, swap: false };
    /// Luma blocks of inter CUs.
    pub const INTER_LUMA: Self = Self { luma: true, diagonal: true, swap: false };

    /// A luma block of an intra CU; `strip` tells SDIP blocks.
    #[inline]
    #[must_use]
    pub fn intra_luma(mode: u8, strip: bool) -> Self {
        let horizontal = matches!(mode, 3 | 4 | 20..=28);
        let vertical = matches!(mode, 8..=16 | 32);
        Self { luma: true, diagonal: !horizontal && !vertical, swap: horizontal && !strip }
    }
}

/// Quantised coefficients of one block; positions are columns and rows of the block, not of the scan.
pub trait Levels {
    /// The level at (`x`, `y`); only writers ask.
    fn get(&self, _x: usize, _y: usize) -> i32 {
        0
    }

    /// Takes a coded level, which is not 0.
    fn set(&mut self, _x: usize, _y: usize, _level: i32) {}

    /// Takes the coded levels of a group, where `set` does not.
    #[inline(always)]
    fn set_group(&mut self, group: &CodedGroup<'_>) {
        group.for_each(|x, y, level| self.set(4 * group.at.0 + x, 4 * group.at.1 + y, level));
    }
}

/// An absolute level and the position of its coefficient in the scan of the group.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct CodedLevel(u32);

impl CodedLevel {
    #[inline(always)]
    fn new(level: u32, position: usize) -> Self {
        Self(level << 4 | position as u32 & 15)
    }

    #[inline(always)]
    fn level(self) -> u32 {
        self.0 >> 4
    }

    #[inline(always)]
    fn position(self) -> usize {
        (self.0 & 15) as usize
    }
}

/// The levels of a group of 4x4 coefficients that are not 0.
pub struct CodedGroup<'a> {
    /// Column and row of the group in the block.
    pub at: (usize, usize),
    /// Whether rows and columns in the group are exchanged.
    pub(crate) swap: bool,
    /// From the last one down, `count` of them.
    pub(crate) levels: &'a [CodedLevel; 16],
    pub(crate) count: usize,
    /// The first level's sign is the most significant of as many bits as there are levels.
    pub(crate) signs: u32,
}

impl CodedGroup<'_> {
    /// Whether there is but the coefficient in the corner.
    #[inline(always)]
    #[must_use]
    pub fn is_corner(&self) -> bool {
        self.count == 1 && self.levels[0].position() == 0
    }

    /// Calls `visit` with column and row in the group and the level of each.
    #[inline(always)]
    pub fn for_each(&self, mut visit: impl FnMut(usize, usize, i32)) {
        self.for_each_position(|position, level| {
            let (x, y) = CELLS_4X4[position];
            let (x, y) = if self.swap { (y, x) } else { (x, y) };
            visit(x.into(), y.into(), level);
        });
    }

    /// Calls `visit` with place and level of each; places are numbered row by row in a block of `width` coefficients,
    /// which is 4, 8, 16 or 32.
    #[inline(always)]
    pub fn for_each_place(&self, width: usize, mut visit: impl FnMut(usize, i32)) {
        let places = &PLACES[usize::from(self.swap)][(width / 8).min(4)];
        let corner = 4 * (self.at.1 * width + self.at.0);
        self.for_each_position(|position, level| visit(corner + usize::from(places[position]), level));
    }

    #[inline(always)]
    fn for_each_position(&self, mut visit: impl FnMut(usize, i32)) {
        // Bit 31 is the sign of the level that comes next.
        let mut signs = self.signs << ((32 - self.count) % 32);
        for coded in &self.levels[..self.count.min(16)] {
            let sign = signs as i32 >> 31;
            signs <<= 1;
            visit(coded.position(), (coded.level() as i32 ^ sign) - sign);
        }
    }
}

/// Places of the scan positions of the first group, row by row in blocks of 4, 8, 16 and 32 coefficients per row, by an
/// eighth of that; [coded transposed].
static PLACES: [[[u8; 16]; 5]; 2] = {
    let mut places = [[[0; 16]; 5]; 2];
    let mut i = 0;
    while i < 16 {
        let (x, y) = CELLS_4X4[i];
        let mut eighth = 0;
        while eighth < 5 {
            let width = if eighth == 0 { 4 } else { 8 * eighth as u8 };
            places[0][eighth][i] = y * width + x;
            places[1][eighth][i] = x * width + y;
            eighth += 1;
        }
        i += 1;
    }
    places
};

/// Greatest absolute level.
const MAX_LEVEL: u32 = 32768;

/// Codes a block of `size` (width, height) coefficients, at least one of which is not 0.
///
/// A reader expects all levels to be 0 before the call.
#[inline]
pub fn code_coefficients<C: BinCoder, L: Levels>(
    c: &mut C,
    size: (usize, usize),
    class: BlockClass,
    levels: &mut L,
) {
    // Constant classes let the compiler make one function for each.
    match class {
        BlockClass { luma: false, .. } => code_block::<C, L, false, true>(c, size, false, levels),
        BlockClass { diagonal: true, .. } => code_block::<C, L, true, true>(c, size, false, levels),
        BlockClass { swap, .. } => code_block::<C, L, true, false>(c, size, swap, levels),
    }
}

fn code_block<C: BinCoder, L: Levels, const LUMA: bool, const DIAG: bool>(
    c: &mut C,
    (w, h): (usize, usize),
    swap: bool,
    levels: &mut L,
) {
    let block = Block::<LUMA, DIAG>::new((w, h), swap);
    let last = if C::READS { 0 } else { block.find_last(levels) };
    let last = block.code_last_group(c, last);
    let mut group = Group { g: 0, place: (0, 0), rank: 0, count: 0, signs: 0, coded: Default::default() };
    for g in (0..=last).rev() {
        let (gx, gy) = block.group(g);
        let mut cells = [0; 16];
        if !C::READS {
            cells = std::array::from_fn(|i| {
                let (x, y) = block.place(gx, gy, i);
                levels.get(x, y)
            });
        }
        (group.g, group.place) = (g, (gx, gy));
        block.code_group(c, &mut group, &cells);
        if group.count > 0 {
            let Group { signs, coded, count, .. } = &group;
            let at = if swap { (gy, gx) } else { (gx, gy) };
            levels.set_group(&CodedGroup { at, swap, levels: coded, count: *count, signs: *signs });
        }
    }
}

/// The group that is coded.
struct Group {
    /// Scan index.
    g: usize,
    /// Column and row, before the transposition.
    place: (usize, usize),
    /// Of the levels before: 0 until the first coded group.
    rank: usize,
    /// Number of coefficients that are not 0.
    count: usize,
    /// As in [`CodedGroup`].
    signs: u32,
    /// Those coefficients, from the last one down.
    coded: [CodedLevel; 16],
}

/// The coding of a group.
struct GroupJob<'g, const LUMA: bool, const DIAG: bool> {
    block: &'g Block<LUMA, DIAG>,
    group: &'g mut Group,
    cells: &'g [i32; 16],
}

impl<const LUMA: bool, const DIAG: bool> LocalJob for GroupJob<'_, LUMA, DIAG> {
    #[inline(always)]
    fn run<C: BinCoder>(self, c: &mut C) {
        let Self { block, group, cells } = self;
        let (g, (gx, gy)) = (group.g, group.place);
        group.count = 0;
        if group.rank > 0 {
            let context = ctx::NONZERO_CG + if LUMA { usize::from(g != 0) } else { 2 };
            if !c.bin(context, cells != &[0; 16]) {
                return;
            }
        }
        let last = if C::READS { 0 } else { cells.iter().rposition(|&level| level != 0).unwrap_or(0) };
        let position = block.code_last_position(c, gx, gy, group.rank == 0, last);
        block.code_pairs(c, position, group, cells);
        let mut signs = 0;
        if !C::READS {
            let is_negative = |coded: &CodedLevel| u32::from(cells[coded.position()] < 0);
            signs = group.coded[..group.count].iter().fold(0, |signs, coded| signs << 1 | is_negative(coded));
        }
        group.signs = c.bypass_signs(group.count as u32, signs);
    }
}

/// Scans of a block.
pub(crate) struct Block<const LUMA: bool, const DIAG: bool> {
    scan: &'static GroupScan,
    /// Number of groups.
    pub groups: usize,
    gh: usize,
    swap: bool,
}

impl<const LUMA: bool, const DIAG: bool> Block<LUMA, DIAG> {
    /// For a block of `w` x `h` coefficients.
    pub fn new((w, h): (usize, usize), swap: bool) -> Self {
        let scan = group_scan(w, h);
        Self { scan, groups: scan.len(), gh: h / 4, swap }
    }

    /// Whether the block is coded transposed.
    #[inline(always)]
    pub fn swap(&self) -> bool {
        self.swap
    }

    /// Column and row of group `g`, before the transposition.
    #[inline(always)]
    pub fn group(&self, g: usize) -> (usize, usize) {
        self.scan.group(g)
    }

    /// Column and row of a scan position of group (`gx`, `gy`).
    #[inline(always)]
    pub fn place(&self, gx: usize, gy: usize, position: usize) -> (usize, usize) {
        let (px, py) = CELLS_4X4[position];
        let (x, y) = (4 * gx + usize::from(px), 4 * gy + usize::from(py));
        if self.swap { (y, x) } else { (x, y) }
    }

    /// Scan index of the last group with a coefficient.
    fn find_last<L: Levels>(&self, levels: &L) -> usize {
        let nonzero = |&g: &usize| {
            let (gx, gy) = self.scan.group(g);
            (0..16).any(|i| {
                let (x, y) = self.place(gx, gy, i);
                levels.get(x, y) != 0
            })
        };
        (0..self.groups).rev().find(nonzero).unwrap_or(0)
    }

    /// docs/spec/avs2#a43.2
    pub fn code_last_group<C: BinCoder>(&self, c: &mut C, last: usize) -> usize {
        let base = ctx::LAST_CG + if LUMA { 0 } else { 6 };
        match self.groups {
            1 => return 0,
            4 => return c.truncated_unary(3, last as u32, |i| base + i as usize) as usize,
            _ => {}
        }
        if !c.bin(base + 3, last != 0) {
            return 0;
        }
        let transposed = LUMA && DIAG;
        let exchange = |(a, b): (usize, usize)| if transposed { (b, a) } else { (a, b) };
        let (max_x, max_y) = exchange((self.scan.width - 1, self.gh - 1));
        let (x, y) = exchange(self.scan.group(last));
        let x = c.truncated_unary(max_x as u32, x as u32, |_| base + 4) as usize;
        let y = if x == 0 {
            1 + c.truncated_unary(max_y as u32 - 1, (y as u32).wrapping_sub(1), |_| base + 5)
        } else {
            c.truncated_unary(max_y as u32, y as u32, |_| base + 5)
        };
        let (gx, gy) = exchange((x, y as usize));
        self.scan.index(gx, gy)
    }

    /// The first of the four contexts of a last position (docs/spec/avs2#a44.1).
    #[inline(always)]
    pub fn last_position_context(&self, (gx, gy): (usize, usize), first: bool) -> usize {
        let f = usize::from(first);
        ctx::LAST_POS
            + match (LUMA, self.groups) {
                (false, 1) => 48,
                (false, _) => 52 + 4 * f,
                (true, 1) => 40 + 4 * usize::from(DIAG),
                (true, _) if gx > 0 && gy > 0 => 32 + 4 * f,
                (true, _) => 4 * (4 * f + 2 * usize::from(gx == 0 && gy == 0) + usize::from(DIAG)),
            }
    }

    /// docs/spec/avs2#a43.4 and #a44.1; `first` tells the first coded group of the block.
    #[inline(always)]
    pub fn code_last_position<C: BinCoder>(
        &self,
        c: &mut C,
        gx: usize,
        gy: usize,
        first: bool,
        position: usize,
    ) -> usize {
        let base = self.last_position_context((gx, gy), first);
        let exchange = DIAG && gx == 0 && gy > 0;
        // The exchange and the mirroring are their own inverses; the writer applies them in reverse order.
        let mirror = |(x, y): (u32, u32)| match (first, DIAG) {
            (true, _) => (x, y),
            (false, true) => (3 - x, 3 - y),
            (false, false) => (3 - x, y),
        };
        let swap = |(x, y): (u32, u32)| if exchange { (y, x) } else { (x, y) };
        let (px, py) = CELLS_4X4[position];
        let (px, py) = swap(mirror((px.into(), py.into())));
        let px = c.truncated_unary(3, px, |i| base + usize::from(i > 0));
        let py = c.truncated_unary(3, py, |i| base + 2 + usize::from(i > 0));
        let (px, py) = mirror(swap((px, py)));
        POSITION_4X4[(4 * py + px) as usize & 15].into()
    }

    /// A function of its own, so that registers are left to the coder.
    #[inline(never)]
    fn code_group<C: BinCoder>(&self, c: &mut C, group: &mut Group, cells: &[i32; 16]) {
        c.run(GroupJob { block: self, group, cells });
    }

    /// docs/spec/avs2#a43.1, from the last coefficient of a group to its first.
    #[inline(always)]
    fn code_pairs<C: BinCoder>(&self, c: &mut C, mut position: usize, group: &mut Group, cells: &[i32; 16]) {
        let g = group.g;
        let run_places = &RUN_PLACES[usize::from(self.groups > 1)][usize::from(g == 0)]
            [if LUMA { 1 + usize::from(DIAG) } else { 0 }];
        let run_base = ctx::RUN + if LUMA { 0 } else { 33 };
        let cell = |position: usize| if C::READS { 0 } else { cells[position] };
        let mut rank = group.rank;
        let mut nearby = NearbyLevels::default();
        let mut count = 0;
        'pairs: while count < 16 {
            let base = self.level_context(g, position);
            let [cap, step] = LEVEL_STEPS[count & 15];
            let context = (base + rank.min(cap.into()) + usize::from(step)) as u8;
            let level = code_level(c, context.into(), cell(position).unsigned_abs());
            rank = rank.max(RANKS[level.min(5) as usize].into());
            group.coded[count & 15] = CodedLevel::new(level, position);
            count += 1;
            let context = run_base + nearby.run_set(level);
            let mut next = position;
            loop {
                if next == 0 {
                    break 'pairs;
                }
                next -= 1;
                // All run contexts are below 256, and there are more contexts.
                let context = (context + usize::from(run_places[next & 15])) as u8;
                if c.bin(context.into(), cell(next) != 0) {
                    break;
                }
            }
            nearby.add(level, position - 1 - next);
            position = next;
        }
        (group.rank, group.count) = (rank, count);
    }

    /// The first of the contexts that the level at a position may have (docs/spec/avs2#a44.2).
    #[inline(always)]
    fn level_context(&self, g: usize, position: usize) -> usize {
        ctx::LEVEL + if LUMA { 0 } else { 20 } + if g == 0 && position < 3 { 10 } else { 0 }
    }
}

const _: () = assert!(ctx::RUN + 66 <= 256 && ctx::LEVEL + 40 <= 256 && ctx::COUNT > 256);

/// Greatest rank that counts, and what is added to it, by the number of coefficients before (docs/spec/avs2#a44.2).
static LEVEL_STEPS: [[u8; 2]; 16] = {
    let mut steps = [[4, 5]; 16];
    (steps[0], steps[1], steps[2]) = ([2, 0], [3, 2], [3, 2]);
    steps
};

/// docs/spec/avs2#a43.5
#[inline(always)]
fn code_level<C: BinCoder>(c: &mut C, context: usize, level: u32) -> u32 {
    if let Some(rest) = c.final_or_unary(31, level.wrapping_sub(1), context) {
        return 1 + rest;
    }
    let level = 33 + c.exp_golomb(level.wrapping_sub(33));
    if level > MAX_LEVEL {
        c.fail(Error::Invalid { element: "coefficient level", value: level.into() });
    }
    level.min(MAX_LEVEL)
}

/// `rankOf` (docs/spec/avs2#a43.1).
pub(crate) const RANKS: [u8; 6] = [0, 1, 2, 3, 3, 4];

/// Levels of the six scan positions behind the current one in the upper bytes, nearest first.
///
/// The distance rule of docs/spec/avs2#a44.3 comes down to these positions; levels above 4 count as 4, which is enough
/// for the set.
#[derive(Default)]
struct NearbyLevels(u64);

impl NearbyLevels {
    /// The first context of the set of run contexts for a coefficient of this level.
    #[inline(always)]
    fn run_set(&self, level: u32) -> usize {
        let sum = (self.0.wrapping_mul(0x0101_0101_0101_0101) >> 56) as u32 + level.min(4);
        11 * (sum / 2).min(2) as usize
    }

    /// Goes on to the next coefficient, after `run` zeros.
    #[inline(always)]
    fn add(&mut self, level: u32, run: usize) {
        let levels = (self.0 << 8) | u64::from(level.min(4) << 16);
        self.0 = levels.checked_shl(8 * run as u32).unwrap_or(0);
    }
}

/// Run contexts by examined position (docs/spec/avs2#a44.3): [several groups][group 0][chroma, luma, diagonal luma].
pub(crate) static RUN_PLACES: [[[[u8; 16]; 3]; 2]; 2] = {
    let mut places = [[[[0; 16]; 3]; 2]; 2];
    let mut case = 0;
    while case < 12 {
        let (several, first, class) = (case / 6, case / 3 % 2 == 1, case % 3);
        let mut p = 0;
        while p < 16 {
            let m = match class {
                0 => (p >= 5) as u8,
                1 => CELLS_4X4[p].1.div_ceil(2),
                _ if p < 3 => 0,
                _ if p < 10 => 1,
                _ => 2,
            };
            let step = if class == 0 { 3 } else { 4 };
            let place = if !first {
                step + m
            } else if p == 0 {
                0
            } else {
                1 + m
            };
            places[several][first as usize][class][p] = place + if several == 1 { step } else { 0 };
            p += 1;
        }
        case += 1;
    }
    places
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aec::{AecReader, AecWriter};

    struct Array {
        w: usize,
        levels: Vec<i32>,
    }

    impl Levels for Array {
        fn get(&self, x: usize, y: usize) -> i32 {
            self.levels[y * self.w + x]
        }
        fn set(&mut self, x: usize, y: usize, level: i32) {
            self.levels[y * self.w + x] = level;
        }
    }

    #[test]
    fn blocks_of_every_size_and_class_read_back() {
        let mut state = 1_u32;
        let mut next = |n: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) % n
        };
        let classes = [
            BlockClass::CHROMA,
            BlockClass::INTER_LUMA,
            BlockClass::intra_luma(12, false),
            BlockClass::intra_luma(24, false),
            BlockClass::intra_luma(24, true),
        ];
        let mut blocks = Vec::new();
        for size in [(4, 4), (8, 8), (16, 16), (32, 32), (16, 4), (4, 16), (32, 8), (8, 32)] {
            for class in classes {
                let class = BlockClass { swap: class.swap && size.0 == size.1, ..class };
                for density in [1, 3, 20, 200] {
                    let mut levels: Vec<i32> = (0..size.0 * size.1)
                        .map(|_| {
                            let range = [3, 12, 100, 60_000][next(4) as usize];
                            if next(density) == 0 { next(range) as i32 - range as i32 / 2 } else { 0 }
                        })
                        .collect();
                    levels[next((size.0 * size.1) as u32) as usize] = -32768;
                    blocks.push((size, class, levels));
                }
            }
        }
        let mut writer = AecWriter::new();
        for (size, class, levels) in &blocks {
            let mut array = Array { w: size.0, levels: levels.clone() };
            code_coefficients(&mut writer, *size, *class, &mut array);
            assert_eq!(&array.levels, levels);
        }
        writer.final_bin(true);
        let bytes = writer.finish();
        let mut reader = AecReader::new(&bytes);
        for (size, class, levels) in &blocks {
            let mut array = Array { w: size.0, levels: vec![0; levels.len()] };
            code_coefficients(&mut reader, *size, *class, &mut array);
            assert_eq!(&array.levels, levels, "{size:?} {class:?}");
        }
        assert!(reader.final_bin(false));
        assert_eq!(reader.check(), Ok(()));
    }
}
