//! Choice of the deblocking offsets (docs/spec/avs2#b9.5).

use crate::encoder::filters::FilterTask;
use crate::encoder::search::row::Row;
use crate::filter::{FilterSetup, LoopFilter};
use crate::headers::DeblockingParameters;
use crate::picture::PlaneBuffer;

/// Offsets of both thresholds that are tried; the first is the default and wins if none is better.
const OFFSETS: [i8; 4] = [0, -3, -5, -8];

/// Deblocks the reconstruction in `rows` with the offsets, among `tried`, that leave the least error.
pub(in crate::encoder) fn apply(
    task: &FilterTask<'_>,
    setup: &FilterSetup,
    tried: usize,
    rows: &[Row],
) -> (DeblockingParameters, [PlaneBuffer; 3]) {
    let deblocked = |offset: i8| {
        let parameters = DeblockingParameters { alpha_c_offset: offset, beta_offset: offset };
        let mut filter = LoopFilter::new(FilterSetup { deblocking: Some(parameters), ..setup.clone() });
        rows.iter().for_each(|row| filter.push_row(&row.planes, &row.info));
        (parameters, filter.finish().0)
    };
    let error = |planes: &[PlaneBuffer; 3]| -> f64 {
        let errors = planes.iter().zip(task.source).enumerate().map(|(c, (plane, source))| {
            let weight = if c == 0 { 1.0 } else { task.chroma_weight };
            weight * task.perception[usize::from(c > 0)].plane_error(setup.backend, source, plane)
        });
        errors.sum()
    };
    let mut best = deblocked(OFFSETS[0]);
    let mut least = if tried > 1 { error(&best.1) } else { 0.0 };
    for &offset in OFFSETS[1..].iter().take(tried.saturating_sub(1)) {
        let next = deblocked(offset);
        let next_error = error(&next.1);
        if next_error < least {
            (best, least) = (next, next_error);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoder::analysis::perception::{Perception, STILL_LUMA};
    use crate::encoder::input::SourcePlane;
    use crate::filter::{Geometry, edge};
    use crate::headers::AlfParameters;
    use crate::simd::Backend;

    #[test]
    fn offsets_follow_the_source() {
        let geometry = Geometry { width: 32, height: 32, lcu_log2: 5 };
        let mut row = Row::new(Geometry { width: 32, height: 32, lcu_log2: 5 }, 0, false, 36);
        for plane in &mut row.planes {
            for y in 0..plane.height() {
                for (x, sample) in plane.row_mut(y).iter_mut().enumerate() {
                    *sample = 100 + 20 * (x / 8) as u8;
                }
            }
        }
        row.info.qp.fill(36);
        (1..4).for_each(|bx| row.info.mark_vertical(bx, 0, 4, edge::LUMA | edge::CHROMA));
        let setup = FilterSetup {
            geometry,
            deblocking: None,
            chroma_qp_delta: [0; 2],
            sao: false,
            alf: AlfParameters::default(),
            cross_slice: true,
            backend: Backend::SCALAR,
            keep_stages: false,
        };
        let rows = [row];
        let perception = Perception::for_strength(STILL_LUMA, 0.0);
        let against = |source: &[SourcePlane; 3], tried: usize| {
            let task = FilterTask {
                geometry,
                source,
                perception: &perception,
                lambda: 1.0,
                chroma_weight: 1.0,
                backend: Backend::SCALAR,
                slice_rows: 1,
                threads: 1,
            };
            apply(&task, &setup, tried, &rows)
        };
        let empty = std::array::from_fn(|c| {
            SourcePlane::of(&PlaneBuffer::new(32 >> usize::from(c > 0), 32 >> usize::from(c > 0)))
        });
        let smooth = against(&empty, 1);
        assert_eq!(smooth.0, DeblockingParameters::default());
        let again = against(&smooth.1.each_ref().map(SourcePlane::of), 4);
        assert_eq!(again, smooth, "a smooth source keeps the default");
        let mut sharp = LoopFilter::new(setup.clone());
        rows.iter().for_each(|row| sharp.push_row(&row.planes, &row.info));
        let (parameters, planes) = against(&sharp.finish().0.each_ref().map(SourcePlane::of), 4);
        assert!(parameters.alpha_c_offset < 0, "a source with steps wants less: {parameters:?}");
        assert_ne!(planes[0].samples(), smooth.1[0].samples());
    }
}
