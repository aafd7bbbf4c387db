//! What was decided for a largest coding unit, and how it is written.

use crate::aec::BinCoder;
use crate::encoder::quantisation::quantiser::LevelArray;
use crate::filter::Geometry;
use crate::inter::{
    InterResidual, InterSyntax, InterTools, UnitType, code_inter, code_inter_residual, code_unit_type,
    transform_strips,
};
use crate::recon::z_order;
use crate::syntax::{
    BlockClass, IntraUnit, NeighbourView, SaoLcu, SaoMerge, SliceTools, TransformSplit, code_coefficients,
    code_intra_unit, code_split_flag,
};

/// A coding unit at a position of the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::encoder) struct Unit {
    pub x: usize,
    pub y: usize,
    /// Of the side.
    pub log2_size: u32,
    /// Of an inter unit only `ctp`, `qp` and `kind` count, which is the division of its luma transform.
    pub unit: IntraUnit,
    /// Type and motion of an inter unit.
    pub inter: Option<(UnitType, InterSyntax)>,
}

/// Coefficients of a largest coding unit. A coding unit's begin at the number of samples before it in Z order.
#[derive(Debug, Clone)]
pub(in crate::encoder) struct LcuLevels {
    pub planes: [Vec<i16>; 3],
}

impl LcuLevels {
    pub fn new(lcu_log2: u32) -> Self {
        let luma = 1 << (2 * lcu_log2);
        Self { planes: [luma, luma / 4, luma / 4].map(|n| vec![0; n]) }
    }
}

/// Number of luma samples before a position in Z order, inside its largest coding unit.
pub(in crate::encoder) fn z_offset((x, y): (usize, usize), lcu_log2: u32) -> usize {
    let mask = (1 << lcu_log2) - 1;
    16 * z_order(x & mask, y & mask)
}

/// Where a writer takes the levels of coded blocks from.
pub(in crate::encoder) trait LevelSource {
    /// Those of the next block: of component `c` of `unit`, `from` levels into the unit's.
    fn levels(&mut self, unit: &Unit, c: usize, from: usize, count: usize) -> &[i16];
}

/// Levels of coded blocks in coding order.
impl LevelSource for &[i16] {
    fn levels(&mut self, _: &Unit, _: usize, _: usize, count: usize) -> &[i16] {
        let (levels, rest) = self.split_at(count);
        *self = rest;
        levels
    }
}

/// Levels of units whose search has not ended.
pub(in crate::encoder) struct StoredLevels<'a> {
    pub levels: &'a LcuLevels,
    pub lcu_log2: u32,
}

impl LevelSource for StoredLevels<'_> {
    fn levels(&mut self, unit: &Unit, c: usize, from: usize, count: usize) -> &[i16] {
        let offset = z_offset((unit.x, unit.y), self.lcu_log2) >> (2 * usize::from(c > 0));
        &self.levels.planes[c][offset + from..][..count]
    }
}

/// Everything about a largest coding unit that is written.
#[derive(Debug, Clone)]
pub(in crate::encoder) struct LcuDecision {
    pub units: Vec<Unit>,
    /// Levels of the coded blocks in coding order.
    pub levels: Vec<i16>,
    pub sao: SaoLcu,
    pub sao_merge: SaoMerge,
    pub alf: [bool; 3],
}

/// Size in coefficients of a block of `w` x `h` samples.
pub(in crate::encoder) fn coded_size((w, h): (usize, usize)) -> (usize, usize) {
    if w.max(h) == 64 { (w / 2, h / 2) } else { (w, h) }
}

/// Calls `visit` for every coded block of a unit in coding order: component, offset of the block's levels in the
/// unit's, size in coefficients and class.
pub(in crate::encoder) fn coded_blocks(
    &Unit { log2_size, unit, inter, .. }: &Unit,
    mut visit: impl FnMut(usize, usize, (usize, usize), BlockClass),
) {
    let size = 1 << log2_size;
    let strip = matches!(unit.split, TransformSplit::Horizontal | TransformSplit::Vertical);
    for i in 0..unit.split.block_count() {
        if unit.ctp >> i & 1 == 1 {
            let block = unit.split.block(size, i);
            let class = match inter {
                None => BlockClass::intra_luma(unit.luma_modes[i], strip),
                Some(_) => BlockClass::INTER_LUMA,
            };
            visit(0, i * size * size / 4, coded_size((block.w, block.h)), class);
        }
    }
    for c in 1..3 {
        if unit.ctp >> (3 + c) & 1 == 1 {
            visit(c, 0, (size / 2, size / 2), BlockClass::CHROMA);
        }
    }
}

/// Codes nodes of the quadtree with their units, with the syntax functions that the decoder reads with.
pub(in crate::encoder) struct UnitWriter<'a, N, L> {
    pub geometry: &'a Geometry,
    pub tools: &'a SliceTools,
    /// In inter pictures.
    pub inter: Option<&'a InterTools>,
    pub neighbours: &'a mut N,
    pub levels: L,
    /// Units to code, in coding order.
    pub units: &'a [Unit],
}

impl<N: NeighbourView, L: LevelSource> UnitWriter<'_, N, L> {
    /// Codes the node at (`x`, `y`).
    pub fn node<C: BinCoder>(&mut self, c: &mut C, (x, y): (usize, usize), log2_size: u32) {
        let Some(unit) = self.units.first() else { return };
        let size = 1 << log2_size;
        let inside = x + size <= self.geometry.width && y + size <= self.geometry.height;
        let split = unit.log2_size < log2_size;
        if log2_size > 3 && inside {
            code_split_flag(c, log2_size, split);
        }
        if !split {
            return self.unit(c);
        }
        let half = size / 2;
        for (dx, dy) in [(0, 0), (half, 0), (0, half), (half, half)] {
            if x + dx < self.geometry.width && y + dy < self.geometry.height {
                self.node(c, (x + dx, y + dy), log2_size - 1);
            }
        }
    }

    /// Codes the next unit.
    pub fn unit<C: BinCoder>(&mut self, c: &mut C) {
        let Some((unit, rest)) = self.units.split_first() else { return };
        self.units = rest;
        let Unit { x, y, log2_size, .. } = *unit;
        let mut coded = unit.unit;
        if let Some(tools) = self.inter {
            let (kind, mut syntax) = unit.inter.unwrap_or((UnitType::Intra, InterSyntax::default()));
            code_unit_type(c, tools, log2_size as u8, kind);
            code_inter(c, tools, log2_size as u8, kind, &mut syntax);
        }
        if let Some((kind, _)) = unit.inter {
            let split = coded.split != TransformSplit::None;
            let mut residual = InterResidual { split, ctp: coded.ctp, qp: coded.qp };
            let (place, kind) = (((x, y), log2_size), (kind, transform_strips(coded.split)));
            code_inter_residual(c, self.tools, self.neighbours, place, kind, &mut residual);
            coded.ctp = residual.ctp;
        } else {
            code_intra_unit(c, self.tools, self.neighbours, (x, y), log2_size, &mut coded);
        }
        debug_assert_eq!(coded, unit.unit, "what is written at ({x}, {y}) was decided");
        coded_blocks(unit, |plane, from, size, class| {
            let levels = self.levels.levels(unit, plane, from, size.0 * size.1);
            code_coefficients(c, size, class, &mut LevelArray { levels, width: size.0 });
        });
    }
}
