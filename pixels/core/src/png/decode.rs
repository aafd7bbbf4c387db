//! Decoding to mode L, LA, RGB or RGBA with 8 bit samples.

use std::io::Cursor;

use png::{BitDepth, ColorType, DecodingError, Limits, Reader, Transformations};

use crate::error::{Error, Result, argument};
use crate::mode::{Mode, byte_count};

/// Bytes of profiles, EXIF and texts at most, besides the rows at work.
const METADATA_BYTES: usize = 64 << 20;

/// Of an XMP packet's `iTXt` chunk.
pub(super) const XMP_KEYWORD: &str = "XML:com.adobe.xmp";

/// What a PNG holds besides pixels; empty where there is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    /// The ICC profile, inflated.
    pub icc: Vec<u8>,
    /// The TIFF structure of EXIF, also where it stands behind the pixels.
    pub exif: Vec<u8>,
    /// The XMP packet.
    pub xmp: Vec<u8>,
}

/// A PNG whose header was read and found within the limits.
pub struct Decoder<'a> {
    reader: Reader<Cursor<&'a [u8]>>,
    mode: Mode,
    /// 16 bit grey, whose samples are rounded; of other modes the high byte counts, as in Pillow.
    deep_grey: bool,
    max_bytes: u64,
}

impl<'a> Decoder<'a> {
    /// Reads up to the pixels.
    ///
    /// # Errors
    /// Damaged data, or pixels that take more than `max_bytes` (of 16 bit grey, with its samples).
    pub fn new(data: &'a [u8], max_bytes: u64) -> Result<Self> {
        let header = declared(data)?;
        // A row and its predecessor, at most 4 samples of 16 bit.
        let rows = usize::try_from(u64::from(header.0) * 16).unwrap_or(usize::MAX);
        let limits = Limits { bytes: METADATA_BYTES.saturating_add(rows) };
        let mut decoder = png::Decoder::new_with_limits(Cursor::new(data), limits);
        let depth = decoder.read_header_info().map_err(damaged)?.bit_depth;
        let deep = depth == BitDepth::Sixteen;
        let deep_grey =
            deep && decoder.read_header_info().map_err(damaged)?.color_type == ColorType::Grayscale;
        let strip = if deep_grey { Transformations::IDENTITY } else { Transformations::STRIP_16 };
        decoder.set_transformations(Transformations::EXPAND | strip);
        let reader = decoder.read_info().map_err(damaged)?;
        let mode = match reader.output_color_type().0 {
            ColorType::Grayscale => Mode::L,
            ColorType::GrayscaleAlpha => Mode::La,
            ColorType::Rgb => Mode::Rgb,
            ColorType::Rgba => Mode::Rgba,
            ColorType::Indexed => return Err(Error::Damaged("PNG: the palette is missing".into())),
        };
        let this = Self { reader, mode, deep_grey, max_bytes };
        let (width, height) = this.size();
        let factor = if deep_grey { 3 } else { 1 };
        let bytes = (byte_count(mode, width, height)? as u64).saturating_mul(factor);
        if bytes > max_bytes {
            return Err(Error::Limit(format!(
                "the picture takes {bytes} bytes, more than the {max_bytes} allowed"
            )));
        }
        Ok(this)
    }

    /// The mode of the result.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Width and height.
    pub fn size(&self) -> (u32, u32) {
        self.reader.info().size()
    }

    /// Decodes into `out`; of an animation, the picture that viewers show which know none.
    ///
    /// # Errors
    /// Damaged data, or `out` of the wrong length.
    pub fn decode(mut self, out: &mut [u8]) -> Result<Metadata> {
        let (width, height) = self.size();
        if out.len() != byte_count(self.mode, width, height)? {
            return Err(argument(format!(
                "a buffer of {} bytes does not hold {width}x{height} pixels",
                out.len()
            )));
        }
        if self.deep_grey {
            self.rounded(out)?;
        } else {
            self.frame(out)?;
        }
        // EXIF and texts may stand behind the pixels; damage there costs no picture.
        let _ = self.reader.finish();
        Ok(self.metadata())
    }

    fn frame(&mut self, out: &mut [u8]) -> Result<()> {
        let size = self.size();
        let frame = self.reader.next_frame(out).map_err(damaged)?;
        if (frame.width, frame.height) == size {
            return Ok(());
        }
        Err(Error::Damaged(format!(
            "PNG: the first frame has {}x{} pixels, the picture {}x{}",
            frame.width, frame.height, size.0, size.1
        )))
    }

    fn rounded(&mut self, out: &mut [u8]) -> Result<()> {
        let length = out.len() * 2;
        if self.reader.output_buffer_size() != Some(length) || (out.len() as u64) * 3 > self.max_bytes {
            return Err(Error::Damaged("PNG: the rows have another length than the header says".into()));
        }
        let mut samples = vec![0; length];
        self.frame(&mut samples)?;
        for (result, sample) in out.iter_mut().zip(samples.as_chunks::<2>().0) {
            *result = ((u32::from(u16::from_be_bytes(*sample)) * 255 + 32_767) / 65_535) as u8;
        }
        Ok(())
    }

    fn metadata(&self) -> Metadata {
        let info = self.reader.info();
        let text = info.utf8_text.iter().find(|text| text.keyword == XMP_KEYWORD);
        Metadata {
            icc: info.icc_profile.as_deref().unwrap_or_default().to_vec(),
            exif: info.exif_metadata.as_deref().unwrap_or_default().to_vec(),
            xmp: text.and_then(|text| text.get_text().ok()).map(String::into_bytes).unwrap_or_default(),
        }
    }
}

/// Width and height of the header, so that limits can follow them.
fn declared(data: &[u8]) -> Result<(u32, u32)> {
    let number = |place: usize| -> Option<u32> {
        Some(u32::from_be_bytes(data.get(place..place + 4)?.try_into().ok()?))
    };
    if !data.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Err(Error::Damaged("the data do not begin like a PNG".into()));
    }
    number(16).zip(number(20)).ok_or_else(|| Error::Damaged("the PNG ends before it says its size".into()))
}

fn damaged(error: DecodingError) -> Error {
    match error {
        DecodingError::LimitsExceeded => Error::Limit("PNG: metadata take more memory than allowed".into()),
        DecodingError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            Error::Damaged("PNG: the data end too early".into())
        }
        other => Error::Damaged(format!("PNG: {other}")),
    }
}
