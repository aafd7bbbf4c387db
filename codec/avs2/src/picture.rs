//! Decoded pictures.

use std::sync::Arc;

/// How a picture was coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PictureType {
    /// Intra.
    I,
    /// Forward prediction, one hypothesis.
    P,
    /// Bidirectional prediction.
    B,
    /// Forward prediction, up to two hypotheses.
    F,
    /// Intra background picture that is shown.
    G,
    /// Intra background picture that is not shown.
    Gb,
    /// Predicted from the background picture.
    S,
}

/// One colour component of a picture in coded size, 8 bits per sample.
#[derive(Debug, Clone)]
pub struct Plane {
    /// Samples per row.
    pub width: usize,
    /// Number of rows.
    pub height: usize,
    /// Distance between two rows in samples.
    pub stride: usize,
    pub(crate) data: Arc<Vec<u8>>,
}

impl Plane {
    /// The samples of row `y`, `width` of them.
    ///
    /// # Panics
    /// If `y` is not below `height`.
    #[must_use]
    pub fn row(&self, y: usize) -> &[u8] {
        assert!(y < self.height, "row {y} of a plane with {} rows", self.height);
        &self.data[y * self.stride..][..self.width]
    }

    /// All samples; row `y` begins at `y * stride`.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        &self.data
    }
}

/// A decoded picture, 4:2:0.
///
/// The planes have the coded size (multiples of 8 for luma); the picture to show is their top left `width` x `height`,
/// in chroma half of it rounded up.
#[derive(Debug, Clone)]
pub struct Picture {
    /// Width to show, in luma samples.
    pub width: u32,
    /// Height to show, in luma samples.
    pub height: u32,
    /// Position in coding order (modulo 256 undone).
    pub coding_order: u32,
    /// Position in output order.
    pub output_order: i64,
    /// How the picture was coded.
    pub picture_type: PictureType,
    /// QP of the picture, 0..=63.
    pub qp: u8,
    pub(crate) planes: [Plane; 3],
}

impl Picture {
    /// Plane 0 is Y, 1 Cb, 2 Cr.
    ///
    /// # Panics
    /// If `index` is above 2.
    #[must_use]
    pub fn plane(&self, index: usize) -> &Plane {
        &self.planes[index]
    }

    /// Width and height of plane `index` to show.
    #[must_use]
    pub fn shown_size(&self, index: usize) -> (usize, usize) {
        let (width, height) = (self.width as usize, self.height as usize);
        if index == 0 { (width, height) } else { (width.div_ceil(2), height.div_ceil(2)) }
    }

    /// An intra picture all of whose samples are `value`.
    pub(crate) fn filled(width: u32, height: u32, value: u8) -> Self {
        let planes = coded_sizes(width, height).map(|(width, height)| {
            let mut plane = PlaneBuffer::new(width, height);
            plane.samples_mut().fill(value);
            plane.into()
        });
        let picture_type = PictureType::I;
        Self { width, height, coding_order: 0, output_order: 0, picture_type, qp: 0, planes }
    }

    /// Bytes of its planes.
    pub(crate) fn memory(width: u32, height: u32) -> usize {
        coded_sizes(width, height).map(|(width, height)| PlaneBuffer::memory(width, height)).iter().sum()
    }
}

/// Width and height of the planes of a picture.
fn coded_sizes(width: u32, height: u32) -> [(usize, usize); 3] {
    let [width, height] = [width, height].map(|side| (side as usize).next_multiple_of(8));
    let chroma = (width / 2, height / 2);
    [(width, height), chroma, chroma]
}

/// Samples that may be overwritten behind each row.
const ROW_SLACK: usize = 32;
/// Samples that may be read behind the last row.
const END_SLACK: usize = 64;

/// Samples of one component while they are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaneBuffer {
    data: Vec<u8>,
    width: usize,
    height: usize,
    stride: usize,
}

impl PlaneBuffer {
    /// Odd multiples of 64 keep rows apart in the cache; whole vectors may be stored behind a row's last sample.
    fn stride_of(width: usize) -> usize {
        (width + ROW_SLACK).next_multiple_of(64) | 64
    }

    /// Bytes that a plane takes.
    #[must_use]
    pub fn memory(width: usize, height: usize) -> usize {
        Self::stride_of(width) * height + END_SLACK
    }

    /// A plane of zeros.
    #[must_use]
    pub fn new(width: usize, height: usize) -> Self {
        let stride = Self::stride_of(width);
        Self { data: vec![0; Self::memory(width, height)], width, height, stride }
    }

    /// Samples per row.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Number of rows.
    #[must_use]
    pub fn height(&self) -> usize {
        self.height
    }

    /// Distance of rows.
    #[must_use]
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// Index of a sample.
    #[inline]
    #[must_use]
    pub fn index(&self, x: usize, y: usize) -> usize {
        y * self.stride + x
    }

    /// All samples.
    #[must_use]
    pub fn samples(&self) -> &[u8] {
        &self.data
    }

    /// All samples.
    #[must_use]
    pub fn samples_mut(&mut self) -> &mut [u8] {
        &mut self.data
    }

    /// The samples of row `y`.
    #[must_use]
    pub fn row(&self, y: usize) -> &[u8] {
        &self.data[y * self.stride..][..self.width]
    }

    /// The samples of row `y`.
    #[must_use]
    pub fn row_mut(&mut self, y: usize) -> &mut [u8] {
        &mut self.data[y * self.stride..][..self.width]
    }
}

impl From<PlaneBuffer> for Plane {
    fn from(buffer: PlaneBuffer) -> Self {
        let PlaneBuffer { data, width, height, stride } = buffer;
        Self { width, height, stride, data: Arc::new(data) }
    }
}
