//! One row of largest coding units while it is searched.

use super::lcu::{LcuDecision, Tree};
use crate::aec::ContextSet;
use crate::filter::{Geometry, RowInfo};
use crate::picture::PlaneBuffer;
use crate::recon::Availability;

/// What later units need from a 4x4 block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell {
    pub mode: u8,
    pub coded: bool,
    pub chroma_mode_set: bool,
    pub qp: u8,
}

/// What a largest coding unit leaves to the row below.
#[derive(Debug)]
pub(super) struct BottomEdge {
    /// The last row of samples of each component.
    pub samples: [Vec<u8>; 3],
    pub cells: Vec<Cell>,
    /// Context states after the unit, from the unit that the row below starts from.
    pub contexts: Option<Box<ContextSet>>,
}

/// Samples and side information of a row.
#[derive(Debug)]
pub(super) struct Row {
    /// Position of the first luma row in the picture.
    pub y: usize,
    /// Number of luma rows inside the picture.
    pub height: usize,
    /// The row above is in the same slice.
    pub up: bool,
    /// Reconstruction; the first row of each plane is the row above.
    pub planes: [PlaneBuffer; 3],
    pub info: RowInfo,
    /// Cells with one more row above and one more column to the left.
    cells: Vec<Cell>,
    cell_stride: usize,
    outside: Cell,
    tree: Tree,
    pub lcus: Vec<LcuDecision>,
}

impl Row {
    pub fn new(tree: Tree, index: usize, up: bool, slice_qp: u8) -> Self {
        let geometry = Geometry { width: tree.width, height: tree.height, lcu_log2: tree.lcu_log2 };
        let size = 1 << tree.lcu_log2;
        let y = index * size;
        let outside = Cell { mode: 0, coded: false, chroma_mode_set: false, qp: slice_qp };
        let cell_stride = tree.width.next_multiple_of(size) / 4 + 1;
        Self {
            y,
            height: size.min(tree.height - y),
            up,
            planes: std::array::from_fn(|c| {
                let (width, _) = geometry.plane_size(c);
                PlaneBuffer::new(width, (1 << geometry.plane_lcu_log2(c)) + 1)
            }),
            info: RowInfo::new(&geometry),
            cells: vec![outside; cell_stride * (size / 4 + 1)],
            cell_stride,
            outside,
            tree,
            lcus: Vec::with_capacity(geometry.lcu_columns()),
        }
    }

    #[inline]
    fn cell_index(&self, x: usize, y: usize) -> usize {
        ((y - self.y) / 4 + 1) * self.cell_stride + x / 4 + 1
    }

    /// The cells to the left of and above the luma position (`x`, `y`).
    #[inline]
    pub fn neighbours(&self, x: usize, y: usize) -> (Cell, Cell) {
        let at = self.cell_index(x, y);
        let above = if y == self.y && !self.up { self.outside } else { self.cells[at - self.cell_stride] };
        (self.cells[at - 1], above)
    }

    /// Changes the cells of a block.
    pub fn update(&mut self, (x, y): (usize, usize), (w, h): (usize, usize), f: impl Fn(&mut Cell)) {
        let at = self.cell_index(x, y);
        for row in self.cells[at..].chunks_mut(self.cell_stride).take(h / 4) {
            row[..w / 4].iter_mut().for_each(&f);
        }
    }

    /// Takes the lower edge of the unit above in column `column`.
    pub fn take_edge(&mut self, column: usize, edge: &BottomEdge) {
        for (c, samples) in edge.samples.iter().enumerate() {
            let x = (column << self.tree.lcu_log2) >> usize::from(c > 0);
            self.planes[c].row_mut(0)[x..x + samples.len()].copy_from_slice(samples);
        }
        let at = (column << self.tree.lcu_log2) / 4 + 1;
        self.cells[at..at + edge.cells.len()].copy_from_slice(&edge.cells);
    }

    /// The lower edge of the unit in column `column`.
    pub fn bottom_edge(&self, column: usize, contexts: Option<Box<ContextSet>>) -> BottomEdge {
        let size = 1 << self.tree.lcu_log2;
        let x = column * size;
        let width = size.min(self.tree.width - x);
        let at = self.cell_index(x, self.y + self.height - 4);
        BottomEdge {
            samples: std::array::from_fn(|c| {
                let shift = usize::from(c > 0);
                self.planes[c].row(self.height >> shift)[x >> shift..][..width >> shift].to_vec()
            }),
            cells: self.cells[at..at + width / 4].to_vec(),
            contexts,
        }
    }

    /// Neighbouring samples of a luma area (docs/spec/avs2#b2.4).
    pub fn availability(&self, (x, y): (usize, usize), (w, h): (usize, usize)) -> Availability {
        let size = 1 << self.tree.lcu_log2;
        let (dx, dy) = (x % size, y - self.y);
        let z = super::lcu::z_order(dx, dy);
        let left = x > 0;
        let top = dy > 0 || self.up;
        let top_right = x + 2 * w - 1 < self.tree.width
            && if dy == 0 { self.up } else { dx + w < size && super::lcu::z_order(dx + w, dy - 1) < z };
        let bottom_left = y + 2 * h - 1 < self.tree.height
            && dy + h < size
            && left
            && (dx == 0 || super::lcu::z_order(dx - 1, dy + h) < z);
        Availability { left, top, top_left: left && top, top_right, bottom_left }
    }
}
