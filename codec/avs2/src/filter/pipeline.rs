//! The three filters over a picture, row by row.

use std::ops::Range;

use super::alf::{self, FilterUnit, Sides};
use super::deblock::{EdgeUnit, Thresholds};
use super::info::{Geometry, LcuInfo, RowInfo, edge};
use super::sao::{self, Area};
use crate::headers::{AlfParameters, DeblockingParameters};
use crate::picture::PlaneBuffer;
use crate::simd::Backend;

/// Parameters of the filters of one picture.
#[derive(Debug, Clone)]
pub struct FilterSetup {
    /// Sizes.
    pub geometry: Geometry,
    /// Deblocking, if it is on.
    pub deblocking: Option<DeblockingParameters>,
    /// Differences of the chroma QPs.
    pub chroma_qp_delta: [i8; 2],
    /// Sample adaptive offset may occur.
    pub sao: bool,
    /// Adaptive loop filter.
    pub alf: AlfParameters,
    /// Filters use samples across slice boundaries.
    pub cross_slice: bool,
    /// Instructions to use.
    pub backend: Backend,
    /// Keep the planes between the filters.
    pub keep_stages: bool,
}

/// The planes of a picture in coded size before the filters and after each.
#[derive(Debug, Clone)]
pub struct Stages {
    /// The reconstruction.
    pub reconstruction: [PlaneBuffer; 3],
    /// After deblocking.
    pub deblocked: [PlaneBuffer; 3],
    /// After sample adaptive offset.
    pub offset: [PlaneBuffer; 3],
}

/// Rows of the picture above the LCU row that filters still read or change: deblocking three of them, sample adaptive
/// offset five.
const MARGIN: usize = 8;

/// Filters a picture whose rows arrive from top to bottom.
///
/// What lies between the filters is kept for one LCU row and the `MARGIN` above it only.
#[derive(Debug)]
pub struct LoopFilter {
    setup: FilterSetup,
    /// What leaves the last filter.
    planes: [PlaneBuffer; 3],
    /// Reconstruction, deblocked in place, of planes that other filters follow for; their first row is [`Self::top`].
    deblocked: [Option<PlaneBuffer>; 3],
    /// The same rows between sample adaptive offset and ALF, of planes for which both may occur.
    offset: [Option<PlaneBuffer>; 3],
    stages: Option<Box<Stages>>,
    /// QP of each 8x8 block.
    qp: Vec<u8>,
    lcus: Vec<LcuInfo>,
    rows: usize,
    region_filters: [u8; 16],
}

/// The edge at the left or upper side of an 8x8 block.
#[derive(Debug, Clone, Copy)]
struct Edge {
    bx: usize,
    by: usize,
    /// Of [`edge`]: what is filtered.
    bits: u8,
    /// QP on the left or above.
    qp_p: u8,
    /// QP of the block.
    qp_q: u8,
    /// Chroma has an edge here.
    on_chroma_grid: bool,
}

fn new_planes(geometry: &Geometry) -> [PlaneBuffer; 3] {
    std::array::from_fn(|c| {
        let (width, height) = geometry.plane_size(c);
        PlaneBuffer::new(width, height)
    })
}

impl LoopFilter {
    /// At the top of a picture.
    #[must_use]
    pub fn new(setup: FilterSetup) -> Self {
        let geometry = setup.geometry;
        let window = |c: usize| {
            let (width, _) = geometry.plane_size(c);
            PlaneBuffer::new(width, MARGIN + (1 << geometry.plane_lcu_log2(c)))
        };
        let stages = || {
            let [reconstruction, deblocked, offset] = std::array::from_fn(|_| new_planes(&geometry));
            Box::new(Stages { reconstruction, deblocked, offset })
        };
        let alf = |c: usize| setup.alf.is_enabled(c);
        Self {
            planes: new_planes(&geometry),
            deblocked: std::array::from_fn(|c| (setup.sao || alf(c)).then(|| window(c))),
            offset: std::array::from_fn(|c| (setup.sao && alf(c)).then(|| window(c))),
            stages: setup.keep_stages.then(stages),
            qp: Vec::new(),
            lcus: Vec::new(),
            rows: 0,
            region_filters: setup.alf.region_filters(),
            setup,
        }
    }

    /// Bytes that it takes but for the planes that it makes.
    #[must_use]
    pub fn memory(geometry: &Geometry) -> usize {
        let rows = MARGIN + geometry.lcu_size();
        2 * 2 * PlaneBuffer::memory(geometry.width, rows) + geometry.width * geometry.height / 64
    }

    /// Takes the next LCU row: its reconstructed samples (the first row of each plane of
    /// `samples` is the row above and ignored) and what it says about filters.
    pub fn push_row(&mut self, samples: &[PlaneBuffer; 3], info: &RowInfo) {
        let geometry = self.setup.geometry;
        let row = self.rows;
        self.qp.extend_from_slice(&info.qp);
        self.lcus.extend_from_slice(&info.lcus);
        self.rows += 1;
        for (c, samples) in samples.iter().enumerate() {
            let n = 1 << geometry.plane_lcu_log2(c);
            let (_, height) = geometry.plane_size(c);
            let top = self.start_row(row, c);
            let target = self.deblocked[c].as_mut().unwrap_or(&mut self.planes[c]);
            for (i, y) in (row * n..height.min((row + 1) * n)).enumerate() {
                target.row_mut(y - top).copy_from_slice(samples.row(i + 1));
                if let Some(stages) = &mut self.stages {
                    stages.reconstruction[c].row_mut(y).copy_from_slice(samples.row(i + 1));
                }
            }
        }
        if let Some(parameters) = self.setup.deblocking {
            self.deblock_vertical(row, info, &parameters);
            self.deblock_horizontal(row, info, &parameters);
        }
        for c in 0..3 {
            self.sao_row(row, c);
            self.keep_stages(row, c);
            self.alf_row(row, c);
        }
    }

    /// The row of the picture that is the first one of the buffer which plane `c` is deblocked in.
    fn top(&self, row: usize, c: usize) -> usize {
        match self.deblocked[c] {
            Some(_) => (row << self.setup.geometry.plane_lcu_log2(c)).saturating_sub(MARGIN),
            None => 0,
        }
    }

    /// Keeps the margin of the LCU row before; returns the new top.
    fn start_row(&mut self, row: usize, c: usize) -> usize {
        let top = self.top(row, c);
        let before = if row > 0 { self.top(row - 1, c) } else { top };
        if let Some(window) = &mut self.deblocked[c] {
            let stride = window.stride();
            window.samples_mut().copy_within((top - before) * stride..(top - before + MARGIN) * stride, 0);
        }
        top
    }

    /// Copies the rows that have just passed deblocking and sample adaptive offset.
    fn keep_stages(&mut self, row: usize, c: usize) {
        let (top, rows) = (self.top(row, c), self.region_rows(row, c));
        let Some(stages) = &mut self.stages else { return };
        let deblocked = self.deblocked[c].as_ref();
        let (offset, offset_top) = match &self.offset[c] {
            Some(offset) => (offset, top),
            None if self.setup.sao => (&self.planes[c], 0),
            None => (deblocked.unwrap_or(&self.planes[c]), top),
        };
        for y in rows {
            let row = deblocked.unwrap_or(&self.planes[c]).row(y - top);
            stages.deblocked[c].row_mut(y).copy_from_slice(row);
            stages.offset[c].row_mut(y).copy_from_slice(offset.row(y - offset_top));
        }
    }

    /// The filtered planes; the stages if they were kept.
    #[must_use]
    pub fn finish(self) -> ([PlaneBuffer; 3], Option<Stages>) {
        (self.planes, self.stages.map(|stages| *stages))
    }

    /// The rows of plane `c` that SAO and ALF filter when LCU row `row` is there.
    fn region_rows(&self, row: usize, c: usize) -> Range<usize> {
        let geometry = &self.setup.geometry;
        let (_, height) = geometry.plane_size(c);
        let (y0, y1) = sao::region_span(row, geometry.lcu_rows(), 1 << geometry.plane_lcu_log2(c), height);
        y0..y1
    }

    fn block_rows(&self, row: usize) -> Range<usize> {
        let count = self.setup.geometry.lcu_size() / 8;
        row * count..((row + 1) * count).min(self.setup.geometry.height / 8)
    }

    fn deblock_vertical(&mut self, row: usize, info: &RowInfo, parameters: &DeblockingParameters) {
        let columns = info.columns;
        for (i, by) in self.block_rows(row).enumerate() {
            for bx in 1..columns {
                let bits = info.vertical[i * columns + bx];
                if bits != 0 {
                    let (qp_p, qp_q) = (self.qp[by * columns + bx - 1], self.qp[by * columns + bx]);
                    let edge = Edge { bx, by, bits, qp_p, qp_q, on_chroma_grid: bx % 2 == 0 };
                    self.deblock_edge(parameters, edge, EdgeUnit::filter_vertical);
                }
            }
        }
    }

    fn deblock_horizontal(&mut self, row: usize, info: &RowInfo, parameters: &DeblockingParameters) {
        let columns = info.columns;
        for (i, by) in self.block_rows(row).enumerate().filter(|&(_, by)| by > 0) {
            for bx in 0..columns {
                let bits = info.horizontal[i * columns + bx];
                if bits != 0 {
                    let (qp_p, qp_q) = (self.qp[(by - 1) * columns + bx], self.qp[by * columns + bx]);
                    let edge = Edge { bx, by, bits, qp_p, qp_q, on_chroma_grid: by % 2 == 0 };
                    self.deblock_edge(parameters, edge, EdgeUnit::filter_horizontal);
                }
            }
        }
    }

    fn deblock_edge(
        &mut self,
        parameters: &DeblockingParameters,
        edge: Edge,
        filter: impl Fn(&EdgeUnit, Backend, &mut [u8]),
    ) {
        let Edge { bx, by, bits, qp_p, qp_q, on_chroma_grid } = edge;
        let backend = self.setup.backend;
        let planes = if bits & edge::CHROMA != 0 && on_chroma_grid { 3 } else { 1 };
        for c in 0..planes {
            let top = self.top(self.rows - 1, c);
            let plane = self.deblocked[c].as_mut().unwrap_or(&mut self.planes[c]);
            let (count, thresholds) = if c == 0 {
                (8, Thresholds::new(parameters, qp_p, qp_q))
            } else {
                let delta = self.setup.chroma_qp_delta[c - 1];
                (4, Thresholds::of_chroma(parameters, qp_p, qp_q, delta))
            };
            let unit = EdgeUnit {
                q0: plane.index(count * bx, count * by - top),
                stride: plane.stride(),
                count,
                halves: bits & edge::LUMA,
                thresholds,
                chroma: c > 0,
            };
            filter(&unit, backend, plane.samples_mut());
        }
    }

    fn has_slice_boundaries(&self) -> bool {
        !self.setup.cross_slice && self.lcus.first().map(|l| l.slice) != self.lcus.last().map(|l| l.slice)
    }

    fn sao_row(&mut self, row: usize, c: usize) {
        let has_boundaries = self.has_slice_boundaries();
        let (geometry, top) = (self.setup.geometry, self.top(row, c));
        let Range { start: y0, end: y1 } = self.region_rows(row, c);
        let Some(input) = self.deblocked[c].as_ref().filter(|_| self.setup.sao) else { return };
        let stride = input.stride();
        let output = match &mut self.offset[c] {
            Some(offset) => offset.samples_mut(),
            None => &mut self.planes[c].samples_mut()[top * stride..],
        };
        let columns = geometry.lcu_columns();
        let (width, height) = geometry.plane_size(c);
        let log2 = geometry.plane_lcu_log2(c);
        let n = 1 << log2;
        let lcus = &self.lcus;
        // Neighbours below the last complete row belong to no later slice that is known yet; they are in the slice of
        // the row, because regions end 4 samples above it.
        let is_allowed = |x: usize, y: usize, nx: usize, ny: usize| {
            let slice = |x: usize, y: usize| lcus[((y + top) >> log2) * columns + (x >> log2)].slice;
            slice(x, y) == slice(nx, ny)
        };
        let is_allowed: Option<&dyn Fn(usize, usize, usize, usize) -> bool> =
            if has_boundaries { Some(&is_allowed) } else { None };
        for column in 0..columns {
            let (x0, x1) = sao::region_span(column, columns, n, width);
            // Where filters stop at slices, so do the shifted regions: the conformance streams decide so.
            let (xm, ym) = if has_boundaries { (column * n, row * n) } else { (x0, y0) };
            for (x0, x1, left) in [(x0, xm, 1), (xm, x1, 0)] {
                for (y0, y1, up) in [(y0, ym, 1), (ym, y1, 0)] {
                    if x0 >= x1 || y0 >= y1 {
                        continue;
                    }
                    let own = lcus[(row - up) * columns + column - left].slice;
                    let owner = [(0, 0), (0, up), (left, 0), (left, up)]
                        .map(|(left, up)| &lcus[(row - up) * columns + column - left])
                        .into_iter()
                        .find(|lcu| !has_boundaries || lcu.slice == own);
                    let Some(owner) = owner else { continue };
                    let area = Area { x0, x1, y0: y0 - top, y1: y1 - top };
                    let (input, output, height) = (input.samples(), &mut *output, height - top);
                    let planes = sao::Planes { input, output, stride, width, height };
                    sao::filter_area(self.setup.backend, &owner.sao[c], area, planes, is_allowed);
                }
            }
        }
    }

    fn alf_row(&mut self, row: usize, c: usize) {
        if !self.setup.alf.is_enabled(c) {
            return;
        }
        let (geometry, top) = (self.setup.geometry, self.top(row, c));
        let Range { start: shifted, end: y1 } = self.region_rows(row, c);
        let Some(input) = self.offset[c].as_ref().or(self.deblocked[c].as_ref()) else { return };
        let (columns, rows) = (geometry.lcu_columns(), geometry.lcu_rows());
        let (width, _) = geometry.plane_size(c);
        let n = 1 << geometry.plane_lcu_log2(c);
        let slice = |column: usize, row: usize| self.lcus[row * columns + column].slice;
        let cross = self.setup.cross_slice;
        for column in 0..columns {
            let lcu = &self.lcus[row * columns + column];
            let (x0, x1) = (column * n, ((column + 1) * n).min(width));
            let has_top = row > 0 && (cross || slice(column, row - 1) == lcu.slice);
            let y0 = if has_top || row == 0 { shifted } else { row * n };
            let copied = if lcu.alf[c] { shifted..y0 } else { shifted..y1 };
            for y in copied {
                self.planes[c].row_mut(y)[x0..x1].copy_from_slice(&input.row(y - top)[x0..x1]);
            }
            if !lcu.alf[c] {
                continue;
            }
            let filter = match c {
                0 => {
                    let region = alf::region((column, row), (columns, rows));
                    self.setup.alf.luma[usize::from(self.region_filters[region])].1
                }
                _ => self.setup.alf.chroma[c - 1].unwrap_or_default(),
            };
            let beside = |row: usize| Sides {
                left: column > 0 && (cross || slice(column - 1, row) == lcu.slice),
                right: column + 1 < columns && (cross || slice(column + 1, row) == lcu.slice),
            };
            let unit = FilterUnit {
                area: Area { x0, x1, y0: y0 - top, y1: y1 - top },
                lcu_y: row * n - top,
                sides: [beside(row.saturating_sub(1)), beside(row)],
            };
            let stride = input.stride();
            let output = &mut self.planes[c].samples_mut()[top * stride..];
            alf::filter_unit(self.setup.backend, &filter.taps(), &unit, (input.samples(), output), stride);
        }
    }
}
