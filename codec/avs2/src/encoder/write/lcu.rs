//! What was decided for an LCU, and how it is written.

use std::ops::RangeInclusive;

use crate::aec::BinCoder;
use crate::encoder::quantisation::quantiser::LevelArray;
use crate::filter::Geometry;
use crate::inter::{
    CuType, InterCuKind, InterResidual, InterSyntax, InterTools, code_cu_type, code_inter,
    code_inter_residual, orientation_of,
};
use crate::recon::z_order;
use crate::syntax::{
    BlockClass, IntraCu, NeighbourView, Node, SaoLcu, SaoMerge, SliceTools, TransformSplit,
    code_coefficients, code_intra_cu, code_split_flag,
};

/// A CU at a position of the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::encoder) struct Cu {
    pub node: Node,
    /// Of an inter CU only `ctp`, `qp` and `split` count.
    pub coded: IntraCu,
    /// Type and motion of an inter CU.
    pub inter: Option<(CuType, InterSyntax)>,
}

/// Coefficients of an LCU. A CU's begin at the number of samples before it in Z order.
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

/// Number of luma samples before a position in Z order, inside its LCU.
pub(in crate::encoder) fn z_offset((x, y): (usize, usize), lcu_log2: u32) -> usize {
    let mask = (1 << lcu_log2) - 1;
    16 * z_order(x & mask, y & mask)
}

/// Where a writer takes the levels of coded blocks from.
pub(in crate::encoder) trait LevelSource {
    /// Those of the next block: of component `c` of `cu`, `from` levels into the CU's.
    fn levels(&mut self, cu: &Cu, c: usize, from: usize, count: usize) -> &[i16];
}

/// Levels of coded blocks in coding order.
impl LevelSource for &[i16] {
    fn levels(&mut self, _: &Cu, _: usize, _: usize, count: usize) -> &[i16] {
        let (levels, rest) = self.split_at(count);
        *self = rest;
        levels
    }
}

/// Levels of CUs whose search has not ended.
pub(in crate::encoder) struct StoredLevels<'a> {
    pub levels: &'a LcuLevels,
    pub lcu_log2: u32,
}

impl LevelSource for StoredLevels<'_> {
    fn levels(&mut self, cu: &Cu, c: usize, from: usize, count: usize) -> &[i16] {
        let offset = z_offset(cu.node.at, self.lcu_log2) >> (2 * usize::from(c > 0));
        &self.levels.planes[c][offset + from..][..count]
    }
}

/// Everything about an LCU that is written.
#[derive(Debug, Clone)]
pub(in crate::encoder) struct LcuDecision {
    pub cus: Vec<Cu>,
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

/// Calls `visit` for every coded block of a CU in coding order: component, offset of the block's levels in the
/// CU's, size in coefficients and class.
pub(in crate::encoder) fn coded_blocks(
    &Cu { node, coded, inter }: &Cu,
    mut visit: impl FnMut(usize, usize, (usize, usize), BlockClass),
) {
    let size = node.size();
    let strip = coded.split.is_strips();
    for i in 0..coded.split.block_count() {
        if coded.ctp >> i & 1 == 1 {
            let block = coded.split.block(size, i);
            let class = match inter {
                None => BlockClass::intra_luma(coded.luma_modes[i], strip),
                Some(_) => BlockClass::INTER_LUMA,
            };
            visit(0, i * size * size / 4, coded_size((block.w, block.h)), class);
        }
    }
    for c in 1..3 {
        if coded.ctp >> (3 + c) & 1 == 1 {
            visit(c, 0, (size / 2, size / 2), BlockClass::CHROMA);
        }
    }
}

/// Codes nodes of the quadtree with their CUs, with the syntax functions that the decoder reads with.
pub(in crate::encoder) struct CuWriter<'a, N, L> {
    pub geometry: &'a Geometry,
    pub tools: &'a SliceTools,
    /// In inter pictures.
    pub inter: Option<&'a InterTools>,
    pub neighbours: &'a mut N,
    pub levels: L,
    /// CUs to code, in coding order.
    pub cus: &'a [Cu],
}

impl<N: NeighbourView, L: LevelSource> CuWriter<'_, N, L> {
    /// Codes the CUs of a node.
    pub fn code_node<C: BinCoder>(&mut self, c: &mut C, node: Node) {
        self.code_tree(c, node, Self::code_cu);
    }

    /// Codes what [`code_node`](Self::code_node) does but for the CUs.
    pub fn code_divisions<C: BinCoder>(&mut self, c: &mut C, node: Node) {
        self.code_tree(c, node, |writer, _| writer.cus = writer.cus.get(1..).unwrap_or_default());
    }

    /// Codes the divisions of a node, and each CU by `code_cu`.
    fn code_tree<C: BinCoder>(&mut self, c: &mut C, node: Node, code_cu: fn(&mut Self, &mut C)) {
        let Some(cu) = self.cus.first() else { return };
        let picture = (self.geometry.width, self.geometry.height);
        let split = cu.node.log2_size < node.log2_size;
        if node.log2_size > 3 && node.is_inside(picture) {
            code_split_flag(c, node.log2_size, split);
        }
        if !split {
            return code_cu(self, c);
        }
        for quarter in node.quarters() {
            if quarter.begins_inside(picture) {
                self.code_tree(c, quarter, code_cu);
            }
        }
    }

    /// Codes the next CU.
    pub fn code_cu<C: BinCoder>(&mut self, c: &mut C) {
        let Some((cu, rest)) = self.cus.split_first() else { return };
        self.cus = rest;
        self.code_head(c, cu);
        self.code_levels(c, cu, 0..=2);
    }

    /// Codes the luma levels of the next CU, of which nothing else need be decided. They have contexts of their own, so
    /// [`code_all_but_luma_levels`](Self::code_all_but_luma_levels) may follow.
    pub fn code_luma_levels<C: BinCoder>(&mut self, c: &mut C) {
        if let Some(cu) = self.cus.first() {
            self.code_levels(c, cu, 0..=0);
        }
    }

    /// Codes everything else of the next CU.
    pub fn code_all_but_luma_levels<C: BinCoder>(&mut self, c: &mut C) {
        if let Some(cu) = self.cus.first() {
            self.code_head(c, cu);
            self.code_levels(c, cu, 1..=2);
        }
    }

    /// Codes what comes before the levels of a CU.
    fn code_head<C: BinCoder>(&mut self, c: &mut C, cu: &Cu) {
        let Cu { node, mut coded, .. } = *cu;
        if let Some(tools) = self.inter {
            let (cu_type, mut syntax) = cu.inter.unwrap_or((CuType::Intra, InterSyntax::default()));
            code_cu_type(c, tools, node.log2_size as u8, cu_type);
            code_inter(c, tools, node.log2_size as u8, cu_type, &mut syntax);
        }
        if let Some((cu_type, _)) = cu.inter {
            let split = coded.split != TransformSplit::None;
            let mut residual = InterResidual { split, ctp: coded.ctp, qp: coded.qp };
            let kind = InterCuKind { cu_type, orientation: orientation_of(coded.split) };
            code_inter_residual(c, self.tools, self.neighbours, node, kind, &mut residual);
            coded.ctp = residual.ctp;
        } else {
            code_intra_cu(c, self.tools, self.neighbours, node, &mut coded);
        }
        debug_assert_eq!(coded, cu.coded, "what is written at {:?} was decided", node.at);
    }

    fn code_levels<C: BinCoder>(&mut self, c: &mut C, cu: &Cu, planes: RangeInclusive<usize>) {
        coded_blocks(cu, |plane, from, size, class| {
            if planes.contains(&plane) {
                let levels = self.levels.levels(cu, plane, from, size.0 * size.1);
                code_coefficients(c, size, class, &mut LevelArray { levels, width: size.0 });
            }
        });
    }
}
