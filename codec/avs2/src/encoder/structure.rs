//! Which pictures of an animation refer to which, and their QPs.

use crate::headers::ReferenceConfigurationSet;

/// QP of the first picture, which all others build on, relative to that of the options.
const FIRST_OFFSET: i8 = -7;
/// QP of later pictures with one reference.
const CHAIN_OFFSET: i8 = 3;
/// One picture in so many is better than the others and serves longer as a reference.
const PERIOD: u32 = 4;
/// QPs by the place in such a period.
const PERIOD_OFFSETS: [i8; PERIOD as usize] = [0, 4, 2, 4];
/// Most references of a picture; the standard allows no more.
const REFERENCES: usize = 4;

/// Plans the pictures of one track in coding order.
#[derive(Debug, Clone)]
pub(super) struct Structure {
    several: bool,
    next: u32,
    /// Pictures that later ones may refer to.
    live: Vec<u32>,
}

/// Place of a picture in the structure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub qp: u8,
    /// References and removals if there is more than one reference; distances count pictures of the track.
    pub references: Option<ReferenceConfigurationSet>,
}

impl Structure {
    /// `several` allows more than the picture before as references.
    pub fn new(several: bool) -> Self {
        Self { several, next: 0, live: Vec::new() }
    }

    /// The next picture, if `qp` is the QP of the options.
    pub fn next(&mut self, qp: u8) -> Place {
        let number = self.next;
        self.next += 1;
        let offset = match (number, self.several) {
            (0, _) => FIRST_OFFSET,
            (_, false) => CHAIN_OFFSET,
            _ => PERIOD_OFFSETS[(number % PERIOD) as usize],
        };
        let qp = qp.saturating_add_signed(offset).min(63);
        let references = self.several.then(|| self.references(number));
        Place { qp, references }
    }

    fn references(&mut self, number: u32) -> ReferenceConfigurationSet {
        let keep: Vec<u32> = (number + 1..=number + PERIOD).flat_map(used_by).collect();
        let delta = |other: &u32| (number - other) as u8;
        let removals = self.live.iter().filter(|&other| !keep.contains(other)).map(delta).collect();
        self.live.retain(|other| keep.contains(other));
        self.live.push(number);
        ReferenceConfigurationSet {
            referenced_by_others: true,
            references: used_by(number).iter().map(delta).collect(),
            removals,
        }
    }
}

/// The picture before, the last one of an even number, then the last that begin a period.
fn used_by(number: u32) -> Vec<u32> {
    let Some(before) = number.checked_sub(1) else { return Vec::new() };
    let mut used = vec![before];
    let even = before - before % 2;
    let better = (0..=before / PERIOD).rev().map(|i| i * PERIOD);
    for other in std::iter::once(even).chain(better) {
        if used.len() < REFERENCES && !used.contains(&other) {
            used.push(other);
        }
    }
    used
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_exist_and_nothing_stays_for_ever() {
        let mut structure = Structure::new(true);
        let mut present: Vec<u32> = Vec::new();
        let mut removals: Vec<u32> = Vec::new();
        for number in 0..40 {
            present.retain(|other| !removals.contains(other));
            let set = structure.next(30).references.unwrap_or_default();
            for delta in &set.references {
                assert!(present.contains(&(number - u32::from(*delta))), "picture {number}: {set:?}");
            }
            removals = set.removals.iter().map(|delta| number - u32::from(*delta)).collect();
            assert!(removals.iter().all(|other| present.contains(other)), "picture {number}: {set:?}");
            present.push(number);
            assert!(present.len() <= 6, "picture {number}: {present:?}");
        }
        assert_eq!(used_by(9), [8, 4, 0]);
        assert_eq!(used_by(10), [9, 8, 4, 0]);
        assert_eq!(used_by(12), [11, 10, 8, 4]);
    }

    #[test]
    fn qps_stay_in_range() {
        assert_eq!(Structure::new(false).next(3).qp, 0);
        let mut structure = Structure::new(false);
        assert_eq!([63, 63, 30].map(|qp| structure.next(qp).qp), [56, 63, 33]);
        let mut structure = Structure::new(true);
        assert_eq!([30; 6].map(|qp| structure.next(qp).qp), [23, 34, 32, 34, 30, 34]);
    }
}
