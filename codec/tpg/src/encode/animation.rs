//! Animations: the first frame is an intra picture, every other one refers to the frame before.

use std::collections::VecDeque;

use avs2::encoder::{AnimationEncoder, EncodedFrame, Importance, LookAhead, PictureInput, Track};
use avs2::{CancelCheck, Picture};

use super::{EncodeOptions, OPAQUE, Progress, Source, alpha_planes, hidden, refused};
use crate::{Error, Frame, Mode, Writer};

/// Delays below 2 are shown for 1/10 s, as browsers do with GIF.
const SHORTEST_DELAY: u32 = 2;
const DEFAULT_DELAY: u32 = 10;
/// Longest delay of one picture chunk.
const LONGEST_STORED: u32 = u16::MAX as u32;

/// A frame that is not coded yet.
#[derive(Debug)]
struct Waiting {
    source: Source,
    delay: u32,
}

/// The pictures of a frame.
#[derive(Debug)]
struct Coded {
    colour: EncodedFrame,
    alpha: Option<EncodedFrame>,
}

/// Writes an animation frame by frame.
///
/// A frame is encoded once [`LOOK_AHEAD`](AnimationWriter::LOOK_AHEAD) more are known, as they say what is worth its
/// bits. Beside the coded data the planes of these frames and of the references are kept.
///
/// ```
/// use tpg::NeverCancel;
/// use tpg::encode::{AnimationWriter, ChromaFilter, EncodeOptions, PixelFormat, Pixels, Source};
///
/// let mut writer = AnimationWriter::new(40, 30, &EncodeOptions::default())?;
/// for red in [220, 120, 20] {
///     let pixels = [red, 30, 20].repeat(40 * 30);
///     let pixels = Pixels::new(&pixels, 40, 30, 40 * 3, PixelFormat::Rgb)?;
///     writer.push(Source::of_frame(&pixels, ChromaFilter::default()), 8, &NeverCancel, &|_, _| {})?;
/// }
/// assert!(writer.finish(&NeverCancel)?.starts_with(b"TPG AVS2B"));
/// # Ok::<(), tpg::Error>(())
/// ```
#[derive(Debug)]
pub struct AnimationWriter {
    size: (u32, u32),
    colour: AnimationEncoder,
    alpha: Option<AnimationEncoder>,
    writer: Writer,
    look_ahead: LookAhead,
    waiting: VecDeque<Waiting>,
    /// The last pictures.
    coded: Option<Coded>,
    encoded: usize,
}

impl AnimationWriter {
    /// Longest time to show a frame, in 1/100 s: 65535 s, the longest of an animated PNG.
    pub const MAX_DELAY: u32 = 6_553_500;

    /// Frames that wait until the one before them is encoded.
    pub const LOOK_AHEAD: usize = 9;

    /// An animation without frames. The QPs of frames go by that of `options`; `alpha_qp` is not used.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] names an option that is out of range; [`Error::InvalidSize`].
    pub fn new(width: u32, height: u32, options: &EncodeOptions) -> Result<Self, Error> {
        Self::in_mode(Mode::Animation, width, height, options)
    }

    /// As [`new`](Self::new), with an alpha picture for every frame, in which `alpha_qp` is used.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_alpha(width: u32, height: u32, options: &EncodeOptions) -> Result<Self, Error> {
        Self::in_mode(Mode::AnimationAlpha, width, height, options)
    }

    fn in_mode(mode: Mode, width: u32, height: u32, options: &EncodeOptions) -> Result<Self, Error> {
        options.check()?;
        let mut writer = Writer::new(mode, width, height)?;
        if let Some(exif) = &options.exif {
            writer.exif(exif)?;
        }
        let track = |picture, track| {
            AnimationEncoder::for_track(width as usize, height as usize, picture, track).map_err(refused)
        };
        let (colour, alpha) = match mode.has_alpha() {
            false => (track(&options.picture, Track::SINGLE)?, None),
            true => (
                track(&options.picture, Track::COLOUR)?,
                Some(track(&options.alpha_picture(), Track::ALPHA)?),
            ),
        };
        let look_ahead = LookAhead::new(options.picture.simd);
        Ok(Self {
            size: (width, height),
            colour,
            alpha,
            writer,
            look_ahead,
            waiting: VecDeque::new(),
            coded: None,
            encoded: 0,
        })
    }

    /// Adds a frame that is shown for `delay` 1/100 s, and encodes the one that has waited long enough, if any.
    ///
    /// Delays of 0 and 1 are stored as 10. A frame that equals the one before lengthens its delay instead, and a delay
    /// above 65535 is shared by copies of the frame. Frames without alpha are opaque.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] if the delay is above [`MAX_DELAY`](Self::MAX_DELAY), or the frame has another size
    /// than the animation, or alpha where the animation has none; [`Error::Cancelled`], after which the animation
    /// cannot go on.
    pub fn push(
        &mut self,
        source: Source,
        delay: u32,
        cancel: &(dyn CancelCheck + Sync),
        progress: Progress<'_>,
    ) -> Result<(), Error> {
        if source.has_alpha() && self.alpha.is_none() {
            return Err(Error::InvalidOption { option: "alpha of a frame of an animation", value: 1 });
        }
        for (option, value, wanted) in [
            ("width of a frame", source.width, self.size.0),
            ("height of a frame", source.height, self.size.1),
        ] {
            if value != wanted as usize {
                return Err(Error::InvalidOption { option, value: value as i64 });
            }
        }
        if delay > Self::MAX_DELAY {
            return Err(Error::InvalidOption { option: "delay", value: delay.into() });
        }
        if cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let delay = if delay < SHORTEST_DELAY { DEFAULT_DELAY } else { delay };
        if let Some(last) = self.waiting.back_mut()
            && last.source.looks_like(&source)
            && let Some(sum) = last.delay.checked_add(delay)
        {
            last.delay = sum;
            return Ok(());
        }
        let [y, cb, cr] = &source.planes;
        self.look_ahead.add(&input(&source, [y, cb, cr])?).map_err(refused)?;
        self.waiting.push_back(Waiting { source, delay });
        if self.waiting.len() > Self::LOOK_AHEAD {
            self.encode_next(cancel, progress)?;
        }
        Ok(())
    }

    /// Number of frames that wait; equal ones in a row are one.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Number of frames encoded; equal ones in a row are one.
    #[must_use]
    pub fn encoded(&self) -> usize {
        self.encoded
    }

    /// Encodes the first frame that waits, if any, when there are no more to add.
    ///
    /// # Errors
    /// [`Error::Cancelled`], after which the animation cannot go on.
    pub fn encode_next(
        &mut self,
        cancel: &(dyn CancelCheck + Sync),
        progress: Progress<'_>,
    ) -> Result<(), Error> {
        let Some(Waiting { source, mut delay }) = self.waiting.pop_front() else { return Ok(()) };
        let importance = self.look_ahead.take();
        let before = self.coded.take();
        let picture = before.as_ref().map(|coded| coded.picture());
        let mut coded = self.encode(&source, importance.as_ref(), picture, cancel, progress)?;
        loop {
            // What is left must not become too short to be shown as it is.
            let now = match delay - delay.min(LONGEST_STORED) {
                0 => delay,
                left if left < SHORTEST_DELAY => LONGEST_STORED - SHORTEST_DELAY,
                _ => LONGEST_STORED,
            };
            let alpha = coded.alpha.as_ref().map(|alpha| &alpha.data[..]);
            self.writer.frame(now as u16, &coded.colour.data, alpha)?;
            delay -= now;
            if delay == 0 {
                break;
            }
            coded = self.encode(&source, None, Some(coded.picture()), cancel, &|_, _| {})?;
        }
        self.coded = Some(coded);
        self.encoded += 1;
        Ok(())
    }

    fn encode(
        &mut self,
        source: &Source,
        importance: Option<&Importance>,
        before: Option<&Picture>,
        cancel: &(dyn CancelCheck + Sync),
        progress: Progress<'_>,
    ) -> Result<Coded, Error> {
        let (width, height) = (source.width, source.height);
        let tracks = if self.alpha.is_some() { 2 } else { 1 };
        let kept = match (before, &source.alpha) {
            (Some(before), Some(alpha)) => Some(hidden::keep(source, alpha, before)),
            _ => None,
        };
        let [y, cb, cr] = kept.as_ref().unwrap_or(&source.planes);
        let colour = self
            .colour
            .push_important(&input(source, [y, cb, cr])?, importance, cancel, &|done, rows| {
                progress(done, rows * tracks)
            })
            .map_err(refused)?;
        let alpha = match &mut self.alpha {
            None => None,
            Some(encoder) => {
                let opaque = source.alpha.is_none().then(|| vec![OPAQUE; width * height]);
                let alpha = source.alpha.as_ref().or(opaque.as_ref()).map_or(&[][..], Vec::as_slice);
                let (alpha, chroma) = alpha_planes(alpha, cb.len());
                let report = |done, rows| progress(rows + done, rows * tracks);
                Some(
                    encoder
                        .push(&input(source, [&alpha, &chroma, &chroma])?, cancel, &report)
                        .map_err(refused)?,
                )
            }
        };
        Ok(Coded { colour, alpha })
    }

    /// What a decoder makes of the frame that was encoded last; `None` before the first one. Its index and delay are 0.
    #[must_use]
    pub fn reconstruction(&self) -> Option<Frame> {
        let coded = self.coded.as_ref()?;
        let shown = self.size;
        let alpha = coded.alpha.as_ref().map(|alpha| alpha.reconstruction.clone());
        Frame::new(0, 0, shown, coded.colour.reconstruction.clone(), alpha, avs2::SimdLevel::Auto).ok()
    }

    /// The whole file. Frames that wait are encoded.
    ///
    /// # Errors
    /// If there is no frame; [`Error::Cancelled`].
    pub fn finish(mut self, cancel: &(dyn CancelCheck + Sync)) -> Result<Vec<u8>, Error> {
        while !self.waiting.is_empty() {
            self.encode_next(cancel, &|_, _| {})?;
        }
        self.writer.finish()
    }
}

impl Coded {
    /// The decoded colour picture.
    fn picture(&self) -> &Picture {
        &self.colour.reconstruction
    }
}

fn input<'a>(source: &Source, planes: [&'a [i16]; 3]) -> Result<PictureInput<'a>, Error> {
    PictureInput::in_sixteenths(source.width, source.height, planes).map_err(refused)
}
