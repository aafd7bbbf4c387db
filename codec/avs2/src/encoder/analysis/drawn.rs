//! Parts of pictures that were drawn and not photographed: text, line art, user interfaces.

use crate::encoder::input::FRACTION_BITS;

/// Black and white of luma: decoders show what is beyond as these.
const BLACK: u8 = 16;
const WHITE: u8 = 235;

/// Which regions of 64x64 luma samples of a still are drawn.
///
/// Its luma must be in limited range. There errors are weighed alike at all places, and those that cannot be seen,
/// beyond black and white, not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrawnRegions {
    columns: usize,
    regions: Vec<bool>,
    mostly: bool,
}

impl DrawnRegions {
    /// Side of a region in luma samples.
    pub const SIDE: usize = 64;

    /// `regions` are those of a picture `width` samples wide, row by row, the ones at its right and bottom edges
    /// included; `mostly` tells whether the picture as a whole counts as drawn. `None` if no region is drawn.
    #[must_use]
    pub fn new(width: usize, regions: Vec<bool>, mostly: bool) -> Option<Self> {
        let columns = width.div_ceil(Self::SIDE).max(1);
        regions.contains(&true).then_some(Self { columns, regions, mostly })
    }

    /// Whether the picture as a whole counts as drawn.
    #[must_use]
    pub fn mostly(&self) -> bool {
        self.mostly
    }

    /// Whether the region at a luma position is drawn. Positions beyond the picture belong to its last regions.
    pub(in crate::encoder) fn contain(&self, (x, y): (usize, usize)) -> bool {
        let rows = self.regions.len() / self.columns;
        let (column, row) =
            ((x / Self::SIDE).min(self.columns - 1), (y / Self::SIDE).min(rows.saturating_sub(1)));
        self.regions.get(row * self.columns + column).copied().unwrap_or_default()
    }
}

/// A sample of luma as it is shown.
pub(in crate::encoder) fn shown(sample: u8) -> u8 {
    sample.clamp(BLACK, WHITE)
}

/// What is to be coded where `source`, in sixteenths, is predicted or decoded as `sample`: where both are shown as
/// black or as white, the sample itself.
pub(in crate::encoder) fn wanted(source: i16, sample: i16) -> i16 {
    if source >= i16::from(WHITE) << FRACTION_BITS {
        source.max(sample)
    } else if source <= i16::from(BLACK) << FRACTION_BITS {
        source.min(sample)
    } else {
        source
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_found_by_position() {
        let regions = DrawnRegions::new(130, vec![false, true, false, false, false, true], false);
        let found = regions.as_ref().map(|regions| {
            [(63, 0), (64, 63), (128, 10), (0, 64), (129, 64), (135, 130)].map(|at| regions.contain(at))
        });
        assert_eq!(found, Some([false, true, false, false, true, true]));
        assert_eq!(DrawnRegions::new(130, vec![false; 6], false), None);
    }

    #[test]
    fn what_is_beyond_white_and_black_is_wanted_as_it_is() {
        for (source, sample, expected) in
            [(3760, 3900, 3900), (3760, 3700, 3760), (256, 100, 100), (256, 300, 256), (2000, 4000, 2000)]
        {
            assert_eq!(wanted(source, sample), expected);
        }
        assert_eq!([0, 16, 100, 235, 255].map(shown), [16, 16, 100, 235, 235]);
    }
}
