//! From 4:2:0 to RGB: BT.601 matrix, with the integers of Tencent's decoder (docs/spec/tpg.md#t13).
//!
//! Chroma samples sit in the centre of each 2 x 2 block. They are brought to full size with the bilinear filter for
//! that position, weights 9, 3, 3 and 1 sixteenths, edges repeated, and rounded; then comes the matrix, and each
//! component is rounded again.

mod row;
#[cfg(target_arch = "x86_64")]
mod simd;

use std::sync::Mutex;

use avs2::SimdLevel;

use crate::Error;

/// Samples of one plane.
#[derive(Debug, Clone, Copy)]
pub struct PlaneRef<'a> {
    /// Rows of `stride` samples.
    pub data: &'a [u8],
    /// Distance between two rows in samples.
    pub stride: usize,
    /// Samples per row.
    pub width: usize,
    /// Number of rows.
    pub height: usize,
}

impl<'a> PlaneRef<'a> {
    /// The samples of row `y`; empty if the plane has no such row.
    #[must_use]
    pub fn row(&self, y: usize) -> &'a [u8] {
        if y >= self.height {
            return &[];
        }
        self.data.get(y * self.stride..).and_then(|rest| rest.get(..self.width)).unwrap_or_default()
    }

    /// Copies all rows without padding.
    ///
    /// # Errors
    /// If `out` has not `width` x `height` bytes.
    pub fn write(&self, out: &mut [u8]) -> Result<(), Error> {
        check_size(out, self.width * self.height)?;
        for (y, row) in out.chunks_exact_mut(self.width.max(1)).enumerate() {
            row.copy_from_slice(self.row(y));
        }
        Ok(())
    }

    fn is_whole(&self) -> bool {
        self.height == 0 || self.stride * (self.height - 1) + self.width <= self.data.len()
    }
}

/// Order of the bytes of a pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Layout {
    /// R, G, B.
    Rgb,
    /// R, G, B, A.
    Rgba,
}

impl Layout {
    /// Bytes of a pixel.
    #[must_use]
    pub fn bytes(self) -> usize {
        match self {
            Self::Rgb => 3,
            Self::Rgba => 4,
        }
    }
}

/// Values that colour samples have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ColourRange {
    /// Luma 16 to 235, chroma 16 to 240.
    #[default]
    Limited,
    /// 0 to 255, as in JPEG.
    Full,
}

/// What pixels are made of.
#[derive(Debug, Clone, Copy)]
pub struct Planes<'a> {
    /// Y, Cb and Cr; chroma planes have half the size of luma, rounded up.
    pub colour: [PlaneRef<'a>; 3],
    /// 0 transparent to 255 opaque, in the size of luma.
    pub alpha: Option<PlaneRef<'a>>,
    /// Range of the colour samples.
    pub range: ColourRange,
}

/// Lines that one thread converts at a time.
const BAND: usize = 64;
/// Pixels for which another thread is worth its start.
const PIXELS_PER_THREAD: usize = 1 << 18;

/// Converts planes to pixels; A is 255 where there is no alpha plane.
///
/// # Errors
/// If a plane or `out` has not the size that luma asks for.
pub fn convert(source: &Planes<'_>, layout: Layout, simd: SimdLevel, out: &mut [u8]) -> Result<(), Error> {
    convert_by_threads(source, layout, simd, 1, out)
}

/// [`convert`] by up to so many threads; the result does not depend on how many.
///
/// # Errors
/// Those of [`convert`].
pub fn convert_by_threads(
    source: &Planes<'_>,
    layout: Layout,
    simd: SimdLevel,
    threads: usize,
    out: &mut [u8],
) -> Result<(), Error> {
    let (width, height) = check_planes(source)?;
    check_size(out, width * height * layout.bytes())?;
    if width == 0 {
        return Ok(());
    }
    let threads = threads.min(width * height / PIXELS_PER_THREAD);
    if threads <= 1 {
        convert_lines(source, layout, simd, 0, out);
        return Ok(());
    }
    let bands = Mutex::new(out.chunks_mut(BAND * width * layout.bytes()).enumerate());
    // Whoever is there takes the next band, so it does not matter how many threads can be had.
    let take = || bands.lock().ok().and_then(|mut bands| bands.next());
    let work = || {
        while let Some((number, band)) = take() {
            convert_lines(source, layout, simd, number * BAND, band);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            let _ = std::thread::Builder::new().name("tpg-colour".into()).spawn_scoped(scope, work);
        }
        work();
    });
    Ok(())
}

/// Width and height of luma, if all planes fit.
fn check_planes(source: &Planes<'_>) -> Result<(usize, usize), Error> {
    let [y, cb, cr] = source.colour;
    let (width, height) = (y.width, y.height);
    let chroma = (width.div_ceil(2), height.div_ceil(2));
    let fits = (cb.width, cb.height) == chroma
        && (cr.width, cr.height) == chroma
        && source.alpha.is_none_or(|plane| (plane.width, plane.height) == (width, height))
        && source.colour.iter().chain(source.alpha.as_ref()).all(PlaneRef::is_whole);
    if fits {
        return Ok((width, height));
    }
    Err(Error::SizeMismatch {
        shown: (width as u32, height as u32),
        coded: (cb.width as u32 * 2, cb.height as u32 * 2),
    })
}

/// Converts lines from `first` on, as many as `out` holds.
fn convert_lines(source: &Planes<'_>, layout: Layout, simd: SimdLevel, first: usize, out: &mut [u8]) {
    let Planes { colour: [y, cb, cr], alpha, range } = *source;
    let convert_row = row_function(simd);
    let mut scratch = row::Scratch::new(y.width);
    for (line, out) in (first..).zip(out.chunks_exact_mut(y.width * layout.bytes())) {
        let near = line / 2;
        // The other chroma row that has weight: the one above for even lines, the one below for odd lines.
        let far = if line % 2 == 0 { near.saturating_sub(1) } else { (near + 1).min(cb.height - 1) };
        let source = row::Source {
            y: y.row(line),
            cb: [cb.row(near), cb.row(far)],
            cr: [cr.row(near), cr.row(far)],
            alpha: alpha.map(|plane| plane.row(line)),
            range,
        };
        convert_row(&source, &mut scratch, layout, out);
    }
}

type RowFunction = fn(&row::Source<'_>, &mut row::Scratch, Layout, &mut [u8]);

/// The portable function is compiled with the vectors that all processors of a kind have: NEON, or SIMD128 where a module
/// is built with it. Only on x86 is there a choice.
fn row_function(simd: SimdLevel) -> RowFunction {
    #[cfg(target_arch = "x86_64")]
    if simd != SimdLevel::Scalar
        && let Some(function) = simd::convert_row()
    {
        return function;
    }
    let _ = simd;
    row::convert_row
}

fn check_size(out: &[u8], needed: usize) -> Result<(), Error> {
    if out.len() == needed {
        return Ok(());
    }
    Err(Error::InvalidBuffer { given: out.len(), needed })
}
