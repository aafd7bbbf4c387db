//! From pixels to files (docs/spec/tpg.md#t3, #t6, #t7 and #t10).
//!
//! Pixels are converted once ([`Source`]) and may then be encoded as often as a search for a size or a quality needs.
//!
//! ```
//! use tpg::NeverCancel;
//! use tpg::encode::{ChromaFilter, EncodeOptions, PixelFormat, Pixels, Source};
//!
//! let red = [220, 30, 20].repeat(40 * 30);
//! let pixels = Pixels::new(&red, 40, 30, 40 * 3, PixelFormat::Rgb)?;
//! let source = Source::new(&pixels, ChromaFilter::default());
//! let image = source.encode(&EncodeOptions::default(), &NeverCancel, &|_, _| {})?;
//! assert!(image.file.starts_with(b"TPG AVS2B"));
//! # Ok::<(), tpg::Error>(())
//! ```

mod animation;
mod chroma;
mod drawn;
mod hidden;
mod matrix;
mod pixels;
mod seen;
mod sharp;
mod transparent;

pub use animation::AnimationWriter;
pub use avs2::encoder::{EncoderOptions as PictureOptions, QP_PARTS, ToolSet};
pub use chroma::ChromaFilter;
pub use pixels::{PixelFormat, Pixels};
use seen::Shares;

use avs2::encoder::{BlockWeights, DrawnRegions, Encoded, PictureInput, encode_intra_picture};
use avs2::{CancelCheck, PlaneBuffer, SimdLevel};

use crate::colour::{self, ColourRange, Layout, PlaneRef, Planes};
use crate::{Error, Mode, Writer};

/// A whole sample as planes have it.
const fn sixteenths(sample: u8) -> i16 {
    (sample as i16) << 4
}

/// The first effort at which a trial tells where errors are seen, and the effort of that trial.
const TRIAL_FROM: u8 = 6;
const TRIAL_EFFORT: u8 = 3;

/// Chroma of grey, and of alpha pictures.
const GREY: u8 = 128;
const OPAQUE: u8 = 255;

/// Told after each finished row of largest coding units: rows done and rows in all, alpha included.
pub type Progress<'a> = &'a (dyn Fn(usize, usize) + Sync);

/// Options of [`Source::encode`].
#[derive(Debug, Clone, PartialEq)]
pub struct EncodeOptions {
    /// Options of the colour picture; the alpha picture shares the tools and the effort.
    pub picture: PictureOptions,
    /// QP of the alpha picture, 0..=63.
    pub alpha_qp: u8,
    /// EXIF block: a TIFF structure without the `Exif\0\0` in front.
    pub exif: Option<Vec<u8>>,
}

impl Default for EncodeOptions {
    fn default() -> Self {
        Self { picture: PictureOptions::default(), alpha_qp: 20, exif: None }
    }
}

impl EncodeOptions {
    fn check(&self) -> Result<(), Error> {
        let picture = &self.picture;
        for (option, value, greatest) in [
            ("qp", i64::from(picture.qp), 63),
            ("alpha_qp", self.alpha_qp.into(), 63),
            ("effort", picture.effort.into(), 9),
        ] {
            if value > greatest {
                return Err(Error::InvalidOption { option, value });
            }
        }
        Ok(())
    }

    /// Options of the alpha picture: values count there, not looks.
    fn alpha_picture(&self) -> PictureOptions {
        PictureOptions {
            qp: self.alpha_qp,
            qp_fraction: 0,
            perceptual: 0.0,
            chroma_qp_delta: None,
            coding_order: 1,
            ..self.picture.clone()
        }
    }
}

/// Converted planes of a picture.
#[derive(Debug, Clone)]
pub struct Source {
    width: usize,
    height: usize,
    /// Y, Cb, Cr in sixteenths: what rounding would leave out counts when errors are measured.
    planes: [Vec<i16>; 3],
    alpha: Option<Vec<u8>>,
    /// Of stills.
    drawn: Option<DrawnRegions>,
}

/// Where errors in a picture are seen.
#[derive(Debug, Clone, Copy, Default)]
struct Places<'a> {
    weights: Option<&'a BlockWeights>,
    drawn: Option<&'a DrawnRegions>,
}

impl Source {
    /// Converts the pixels of a still. Alpha that is 255 everywhere is left out; colour under fully transparent pixels
    /// is replaced by a smooth continuation of what is visible.
    #[must_use]
    pub fn new(pixels: &Pixels<'_>, filter: ChromaFilter) -> Self {
        Self::with_luma(pixels, filter, sharp::SmallChanges::InPart, drawn::find)
    }

    /// Converts the pixels of a frame of an animation. With [`ChromaFilter::Sharp`] luma makes up for small errors of
    /// luminance as it does for large ones, which animations gain from.
    #[must_use]
    pub fn of_frame(pixels: &Pixels<'_>, filter: ChromaFilter) -> Self {
        Self::with_luma(pixels, filter, sharp::SmallChanges::Whole, |_| None)
    }

    fn with_luma(
        pixels: &Pixels<'_>,
        filter: ChromaFilter,
        small: sharp::SmallChanges,
        drawn: impl Fn(&Pixels<'_>) -> Option<DrawnRegions>,
    ) -> Self {
        let (width, height) = (pixels.width(), pixels.height());
        let alpha = pixels.alpha().filter(|alpha| alpha.iter().any(|&value| value != OPAQUE));
        let filled = alpha.as_deref().and_then(|alpha| transparent::fill(pixels, alpha));
        let pixels = filled.as_ref().map_or(*pixels, transparent::Filled::pixels);
        let planes = if pixels.format().is_grey() {
            let chroma = vec![sixteenths(GREY); width.div_ceil(2) * height.div_ceil(2)];
            [matrix::luma(&pixels), chroma.clone(), chroma]
        } else {
            let [cb, cr] = chroma::planes(&pixels, filter);
            let luma = match filter {
                ChromaFilter::Sharp => sharp::luma(&pixels, [&cb, &cr], small),
                _ => matrix::luma(&pixels),
            };
            [luma, cb, cr]
        };
        Self { width, height, planes, alpha, drawn: drawn(&pixels) }
    }

    /// Width in pixels.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels.
    #[must_use]
    pub fn height(&self) -> usize {
        self.height
    }

    /// Whether an alpha picture will be written.
    #[must_use]
    pub fn has_alpha(&self) -> bool {
        self.alpha.is_some()
    }

    /// Whether it is the same picture, hidden colour apart.
    fn looks_like(&self, other: &Self) -> bool {
        (self.width, self.height) == (other.width, other.height)
            && self.alpha == other.alpha
            && self.planes == other.planes
    }

    /// Plane 0 is Y, 1 Cb, 2 Cr, in sixteenths of a sample step (0..=4080), rows without gaps; `None` for others.
    #[must_use]
    pub fn plane(&self, index: usize) -> Option<&[i16]> {
        self.planes.get(index).map(Vec::as_slice)
    }

    /// Encodes a still.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] names an option that is out of range; [`Error::Cancelled`].
    pub fn encode(
        &self,
        options: &EncodeOptions,
        cancel: &(dyn CancelCheck + Sync),
        progress: Progress<'_>,
    ) -> Result<EncodedImage, Error> {
        options.check()?;
        let pictures = if self.has_alpha() { 2 } else { 1 };
        let [y, cb, cr] = &self.planes;
        let weights = self.weights(&options.picture, cancel)?;
        let places = Places { weights: weights.as_ref(), drawn: self.drawn.as_ref() };
        let colour = self.picture([y, cb, cr], places, &options.picture, cancel, &|done, rows| {
            progress(done, rows * pictures)
        })?;
        let alpha = match &self.alpha {
            None => None,
            Some(alpha) => {
                let (alpha, chroma) = alpha_planes(alpha, cb.len());
                let planes = [&alpha, &chroma, &chroma];
                let report = |done, rows| progress(rows + done, rows * pictures);
                Some(self.picture(planes, Places::default(), &options.alpha_picture(), cancel, &report)?)
            }
        };
        self.file(options, colour, alpha)
    }

    /// Width and height of a plane.
    fn plane_size(&self, index: usize) -> (usize, usize) {
        if index == 0 { (self.width, self.height) } else { (self.width.div_ceil(2), self.height.div_ceil(2)) }
    }

    /// What errors in the colour picture weigh by place, learnt from a trial at the efforts that have one.
    fn weights(
        &self,
        options: &PictureOptions,
        cancel: &(dyn CancelCheck + Sync),
    ) -> Result<Option<BlockWeights>, Error> {
        if options.effort < TRIAL_FROM || options.perceptual == 0.0 {
            return Ok(None);
        }
        let trial = PictureOptions { effort: TRIAL_EFFORT, ..options.clone() };
        let planes = self.planes.each_ref();
        let places = Places { weights: None, drawn: self.drawn.as_ref() };
        let encoded = self.picture(planes, places, &trial, cancel, &|_, _| {})?;
        let mostly_drawn = self.drawn.as_ref().is_some_and(DrawnRegions::mostly);
        let shares = if mostly_drawn { Shares::DRAWN } else { Shares::PHOTOGRAPH };
        Ok(self.seen(&encoded.reconstruction, &shares, options.threads))
    }

    fn picture(
        &self,
        planes: [&Vec<i16>; 3],
        places: Places<'_>,
        options: &PictureOptions,
        cancel: &(dyn CancelCheck + Sync),
        progress: Progress<'_>,
    ) -> Result<Encoded, Error> {
        let input = PictureInput::in_sixteenths(self.width, self.height, planes.map(Vec::as_slice));
        let weighted = |input: PictureInput<'_>| {
            let input = places.weights.map_or(input, |weights| input.with_weights(weights));
            let input = places.drawn.map_or(input, |drawn| input.with_drawn_regions(drawn));
            encode_intra_picture(&input, options, cancel, progress)
        };
        input.and_then(weighted).map_err(refused)
    }

    fn file(
        &self,
        options: &EncodeOptions,
        colour: Encoded,
        alpha: Option<Encoded>,
    ) -> Result<EncodedImage, Error> {
        let mode = if alpha.is_some() { Mode::StillAlpha } else { Mode::Still };
        let mut writer = Writer::new(mode, self.width as u32, self.height as u32)?;
        if let Some(exif) = &options.exif {
            writer.exif(exif)?;
        }
        let first = [colour.sequence_header, colour.picture].concat();
        writer.frame(0, &first, alpha.as_ref().map(|alpha| &alpha.picture[..]))?;
        let [y, cb, cr] = colour.reconstruction;
        let alpha = alpha.map(|alpha| {
            let [alpha, ..] = alpha.reconstruction;
            alpha
        });
        Ok(EncodedImage {
            file: writer.finish()?,
            width: self.width,
            height: self.height,
            planes: [y, cb, cr],
            alpha,
        })
    }
}

/// Luma and chroma of an alpha picture.
fn alpha_planes(alpha: &[u8], chroma: usize) -> (Vec<i16>, Vec<i16>) {
    (alpha.iter().map(|&alpha| sixteenths(alpha)).collect(), vec![sixteenths(GREY); chroma])
}

/// Errors of the encoder concern the options; the pixels were checked before.
fn refused(error: avs2::Error) -> Error {
    match error {
        avs2::Error::Invalid { element, value } => {
            Error::InvalidOption { option: element.strip_prefix("option ").unwrap_or(element), value }
        }
        avs2::Error::ChromaQp { .. } => Error::ChromaQp(error),
        error => Error::from_stream(0, error),
    }
}

/// A file and what a decoder makes of it.
#[derive(Debug, Clone)]
pub struct EncodedImage {
    /// The TPG file.
    pub file: Vec<u8>,
    width: usize,
    height: usize,
    planes: [PlaneBuffer; 3],
    alpha: Option<PlaneBuffer>,
}

impl EncodedImage {
    /// Decoded plane in the size to show: 0 Y, 1 Cb, 2 Cr, 3 alpha; `None` if there is no such plane.
    #[must_use]
    pub fn plane(&self, index: usize) -> Option<PlaneRef<'_>> {
        let plane = if index == 3 { self.alpha.as_ref()? } else { self.planes.get(index)? };
        let chroma = index == 1 || index == 2;
        let shown = |side: usize| if chroma { side.div_ceil(2) } else { side };
        Some(PlaneRef {
            data: plane.samples(),
            stride: plane.stride(),
            width: shown(self.width),
            height: shown(self.height),
        })
    }

    /// Bytes that [`write_rgb`](Self::write_rgb) fills.
    #[must_use]
    pub fn rgb_bytes(&self) -> usize {
        self.width * self.height * 3
    }

    /// Writes decoded rows of R, G, B without padding, as [`Frame::write_rgb`](crate::Frame::write_rgb) does.
    ///
    /// # Errors
    /// If `out` has not [`rgb_bytes`](Self::rgb_bytes) bytes.
    pub fn write_rgb(&self, out: &mut [u8]) -> Result<(), Error> {
        let [y, cb, cr] = [0, 1, 2].map(|index| self.plane(index));
        let (Some(y), Some(cb), Some(cr)) = (y, cb, cr) else { return Ok(()) };
        let planes = Planes { colour: [y, cb, cr], alpha: None, range: ColourRange::Limited };
        colour::convert(&planes, Layout::Rgb, SimdLevel::Auto, out)
    }
}
