//! Where reconstructed rows go: to the loop filters, on this thread or on another.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use crate::Error;
use crate::filter::{FilterSetup, Geometry, LoopFilter, RowInfo, Stages};
use crate::picture::PlaneBuffer;

/// One LCU row in work.
#[derive(Debug)]
pub(super) struct LcuRow {
    /// The first row of each plane is the row above.
    pub planes: [PlaneBuffer; 3],
    pub info: RowInfo,
}

impl LcuRow {
    pub fn new(geometry: &Geometry) -> Self {
        let planes = std::array::from_fn(|c| {
            let (width, _) = geometry.plane_size(c);
            PlaneBuffer::new(width, (1 << geometry.plane_lcu_log2(c)) + 1)
        });
        Self { planes, info: RowInfo::new(geometry) }
    }
}

/// Takes LCU rows and gives used ones back.
#[derive(Debug)]
pub(super) enum RowSink {
    Serial { filter: Box<LoopFilter>, spare: Option<LcuRow> },
    Threaded { lcu_rows: SyncSender<LcuRow>, spares: Receiver<LcuRow>, worker: JoinHandle<LoopFilter> },
}

/// LCU rows between the threads.
pub(super) const QUEUE: usize = 4;

pub(super) const WORKER_LOST: Error = Error::Invalid { element: "filter thread", value: -1 };

impl RowSink {
    /// With `threads` above 1 the filters run on a second thread, if one can be had.
    pub fn new(setup: FilterSetup, threads: usize) -> Self {
        let filter = LoopFilter::new(setup.clone());
        if threads > 1 {
            let (lcu_rows, received) = sync_channel::<LcuRow>(QUEUE);
            let (give_back, spares) = sync_channel::<LcuRow>(QUEUE + 2);
            let mut filter = filter;
            let worker = std::thread::Builder::new().name("avs2-filter".into()).spawn(move || {
                for lcu_row in received {
                    filter.push_row(&lcu_row.planes, &lcu_row.info);
                    // Nobody takes it back at the end of the picture.
                    let _ = give_back.try_send(lcu_row);
                }
                filter
            });
            if let Ok(worker) = worker {
                return Self::Threaded { lcu_rows, spares, worker };
            }
            return Self::Serial { filter: Box::new(LoopFilter::new(setup)), spare: None };
        }
        Self::Serial { filter: Box::new(filter), spare: None }
    }

    /// Hands a complete LCU row over.
    pub fn push(&mut self, lcu_row: LcuRow) -> Result<(), Error> {
        match self {
            Self::Serial { filter, spare } => {
                filter.push_row(&lcu_row.planes, &lcu_row.info);
                *spare = Some(lcu_row);
                Ok(())
            }
            Self::Threaded { lcu_rows, .. } => lcu_rows.send(lcu_row).map_err(|_| WORKER_LOST),
        }
    }

    /// A used LCU row, if there is one.
    pub fn spare(&mut self) -> Option<LcuRow> {
        match self {
            Self::Serial { spare, .. } => spare.take(),
            Self::Threaded { spares, .. } => spares.try_recv().ok(),
        }
    }

    /// The filtered planes after the last LCU row.
    pub fn finish(self) -> Result<([PlaneBuffer; 3], Option<Stages>), Error> {
        match self {
            Self::Serial { filter, .. } => Ok(filter.finish()),
            Self::Threaded { lcu_rows, worker, .. } => {
                drop(lcu_rows);
                worker.join().map(LoopFilter::finish).map_err(|_| WORKER_LOST)
            }
        }
    }
}
