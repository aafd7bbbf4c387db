//! What lies between reading and reconstruction.

use super::inter::InterCu;
use super::lcu::coded_size;
use crate::aec::AecReader;
use crate::filter::{Geometry, LcuInfo, RowInfo};
use crate::inter::PredictionBlock;
use crate::recon::LcuPlace;
use crate::syntax::{BlockClass, CodedGroup, CodedLevel, IntraCu, Levels, Node, code_coefficients};

/// Levels for which a part of an LCU row is handed over.
const LEVELS: usize = 4096;

/// What was read of an LCU row, or of some LCUs of it.
#[derive(Debug, Default)]
pub(super) struct ParsedPart {
    /// Its last LCU is the last one of the row.
    pub ends_row: bool,
    pub lcus: Vec<ParsedLcu>,
    pub cus: Vec<ParsedCu>,
    /// Of inter CUs, in coding order.
    pub predictions: Vec<PredictionBlock>,
    /// What deblocking needs of inter pictures, whose parts are whole rows: the motion of all that is around decides there.
    pub info: RowInfo,
    /// Number of groups of each block with coefficients, in coding order.
    blocks: Vec<u8>,
    groups: Vec<ParsedGroup>,
    /// Of all groups; a complete part has those of one group more.
    levels: Vec<CodedLevel>,
}

/// An LCU of a part, from left to right.
#[derive(Debug)]
pub(super) struct ParsedLcu {
    pub place: LcuPlace,
    pub info: LcuInfo,
    /// Number of the part's CUs up to the end of this LCU.
    pub end: usize,
}

/// A CU, in coding order.
#[derive(Debug)]
pub(super) struct ParsedCu {
    pub node: Node,
    pub kind: CuKind,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum CuKind {
    Intra(IntraCu),
    /// With so many of the part's predictions.
    Inter {
        cu: InterCu,
        predictions: u8,
    },
}

/// A [`CodedGroup`] whose levels lie with those of the part.
#[derive(Debug)]
struct ParsedGroup {
    at: (u8, u8),
    count: u8,
    signs: u16,
}

/// Keeps levels as they are decoded.
struct Recorder<'a> {
    groups: &'a mut Vec<ParsedGroup>,
    levels: &'a mut Vec<CodedLevel>,
}

impl Levels for Recorder<'_> {
    #[inline(always)]
    fn set_group(&mut self, group: &CodedGroup<'_>) {
        let at = (group.at.0 as u8, group.at.1 as u8);
        self.groups.push(ParsedGroup { at, count: group.count as u8, signs: group.signs as u16 });
        // As many as there may be take less time than as many as there are.
        self.levels.extend_from_slice(group.levels);
        self.levels.truncate(self.levels.len() + group.count - group.levels.len());
    }
}

impl ParsedPart {
    /// An empty part of pictures that have inter CUs or not.
    pub fn new(geometry: &Geometry, is_intra: bool) -> Self {
        let info = if is_intra { RowInfo::default() } else { RowInfo::new(geometry) };
        Self { info, ..Self::default() }
    }

    /// Most bytes that a part takes.
    pub fn memory(geometry: &Geometry, is_intra: bool) -> usize {
        let samples = geometry.width.next_multiple_of(geometry.lcu_size()) * geometry.lcu_size();
        let coefficients = samples * 3 / 2;
        let lcu = geometry.lcu_size().pow(2) * 3 / 2;
        let levels = if is_intra { coefficients.min(LEVELS + lcu) } else { coefficients };
        (levels + 16) * size_of::<CodedLevel>()
            + coefficients / 16 * size_of::<ParsedGroup>()
            + samples / 64 * (size_of::<ParsedCu>() + 6 * size_of::<u8>())
            + if is_intra { 0 } else { samples / 64 * 4 * size_of::<PredictionBlock>() }
    }

    /// Makes it an empty part.
    pub fn clear(&mut self) {
        self.ends_row = false;
        self.lcus.clear();
        self.cus.clear();
        self.predictions.clear();
        self.info.clear();
        self.blocks.clear();
        self.groups.clear();
        self.levels.clear();
    }

    /// Reads the coefficients of the next block, of `size` coefficients.
    fn read_block(&mut self, aec: &mut AecReader<'_>, size: (usize, usize), class: BlockClass) {
        let before = self.groups.len();
        let mut recorder = Recorder { groups: &mut self.groups, levels: &mut self.levels };
        code_coefficients(aec, size, class, &mut recorder);
        self.blocks.push((self.groups.len() - before) as u8);
    }

    /// Reads the coefficients of an intra CU, whose other elements were read.
    pub fn read_intra_cu(&mut self, aec: &mut AecReader<'_>, node: Node, cu: IntraCu) {
        self.cus.push(ParsedCu { node, kind: CuKind::Intra(cu) });
        let rect = cu.split.block(node.size(), 0);
        for i in (0..cu.split.block_count()).filter(|i| cu.ctp >> i & 1 == 1) {
            let class = BlockClass::intra_luma(cu.luma_modes[i], cu.split.is_strips());
            self.read_block(aec, coded_size((rect.w, rect.h)), class);
        }
        self.read_chroma(aec, node, cu.ctp);
    }

    /// The same of an inter CU.
    pub fn read_inter_cu(
        &mut self,
        aec: &mut AecReader<'_>,
        node: Node,
        cu: InterCu,
        predictions: &[PredictionBlock],
    ) {
        self.predictions.extend_from_slice(predictions);
        self.cus.push(ParsedCu { node, kind: CuKind::Inter { cu, predictions: predictions.len() as u8 } });
        let (split, ctp) = (cu.split(), cu.residual.ctp);
        let rect = split.block(node.size(), 0);
        for _ in (0..split.block_count()).filter(|i| ctp >> i & 1 == 1) {
            self.read_block(aec, coded_size((rect.w, rect.h)), BlockClass::INTER_LUMA);
        }
        self.read_chroma(aec, node, ctp);
    }

    fn read_chroma(&mut self, aec: &mut AecReader<'_>, node: Node, ctp: u8) {
        let half = node.size() / 2;
        for _ in (4..6).filter(|i| ctp >> i & 1 == 1) {
            self.read_block(aec, coded_size((half, half)), BlockClass::CHROMA);
        }
    }

    /// Whether it is to be handed over before the row ends; with those of the last row nobody has anything else to do.
    pub fn is_long(&self, is_last_row: bool) -> bool {
        self.levels.len() >= if is_last_row { LEVELS / 8 } else { LEVELS }
    }

    /// Ends a part.
    pub fn finish(&mut self, ends_row: bool) {
        self.ends_row = ends_row;
        self.levels.extend_from_slice(&[CodedLevel::default(); 16]);
    }

    /// Gives the levels of the blocks back, one block after the other.
    pub fn blocks(&self) -> ParsedBlocks<'_> {
        ParsedBlocks { blocks: self.blocks.iter(), groups: self.groups.iter(), levels: &self.levels }
    }
}

/// The blocks of a part while they are given back.
pub(super) struct ParsedBlocks<'a> {
    blocks: std::slice::Iter<'a, u8>,
    groups: std::slice::Iter<'a, ParsedGroup>,
    levels: &'a [CodedLevel],
}

impl ParsedBlocks<'_> {
    /// Hands the levels of the next block, which is of `class`, to `sink`.
    pub fn next_into(&mut self, class: BlockClass, sink: &mut impl Levels) {
        let count = self.blocks.next().copied().unwrap_or_default();
        for &ParsedGroup { at, count, signs } in self.groups.by_ref().take(count.into()) {
            let Some(levels) = self.levels.first_chunk() else { return };
            let (at, count) = ((at.0.into(), at.1.into()), count.into());
            sink.set_group(&CodedGroup { at, swap: class.swap, levels, count, signs: signs.into() });
            self.levels = &self.levels[count..];
        }
    }
}
