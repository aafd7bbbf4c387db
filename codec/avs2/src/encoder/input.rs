//! Pictures to encode.

use crate::Error;
use crate::encoder::analysis::drawn;
use crate::encoder::{BlockWeights, DrawnRegions};
use crate::picture::PlaneBuffer;

/// Fraction bits of source samples: rounding to 8 bits would add its error to that of quantisation.
pub(super) const FRACTION_BITS: u32 = 4;

/// One component of the source in coded size, in 1/16 of a sample step.
#[derive(Debug, Clone)]
pub(super) struct SourcePlane {
    width: usize,
    height: usize,
    samples: Vec<i16>,
}

impl SourcePlane {
    pub fn width(&self) -> usize {
        self.width
    }

    pub fn height(&self) -> usize {
        self.height
    }

    pub fn row(&self, y: usize) -> &[i16] {
        &self.samples[y * self.width..][..self.width]
    }

    /// The samples from a position on; rows are [`width`](Self::width) apart.
    pub fn from(&self, x: usize, y: usize) -> &[i16] {
        &self.samples[y * self.width + x..]
    }

    /// What `decoded` samples of drawn luma should be filtered towards: those that are shown as they should be stay.
    pub fn wanted(&self, decoded: &PlaneBuffer) -> Self {
        let mut samples = Vec::with_capacity(self.samples.len());
        for (y, row) in self.samples.chunks_exact(self.width).enumerate() {
            let pairs = row.iter().zip(decoded.row(y));
            samples.extend(pairs.map(|(&source, &s)| drawn::wanted(source, i16::from(s) << FRACTION_BITS)));
        }
        Self { samples, ..*self }
    }

    #[cfg(test)]
    pub fn of(plane: &PlaneBuffer) -> Self {
        let rows = (0..plane.height()).flat_map(|y| plane.row(y)[..plane.width()].iter());
        let samples = rows.map(|&sample| i16::from(sample) << FRACTION_BITS).collect();
        Self { width: plane.width(), height: plane.height(), samples }
    }
}

/// Rows of samples without gaps.
#[derive(Debug, Clone, Copy)]
enum Samples<'a> {
    Whole(&'a [u8]),
    Sixteenths(&'a [i16]),
}

impl Samples<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Whole(samples) => samples.len(),
            Self::Sixteenths(samples) => samples.len(),
        }
    }
}

/// A 4:2:0 picture; chroma planes have half the width and height, rounded up.
#[derive(Debug, Clone, Copy)]
pub struct PictureInput<'a> {
    width: usize,
    height: usize,
    planes: [Samples<'a>; 3],
    weights: Option<&'a BlockWeights>,
    drawn: Option<&'a DrawnRegions>,
}

/// Greatest width and height: what the 14 bits of the sequence header hold.
pub(super) const MAX_SIZE: usize = 16383;
/// Smallest coded width and height.
const MIN_CODED: usize = 16;

/// Width or height as it is coded: a multiple of 8 and at least 16.
pub(super) fn coded_side(side: usize) -> usize {
    side.next_multiple_of(8).max(MIN_CODED)
}

impl<'a> PictureInput<'a> {
    /// Planes Y, Cb and Cr of 8-bit samples, row by row without gaps.
    ///
    /// # Errors
    /// The size is 0 or above 16383, or a plane has another length than the size asks for.
    pub fn new(width: usize, height: usize, planes: [&'a [u8]; 3]) -> Result<Self, Error> {
        Self::checked(width, height, planes.map(Samples::Whole))
    }

    /// Planes whose samples are sixteenths, 0..=4080: what rounding to 8 bits would leave out counts when errors are
    /// measured. Values outside are clamped.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn in_sixteenths(width: usize, height: usize, planes: [&'a [i16]; 3]) -> Result<Self, Error> {
        Self::checked(width, height, planes.map(Samples::Sixteenths))
    }

    fn checked(width: usize, height: usize, planes: [Samples<'a>; 3]) -> Result<Self, Error> {
        for (element, value) in [("picture width", width), ("picture height", height)] {
            if !(1..=MAX_SIZE).contains(&value) {
                return Err(Error::Invalid { element, value: value as i64 });
            }
        }
        let input = Self { width, height, planes, weights: None, drawn: None };
        for (c, plane) in planes.iter().enumerate() {
            let (w, h) = input.plane_size(c);
            if plane.len() != w * h {
                let element = ["length of plane Y", "length of plane Cb", "length of plane Cr"][c];
                return Err(Error::Invalid { element, value: plane.len() as i64 });
            }
        }
        Ok(input)
    }

    /// The same with measured weights of errors by place, beside those that local activity gives.
    #[must_use]
    pub fn with_weights(self, weights: &'a BlockWeights) -> Self {
        Self { weights: Some(weights), ..self }
    }

    pub(super) fn weights(&self) -> Option<&'a BlockWeights> {
        self.weights
    }

    /// The same where regions are known to be drawn. It counts in stills, and where errors are weighed as they are seen.
    #[must_use]
    pub fn with_drawn_regions(self, drawn: &'a DrawnRegions) -> Self {
        Self { drawn: Some(drawn), ..self }
    }

    pub(super) fn drawn(&self) -> Option<&'a DrawnRegions> {
        self.drawn
    }

    pub(super) fn width(&self) -> usize {
        self.width
    }

    pub(super) fn height(&self) -> usize {
        self.height
    }

    /// Width and height of plane `c`.
    fn plane_size(&self, c: usize) -> (usize, usize) {
        if c == 0 { (self.width, self.height) } else { (self.width.div_ceil(2), self.height.div_ceil(2)) }
    }

    /// The planes in coded size: a multiple of 8 and at least 16, filled by repeating the last column and row.
    pub(super) fn coded_planes(&self) -> [SourcePlane; 3] {
        std::array::from_fn(|c| self.coded_plane(c))
    }

    /// One of the [`coded_planes`](Self::coded_planes).
    pub(super) fn coded_plane(&self, c: usize) -> SourcePlane {
        let shift = usize::from(c > 0);
        let (width, height) = (coded_side(self.width) >> shift, coded_side(self.height) >> shift);
        let mut samples = vec![0_i16; width * height];
        let (w, h) = self.plane_size(c);
        for (y, row) in samples.chunks_exact_mut(width).enumerate() {
            let from = y.min(h - 1) * w;
            match self.planes[c] {
                Samples::Whole(plane) => {
                    for (to, &from) in row.iter_mut().zip(&plane[from..][..w]) {
                        *to = i16::from(from) << FRACTION_BITS;
                    }
                }
                Samples::Sixteenths(plane) => {
                    for (to, &from) in row.iter_mut().zip(&plane[from..][..w]) {
                        *to = from.clamp(0, 255 << FRACTION_BITS);
                    }
                }
            }
            let last = row[w - 1];
            row[w..].fill(last);
        }
        SourcePlane { width, height, samples }
    }
}
