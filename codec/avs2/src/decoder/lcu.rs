//! Decoding of an LCU: syntax and reconstruction.

use super::inter::InterDecoder;
use super::picture::{PictureContext, SliceState};
use super::sink::LcuRow;
use crate::Error;
use crate::aec::AecReader;
use crate::filter::{CuArea, Geometry, LcuInfo, edge};
use crate::inter::{
    CuType, InterCuKind, InterResidual, Orientation, Partition, PredictionBlocks, code_inter_residual,
    mark_inner_edges, transform_split,
};
use crate::recon::{
    Availability, CoefficientBlock, Dequantiser, LcuPlace, ReferenceLine, Secondary, add_residual, chroma_qp,
    inverse_transform, predict_intra,
};
use crate::syntax::{
    BlockClass, IntraCu, Levels, Neighbours, Node, SaoLcu, SaoMerge, TransformSplit, chroma_to_luma_mode,
    code_alf_flag, code_coefficients, code_intra_cu, code_sao, code_split_flag,
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

/// The LCU in work and what it may use.
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

/// A block of component `c` at (`x`, `y`), in samples of the component from the corner of the LCU row.
#[derive(Clone, Copy)]
struct BlockAt {
    c: usize,
    x: usize,
    y: usize,
    size: (usize, usize),
}

/// How an intra block is predicted.
#[derive(Clone, Copy)]
struct Intra {
    mode: u8,
    available: Availability,
}

/// How the coefficients of a block are coded and what becomes of them.
struct Coded<'a> {
    class: BlockClass,
    dequantiser: Dequantiser<'a>,
    secondary: Secondary,
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

    /// Decodes the LCU at (`column`, `row`) into `lcu_row`.
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
        let node = Node { at: (lcu.place.x, lcu.place.y), log2_size: geometry.lcu_log2 };
        self.quadtree(&lcu, aec, lcu_row, node)
    }

    fn quadtree(
        &mut self,
        lcu: &Lcu<'_>,
        aec: &mut AecReader<'_>,
        lcu_row: &mut LcuRow,
        node: Node,
    ) -> Result<(), Error> {
        let picture = lcu.place.picture;
        let split =
            node.log2_size > 3 && (!node.is_inside(picture) || code_split_flag(aec, node.log2_size, false));
        if !split {
            return self.cu(lcu, aec, lcu_row, node);
        }
        for quarter in node.quarters() {
            if quarter.begins_inside(picture) {
                self.quadtree(lcu, aec, lcu_row, quarter)?;
            }
        }
        Ok(())
    }

    fn cu(
        &mut self,
        lcu: &Lcu<'_>,
        aec: &mut AecReader<'_>,
        lcu_row: &mut LcuRow,
        node: Node,
    ) -> Result<(), Error> {
        let Node { at: (x, y), log2_size } = node;
        let size = node.size();
        if let Some(inter) = &mut self.inter {
            let (cu_type, blocks) = inter.motion(aec, lcu.slice.number, node);
            if cu_type != CuType::Intra {
                return self.inter_cu(lcu, aec, lcu_row, node, cu_type, &blocks);
            }
        }
        let mut cu = IntraCu::default();
        code_intra_cu(aec, &lcu.slice.tools, &mut self.neighbours, node, &mut cu);
        aec.check()?;
        mark_cu(lcu, lcu_row, node, cu.qp);
        mark_intra_edges(lcu, lcu_row, node, &cu);

        let secondary = lcu.context.sequence.secondary_transform_enable;
        let strip = cu.split.is_strips();
        let n = if cu.split == TransformSplit::None { log2_size } else { log2_size - 1 };
        for i in 0..cu.split.block_count() {
            let rect = cu.split.block(size, i);
            let mode = cu.luma_modes[i];
            let (bx, by) = (x + rect.x, y + rect.y);
            let available = lcu.place.availability((bx, by), (rect.w, rect.h));
            let at = BlockAt { c: 0, x: bx, y: by - lcu.place.y, size: (rect.w, rect.h) };
            let coded = (cu.ctp >> i & 1 == 1).then(|| Coded {
                class: BlockClass::intra_luma(mode, strip),
                dequantiser: Dequantiser::new(cu.qp, n),
                secondary: if secondary {
                    Secondary::of_intra_luma(at.size, mode, available.left, available.top)
                } else {
                    Secondary::None
                },
            });
            self.intra_block(lcu, aec, lcu_row, at, Intra { mode, available }, coded);
        }
        let available = lcu.place.availability((x, y), (size, size));
        let mode = chroma_to_luma_mode(cu.chroma_mode, cu.luma_modes[0]);
        for c in 1..3 {
            let at = lcu.chroma_block(node, c);
            let coded = (cu.ctp >> (3 + c) & 1 == 1).then(|| lcu.coded_chroma(node, c, cu.qp));
            self.intra_block(lcu, aec, lcu_row, at, Intra { mode, available }, coded);
        }
        Ok(())
    }

    /// Decodes the rest of an inter CU and reconstructs it.
    fn inter_cu(
        &mut self,
        lcu: &Lcu<'_>,
        aec: &mut AecReader<'_>,
        lcu_row: &mut LcuRow,
        node: Node,
        cu_type: CuType,
        blocks: &PredictionBlocks,
    ) -> Result<(), Error> {
        let (Node { at: (x, y), log2_size }, size) = (node, node.size());
        let partition = match cu_type {
            CuType::Explicit(partition) => partition,
            _ => Partition::Whole,
        };
        let nsqt = lcu.context.sequence.nonsquare_quadtree_transform_enable && size > 8;
        let orientation = if nsqt { partition.orientation() } else { Orientation::Square };
        let kind = InterCuKind { cu_type, orientation };
        let mut residual = InterResidual::default();
        code_inter_residual(aec, &lcu.slice.tools, &mut self.neighbours, node, kind, &mut residual);
        aec.check()?;
        let InterResidual { split: is_split, ctp, qp } = residual;
        mark_cu(lcu, lcu_row, node, qp);
        if lcu.context.header.deblocking.is_some() {
            let transform = (is_split && ctp != 0).then_some(orientation);
            mark_inner_edges(&mut lcu_row.info, (x / 8, (y - lcu.place.y) / 8), size, partition, transform);
        }
        if let Some(inter) = &mut self.inter {
            inter.set_coded(node, ctp != 0);
            inter.predict(blocks, lcu_row, lcu.place.y);
        }
        let split = transform_split(is_split, orientation);
        for i in (0..split.block_count()).filter(|i| ctp >> i & 1 == 1) {
            let rect = split.block(size, i);
            let at = BlockAt { c: 0, x: x + rect.x, y: y - lcu.place.y + rect.y, size: (rect.w, rect.h) };
            let coded = Coded {
                class: BlockClass::INTER_LUMA,
                dequantiser: Dequantiser::new(qp, log2_size - u32::from(is_split)),
                secondary: Secondary::None,
            };
            self.add_residual(lcu, aec, lcu_row, at, coded);
        }
        for c in (1..3).filter(|c| ctp >> (3 + c) & 1 == 1) {
            self.add_residual(lcu, aec, lcu_row, lcu.chroma_block(node, c), lcu.coded_chroma(node, c, qp));
        }
        Ok(())
    }

    /// Predicts a block, decodes its coefficients if it has some and adds the residual.
    fn intra_block(
        &mut self,
        lcu: &Lcu<'_>,
        aec: &mut AecReader<'_>,
        lcu_row: &mut LcuRow,
        at: BlockAt,
        Intra { mode, available }: Intra,
        coded: Option<Coded<'_>>,
    ) {
        let plane = &mut lcu_row.planes[at.c];
        let stride = plane.stride();
        let origin = plane.index(at.x, at.y + 1);
        self.line.load(plane.samples(), stride, origin, at.size, available, mode);
        let out = &mut plane.samples_mut()[origin..];
        predict_intra(lcu.context.backend, mode, at.size, &self.line, out, stride);
        if let Some(coded) = coded {
            self.add_residual(lcu, aec, lcu_row, at, coded);
        }
    }

    /// Decodes the coefficients of a block and adds them to its prediction.
    fn add_residual(
        &mut self,
        lcu: &Lcu<'_>,
        aec: &mut AecReader<'_>,
        lcu_row: &mut LcuRow,
        at: BlockAt,
        Coded { class, mut dequantiser, secondary }: Coded<'_>,
    ) {
        let backend = lcu.context.backend;
        let plane = &mut lcu_row.planes[at.c];
        let (stride, origin) = (plane.stride(), plane.index(at.x, at.y + 1));
        let out = &mut plane.samples_mut()[origin..];
        let (w, h) = at.size;
        let coded_size = if w.max(h) == 64 { (w / 2, h / 2) } else { (w, h) };
        if let Some(weights) = &lcu.context.weights {
            dequantiser = dequantiser.with_weights(weights, coded_size);
        }
        self.block.start(coded_size);
        code_coefficients(aec, coded_size, class, &mut LevelSink { block: &mut self.block, dequantiser });
        inverse_transform(backend, &mut self.block, at.size, secondary, &mut self.residual);
        self.block.clear();
        add_residual(backend, &self.residual, at.size, out, stride);
    }
}

impl Lcu<'_> {
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

/// Leaves QP and the sides of a CU for deblocking (docs/spec/avs2#b6.2).
fn mark_cu(lcu: &Lcu<'_>, lcu_row: &mut LcuRow, node: Node, qp: u8) {
    let area = CuArea::new(node, lcu.place.y);
    lcu_row.info.set_qp(area, qp);
    if lcu.context.header.deblocking.is_some() {
        let (place, cross) = (&lcu.place, lcu.context.sequence.cross_slice_loop_filter_enable);
        let (x, y) = node.at;
        let left = x > 0 && (x > place.x || cross || place.left);
        let upper = y > 0 && (y > place.y || cross || place.up);
        lcu_row.info.mark_sides(area, left, upper);
    }
}

/// Leaves the edges inside an intra CU (docs/spec/avs2#b6.2).
fn mark_intra_edges(lcu: &Lcu<'_>, lcu_row: &mut LcuRow, node: Node, cu: &IntraCu) {
    if lcu.context.header.deblocking.is_none() || node.log2_size <= 3 || cu.split == TransformSplit::None {
        return;
    }
    let area = CuArea::new(node, lcu.place.y);
    lcu_row.info.mark_strips(area, cu.split);
    if cu.ctp != 0 && !lcu.context.sequence.nonsquare_quadtree_transform_enable {
        let CuArea { bx, by, count } = area;
        lcu_row.info.mark_vertical(bx + count / 2, by, count, edge::LUMA);
        lcu_row.info.mark_horizontal(bx, by + count / 2, count, edge::LUMA);
    }
}
