//! Decoding of a largest coding unit: syntax and reconstruction.

use super::inter::InterDecoder;
use super::picture::{PictureContext, SliceState};
use super::sink::Band;
use crate::Error;
use crate::aec::AecReader;
use crate::filter::{Geometry, LcuInfo, edge};
use crate::inter::{
    InterResidual, Orientation, Partition, PredictionBlocks, UnitType, code_inter_residual, mark_inner_edges,
    transform_kind,
};
use crate::recon::{
    Availability, CoefficientBlock, Dequantiser, ReferenceLine, Secondary, add_residual, chroma_qp,
    inverse_transform, predict_intra,
};
use crate::syntax::{
    BlockClass, CuKind, IntraUnit, Levels, Neighbours, SaoLcu, SaoMerge, chroma_to_luma_mode, code_alf_flag,
    code_coefficients, code_intra_unit, code_sao, code_split_flag,
};

/// Buffers that live as long as a picture.
#[derive(Debug)]
pub(super) struct LcuDecoder {
    neighbours: Neighbours,
    sao_left: SaoLcu,
    line: ReferenceLine,
    block: Box<CoefficientBlock>,
    residual: Box<[i16; 4096]>,
    /// Only in inter pictures.
    pub(super) inter: Option<InterDecoder>,
}

/// The unit in work and what it may use.
struct Lcu<'a> {
    context: &'a PictureContext,
    slice: &'a SliceState,
    /// Position of its first luma sample.
    x: usize,
    y: usize,
    size: usize,
    /// The units to the left, above, above left and above right are in the slice.
    left: bool,
    up: bool,
    up_left: bool,
    up_right: bool,
}

/// Z-order of the 4x4 blocks of a largest coding unit, row by row (docs/spec/avs2#b2.4).
static Z_ORDER: [[u8; 16]; 16] = {
    let mut order = [[0; 16]; 16];
    let mut y = 0;
    while y < 16 {
        let mut x = 0;
        while x < 16 {
            let mut bit = 0;
            while bit < 4 {
                order[y][x] |= (((x >> bit) & 1) << (2 * bit) | ((y >> bit) & 1) << (2 * bit + 1)) as u8;
                bit += 1;
            }
            x += 1;
        }
        y += 1;
    }
    order
};

/// Scales levels as they are decoded.
struct LevelSink<'a> {
    block: &'a mut CoefficientBlock,
    dequantiser: Dequantiser<'a>,
}

impl Levels for LevelSink<'_> {
    fn get(&self, _x: usize, _y: usize) -> i32 {
        0
    }

    #[inline(always)]
    fn set(&mut self, x: usize, y: usize, level: i32) {
        self.block.set(x, y, self.dequantiser.scale(x, y, level));
    }
}

/// A transform block of component `c` at (`x`, `y`), in samples of the component.
struct Block {
    c: usize,
    x: usize,
    y: usize,
    size: (usize, usize),
    mode: u8,
    available: Availability,
}

impl LcuDecoder {
    pub fn new(geometry: &Geometry, inter: Option<InterDecoder>) -> Self {
        Self {
            inter,
            neighbours: Neighbours::new(geometry.width, 0),
            sao_left: SaoLcu::default(),
            line: ReferenceLine::default(),
            block: Box::default(),
            residual: Box::new([0; 4096]),
        }
    }

    pub fn start_slice(&mut self, qp: u8) {
        self.neighbours.start_slice(qp);
    }

    pub fn start_row(&mut self) {
        self.neighbours.start_row();
    }

    /// Decodes the unit at (`column`, `row`) into `band`.
    pub fn decode(
        &mut self,
        context: &PictureContext,
        slice: &SliceState,
        aec: &mut AecReader<'_>,
        band: &mut Band,
        sao_above: &mut [SaoLcu],
        (column, row): (usize, usize),
    ) -> Result<(), Error> {
        let geometry = &context.geometry;
        let columns = geometry.lcu_columns();
        let index = row * columns + column;
        let is_in_slice = |distance: usize| index >= slice.first + distance;
        let size = geometry.lcu_size();
        let lcu = Lcu {
            context,
            slice,
            x: column * size,
            y: row * size,
            size,
            left: column > 0 && is_in_slice(1),
            up: row > 0 && is_in_slice(columns),
            up_left: row > 0 && column > 0 && is_in_slice(columns + 1),
            up_right: row > 0 && column + 1 < columns && is_in_slice(columns - 1),
        };
        let mut info = LcuInfo { slice: slice.number, ..LcuInfo::default() };
        if slice.header.sao_enable.contains(&true) {
            let left = lcu.left.then_some(&self.sao_left);
            let up = lcu.up.then_some(&sao_above[column]);
            let off = SaoLcu::default();
            info.sao = code_sao(aec, slice.header.sao_enable, left, up, SaoMerge::None, &off).1;
            self.sao_left = info.sao;
            sao_above[column] = info.sao;
        }
        for (c, flag) in info.alf.iter_mut().enumerate() {
            *flag = context.header.alf.is_enabled(c) && code_alf_flag(aec, false);
        }
        band.info.lcus[column] = info;
        self.quadtree(&lcu, aec, band, (lcu.x, lcu.y), geometry.lcu_log2)
    }

    fn quadtree(
        &mut self,
        lcu: &Lcu<'_>,
        aec: &mut AecReader<'_>,
        band: &mut Band,
        (x, y): (usize, usize),
        level: u32,
    ) -> Result<(), Error> {
        let geometry = &lcu.context.geometry;
        let size = 1 << level;
        let inside = x + size <= geometry.width && y + size <= geometry.height;
        let split = level > 3 && (!inside || code_split_flag(aec, level, false));
        if !split {
            return self.coding_unit(lcu, aec, band, (x, y), level);
        }
        let half = size / 2;
        for (dx, dy) in [(0, 0), (half, 0), (0, half), (half, half)] {
            if x + dx < geometry.width && y + dy < geometry.height {
                self.quadtree(lcu, aec, band, (x + dx, y + dy), level - 1)?;
            }
        }
        Ok(())
    }

    fn coding_unit(
        &mut self,
        lcu: &Lcu<'_>,
        aec: &mut AecReader<'_>,
        band: &mut Band,
        (x, y): (usize, usize),
        level: u32,
    ) -> Result<(), Error> {
        let size = 1 << level;
        if let Some(inter) = &mut self.inter {
            let (unit, blocks) = inter.motion(aec, lcu.slice.number, (x, y), level);
            if unit != UnitType::Intra {
                return self.inter_unit(lcu, aec, band, ((x, y), level), unit, &blocks);
            }
        }
        let mut unit = IntraUnit::default();
        code_intra_unit(aec, &lcu.slice.tools, &mut self.neighbours, (x, y), level, &mut unit);
        aec.check()?;
        mark_unit(lcu, band, (x, y), size, unit.qp);
        mark_intra_edges(lcu, band, (x, y), size, &unit);

        let secondary = lcu.context.sequence.secondary_transform_enable;
        let strip = matches!(unit.kind, CuKind::Intra2NxhN | CuKind::IntrahNx2N);
        let n = if unit.kind == CuKind::Intra2Nx2N { level } else { level - 1 };
        for i in 0..unit.kind.block_count() {
            let rect = unit.kind.block(size, i);
            let mode = unit.luma_modes[i];
            let (bx, by) = (x + rect.x, y + rect.y);
            let available = lcu.availability((bx, by), (rect.w, rect.h));
            let block = Block { c: 0, x: bx, y: by - lcu.y, size: (rect.w, rect.h), mode, available };
            let coded = (unit.ctp >> i & 1 == 1).then(|| {
                let transform = if secondary {
                    Secondary::of_intra_luma((rect.w, rect.h), mode, available.left, available.top)
                } else {
                    Secondary::None
                };
                (BlockClass::intra_luma(mode, strip), Dequantiser::new(unit.qp, n), transform)
            });
            self.block(lcu, aec, band, &block, coded);
        }
        let available = lcu.availability((x, y), (size, size));
        let mode = chroma_to_luma_mode(unit.chroma_mode, unit.luma_modes[0]);
        for c in 1..3 {
            let block =
                Block { c, x: x / 2, y: (y - lcu.y) / 2, size: (size / 2, size / 2), mode, available };
            let coded = (unit.ctp >> (3 + c) & 1 == 1).then(|| {
                let qp = chroma_qp(unit.qp, lcu.context.header.chroma_qp_delta[c - 1]);
                (BlockClass::CHROMA, Dequantiser::new(qp, level - 1), Secondary::None)
            });
            self.block(lcu, aec, band, &block, coded);
        }
        Ok(())
    }

    /// Decodes the rest of an inter unit and reconstructs it.
    fn inter_unit(
        &mut self,
        lcu: &Lcu<'_>,
        aec: &mut AecReader<'_>,
        band: &mut Band,
        ((x, y), level): ((usize, usize), u32),
        unit: UnitType,
        blocks: &PredictionBlocks,
    ) -> Result<(), Error> {
        let (size, n) = (1 << level, level);
        let partition = match unit {
            UnitType::Explicit(partition) => partition,
            _ => Partition::Whole,
        };
        let nsqt = lcu.context.sequence.nonsquare_quadtree_transform_enable && size > 8;
        let strips = if nsqt { partition.orientation() } else { Orientation::Square };
        let mut residual = InterResidual::default();
        let place = ((x, y), level);
        code_inter_residual(
            aec,
            &lcu.slice.tools,
            &mut self.neighbours,
            place,
            (unit, strips),
            &mut residual,
        );
        aec.check()?;
        let InterResidual { split, ctp, qp } = residual;
        mark_unit(lcu, band, (x, y), size, qp);
        if lcu.context.header.deblocking.is_some() {
            let transform = (split && ctp != 0).then_some(strips);
            mark_inner_edges(&mut band.info, (x / 8, (y - lcu.y) / 8), size, partition, transform);
        }
        if let Some(inter) = &mut self.inter {
            inter.set_coded((x, y), size, ctp != 0);
            inter.predict(blocks, band, lcu.y);
        }
        let kind = transform_kind(split, strips);
        for i in 0..kind.block_count() {
            if ctp >> i & 1 == 1 {
                let rect = kind.block(size, i);
                let place = (0, x + rect.x, y - lcu.y + rect.y, (rect.w, rect.h));
                let dequantiser = Dequantiser::new(qp, n - u32::from(split));
                self.add_residual(
                    lcu,
                    aec,
                    band,
                    place,
                    (BlockClass::INTER_LUMA, dequantiser, Secondary::None),
                );
            }
        }
        for c in 1..3 {
            if ctp >> (3 + c) & 1 == 1 {
                let place = (c, x / 2, (y - lcu.y) / 2, (size / 2, size / 2));
                let qp = chroma_qp(qp, lcu.context.header.chroma_qp_delta[c - 1]);
                let dequantiser = Dequantiser::new(qp, n - 1);
                self.add_residual(lcu, aec, band, place, (BlockClass::CHROMA, dequantiser, Secondary::None));
            }
        }
        Ok(())
    }

    /// Decodes the coefficients of a block if it has some, predicts it and adds the residual.
    fn block(
        &mut self,
        lcu: &Lcu<'_>,
        aec: &mut AecReader<'_>,
        band: &mut Band,
        block: &Block,
        coded: Option<(BlockClass, Dequantiser<'_>, Secondary)>,
    ) {
        let backend = lcu.context.backend;
        let plane = &mut band.planes[block.c];
        let stride = plane.stride();
        let origin = plane.index(block.x, block.y + 1);
        self.line.load(plane.samples(), stride, origin, block.size, block.available, block.mode);
        let out = &mut plane.samples_mut()[origin..];
        predict_intra(backend, block.mode, block.size, &self.line, block.available, out, stride);
        if let Some(coded) = coded {
            self.add_residual(lcu, aec, band, (block.c, block.x, block.y, block.size), coded);
        }
    }

    /// Decodes the coefficients of the block of component `c` at (`x`, `y`) and adds them to its prediction.
    fn add_residual(
        &mut self,
        lcu: &Lcu<'_>,
        aec: &mut AecReader<'_>,
        band: &mut Band,
        (c, x, y, size): (usize, usize, usize, (usize, usize)),
        (class, mut dequantiser, secondary): (BlockClass, Dequantiser<'_>, Secondary),
    ) {
        let backend = lcu.context.backend;
        let plane = &mut band.planes[c];
        let (stride, origin) = (plane.stride(), plane.index(x, y + 1));
        let out = &mut plane.samples_mut()[origin..];
        let (w, h) = size;
        let coded_size = if w.max(h) == 64 { (w / 2, h / 2) } else { (w, h) };
        if let Some(weights) = &lcu.context.weights {
            dequantiser = dequantiser.with_weights(weights, coded_size);
        }
        self.block.start(coded_size);
        code_coefficients(aec, coded_size, class, &mut LevelSink { block: &mut self.block, dequantiser });
        inverse_transform(backend, &mut self.block, size, secondary, &mut self.residual);
        self.block.clear();
        add_residual(backend, &self.residual, size, out, stride);
    }
}

/// Leaves QP and the borders of a unit for deblocking (docs/spec/avs2#b6.2).
fn mark_unit(lcu: &Lcu<'_>, band: &mut Band, (x, y): (usize, usize), size: usize, qp: u8) {
    let info = &mut band.info;
    let (bx, by, count) = (x / 8, (y - lcu.y) / 8, size / 8);
    let units = info.units;
    for row in by..by + count {
        info.qp[row * units + bx..][..count].fill(qp);
    }
    if lcu.context.header.deblocking.is_none() {
        return;
    }
    let cross = lcu.context.sequence.cross_slice_loop_filter_enable;
    if x > 0 && (x > lcu.x || cross || lcu.left) {
        info.mark_vertical(bx, by, count, edge::LUMA | edge::CHROMA);
    }
    if y > 0 && (y > lcu.y || cross || lcu.up) {
        info.mark_horizontal(bx, by, count, edge::LUMA | edge::CHROMA);
    }
}

/// Leaves the edges inside an intra unit (docs/spec/avs2#b6.2).
fn mark_intra_edges(lcu: &Lcu<'_>, band: &mut Band, (x, y): (usize, usize), size: usize, unit: &IntraUnit) {
    if lcu.context.header.deblocking.is_none() || size <= 8 || unit.kind == CuKind::Intra2Nx2N {
        return;
    }
    let info = &mut band.info;
    let (bx, by, count) = (x / 8, (y - lcu.y) / 8, size / 8);
    for i in 1..count {
        // In a 16x16 unit only the middle one of the strips' sides is on the grid.
        if unit.kind == CuKind::Intra2NxhN {
            info.mark_horizontal(bx, by + i, count, edge::LUMA);
        } else {
            info.mark_vertical(bx + i, by, count, edge::LUMA);
        }
    }
    if unit.ctp != 0 && !lcu.context.sequence.nonsquare_quadtree_transform_enable {
        info.mark_vertical(bx + count / 2, by, count, edge::LUMA);
        info.mark_horizontal(bx, by + count / 2, count, edge::LUMA);
    }
}

impl Lcu<'_> {
    /// Neighbouring samples of a luma area (docs/spec/avs2#b2.4).
    fn availability(&self, (x, y): (usize, usize), (w, h): (usize, usize)) -> Availability {
        let geometry = &self.context.geometry;
        let (dx, dy) = (x - self.x, y - self.y);
        let z = Z_ORDER[dy / 4][dx / 4];
        let right = x + 2 * w - 1;
        let top_right = right < geometry.width
            && if dy == 0 {
                // The segment ends in the unit above or in the one to the right of it.
                if right < self.x + self.size { self.up } else { self.up_right }
            } else {
                dx + w < self.size && Z_ORDER[(dy - 1) / 4][(dx + w) / 4] < z
            };
        let bottom = y + 2 * h - 1;
        let bottom_left = bottom < geometry.height
            && if dx == 0 {
                dy + h < self.size && self.left
            } else {
                dy + h < self.size && Z_ORDER[(dy + h) / 4][(dx - 1) / 4] < z
            };
        Availability {
            left: dx > 0 || self.left,
            top: dy > 0 || self.up,
            top_left: match (dx > 0, dy > 0) {
                (true, true) => true,
                (true, false) => self.up,
                (false, true) => self.left,
                (false, false) => self.up_left,
            },
            top_right,
            bottom_left,
        }
    }
}
