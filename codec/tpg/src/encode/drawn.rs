//! Which parts of a picture were drawn: text, line art, user interfaces.
//!
//! Such parts have areas whose pixels are exactly alike, and hard edges that begin or end right there. In photographs
//! noise keeps neighbours from being alike, and lenses make edges soft.

use avs2::encoder::DrawnRegions;

use super::Pixels;

/// A change of a component by at least this is a hard edge.
const HARD: u8 = 32;
/// So many alike neighbours in a row beside an edge make it clean.
const ALIKE: u8 = 2;
/// A region has edges if there is one for so many pixels; without any it may be anything.
const PIXELS_PER_EDGE: usize = 128;
/// One of so many edges is clean in drawn regions.
const EDGES_PER_CLEAN: usize = 8;
/// Pixels in a hundred that are like both the one before and the one above in drawn regions.
const FLAT_PERCENT: usize = 40;

/// Finds the drawn regions; `None` if there are none.
pub(super) fn find(pixels: &Pixels<'_>) -> Option<DrawnRegions> {
    let (width, height) = (pixels.width(), pixels.height());
    let columns = width.div_ceil(DrawnRegions::SIDE);
    let mut counts = vec![Counts::default(); columns];
    let mut below = vec![Scan::default(); width];
    let (mut regions, mut with_edges) = (Vec::new(), 0);
    for y in 0..height {
        count_row(pixels, y, &mut below, &mut counts);
        if (y + 1) % DrawnRegions::SIDE == 0 || y + 1 == height {
            for counts in &mut counts {
                regions.push(counts.is_drawn());
                with_edges += usize::from(counts.has_edges());
                *counts = Counts::default();
            }
        }
    }
    let drawn = regions.iter().filter(|&&drawn| drawn).count();
    DrawnRegions::new(width, regions, 2 * drawn >= with_edges)
}

/// What was found in a region.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    pixels: usize,
    /// Across and down.
    edges: usize,
    clean: usize,
    flat: usize,
}

impl Counts {
    fn has_edges(&self) -> bool {
        self.edges * PIXELS_PER_EDGE >= self.pixels
    }

    fn is_drawn(&self) -> bool {
        self.has_edges()
            && self.clean * EDGES_PER_CLEAN >= self.edges
            && self.flat * 100 >= self.pixels * FLAT_PERCENT
    }

    fn add(&mut self, (edge, clean): (bool, bool)) {
        self.edges += usize::from(edge);
        self.clean += usize::from(clean);
    }
}

/// A walk over a row or down a column.
#[derive(Debug, Clone, Copy, Default)]
struct Scan {
    /// Alike neighbours so far.
    run: u8,
    /// The run began at an edge that was not clean.
    open: bool,
}

impl Scan {
    /// Goes on to a pixel that differs so much from the one before: whether there is an edge, and whether one turned
    /// out to be clean.
    fn step(&mut self, difference: u8) -> (bool, bool) {
        if difference == 0 {
            self.run = self.run.saturating_add(1);
            let clean = self.open && self.run >= ALIKE;
            self.open &= !clean;
            return (false, clean);
        }
        let edge = difference >= HARD;
        let clean = edge && self.run >= ALIKE;
        *self = Self { run: 0, open: edge && !clean };
        (edge, clean)
    }
}

fn count_row(pixels: &Pixels<'_>, y: usize, below: &mut [Scan], counts: &mut [Counts]) {
    let (bytes, colours) = (pixels.format().bytes(), pixels.format().colours());
    let (row, above) = (pixels.row(y), pixels.row(y.saturating_sub(1)));
    let mut across = Scan::default();
    let mut before = &row[..bytes];
    let both = row.chunks_exact(bytes).zip(above.chunks_exact(bytes));
    for (x, ((pixel, above), below)) in both.zip(below).enumerate() {
        let counts = &mut counts[x / DrawnRegions::SIDE];
        let (left, up) = (difference(pixel, before, colours), difference(pixel, above, colours));
        counts.pixels += 1;
        counts.flat += usize::from(left | up == 0);
        counts.add(across.step(left));
        counts.add(below.step(up));
        before = pixel;
    }
}

/// Greatest difference of a component.
fn difference(a: &[u8], b: &[u8], colours: usize) -> u8 {
    a.iter().zip(b).take(colours).map(|(&a, &b)| a.abs_diff(b)).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::PixelFormat;

    const SIDE: usize = DrawnRegions::SIDE;

    fn found(width: usize, height: usize, value: impl Fn(usize, usize) -> u8) -> Option<DrawnRegions> {
        let data: Vec<u8> = (0..width * height).map(|i| value(i % width, i / width)).collect();
        find(&Pixels::trusted(&data, width, height, width, PixelFormat::Grey))
    }

    fn letters(x: usize, y: usize) -> u8 {
        if x % 9 < 2 && y % 14 < 8 { 20 } else { 250 }
    }

    fn noise(x: usize, y: usize) -> u8 {
        let hash = (x * 7919 + y * 104_729) as u32;
        (100 + ((hash ^ hash >> 7).wrapping_mul(2_654_435_761) >> 28)) as u8
    }

    #[test]
    fn letters_are_drawn_and_noise_is_not() {
        assert!(found(200, 100, letters).is_some_and(|regions| regions.mostly()));
        assert_eq!(found(200, 100, noise), None);
        let noisy = |x, y| letters(x, y).saturating_sub(100).saturating_add(noise(x, y));
        assert_eq!(found(200, 100, noisy), None, "noise on letters makes them a photo");
    }

    #[test]
    fn soft_edges_and_flat_areas_are_not_drawn() {
        assert_eq!(found(200, 100, |_, _| 90), None);
        assert_eq!(found(200, 100, |x, _| (x / 2) as u8), None, "a gradient");
        let soft = |x: usize, _| 110 + 20 * (x % 80).abs_diff(40).min(7) as u8;
        assert_eq!(found(200, 100, soft), None);
    }

    #[test]
    fn shares_decide_about_a_region() {
        // Of 4096 pixels: an edge for 128 of them, a clean one of 8 edges, 40 % flat and not a pixel less.
        let least = Counts { pixels: SIDE * SIDE, edges: 32, clean: 4, flat: 1639 };
        assert!(least.has_edges() && least.is_drawn());
        assert!(!Counts { clean: 3, ..least }.is_drawn());
        assert!(!Counts { edges: 33, ..least }.is_drawn(), "more edges want more clean ones");
        assert!(!Counts { flat: 1638, ..least }.is_drawn());
        let few = Counts { edges: 31, ..least };
        assert!(!few.has_edges() && !few.is_drawn());
        // Regions at the picture's border are smaller.
        assert!(Counts { pixels: 5 * SIDE, edges: 3, clean: 1, flat: 128 }.is_drawn());
        assert!(!Counts { pixels: 5 * SIDE, edges: 2, clean: 1, flat: 128 }.has_edges());
    }

    #[test]
    fn edges_and_flat_pixels_are_counted() {
        // A line of four pixels down the middle of 16x8: clean at both sides, three alike neighbours within.
        let data: Vec<u8> = (0..16 * 8).map(|i| if (6..10).contains(&(i % 16)) { 20 } else { 250 }).collect();
        let pixels = Pixels::trusted(&data, 16, 8, 16, PixelFormat::Grey);
        let (mut below, mut counts) = (vec![Scan::default(); 16], [Counts::default()]);
        (0..8).for_each(|y| count_row(&pixels, y, &mut below, &mut counts));
        let [found] = counts;
        assert_eq!((found.pixels, found.edges, found.clean, found.flat), (128, 16, 16, 112));
    }

    #[test]
    fn a_picture_is_mostly_what_most_of_its_regions_are() {
        for (columns, mostly) in [(1, false), (2, true), (3, true)] {
            let edges = |x: usize, y: usize| if x % 20 < 10 { noise(x, y) } else { 100 + noise(x, y) };
            let value = |x, y| if x < columns * SIDE { letters(x, y) } else { edges(x, y) };
            let regions = found(4 * SIDE, 2 * SIDE, value);
            assert_eq!(regions.map(|regions| regions.mostly()), Some(mostly), "{columns}");
        }
    }
}
