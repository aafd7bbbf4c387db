//! Search of the coding quadtree (9.4).

mod attempts;
mod chroma;
mod inter;
mod luma;
mod node;
mod reconstruction;
mod refinement;
pub(super) mod row;
pub(super) mod wavefront;

use inter::InterSearch;
pub(super) use inter::{InterEffort, search_inter_rows};

use crate::aec::{BinCoder, ContextSet, CostCoder};
use crate::encoder::analysis::activity::Activity;
use crate::encoder::analysis::perception::Perception;
use crate::encoder::input::SourcePlane;
use crate::encoder::options::Effort;
use crate::encoder::quantisation::rate::{Costs, ONE_BIT};
use crate::encoder::search::row::Row;
use crate::encoder::write::lcu::{
    LcuDecision, LcuLevels, LevelSource, StoredLevels, Unit, UnitWriter, coded_blocks, coded_size, z_offset,
};
use crate::filter::{Geometry, UnitArea};
use crate::headers::WeightMatrices;
use crate::recon::{CoefficientBlock, MAX_COEFFICIENTS, ReferenceLine};
use crate::simd::Backend;
use crate::syntax::{Entry, NeighbourView, SaoLcu, SaoMerge, SliceTools};
use node::SavedNode;

/// What the search of a picture needs.
pub(super) struct Picture<'a> {
    pub geometry: Geometry,
    /// In coded size.
    pub source: &'a [SourcePlane; 3],
    pub effort: Effort,
    pub slice_tools: SliceTools,
    pub chroma_qp_delta: [i8; 2],
    pub weights: Option<&'a WeightMatrices>,
    pub backend: Backend,
    /// Squared error per bit at the QP of the slice.
    pub lambda: f64,
    /// Weight of squared errors in chroma.
    pub chroma_weight: f64,
    pub activity: Activity,
    /// Weights by frequency of luma and chroma.
    pub perception: [Perception; 2],
}

/// Samples of one block.
type Samples = Box<[u8; 4096]>;

struct Scratch {
    line: ReferenceLine,
    /// Rounded to 8 bits, for rough comparisons.
    source: Samples,
    /// In sixteenths.
    fine: Box<[i16; 4096]>,
    prediction: Samples,
    best_prediction: Samples,
    residual: Box<[i16; 4096]>,
    coefficients: Box<[i16; MAX_COEFFICIENTS]>,
    levels: Box<[i16; MAX_COEFFICIENTS]>,
    best_levels: Box<[i16; MAX_COEFFICIENTS]>,
    block: Box<CoefficientBlock>,
}

/// Searches the units of one row.
pub(super) struct Search<'a> {
    picture: &'a Picture<'a>,
    pub row: Row,
    pub contexts: ContextSet,
    costs: Costs,
    levels: LcuLevels,
    units: Vec<Unit>,
    /// By how much lambda is changed in an attempt.
    lambda_factor: f64,
    scratch: Scratch,
    /// Room for what another way to code a node may replace: by size from 8x8 to 64x64, and one for the partitions of a
    /// unit.
    saved: [SavedNode; 5],
    /// In inter pictures.
    pub inter: Option<Box<InterSearch<'a>>>,
}

/// A node of the quadtree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Node {
    /// Luma position in the picture.
    at: (usize, usize),
    log2_size: u32,
}

/// A position and size in samples of a component.
#[derive(Clone, Copy)]
struct BlockAt {
    c: usize,
    x: usize,
    y: usize,
    size: (usize, usize),
}

/// log2 of the smallest node that several attempts are made at.
const ATTEMPT_LOG2: usize = 4;

/// Cost of a mode that is not tried.
const UNTRIED: f64 = f64::MAX;

impl<'a> Search<'a> {
    pub fn new(picture: &'a Picture<'a>, row: Row) -> Self {
        let samples = || -> Samples { Box::new([0; 4096]) };
        let coefficients = || Box::new([0; MAX_COEFFICIENTS]);
        let contexts = ContextSet::default();
        Self {
            costs: Costs::new(&contexts),
            contexts,
            row,
            levels: LcuLevels::new(picture.geometry.lcu_log2),
            units: Vec::new(),
            lambda_factor: 1.0,
            scratch: Scratch {
                line: ReferenceLine::default(),
                source: samples(),
                fine: Box::new([0; 4096]),
                prediction: samples(),
                best_prediction: samples(),
                residual: Box::new([0; 4096]),
                coefficients: coefficients(),
                levels: coefficients(),
                best_levels: coefficients(),
                block: Box::default(),
            },
            saved: Default::default(),
            inter: None,
            picture,
        }
    }

    /// Sets the context states that the next unit starts with.
    pub fn start_with(&mut self, contexts: ContextSet) {
        self.costs = Costs::new(&contexts);
        self.contexts = contexts;
    }

    /// Decides the unit in column `column`.
    pub fn largest_unit(&mut self, column: usize) {
        let geometry = self.picture.geometry;
        let (x, y) = (column << geometry.lcu_log2, self.row.y);
        self.units.clear();
        self.quadtree(Node { at: (x, y), log2_size: geometry.lcu_log2 });
        let mut levels = Vec::new();
        for unit in &self.units {
            let mut stored = StoredLevels { levels: &self.levels, lcu_log2: geometry.lcu_log2 };
            coded_blocks(unit, |c, from, (w, h), _| {
                levels.extend_from_slice(stored.levels(unit, c, from, w * h));
            });
        }
        let lcu = LcuDecision {
            units: std::mem::take(&mut self.units),
            levels,
            sao: SaoLcu::default(),
            sao_merge: SaoMerge::None,
            alf: [false; 3],
        };
        lcu.units.iter().for_each(|unit| mark_edges(&mut self.row, unit));
        self.row.lcus.push(lcu);
    }

    /// Number of luma samples before a position in Z order.
    fn z_offset(&self, x: usize, y: usize) -> usize {
        z_offset((x, y), self.picture.geometry.lcu_log2)
    }

    /// Codes a node whose units, cells and levels are stored.
    fn code_node<C: BinCoder>(&mut self, c: &mut C, node: Node, units: &[Unit]) {
        self.writer(units).node(c, node.at, node.log2_size);
    }

    /// Writes stored units as slices are written.
    fn writer<'s>(&'s mut self, units: &'s [Unit]) -> UnitWriter<'s, Row, StoredLevels<'s>> {
        let geometry = &self.picture.geometry;
        UnitWriter {
            geometry,
            tools: &self.picture.slice_tools,
            inter: self.inter.as_ref().map(|inter| inter.tools()),
            neighbours: &mut self.row,
            levels: StoredLevels { levels: &self.levels, lcu_log2: geometry.lcu_log2 },
            units,
        }
    }

    /// The context states after a node with these units, from those in force.
    fn states_after(&mut self, node: Node, units: &[Unit]) -> ContextSet {
        let mut coder = CostCoder::new(self.contexts.clone());
        self.code_node(&mut coder, node, units);
        coder.into_contexts()
    }

    /// As [`states_after`](Self::states_after) for the units decided since there were `mark`.
    fn states_after_units_from(&mut self, node: Node, mark: usize) -> ContextSet {
        let units = std::mem::take(&mut self.units);
        let states = self.states_after(node, &units[mark..]);
        self.units = units;
        states
    }

    fn follow(&mut self, contexts: Option<ContextSet>) {
        if let Some(contexts) = contexts {
            self.start_with(contexts);
        }
    }

    fn bits(&self, cost: u32) -> f64 {
        f64::from(cost) / f64::from(ONE_BIT)
    }

    fn store_cells(&mut self, unit: &Unit) {
        let size = 1 << unit.log2_size;
        self.store_motion(unit);
        let coded = unit.unit;
        for i in 0..coded.split.block_count() {
            let block = coded.split.block(size, i);
            let cell = Entry {
                luma_mode: coded.luma_modes[i],
                coded: coded.ctp >> i & 1 == 1,
                chroma_mode_set: coded.chroma_mode != 0 || unit.inter.is_some(),
                qp: coded.qp,
            };
            self.row.update((unit.x + block.x, unit.y + block.y), (block.w, block.h), |c| *c = cell);
        }
    }
}

/// Leaves QP and edges of a unit for deblocking.
fn mark_edges(row: &mut Row, unit: &Unit) {
    let size = 1 << unit.log2_size;
    let area = UnitArea::new((unit.x, unit.y), size, row.y);
    row.info.set_qp(area, unit.unit.qp);
    row.info.mark_sides(area, unit.x > 0, unit.y > 0);
    match unit.inter {
        Some((kind, _)) => inter::mark_inner(&mut row.info, area, unit, kind),
        None => row.info.mark_strips(area, unit.unit.split),
    }
}
