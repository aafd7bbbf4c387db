//! Motion compensation (docs/spec/avs2#c12).

use std::sync::Arc;

use super::derivation::{Hypothesis, PredictionBlock};
use super::interpolation::{CHROMA, Kernels, LUMA, MAX_SIZE, Rows, SLACK, Source, Target};
use super::motion::{MotionVector, Rect};
use super::picture_buffer::StoredPicture;
use crate::Plane;
use crate::simd::Backend;

/// Rows of a copied source: the block, the taps around it and what vectors read behind.
const WINDOW_STRIDE: usize = MAX_SIZE + 8 + SLACK;

/// A rectangle of samples to fill; sample (x, y) of it is at `y * stride + x`.
pub(crate) struct Block<'a> {
    pub(crate) samples: &'a mut [u8],
    pub(crate) stride: usize,
}

/// A coordinate in a reference plane.
#[derive(Clone, Copy)]
struct Offset {
    whole: i32,
    /// In quarter samples of luma, eighth samples of chroma.
    fraction: usize,
}

/// Predicts blocks from reference pictures.
///
/// Reads beyond a plane see its border repeated without end (docs/spec/avs2#c12.1), so no padding is stored.
#[derive(Debug)]
pub(crate) struct Compensator {
    kernels: Kernels,
    window: Box<[u8; WINDOW_STRIDE * (MAX_SIZE + 8) + SLACK]>,
    rows: Box<Rows>,
    /// The second hypothesis; taken out while it is the target of a prediction.
    second: Vec<u8>,
}

/// The samples that a vector in whole samples points at; `None` if they are not all inside the reference.
pub(crate) fn pointed_at(reference: &StoredPicture, rect: Rect, vector: MotionVector) -> Option<Source<'_>> {
    if (vector.x | vector.y) & 3 != 0 {
        return None;
    }
    let (x, y) = (rect.x as i32 + i32::from(vector.x >> 2), rect.y as i32 + i32::from(vector.y >> 2));
    inside(reference.picture.plane(0), x, y, rect.width, rect.height)
}

impl Compensator {
    pub(crate) fn new(backend: Backend) -> Self {
        Self {
            kernels: Kernels::new(backend),
            window: Box::new([0; WINDOW_STRIDE * (MAX_SIZE + 8) + SLACK]),
            rows: Box::new([0; MAX_SIZE * (MAX_SIZE + 8)]),
            second: vec![0; MAX_SIZE * MAX_SIZE],
        }
    }

    /// Fills `out` with plane `component` of the prediction of `block` (docs/spec/avs2#c12.4).
    ///
    /// `references` are in the order of the reference indices. References that do not exist are passed over.
    pub(crate) fn predict(
        &mut self,
        references: &[Arc<StoredPicture>],
        block: &PredictionBlock,
        component: usize,
        mut out: Block<'_>,
    ) {
        let (first, second) = block.hypotheses();
        if let Some(first) = first {
            self.predict_hypothesis(references, block.rect, first, component, &mut out);
        }
        let (Some(first), Some(second)) = (first, second) else { return };
        if first == second {
            return;
        }
        let mut samples = std::mem::take(&mut self.second);
        let target = &mut Block { samples: &mut samples, stride: MAX_SIZE };
        self.predict_hypothesis(references, block.rect, second, component, target);
        let shift = usize::from(component > 0);
        average(&mut out, &samples, block.rect.width >> shift, block.rect.height >> shift);
        self.second = samples;
    }

    fn predict_hypothesis(
        &mut self,
        references: &[Arc<StoredPicture>],
        rect: Rect,
        hypothesis: Hypothesis,
        component: usize,
        out: &mut Block<'_>,
    ) {
        let Some(reference) = references.get(hypothesis.reference) else { return };
        let plane = reference.picture.plane(component);
        let Hypothesis { x: mx, y: my, .. } = hypothesis;
        if component == 0 {
            let target =
                Target { samples: out.samples, stride: out.stride, width: rect.width, height: rect.height };
            let x = Offset { whole: rect.x as i32 + (mx >> 2), fraction: (mx & 3) as usize };
            let y = Offset { whole: rect.y as i32 + (my >> 2), fraction: (my & 3) as usize };
            self.interpolate(plane, x, y, &LUMA, target);
        } else {
            let (width, height) = (rect.width / 2, rect.height / 2);
            let target = Target { samples: out.samples, stride: out.stride, width, height };
            let x = Offset { whole: rect.x as i32 / 2 + (mx >> 3), fraction: (mx & 7) as usize };
            let y = Offset { whole: rect.y as i32 / 2 + (my >> 3), fraction: (my & 7) as usize };
            self.interpolate(plane, x, y, &CHROMA, target);
        }
    }

    fn interpolate<const TAPS: usize>(
        &mut self,
        plane: &Plane,
        x: Offset,
        y: Offset,
        filters: &[[i8; TAPS]],
        mut target: Target<'_>,
    ) {
        let before = TAPS as i32 / 2 - 1;
        let taps = (&filters[x.fraction], &filters[y.fraction]);
        let fractional = (x.fraction != 0, y.fraction != 0);
        let margin = |fractional: bool| if fractional { (before, TAPS - 1) } else { (0, 0) };
        let ((left, more_x), (up, more_y)) = (margin(fractional.0), margin(fractional.1));
        let (x, y) = (x.whole - left, y.whole - up);
        let (width, height) = (target.width + more_x, target.height + more_y);
        let source = match inside(plane, x, y, width, height) {
            Some(source) => source,
            None => {
                copy_extended(plane, x, y, width, height, &mut self.window[..]);
                Source { samples: &self.window[..], stride: WINDOW_STRIDE }
            }
        };
        match fractional {
            (false, false) => {
                let rows = source.samples.chunks(source.stride);
                let out = target.samples.chunks_mut(target.stride);
                for (row, out) in rows.zip(out).take(target.height) {
                    out[..target.width].copy_from_slice(&row[..target.width]);
                }
            }
            (true, false) => self.kernels.filter_1d(source, 1, taps.0, &mut target),
            (false, true) => self.kernels.filter_1d(source, source.stride, taps.1, &mut target),
            (true, true) => self.kernels.filter_2d(source, taps, &mut self.rows, &mut target),
        }
    }
}

/// The samples from (x, y) on if the rectangle and what vectors read behind it lie in the plane's memory.
fn inside(plane: &Plane, x: i32, y: i32, width: usize, height: usize) -> Option<Source<'_>> {
    let (x, y) = (usize::try_from(x).ok()?, usize::try_from(y).ok()?);
    if x + width > plane.width || y + height > plane.height {
        return None;
    }
    let samples = &plane.data()[y * plane.stride + x..];
    let needed = (height - 1) * plane.stride + width + SLACK;
    (samples.len() >= needed).then_some(Source { samples, stride: plane.stride })
}

/// Copies a rectangle that may lie anywhere, with the border of the plane repeated.
fn copy_extended(plane: &Plane, x: i32, y: i32, width: usize, height: usize, window: &mut [u8]) {
    let last_column = plane.width as i32 - 1;
    let last_row = plane.height as i32 - 1;
    for (row, out) in window.chunks_mut(WINDOW_STRIDE).take(height).enumerate() {
        let source = plane.row(y.saturating_add(row as i32).clamp(0, last_row) as usize);
        let out = &mut out[..width];
        let first = x.clamp(0, last_column + 1);
        let end = x.saturating_add(width as i32).clamp(first, last_column + 1);
        let left = first.saturating_sub(x).clamp(0, width as i32) as usize;
        let (first, end) = (first as usize, end as usize);
        let right = left + (end - first);
        out[..left].fill(source[0]);
        out[left..right].copy_from_slice(&source[first..end]);
        out[right..].fill(source[plane.width - 1]);
    }
}

fn average(out: &mut Block<'_>, other: &[u8], width: usize, height: usize) {
    let rows = out.samples.chunks_mut(out.stride).zip(other.chunks(MAX_SIZE)).take(height);
    for (out, other) in rows {
        for (a, &b) in out[..width].iter_mut().zip(&other[..width]) {
            *a = ((u16::from(*a) + u16::from(b) + 1) >> 1) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::motion::{Motion, MotionVector};
    use super::*;
    use crate::{Picture, PictureType, SimdLevel};

    /// The plane of docs/spec/avs2#c17.
    fn plane(width: usize, height: usize) -> Plane {
        let sample = |x: usize, y: usize| ((13 * x + 29 * y + 7 * x * y) % 251) as u8;
        let data = (0..height).flat_map(|y| (0..width).map(move |x| sample(x, y))).collect();
        Plane { width, height, stride: width, data: Arc::new(data) }
    }

    fn references() -> [Arc<StoredPicture>; 1] {
        let picture = Picture {
            width: 16,
            height: 12,
            coding_order: 0,
            output_order: 0,
            picture_type: PictureType::I,
            qp: 0,
            planes: [plane(16, 12), plane(16, 12), plane(16, 12)],
        };
        [Arc::new(StoredPicture { picture, motion: None })]
    }

    fn predict(component: usize, x: i16, y: i16) -> Vec<u8> {
        let mut all = Vec::new();
        for simd in [SimdLevel::Auto, SimdLevel::Scalar] {
            let mut out = vec![0; 8];
            let rect = if component == 0 { Rect::new(4, 4, 4, 2) } else { Rect::new(8, 8, 8, 4) };
            let block = PredictionBlock {
                rect,
                motion: Motion::single(0, MotionVector::new(x, y)),
                multi_hypothesis: 0,
            };
            let target = Block { samples: &mut out, stride: 4 };
            let mut compensator = Compensator::new(Backend::detect(simd));
            compensator.predict(&references(), &block, component, target);
            all.push(out);
        }
        assert_eq!(all[0], all[1]);
        all.swap_remove(0)
    }

    #[test]
    fn worked_luma_predictions() {
        for (x, y, expected) in [
            (0, 0, [29, 70, 111, 152, 86, 134, 182, 230]),
            (1, 0, [11, 91, 121, 154, 113, 133, 213, 186]),
            (2, 0, [18, 102, 132, 161, 126, 142, 237, 129]),
            (3, 0, [41, 109, 142, 172, 135, 155, 246, 71]),
            (0, 1, [19, 89, 159, 202, 103, 165, 140, 193]),
            (0, 2, [30, 102, 190, 234, 115, 193, 88, 144]),
            (1, 1, [14, 115, 177, 185, 140, 148, 162, 159]),
            (2, 2, [52, 146, 236, 164, 185, 131, 118, 92]),
            (3, 1, [57, 147, 202, 157, 171, 129, 201, 54]),
            (-37, -26, [0, 0, 0, 0, 1, 1, 1, 1]),
        ] {
            assert_eq!(predict(0, x, y), expected, "({x}, {y})");
        }
    }

    #[test]
    fn worked_chroma_predictions() {
        for (x, y, expected) in [
            (1, 0, [20, 76, 117, 158, 94, 142, 190, 214]),
            (4, 0, [34, 91, 132, 173, 110, 158, 222, 129]),
            (0, 3, [31, 94, 149, 193, 107, 170, 122, 173]),
            (5, 6, [92, 159, 231, 115, 192, 93, 63, 81]),
            (7, 7, [116, 178, 241, 53, 209, 29, 61, 92]),
            (-3, 2, [77, 54, 120, 168, 65, 142, 150, 194]),
            (100, -60, [195; 8]),
        ] {
            assert_eq!(predict(1, x, y), expected, "({x}, {y})");
            assert_eq!(predict(2, x, y), expected, "({x}, {y})");
        }
    }

    #[test]
    fn whole_vectors_point_at_what_is_predicted() {
        let plane = plane(64, 40);
        let planes = [plane.clone(), plane.clone(), plane];
        let picture = Picture { width: 64, height: 40, planes, ..references()[0].picture.clone() };
        let references = [Arc::new(StoredPicture { picture, motion: None })];
        let rect = Rect::new(16, 8, 16, 8);
        for (x, y) in [(0, 0), (-64, -32), (12, 40), (128, 92)] {
            let vector = MotionVector::new(x, y);
            let source = pointed_at(&references[0], rect, vector).unwrap();
            let mut out = vec![0; 128];
            let block = PredictionBlock::new(rect, Motion::single(0, vector));
            let target = Block { samples: &mut out, stride: 16 };
            Compensator::new(Backend::SCALAR).predict(&references, &block, 0, target);
            for (row, predicted) in source.samples.chunks(source.stride).zip(out.chunks(16)) {
                assert_eq!(row[..16], *predicted, "({x}, {y})");
            }
        }
        // Beyond the border, and between samples.
        for (x, y) in [(-68, 0), (0, -36), (132, 0), (0, 100), (1, 0), (0, 2)] {
            assert!(pointed_at(&references[0], rect, MotionVector::new(x, y)).is_none(), "({x}, {y})");
        }
    }

    #[test]
    fn two_hypotheses_are_averaged() {
        let references = references();
        let zero = MotionVector::ZERO;
        let one = |vectors: [MotionVector; 2]| {
            let motion = Motion::dual([0, 0], vectors);
            let block = PredictionBlock { rect: Rect::new(4, 4, 8, 4), motion, multi_hypothesis: 0 };
            let mut out = vec![0; 32];
            let mut compensator = Compensator::new(Backend::detect(SimdLevel::Auto));
            compensator.predict(&references, &block, 0, Block { samples: &mut out, stride: 8 });
            out
        };
        let moved = MotionVector::new(5, -7);
        let (a, b, both) = (one([zero, zero]), one([moved, moved]), one([zero, moved]));
        for ((a, b), both) in a.iter().zip(b).zip(both) {
            assert_eq!(u16::from(both), (u16::from(*a) + u16::from(b)).div_ceil(2));
        }
    }

    #[test]
    fn every_position_equals_replication() {
        let references = references();
        let plane = references[0].picture.plane(0);
        let mut compensator = Compensator::new(Backend::detect(SimdLevel::Auto));
        for y in [-400_i16, -60, -8, -4, 0, 12, 20, 24, 44, 400] {
            for x in [-400_i16, -64, -16, -4, 0, 28, 36, 40, 60, 400] {
                let motion = Motion::single(0, MotionVector::new(x, y));
                let block = PredictionBlock { rect: Rect::new(8, 4, 8, 8), motion, multi_hypothesis: 0 };
                let mut out = vec![0; 64];
                compensator.predict(&references, &block, 0, Block { samples: &mut out, stride: 8 });
                for (i, &sample) in out.iter().enumerate() {
                    let column = (8 + i as i32 % 8 + i32::from(x) / 4).clamp(0, 15) as usize;
                    let row = (4 + i as i32 / 8 + i32::from(y) / 4).clamp(0, 11) as usize;
                    assert_eq!(sample, plane.row(row)[column], "({x}, {y}) sample {i}");
                }
            }
        }
    }
}
