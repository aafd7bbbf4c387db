//! What the loop filters need to know about a picture.

use crate::syntax::{Node, SaoLcu, TransformSplit};

/// Bits of an edge unit (docs/spec/avs2#b6.1).
pub mod edge {
    /// The first four samples are filtered.
    pub const FIRST_HALF: u8 = 1;
    /// The last four samples are filtered.
    pub const SECOND_HALF: u8 = 2;
    /// Both halves.
    pub const LUMA: u8 = FIRST_HALF | SECOND_HALF;
    /// Chroma is filtered along with luma.
    pub const CHROMA: u8 = 4;
}

/// Sizes of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    /// Coded width in luma samples.
    pub width: usize,
    /// Coded height in luma samples.
    pub height: usize,
    /// log2 of the size of LCUs.
    pub lcu_log2: u32,
}

impl Geometry {
    /// Size of LCUs.
    #[inline]
    #[must_use]
    pub fn lcu_size(&self) -> usize {
        1 << self.lcu_log2
    }

    /// LCUs per row.
    #[must_use]
    pub fn lcu_columns(&self) -> usize {
        self.width.div_ceil(self.lcu_size())
    }

    /// LCU rows.
    #[must_use]
    pub fn lcu_rows(&self) -> usize {
        self.height.div_ceil(self.lcu_size())
    }

    /// Width and height of plane `c`.
    #[must_use]
    pub fn plane_size(&self, c: usize) -> (usize, usize) {
        let shift = usize::from(c > 0);
        (self.width >> shift, self.height >> shift)
    }

    /// log2 of the size of LCUs in plane `c`.
    #[must_use]
    pub fn plane_lcu_log2(&self, c: usize) -> u32 {
        self.lcu_log2 - u32::from(c > 0)
    }

    /// Rows of luma that LCU rows below the first `lcu_rows` change no more; of chroma half as many. The filters are
    /// four samples behind in each plane.
    #[must_use]
    pub fn final_rows(&self, lcu_rows: usize) -> usize {
        match lcu_rows >= self.lcu_rows() {
            true => self.height,
            false => (lcu_rows * self.lcu_size()).saturating_sub(8),
        }
    }
}

/// Filter parameters of an LCU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LcuInfo {
    /// Number of the slice.
    pub slice: u32,
    /// Sample adaptive offset.
    pub sao: SaoLcu,
    /// `alf_lcu_enable_flag` of the components.
    pub alf: [bool; 3],
}

/// A CU in an LCU row, in 8x8 luma blocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CuArea {
    pub bx: usize,
    pub by: usize,
    /// Blocks per side.
    pub count: usize,
}

impl CuArea {
    /// Of a CU in the row that begins at `top`.
    pub fn new(node: Node, top: usize) -> Self {
        Self { bx: node.at.0 / 8, by: (node.at.1 - top) / 8, count: node.size() / 8 }
    }
}

/// What an LCU row leaves for the filters. Blocks are 8x8 luma samples.
#[derive(Debug, Clone, Default)]
pub struct RowInfo {
    /// Blocks per row.
    pub columns: usize,
    /// Vertical edges: bits of [`edge`] for the left side of each block, row by row.
    pub vertical: Vec<u8>,
    /// Horizontal edges: bits for the upper side of each block.
    pub horizontal: Vec<u8>,
    /// QP of each block.
    pub qp: Vec<u8>,
    /// The LCUs.
    pub lcus: Vec<LcuInfo>,
}

impl RowInfo {
    /// For one row of a picture.
    #[must_use]
    pub fn new(geometry: &Geometry) -> Self {
        let columns = geometry.width / 8;
        let count = columns * geometry.lcu_size() / 8;
        Self {
            columns,
            vertical: vec![0; count],
            horizontal: vec![0; count],
            qp: vec![0; count],
            lcus: vec![LcuInfo::default(); geometry.lcu_columns()],
        }
    }

    /// Makes the row as new.
    pub fn clear(&mut self) {
        self.vertical.fill(0);
        self.horizontal.fill(0);
    }

    /// Leaves the QP of a CU.
    pub(crate) fn set_qp(&mut self, area: CuArea, qp: u8) {
        for row in area.by..area.by + area.count {
            self.qp[row * self.columns + area.bx..][..area.count].fill(qp);
        }
    }

    /// Marks the left and the upper side of a CU, if they are to be filtered (docs/spec/avs2#b6.2).
    pub(crate) fn mark_sides(&mut self, CuArea { bx, by, count }: CuArea, left: bool, upper: bool) {
        if left {
            self.mark_vertical(bx, by, count, edge::LUMA | edge::CHROMA);
        }
        if upper {
            self.mark_horizontal(bx, by, count, edge::LUMA | edge::CHROMA);
        }
    }

    /// Marks the sides between the strips of an intra CU (docs/spec/avs2#b6.2). In a 16x16 CU only the middle one
    /// is on the grid.
    pub(crate) fn mark_strips(&mut self, CuArea { bx, by, count }: CuArea, split: TransformSplit) {
        for i in 1..count {
            match split {
                TransformSplit::Horizontal => self.mark_horizontal(bx, by + i, count, edge::LUMA),
                TransformSplit::Vertical => self.mark_vertical(bx + i, by, count, edge::LUMA),
                _ => {}
            }
        }
    }

    /// Marks `count` edge units of a vertical edge from block (`bx`, `by`) down; marks that exist stay.
    pub fn mark_vertical(&mut self, bx: usize, by: usize, count: usize, bits: u8) {
        for mark in self.vertical[by * self.columns + bx..].iter_mut().step_by(self.columns).take(count) {
            if *mark == 0 {
                *mark = bits;
            }
        }
    }

    /// Marks `count` edge units of a horizontal edge from block (`bx`, `by`) to the right; marks that exist stay.
    pub fn mark_horizontal(&mut self, bx: usize, by: usize, count: usize, bits: u8) {
        for mark in &mut self.horizontal[by * self.columns + bx..][..count] {
            if *mark == 0 {
                *mark = bits;
            }
        }
    }
}
