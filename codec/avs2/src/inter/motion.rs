//! Motion vectors and the motion field (docs/spec/avs2#c5 and #c11).

use std::ops::Range;

use super::prediction::Distances;
use crate::syntax::Node;

/// Units of 1/4 luma sample, which are units of 1/8 chroma sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct MotionVector {
    pub(crate) x: i16,
    pub(crate) y: i16,
}

impl MotionVector {
    pub(crate) const ZERO: Self = Self { x: 0, y: 0 };

    pub(crate) fn new(x: i16, y: i16) -> Self {
        Self { x, y }
    }

    /// Both components limited to 16 bits.
    pub(crate) fn saturating(x: i64, y: i64) -> Self {
        let limit = |v: i64| v.clamp(i16::MIN.into(), i16::MAX.into()) as i16;
        Self { x: limit(x), y: limit(y) }
    }

    /// `f` applied to both components.
    pub(crate) fn map(self, f: impl Fn(i64) -> i64) -> Self {
        Self::saturating(f(self.x.into()), f(self.y.into()))
    }

    pub(crate) fn negated(self) -> Self {
        self.map(|v| -v)
    }
}

/// How a block of a B picture is predicted; in other pictures only told apart from `Intra`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Direction {
    #[default]
    Intra,
    Forward,
    Backward,
    Symmetric,
    Bidirectional,
}

/// References and vectors of a block; -1 and zero where a hypothesis is absent.
///
/// In P and F pictures entry 0 is the first and entry 1 the second hypothesis. In B pictures entry 0 is the forward
/// motion (reference 1) and entry 1 the backward motion (reference 0).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Motion {
    pub(crate) vectors: [MotionVector; 2],
    pub(crate) references: [i8; 2],
    pub(crate) direction: Direction,
}

impl Motion {
    /// An intra block.
    pub(crate) const INTRA: Self =
        Self { vectors: [MotionVector::ZERO; 2], references: [-1; 2], direction: Direction::Intra };

    /// One hypothesis of a P or F picture.
    pub(crate) fn single(reference: i8, vector: MotionVector) -> Self {
        Self {
            vectors: [vector, MotionVector::ZERO],
            references: [reference, -1],
            direction: Direction::Forward,
        }
    }

    /// Two hypotheses of an F picture.
    pub(crate) fn dual(references: [i8; 2], vectors: [MotionVector; 2]) -> Self {
        Self { vectors, references, direction: Direction::Forward }
    }

    /// Motion of a B picture, with the references that belong to `direction` (docs/spec/avs2#c5.1).
    pub(crate) fn of_b_picture(direction: Direction, mut vectors: [MotionVector; 2]) -> Self {
        let references = match direction {
            Direction::Forward => [1, -1],
            Direction::Backward => [-1, 0],
            Direction::Symmetric | Direction::Bidirectional => [1, 0],
            Direction::Intra => [-1, -1],
        };
        for (vector, reference) in vectors.iter_mut().zip(references) {
            if reference < 0 {
                *vector = MotionVector::ZERO;
            }
        }
        Self { vectors, references, direction }
    }
}

/// A rectangle of luma samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rect {
    pub(crate) x: usize,
    pub(crate) y: usize,
    pub(crate) width: usize,
    pub(crate) height: usize,
}

impl Rect {
    pub(crate) fn new(x: usize, y: usize, width: usize, height: usize) -> Self {
        Self { x, y, width, height }
    }

    /// The samples of a node.
    pub(crate) fn of(node: Node) -> Self {
        let ((x, y), size) = (node.at, node.size());
        Self { x, y, width: size, height: size }
    }
}

/// One 4x4 block of the field; `slice` is 0 until the block is decoded.
#[derive(Debug, Clone, Copy)]
struct Block {
    slice: u32,
    motion: Motion,
}

const UNDECODED: Block = Block { slice: 0, motion: Motion::INTRA };

/// Motion of all 4x4 blocks of the current picture, or of some rows of it.
#[derive(Debug, Default)]
pub(crate) struct MotionField {
    columns: usize,
    /// Rows of blocks before the first one of the field.
    first: usize,
    rows: usize,
    blocks: Vec<Block>,
    /// The row of blocks before the first one, as far as it is known.
    above: Vec<Block>,
    /// Whether the CU that holds an 8x8 block has coefficients.
    coded: Vec<bool>,
}

impl MotionField {
    /// Bytes the field of a picture of this coded size needs.
    pub(crate) fn bytes(width: usize, height: usize) -> usize {
        (width / 4) * (height / 4) * size_of::<Block>() + (width / 8) * (height / 8)
    }

    /// Forgets all blocks; `width` and `height` are the coded size.
    pub(crate) fn reset(&mut self, width: usize, height: usize) {
        (self.columns, self.first, self.rows) = (width / 4, 0, height / 4);
        self.above.clear();
        self.blocks.clear();
        self.blocks.resize(self.columns * self.rows, UNDECODED);
        self.coded.clear();
        self.coded.resize((width / 8) * (height / 8), false);
    }

    /// The luma rows `rows` of a picture, from a multiple of 8 on.
    pub(crate) fn of_rows(width: usize, rows: Range<usize>) -> Self {
        let mut field = Self::default();
        field.reset(width, rows.len());
        field.first = rows.start / 4;
        field
    }

    /// The field of a picture from those of its rows, from the first row on.
    pub(crate) fn join(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut parts = parts.into_iter();
        let mut field = parts.next().unwrap_or_default();
        for part in parts {
            field.rows += part.rows;
            field.blocks.extend(part.blocks);
            field.coded.extend(part.coded);
        }
        field
    }

    /// What the field of the rows below needs of the columns from luma sample `x` on.
    pub(crate) fn lower_edge(&self, x: usize, width: usize) -> MotionEdge {
        let last = (self.rows - 1) * self.columns;
        MotionEdge(self.blocks[last + x / 4..][..width / 4].to_vec())
    }

    /// Takes what the field of the rows above has in the columns from luma sample `x` on.
    pub(crate) fn take_edge(&mut self, x: usize, edge: &MotionEdge) {
        self.above.resize(self.columns, UNDECODED);
        self.above[x / 4..][..edge.0.len()].copy_from_slice(&edge.0);
    }

    /// End of the field in luma samples, which is the coded height of the picture if it is that of a picture.
    pub(crate) fn height(&self) -> usize {
        4 * (self.first + self.rows)
    }

    /// Notes whether the CU `rect` has coefficients of any component.
    pub(crate) fn set_coded(&mut self, rect: Rect, coded: bool) {
        let columns = self.columns / 2;
        let range = (rect.x / 8).min(columns)..((rect.x + rect.width) / 8).min(columns);
        let y = rect.y - 4 * self.first;
        for row in y / 8..((y + rect.height) / 8).min(self.rows / 2) {
            self.coded[row * columns + range.start..row * columns + range.end].fill(coded);
        }
    }

    /// Whether the CU that holds luma sample (x, y) has coefficients.
    pub(crate) fn is_coded(&self, x: usize, y: usize) -> bool {
        self.coded[(y / 8 - self.first / 2) * (self.columns / 2) + x / 8]
    }

    /// Stores the motion of `rect`, which belongs to slice number `slice` (counted from 1 within the picture).
    pub(crate) fn store(&mut self, rect: Rect, slice: u32, motion: Motion) {
        let columns = (rect.x / 4).min(self.columns)..((rect.x + rect.width) / 4).min(self.columns);
        let y = rect.y - 4 * self.first;
        for row in y / 4..((y + rect.height) / 4).min(self.rows) {
            let start = row * self.columns;
            self.blocks[start + columns.start..start + columns.end].fill(Block { slice, motion });
        }
    }

    /// Makes the blocks of `rect` undecoded.
    pub(crate) fn forget(&mut self, rect: Rect) {
        self.store(rect, UNDECODED.slice, UNDECODED.motion);
        self.set_coded(rect, false);
    }

    /// Motion of the block that holds luma sample (x, y), which must lie in the field.
    pub(crate) fn at(&self, x: usize, y: usize) -> &Motion {
        &self.blocks[(y / 4 - self.first) * self.columns + x / 4].motion
    }

    /// Motion of the block that holds (x, y) if it is available to slice number `slice` (docs/spec/avs2#c5.2).
    pub(crate) fn neighbour(&self, x: isize, y: isize, slice: u32) -> Option<&Motion> {
        let (column, row) = (usize::try_from(x).ok()? / 4, usize::try_from(y).ok()? / 4);
        if column >= self.columns {
            return None;
        }
        let block = if row + 1 == self.first {
            self.above.get(column)?
        } else {
            self.blocks.get(row.checked_sub(self.first)? * self.columns + column)?
        };
        (block.slice == slice).then_some(&block.motion)
    }

    /// The part that later pictures use; `distances` are those of the picture's references.
    pub(crate) fn to_collocated(&self, distances: &Distances) -> CollocatedMotion {
        let (columns, rows) = (self.columns.div_ceil(4), self.rows.div_ceil(4));
        let mut blocks = Vec::with_capacity(columns * rows);
        for row in 0..rows {
            for column in 0..columns {
                let (x, y) = ((4 * column + 2).min(self.columns - 1), (4 * row + 2).min(self.rows - 1));
                let motion = &self.blocks[y * self.columns + x].motion;
                let reference = motion.references[0];
                let distance = if reference < 0 { 0 } else { distances.of(reference) as i16 };
                blocks.push(Collocated { vector: motion.vectors[0], distance });
            }
        }
        CollocatedMotion { columns, blocks }
    }
}

/// The last row of blocks of a field, in some columns.
#[derive(Debug)]
pub(crate) struct MotionEdge(Vec<Block>);

/// Motion that a later picture derives its own from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Collocated {
    pub(crate) vector: MotionVector,
    /// Distance of the reference; 0 stands for intra.
    pub(crate) distance: i16,
}

/// Motion of a reference picture, one entry for every 16x16 luma samples (docs/spec/avs2#c11).
#[derive(Debug, Clone, Default)]
pub(crate) struct CollocatedMotion {
    columns: usize,
    blocks: Vec<Collocated>,
}

impl CollocatedMotion {
    /// Bytes held.
    pub(crate) fn bytes(&self) -> usize {
        self.blocks.len() * size_of::<Collocated>()
    }

    /// Entry of the 16x16 area that holds luma sample (x, y), unless it is intra.
    pub(crate) fn at(&self, x: usize, y: usize) -> Option<Collocated> {
        let block = self.blocks.get((y / 16) * self.columns + x / 16)?;
        (block.distance != 0).then_some(*block)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moving(x: i16) -> Motion {
        Motion::single(0, MotionVector::new(x, 0))
    }

    #[test]
    fn neighbours_are_available_in_their_slice_once_decoded() {
        let mut field = MotionField::default();
        field.reset(32, 16);
        field.store(Rect::new(8, 0, 8, 8), 1, moving(4));
        assert_eq!(field.neighbour(15, 7, 1), Some(&moving(4)));
        for (x, y, slice) in
            [(15, 7, 2), (16, 0, 1), (7, 0, 1), (8, 8, 1), (-1, 0, 1), (8, -1, 1), (32, 0, 1)]
        {
            assert_eq!(field.neighbour(x, y, slice), None, "{x}, {y}, slice {slice}");
        }
    }

    #[test]
    fn a_field_of_rows_knows_what_is_above() {
        let mut whole = MotionField::default();
        whole.reset(32, 24);
        let mut parts = [MotionField::of_rows(32, 0..16), MotionField::of_rows(32, 16..24)];
        for (rect, x) in [(Rect::new(8, 8, 8, 8), 4), (Rect::new(16, 0, 16, 16), 8)] {
            whole.store(rect, 1, moving(x));
            parts[0].store(rect, 1, moving(x));
        }
        let [upper, lower] = &mut parts;
        assert_eq!(lower.neighbour(8, 15, 1), None);
        lower.take_edge(8, &upper.lower_edge(8, 24));
        let below = Rect::new(8, 16, 8, 8);
        for field in [&mut whole, lower] {
            field.store(below, 1, moving(2));
            field.set_coded(below, true);
        }
        for (x, y) in [(7, 15), (8, 15), (15, 15), (16, 15), (31, 15), (32, 15), (8, 16), (16, 23), (8, 24)] {
            assert_eq!(parts[1].neighbour(x, y, 1), whole.neighbour(x, y, 1), "{x}, {y}");
        }
        assert_eq!(parts[1].neighbour(8, 11, 1), None);
        assert_eq!(
            (parts[1].height(), parts[1].is_coded(8, 16), parts[1].is_coded(16, 16)),
            (24, true, false)
        );
        let joined = MotionField::join(parts);
        assert_eq!(joined.height(), 24);
        for (x, y) in (0..8).flat_map(|x| (0..6).map(move |y| (4 * x, 4 * y))) {
            assert_eq!((joined.at(x, y), joined.is_coded(x, y)), (whole.at(x, y), whole.is_coded(x, y)));
        }
    }

    #[test]
    fn storing_stops_at_the_border() {
        let mut field = MotionField::default();
        field.reset(16, 16);
        field.store(Rect::new(8, 8, 64, 64), 1, moving(1));
        assert_eq!(field.at(15, 15), &moving(1));
        assert_eq!(field.at(0, 15), &Motion::INTRA);
    }

    #[test]
    fn collocated_motion_is_that_of_the_block_behind_the_middle() {
        let mut field = MotionField::default();
        field.reset(40, 24);
        field.store(Rect::new(8, 8, 4, 4), 1, moving(1));
        field.store(Rect::new(36, 8, 4, 4), 1, moving(2));
        field.store(Rect::new(36, 20, 4, 4), 1, moving(3));
        let motion = field.to_collocated(&Distances { values: [6, 0, 0, 0], is_b: false });
        assert_eq!(motion.at(0, 0), Some(Collocated { vector: MotionVector::new(1, 0), distance: 6 }));
        assert_eq!(motion.at(16, 0), None);
        assert_eq!(motion.at(32, 15).map(|c| c.vector.x), Some(2));
        assert_eq!(motion.at(39, 23).map(|c| c.vector.x), Some(3));
    }
}
