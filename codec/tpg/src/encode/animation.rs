//! Animations: the first frame is an intra picture, every other one refers to the frame before.

use avs2::encoder::{AnimationEncoder, EncodedFrame, PictureInput, Track};
use avs2::{CancelCheck, Picture};

use super::{EncodeOptions, OPAQUE, Progress, Source, alpha_planes, hidden, refused};
use crate::{Error, Frame, Mode, Writer};

/// Delays below 2 are shown for 1/10 s, as browsers do with GIF.
const SHORTEST_DELAY: u32 = 2;
const DEFAULT_DELAY: u32 = 10;
/// Longest delay of one picture chunk.
const LONGEST_STORED: u32 = u16::MAX as u32;

/// A coded frame whose delay may still grow.
#[derive(Debug)]
struct Pending {
    source: Source,
    coded: Coded,
    delay: u32,
}

/// The pictures of a frame.
#[derive(Debug)]
struct Coded {
    colour: EncodedFrame,
    alpha: Option<EncodedFrame>,
}

/// Writes an animation frame by frame. Beside the coded data it keeps the planes of the last frame only.
///
/// ```
/// use tpg::NeverCancel;
/// use tpg::encode::{AnimationWriter, ChromaFilter, EncodeOptions, PixelFormat, Pixels, Source};
///
/// let mut writer = AnimationWriter::new(40, 30, &EncodeOptions::default())?;
/// for red in [220, 120, 20] {
///     let pixels = [red, 30, 20].repeat(40 * 30);
///     let pixels = Pixels::new(&pixels, 40, 30, 40 * 3, PixelFormat::Rgb)?;
///     writer.push(Source::new(&pixels, ChromaFilter::default()), 8, &NeverCancel, &|_, _| {})?;
/// }
/// assert!(writer.finish(&NeverCancel)?.starts_with(b"TPG AVS2B"));
/// # Ok::<(), tpg::Error>(())
/// ```
#[derive(Debug)]
pub struct AnimationWriter {
    colour: AnimationEncoder,
    alpha: Option<AnimationEncoder>,
    writer: Writer,
    pending: Option<Pending>,
}

impl AnimationWriter {
    /// Longest time to show a frame, in 1/100 s: 65535 s, the longest of an animated PNG.
    pub const MAX_DELAY: u32 = 6_553_500;

    /// An animation without frames. The QP of `options` is that of the first frame; `alpha_qp` is not used.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] names an option that is out of range; [`Error::InvalidContainer`] the size.
    pub fn new(width: u32, height: u32, options: &EncodeOptions) -> Result<Self, Error> {
        Self::in_mode(Mode::Animation, width, height, options)
    }

    /// As [`new`](Self::new), with an alpha picture for every frame, in which `alpha_qp` is used.
    ///
    /// This is experimental: no file of this kind by another encoder is known.
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
        Ok(Self { colour, alpha, writer, pending: None })
    }

    /// Encodes a frame that is shown for `delay` 1/100 s.
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
        if delay > Self::MAX_DELAY {
            return Err(Error::InvalidOption { option: "delay", value: delay.into() });
        }
        if cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let delay = if delay < SHORTEST_DELAY { DEFAULT_DELAY } else { delay };
        if let Some(pending) = &mut self.pending
            && pending.source.looks_like(&source)
            && let Some(sum) = pending.delay.checked_add(delay)
        {
            pending.delay = sum;
            return Ok(());
        }
        let before = self.write_pending(cancel)?;
        let coded = self.encode(&source, before.as_ref().map(|coded| coded.picture()), cancel, progress)?;
        self.pending = Some(Pending { source, coded, delay });
        Ok(())
    }

    fn encode(
        &mut self,
        source: &Source,
        before: Option<&Picture>,
        cancel: &(dyn CancelCheck + Sync),
        progress: Progress<'_>,
    ) -> Result<Coded, Error> {
        let (width, height) = (source.width, source.height);
        fn input<'a>(source: &Source, planes: [&'a [i16]; 3]) -> Result<PictureInput<'a>, Error> {
            PictureInput::in_sixteenths(source.width, source.height, planes).map_err(refused)
        }
        let tracks = if self.alpha.is_some() { 2 } else { 1 };
        let kept = match (before, &source.alpha) {
            (Some(before), Some(alpha)) => Some(hidden::keep(source, alpha, before)),
            _ => None,
        };
        let [y, cb, cr] = kept.as_ref().unwrap_or(&source.planes);
        let colour = self
            .colour
            .push(&input(source, [y, cb, cr])?, cancel, &|done, rows| progress(done, rows * tracks))
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

    /// Writes the last frame, its delay being known; gives its last pictures.
    fn write_pending(&mut self, cancel: &(dyn CancelCheck + Sync)) -> Result<Option<Coded>, Error> {
        let Some(Pending { source, mut coded, mut delay }) = self.pending.take() else { return Ok(None) };
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
                return Ok(Some(coded));
            }
            coded = self.encode(&source, Some(coded.picture()), cancel, &|_, _| {})?;
        }
    }

    /// What a decoder makes of the frame that was pushed last; `None` before the first one. Its index and delay are 0.
    #[must_use]
    pub fn reconstruction(&self) -> Option<Frame> {
        let Pending { source, coded, .. } = self.pending.as_ref()?;
        let shown = (source.width as u32, source.height as u32);
        let alpha = coded.alpha.as_ref().map(|alpha| alpha.reconstruction.clone());
        Frame::new(0, 0, shown, coded.colour.reconstruction.clone(), alpha, avs2::SimdLevel::Auto).ok()
    }

    /// The whole file.
    ///
    /// # Errors
    /// If there is no frame; [`Error::Cancelled`].
    pub fn finish(mut self, cancel: &(dyn CancelCheck + Sync)) -> Result<Vec<u8>, Error> {
        self.write_pending(cancel)?;
        self.writer.finish()
    }
}

impl Coded {
    /// The decoded colour picture.
    fn picture(&self) -> &Picture {
        &self.colour.reconstruction
    }
}
