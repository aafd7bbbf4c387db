//! Hadamard distances of luma predictions that were measured before.
//!
//! Attempts and refinement come back to the same blocks, and often with the same samples around them. Then predictions
//! and their distances are the same.

use super::BlockAt;
use crate::recon::{Availability, ReferenceLine};

/// Distances by block of an LCU.
pub(super) struct RoughMemory {
    entries: Vec<Entry>,
    current: usize,
}

#[derive(Clone)]
struct Entry {
    at: Option<BlockAt>,
    available: Availability,
    /// What the block is predicted from.
    line: Vec<u8>,
    /// One bit for each mode whose distance is known.
    known: u64,
    distances: [u32; 33],
}

/// Sides of LCUs in units of four samples.
const SIDE: usize = 16;

impl RoughMemory {
    /// Without one, nothing is remembered.
    pub(super) fn new(wanted: bool) -> Self {
        let none = Entry {
            at: None,
            available: Availability::default(),
            line: Vec::new(),
            known: 0,
            distances: [0; 33],
        };
        Self { entries: vec![none; if wanted { SIDE * SIDE * SHAPES } else { 1 }], current: 0 }
    }

    /// Goes to a block whose line is loaded.
    pub(super) fn start(&mut self, at: BlockAt, available: Availability, line: &ReferenceLine) {
        self.current = if self.entries.len() > 1 { place(at) } else { 0 };
        let entry = &mut self.entries[self.current];
        let (w, h) = at.size;
        let samples = line.slice(-2 * (h as isize), 2 * h + 1 + 2 * w);
        if entry.at != Some(at) || entry.available != available || entry.line != samples {
            entry.at = Some(at);
            entry.available = available;
            entry.line.clear();
            entry.line.extend_from_slice(samples);
            entry.known = 0;
        }
    }

    /// The distance of a mode of the current block, if it was measured.
    pub(super) fn distance(&self, mode: u8) -> Option<u32> {
        let entry = &self.entries[self.current];
        (entry.known >> mode & 1 == 1).then(|| entry.distances[usize::from(mode)])
    }

    /// Remembers it.
    pub(super) fn set(&mut self, mode: u8, distance: u32) {
        let entry = &mut self.entries[self.current];
        entry.known |= 1 << mode;
        entry.distances[usize::from(mode)] = distance;
    }
}

/// Squares from 4 to 64, and strips of four shapes.
const SHAPES: usize = 9;

/// A place of its own for every block of an LCU.
fn place(BlockAt { x, y, size: (w, h), .. }: BlockAt) -> usize {
    let shape = match (w, h) {
        (w, h) if w == h => w.ilog2() as usize - 2,
        (16, _) => 5,
        (32, _) => 6,
        (4, _) => 7,
        _ => 8,
    };
    (shape * SIDE + y / 4 % SIDE) * SIDE + x / 4 % SIDE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(samples: &[u8]) -> ReferenceLine {
        let mut line = ReferenceLine::default();
        let available = Availability { top: true, ..Availability::default() };
        line.load(samples, 64, 64, (8, 8), available, 3);
        line
    }

    #[test]
    fn distances_are_those_of_the_same_block_and_line() {
        let first: Vec<u8> = (0..64 * 9).map(|i| (i % 64) as u8).collect();
        let mut second = first.clone();
        second[7] = 99;
        let at = BlockAt { c: 0, x: 64, y: 8, size: (8, 8) };
        let top = Availability { top: true, ..Availability::default() };
        let mut memory = RoughMemory::new(true);
        memory.start(at, top, &line(&first));
        memory.set(5, 77);
        assert_eq!((memory.distance(5), memory.distance(6)), (Some(77), None));
        // Another block has another place.
        memory.start(BlockAt { x: 72, ..at }, top, &line(&first));
        assert_eq!(memory.distance(5), None);
        memory.start(at, top, &line(&first));
        assert_eq!(memory.distance(5), Some(77));
        // Other samples, another block of the same place, and other availability.
        memory.start(at, top, &line(&second));
        assert_eq!(memory.distance(5), None);
        memory.set(5, 1);
        memory.start(BlockAt { x: 128, ..at }, top, &line(&second));
        assert_eq!(memory.distance(5), None);
        memory.set(5, 1);
        memory.start(BlockAt { x: 128, ..at }, Availability::default(), &line(&second));
        assert_eq!(memory.distance(5), None);
    }

    #[test]
    fn places_are_different() {
        let mut seen = std::collections::HashSet::new();
        let sizes = [(4, 4), (8, 8), (16, 16), (32, 32), (64, 64), (16, 4), (4, 16), (32, 8), (8, 32)];
        for size in sizes {
            for (x, y) in (0..64).step_by(4).flat_map(|y| (0..64).step_by(4).map(move |x| (x, y))) {
                assert!(seen.insert(place(BlockAt { c: 0, x, y, size })));
            }
        }
        assert_eq!(seen.len(), SIDE * SIDE * SHAPES);
    }
}
