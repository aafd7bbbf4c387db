//! Pictures on two threads: one reads, the other reconstructs, and whoever has time runs the loop filters.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use super::aside::Aside;
use super::lcu::Reconstructor;
use super::parsed::ParsedPart;
use super::picture::PictureContext;
use super::sink::LcuRow;
use crate::filter::{FilterSetup, LoopFilter, Stages};
use crate::picture::PlaneBuffer;
use crate::{CancelCheck, Error};

/// Reconstructed LCU rows that wait for filters.
pub(super) const QUEUE: usize = 4;

/// Parts between the threads: rows of inter pictures, which take more memory, or shorter ones. Many of them bridge the time
/// that a thread needs to start.
pub(super) fn parts_in_queue(is_intra: bool) -> usize {
    if is_intra { 16 } else { 4 }
}

const WORKER_LOST: Error = Error::Invalid { element: "thread of a picture", value: -1 };

/// Takes what was read.
#[derive(Debug)]
pub(super) struct Pipeline {
    parsed: SyncSender<Box<ParsedPart>>,
    spares: Receiver<Box<ParsedPart>>,
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
}

/// The thread that reconstructs.
struct Worker<'a> {
    shared: &'a Shared,
    context: &'a PictureContext,
    parts: &'a Receiver<Box<ParsedPart>>,
    spares: &'a SyncSender<Box<ParsedPart>>,
    reconstructor: Reconstructor,
    /// The last line of each plane of the row above.
    above: [Vec<u8>; 3],
    /// The row in work.
    row: Option<LcuRow>,
    /// Complete rows.
    rows: usize,
}

impl Worker<'_> {
    /// Reconstructs parts until no more come.
    fn run(mut self, setup: FilterSetup, aside: Option<Aside>) {
        if let Ok(mut filter) = self.shared.filter.lock() {
            *filter = Some(LoopFilter::new(setup));
        }
        if let Some(aside) = aside {
            aside.decode(&Meanwhile(RefCell::new(&mut self)));
        }
        while let Some(part) = self.next() {
            self.reconstruct(part);
        }
    }

    /// What comes next. While nothing has come yet, filters.
    fn next(&self) -> Option<Box<ParsedPart>> {
        loop {
            match self.parts.try_recv() {
                Ok(part) => return Some(part),
                Err(TryRecvError::Empty) if self.shared.filter_one() => {}
                Err(_) => return self.parts.recv().ok(),
            }
        }
    }

    fn reconstruct(&mut self, mut part: Box<ParsedPart>) {
        let mut row = self.row.take().unwrap_or_else(|| self.new_row());
        self.reconstructor.part(self.context, &mut part, &mut row);
        if part.ends_row {
            for (plane, above) in row.planes.iter().zip(&mut self.above) {
                above.clear();
                above.extend_from_slice(plane.row(plane.height() - 1));
            }
            if let Ok(mut reconstructed) = self.shared.reconstructed.lock() {
                reconstructed.push_back(row);
            }
            self.rows += 1;
        } else {
            self.row = Some(row);
        }
        // After the last row the reader does not take it, but learns from it that there is something to filter.
        let _ = self.spares.try_send(part);
        self.shared.catch_up();
    }

    fn new_row(&self) -> LcuRow {
        let spare = self.shared.spares.lock().ok().and_then(|mut spares| spares.pop());
        let mut row = spare.unwrap_or_else(|| LcuRow::new(&self.context.geometry));
        if self.context.header.is_intra() {
            row.info.clear();
        }
        for (plane, above) in row.planes.iter_mut().zip(&self.above) {
            if !above.is_empty() {
                plane.row_mut(0).copy_from_slice(above);
            }
        }
        row
    }
}

/// What a worker does between the rows of a picture that it decodes aside.
struct Meanwhile<'w, 'a>(RefCell<&'w mut Worker<'a>>);

impl CancelCheck for Meanwhile<'_, '_> {
    /// Reconstructs what has come; true if its picture will not become whole.
    fn is_cancelled(&self) -> bool {
        let mut worker = self.0.borrow_mut();
        loop {
            match worker.parts.try_recv() {
                Ok(part) => worker.reconstruct(part),
                Err(TryRecvError::Empty) => return false,
                Err(TryRecvError::Disconnected) => {
                    return worker.rows < worker.context.geometry.lcu_rows();
                }
            }
        }
    }
}

impl Pipeline {
    /// `None` if there is no thread to be had. The thread decodes `aside` where it would wait.
    pub fn new(context: Arc<PictureContext>, setup: FilterSetup, aside: Option<Aside>) -> Option<Self> {
        let queue = parts_in_queue(context.header.is_intra());
        let (parsed, received) = sync_channel::<Box<ParsedPart>>(queue);
        let (give_back, spares) = sync_channel::<Box<ParsedPart>>(queue + 2);
        let shared = Arc::new(Shared::default());
        let worker = {
            let shared = shared.clone();
            let work = move || {
                let worker = Worker {
                    shared: &shared,
                    context: &context,
                    parts: &received,
                    spares: &give_back,
                    reconstructor: Reconstructor::new(&context),
                    above: Default::default(),
                    row: None,
                    rows: 0,
                };
                worker.run(setup, aside);
            };
            std::thread::Builder::new().name("avs2-reconstruction".into()).spawn(work).ok()?
        };
        Some(Self { parsed, spares, shared, worker })
    }

    /// A used part, if there is one.
    pub fn spare(&self) -> Option<Box<ParsedPart>> {
        let mut part = self.spares.try_recv().ok()?;
        part.clear();
        Some(part)
    }

    /// Hands a complete part over. If the other thread is behind, filters meanwhile.
    pub fn push(&self, mut part: Box<ParsedPart>) -> Result<(), Error> {
        loop {
            match self.parsed.try_send(part) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Full(full)) if self.shared.filter_one() => part = full,
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
