//! One LCU row while it is searched.

use std::ops::Range;

use crate::aec::ContextSet;
use crate::encoder::write::lcu::LcuDecision;
use crate::filter::{Geometry, RowInfo};
use crate::inter::{MotionEdge, MotionField, MotionVector};
use crate::picture::PlaneBuffer;
use crate::recon::{Availability, LcuPlace};
use crate::syntax::{Entry, NeighbourView};

/// What an LCU leaves to the row below.
#[derive(Debug)]
pub(in crate::encoder) struct BottomEdge {
    /// The last row of samples of each component.
    pub samples: [Vec<u8>; 3],
    pub cells: Vec<Entry>,
    /// In inter pictures.
    pub motion: Option<MotionEdge>,
    /// From the LCU that the row below starts from.
    pub start: Option<Box<RowStart>>,
}

/// What the search of a row goes on from.
#[derive(Debug, Clone)]
pub(in crate::encoder) struct RowStart {
    /// States after an LCU of the row above.
    pub contexts: ContextSet,
    /// Vectors of the last explicit CU before, by reference.
    pub vectors: [MotionVector; 4],
}

/// Samples and side information of a row.
#[derive(Debug)]
pub(in crate::encoder) struct Row {
    /// Position of the first luma row in the picture.
    pub y: usize,
    /// Number of luma rows inside the picture.
    pub height: usize,
    /// The row above is in the same slice.
    pub up: bool,
    /// Reconstruction; the first row of each plane is the row above.
    pub planes: [PlaneBuffer; 3],
    pub info: RowInfo,
    /// What each 4x4 block leaves to later ones, with one more row above and one more column to the left.
    cells: Vec<Entry>,
    cell_stride: usize,
    outside: Entry,
    qp_delta_before: bool,
    geometry: Geometry,
    pub lcus: Vec<LcuDecision>,
    /// In inter pictures, once the row is searched.
    pub motion: Option<MotionField>,
}

impl Row {
    pub fn new(geometry: Geometry, index: usize, up: bool, slice_qp: u8) -> Self {
        let size = 1 << geometry.lcu_log2;
        let y = index * size;
        let outside = Entry::outside(slice_qp);
        let cell_stride = geometry.width.next_multiple_of(size) / 4 + 1;
        Self {
            y,
            height: size.min(geometry.height - y),
            up,
            planes: std::array::from_fn(|c| {
                let (width, _) = geometry.plane_size(c);
                PlaneBuffer::new(width, (1 << geometry.plane_lcu_log2(c)) + 1)
            }),
            info: RowInfo::new(&geometry),
            cells: vec![outside; cell_stride * (size / 4 + 1)],
            cell_stride,
            outside,
            qp_delta_before: false,
            geometry,
            lcus: Vec::with_capacity(geometry.lcu_columns()),
            motion: None,
        }
    }

    #[inline]
    fn cell_index(&self, x: usize, y: usize) -> usize {
        ((y - self.y) / 4 + 1) * self.cell_stride + x / 4 + 1
    }

    /// Whether all CUs are inter CUs without coefficients.
    pub fn is_skipped(&self) -> bool {
        self.lcus.iter().flat_map(|lcu| &lcu.cus).all(|cu| cu.inter.is_some() && cu.coded.ctp == 0)
    }

    /// Takes the lower edge of the LCU above in column `column`.
    pub fn take_edge(&mut self, column: usize, edge: &BottomEdge) {
        for (c, samples) in edge.samples.iter().enumerate() {
            let x = (column << self.geometry.lcu_log2) >> usize::from(c > 0);
            self.planes[c].row_mut(0)[x..x + samples.len()].copy_from_slice(samples);
        }
        let at = (column << self.geometry.lcu_log2) / 4 + 1;
        self.cells[at..at + edge.cells.len()].copy_from_slice(&edge.cells);
    }

    /// Luma columns of the LCU in column `column`.
    pub fn columns_of(&self, column: usize) -> Range<usize> {
        let size = 1 << self.geometry.lcu_log2;
        let x = column * size;
        x..(x + size).min(self.geometry.width)
    }

    /// The lower edge of the LCU in column `column`, as far as the row knows it.
    pub fn bottom_edge(&self, column: usize) -> BottomEdge {
        let columns = self.columns_of(column);
        let (x, width) = (columns.start, columns.len());
        let at = self.cell_index(x, self.y + self.height - 4);
        BottomEdge {
            samples: std::array::from_fn(|c| {
                let shift = usize::from(c > 0);
                self.planes[c].row(self.height >> shift)[x >> shift..][..width >> shift].to_vec()
            }),
            cells: self.cells[at..at + width / 4].to_vec(),
            motion: None,
            start: None,
        }
    }

    /// Neighbouring samples of a luma area. Slices begin with rows.
    #[inline]
    pub fn availability(&self, (x, y): (usize, usize), area: (usize, usize)) -> Availability {
        let size = 1 << self.geometry.lcu_log2;
        let (lcu_x, up) = (x / size * size, self.up);
        let left = lcu_x > 0;
        let place = LcuPlace {
            x: lcu_x,
            y: self.y,
            size,
            picture: (self.geometry.width, self.geometry.height),
            left,
            up,
            up_left: up && left,
            up_right: up,
        };
        place.availability((x, y), area)
    }
}

impl NeighbourView for Row {
    #[inline]
    fn left(&self, x: usize, y: usize) -> Entry {
        self.cells[self.cell_index(x, y) - 1]
    }

    #[inline]
    fn above(&self, x: usize, y: usize) -> Entry {
        if y == self.y && !self.up {
            return self.outside;
        }
        self.cells[self.cell_index(x, y) - self.cell_stride]
    }

    #[inline]
    fn update(&mut self, (x, y): (usize, usize), (w, h): (usize, usize), change: impl Fn(&mut Entry)) {
        let at = self.cell_index(x, y);
        for row in self.cells[at..].chunks_mut(self.cell_stride).take(h / 4) {
            row[..w / 4].iter_mut().for_each(&change);
        }
    }

    fn qp_delta_before(&mut self) -> &mut bool {
        &mut self.qp_delta_before
    }
}
