//! Nodes of the quadtree: one CU or four smaller nodes.

use std::ops::Range;

use super::inter::SKIP_STOP_COST;
use super::{ATTEMPT_LOG2, Search};
use crate::aec::ctx;
use crate::encoder::rows::copy_row;
use crate::encoder::write::lcu::Cu;
use crate::syntax::Node;

/// Samples and levels of the part of a node that is inside the picture.
#[derive(Default)]
pub(super) struct SavedNode {
    samples: [Vec<u8>; 3],
    levels: [Vec<i16>; 3],
}

/// Where the samples of a node are in a plane of the row.
struct NodeArea {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
}

impl Search<'_> {
    /// The cheapest way to code the node at `at`; it is left in the row's samples, cells, levels and CUs.
    pub(super) fn quadtree(&mut self, node: Node) -> f64 {
        let log2_size = node.log2_size;
        let effort = self.picture.effort;
        if self.inter.is_some() {
            return self.divide(node);
        }
        let refinement = effort.refinement.filter(|_| log2_size as usize == ATTEMPT_LOG2);
        let (mark, start) = (self.cus.len(), refinement.map(|_| self.contexts.clone()));
        let cost = match effort.attempts.get((log2_size as usize).wrapping_sub(ATTEMPT_LOG2)) {
            Some(&attempts) if attempts > 1 => self.best_of_attempts(node, attempts),
            _ => self.divide(node),
        };
        match (refinement, start) {
            (Some(refinement), Some(start)) => self.refine(node, mark, start, refinement),
            _ => cost,
        }
    }

    /// One attempt at what [`quadtree`](Self::quadtree) does.
    pub(super) fn divide(&mut self, node: Node) -> f64 {
        let Node { log2_size, .. } = node;
        let size = node.size();
        let picture = (self.picture.geometry.width, self.picture.geometry.height);
        let inside = node.is_inside(picture);
        let lambda = self.picture.lambda * self.lambda_factor;
        let split_cost = |search: &Self, split: bool| {
            if log2_size > 3 && inside {
                lambda * search.bits(search.costs.bin(ctx::SPLIT + log2_size as usize - 4, split))
            } else {
                0.0
            }
        };
        let follow = self.picture.effort.follow_log2;
        let mut whole = None;
        if inside && log2_size <= self.picture.effort.max_cu_log2 {
            let (cu, cost) = self.cu_of_any_type(node);
            let cost = cost + split_cost(self, false);
            let stop = cost < self.stop_cost(&cu) * lambda * (size * size) as f64 / 16.0;
            let contexts = (log2_size >= follow).then(|| self.states_after(node, &[cu]));
            if log2_size == 3 || stop {
                self.follow(contexts);
                self.cus.push(cu);
                return cost;
            }
            self.save(node, log2_size as usize - 3);
            whole = Some((cu, cost, contexts));
        }
        self.forget_motion(node);
        let mark = self.cus.len();
        let limit = whole.as_ref().map_or(f64::MAX, |(_, cost, ..)| *cost);
        let mut cost = split_cost(self, true);
        let before = (log2_size == follow).then(|| self.contexts.clone());
        for quarter in node.quarters() {
            if cost < limit && quarter.begins_inside(picture) {
                cost += self.quadtree(quarter);
            }
        }
        match whole {
            Some((cu, limit, contexts)) if limit <= cost => {
                self.cus.truncate(mark);
                self.restore(node, log2_size as usize - 3);
                self.store_cells(&cu);
                self.follow(contexts);
                self.cus.push(cu);
                limit
            }
            _ => {
                if let Some(before) = before {
                    self.contexts = before;
                    let contexts = self.states_after_cus_from(node, mark);
                    self.start_with(contexts);
                }
                cost
            }
        }
    }

    /// An undivided CU is final if its cost per 16 samples is below this multiple of lambda.
    fn stop_cost(&self, cu: &Cu) -> f64 {
        let quick = self.inter.as_ref().is_some_and(|inter| inter.effort.quick);
        let least = if quick && cu.coded.ctp == 0 { SKIP_STOP_COST } else { 0.0 };
        self.picture.effort.stop_cost.max(least)
    }

    /// Keeps what is coded in a node in one of the search's own places.
    pub(super) fn save(&mut self, node: Node, slot: usize) {
        let mut saved = std::mem::take(&mut self.saved[slot]);
        self.save_to(node, &mut saved);
        self.saved[slot] = saved;
    }

    /// Puts back what [`save`](Self::save) has kept.
    pub(super) fn restore(&mut self, node: Node, slot: usize) {
        let saved = std::mem::take(&mut self.saved[slot]);
        self.put(node, &saved);
        self.saved[slot] = saved;
    }

    /// What is coded in a node.
    pub(super) fn saved_node(&self, node: Node) -> SavedNode {
        let mut saved = SavedNode::default();
        self.save_to(node, &mut saved);
        saved
    }

    /// Replaces `saved` by what is coded in a node.
    pub(super) fn save_to(&self, node: Node, saved: &mut SavedNode) {
        self.save_planes(node, 0..3, saved);
    }

    /// The same for some components.
    pub(super) fn save_planes(&self, node: Node, planes: Range<usize>, saved: &mut SavedNode) {
        for c in planes {
            let NodeArea { left, top, width, height } = self.area(node, c);
            let samples = &mut saved.samples[c];
            samples.clear();
            for y in top..top + height {
                samples.extend_from_slice(&self.row.planes[c].row(y)[left..left + width]);
            }
            let levels = &mut saved.levels[c];
            levels.clear();
            levels.extend_from_slice(&self.levels.planes[c][self.level_range(node, c)]);
        }
    }

    /// Puts back what was coded in a node, as far as it was saved.
    pub(super) fn put(&mut self, node: Node, saved: &SavedNode) {
        for c in (0..3).filter(|&c| !saved.levels[c].is_empty()) {
            let range = self.level_range(node, c);
            self.levels.planes[c][range].copy_from_slice(&saved.levels[c]);
            let NodeArea { left, top, width, .. } = self.area(node, c);
            for (i, row) in saved.samples[c].chunks_exact(width).enumerate() {
                copy_row(&mut self.row.planes[c].row_mut(top + i)[left..left + width], row);
            }
        }
    }

    fn level_range(&self, Node { at: (x, y), log2_size }: Node, c: usize) -> Range<usize> {
        let shift = 2 * usize::from(c > 0);
        let from = self.z_offset(x, y);
        from >> shift..(from + (1 << (2 * log2_size))) >> shift
    }

    /// The part of a node inside the picture. The first row of the plane is the row above.
    fn area(&self, Node { at: (x, y), log2_size }: Node, c: usize) -> NodeArea {
        let shift = usize::from(c > 0);
        let size = (1_usize << log2_size) >> shift;
        let (left, top) = (x >> shift, ((y - self.row.y) >> shift) + 1);
        let width = size.min(self.row.planes[c].width() - left);
        let height = size.min((self.row.height >> shift) + 1 - top);
        NodeArea { left, top, width, height }
    }
}
