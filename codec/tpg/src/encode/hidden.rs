//! Colour under fully transparent blocks of animations: what was there in the frame before costs nothing.

use avs2::Picture;

use super::{Source, sixteenths};

/// Side of the blocks in luma samples; transforms are no smaller in inter pictures of most efforts.
const SIDE: usize = 8;

/// The planes of `source` with the samples of `before` in blocks where `alpha` is 0.
pub(super) fn keep(source: &Source, alpha: &[u8], before: &Picture) -> [Vec<i16>; 3] {
    let mut planes = source.planes.clone();
    let (width, height) = (source.width, source.height);
    for top in (0..height).step_by(SIDE) {
        for left in (0..width).step_by(SIDE) {
            let (bottom, right) = ((top + SIDE).min(height), (left + SIDE).min(width));
            let visible = |y: usize| alpha[y * width..][left..right].iter().any(|&value| value != 0);
            if (top..bottom).any(visible) {
                continue;
            }
            for (index, plane) in planes.iter_mut().enumerate() {
                let step = if index == 0 { 1 } else { 2 };
                let stride = width.div_ceil(step);
                let columns = left / step..right.div_ceil(step);
                for y in top / step..bottom.div_ceil(step) {
                    let to = plane[y * stride..][columns.clone()].iter_mut();
                    for (to, &from) in to.zip(&before.plane(index).row(y)[columns.clone()]) {
                        *to = sixteenths(from);
                    }
                }
            }
        }
    }
    planes
}
