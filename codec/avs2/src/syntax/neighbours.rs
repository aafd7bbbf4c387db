//! What coding units need from those to the left and above.

/// State of the units to the left of and above the position that is coded next.
///
/// Entries stand for 4 luma samples. Neighbours that are not available (outside the picture or the slice) read as
/// the value the standard infers: DC mode, no coefficients, the QP of the slice.
#[derive(Debug, Clone)]
pub struct Neighbours {
    above: Vec<Entry>,
    left: [Entry; 16],
    /// `PrevDeltaQP` is not 0 (29).
    pub qp_delta_before: bool,
    slice_qp: u8,
}

/// A row or column of a coding unit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub luma_mode: u8,
    pub coded: bool,
    pub chroma_mode_set: bool,
    pub qp: u8,
}

impl Neighbours {
    /// For pictures whose coded width is `width` luma samples, at the start of a slice.
    #[must_use]
    pub fn new(width: usize, slice_qp: u8) -> Self {
        let entry = Entry { luma_mode: 0, coded: false, chroma_mode_set: false, qp: slice_qp };
        Self { above: vec![entry; width.div_ceil(4)], left: [entry; 16], qp_delta_before: false, slice_qp }
    }

    /// Call it at the start of a slice.
    pub fn start_slice(&mut self, slice_qp: u8) {
        self.slice_qp = slice_qp;
        self.qp_delta_before = false;
        self.above.fill(Entry { luma_mode: 0, coded: false, chroma_mode_set: false, qp: slice_qp });
        self.start_row();
    }

    /// Call it at the start of a row of largest coding units.
    pub fn start_row(&mut self) {
        let qp = self.slice_qp;
        self.left = [Entry { luma_mode: 0, coded: false, chroma_mode_set: false, qp }; 16];
    }

    /// QP of the unit to the left (24).
    #[must_use]
    pub fn left_qp(&self, y: usize) -> u8 {
        self.left(y).qp
    }

    /// Intra luma modes to the left of and above a block (docs/spec/avs2#b2.2).
    #[must_use]
    pub fn luma_modes(&self, x: usize, y: usize) -> (u8, u8) {
        (self.left(y).luma_mode, self.above[x / 4].luma_mode)
    }

    #[inline]
    pub(super) fn left(&self, y: usize) -> &Entry {
        &self.left[y / 4 % 16]
    }

    #[inline]
    pub(super) fn above(&self, x: usize) -> &Entry {
        &self.above[x / 4]
    }

    /// Changes the entries along the right and bottom side of a block.
    #[inline]
    pub(super) fn update(&mut self, (x, y): (usize, usize), (w, h): (usize, usize), f: impl Fn(&mut Entry)) {
        let top = y / 4 % 16;
        self.left[top..top + h / 4].iter_mut().for_each(&f);
        self.above[x / 4..(x + w) / 4].iter_mut().for_each(&f);
    }

    /// Leaves an inter unit's modes: DC for luma, and a chroma mode that counts as set.
    pub(crate) fn update_inter(&mut self, at: (usize, usize), size: usize) {
        self.update(at, (size, size), |entry| (entry.luma_mode, entry.chroma_mode_set) = (0, true));
    }

    /// Leaves the `ctp` bit of a luma block.
    pub(crate) fn update_coded(&mut self, at: (usize, usize), size: (usize, usize), coded: bool) {
        self.update(at, size, |entry| entry.coded = coded);
    }

    /// Leaves the QP of a unit.
    pub(crate) fn update_qp(&mut self, at: (usize, usize), size: usize, qp: u8) {
        self.update(at, (size, size), |entry| entry.qp = qp);
    }
}
