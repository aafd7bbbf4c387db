//! Intra CUs (24, 27 to 29).

use super::neighbours::{NeighbourView, Neighbours};
use crate::Error;
use crate::aec::{BinCoder, LocalJob, ctx};

/// Division of the luma of a CU into transform blocks, which in intra CUs are prediction blocks as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum TransformSplit {
    /// One block.
    #[default]
    None,
    /// Four quarters; in intra CUs 8x8 only.
    Quarters,
    /// Four horizontal strips (SDIP; NSQT in inter CUs).
    Horizontal,
    /// Four vertical strips (SDIP; NSQT in inter CUs).
    Vertical,
}

/// A luma block inside a CU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockRect {
    /// Left side relative to the CU.
    pub x: usize,
    /// Top side relative to the CU.
    pub y: usize,
    /// Width.
    pub w: usize,
    /// Height.
    pub h: usize,
}

impl TransformSplit {
    /// Number of luma blocks.
    #[inline]
    #[must_use]
    pub fn block_count(self) -> usize {
        if self == Self::None { 1 } else { 4 }
    }

    /// Whether the blocks are strips.
    #[must_use]
    pub fn is_strips(self) -> bool {
        matches!(self, Self::Horizontal | Self::Vertical)
    }

    /// Luma block `i` of a CU of size `size` (docs/spec/avs2#b1.4).
    #[inline]
    #[must_use]
    pub fn block(self, size: usize, i: usize) -> BlockRect {
        let (half, strip) = (size / 2, size / 4);
        match self {
            Self::None => BlockRect { x: 0, y: 0, w: size, h: size },
            Self::Quarters => BlockRect { x: (i & 1) * half, y: (i >> 1) * half, w: half, h: half },
            Self::Horizontal => BlockRect { x: 0, y: i * strip, w: size, h: strip },
            Self::Vertical => BlockRect { x: i * strip, y: 0, w: strip, h: size },
        }
    }
}

/// A node of the quadtree: the place of a CU, or of four smaller nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Node {
    /// Luma position in the picture.
    pub(crate) at: (usize, usize),
    pub(crate) log2_size: u32,
}

impl Node {
    /// Width and height in luma samples.
    #[inline]
    pub(crate) fn size(self) -> usize {
        1 << self.log2_size
    }

    /// The four nodes of half the size, in coding order.
    pub(crate) fn quarters(self) -> [Self; 4] {
        let ((x, y), half) = (self.at, self.size() / 2);
        [(0, 0), (half, 0), (0, half), (half, half)]
            .map(|(dx, dy)| Self { at: (x + dx, y + dy), log2_size: self.log2_size - 1 })
    }

    /// Whether the whole node is in a picture of `width` x `height` luma samples.
    pub(crate) fn is_inside(self, (width, height): (usize, usize)) -> bool {
        self.at.0 + self.size() <= width && self.at.1 + self.size() <= height
    }

    /// Whether any of the node is in a picture of `width` x `height` luma samples.
    pub(crate) fn begins_inside(self, (width, height): (usize, usize)) -> bool {
        self.at.0 < width && self.at.1 < height
    }
}

/// Header values that the syntax of CUs depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SliceTools {
    /// `nonsquare_intra_prediction_enable_flag`.
    pub sdip: bool,
    /// Every CU has the QP of the slice.
    pub fixed_qp: bool,
    /// QP of the slice.
    pub slice_qp: u8,
}

/// An intra CU without its coefficients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IntraCu {
    /// Division into luma blocks.
    pub split: TransformSplit,
    /// Luma modes of the blocks, 0..=32.
    pub luma_modes: [u8; 4],
    /// Chroma mode: 0 as the first luma block, 1 DC, 2 horizontal, 3 vertical, 4 bilinear.
    pub chroma_mode: u8,
    /// Coded blocks: bits 0..=3 luma, 4 Cb, 5 Cr.
    pub ctp: u8,
    /// QP; a writer takes the difference to the CU on the left from it.
    pub qp: u8,
}

/// The luma mode that predicts chroma (docs/spec/avs2#b2.3).
#[inline]
#[must_use]
pub fn chroma_to_luma_mode(chroma_mode: u8, luma_mode: u8) -> u8 {
    match chroma_mode {
        0 => luma_mode,
        1 => 0,
        2 => 24,
        3 => 12,
        _ => 2,
    }
}

/// The coding of an intra CU as an inner loop of a reader.
pub(crate) struct IntraCuJob<'a> {
    pub(crate) tools: &'a SliceTools,
    pub(crate) neighbours: &'a mut Neighbours,
    pub(crate) node: Node,
    pub(crate) cu: &'a mut IntraCu,
}

impl LocalJob for IntraCuJob<'_> {
    #[inline(always)]
    fn run<C: BinCoder>(self, c: &mut C) {
        code_intra_cu(c, self.tools, self.neighbours, self.node, self.cu);
    }
}

/// Codes an intra CU: partition, modes, `ctp` and QP. The type of the CU, coded in inter pictures only, comes before it;
/// the coefficients of the blocks with `ctp` bits follow.
///
/// A writer takes `cu` as it is; its QP is ignored when it cannot be coded (`fixed_qp` or no coefficients), and set
/// to the QP in force.
#[inline]
pub(crate) fn code_intra_cu<C: BinCoder>(
    c: &mut C,
    tools: &SliceTools,
    neighbours: &mut impl NeighbourView,
    node: Node,
    cu: &mut IntraCu,
) {
    let Node { at: (x, y), log2_size } = node;
    let size = node.size();
    cu.split = code_partition(c, tools.sdip, log2_size, cu.split);
    let blocks = cu.split.block_count();
    for i in 0..blocks {
        let block = cu.split.block(size, i);
        let at = (x + block.x, y + block.y);
        let mode = code_luma_mode(c, most_probable_modes(neighbours.luma_modes(at)), cu.luma_modes[i]);
        cu.luma_modes[i] = mode;
        neighbours.update(at, (block.w, block.h), |entry| entry.luma_mode = mode);
    }
    let left_set = neighbours.left(x, y).chroma_mode_set;
    cu.chroma_mode = code_chroma_mode(c, left_set, cu.luma_modes[0], cu.chroma_mode);

    let mut ctp = 0;
    for i in 0..blocks {
        let block = cu.split.block(size, i);
        let at = (x + block.x, y + block.y);
        let coded = code_luma_ctp(c, neighbours, at, cu.ctp >> i & 1 == 1);
        ctp |= u8::from(coded) << i;
        neighbours.update(at, (block.w, block.h), |entry| entry.coded = coded);
    }
    cu.ctp = ctp | code_chroma_ctp(c, ctx::CTP + 6, cu.ctp >> 4) << 4;

    cu.qp = code_qp(c, tools, neighbours, (x, y), cu.ctp != 0, cu.qp);
    let (chroma_mode_set, qp) = (cu.chroma_mode != 0, cu.qp);
    neighbours.update((x, y), (size, size), |entry| {
        entry.chroma_mode_set = chroma_mode_set;
        entry.qp = qp;
    });
}

/// `transform_split_flag` and `intra_pu_type_index` (docs/spec/avs2#a27.1).
pub(crate) fn code_partition<C: BinCoder>(
    c: &mut C,
    sdip: bool,
    log2_size: u32,
    kind: TransformSplit,
) -> TransformSplit {
    let split = kind != TransformSplit::None;
    match log2_size {
        3 if c.bin(ctx::TRANSFORM_SPLIT + 1, split) => TransformSplit::Quarters,
        4 | 5 if sdip && c.bin(ctx::TRANSFORM_SPLIT + 2, split) => {
            if c.bin(ctx::INTRA_PARTITION, kind == TransformSplit::Horizontal) {
                TransformSplit::Horizontal
            } else {
                TransformSplit::Vertical
            }
        }
        _ => TransformSplit::None,
    }
}

/// The two most probable modes from those to the left and above, in increasing order (docs/spec/avs2#b2.2).
#[inline]
#[must_use]
pub fn most_probable_modes((left, above): (u8, u8)) -> (u8, u8) {
    match (left.min(above), left.max(above)) {
        (0, 0) => (0, 2),
        (a, b) if a == b => (0, a),
        modes => modes,
    }
}

/// `intra_luma_pred_mode` (docs/spec/avs2#a27.3).
pub(crate) fn code_luma_mode<C: BinCoder>(c: &mut C, (mpm0, mpm1): (u8, u8), mode: u8) -> u8 {
    if c.bin(ctx::LUMA_MODE, mode == mpm0 || mode == mpm1) {
        return if c.bin(ctx::LUMA_MODE + 6, mode == mpm1) { mpm1 } else { mpm0 };
    }
    let rest = mode.wrapping_sub(u8::from(mode > mpm1) + u8::from(mode > mpm0));
    let mut mode = 0;
    for i in 0..5 {
        mode = mode << 1 | u8::from(c.bin(ctx::LUMA_MODE + 1 + i, rest >> (4 - i) & 1 == 1));
    }
    mode += u8::from(mode >= mpm0);
    mode += u8::from(mode >= mpm1);
    if mode > 32 {
        c.fail(Error::Invalid { element: "intra_luma_pred_mode", value: mode.into() });
        return 0;
    }
    mode
}

/// `intra_chroma_pred_mode` (docs/spec/avs2#a27.4).
pub(crate) fn code_chroma_mode<C: BinCoder>(c: &mut C, left_set: bool, luma_mode: u8, mode: u8) -> u8 {
    if c.bin(ctx::CHROMA_MODE + usize::from(left_set), mode == 0) {
        return 0;
    }
    // The mode that would repeat the derived one has no code.
    let redundant = match luma_mode {
        0 => 1,
        24 => 2,
        12 => 3,
        2 => 4,
        _ => 5,
    };
    let symbol = mode.wrapping_sub(1 + u8::from(mode > redundant));
    let symbol = 1 + c.truncated_unary(3, symbol.into(), |_| ctx::CHROMA_MODE + 2) as u8;
    let mode = symbol + u8::from(symbol >= redundant);
    if mode > 4 {
        c.fail(Error::Invalid { element: "intra_chroma_pred_mode", value: mode.into() });
        return 0;
    }
    mode
}

/// `ctp_y` of the block at `at` (docs/spec/avs2#a28.4).
pub(crate) fn code_luma_ctp<C: BinCoder>(
    c: &mut C,
    neighbours: &impl NeighbourView,
    at: (usize, usize),
    coded: bool,
) -> bool {
    let (left, above) = (neighbours.left(at.0, at.1), neighbours.above(at.0, at.1));
    let context = usize::from(left.coded) + 2 * usize::from(above.coded);
    c.bin(ctx::CTP + context, coded)
}

/// `ctp_uv` (docs/spec/avs2#a28.1): bit 0 Cb, bit 1 Cr; contexts `context` and `context + 1`.
pub(crate) fn code_chroma_ctp<C: BinCoder>(c: &mut C, context: usize, ctp: u8) -> u8 {
    if !c.bin(context, ctp != 0) {
        0
    } else if c.bin(context + 1, ctp == 3) {
        3
    } else {
        1 + u8::from(c.bin(context + 1, ctp == 2))
    }
}

/// `cu_qp_delta` and the QP it gives (29).
pub(crate) fn code_qp<C: BinCoder>(
    c: &mut C,
    tools: &SliceTools,
    neighbours: &mut impl NeighbourView,
    (x, y): (usize, usize),
    coded: bool,
    qp: u8,
) -> u8 {
    if tools.fixed_qp {
        return tools.slice_qp;
    }
    let left_qp = neighbours.left(x, y).qp;
    let delta = if coded {
        code_qp_delta(c, *neighbours.qp_delta_before(), i32::from(qp) - i32::from(left_qp))
    } else {
        0
    };
    *neighbours.qp_delta_before() = delta != 0;
    let qp = i32::from(left_qp) + delta;
    if !(0..=63).contains(&qp) {
        c.fail(Error::Invalid { element: "QP after cu_qp_delta", value: qp.into() });
    }
    qp.clamp(0, 63) as u8
}

pub(crate) fn code_qp_delta<C: BinCoder>(c: &mut C, before: bool, delta: i32) -> i32 {
    const MAX: u32 = 64;
    let code = if delta > 0 { 2 * delta - 1 } else { -2 * delta } as u32;
    let context = |i: u32| match i {
        0 => ctx::QP_DELTA + usize::from(before),
        1 => ctx::QP_DELTA + 2,
        _ => ctx::QP_DELTA + 3,
    };
    let code = c.truncated_unary(MAX + 1, code, context) as i32;
    if code > MAX as i32 {
        c.fail(Error::Invalid { element: "cu_qp_delta", value: code.into() });
    }
    if code & 1 == 1 { (code + 1) / 2 } else { -(code / 2) }
}
