//! Pictures on two threads: one reads, the other reconstructs, and whoever has time runs the loop filters.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use super::lcu::Reconstructor;
use super::parsed::ParsedRow;
use super::picture::PictureContext;
use super::sink::LcuRow;
use crate::Error;
use crate::filter::{FilterSetup, LoopFilter, Stages};
use crate::picture::PlaneBuffer;

/// LCU rows between the threads.
pub(super) const QUEUE: usize = 4;

const WORKER_LOST: Error = Error::Invalid { element: "thread of a picture", value: -1 };

/// Takes rows that were read.
#[derive(Debug)]
pub(super) struct Pipeline {
    parsed: SyncSender<Box<ParsedRow>>,
    spares: Receiver<Box<ParsedRow>>,
    shared: Arc<Shared>,
    worker: JoinHandle<()>,
}

/// What both threads work on.
#[derive(Debug, Default)]
struct Shared {
    /// Made by the worker, as it has nothing to do at the start.
    filter: Mutex<Option<LoopFilter>>,
    /// Rows to filter, from top to bottom.
    reconstructed: Mutex<VecDeque<LcuRow>>,
    spares: Mutex<Vec<LcuRow>>,
}

impl Shared {
    /// Filters a row if there is one, and nobody else filters.
    fn filter_one(&self) -> bool {
        let Ok(mut filter) = self.filter.try_lock() else { return false };
        self.filter_next(filter.as_mut())
    }

    /// Filters rows until no more than `QUEUE` are left.
    fn catch_up(&self) {
        while self.reconstructed.lock().is_ok_and(|rows| rows.len() > QUEUE) {
            let Ok(mut filter) = self.filter.lock() else { return };
            self.filter_next(filter.as_mut());
        }
    }

    fn filter_next(&self, filter: Option<&mut LoopFilter>) -> bool {
        let Some(filter) = filter else { return false };
        let Some(row) = self.reconstructed.lock().ok().and_then(|mut rows| rows.pop_front()) else {
            return false;
        };
        filter.push_row(&row.planes, &row.info);
        if let Ok(mut spares) = self.spares.lock() {
            spares.push(row);
        }
        true
    }

    /// Reconstructs rows until no more come.
    fn reconstruct(
        &self,
        context: &PictureContext,
        setup: FilterSetup,
        rows: &Receiver<Box<ParsedRow>>,
        spares: &SyncSender<Box<ParsedRow>>,
    ) {
        if let Ok(mut filter) = self.filter.lock() {
            *filter = Some(LoopFilter::new(setup));
        }
        let mut reconstructor = Reconstructor::new(context);
        // The last line of each plane of the row above.
        let mut above: [Vec<u8>; 3] = Default::default();
        loop {
            let mut parsed = match rows.try_recv() {
                Ok(parsed) => parsed,
                Err(TryRecvError::Empty) if self.filter_one() => continue,
                Err(_) => match rows.recv() {
                    Ok(parsed) => parsed,
                    Err(_) => return,
                },
            };
            let spare = self.spares.lock().ok().and_then(|mut spares| spares.pop());
            let mut row = spare.unwrap_or_else(|| LcuRow::new(&context.geometry));
            for (plane, above) in row.planes.iter_mut().zip(&above) {
                if !above.is_empty() {
                    plane.row_mut(0).copy_from_slice(above);
                }
            }
            reconstructor.row(context, &mut parsed, &mut row);
            for (plane, above) in row.planes.iter().zip(&mut above) {
                above.clear();
                above.extend_from_slice(plane.row(plane.height() - 1));
            }
            if let Ok(mut reconstructed) = self.reconstructed.lock() {
                reconstructed.push_back(row);
            }
            // After the last row the reader does not take it, but learns from it that there is something to filter.
            let _ = spares.try_send(parsed);
            self.catch_up();
        }
    }
}

impl Pipeline {
    /// `None` if there is no thread to be had.
    pub fn new(context: Arc<PictureContext>, setup: FilterSetup) -> Option<Self> {
        let (parsed, received) = sync_channel::<Box<ParsedRow>>(QUEUE);
        let (give_back, spares) = sync_channel::<Box<ParsedRow>>(QUEUE + 2);
        let shared = Arc::new(Shared::default());
        let worker = {
            let shared = shared.clone();
            std::thread::Builder::new()
                .name("avs2-reconstruction".into())
                .spawn(move || shared.reconstruct(&context, setup, &received, &give_back))
                .ok()?
        };
        Some(Self { parsed, spares, shared, worker })
    }

    /// A used row, if there is one.
    pub fn spare(&self) -> Option<Box<ParsedRow>> {
        let mut row = self.spares.try_recv().ok()?;
        row.clear();
        Some(row)
    }

    /// Hands a complete row over. If the other thread is behind, filters meanwhile.
    pub fn push(&self, mut row: Box<ParsedRow>) -> Result<(), Error> {
        loop {
            match self.parsed.try_send(row) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Full(full)) if self.shared.filter_one() => row = full,
                Err(TrySendError::Full(full)) => return self.parsed.send(full).map_err(|_| WORKER_LOST),
                Err(TrySendError::Disconnected(_)) => return Err(WORKER_LOST),
            }
        }
    }

    /// The filtered planes after the last row.
    pub fn finish(self) -> Result<([PlaneBuffer; 3], Option<Stages>), Error> {
        let Self { parsed, spares, shared, worker } = self;
        drop(parsed);
        loop {
            while shared.filter_one() {}
            if spares.recv().is_err() {
                break;
            }
        }
        worker.join().map_err(|_| WORKER_LOST)?;
        while shared.filter_one() {}
        let shared = Arc::into_inner(shared).ok_or(WORKER_LOST)?;
        let filter = shared.filter.into_inner().ok().flatten().ok_or(WORKER_LOST)?;
        Ok(filter.finish())
    }
}
