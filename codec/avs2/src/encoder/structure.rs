//! Which pictures of an animation refer to which, and their QPs.

use std::ops::RangeInclusive;

use crate::encoder::QP_PARTS;
use crate::headers::ReferenceConfigurationSet;

/// QP of the first picture, which all others build on, relative to that of the options.
const FIRST_OFFSET: i8 = -7;
/// How many times the fraction lambda of the first picture follows, so that sizes do not jump where its QP changes.
const FIRST_LAMBDA: i8 = 2;
/// QP of later pictures with one reference.
const CHAIN_OFFSET: i8 = 3;
/// One picture in so many is better than the others and serves longer as a reference.
const GOP_SIZE: u32 = 4;
/// QPs by the place in a GOP.
const GOP_OFFSETS: [i8; GOP_SIZE as usize] = [1, 4, 2, 4];
/// The greatest of all offsets.
const GREATEST_OFFSET: i8 = 4;
/// Most references of a picture; the standard allows no more.
const REFERENCES: usize = 4;
/// Greatest difference of coding orders that names a reference (14.4).
const FARTHEST: u32 = 63;

/// Plans the pictures of one track in coding order.
#[derive(Debug, Clone)]
pub(super) struct Structure {
    several: bool,
    /// Last picture that may refer to the first one.
    last_with_first: u32,
    next: u32,
    /// Pictures that later ones may refer to.
    live: Vec<u32>,
}

/// Place of a picture in the structure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub qp: u8,
    /// What the QP that lambda goes by is above it, in parts of 1 / `QP_PARTS`.
    pub qp_fraction: i8,
    /// References and removals if there is more than one reference; distances count pictures of the track.
    pub references: Option<ReferenceConfigurationSet>,
}

impl Structure {
    /// `several` allows more than the picture before as references; `tracks` take turns in the stream.
    pub fn new(several: bool, tracks: u8) -> Self {
        let last_with_first = FARTHEST / u32::from(tracks.max(1));
        Self { several, last_with_first, next: 0, live: Vec::new() }
    }

    /// The lowest and the highest QP that a picture may have if that of the options is `qp`; fractions and pictures that
    /// little is inherited from each add one.
    pub fn qps(qp: u8) -> RangeInclusive<u8> {
        qp.saturating_add_signed(FIRST_OFFSET)..=qp.saturating_add_signed(GREATEST_OFFSET + 2).min(63)
    }

    /// The next picture, if `qp` and `fraction` are the QP of the options.
    pub fn next(&mut self, qp: u8, fraction: i8) -> Place {
        let number = self.next;
        self.next += 1;
        let offset = match (number, self.several) {
            (0, _) => FIRST_OFFSET,
            (_, false) => CHAIN_OFFSET,
            _ => GOP_OFFSETS[(number % GOP_SIZE) as usize],
        };
        let parts = i16::from(QP_PARTS);
        let exact = ((i16::from(qp) + i16::from(offset)) * parts + i16::from(fraction)).clamp(0, 63 * parts);
        let (lower, rest) = (exact / parts, exact % parts);
        let qp = (lower + i16::from(rest > self.threshold(number))) as u8;
        let qp_fraction = if number == 0 { FIRST_LAMBDA * (exact - i16::from(qp) * parts) as i8 } else { 0 };
        let references = self.several.then(|| self.references(number));
        Place { qp, qp_fraction, references }
    }

    /// The greatest fraction that a picture's QP is rounded down with.
    ///
    /// Pictures have whole QPs, so a fraction becomes a mixture: with each 1 / `QP_PARTS` more another part of the
    /// pictures of every place in the GOP is coarser by one, spread over the animation. The first picture has no
    /// others to be mixed with; its lambda follows the fraction, by [`FIRST_LAMBDA`].
    fn threshold(&self, number: u32) -> i16 {
        // An odd factor visits all thresholds, this one in steps that are far apart.
        const STRIDE: u32 = 7;
        let turn = match (number, self.several) {
            (0, _) => QP_PARTS as u32 / 2,
            (_, false) => STRIDE * number,
            _ => STRIDE * (number / GOP_SIZE) + QP_PARTS as u32 / GOP_SIZE * (number % GOP_SIZE),
        };
        (turn % QP_PARTS as u32) as i16
    }

    fn references(&mut self, number: u32) -> ReferenceConfigurationSet {
        let mut keep: Vec<u32> =
            (number + 1..=number + GOP_SIZE).flat_map(|other| self.used_by(other)).collect();
        if number < self.last_with_first {
            keep.push(0);
        }
        let delta = |other: &u32| (number - other) as u8;
        let removals = self.live.iter().filter(|&other| !keep.contains(other)).map(delta).collect();
        self.live.retain(|other| keep.contains(other));
        self.live.push(number);
        ReferenceConfigurationSet {
            referenced_by_others: true,
            references: self.used_by(number).iter().map(delta).collect(),
            removals,
        }
    }

    /// The picture before, the last one of an even number, the last that begin a GOP, and the first one while it can
    /// be named: it is the best of all, and what follows the last one in animations that go round.
    fn used_by(&self, number: u32) -> Vec<u32> {
        let Some(before) = number.checked_sub(1) else { return Vec::new() };
        let first = (number <= self.last_with_first).then_some(0);
        let even = before - before % 2;
        let better = (0..=before / GOP_SIZE).rev().map(|i| i * GOP_SIZE);
        let mut used = vec![before];
        for other in std::iter::once(even).chain(better) {
            if used.len() + usize::from(first.is_some()) < REFERENCES && !used.contains(&other) {
                used.push(other);
            }
        }
        used.extend(first.filter(|first| !used.contains(first)));
        used
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_exist_and_nothing_stays_for_ever() {
        for (tracks, last_with_first) in [(1, 63), (2, 31)] {
            let mut structure = Structure::new(true, tracks);
            let mut present: Vec<u32> = Vec::new();
            let mut removals: Vec<u32> = Vec::new();
            for number in 0..140 {
                present.retain(|other| !removals.contains(other));
                let set = structure.next(30, 0).references.unwrap_or_default();
                let named = |deltas: &[u8]| -> Vec<u32> {
                    assert!(deltas.iter().all(|delta| delta * tracks <= 63), "picture {number}: {set:?}");
                    deltas.iter().map(|delta| number - u32::from(*delta)).collect()
                };
                let references = named(&set.references);
                assert!(references.iter().all(|other| present.contains(other)), "picture {number}: {set:?}");
                assert_eq!(references.contains(&0), (1..=last_with_first).contains(&number));
                removals = named(&set.removals);
                assert!(removals.iter().all(|other| present.contains(other)), "picture {number}: {set:?}");
                present.push(number);
                assert!(present.len() <= 7, "picture {number}: {present:?}");
            }
        }
        let structure = Structure::new(true, 1);
        assert_eq!(structure.used_by(9), [8, 4, 0]);
        assert_eq!(structure.used_by(10), [9, 8, 4, 0]);
        assert_eq!(structure.used_by(16), [15, 14, 12, 0]);
        assert_eq!(structure.used_by(64), [63, 62, 60, 56]);
    }

    #[test]
    fn qps_stay_in_range() {
        assert_eq!(Structure::new(false, 1).next(3, 0).qp, 0);
        let mut structure = Structure::new(false, 1);
        assert_eq!([63, 63, 30].map(|qp| structure.next(qp, 0).qp), [56, 63, 33]);
        let mut structure = Structure::new(true, 1);
        assert_eq!([30; 6].map(|qp| structure.next(qp, 0).qp), [23, 34, 32, 34, 31, 34]);
    }

    #[test]
    fn the_range_of_qps_holds_for_all_pictures() {
        for several in [false, true] {
            for (qp, fraction) in [(0, 0), (5, 15), (30, 15), (60, 3), (63, 0)] {
                let mut structure = Structure::new(several, 1);
                let range = Structure::qps(qp);
                for _ in 0..65 {
                    let picture = structure.next(qp, fraction).qp;
                    assert!(range.contains(&picture) && range.contains(&(picture + 1).min(63)));
                }
            }
        }
    }

    #[test]
    fn fractions_are_mixtures() {
        for several in [false, true] {
            let qps = |fraction| -> Vec<u8> {
                let mut structure = Structure::new(several, 1);
                (0..65).map(|_| structure.next(30, fraction).qp).collect()
            };
            let mut before = qps(0);
            let coarse: Vec<u8> = before.iter().map(|qp| qp + 1).collect();
            for fraction in 1..QP_PARTS {
                let now = qps(fraction);
                let steps: Vec<usize> = (0..65).filter(|&n| now[n] != before[n]).collect();
                assert!(steps.iter().all(|&n| now[n] == before[n] + 1), "{fraction}: {steps:?}");
                let later = steps.iter().filter(|&&n| n > 0).count();
                assert_eq!(later, 4, "each fraction makes as many pictures coarser: {steps:?}");
                before = now;
            }
            before.iter().zip(&coarse).skip(1).for_each(|(now, coarse)| assert!(coarse - now <= 1));
            // Half of the pictures of each place are coarser at one half.
            for place in 0..4 {
                let coarser = (1..65).filter(|n| n % 4 == place && qps(8)[*n] == coarse[*n]).count();
                assert_eq!(coarser, 8);
            }
        }
    }

    #[test]
    fn lambda_of_the_first_picture_follows_the_fraction() {
        for (fraction, expected) in
            [(0, (23, 0)), (5, (23, 10)), (8, (23, 16)), (9, (24, -14)), (15, (24, -2))]
        {
            let mut structure = Structure::new(true, 1);
            let first = structure.next(30, fraction);
            assert_eq!((first.qp, first.qp_fraction), expected);
            assert_eq!(structure.next(30, fraction).qp_fraction, 0);
        }
        let lowest = Structure::new(true, 1).next(3, 9);
        assert_eq!((lowest.qp, lowest.qp_fraction), (0, 0));
    }
}
