//! Search of the coding quadtree (docs/spec/avs2#b9.4).

mod attempts;
mod chroma;
mod inter;
mod luma;
mod node;
mod recoding;
mod reconstruction;
mod refinement;
mod rough;
pub(super) mod row;
pub(super) mod wavefront;

use inter::InterSearch;
pub(super) use inter::{InterEffort, InterPicture};

use crate::aec::{BinCoder, ContextSet, CostCoder};
use crate::encoder::analysis::activity::Activity;
use crate::encoder::analysis::perception::Perception;
use crate::encoder::input::SourcePlane;
use crate::encoder::options::Effort;
use crate::encoder::quantisation::rate::{Costs, ONE_BIT};
use crate::encoder::search::row::{BottomEdge, Row, RowStart};
use crate::encoder::write::lcu::{
    Cu, CuWriter, LcuDecision, LcuLevels, LevelSource, StoredLevels, coded_blocks, coded_size, z_offset,
};
use crate::filter::{CuArea, Geometry};
use crate::headers::WeightMatrices;
use crate::inter::MotionVector;
use crate::recon::{CoefficientBlock, MAX_COEFFICIENTS, ReferenceLine};
use crate::simd::Backend;
use crate::syntax::{Entry, NeighbourView, Node, SaoLcu, SaoMerge, SliceTools};
use node::SavedNode;
use rough::RoughMemory;

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
    /// The block whose source is loaded.
    loaded: Option<BlockAt>,
    /// The block whose source is rounded.
    rounded: Option<BlockAt>,
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
    /// Of both chroma components.
    chroma: [Tried; 2],
    best_chroma: [Tried; 2],
}

/// A prediction and the levels of what it leaves.
struct Tried {
    prediction: Samples,
    levels: Box<[i16; MAX_COEFFICIENTS]>,
}

impl Tried {
    fn new() -> Self {
        Self { prediction: Box::new([0; 4096]), levels: Box::new([0; MAX_COEFFICIENTS]) }
    }

    /// Exchanges them with others.
    fn swap(&mut self, prediction: &mut Samples, levels: &mut Box<[i16; MAX_COEFFICIENTS]>) {
        std::mem::swap(&mut self.prediction, prediction);
        std::mem::swap(&mut self.levels, levels);
    }
}

impl Scratch {
    /// Makes prediction and levels the best so far.
    fn keep(&mut self) {
        std::mem::swap(&mut self.levels, &mut self.best_levels);
        std::mem::swap(&mut self.prediction, &mut self.best_prediction);
    }

    /// Makes levels the best, or takes that back.
    fn swap_levels(&mut self) {
        std::mem::swap(&mut self.levels, &mut self.best_levels);
    }
}

/// Searches the CUs of one LCU row.
pub(super) struct Search<'a> {
    picture: &'a Picture<'a>,
    pub row: Row,
    pub contexts: ContextSet,
    rough: RoughMemory,
    costs: Costs,
    levels: LcuLevels,
    cus: Vec<Cu>,
    /// By how much lambda is changed in an attempt.
    lambda_factor: f64,
    scratch: Scratch,
    /// Room for what another way to code a node may replace: by size from 8x8 to 64x64, and one for the partitions of a
    /// CU.
    saved: [SavedNode; 5],
    /// In inter pictures.
    pub inter: Option<Box<InterSearch<'a>>>,
}

/// QP of a block and what a bit of it may cost in squared error.
#[derive(Clone, Copy)]
struct Tradeoff {
    qp: u8,
    lambda: f64,
}

/// A position and size in samples of a component.
#[derive(Clone, Copy, PartialEq, Eq)]
struct BlockAt {
    c: usize,
    x: usize,
    y: usize,
    size: (usize, usize),
}

impl BlockAt {
    /// The block of component `c` of a CU.
    fn of(node: Node, c: usize) -> Self {
        let shift = usize::from(c > 0);
        let ((x, y), size) = (node.at, node.size() >> shift);
        Self { c, x: x >> shift, y: y >> shift, size: (size, size) }
    }
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
            rough: RoughMemory::new(picture.effort.refinement.is_some()),
            levels: LcuLevels::new(picture.geometry.lcu_log2),
            cus: Vec::new(),
            lambda_factor: 1.0,
            scratch: Scratch {
                line: ReferenceLine::default(),
                loaded: None,
                rounded: None,
                source: samples(),
                fine: Box::new([0; 4096]),
                prediction: samples(),
                best_prediction: samples(),
                residual: Box::new([0; 4096]),
                coefficients: coefficients(),
                levels: coefficients(),
                best_levels: coefficients(),
                block: Box::default(),
                chroma: [Tried::new(), Tried::new()],
                best_chroma: [Tried::new(), Tried::new()],
            },
            saved: Default::default(),
            inter: None,
            picture,
        }
    }

    /// Sets the context states that the next CU starts with.
    pub fn start_with(&mut self, contexts: ContextSet) {
        self.costs.follow(&contexts);
        self.contexts = contexts;
    }

    /// Takes the lower edge of the LCU above in column `column`.
    pub fn take_edge(&mut self, column: usize, edge: BottomEdge) {
        self.row.take_edge(column, &edge);
        if let (Some(inter), Some(motion)) = (&mut self.inter, &edge.motion) {
            inter.field.take_edge(self.row.columns_of(column).start, motion);
        }
        if let Some(start) = edge.start {
            if let Some(inter) = &mut self.inter {
                inter.last = start.vectors;
            }
            self.start_with(start.contexts);
        }
    }

    /// The lower edge of the LCU in column `column`; the row below `starts` from it.
    pub fn bottom_edge(&self, column: usize, starts: bool) -> BottomEdge {
        let columns = self.row.columns_of(column);
        let inter = self.inter.as_ref();
        let start = || {
            let vectors = inter.map_or([MotionVector::ZERO; 4], |inter| inter.last);
            Box::new(RowStart { contexts: self.contexts.clone(), vectors })
        };
        BottomEdge {
            motion: inter.map(|inter| inter.field.lower_edge(columns.start, columns.len())),
            start: starts.then(start),
            ..self.row.bottom_edge(column)
        }
    }

    /// The row, with its motion.
    pub fn into_row(mut self) -> Row {
        self.row.motion = self.inter.map(|inter| inter.field);
        self.row
    }

    /// Decides the LCU in column `column`.
    pub fn search_lcu(&mut self, column: usize) {
        let geometry = self.picture.geometry;
        let (x, y) = (column << geometry.lcu_log2, self.row.y);
        self.cus.clear();
        self.quadtree(Node { at: (x, y), log2_size: geometry.lcu_log2 });
        let mut levels = Vec::new();
        for cu in &self.cus {
            let mut stored = StoredLevels { levels: &self.levels, lcu_log2: geometry.lcu_log2 };
            coded_blocks(cu, |c, from, (w, h), _| {
                levels.extend_from_slice(stored.levels(cu, c, from, w * h));
            });
        }
        let lcu = LcuDecision {
            cus: std::mem::take(&mut self.cus),
            levels,
            sao: SaoLcu::default(),
            sao_merge: SaoMerge::None,
            alf: [false; 3],
        };
        lcu.cus.iter().for_each(|cu| mark_edges(&mut self.row, cu));
        self.row.lcus.push(lcu);
    }

    /// Number of luma samples before a position in Z order.
    fn z_offset(&self, x: usize, y: usize) -> usize {
        z_offset((x, y), self.picture.geometry.lcu_log2)
    }

    /// Codes a node whose CUs, cells and levels are stored.
    fn code_node<C: BinCoder>(&mut self, c: &mut C, node: Node, cus: &[Cu]) {
        self.writer(cus).code_node(c, node);
    }

    /// Writes stored CUs as slices are written.
    fn writer<'s>(&'s mut self, cus: &'s [Cu]) -> CuWriter<'s, Row, StoredLevels<'s>> {
        let geometry = &self.picture.geometry;
        CuWriter {
            geometry,
            tools: &self.picture.slice_tools,
            inter: self.inter.as_ref().map(|inter| inter.tools()),
            neighbours: &mut self.row,
            levels: StoredLevels { levels: &self.levels, lcu_log2: geometry.lcu_log2 },
            cus,
        }
    }

    /// The context states after a node with these CUs, from those in force.
    fn states_after(&mut self, node: Node, cus: &[Cu]) -> ContextSet {
        let mut coder = CostCoder::new(self.contexts.clone());
        self.code_node(&mut coder, node, cus);
        coder.into_contexts()
    }

    /// As [`states_after`](Self::states_after) for the CUs decided since there were `mark`.
    fn states_after_cus_from(&mut self, node: Node, mark: usize) -> ContextSet {
        let cus = std::mem::take(&mut self.cus);
        let states = self.states_after(node, &cus[mark..]);
        self.cus = cus;
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

    fn store_cells(&mut self, cu: &Cu) {
        let ((x, y), size) = (cu.node.at, cu.node.size());
        self.store_motion(cu);
        let coded = cu.coded;
        for i in 0..coded.split.block_count() {
            let block = coded.split.block(size, i);
            let cell = Entry {
                luma_mode: coded.luma_modes[i],
                coded: coded.ctp >> i & 1 == 1,
                chroma_mode_set: coded.chroma_mode != 0 || cu.inter.is_some(),
                qp: coded.qp,
            };
            self.row.update((x + block.x, y + block.y), (block.w, block.h), |c| *c = cell);
        }
    }
}

/// Leaves QP and edges of a CU for deblocking.
fn mark_edges(row: &mut Row, cu: &Cu) {
    let area = CuArea::new(cu.node, row.y);
    row.info.set_qp(area, cu.coded.qp);
    row.info.mark_sides(area, cu.node.at.0 > 0, cu.node.at.1 > 0);
    match cu.inter {
        Some((cu_type, _)) => inter::mark_inner(&mut row.info, area, cu, cu_type),
        None => row.info.mark_strips(area, cu.coded.split),
    }
}
