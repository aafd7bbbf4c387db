//! Motion of skip, direct and explicit CUs (docs/spec/avs2#c9 and #c10).

use super::motion::{CollocatedMotion, Direction, Motion, MotionField, MotionVector, Rect};
use super::partition::{Partition, Shape};
use super::prediction::{Distances, Neighbour, Neighbours, predict_vector};
use super::scaling::{scale_direct, scale_temporal};
use super::syntax::{CuType, InterSyntax, InterTools};
use super::vector_coding::reconstruct;
use crate::PictureType;
use crate::syntax::Node;

/// Offsets of table 9-1, from mode 1 on.
const MULTI_HYPOTHESIS_OFFSETS: [(i16, i16); 8] =
    [(1, 0), (0, 1), (1, -1), (1, 1), (2, 0), (0, 2), (2, -2), (2, 2)];

/// A block that is predicted with one motion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PredictionBlock {
    pub(crate) rect: Rect,
    pub(crate) motion: Motion,
    /// `dir_multi_hypothesis_mode`, 0..=8.
    pub(crate) multi_hypothesis: u8,
}

/// One prediction of a block: reference index and vector in quarter samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hypothesis {
    pub(crate) reference: usize,
    pub(crate) x: i32,
    pub(crate) y: i32,
}

impl PredictionBlock {
    pub(crate) fn new(rect: Rect, motion: Motion) -> Self {
        Self { rect, motion, multi_hypothesis: 0 }
    }

    /// The one or two predictions to average (table 12-3).
    pub(crate) fn hypotheses(&self) -> (Option<Hypothesis>, Option<Hypothesis>) {
        let hypothesis = |list: usize| {
            let reference = usize::try_from(self.motion.references[list]).ok()?;
            let vector = self.motion.vectors[list];
            Some(Hypothesis { reference, x: vector.x.into(), y: vector.y.into() })
        };
        let offset = usize::from(self.multi_hypothesis)
            .checked_sub(1)
            .and_then(|mode| MULTI_HYPOTHESIS_OFFSETS.get(mode));
        match (hypothesis(0), hypothesis(1)) {
            (Some(h), _) if offset.is_some() => {
                let (x, y) = offset.map_or((0, 0), |&(x, y)| (i32::from(x), i32::from(y)));
                (
                    Some(Hypothesis { x: h.x - x, y: h.y - y, ..h }),
                    Some(Hypothesis { x: h.x + x, y: h.y + y, ..h }),
                )
            }
            (None, second) => (second, None),
            both => both,
        }
    }
}

/// The blocks of one CU, in order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PredictionBlocks {
    blocks: [PredictionBlock; 4],
    count: usize,
}

impl PredictionBlocks {
    fn one(rect: Rect, motion: Motion) -> Self {
        Self { blocks: [PredictionBlock::new(rect, motion); 4], count: 1 }
    }

    pub(crate) fn as_slice(&self) -> &[PredictionBlock] {
        &self.blocks[..self.count]
    }
}

/// Everything that motion is derived from, besides the syntax of the CU.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MotionContext<'a> {
    pub(crate) tools: InterTools,
    pub(crate) distances: Distances,
    /// Motion of reference 0; `None` if it is an I picture.
    pub(crate) collocated: Option<&'a CollocatedMotion>,
}

impl MotionContext<'_> {
    /// Derives the motion of an inter CU and stores it.
    ///
    /// `slice` is the number of the current slice in the picture, counted from 1. Intra CUs are stored as such and
    /// have no prediction blocks.
    pub(crate) fn decode_cu(
        &self,
        field: &mut MotionField,
        slice: u32,
        node: Node,
        cu_type: CuType,
        syntax: &InterSyntax,
    ) -> PredictionBlocks {
        match cu_type {
            CuType::Intra => {
                let mut none = PredictionBlocks::one(Rect::of(node), Motion::INTRA);
                none.count = 0;
                field.store(Rect::of(node), slice, Motion::INTRA);
                none
            }
            CuType::Skip | CuType::Direct => {
                let blocks = self.derived(field, slice, node, syntax.subtype, syntax.weighted_skip_mode);
                for block in blocks.as_slice() {
                    field.store(block.rect, slice, block.motion);
                }
                blocks
            }
            CuType::Explicit(partition) => self.explicit(field, slice, node, partition, syntax),
        }
    }

    /// Motion that a skip or direct CU at `node` would have (docs/spec/avs2#c10); nothing is stored.
    pub(crate) fn derived(
        &self,
        field: &MotionField,
        slice: u32,
        node: Node,
        subtype: u8,
        weighted_skip_mode: u8,
    ) -> PredictionBlocks {
        let neighbours = Neighbours { field, slice };
        let ((x, y), size) = (node.at, node.size());
        let cu = Rect::of(node);
        if subtype != 0 {
            let motion = if self.is_b() {
                spatial_of_b_picture(neighbours, cu, subtype)
            } else {
                spatial(neighbours, cu, subtype)
            };
            return PredictionBlocks::one(cu, motion);
        }
        let temporal = |x: usize, y: usize| {
            if self.is_b() {
                self.temporal_of_b_picture(neighbours, cu, x, y)
            } else {
                self.temporal(x, y, weighted_skip_mode)
            }
        };
        if size == 8 {
            return PredictionBlocks::one(cu, temporal(x, y));
        }
        let half = size / 2;
        let block = |i: usize| {
            let (x, y) = (x + half * (i & 1), y + half * (i >> 1));
            PredictionBlock::new(Rect::new(x, y, half, half), temporal(x, y))
        };
        PredictionBlocks { blocks: [block(0), block(1), block(2), block(3)], count: 4 }
    }

    /// Predictor of the vector of a prediction block of a P or F picture.
    pub(crate) fn block_predictor(
        &self,
        field: &MotionField,
        slice: u32,
        rect: Rect,
        shape: Shape,
        reference: u8,
    ) -> MotionVector {
        predict_vector(Neighbours { field, slice }, &self.distances, rect, shape, 0, reference as i8)
    }

    /// Motion of an explicit block with two hypotheses.
    pub(crate) fn dual(&self, reference: u8, vector: MotionVector) -> Motion {
        let (first, second) = (reference as i8, i8::from(reference == 0));
        let scaled = scale_temporal(vector, self.distances.of(second), self.distances.of(first));
        Motion::dual([first, second], [vector, scaled])
    }

    fn is_b(&self) -> bool {
        self.tools.picture_type == PictureType::B
    }

    /// docs/spec/avs2#c10.2.
    fn temporal(&self, x: usize, y: usize, weighted_skip_mode: u8) -> Motion {
        let collocated = self.collocated.and_then(|c| c.at(x, y));
        let vector = collocated.map_or(MotionVector::ZERO, |c| {
            scale_temporal(c.vector, self.distances.of(0), c.distance.into())
        });
        if weighted_skip_mode == 0 {
            return Motion::single(0, vector);
        }
        let second = weighted_skip_mode as i8;
        let scaled = scale_temporal(vector, self.distances.of(second), self.distances.of(0));
        Motion::dual([0, second], [vector, scaled])
    }

    /// docs/spec/avs2#c10.4.
    fn temporal_of_b_picture(&self, neighbours: Neighbours<'_>, cu: Rect, x: usize, y: usize) -> Motion {
        let vectors = match self.collocated.and_then(|c| c.at(x, y)) {
            Some(c) => [
                scale_direct(c.vector, self.distances.of(1), c.distance.into()),
                scale_direct(c.vector, self.distances.of(0), c.distance.into()).negated(),
            ],
            None => [
                predict_vector(neighbours, &self.distances, cu, Shape::None, 0, 1),
                predict_vector(neighbours, &self.distances, cu, Shape::None, 1, 0),
            ],
        };
        Motion::of_b_picture(Direction::Symmetric, vectors)
    }

    /// docs/spec/avs2#c9.
    fn explicit(
        &self,
        field: &mut MotionField,
        slice: u32,
        node: Node,
        partition: Partition,
        syntax: &InterSyntax,
    ) -> PredictionBlocks {
        let mut found = PredictionBlocks::one(Rect::of(node), Motion::INTRA);
        found.count = partition.count();
        for index in 0..found.count {
            let (rect, shape) = partition.block(index, node);
            let coded = &syntax.blocks[index];
            let block = &mut found.blocks[index];
            block.rect = rect;
            if self.is_b() {
                block.motion = Motion::of_b_picture(coded.direction, [MotionVector::ZERO; 2]);
                if block.motion.references[0] >= 0 {
                    let predictor =
                        predict_vector(Neighbours { field, slice }, &self.distances, rect, shape, 0, 1);
                    block.motion.vectors[0] = reconstruct(predictor, coded.differences[0], self.tools.pmvr);
                }
            } else {
                let reference = coded.reference as i8;
                let predictor =
                    predict_vector(Neighbours { field, slice }, &self.distances, rect, shape, 0, reference);
                let vector = reconstruct(predictor, coded.differences[0], self.tools.pmvr);
                block.motion = if coded.dual {
                    self.dual(coded.reference, vector)
                } else {
                    Motion::single(reference, vector)
                };
                block.multi_hypothesis = syntax.multi_hypothesis;
            }
            field.store(rect, slice, block.motion);
        }
        if self.is_b() {
            self.backward(field, slice, node, partition, syntax, &mut found);
        }
        found
    }

    /// The backward vectors of a CU, after all forward vectors (docs/spec/avs2#c9.3).
    fn backward(
        &self,
        field: &mut MotionField,
        slice: u32,
        node: Node,
        partition: Partition,
        syntax: &InterSyntax,
        found: &mut PredictionBlocks,
    ) {
        for index in 0..found.count {
            let (rect, shape) = partition.block(index, node);
            let motion = &mut found.blocks[index].motion;
            if motion.references[1] < 0 {
                continue;
            }
            motion.vectors[1] = if motion.direction == Direction::Symmetric {
                scale_temporal(motion.vectors[0], self.distances.of(0), self.distances.of(1)).negated()
            } else {
                let predictor =
                    predict_vector(Neighbours { field, slice }, &self.distances, rect, shape, 1, 0);
                reconstruct(predictor, syntax.blocks[index].differences[1], self.tools.pmvr)
            };
            field.store(rect, slice, *motion);
        }
    }
}

/// The neighbours in the order of the spatial derivations.
const SPATIAL_ORDER: [Neighbour; 6] =
    [Neighbour::F, Neighbour::G, Neighbour::C, Neighbour::A, Neighbour::B, Neighbour::D];

/// First, last and number of the motions that satisfy a condition.
#[derive(Default)]
struct Found<'a> {
    first: Option<&'a Motion>,
    last: Option<&'a Motion>,
    count: usize,
}

impl<'a> Found<'a> {
    fn new(motions: &[Option<&'a Motion>; 6], condition: impl Fn(&Motion) -> bool) -> Self {
        let mut found = Self::default();
        for motion in motions.iter().copied().flatten().filter(|motion| condition(motion)) {
            found.first.get_or_insert(motion);
            found.last = Some(motion);
            found.count += 1;
        }
        found
    }

    /// First and last if there are at least two.
    fn ends(&self) -> Option<(&'a Motion, &'a Motion)> {
        self.first.zip(self.last).filter(|_| self.count >= 2)
    }
}

/// docs/spec/avs2#c10.3: spatial derivation in F pictures.
fn spatial(neighbours: Neighbours<'_>, cu: Rect, subtype: u8) -> Motion {
    let motions = SPATIAL_ORDER.map(|n| neighbours.of(cu, n));
    let pairs = Found::new(&motions, |m| m.references[0] >= 0 && m.references[1] >= 0);
    let singles = Found::new(&motions, |m| m.references[0] >= 0 && m.references[1] < 0);
    let join = |(a, b): (&Motion, &Motion)| {
        Motion::dual([a.references[0], b.references[0]], [a.vectors[0], b.vectors[0]])
    };
    let entry = |m: &Motion, i: usize| Motion::single(m.references[i], m.vectors[i]);
    let zero_dual = Motion::dual([0, 0], [MotionVector::ZERO; 2]);
    let zero_single = Motion::single(0, MotionVector::ZERO);
    match subtype {
        1 => pairs.first.copied().or_else(|| singles.ends().map(join)).unwrap_or(zero_dual),
        2 => match (pairs.ends(), pairs.first) {
            (Some((_, last)), _) => *last,
            (None, Some(_)) => singles.ends().map_or(zero_dual, join),
            (None, None) => zero_dual,
        },
        3 => {
            let chosen = singles.first.or(pairs.last);
            chosen.map_or(zero_single, |m| entry(m, 0))
        }
        _ => {
            let single = singles.ends().map(|(_, last)| entry(last, 0));
            single.or_else(|| pairs.last.map(|m| entry(m, 1))).unwrap_or(zero_single)
        }
    }
}

/// docs/spec/avs2#c10.5.
fn spatial_of_b_picture(neighbours: Neighbours<'_>, cu: Rect, subtype: u8) -> Motion {
    let motions = SPATIAL_ORDER.map(|n| neighbours.of(cu, n));
    let of = |direction: Direction| Found::new(&motions, |m| m.direction == direction);
    let both = of(Direction::Bidirectional);
    let forward = of(Direction::Forward).first.map(|m| m.vectors[0]);
    let backward = of(Direction::Backward).first.map(|m| m.vectors[1]);
    let zero = MotionVector::ZERO;
    let (direction, vectors) = match subtype {
        1 => {
            let vectors = both.first.map(|m| m.vectors).or_else(|| Some([forward?, backward?]));
            (Direction::Bidirectional, vectors)
        }
        2 => {
            let vector = backward.or_else(|| both.last.map(|m| m.vectors[1]));
            (Direction::Backward, vector.map(|v| [zero, v]))
        }
        3 => {
            let vectors = (of(Direction::Symmetric).first.map(|m| m.vectors))
                .or_else(|| both.ends().map(|(_, last)| last.vectors))
                .or_else(|| backward.map(|v| [v.negated(), v]))
                .or_else(|| forward.map(|v| [v, v.negated()]));
            (Direction::Symmetric, vectors)
        }
        _ => {
            let vector = forward.or_else(|| both.last.map(|m| m.vectors[0]));
            (Direction::Forward, vector.map(|v| [v, zero]))
        }
    };
    Motion::of_b_picture(direction, vectors.unwrap_or([zero; 2]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v(x: i16) -> MotionVector {
        MotionVector::new(x, 0)
    }

    fn field(entries: &[(usize, usize, Motion)]) -> MotionField {
        let mut field = MotionField::default();
        field.reset(64, 64);
        for &(x, y, motion) in entries {
            field.store(Rect::new(x, y, 4, 4), 1, motion);
        }
        field
    }

    const UNIT: Rect = Rect { x: 16, y: 16, width: 16, height: 16 };

    fn f_skip(entries: &[(usize, usize, Motion)], subtype: u8) -> Motion {
        spatial(Neighbours { field: &field(entries), slice: 1 }, UNIT, subtype)
    }

    /// Positions of F, G, C, A, B, D of `UNIT`.
    const AROUND: [(usize, usize); 6] = [(12, 28), (28, 12), (32, 12), (12, 16), (16, 12), (12, 12)];

    fn around(motions: &[Motion]) -> Vec<(usize, usize, Motion)> {
        AROUND.iter().zip(motions).map(|(&(x, y), &motion)| (x, y, motion)).collect()
    }

    #[test]
    fn spatial_skip_without_neighbours_is_zero() {
        for (subtype, references) in [(1, [0, 0]), (2, [0, 0]), (3, [0, -1]), (4, [0, -1])] {
            let motion = f_skip(&[], subtype);
            assert_eq!((motion.references, motion.vectors), (references, [v(0); 2]));
        }
    }

    #[test]
    fn spatial_skip_of_singles() {
        let entries = around(&[Motion::single(0, v(1)), Motion::INTRA, Motion::single(1, v(2))]);
        assert_eq!(f_skip(&entries, 1), Motion::dual([0, 1], [v(1), v(2)]));
        assert_eq!(f_skip(&entries, 2), Motion::dual([0, 0], [v(0), v(0)]));
        assert_eq!(f_skip(&entries, 3), Motion::single(0, v(1)));
        assert_eq!(f_skip(&entries, 4), Motion::single(1, v(2)));
        assert_eq!(f_skip(&entries[..1], 4), Motion::single(0, v(0)));
    }

    #[test]
    fn spatial_skip_of_pairs() {
        let pairs = [Motion::dual([0, 1], [v(1), v(2)]), Motion::dual([1, 0], [v(3), v(4)])];
        let entries = around(&pairs);
        assert_eq!(f_skip(&entries, 1), pairs[0]);
        assert_eq!(f_skip(&entries, 2), pairs[1]);
        assert_eq!(f_skip(&entries, 3), Motion::single(1, v(3)));
        assert_eq!(f_skip(&entries, 4), Motion::single(0, v(4)));
        let mixed = around(&[pairs[0], Motion::single(1, v(8)), Motion::single(0, v(9))]);
        assert_eq!(f_skip(&mixed, 2), Motion::dual([1, 0], [v(8), v(9)]));
    }

    #[test]
    fn spatial_skip_of_b_pictures() {
        let b = |direction, x, y| Motion::of_b_picture(direction, [v(x), v(y)]);
        let skip = |motions: &[Motion], subtype| {
            let field = field(&around(motions));
            let motion = spatial_of_b_picture(Neighbours { field: &field, slice: 1 }, UNIT, subtype);
            motion.vectors.map(|v| v.x)
        };
        let one_each = [b(Direction::Forward, 1, 0), b(Direction::Backward, 0, 2)];
        assert_eq!([1, 2, 3, 4].map(|s| skip(&one_each, s)), [[1, 2], [0, 2], [-2, 2], [1, 0]]);
        let both = [b(Direction::Bidirectional, 3, 4), b(Direction::Bidirectional, 5, 6)];
        assert_eq!([1, 2, 3, 4].map(|s| skip(&both, s)), [[3, 4], [0, 6], [5, 6], [5, 0]]);
        assert_eq!([1, 2, 3, 4].map(|s| skip(&[], s)), [[0; 2]; 4]);
        assert_eq!(skip(&one_each[..1], 3), [1, -1]);
    }

    #[test]
    fn hypotheses_of_a_direction_mode() {
        let mut block = PredictionBlock::new(UNIT, Motion::single(0, v(10)));
        assert_eq!(block.hypotheses(), (Some(Hypothesis { reference: 0, x: 10, y: 0 }), None));
        block.multi_hypothesis = 7;
        let (first, second) = block.hypotheses();
        assert_eq!(first, Some(Hypothesis { reference: 0, x: 8, y: 2 }));
        assert_eq!(second, Some(Hypothesis { reference: 0, x: 12, y: -2 }));
    }
}
