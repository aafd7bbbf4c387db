//! Inter syntax of CUs (docs/spec/avs2#a25 and #a26), written once for reading, writing and counting.

use super::motion::Direction;
use super::partition::{Orientation, Partition};
use super::vector_coding::VectorDifference;
use crate::aec::{BinCoder, ctx};
use crate::headers::{PictureHeader, SequenceHeader};
use crate::syntax::{
    NeighbourView, Node, SliceTools, TransformSplit, code_chroma_ctp, code_luma_ctp, code_qp,
};
use crate::{Error, PictureType};

/// Type of a CU (25).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CuType {
    Intra,
    /// Derived motion, no residual.
    Skip,
    /// Derived motion and a residual.
    Direct,
    /// Explicit motion.
    Explicit(Partition),
}

/// Header values that decide which inter elements are present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InterTools {
    pub(crate) picture_type: PictureType,
    /// Number of reference pictures.
    pub(crate) references: u8,
    pub(crate) multi_hypothesis_skip: bool,
    pub(crate) dual_hypothesis: bool,
    pub(crate) weighted_skip: bool,
    pub(crate) asymmetric_partitions: bool,
    /// Progressive motion vector resolution.
    pub(crate) pmvr: bool,
}

impl InterTools {
    pub(crate) fn new(sequence: &SequenceHeader, picture: &PictureHeader) -> Self {
        Self {
            picture_type: picture.picture_type,
            references: picture.references.references.len() as u8,
            multi_hypothesis_skip: sequence.multi_hypothesis_skip_enable,
            dual_hypothesis: sequence.dual_hypothesis_prediction_enable,
            weighted_skip: sequence.weighted_skip_enable,
            asymmetric_partitions: sequence.asymmetric_motion_partitions_enable,
            pmvr: sequence.pmvr_enable,
        }
    }

    fn is(self, picture_type: PictureType) -> bool {
        self.picture_type == picture_type
    }
}

/// What is coded for one prediction block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PredictionSyntax {
    /// Two hypotheses (F pictures).
    pub(crate) dual: bool,
    /// Only B pictures use it.
    pub(crate) direction: Direction,
    /// `pu_reference_index` (P and F pictures).
    pub(crate) reference: u8,
    /// The only or forward difference, and the backward one of B pictures.
    pub(crate) differences: [VectorDifference; 2],
}

impl Default for PredictionSyntax {
    fn default() -> Self {
        Self {
            dual: false,
            direction: Direction::Forward,
            reference: 0,
            differences: [VectorDifference::default(); 2],
        }
    }
}

/// The inter syntax elements of one CU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct InterSyntax {
    /// `weighted_skip_mode` of skip and direct CUs.
    pub(crate) weighted_skip_mode: u8,
    /// `cu_subtype_index` of skip and direct CUs (table 4-5).
    pub(crate) subtype: u8,
    /// One or two prediction blocks of explicit CUs.
    pub(crate) blocks: [PredictionSyntax; 2],
    /// `dir_multi_hypothesis_mode`, 0..=8.
    pub(crate) multi_hypothesis: u8,
}

/// Codes the type of a CU with size `1 << log2_size` in a P, F or B picture (docs/spec/avs2#a25.1).
pub(crate) fn code_cu_type<C: BinCoder>(
    c: &mut C,
    tools: &InterTools,
    log2_size: u8,
    value: CuType,
) -> CuType {
    let large = log2_size > 3;
    let (max, intra) = if large { (6, 6) } else { (5, 5) };
    let index = match value {
        CuType::Skip => 0,
        CuType::Direct => 1,
        CuType::Explicit(Partition::Whole) => 2,
        CuType::Explicit(Partition::Horizontal | Partition::HorizontalUp | Partition::HorizontalDown) => 3,
        CuType::Explicit(_) => 4,
        CuType::Intra => intra,
    };
    let mut found = 0;
    while found < max {
        let stop = found == index;
        let stop = if found < 5 { c.bin(ctx::CU_TYPE + found, stop) } else { c.final_bin(stop) };
        if stop {
            break;
        }
        found += 1;
    }
    match found {
        0 => CuType::Skip,
        1 => CuType::Direct,
        2 => CuType::Explicit(Partition::Whole),
        3 | 4 => CuType::Explicit(code_partition(c, tools, log2_size, found == 3, value)),
        5 if large => {
            c.fail(Error::Invalid { element: "cu_type_index", value: 5 });
            CuType::Intra
        }
        _ => CuType::Intra,
    }
}

fn code_partition<C: BinCoder>(
    c: &mut C,
    tools: &InterTools,
    log2_size: u8,
    horizontal: bool,
    value: CuType,
) -> Partition {
    let symmetric = if horizontal { Partition::Horizontal } else { Partition::Vertical };
    if log2_size == 3 || !tools.asymmetric_partitions {
        return symmetric;
    }
    if c.bin(ctx::SHAPE, value == CuType::Explicit(symmetric)) {
        return symmetric;
    }
    let first = if horizontal { Partition::HorizontalUp } else { Partition::VerticalLeft };
    let second = if horizontal { Partition::HorizontalDown } else { Partition::VerticalRight };
    if c.bin(ctx::SHAPE + 1, value == CuType::Explicit(first)) { first } else { second }
}

/// Codes what follows the type of an inter CU (26).
pub(crate) fn code_inter<C: BinCoder>(
    c: &mut C,
    tools: &InterTools,
    log2_size: u8,
    cu_type: CuType,
    syntax: &mut InterSyntax,
) {
    match cu_type {
        CuType::Intra => {}
        CuType::Skip | CuType::Direct => code_derived(c, tools, syntax),
        CuType::Explicit(partition) => code_explicit(c, tools, log2_size, partition.count(), syntax),
    }
}

/// docs/spec/avs2#a26.1.
fn code_derived<C: BinCoder>(c: &mut C, tools: &InterTools, syntax: &mut InterSyntax) {
    let is_f = tools.is(PictureType::F);
    if is_f && tools.weighted_skip && tools.references > 1 {
        let max = u32::from(tools.references) - 1;
        let mode = c.truncated_unary(max, syntax.weighted_skip_mode.into(), |i| {
            ctx::WEIGHTED_SKIP + i.min(2) as usize
        });
        syntax.weighted_skip_mode = mode as u8;
    } else {
        syntax.weighted_skip_mode = 0;
    }
    let subtypes = tools.is(PictureType::B) || (is_f && tools.multi_hypothesis_skip);
    if subtypes && syntax.weighted_skip_mode == 0 {
        let subtype = c.truncated_unary(4, syntax.subtype.into(), |i| ctx::SUBTYPE + i as usize);
        syntax.subtype = subtype as u8;
    } else {
        syntax.subtype = 0;
    }
}

fn code_explicit<C: BinCoder>(
    c: &mut C,
    tools: &InterTools,
    log2_size: u8,
    count: usize,
    syntax: &mut InterSyntax,
) {
    let smallest = log2_size == 3 && count == 2;
    let blocks = &mut syntax.blocks[..count];
    if tools.is(PictureType::B) {
        code_b_directions(c, smallest, blocks);
        syntax.multi_hypothesis = 0;
        let used = [
            [Direction::Forward, Direction::Symmetric, Direction::Bidirectional].as_slice(),
            [Direction::Backward, Direction::Bidirectional].as_slice(),
        ];
        for (list, used) in used.into_iter().enumerate() {
            for block in blocks.iter_mut() {
                if used.contains(&block.direction) {
                    code_difference(c, &mut block.differences[list]);
                }
            }
        }
        return;
    }
    let is_f = tools.is(PictureType::F);
    if is_f && tools.references > 1 && tools.dual_hypothesis && !smallest {
        code_f_directions(c, blocks);
    } else {
        blocks.iter_mut().for_each(|block| block.dual = false);
    }
    for block in blocks.iter_mut() {
        if tools.references > 1 {
            let max = u32::from(tools.references) - 1;
            let index =
                c.truncated_unary(max, block.reference.into(), |i| ctx::REFERENCE + i.min(2) as usize);
            block.reference = index as u8;
        } else {
            block.reference = 0;
        }
    }
    if is_f && !smallest && blocks.iter().all(|block| !block.dual) {
        syntax.multi_hypothesis = code_multi_hypothesis(c, log2_size, syntax.multi_hypothesis);
    } else {
        syntax.multi_hypothesis = 0;
    }
    for block in blocks {
        code_difference(c, &mut block.differences[0]);
    }
}

/// docs/spec/avs2#a26.3.
fn code_f_directions<C: BinCoder>(c: &mut C, blocks: &mut [PredictionSyntax]) {
    match blocks {
        [only] => only.dual = c.bin(ctx::PU_TYPE, only.dual),
        [first, second] => {
            let same = first.dual == second.dual;
            first.dual = c.bin(ctx::PU_TYPE + 1, first.dual);
            second.dual = first.dual == c.bin(ctx::PU_TYPE + 2, same);
        }
        _ => {}
    }
}

/// docs/spec/avs2#a26.2.
fn code_b_directions<C: BinCoder>(c: &mut C, smallest: bool, blocks: &mut [PredictionSyntax]) {
    use Direction::{Backward, Bidirectional, Forward, Symmetric};
    match blocks {
        [only] => {
            const ORDER: [Direction; 4] = [Forward, Backward, Symmetric, Bidirectional];
            let value = position(&ORDER, only.direction);
            let index = c.truncated_unary(3, value as u32, |i| ctx::PU_TYPE + i as usize);
            only.direction = ORDER[index as usize];
        }
        [first, second] if smallest => {
            let same = first.direction == second.direction;
            let forward = c.bin(ctx::PU_TYPE_MIN, first.direction == Forward);
            let same = c.bin(ctx::PU_TYPE_MIN + 1, same);
            first.direction = if forward { Forward } else { Backward };
            second.direction = if forward == same { Forward } else { Backward };
        }
        [first, second] => {
            const ORDER: [Direction; 4] = [Bidirectional, Backward, Forward, Symmetric];
            let values = (position(&ORDER, first.direction), position(&ORDER, second.direction));
            let n0 = c.truncated_unary(3, values.0 as u32, |i| ctx::PU_TYPE + 3 + i as usize) as usize;
            first.direction = ORDER[n0];
            if c.bin(ctx::PU_TYPE + 6, values.0 == values.1) {
                second.direction = first.direction;
                return;
            }
            let mut others = (0..4).filter(|&n| n != n0);
            let (mut n1, last) = (others.next().unwrap_or(0), others.next_back().unwrap_or(0));
            if !c.bin(ctx::PU_TYPE + 7 + 2 * n0, values.1 == n1) {
                n1 = others.next().unwrap_or(0);
                if !c.bin(ctx::PU_TYPE + 8 + 2 * n0, values.1 == n1) {
                    n1 = last;
                }
            }
            second.direction = ORDER[n1];
        }
        _ => {}
    }
}

fn position(order: &[Direction], direction: Direction) -> usize {
    order.iter().position(|&d| d == direction).unwrap_or(0)
}

/// docs/spec/avs2#a26.4.
fn code_multi_hypothesis<C: BinCoder>(c: &mut C, log2_size: u8, mode: u8) -> u8 {
    let base = ctx::PU_TYPE + 3 + 3 * usize::from(log2_size.clamp(3, 6) - 3);
    if !c.bin(base, mode != 0) {
        return 0;
    }
    if !c.bin(base + 1, !matches!(mode, 3 | 4)) {
        return 3 + u8::from(c.bypass(mode == 4));
    }
    if !c.bin(base + 2, !matches!(mode, 7 | 8)) {
        return 7 + u8::from(c.bypass(mode == 8));
    }
    let rest = mode.wrapping_sub(1);
    let high = u8::from(c.bypass(rest & 4 != 0));
    1 + 4 * high + u8::from(c.bypass(rest & 1 != 0))
}

/// docs/spec/avs2#a26.5.
fn code_difference<C: BinCoder>(c: &mut C, difference: &mut VectorDifference) {
    difference.x = code_difference_component(c, ctx::MVD, difference.x);
    difference.y = code_difference_component(c, ctx::MVD + 3, difference.y);
}

fn code_difference_component<C: BinCoder>(c: &mut C, context: usize, value: i32) -> i32 {
    let magnitude = value.unsigned_abs();
    let mut found = 0;
    while found < 3 && c.bin(context + found as usize, found < magnitude) {
        found += 1;
    }
    if found == 3 {
        // The parity comes before the rest.
        let escape = magnitude.wrapping_sub(3);
        found += u32::from(c.bypass(escape & 1 != 0));
        found += 2 * c.exp_golomb(escape >> 1);
    }
    if found == 0 {
        return 0;
    }
    let found = found as i32;
    if c.bypass(value < 0) { -found } else { found }
}

/// What inter CUs say about their residual (docs/spec/avs2#a28.2, #a29).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct InterResidual {
    /// `transform_split_flag`.
    pub(crate) split: bool,
    /// Coded blocks: bits 0..=3 luma, 4 Cb, 5 Cr.
    pub(crate) ctp: u8,
    /// QP; a writer takes the difference to the CU on the left from it.
    pub(crate) qp: u8,
}

/// The luma transform blocks of an inter CU; `orientation` is that of its blocks if its transform is split.
pub(crate) fn transform_split(is_split: bool, orientation: Orientation) -> TransformSplit {
    match (is_split, orientation) {
        (false, _) => TransformSplit::None,
        (true, Orientation::Square) => TransformSplit::Quarters,
        (true, Orientation::Horizontal) => TransformSplit::Horizontal,
        (true, Orientation::Vertical) => TransformSplit::Vertical,
    }
}

/// The orientation of the blocks of a luma transform that may be split.
pub(crate) fn orientation_of(split: TransformSplit) -> Orientation {
    match split {
        TransformSplit::Horizontal => Orientation::Horizontal,
        TransformSplit::Vertical => Orientation::Vertical,
        _ => Orientation::Square,
    }
}

/// What decides how the residual of an inter CU is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InterCuKind {
    pub(crate) cu_type: CuType,
    /// How the luma blocks lie if the transform is split.
    pub(crate) orientation: Orientation,
}

/// Codes transform split, `ctp` and QP of an inter CU. The coefficients of the blocks with `ctp` bits follow.
///
/// Not every combination has a code: without split a CU with chroma bits 0 has luma bit 1, and a direct CU cannot
/// be all zero (it is a skip CU then).
pub(crate) fn code_inter_residual<C: BinCoder>(
    c: &mut C,
    tools: &SliceTools,
    neighbours: &mut impl NeighbourView,
    node: Node,
    InterCuKind { cu_type, orientation }: InterCuKind,
    residual: &mut InterResidual,
) {
    let (Node { at, .. }, size) = (node, node.size());
    let (x, y) = at;
    neighbours.update(at, (size, size), |entry| (entry.luma_mode, entry.chroma_mode_set) = (0, true));
    if cu_type == CuType::Skip {
        let qp = neighbours.left(x, y).qp;
        *residual = InterResidual { split: false, ctp: 0, qp };
        neighbours.update(at, (size, size), |entry| (entry.coded, entry.qp) = (false, qp));
        return;
    }
    let is_zero = cu_type != CuType::Direct && c.bin(ctx::CTP + 8, residual.ctp == 0 && !residual.split);
    if is_zero {
        (residual.split, residual.ctp) = (false, 0);
        neighbours.update(at, (size, size), |entry| entry.coded = false);
    } else {
        residual.split = c.bin(ctx::TRANSFORM_SPLIT, residual.split);
        let chroma = code_chroma_ctp(c, ctx::CTP + 4, residual.ctp >> 4);
        let split = transform_split(residual.split, orientation);
        let mut luma = 0;
        for i in 0..split.block_count() {
            let block = split.block(size, i);
            let at = (x + block.x, y + block.y);
            let coded = (!residual.split && chroma == 0)
                || code_luma_ctp(c, neighbours, at, (residual.ctp >> i) & 1 == 1);
            neighbours.update(at, (block.w, block.h), |entry| entry.coded = coded);
            luma |= u8::from(coded) << i;
        }
        residual.ctp = luma | (chroma << 4);
    }
    residual.qp = code_qp(c, tools, neighbours, at, residual.ctp != 0, residual.qp);
    let qp = residual.qp;
    neighbours.update(at, (size, size), |entry| entry.qp = qp);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aec::{AecReader, AecWriter};

    struct Random(u32);

    impl Random {
        fn below(&mut self, n: u32) -> u32 {
            self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (self.0 >> 8) % n
        }

        fn difference(&mut self) -> VectorDifference {
            let mut component = || {
                let limit = [1, 3, 9, 2000, 40_000][self.below(5) as usize];
                self.below(2 * limit + 1) as i32 - limit as i32
            };
            VectorDifference { x: component(), y: component() }
        }
    }

    const PARTITIONS: [Partition; 7] = [
        Partition::Whole,
        Partition::Horizontal,
        Partition::Vertical,
        Partition::HorizontalUp,
        Partition::HorizontalDown,
        Partition::VerticalLeft,
        Partition::VerticalRight,
    ];

    /// A CU that the syntax can express.
    fn any_cu(r: &mut Random, tools: &InterTools) -> (u8, CuType, InterSyntax) {
        let log2_size = 3 + r.below(4) as u8;
        let cu_type = match r.below(8) {
            0 => CuType::Intra,
            1 => CuType::Skip,
            2 => CuType::Direct,
            _ => {
                let count = if log2_size > 3 && tools.asymmetric_partitions { 7 } else { 3 };
                CuType::Explicit(PARTITIONS[r.below(count) as usize])
            }
        };
        let mut syntax = InterSyntax::default();
        let f = tools.picture_type == PictureType::F;
        let b = tools.picture_type == PictureType::B;
        match cu_type {
            CuType::Skip | CuType::Direct => {
                if f && tools.weighted_skip && tools.references > 1 {
                    syntax.weighted_skip_mode = r.below(tools.references.into()) as u8;
                }
                if syntax.weighted_skip_mode == 0 && (b || (f && tools.multi_hypothesis_skip)) {
                    syntax.subtype = r.below(5) as u8;
                }
            }
            CuType::Explicit(partition) => {
                let smallest = log2_size == 3 && partition.count() == 2;
                for block in &mut syntax.blocks[..partition.count()] {
                    if b {
                        let all = [
                            Direction::Forward,
                            Direction::Backward,
                            Direction::Symmetric,
                            Direction::Bidirectional,
                        ];
                        block.direction = all[r.below(if smallest { 2 } else { 4 }) as usize];
                        if block.direction != Direction::Backward {
                            block.differences[0] = r.difference();
                        }
                        if matches!(block.direction, Direction::Backward | Direction::Bidirectional) {
                            block.differences[1] = r.difference();
                        }
                    } else {
                        block.reference = r.below(tools.references.into()) as u8;
                        block.dual = f
                            && tools.dual_hypothesis
                            && tools.references > 1
                            && !smallest
                            && r.below(2) == 1;
                        block.differences[0] = r.difference();
                    }
                }
                let dual = syntax.blocks.iter().any(|block| block.dual);
                if f && !smallest && !dual {
                    syntax.multi_hypothesis = r.below(9) as u8;
                }
            }
            CuType::Intra => {}
        }
        (log2_size, cu_type, syntax)
    }

    #[test]
    fn cus_read_back() {
        let mut r = Random(1);
        for round in 0..200 {
            let picture_type = [PictureType::P, PictureType::F, PictureType::B][round % 3];
            let tools = InterTools {
                picture_type,
                references: if picture_type == PictureType::B { 2 } else { 1 + r.below(4) as u8 },
                multi_hypothesis_skip: r.below(2) == 1,
                dual_hypothesis: r.below(2) == 1,
                weighted_skip: r.below(2) == 1,
                asymmetric_partitions: r.below(2) == 1,
                pmvr: false,
            };
            let cus: Vec<_> = (0..100).map(|_| any_cu(&mut r, &tools)).collect();
            let mut writer = AecWriter::new();
            for &(log2_size, cu_type, mut syntax) in &cus {
                assert_eq!(code_cu_type(&mut writer, &tools, log2_size, cu_type), cu_type);
                code_inter(&mut writer, &tools, log2_size, cu_type, &mut syntax);
            }
            writer.final_bin(true);
            let bytes = writer.finish();
            let mut reader = AecReader::new(&bytes);
            for &(log2_size, cu_type, syntax) in &cus {
                assert_eq!(code_cu_type(&mut reader, &tools, log2_size, CuType::Skip), cu_type);
                let mut read = InterSyntax::default();
                code_inter(&mut reader, &tools, log2_size, cu_type, &mut read);
                assert_eq!(read, syntax, "{tools:?} {cu_type:?} log2_size {log2_size}");
            }
            assert!(reader.final_bin(false));
            assert_eq!(reader.check(), Ok(()));
        }
    }
}
