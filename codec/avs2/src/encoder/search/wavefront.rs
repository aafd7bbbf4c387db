//! LCU rows on several threads.
//!
//! A row may be searched up to one LCU behind the row above: intra prediction reads the samples above right, and motion
//! is derived from that of the blocks above right. Bit costs start from the context states after the second LCU of the
//! row above, and then follow the row; so do the vectors that a motion search starts from. So every decision depends on
//! the picture alone, not on the number of threads.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use crate::encoder::search::inter::{InterPicture, InterSearch};
use crate::encoder::search::row::{BottomEdge, Row};
use crate::encoder::search::{Picture, Search};
use crate::{CancelCheck, Error};

/// Told after each finished row: rows done and rows in all.
pub type Progress<'a> = &'a (dyn Fn(usize, usize) + Sync);

/// Ends of the channels of one row.
#[derive(Default)]
struct Links {
    above: Option<Receiver<BottomEdge>>,
    below: Option<Sender<BottomEdge>>,
}

/// Searches all rows, in inter pictures for motion too; a slice begins every `slice_rows` rows.
pub(in crate::encoder) fn search_rows(
    picture: &Picture<'_>,
    inter: Option<&InterPicture<'_>>,
    slice_rows: usize,
    threads: usize,
    cancel: &(dyn CancelCheck + Sync),
    progress: Progress<'_>,
) -> Result<Vec<Row>, Error> {
    let geometry = picture.geometry;
    let rows = geometry.height.div_ceil(1 << geometry.lcu_log2);
    let mut links: Vec<Links> = (0..rows).map(|_| Links::default()).collect();
    for row in 1..rows {
        if row % slice_rows != 0 {
            let (sender, receiver) = channel();
            links[row - 1].below = Some(sender);
            links[row].above = Some(receiver);
        }
    }
    let links: Vec<Mutex<Links>> = links.into_iter().map(Mutex::new).collect();
    let finished: Mutex<Vec<Option<Row>>> = Mutex::new((0..rows).map(|_| None).collect());
    let next = AtomicUsize::new(0);
    let done = AtomicUsize::new(0);
    let stopped = AtomicBool::new(false);
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= rows || stopped.load(Ordering::Relaxed) {
                return;
            }
            let links = links[index].lock().map(|mut links| std::mem::take(&mut *links)).unwrap_or_default();
            let row = if cancel.is_cancelled() { None } else { search_row(picture, inter, index, &links) };
            let Some(row) = row else {
                stopped.store(true, Ordering::Relaxed);
                return;
            };
            if let Ok(mut finished) = finished.lock() {
                finished[index] = Some(row);
            }
            progress(done.fetch_add(1, Ordering::Relaxed) + 1, rows);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.min(rows) {
            // Without a further thread the others do its work.
            let _ = std::thread::Builder::new().name("avs2-search".into()).spawn_scoped(scope, work);
        }
        work();
    });
    let rows = finished.into_inner().map_err(|_| Error::Cancelled)?;
    rows.into_iter().collect::<Option<Vec<Row>>>().ok_or(Error::Cancelled)
}

/// Searches one row; `None` if the row above was given up.
fn search_row<'a>(
    picture: &'a Picture<'a>,
    inter: Option<&'a InterPicture<'a>>,
    index: usize,
    links: &Links,
) -> Option<Row> {
    let geometry = picture.geometry;
    let columns = geometry.width.div_ceil(1 << geometry.lcu_log2);
    let row = Row::new(geometry, index, links.above.is_some(), picture.slice_tools.slice_qp);
    let rows = row.y..row.y + row.height;
    let mut search = Search::new(picture, row);
    search.inter =
        inter.map(|inter| Box::new(InterSearch::new(inter, picture.backend, geometry.width, rows)));
    let mut received = 0;
    for column in 0..columns {
        if let Some(above) = &links.above {
            while received < (column + 2).min(columns) {
                let edge = above.recv().ok()?;
                search.take_edge(received, edge);
                received += 1;
            }
        }
        search.search_lcu(column);
        if let Some(below) = &links.below {
            // The row below may have been given up.
            let _ = below.send(search.bottom_edge(column, column == 1.min(columns - 1)));
        }
    }
    Some(search.into_row())
}
