//! Decoding of an LCU: syntax and reconstruction.

use super::inter::{InterCu, InterDecoder};
use super::parsed::{CuKind, ParsedBlocks, ParsedCu, ParsedLcu, ParsedPart};
use super::picture::{PictureContext, SliceState};
use super::sink::LcuRow;
use crate::Error;
use crate::aec::{AecReader, BinCoder};
use crate::filter::{CuArea, Geometry, LcuInfo, RowInfo, edge};
use crate::inter::{Block, Compensator, InterResidual, PredictionBlock, mark_inner_edges};
use crate::recon::{
    Availability, CoefficientBlock, Dequantiser, LcuPlace, ReferenceLine, Secondary, add_residual, chroma_qp,
    inverse_transform, predict_intra,
};
use crate::simd::Backend;
use crate::syntax::{
    BlockClass, CodedGroup, IntraCu, IntraCuJob, Levels, Neighbours, Node, SaoLcu, SaoMerge, TransformSplit,
    chroma_to_luma_mode, code_alf_flag, code_coefficients, code_sao, code_split_flag,
};

/// Reads and reconstructs LCUs.
#[derive(Debug)]
pub(super) struct LcuDecoder {
    neighbours: Neighbours,
    sao_left: SaoLcu,
    /// By column.
    sao_above: Vec<SaoLcu>,
    reconstructor: Reconstructor,
    /// Only in inter pictures.
    pub(super) inter: Option<InterDecoder>,
}

/// Predicts blocks and adds residuals.
#[derive(Debug)]
pub(super) struct Reconstructor {
    line: ReferenceLine,
    block: Box<CoefficientBlock>,
    residual: Box<[i16; 4096]>,
    /// Only in inter pictures.
    compensator: Option<Compensator>,
}

/// The LCU in work and what it may use.
struct Lcu<'a> {
    context: &'a PictureContext,
    place: LcuPlace,
}

/// What is read.
pub(super) struct Source<'s, 'a> {
    pub slice: &'s SliceState,
    pub aec: &'s mut AecReader<'a>,
}

/// Scales levels as they are decoded.
struct LevelSink<'a> {
    block: &'a mut CoefficientBlock,
    dequantiser: Dequantiser<'a>,
}

impl Levels for LevelSink<'_> {
    #[inline(always)]
    fn set_group(&mut self, group: &CodedGroup<'_>) {
        self.block.extend(group.at, group.is_corner());
        let (dequantiser, width) = (self.dequantiser, self.block.width);
        let coefficients = &mut self.block.coefficients;
        if dequantiser.is_weighted() {
            let (x0, y0) = (4 * group.at.0, 4 * group.at.1);
            group.for_each(|x, y, level| {
                let (x, y) = (x0 + x, y0 + y);
                coefficients[y * width + x] = dequantiser.scale(x, y, level);
            });
        } else {
            group.for_each_place(width, |place, level| {
                coefficients[place] = dequantiser.scale_plainly(level) as i16;
            });
        }
    }
}

/// A block of component `c` at (`x`, `y`), in samples of the component from the corner of the LCU row.
#[derive(Clone, Copy)]
struct BlockAt {
    c: usize,
    x: usize,
    y: usize,
    size: (usize, usize),
}

/// Width and height in coefficients of a block of `w` x `h` samples.
pub(super) fn coded_size((w, h): (usize, usize)) -> (usize, usize) {
    if w.max(h) == 64 { (w / 2, h / 2) } else { (w, h) }
}

/// How an intra block is predicted.
#[derive(Clone, Copy)]
struct Intra {
    mode: u8,
    available: Availability,
}

/// How the coefficients of a block are coded and what becomes of them.
struct Coded<'a> {
    pub class: BlockClass,
    pub dequantiser: Dequantiser<'a>,
    pub secondary: Secondary,
}

impl LcuDecoder {
    pub fn new(context: &PictureContext, inter: Option<InterDecoder>) -> Self {
        let geometry = &context.geometry;
        Self {
            neighbours: Neighbours::new(geometry.width, 0),
            sao_left: SaoLcu::default(),
            sao_above: vec![SaoLcu::default(); geometry.lcu_columns()],
            reconstructor: Reconstructor::new(context),
            inter,
        }
    }

    pub fn start_slice(&mut self, qp: u8) {
        self.neighbours.start_slice(qp);
    }

    pub fn start_row(&mut self) {
        self.neighbours.start_row();
    }

    /// Decodes the LCU at (`column`, `row`) into `lcu_row`.
    pub fn decode(
        &mut self,
        context: &PictureContext,
        source: &mut Source<'_, '_>,
        lcu_row: &mut LcuRow,
        (column, row): (usize, usize),
    ) -> Result<(), Error> {
        let lcu = Lcu { context, place: place(&context.geometry, source.slice, column, row) };
        lcu_row.info.lcus[column] = self.filters(&lcu, source, column);
        self.quadtree(&lcu, source, lcu_row, lcu.node())
    }

    /// Reads the LCU at (`column`, `row`).
    pub fn parse(
        &mut self,
        context: &PictureContext,
        source: &mut Source<'_, '_>,
        parsed: &mut ParsedPart,
        (column, row): (usize, usize),
    ) -> Result<(), Error> {
        let lcu = Lcu { context, place: place(&context.geometry, source.slice, column, row) };
        let info = self.filters(&lcu, source, column);
        self.parse_node(&lcu, source, parsed, lcu.node())?;
        parsed.lcus.push(ParsedLcu { place: lcu.place, info, end: parsed.cus.len() });
        Ok(())
    }

    /// Reads what the loop filters need of an LCU.
    fn filters(&mut self, lcu: &Lcu<'_>, source: &mut Source<'_, '_>, column: usize) -> LcuInfo {
        let Source { slice, aec } = source;
        let mut info = LcuInfo { slice: slice.number, ..LcuInfo::default() };
        if slice.header.sao_enable.contains(&true) {
            let left = lcu.place.left.then_some(&self.sao_left);
            let up = lcu.place.up.then_some(&self.sao_above[column]);
            let off = SaoLcu::default();
            info.sao = code_sao(*aec, slice.header.sao_enable, left, up, SaoMerge::None, &off).1;
            self.sao_left = info.sao;
            self.sao_above[column] = info.sao;
        }
        for (c, flag) in info.alf.iter_mut().enumerate() {
            *flag = lcu.context.header.alf.is_enabled(c) && code_alf_flag(*aec, false);
        }
        info
    }

    fn quadtree(
        &mut self,
        lcu: &Lcu<'_>,
        source: &mut Source<'_, '_>,
        lcu_row: &mut LcuRow,
        node: Node,
    ) -> Result<(), Error> {
        if !lcu.is_divided(source.aec, node) {
            return self.cu(lcu, source, lcu_row, node);
        }
        for quarter in node.quarters() {
            if quarter.begins_inside(lcu.place.picture) {
                self.quadtree(lcu, source, lcu_row, quarter)?;
            }
        }
        Ok(())
    }

    fn parse_node(
        &mut self,
        lcu: &Lcu<'_>,
        source: &mut Source<'_, '_>,
        parsed: &mut ParsedPart,
        node: Node,
    ) -> Result<(), Error> {
        if lcu.is_divided(source.aec, node) {
            for quarter in node.quarters() {
                if quarter.begins_inside(lcu.place.picture) {
                    self.parse_node(lcu, source, parsed, quarter)?;
                }
            }
            return Ok(());
        }
        if let Some(inter) = &mut self.inter
            && let Some(cu) = inter.read_cu(lcu.context, source, &mut self.neighbours, node)?
        {
            mark_inter_cu(lcu, &mut parsed.info, node, &cu);
            parsed.read_inter_cu(source.aec, node, cu, inter.predictions());
            return Ok(());
        }
        let cu = self.intra_cu(source, node)?;
        if self.inter.is_some() {
            mark_intra_cu(lcu, &mut parsed.info, node, &cu);
        }
        parsed.read_intra_cu(source.aec, node, cu);
        Ok(())
    }

    /// Reads an intra CU but for its coefficients.
    fn intra_cu(&mut self, source: &mut Source<'_, '_>, node: Node) -> Result<IntraCu, Error> {
        let mut cu = IntraCu::default();
        let (tools, neighbours) = (&source.slice.tools, &mut self.neighbours);
        source.aec.run(IntraCuJob { tools, neighbours, node, cu: &mut cu });
        source.aec.check()?;
        Ok(cu)
    }

    fn cu(
        &mut self,
        lcu: &Lcu<'_>,
        source: &mut Source<'_, '_>,
        lcu_row: &mut LcuRow,
        node: Node,
    ) -> Result<(), Error> {
        let context = lcu.context;
        if let Some(inter) = &mut self.inter
            && let Some(cu) = inter.read_cu(context, source, &mut self.neighbours, node)?
        {
            mark_inter_cu(lcu, &mut lcu_row.info, node, &cu);
            self.reconstructor.compensate(context, inter.predictions(), lcu_row, lcu.place.y);
            lcu.inter_blocks(node, &cu, |at, coded| {
                self.reconstructor.decode_residual(context, source.aec, lcu_row, at, coded);
            });
            return Ok(());
        }
        let cu = self.intra_cu(source, node)?;
        mark_intra_cu(lcu, &mut lcu_row.info, node, &cu);
        lcu.intra_blocks(node, &cu, |at, intra, coded| {
            self.reconstructor.predict(context.backend, lcu_row, at, intra);
            if let Some(coded) = coded {
                self.reconstructor.decode_residual(context, source.aec, lcu_row, at, coded);
            }
        });
        Ok(())
    }
}

impl Reconstructor {
    pub fn new(context: &PictureContext) -> Self {
        let compensator = (!context.header.is_intra()).then(|| Compensator::new(context.backend));
        Self {
            line: ReferenceLine::default(),
            block: Box::default(),
            residual: Box::new([0; 4096]),
            compensator,
        }
    }

    /// Reconstructs what was read of a row. Of inter pictures the reader has marked the edges already.
    pub fn part(&mut self, context: &PictureContext, parsed: &mut ParsedPart, lcu_row: &mut LcuRow) {
        let is_intra = context.header.is_intra();
        if !is_intra {
            std::mem::swap(&mut lcu_row.info, &mut parsed.info);
        }
        let mut blocks = parsed.blocks();
        let mut predictions = parsed.predictions.as_slice();
        let mut start = 0;
        for ParsedLcu { place, info, end } in &parsed.lcus {
            lcu_row.info.lcus[place.x >> context.geometry.lcu_log2] = *info;
            let lcu = Lcu { context, place: *place };
            for &ParsedCu { node, kind } in &parsed.cus[start..*end] {
                match kind {
                    CuKind::Intra(cu) => {
                        if is_intra {
                            mark_intra_cu(&lcu, &mut lcu_row.info, node, &cu);
                        }
                        lcu.intra_blocks(node, &cu, |at, intra, coded| {
                            self.predict(context.backend, lcu_row, at, intra);
                            if let Some(coded) = coded {
                                self.residual(context, &mut blocks, lcu_row, at, coded);
                            }
                        });
                    }
                    CuKind::Inter { cu, predictions: count } => {
                        let (own, rest) = predictions.split_at(count.into());
                        predictions = rest;
                        self.compensate(context, own, lcu_row, place.y);
                        lcu.inter_blocks(node, &cu, |at, coded| {
                            self.residual(context, &mut blocks, lcu_row, at, coded);
                        });
                    }
                }
            }
            start = *end;
        }
    }

    /// Predicts all samples of `blocks` from other pictures into `lcu_row`, whose first luma row is `top`.
    fn compensate(
        &mut self,
        context: &PictureContext,
        blocks: &[PredictionBlock],
        lcu_row: &mut LcuRow,
        top: usize,
    ) {
        let Some(compensator) = &mut self.compensator else { return };
        for block in blocks {
            for (c, plane) in lcu_row.planes.iter_mut().enumerate() {
                let shift = usize::from(c > 0);
                let origin = plane.index(block.rect.x >> shift, ((block.rect.y - top) >> shift) + 1);
                let stride = plane.stride();
                let target = Block { samples: &mut plane.samples_mut()[origin..], stride };
                compensator.predict(&context.references, block, c, target);
            }
        }
    }

    /// Adds the residual of the next block that was read to its prediction.
    #[inline]
    fn residual(
        &mut self,
        context: &PictureContext,
        blocks: &mut ParsedBlocks<'_>,
        lcu_row: &mut LcuRow,
        at: BlockAt,
        Coded { class, dequantiser, secondary }: Coded<'_>,
    ) {
        blocks.next_into(class, &mut self.sink(context, at, dequantiser));
        self.add_residual(context.backend, lcu_row, at, secondary);
    }

    /// Predicts a block.
    fn predict(
        &mut self,
        backend: Backend,
        lcu_row: &mut LcuRow,
        at: BlockAt,
        Intra { mode, available }: Intra,
    ) {
        let plane = &mut lcu_row.planes[at.c];
        let stride = plane.stride();
        let origin = plane.index(at.x, at.y + 1);
        self.line.load(plane.samples(), stride, origin, at.size, available, mode);
        let out = &mut plane.samples_mut()[origin..];
        predict_intra(backend, mode, at.size, &self.line, out, stride);
    }

    /// Takes the levels of a block.
    fn sink<'a>(
        &'a mut self,
        context: &'a PictureContext,
        at: BlockAt,
        dequantiser: Dequantiser<'a>,
    ) -> LevelSink<'a> {
        let size = coded_size(at.size);
        self.block.start(size);
        LevelSink { block: &mut self.block, dequantiser: context.weighted(dequantiser, size) }
    }

    /// Decodes the coefficients of a block and adds them to its prediction.
    fn decode_residual(
        &mut self,
        context: &PictureContext,
        aec: &mut AecReader<'_>,
        lcu_row: &mut LcuRow,
        at: BlockAt,
        Coded { class, dequantiser, secondary }: Coded<'_>,
    ) {
        let sink = &mut self.sink(context, at, dequantiser);
        code_coefficients(aec, coded_size(at.size), class, sink);
        self.add_residual(context.backend, lcu_row, at, secondary);
    }

    /// Adds the residual of the coefficients in `block`, which are 0 afterwards.
    fn add_residual(&mut self, backend: Backend, lcu_row: &mut LcuRow, at: BlockAt, secondary: Secondary) {
        let plane = &mut lcu_row.planes[at.c];
        let (stride, origin) = (plane.stride(), plane.index(at.x, at.y + 1));
        inverse_transform(backend, &mut self.block, at.size, secondary, &mut self.residual);
        self.block.clear();
        add_residual(backend, &self.residual, at.size, &mut plane.samples_mut()[origin..], stride);
    }
}

impl Lcu<'_> {
    /// The root of the quadtree.
    fn node(&self) -> Node {
        Node { at: (self.place.x, self.place.y), log2_size: self.context.geometry.lcu_log2 }
    }

    /// Reads whether a node is divided, where that is not clear.
    fn is_divided(&self, aec: &mut AecReader<'_>, node: Node) -> bool {
        node.log2_size > 3
            && (!node.is_inside(self.place.picture) || code_split_flag(aec, node.log2_size, false))
    }

    /// Calls `visit` for every block of an intra CU in coding order.
    #[inline(always)]
    fn intra_blocks(
        &self,
        node: Node,
        cu: &IntraCu,
        mut visit: impl FnMut(BlockAt, Intra, Option<Coded<'_>>),
    ) {
        let Node { at: (x, y), log2_size } = node;
        let size = node.size();
        let secondary = self.context.sequence.secondary_transform_enable;
        let n = if cu.split == TransformSplit::None { log2_size } else { log2_size - 1 };
        for i in 0..cu.split.block_count() {
            let rect = cu.split.block(size, i);
            let mode = cu.luma_modes[i];
            let (bx, by) = (x + rect.x, y + rect.y);
            let available = self.place.availability((bx, by), (rect.w, rect.h));
            let at = BlockAt { c: 0, x: bx, y: by - self.place.y, size: (rect.w, rect.h) };
            let coded = (cu.ctp >> i & 1 == 1).then(|| Coded {
                class: BlockClass::intra_luma(mode, cu.split.is_strips()),
                dequantiser: Dequantiser::new(cu.qp, n),
                secondary: if secondary {
                    Secondary::of_intra_luma(at.size, mode, available.left, available.top)
                } else {
                    Secondary::None
                },
            });
            visit(at, Intra { mode, available }, coded);
        }
        let available = self.place.availability((x, y), (size, size));
        let mode = chroma_to_luma_mode(cu.chroma_mode, cu.luma_modes[0]);
        for c in 1..3 {
            let coded = (cu.ctp >> (3 + c) & 1 == 1).then(|| self.coded_chroma(node, c, cu.qp));
            visit(self.chroma_block(node, c), Intra { mode, available }, coded);
        }
    }

    /// Calls `visit` for every coded block of an inter CU in coding order.
    #[inline(always)]
    fn inter_blocks(&self, node: Node, cu: &InterCu, mut visit: impl FnMut(BlockAt, Coded<'_>)) {
        let (Node { at: (x, y), log2_size }, split) = (node, cu.split());
        let InterResidual { split: is_split, ctp, qp } = cu.residual;
        for i in (0..split.block_count()).filter(|i| ctp >> i & 1 == 1) {
            let rect = split.block(node.size(), i);
            let at = BlockAt { c: 0, x: x + rect.x, y: y - self.place.y + rect.y, size: (rect.w, rect.h) };
            let coded = Coded {
                class: BlockClass::INTER_LUMA,
                dequantiser: Dequantiser::new(qp, log2_size - u32::from(is_split)),
                secondary: Secondary::None,
            };
            visit(at, coded);
        }
        for c in (1..3).filter(|c| ctp >> (3 + c) & 1 == 1) {
            visit(self.chroma_block(node, c), self.coded_chroma(node, c, qp));
        }
    }

    /// The block of chroma component `c` of a CU.
    fn chroma_block(&self, node: Node, c: usize) -> BlockAt {
        let ((x, y), half) = (node.at, node.size() / 2);
        BlockAt { c, x: x / 2, y: (y - self.place.y) / 2, size: (half, half) }
    }

    /// How that block is coded in a CU with QP `qp`.
    fn coded_chroma(&self, node: Node, c: usize, qp: u8) -> Coded<'static> {
        let qp = chroma_qp(qp, self.context.header.chroma_qp_delta[c - 1]);
        Coded {
            class: BlockClass::CHROMA,
            dequantiser: Dequantiser::new(qp, node.log2_size - 1),
            secondary: Secondary::None,
        }
    }
}

/// The LCU at (`column`, `row`) and what of the slice is around it.
fn place(geometry: &Geometry, slice: &SliceState, column: usize, row: usize) -> LcuPlace {
    let columns = geometry.lcu_columns();
    let index = row * columns + column;
    let is_in_slice = |distance: usize| index >= slice.first + distance;
    let size = geometry.lcu_size();
    LcuPlace {
        x: column * size,
        y: row * size,
        size,
        picture: (geometry.width, geometry.height),
        left: column > 0 && is_in_slice(1),
        up: row > 0 && is_in_slice(columns),
        up_left: row > 0 && column > 0 && is_in_slice(columns + 1),
        up_right: row > 0 && column + 1 < columns && is_in_slice(columns - 1),
    }
}

/// Leaves QP and the sides of a CU for deblocking (docs/spec/avs2#b6.2).
fn mark_cu(lcu: &Lcu<'_>, info: &mut RowInfo, node: Node, qp: u8) {
    let area = CuArea::new(node, lcu.place.y);
    info.set_qp(area, qp);
    if lcu.context.header.deblocking.is_some() {
        let (place, cross) = (&lcu.place, lcu.context.sequence.cross_slice_loop_filter_enable);
        let (x, y) = node.at;
        let left = x > 0 && (x > place.x || cross || place.left);
        let upper = y > 0 && (y > place.y || cross || place.up);
        info.mark_sides(area, left, upper);
    }
}

/// Leaves what deblocking needs of an intra CU (docs/spec/avs2#b6.2).
fn mark_intra_cu(lcu: &Lcu<'_>, info: &mut RowInfo, node: Node, cu: &IntraCu) {
    mark_cu(lcu, info, node, cu.qp);
    if lcu.context.header.deblocking.is_none() || node.log2_size <= 3 || cu.split == TransformSplit::None {
        return;
    }
    let area = CuArea::new(node, lcu.place.y);
    info.mark_strips(area, cu.split);
    if cu.ctp != 0 && !lcu.context.sequence.nonsquare_quadtree_transform_enable {
        let CuArea { bx, by, count } = area;
        info.mark_vertical(bx + count / 2, by, count, edge::LUMA);
        info.mark_horizontal(bx, by + count / 2, count, edge::LUMA);
    }
}

/// The same of an inter CU.
fn mark_inter_cu(lcu: &Lcu<'_>, info: &mut RowInfo, node: Node, cu: &InterCu) {
    mark_cu(lcu, info, node, cu.residual.qp);
    if lcu.context.header.deblocking.is_some() {
        let (x, y) = node.at;
        let transform = (cu.residual.split && cu.residual.ctp != 0).then_some(cu.orientation);
        mark_inner_edges(info, (x / 8, (y - lcu.place.y) / 8), node.size(), cu.partition, transform);
    }
}
