//! Luma predictions that were made before, their Hadamard distances, and the coefficients of what they leave.
//!
//! Attempts and refinement come back to the same blocks, and often with the same samples around them. Then all these are
//! the same.

use super::BlockAt;
use crate::recon::{Availability, ReferenceLine};

/// What is known of predictions, by block of an LCU.
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
    distances: [u32; MODES],
    /// Samples of a block; predictions and coefficients of larger ones than [`LARGEST`] are not remembered.
    count: usize,
    /// By mode, as far as distances or coefficients are known.
    predictions: Vec<u8>,
    /// One bit for each mode whose coefficients are known.
    transformed: u64,
    /// By mode.
    coefficients: Vec<i16>,
    /// Weighted errors of blocks without coefficients.
    empty: [f64; MODES],
}

const MODES: usize = 33;

/// Samples of the largest block whose predictions are remembered.
const LARGEST: usize = 64;

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
            distances: [0; MODES],
            count: 0,
            predictions: Vec::new(),
            transformed: 0,
            coefficients: Vec::new(),
            empty: [0.0; MODES],
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
            (entry.known, entry.transformed) = (0, 0);
            entry.count = if w * h <= LARGEST { w * h } else { 0 };
            if entry.predictions.len() < MODES * entry.count {
                entry.predictions.resize(MODES * entry.count, 0);
                entry.coefficients.resize(MODES * entry.count, 0);
            }
        }
    }

    /// The distance of a mode of the current block, if it was measured.
    pub(super) fn distance(&self, mode: u8) -> Option<u32> {
        let entry = &self.entries[self.current];
        (entry.known >> mode & 1 == 1).then(|| entry.distances[usize::from(mode)])
    }

    /// Remembers it, and the prediction.
    pub(super) fn set(&mut self, mode: u8, distance: u32, prediction: &[u8]) {
        let entry = &mut self.entries[self.current];
        entry.known |= 1 << mode;
        entry.distances[usize::from(mode)] = distance;
        let range = entry.range(mode);
        entry.predictions[range.clone()].copy_from_slice(&prediction[..range.len()]);
    }

    /// Copies the prediction of a mode, if it is known.
    pub(super) fn prediction(&self, mode: u8, to: &mut [u8]) -> bool {
        let entry = &self.entries[self.current];
        let range = entry.range(mode);
        let known = (entry.known | entry.transformed) >> mode & 1 == 1 && !range.is_empty();
        if known {
            to[..range.len()].copy_from_slice(&entry.predictions[range]);
        }
        known
    }

    /// Copies the coefficients of what the prediction leaves, if they are known; returns the weighted error of a block
    /// without coefficients.
    pub(super) fn coefficients(&self, mode: u8, to: &mut [i16]) -> Option<f64> {
        let entry = &self.entries[self.current];
        let range = entry.range(mode);
        (entry.transformed >> mode & 1 == 1).then(|| {
            to[..range.len()].copy_from_slice(&entry.coefficients[range]);
            entry.empty[usize::from(mode)]
        })
    }

    /// Remembers them and the prediction.
    pub(super) fn set_coefficients(&mut self, mode: u8, prediction: &[u8], coefficients: &[i16], empty: f64) {
        let entry = &mut self.entries[self.current];
        let range = entry.range(mode);
        if !range.is_empty() {
            entry.transformed |= 1 << mode;
            entry.empty[usize::from(mode)] = empty;
            entry.coefficients[range.clone()].copy_from_slice(&coefficients[..range.len()]);
            entry.predictions[range.clone()].copy_from_slice(&prediction[..range.len()]);
        }
    }
}

impl Entry {
    /// Where samples and coefficients of a mode are.
    fn range(&self, mode: u8) -> std::ops::Range<usize> {
        let from = usize::from(mode) * self.count;
        from..from + self.count
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
        memory.set(5, 77, &[7; 64]);
        assert_eq!((memory.distance(5), memory.distance(6)), (Some(77), None));
        // Another block has another place.
        memory.start(BlockAt { x: 72, ..at }, top, &line(&first));
        assert_eq!(memory.distance(5), None);
        memory.start(at, top, &line(&first));
        assert_eq!(memory.distance(5), Some(77));
        // Other samples, another block of the same place, and other availability.
        memory.start(at, top, &line(&second));
        assert_eq!(memory.distance(5), None);
        memory.set(5, 1, &[1; 64]);
        memory.start(BlockAt { x: 128, ..at }, top, &line(&second));
        assert_eq!(memory.distance(5), None);
        memory.set(5, 1, &[1; 64]);
        memory.start(BlockAt { x: 128, ..at }, Availability::default(), &line(&second));
        assert_eq!(memory.distance(5), None);
    }

    #[test]
    fn predictions_and_coefficients_are_those_of_their_mode() {
        let samples = [50; 64 * 9];
        let mut memory = RoughMemory::new(true);
        let (mut prediction, mut coefficients) = ([0; 256], [0; 256]);
        for (size, kept) in [((8, 8), true), ((4, 16), true), ((32, 32), false)] {
            let at = BlockAt { c: 0, x: 0, y: 0, size };
            memory.start(at, Availability::default(), &line(&samples));
            assert!(
                !memory.prediction(3, &mut prediction) && memory.coefficients(3, &mut coefficients).is_none()
            );
            memory.set(3, 10, &vec![3; size.0 * size.1]);
            assert_eq!(memory.prediction(3, &mut prediction), kept);
            assert!(memory.coefficients(3, &mut coefficients).is_none());
            memory.set_coefficients(4, &vec![4; size.0 * size.1], &vec![-4; size.0 * size.1], 2.5);
            assert_eq!(memory.coefficients(4, &mut coefficients), kept.then_some(2.5));
            assert_eq!(memory.prediction(4, &mut prediction), kept);
            assert_eq!(memory.distance(4), None);
        }
        assert_eq!((prediction[63], prediction[64], coefficients[63], coefficients[64]), (4, 0, -4, 0));
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
