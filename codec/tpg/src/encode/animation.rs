//! Animations: the first frame is an intra picture, every other one refers to the frame before.

use avs2::CancelCheck;
use avs2::encoder::{AnimationEncoder, PictureInput};

use super::{EncodeOptions, Progress, Source, refused};
use crate::{Error, Mode, Writer};

/// Delays below 2 are shown for 1/10 s, as browsers do with GIF.
const SHORTEST_DELAY: u16 = 2;
const DEFAULT_DELAY: u16 = 10;

/// A coded frame whose delay may still grow.
#[derive(Debug)]
struct Pending {
    source: Source,
    data: Vec<u8>,
    delay: u16,
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
/// assert!(writer.finish()?.starts_with(b"TPG AVS2B"));
/// # Ok::<(), tpg::Error>(())
/// ```
#[derive(Debug)]
pub struct AnimationWriter {
    encoder: AnimationEncoder,
    writer: Writer,
    pending: Option<Pending>,
}

impl AnimationWriter {
    /// An animation without frames. The QP of `options` is that of the first frame; `alpha_qp` is not used.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] names an option that is out of range; [`Error::InvalidContainer`] the size.
    pub fn new(width: u32, height: u32, options: &EncodeOptions) -> Result<Self, Error> {
        options.check()?;
        let mut writer = Writer::new(Mode::Animation, width, height)?;
        if let Some(exif) = &options.exif {
            writer.exif(exif)?;
        }
        let encoder = AnimationEncoder::new(width as usize, height as usize, &options.picture);
        Ok(Self { encoder: encoder.map_err(refused)?, writer, pending: None })
    }

    /// Encodes a frame that is shown for `delay` 1/100 s; delays of 0 and 1 are stored as 10. A frame that equals the
    /// one before lengthens its delay instead, as far as that can be stored.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] if the frame has alpha or another size; [`Error::Cancelled`], after which the
    /// animation cannot go on.
    pub fn push(
        &mut self,
        source: Source,
        delay: u16,
        cancel: &(dyn CancelCheck + Sync),
        progress: Progress<'_>,
    ) -> Result<(), Error> {
        if source.has_alpha() {
            return Err(Error::InvalidOption { option: "alpha of a frame of an animation", value: 1 });
        }
        let delay = if delay < SHORTEST_DELAY { DEFAULT_DELAY } else { delay };
        if let Some(pending) = &mut self.pending
            && pending.source.planes == source.planes
            && (pending.source.width, pending.source.height) == (source.width, source.height)
            && let Some(sum) = pending.delay.checked_add(delay)
        {
            pending.delay = sum;
            return Ok(());
        }
        let [y, cb, cr] = &source.planes;
        let input = PictureInput::new(source.width, source.height, [y, cb, cr]);
        let coded = input.and_then(|input| self.encoder.push(&input, cancel, progress)).map_err(refused)?;
        self.write_pending()?;
        self.pending = Some(Pending { source, data: coded.data, delay });
        Ok(())
    }

    fn write_pending(&mut self) -> Result<(), Error> {
        if let Some(Pending { data, delay, .. }) = self.pending.take() {
            self.writer.frame(delay, &data, None)?;
        }
        Ok(())
    }

    /// The whole file.
    ///
    /// # Errors
    /// If there is no frame.
    pub fn finish(mut self) -> Result<Vec<u8>, Error> {
        self.write_pending()?;
        self.writer.finish()
    }
}
