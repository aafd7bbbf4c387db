//! Where reconstructed rows go on a single thread: to the loop filters.

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
pub(super) struct RowSink {
    filter: LoopFilter,
    spare: Option<LcuRow>,
}

impl RowSink {
    pub fn new(setup: FilterSetup) -> Self {
        Self { filter: LoopFilter::new(setup), spare: None }
    }

    /// Takes a complete LCU row.
    pub fn push(&mut self, lcu_row: LcuRow) {
        self.filter.push_row(&lcu_row.planes, &lcu_row.info);
        self.spare = Some(lcu_row);
    }

    /// A used LCU row, if there is one.
    pub fn spare(&mut self) -> Option<LcuRow> {
        self.spare.take()
    }

    /// The filtered planes after the last LCU row.
    pub fn finish(self) -> ([PlaneBuffer; 3], Option<Stages>) {
        self.filter.finish()
    }
}
