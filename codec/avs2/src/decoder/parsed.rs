//! LCU rows of intra pictures between reading and reconstruction.

use super::lcu::{BlockAt, Coded};
use super::picture::PictureContext;
use crate::aec::AecReader;
use crate::filter::{Geometry, LcuInfo};
use crate::recon::{CoefficientBlock, Dequantiser, LcuPlace};
use crate::syntax::{IntraCu, Levels, Node, code_coefficients};

/// What was read of an LCU row.
#[derive(Debug, Default)]
pub(super) struct ParsedRow {
    pub lcus: Vec<ParsedLcu>,
    pub cus: Vec<ParsedCu>,
    /// The blocks with coefficients, in coding order.
    blocks: Vec<ParsedBlock>,
    coefficients: Vec<Coefficient>,
}

/// An LCU of a row, from left to right.
#[derive(Debug)]
pub(super) struct ParsedLcu {
    pub place: LcuPlace,
    pub info: LcuInfo,
    /// Number of the row's CUs up to the end of this LCU.
    pub end: usize,
}

/// An intra CU, in coding order.
#[derive(Debug)]
pub(super) struct ParsedCu {
    pub node: Node,
    pub cu: IntraCu,
}

#[derive(Debug)]
struct ParsedBlock {
    /// Number of the row's coefficients up to the end of this block.
    end: u32,
    nonzero_width: u8,
    nonzero_height: u8,
}

/// A scaled coefficient that is not 0.
#[derive(Debug, Clone, Copy)]
struct Coefficient {
    /// Place in the block, row by row.
    place: u16,
    value: i16,
}

/// Scales and keeps levels as they are decoded.
struct Recorder<'a> {
    coefficients: &'a mut Vec<Coefficient>,
    width: usize,
    nonzero_width: usize,
    nonzero_height: usize,
    dequantiser: Dequantiser<'a>,
}

impl Levels for Recorder<'_> {
    fn get(&self, _x: usize, _y: usize) -> i32 {
        0
    }

    #[inline(always)]
    fn set(&mut self, x: usize, y: usize, level: i32) {
        let place = (y * self.width + x) as u16;
        self.coefficients.push(Coefficient { place, value: self.dequantiser.scale(x, y, level) });
        self.nonzero_width = self.nonzero_width.max(x + 1);
        self.nonzero_height = self.nonzero_height.max(y + 1);
    }
}

impl ParsedRow {
    /// Most bytes that a row takes.
    pub fn memory(geometry: &Geometry) -> usize {
        let samples = geometry.width.next_multiple_of(geometry.lcu_size()) * geometry.lcu_size();
        samples * 3 / 2 * size_of::<Coefficient>() + samples / 64 * size_of::<ParsedCu>()
    }

    /// Makes it an empty row.
    pub fn clear(&mut self) {
        self.lcus.clear();
        self.cus.clear();
        self.blocks.clear();
        self.coefficients.clear();
    }

    /// Reads the coefficients of the next block.
    pub fn read_block(
        &mut self,
        context: &PictureContext,
        aec: &mut AecReader<'_>,
        at: BlockAt,
        Coded { class, dequantiser, .. }: Coded<'_>,
    ) {
        let size = at.coded_size();
        let dequantiser = context.weighted(dequantiser, size);
        let coefficients = &mut self.coefficients;
        let mut recorder =
            Recorder { coefficients, width: size.0, nonzero_width: 0, nonzero_height: 0, dequantiser };
        code_coefficients(aec, size, class, &mut recorder);
        let (nonzero_width, nonzero_height) = (recorder.nonzero_width as u8, recorder.nonzero_height as u8);
        let end = self.coefficients.len() as u32;
        self.blocks.push(ParsedBlock { end, nonzero_width, nonzero_height });
    }

    /// Gives the coefficients of the blocks back, one block after the other.
    pub fn coefficients(&self) -> Coefficients<'_> {
        Coefficients { row: self, block: 0, from: 0 }
    }
}

/// The coefficients of a row while they are given back.
pub(super) struct Coefficients<'a> {
    row: &'a ParsedRow,
    block: usize,
    from: usize,
}

impl Coefficients<'_> {
    /// Puts those of the next block, of `size` coefficients, into `block`, which holds zeros.
    pub fn next_into(&mut self, block: &mut CoefficientBlock, size: (usize, usize)) {
        block.start(size);
        let Some(parsed) = self.row.blocks.get(self.block) else { return };
        let end = parsed.end as usize;
        for coefficient in &self.row.coefficients[self.from..end] {
            block.coefficients[usize::from(coefficient.place)] = coefficient.value;
        }
        block.nonzero_width = parsed.nonzero_width.into();
        block.nonzero_height = parsed.nonzero_height.into();
        self.from = end;
        self.block += 1;
    }
}
