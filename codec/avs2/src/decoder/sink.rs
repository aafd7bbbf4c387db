//! Where reconstructed rows go: to the loop filters, on this thread or on another.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use crate::Error;
use crate::filter::{FilterSetup, Geometry, LoopFilter, RowInfo, Stages};
use crate::picture::PlaneBuffer;

/// One row of largest coding units in work.
#[derive(Debug)]
pub(super) struct Band {
    /// The first row of each plane is the row above.
    pub planes: [PlaneBuffer; 3],
    pub info: RowInfo,
}

impl Band {
    pub fn new(geometry: &Geometry) -> Self {
        let planes = std::array::from_fn(|c| {
            let (width, _) = geometry.plane_size(c);
            PlaneBuffer::new(width, (1 << geometry.plane_lcu_log2(c)) + 1)
        });
        Self { planes, info: RowInfo::new(geometry) }
    }
}

/// Takes bands and gives used ones back.
#[derive(Debug)]
pub(super) enum RowSink {
    Serial { filter: Box<LoopFilter>, spare: Option<Band> },
    Threaded { bands: SyncSender<Band>, spares: Receiver<Band>, worker: JoinHandle<LoopFilter> },
}

/// Bands between the threads.
pub(super) const QUEUE: usize = 4;

const WORKER_LOST: Error = Error::Invalid { element: "filter thread", value: -1 };

impl RowSink {
    /// With `threads` above 1 the filters run on a second thread, if one can be had.
    pub fn new(setup: FilterSetup, threads: usize) -> Self {
        let filter = LoopFilter::new(setup.clone());
        if threads > 1 {
            let (bands, received) = sync_channel::<Band>(QUEUE);
            let (give_back, spares) = sync_channel::<Band>(QUEUE + 2);
            let mut filter = filter;
            let worker = std::thread::Builder::new().name("avs2-filter".into()).spawn(move || {
                for band in received {
                    filter.push_row(&band.planes, &band.info);
                    // Nobody takes it back at the end of the picture.
                    let _ = give_back.try_send(band);
                }
                filter
            });
            if let Ok(worker) = worker {
                return Self::Threaded { bands, spares, worker };
            }
            return Self::Serial { filter: Box::new(LoopFilter::new(setup)), spare: None };
        }
        Self::Serial { filter: Box::new(filter), spare: None }
    }

    /// Hands a complete band over.
    pub fn push(&mut self, band: Band) -> Result<(), Error> {
        match self {
            Self::Serial { filter, spare } => {
                filter.push_row(&band.planes, &band.info);
                *spare = Some(band);
                Ok(())
            }
            Self::Threaded { bands, .. } => bands.send(band).map_err(|_| WORKER_LOST),
        }
    }

    /// A used band, if there is one.
    pub fn spare(&mut self) -> Option<Band> {
        match self {
            Self::Serial { spare, .. } => spare.take(),
            Self::Threaded { spares, .. } => spares.try_recv().ok(),
        }
    }

    /// The filtered planes after the last band.
    pub fn finish(self) -> Result<([PlaneBuffer; 3], Option<Stages>), Error> {
        match self {
            Self::Serial { filter, .. } => Ok(filter.finish()),
            Self::Threaded { bands, worker, .. } => {
                drop(bands);
                worker.join().map(LoopFilter::finish).map_err(|_| WORKER_LOST)
            }
        }
    }
}
