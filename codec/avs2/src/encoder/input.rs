//! Pictures to encode.

use crate::Error;
use crate::picture::PlaneBuffer;

/// A 4:2:0 picture of 8-bit samples; chroma planes have half the width and height, rounded up.
#[derive(Debug, Clone, Copy)]
pub struct PictureInput<'a> {
    width: usize,
    height: usize,
    planes: [&'a [u8]; 3],
}

/// Greatest width and height: what the 14 bits of the sequence header hold.
pub(super) const MAX_SIZE: usize = 16383;
/// Smallest coded width and height.
const MIN_CODED: usize = 16;

impl<'a> PictureInput<'a> {
    /// Planes Y, Cb and Cr, row by row without gaps.
    ///
    /// # Errors
    /// The size is 0 or above 16383, or a plane has another length than the size asks for.
    pub fn new(width: usize, height: usize, planes: [&'a [u8]; 3]) -> Result<Self, Error> {
        for (element, value) in [("picture width", width), ("picture height", height)] {
            if !(1..=MAX_SIZE).contains(&value) {
                return Err(Error::Invalid { element, value: value as i64 });
            }
        }
        let input = Self { width, height, planes };
        for (c, plane) in planes.iter().enumerate() {
            let (w, h) = input.plane_size(c);
            if plane.len() != w * h {
                let element = ["length of plane Y", "length of plane Cb", "length of plane Cr"][c];
                return Err(Error::Invalid { element, value: plane.len() as i64 });
            }
        }
        Ok(input)
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
    pub(super) fn coded_planes(&self) -> [PlaneBuffer; 3] {
        let coded = |n: usize| n.next_multiple_of(8).max(MIN_CODED);
        std::array::from_fn(|c| {
            let shift = usize::from(c > 0);
            let mut plane = PlaneBuffer::new(coded(self.width) >> shift, coded(self.height) >> shift);
            let (w, h) = self.plane_size(c);
            for y in 0..plane.height() {
                let from = &self.planes[c][y.min(h - 1) * w..][..w];
                let row = plane.row_mut(y);
                row[..w].copy_from_slice(from);
                row[w..].fill(from[w - 1]);
            }
            plane
        })
    }
}
