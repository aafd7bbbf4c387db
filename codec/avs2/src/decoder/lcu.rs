//! Decoding of a largest coding unit: syntax and reconstruction.

use super::inter::InterDecoder;
use super::picture::{PictureContext, SliceState};
use super::sink::LcuRow;
use crate::Error;
use crate::aec::AecReader;
use crate::filter::{Geometry, LcuInfo, UnitArea, edge};
use crate::inter::{
    InterResidual, Orientation, Partition, PredictionBlocks, UnitType, code_inter_residual, mark_inner_edges,
    transform_split,
};
use crate::recon::{
    Availability, CoefficientBlock, Dequantiser, LcuPlace, ReferenceLine, Secondary, add_residual, chroma_qp,
    inverse_transform, predict_intra,
};
use crate::syntax::{
    BlockClass, IntraUnit, Levels, Neighbours, SaoLcu, SaoMerge, TransformSplit, chroma_to_luma_mode,
    code_alf_flag, code_coefficients, code_intra_unit, code_sao, code_split_flag,
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
    place: LcuPlace,
}

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

    /// Decodes the unit at (`column`, `row`) into `lcu_row`.
    pub fn decode(
        &mut self,
        context: &PictureContext,
        slice: &SliceState,
        aec: &mut AecReader<'_>,
        lcu_row: &mut LcuRow,
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
            place: LcuPlace {
                x: column * size,
                y: row * size,
                size,
                picture: (geometry.width, geometry.height),
                left: column > 0 && is_in_slice(1),
                up: row > 0 && is_in_slice(columns),
                up_left: row > 0 && column > 0 && is_in_slice(columns + 1),
                up_right: row > 0 && column + 1 < columns && is_in_slice(columns - 1),
            },
        };
        let mut info = LcuInfo { slice: slice.number, ..LcuInfo::default() };
        if slice.header.sao_enable.contains(&true) {
            let left = lcu.place.left.then_some(&self.sao_left);
            let up = lcu.place.up.then_some(&sao_above[column]);
            let off = SaoLcu::default();
            info.sao = code_sao(aec, slice.header.sao_enable, left, up, SaoMerge::None, &off).1;
            self.sao_left = info.sao;
            sao_above[column] = info.sao;
        }
        for (c, flag) in info.alf.iter_mut().enumerate() {
            *flag = context.header.alf.is_enabled(c) && code_alf_flag(aec, false);
        }
        lcu_row.info.lcus[column] = info;
        self.quadtree(&lcu, aec, lcu_row, (lcu.place.x, lcu.place.y), geometry.lcu_log2)
    }

    fn quadtree(
        &mut self,
        lcu: &Lcu<'_>,
        aec: &mut AecReader<'_>,
        lcu_row: &mut LcuRow,
        (x, y): (usize, usize),
        log2_size: u32,
    ) -> Result<(), Error> {
        let geometry = &lcu.context.geometry;
        let size = 1 << log2_size;
        let inside = x + size <= geometry.width && y + size <= geometry.height;
        let split = log2_size > 3 && (!inside || code_split_flag(aec, log2_size, false));
        if !split {
            return self.coding_unit(lcu, aec, lcu_row, (x, y), log2_size);
        }
        let half = size / 2;
        for (dx, dy) in [(0, 0), (half, 0), (0, half), (half, half)] {
            if x + dx < geometry.width && y + dy < geometry.height {
                self.quadtree(lcu, aec, lcu_row, (x + dx, y + dy), log2_size - 1)?;
            }
        }
        Ok(())
    }

    fn coding_unit(
        &mut self,
        lcu: &Lcu<'_>,
        aec: &mut AecReader<'_>,
        lcu_row: &mut LcuRow,
        (x, y): (usize, usize),
        log2_size: u32,
    ) -> Result<(), Error> {
        let size = 1 << log2_size;
        if let Some(inter) = &mut self.inter {
            let (unit, blocks) = inter.motion(aec, lcu.slice.number, (x, y), log2_size);
            if unit != UnitType::Intra {
                return self.inter_unit(lcu, aec, lcu_row, ((x, y), log2_size), unit, &blocks);
            }
        }
        let mut unit = IntraUnit::default();
        code_intra_unit(aec, &lcu.slice.tools, &mut self.neighbours, (x, y), log2_size, &mut unit);
        aec.check()?;
        mark_unit(lcu, lcu_row, (x, y), size, unit.qp);
        mark_intra_edges(lcu, lcu_row, (x, y), size, &unit);

        let secondary = lcu.context.sequence.secondary_transform_enable;
        let strip = matches!(unit.split, TransformSplit::Horizontal | TransformSplit::Vertical);
        let n = if unit.split == TransformSplit::None { log2_size } else { log2_size - 1 };
        for i in 0..unit.split.block_count() {
            let rect = unit.split.block(size, i);
            let mode = unit.luma_modes[i];
            let (bx, by) = (x + rect.x, y + rect.y);
            let available = lcu.place.availability((bx, by), (rect.w, rect.h));
            let block = Block { c: 0, x: bx, y: by - lcu.place.y, size: (rect.w, rect.h), mode, available };
            let coded = (unit.ctp >> i & 1 == 1).then(|| {
                let transform = if secondary {
                    Secondary::of_intra_luma((rect.w, rect.h), mode, available.left, available.top)
                } else {
                    Secondary::None
                };
                (BlockClass::intra_luma(mode, strip), Dequantiser::new(unit.qp, n), transform)
            });
            self.block(lcu, aec, lcu_row, &block, coded);
        }
        let available = lcu.place.availability((x, y), (size, size));
        let mode = chroma_to_luma_mode(unit.chroma_mode, unit.luma_modes[0]);
        for c in 1..3 {
            let block =
                Block { c, x: x / 2, y: (y - lcu.place.y) / 2, size: (size / 2, size / 2), mode, available };
            let coded = (unit.ctp >> (3 + c) & 1 == 1).then(|| {
                let qp = chroma_qp(unit.qp, lcu.context.header.chroma_qp_delta[c - 1]);
                (BlockClass::CHROMA, Dequantiser::new(qp, log2_size - 1), Secondary::None)
            });
            self.block(lcu, aec, lcu_row, &block, coded);
        }
        Ok(())
    }

    /// Decodes the rest of an inter unit and reconstructs it.
    fn inter_unit(
        &mut self,
        lcu: &Lcu<'_>,
        aec: &mut AecReader<'_>,
        lcu_row: &mut LcuRow,
        ((x, y), log2_size): ((usize, usize), u32),
        unit: UnitType,
        blocks: &PredictionBlocks,
    ) -> Result<(), Error> {
        let (size, n) = (1 << log2_size, log2_size);
        let partition = match unit {
            UnitType::Explicit(partition) => partition,
            _ => Partition::Whole,
        };
        let nsqt = lcu.context.sequence.nonsquare_quadtree_transform_enable && size > 8;
        let strips = if nsqt { partition.orientation() } else { Orientation::Square };
        let mut residual = InterResidual::default();
        let place = ((x, y), log2_size);
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
        mark_unit(lcu, lcu_row, (x, y), size, qp);
        if lcu.context.header.deblocking.is_some() {
            let transform = (split && ctp != 0).then_some(strips);
            mark_inner_edges(&mut lcu_row.info, (x / 8, (y - lcu.place.y) / 8), size, partition, transform);
        }
        if let Some(inter) = &mut self.inter {
            inter.set_coded((x, y), size, ctp != 0);
            inter.predict(blocks, lcu_row, lcu.place.y);
        }
        let kind = transform_split(split, strips);
        for i in 0..kind.block_count() {
            if ctp >> i & 1 == 1 {
                let rect = kind.block(size, i);
                let place = (0, x + rect.x, y - lcu.place.y + rect.y, (rect.w, rect.h));
                let dequantiser = Dequantiser::new(qp, n - u32::from(split));
                self.add_residual(
                    lcu,
                    aec,
                    lcu_row,
                    place,
                    (BlockClass::INTER_LUMA, dequantiser, Secondary::None),
                );
            }
        }
        for c in 1..3 {
            if ctp >> (3 + c) & 1 == 1 {
                let place = (c, x / 2, (y - lcu.place.y) / 2, (size / 2, size / 2));
                let qp = chroma_qp(qp, lcu.context.header.chroma_qp_delta[c - 1]);
                let dequantiser = Dequantiser::new(qp, n - 1);
                self.add_residual(
                    lcu,
                    aec,
                    lcu_row,
                    place,
                    (BlockClass::CHROMA, dequantiser, Secondary::None),
                );
            }
        }
        Ok(())
    }

    /// Decodes the coefficients of a block if it has some, predicts it and adds the residual.
    fn block(
        &mut self,
        lcu: &Lcu<'_>,
        aec: &mut AecReader<'_>,
        lcu_row: &mut LcuRow,
        block: &Block,
        coded: Option<(BlockClass, Dequantiser<'_>, Secondary)>,
    ) {
        let backend = lcu.context.backend;
        let plane = &mut lcu_row.planes[block.c];
        let stride = plane.stride();
        let origin = plane.index(block.x, block.y + 1);
        self.line.load(plane.samples(), stride, origin, block.size, block.available, block.mode);
        let out = &mut plane.samples_mut()[origin..];
        predict_intra(backend, block.mode, block.size, &self.line, block.available, out, stride);
        if let Some(coded) = coded {
            self.add_residual(lcu, aec, lcu_row, (block.c, block.x, block.y, block.size), coded);
        }
    }

    /// Decodes the coefficients of the block of component `c` at (`x`, `y`) and adds them to its prediction.
    fn add_residual(
        &mut self,
        lcu: &Lcu<'_>,
        aec: &mut AecReader<'_>,
        lcu_row: &mut LcuRow,
        (c, x, y, size): (usize, usize, usize, (usize, usize)),
        (class, mut dequantiser, secondary): (BlockClass, Dequantiser<'_>, Secondary),
    ) {
        let backend = lcu.context.backend;
        let plane = &mut lcu_row.planes[c];
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

/// Leaves QP and the sides of a unit for deblocking (6.2).
fn mark_unit(lcu: &Lcu<'_>, lcu_row: &mut LcuRow, (x, y): (usize, usize), size: usize, qp: u8) {
    let area = UnitArea::new((x, y), size, lcu.place.y);
    lcu_row.info.set_qp(area, qp);
    if lcu.context.header.deblocking.is_some() {
        let (place, cross) = (&lcu.place, lcu.context.sequence.cross_slice_loop_filter_enable);
        let left = x > 0 && (x > place.x || cross || place.left);
        let upper = y > 0 && (y > place.y || cross || place.up);
        lcu_row.info.mark_sides(area, left, upper);
    }
}

/// Leaves the edges inside an intra unit (6.2).
fn mark_intra_edges(lcu: &Lcu<'_>, lcu_row: &mut LcuRow, at: (usize, usize), size: usize, unit: &IntraUnit) {
    if lcu.context.header.deblocking.is_none() || size <= 8 || unit.split == TransformSplit::None {
        return;
    }
    let area = UnitArea::new(at, size, lcu.place.y);
    lcu_row.info.mark_strips(area, unit.split);
    if unit.ctp != 0 && !lcu.context.sequence.nonsquare_quadtree_transform_enable {
        let UnitArea { bx, by, count } = area;
        lcu_row.info.mark_vertical(bx + count / 2, by, count, edge::LUMA);
        lcu_row.info.mark_horizontal(bx, by + count / 2, count, edge::LUMA);
    }
}
