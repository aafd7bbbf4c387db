//! The three filters over a picture, row by row.

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

/// Filters a picture whose rows arrive from top to bottom.
#[derive(Debug)]
pub struct LoopFilter {
    setup: FilterSetup,
    /// Reconstruction, deblocked in place.
    planes: [PlaneBuffer; 3],
    after_sao: Option<[PlaneBuffer; 3]>,
    after_alf: [Option<PlaneBuffer>; 3],
    reconstruction: Option<[PlaneBuffer; 3]>,
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
        let after_alf = std::array::from_fn(|c| {
            let (width, height) = geometry.plane_size(c);
            setup.alf.is_enabled(c).then(|| PlaneBuffer::new(width, height))
        });
        Self {
            planes: new_planes(&geometry),
            after_sao: setup.sao.then(|| new_planes(&geometry)),
            after_alf,
            reconstruction: setup.keep_stages.then(|| new_planes(&geometry)),
            qp: Vec::new(),
            lcus: Vec::new(),
            rows: 0,
            region_filters: setup.alf.region_filters(),
            setup,
        }
    }

    /// Takes the next LCU row: its reconstructed samples (the first row of each plane of
    /// `samples` is the row above and ignored) and what it says about filters.
    pub fn push_row(&mut self, samples: &[PlaneBuffer; 3], info: &RowInfo) {
        let geometry = self.setup.geometry;
        let row = self.rows;
        for c in 0..3 {
            let n = 1 << geometry.plane_lcu_log2(c);
            let (_, height) = geometry.plane_size(c);
            for (i, y) in (row * n..height.min((row + 1) * n)).enumerate() {
                self.planes[c].row_mut(y).copy_from_slice(samples[c].row(i + 1));
                if let Some(planes) = &mut self.reconstruction {
                    planes[c].row_mut(y).copy_from_slice(samples[c].row(i + 1));
                }
            }
        }
        self.qp.extend_from_slice(&info.qp);
        self.lcus.extend_from_slice(&info.lcus);
        self.rows += 1;
        if let Some(parameters) = self.setup.deblocking {
            self.deblock_vertical(row, info, &parameters);
            self.deblock_horizontal(row, info, &parameters);
        }
        for c in 0..3 {
            self.sao_row(row, c);
            self.alf_row(row, c);
        }
    }

    /// The filtered planes; the stages if they were kept.
    #[must_use]
    pub fn finish(self) -> ([PlaneBuffer; 3], Option<Stages>) {
        let offset = match self.after_sao {
            Some(planes) if self.reconstruction.is_some() => (self.planes.clone(), planes),
            Some(planes) => (self.planes, planes),
            None if self.reconstruction.is_some() => (self.planes.clone(), self.planes),
            None => (std::array::from_fn(|_| PlaneBuffer::new(0, 0)), self.planes),
        };
        let (deblocked, offset) = offset;
        let stages = self.reconstruction.map(|reconstruction| Stages {
            reconstruction,
            deblocked,
            offset: offset.clone(),
        });
        let mut after_alf = self.after_alf.into_iter();
        let planes = offset.map(|plane| after_alf.next().flatten().unwrap_or(plane));
        (planes, stages)
    }

    fn block_rows(&self, row: usize) -> std::ops::Range<usize> {
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
        for (c, plane) in self.planes.iter_mut().enumerate().take(planes) {
            let (count, thresholds) = if c == 0 {
                (8, Thresholds::new(parameters, qp_p, qp_q))
            } else {
                let delta = self.setup.chroma_qp_delta[c - 1];
                (4, Thresholds::of_chroma(parameters, qp_p, qp_q, delta))
            };
            let unit = EdgeUnit {
                q0: plane.index(count * bx, count * by),
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
        let Some(output) = &mut self.after_sao else { return };
        let (input, output) = (&self.planes[c], &mut output[c]);
        let geometry = self.setup.geometry;
        let (columns, rows) = (geometry.lcu_columns(), geometry.lcu_rows());
        let (width, height) = geometry.plane_size(c);
        let log2 = geometry.plane_lcu_log2(c);
        let n = 1 << log2;
        let (y0, y1) = sao::region_span(row, rows, n, height);
        let lcus = &self.lcus;
        // Neighbours below the last complete row belong to no later slice that is known yet; they are in the slice of
        // the row, because regions end 4 samples above it.
        let is_allowed = |x: usize, y: usize, nx: usize, ny: usize| {
            let slice = |x: usize, y: usize| lcus[(y >> log2) * columns + (x >> log2)].slice;
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
                    let (area, stride) = (Area { x0, x1, y0, y1 }, input.stride());
                    let (input, output) = (input.samples(), output.samples_mut());
                    let planes = sao::Planes { input, output, stride, width, height };
                    sao::filter_area(self.setup.backend, &owner.sao[c], area, planes, is_allowed);
                }
            }
        }
    }

    fn alf_row(&mut self, row: usize, c: usize) {
        let Some(output) = &mut self.after_alf[c] else { return };
        let input = self.after_sao.as_ref().map_or(&self.planes[c], |planes| &planes[c]);
        let geometry = self.setup.geometry;
        let (columns, rows) = (geometry.lcu_columns(), geometry.lcu_rows());
        let (width, height) = geometry.plane_size(c);
        let n = 1 << geometry.plane_lcu_log2(c);
        let (shifted, y1) = sao::region_span(row, rows, n, height);
        let slice = |column: usize, row: usize| self.lcus[row * columns + column].slice;
        let cross = self.setup.cross_slice;
        for column in 0..columns {
            let lcu = &self.lcus[row * columns + column];
            let (x0, x1) = (column * n, ((column + 1) * n).min(width));
            let top = row > 0 && (cross || slice(column, row - 1) == lcu.slice);
            let y0 = if top || row == 0 { shifted } else { row * n };
            let copied = if lcu.alf[c] { shifted..y0 } else { shifted..y1 };
            for y in copied {
                output.row_mut(y)[x0..x1].copy_from_slice(&input.row(y)[x0..x1]);
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
                area: Area { x0, x1, y0, y1 },
                lcu_y: row * n,
                sides: [beside(row.saturating_sub(1)), beside(row)],
            };
            let stride = input.stride();
            alf::filter_unit(
                self.setup.backend,
                &filter.taps(),
                &unit,
                (input.samples(), output.samples_mut()),
                stride,
            );
        }
    }
}
