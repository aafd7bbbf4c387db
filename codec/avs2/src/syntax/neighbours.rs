//! What CUs need from those to the left and above.

/// What later CUs need of a row or column of a CU, or of a 4x4 block in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub luma_mode: u8,
    pub coded: bool,
    pub chroma_mode_set: bool,
    pub qp: u8,
}

impl Entry {
    /// What the standard infers outside of the picture and the slice: DC mode, no coefficients, the QP of the slice.
    pub fn outside(slice_qp: u8) -> Self {
        Self { luma_mode: 0, coded: false, chroma_mode_set: false, qp: slice_qp }
    }
}

/// The CUs around the one that is coded next, as the syntax sees them. Positions are luma samples of the picture.
pub(crate) trait NeighbourView {
    /// The entry to the left of a position.
    fn left(&self, x: usize, y: usize) -> Entry;

    /// The entry above a position.
    fn above(&self, x: usize, y: usize) -> Entry;

    /// Changes what a block leaves to later ones.
    fn update(&mut self, at: (usize, usize), size: (usize, usize), change: impl Fn(&mut Entry));

    /// `PrevDeltaQP` is not 0 (29).
    fn qp_delta_before(&mut self) -> &mut bool;

    /// Intra luma modes to the left of and above a block (docs/spec/avs2#b2.2).
    fn luma_modes(&self, (x, y): (usize, usize)) -> (u8, u8) {
        (self.left(x, y).luma_mode, self.above(x, y).luma_mode)
    }
}

/// The lines of entries that a reader or writer of whole slices keeps.
#[derive(Debug, Clone)]
pub(crate) struct Neighbours {
    above: Vec<Entry>,
    left: [Entry; 16],
    qp_delta_before: bool,
    slice_qp: u8,
}

impl Neighbours {
    /// For pictures whose coded width is `width` luma samples, at the start of a slice.
    pub fn new(width: usize, slice_qp: u8) -> Self {
        let entry = Entry::outside(slice_qp);
        Self { above: vec![entry; width.div_ceil(4)], left: [entry; 16], qp_delta_before: false, slice_qp }
    }

    /// Call it at the start of a slice.
    pub fn start_slice(&mut self, slice_qp: u8) {
        self.slice_qp = slice_qp;
        self.qp_delta_before = false;
        self.above.fill(Entry::outside(slice_qp));
        self.start_row();
    }

    /// Call it at the start of an LCU row.
    pub fn start_row(&mut self) {
        self.left = [Entry::outside(self.slice_qp); 16];
    }
}

impl NeighbourView for Neighbours {
    #[inline]
    fn left(&self, _x: usize, y: usize) -> Entry {
        self.left[y / 4 % 16]
    }

    #[inline]
    fn above(&self, x: usize, _y: usize) -> Entry {
        self.above[x / 4]
    }

    #[inline]
    fn update(&mut self, (x, y): (usize, usize), (w, h): (usize, usize), change: impl Fn(&mut Entry)) {
        let top = y / 4 % 16;
        self.left[top..top + h / 4].iter_mut().for_each(&change);
        self.above[x / 4..(x + w) / 4].iter_mut().for_each(&change);
    }

    fn qp_delta_before(&mut self) -> &mut bool {
        &mut self.qp_delta_before
    }
}
