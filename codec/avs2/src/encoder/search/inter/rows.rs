//! Rows of inter pictures, one after the other: motion refers to that of the row above.

use super::{InterEffort, InterSearch};
use crate::encoder::Progress;
use crate::encoder::search::row::Row;
use crate::encoder::search::{Picture, Search};
use crate::inter::{InterTools, MotionContext, MotionField, PictureOrder};
use crate::{CancelCheck, Error};

/// Searches all rows; they, and the motion of the picture.
pub(in crate::encoder) fn search_inter_rows(
    picture: &Picture<'_>,
    tools: InterTools,
    effort: InterEffort,
    order: &PictureOrder,
    cancel: &(dyn CancelCheck + Sync),
    progress: Progress<'_>,
) -> Result<(Vec<Row>, MotionField), Error> {
    let geometry = picture.geometry;
    let (columns, count) = (geometry.lcu_columns(), geometry.lcu_rows());
    let collocated = order.references.first().and_then(|reference| reference.motion.as_ref());
    let context = MotionContext { tools, distances: order.distances, collocated };
    let mut field = MotionField::default();
    field.reset(geometry.width, geometry.height);
    let mut inter =
        Some(Box::new(InterSearch::new(context, &order.references, field, effort, picture.backend)));
    let mut rows: Vec<Row> = Vec::with_capacity(count);
    let mut contexts = None;
    for index in 0..count {
        if cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let mut row = Row::new(geometry, index, index > 0, picture.slice_tools.slice_qp);
        if let Some(above) = rows.last() {
            for column in 0..columns {
                row.take_edge(column, &above.bottom_edge(column, None));
            }
        }
        let mut search = Search::new(picture, row);
        search.inter = inter.take();
        if let Some(contexts) = contexts.take() {
            search.start_with(contexts);
        }
        for column in 0..columns {
            search.search_lcu(column);
        }
        contexts = Some(search.contexts.clone());
        inter = search.inter.take();
        rows.push(search.row);
        progress(index + 1, count);
    }
    let field = inter.map(|inter| inter.field).unwrap_or_default();
    Ok((rows, field))
}
