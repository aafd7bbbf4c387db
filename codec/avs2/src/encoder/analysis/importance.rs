//! How much later pictures inherit from the parts of a picture.

use std::collections::VecDeque;

use crate::encoder::PictureInput;
use crate::encoder::analysis::metric::hadamard;
use crate::encoder::input::{FRACTION_BITS, SourcePlane};
use crate::math;
use crate::picture::PlaneBuffer;
use crate::simd::Backend;
use crate::{Error, SimdLevel};

/// Size of the blocks in half resolution; they stand for 16x16 samples.
const BLOCK: usize = 8;
/// Greatest vector component in half resolution.
const REACH: i32 = 24;
/// Costs below this are noise, and keep ratios of small costs from meaning much.
const FLOOR: f32 = 16.0;

/// Logarithms (base 2) of how many times as much each 16x16 block counts because later pictures inherit it; 0 where
/// none does.
#[derive(Debug, Clone)]
pub struct Importance {
    pub(in crate::encoder) logs: Vec<f32>,
}

/// Looks at the pictures to come. They are added in coding order, some of them before the first is taken.
#[derive(Debug)]
pub struct LookAhead {
    backend: Backend,
    size: (usize, usize),
    /// The last picture in half resolution.
    last: Option<PlaneBuffer>,
    pictures: VecDeque<Vec<Block>>,
}

/// A block of a picture and where the picture before has it.
#[derive(Debug, Clone, Copy, Default)]
struct Block {
    /// Cost without the picture before.
    intra: f32,
    /// Part of the information that comes from the picture before, 0 to 1.
    inherited: f32,
    vector: (i32, i32),
}

impl Importance {
    /// How far it counts in the first picture of an animation: 1 would take all pictures for equally good.
    pub(in crate::encoder) const IN_FIRST: f32 = 0.5;
    /// In later pictures.
    pub(in crate::encoder) const IN_LATER: f32 = 0.15;
    /// Below this mean a picture is made coarser: the last ones of an animation, and those before a cut.
    const LITTLE: f32 = 1.8;

    /// QP of picture `number` relative to that of its place.
    pub(in crate::encoder) fn qp_offset(&self, number: usize) -> u8 {
        let mean = self.logs.iter().sum::<f32>() / self.logs.len().max(1) as f32;
        u8::from(number > 0 && mean < Self::LITTLE)
    }
}

impl LookAhead {
    /// Every level of instructions finds the same.
    #[must_use]
    pub fn new(simd: SimdLevel) -> Self {
        Self { backend: Backend::detect(simd), size: (0, 0), last: None, pictures: VecDeque::new() }
    }

    /// Number of pictures added and not taken yet.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pictures.len()
    }

    /// Whether there is no picture.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pictures.is_empty()
    }

    /// Adds the next picture.
    ///
    /// # Errors
    /// [`Error::Invalid`] if its size is not that of the others.
    pub fn add(&mut self, input: &PictureInput<'_>) -> Result<(), Error> {
        let size = (input.width(), input.height());
        if self.last.is_some() {
            for (element, value, wanted) in
                [("width of a frame", size.0, self.size.0), ("height of a frame", size.1, self.size.1)]
            {
                if value != wanted {
                    return Err(Error::Invalid { element, value: value as i64 });
                }
            }
        }
        self.size = size;
        let plane = half(&input.coded_plane(0));
        let before = self.last.as_ref();
        let (columns, rows) = size_in_blocks(&plane);
        let mut blocks: Vec<Block> = Vec::with_capacity(columns * rows);
        for by in 0..rows {
            for bx in 0..columns {
                let left = (bx > 0).then(|| blocks[by * columns + bx - 1].vector);
                let above = (by > 0).then(|| blocks[(by - 1) * columns + bx].vector);
                let starts = [Some((0, 0)), left, above];
                blocks.push(self.block(&plane, before, (bx * BLOCK, by * BLOCK), starts));
            }
        }
        self.pictures.push_back(blocks);
        self.last = Some(plane);
        Ok(())
    }

    /// Takes the first picture; `None` if there is none.
    pub fn take(&mut self) -> Option<Importance> {
        let plane = self.last.as_ref()?;
        let (columns, rows) = size_in_blocks(plane);
        // What later pictures take from each block.
        let mut given = vec![0.0_f32; columns * rows];
        for blocks in self.pictures.iter().skip(1).rev() {
            let mut next = vec![0.0_f32; columns * rows];
            for (i, block) in blocks.iter().enumerate() {
                let amount = (block.intra + given[i]) * block.inherited;
                let at = |n: usize, d: i32, count: usize| {
                    ((n * BLOCK) as i32 + d).clamp(0, ((count - 1) * BLOCK) as i32) as usize
                };
                let (x, y) =
                    (at(i % columns, block.vector.0, columns), at(i / columns, block.vector.1, rows));
                let (fx, fy) = ((x % BLOCK) as f32 / BLOCK as f32, (y % BLOCK) as f32 / BLOCK as f32);
                let (bx, by) = (x / BLOCK, y / BLOCK);
                for (dx, dy, part) in [
                    (0, 0, (1.0 - fx) * (1.0 - fy)),
                    (1, 0, fx * (1.0 - fy)),
                    (0, 1, (1.0 - fx) * fy),
                    (1, 1, fx * fy),
                ] {
                    if part > 0.0 {
                        next[(by + dy) * columns + bx + dx] += amount * part;
                    }
                }
            }
            given = next;
        }
        let blocks = self.pictures.pop_front()?;
        Some(Importance {
            logs: blocks.iter().zip(given).map(|(b, given)| math::log2_f32(1.0 + given / b.intra)).collect(),
        })
    }

    fn block(
        &self,
        plane: &PlaneBuffer,
        before: Option<&PlaneBuffer>,
        at: (usize, usize),
        starts: [Option<(i32, i32)>; 3],
    ) -> Block {
        let source = load(plane, at, (0, 0));
        let intra = FLOOR + self.intra(plane, at, &source) as f32;
        let Some(before) = before else { return Block { intra, ..Block::default() } };
        let cost = |v: (i32, i32)| {
            let other = load(before, at, v);
            source.iter().zip(&other).map(|(&a, &b)| u32::from(a.abs_diff(b))).sum::<u32>()
                + 2 * (v.0.unsigned_abs() + v.1.unsigned_abs())
        };
        let mut best = (u32::MAX, (0, 0));
        for start in starts.into_iter().flatten() {
            best = best.min((cost(start), start));
        }
        for step in [4, 2, 1] {
            for _ in 0..4 {
                let centre = best.1;
                for (dx, dy) in [(-step, 0), (step, 0), (0, -step), (0, step)] {
                    let v = ((centre.0 + dx).clamp(-REACH, REACH), (centre.1 + dy).clamp(-REACH, REACH));
                    best = best.min((cost(v), v));
                }
                if best.1 == centre {
                    break;
                }
            }
        }
        let vector = best.1;
        let inter = hadamard(self.backend, &source, &load(before, at, vector), (BLOCK, BLOCK)) as f32;
        Block { intra, inherited: (1.0 - inter / intra).max(0.0), vector }
    }

    /// Hadamard differences from the best of three simple predictions.
    fn intra(&self, plane: &PlaneBuffer, (x, y): (usize, usize), source: &[u8]) -> u32 {
        let mean = (source.iter().map(|&s| u32::from(s)).sum::<u32>() / (BLOCK * BLOCK) as u32) as u8;
        let mut best = hadamard(self.backend, source, &[mean; BLOCK * BLOCK], (BLOCK, BLOCK));
        let above = load(plane, (x, y), (0, -1));
        let left = load(plane, (x, y), (-1, 0));
        let vertical: [u8; BLOCK * BLOCK] = std::array::from_fn(|i| above[i % BLOCK]);
        let horizontal: [u8; BLOCK * BLOCK] = std::array::from_fn(|i| left[i / BLOCK * BLOCK]);
        if y > 0 {
            best = best.min(hadamard(self.backend, source, &vertical, (BLOCK, BLOCK)));
        }
        if x > 0 {
            best = best.min(hadamard(self.backend, source, &horizontal, (BLOCK, BLOCK)));
        }
        best
    }
}

fn size_in_blocks(plane: &PlaneBuffer) -> (usize, usize) {
    (plane.width().div_ceil(BLOCK), plane.height().div_ceil(BLOCK))
}

/// Half the width and height, rounded to whole samples.
fn half(plane: &SourcePlane) -> PlaneBuffer {
    const SHIFT: u32 = 2 + FRACTION_BITS;
    let mut out = PlaneBuffer::new(plane.width() / 2, plane.height() / 2);
    for y in 0..out.height() {
        let (upper, lower) = (plane.row(2 * y), plane.row(2 * y + 1));
        for (x, to) in out.row_mut(y).iter_mut().enumerate() {
            let sum = [upper[2 * x], upper[2 * x + 1], lower[2 * x], lower[2 * x + 1]].map(i32::from);
            *to = ((sum.iter().sum::<i32>() + (1 << (SHIFT - 1))) >> SHIFT) as u8;
        }
    }
    out
}

/// A block displaced by a vector; samples outside repeat those of the border.
fn load(plane: &PlaneBuffer, (x, y): (usize, usize), (dx, dy): (i32, i32)) -> [u8; BLOCK * BLOCK] {
    let mut out = [0; BLOCK * BLOCK];
    let (x, y) = (x as i32 + dx, y as i32 + dy);
    let (w, h) = (plane.width() as i32, plane.height() as i32);
    for (j, to) in out.chunks_exact_mut(BLOCK).enumerate() {
        let row = plane.row((y + j as i32).clamp(0, h - 1) as usize);
        if x >= 0 && x + BLOCK as i32 <= w {
            to.copy_from_slice(&row[x as usize..][..BLOCK]);
        } else {
            for (i, to) in to.iter_mut().enumerate() {
                *to = row[(x + i as i32).clamp(0, w - 1) as usize];
            }
        }
    }
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const SIZE: usize = 96;

    fn texture(x: usize, y: usize) -> u8 {
        let (x, y) = (x as f32, y as f32);
        (120.0 + 50.0 * (x * 0.31).sin() + 50.0 * (y * 0.23 + x * 0.07).cos()) as u8
    }

    fn noise(x: usize, y: usize, n: usize) -> u8 {
        let hash = (x * 7919 + y * 104_729 + n * 1_299_709) as u32;
        ((hash ^ hash >> 11).wrapping_mul(2_654_435_761) >> 24) as u8
    }

    /// The importance of the first of `count` pictures.
    fn first(count: usize, sample: impl Fn(usize, usize, usize) -> u8) -> Vec<f32> {
        let mut ahead = LookAhead::new(SimdLevel::Auto);
        for n in 0..count {
            let luma: Vec<u8> = (0..SIZE * SIZE).map(|i| sample(i % SIZE, i / SIZE, n)).collect();
            let chroma = vec![128; SIZE * SIZE / 4];
            ahead.add(&PictureInput::new(SIZE, SIZE, [&luma, &chroma, &chroma]).unwrap()).unwrap();
        }
        assert_eq!(ahead.len(), count);
        let logs = ahead.take().unwrap().logs;
        assert_eq!(ahead.len(), count - 1);
        logs
    }

    #[test]
    fn what_stays_counts_once_for_each_picture() {
        let logs = first(8, |x, y, _| texture(x, y));
        assert_eq!(logs.len(), 36);
        assert!(logs.iter().all(|log| (log - 3.0).abs() < 0.01), "{logs:?}");
        assert!(first(1, |x, y, _| texture(x, y)).iter().all(|&log| log == 0.0));
    }

    #[test]
    fn what_does_not_last_counts_less() {
        // The right half is new in every picture.
        let logs = first(6, |x, y, n| if x < 48 { texture(x, y) } else { noise(x, y, n) });
        for row in logs.chunks_exact(6) {
            assert!(row[..2].iter().all(|&log| log > 2.0), "{logs:?}");
            assert!(row[4..].iter().all(|&log| log < 0.7), "{logs:?}");
        }
    }

    #[test]
    fn what_moves_is_followed() {
        let logs = first(4, |x, y, n| texture(x + 6 * n, y));
        let inner: Vec<f32> = logs.chunks_exact(6).flat_map(|row| &row[2..]).copied().collect();
        assert!(inner.iter().all(|&log| log > 1.5), "{logs:?}");
    }

    #[test]
    fn sizes_agree() {
        let mut ahead = LookAhead::new(SimdLevel::Auto);
        assert!(ahead.take().is_none());
        let plane = vec![0; 64 * 64];
        ahead.add(&PictureInput::new(64, 64, [&plane, &plane[..1024], &plane[..1024]]).unwrap()).unwrap();
        let other = PictureInput::new(64, 32, [&plane[..2048], &plane[..512], &plane[..512]]).unwrap();
        assert_eq!(
            ahead.add(&other).unwrap_err(),
            Error::Invalid { element: "height of a frame", value: 32 }
        );
    }
}
