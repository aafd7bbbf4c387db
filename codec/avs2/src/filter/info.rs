//! What the loop filters need to know about a picture.

use crate::syntax::{SaoLcu, TransformSplit};

/// Bits of an edge unit (6.1).
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
    /// log2 of the size of largest coding units.
    pub lcu_log2: u32,
}

impl Geometry {
    /// Size of largest coding units.
    #[inline]
    #[must_use]
    pub fn lcu_size(&self) -> usize {
        1 << self.lcu_log2
    }

    /// Largest coding units per row.
    #[must_use]
    pub fn lcu_columns(&self) -> usize {
        self.width.div_ceil(self.lcu_size())
    }

    /// Rows of largest coding units.
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

    /// log2 of the size of largest coding units in plane `c`.
    #[must_use]
    pub fn plane_lcu_log2(&self, c: usize) -> u32 {
        self.lcu_log2 - u32::from(c > 0)
    }
}

/// Filter parameters of a largest coding unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LcuInfo {
    /// Number of the slice.
    pub slice: u32,
    /// Sample adaptive offset.
    pub sao: SaoLcu,
    /// `alf_lcu_enable_flag` of the components.
    pub alf: [bool; 3],
}

/// A coding unit in a row of largest coding units, in units of 8x8 luma samples.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UnitArea {
    pub bx: usize,
    pub by: usize,
    /// Units per side.
    pub count: usize,
}

impl UnitArea {
    /// Of the coding unit at (`x`, `y`) of the picture, in the row that begins at `top`.
    pub fn new((x, y): (usize, usize), size: usize, top: usize) -> Self {
        Self { bx: x / 8, by: (y - top) / 8, count: size / 8 }
    }
}

/// What a row of largest coding units leaves for the filters. Units are 8x8 luma samples.
#[derive(Debug, Clone, Default)]
pub struct RowInfo {
    /// Units per row.
    pub units: usize,
    /// Vertical edges: bits of [`edge`] for the left side of each unit, row by row.
    pub vertical: Vec<u8>,
    /// Horizontal edges: bits for the upper side of each unit.
    pub horizontal: Vec<u8>,
    /// QP of each unit.
    pub qp: Vec<u8>,
    /// The largest coding units.
    pub lcus: Vec<LcuInfo>,
}

impl RowInfo {
    /// For one row of a picture.
    #[must_use]
    pub fn new(geometry: &Geometry) -> Self {
        let units = geometry.width / 8;
        let count = units * geometry.lcu_size() / 8;
        Self {
            units,
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

    /// Leaves the QP of a coding unit.
    pub(crate) fn set_qp(&mut self, area: UnitArea, qp: u8) {
        for row in area.by..area.by + area.count {
            self.qp[row * self.units + area.bx..][..area.count].fill(qp);
        }
    }

    /// Marks the left and the upper side of a coding unit, if they are to be filtered (6.2).
    pub(crate) fn mark_sides(&mut self, UnitArea { bx, by, count }: UnitArea, left: bool, upper: bool) {
        if left {
            self.mark_vertical(bx, by, count, edge::LUMA | edge::CHROMA);
        }
        if upper {
            self.mark_horizontal(bx, by, count, edge::LUMA | edge::CHROMA);
        }
    }

    /// Marks the sides between the strips of an intra unit (6.2). In a 16x16 unit only the middle one is on the grid.
    pub(crate) fn mark_strips(&mut self, UnitArea { bx, by, count }: UnitArea, kind: TransformSplit) {
        for i in 1..count {
            match kind {
                TransformSplit::Horizontal => self.mark_horizontal(bx, by + i, count, edge::LUMA),
                TransformSplit::Vertical => self.mark_vertical(bx + i, by, count, edge::LUMA),
                _ => {}
            }
        }
    }

    /// Marks `count` units of a vertical edge from unit (`bx`, `by`) down; marks that exist stay.
    pub fn mark_vertical(&mut self, bx: usize, by: usize, count: usize, bits: u8) {
        for mark in self.vertical[by * self.units + bx..].iter_mut().step_by(self.units).take(count) {
            if *mark == 0 {
                *mark = bits;
            }
        }
    }

    /// Marks `count` units of a horizontal edge from unit (`bx`, `by`) to the right; marks that exist stay.
    pub fn mark_horizontal(&mut self, bx: usize, by: usize, count: usize, bits: u8) {
        for mark in &mut self.horizontal[by * self.units + bx..][..count] {
            if *mark == 0 {
                *mark = bits;
            }
        }
    }
}
