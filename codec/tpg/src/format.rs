//! Magic, chunk codes and the header chunk (docs/spec/tpg.md#t1 and #t2).

use crate::Error;
use crate::colour::ColourRange;

/// The bytes every file begins with.
pub(crate) const MAGIC: &[u8; 9] = b"TPG AVS2B";
/// What every chunk and every AVS2 unit begins with.
pub(crate) const START_CODE: [u8; 3] = [0, 0, 1];
/// Start code and chunk code.
pub(crate) const CODE_BYTES: usize = 4;

pub(crate) const CODE_HEADER: u8 = 0xB9;
pub(crate) const CODE_EXIF: u8 = 0xBA;
pub(crate) const CODE_COLOUR: u8 = 0xBB;
pub(crate) const CODE_ALPHA: u8 = 0xBC;
pub(crate) const CODE_USER_DATA: u8 = 0xBD;

pub(crate) const FLAG_ALPHA: u8 = 0x80;
pub(crate) const FLAG_ANIMATION: u8 = 0x40;
/// Refused by Tencent's decoder.
const FLAG_REFUSED: u8 = 0x08;
/// Set: limited range. Clear: full range.
const FLAG_LIMITED: u8 = 0x04;
/// Refused by Tencent's decoder if both are set, once it decodes.
const FLAGS_CODING: u8 = 0x30;
/// The low six flag bits as every genuine file has them: limited range, and a bit without effect.
pub(crate) const FLAGS_FIXED: u8 = 0x14;

/// Payload of the header chunk of a still.
const STILL_PAYLOAD: usize = 8;

/// Largest width and height of a file.
pub const MAX_SIDE: u32 = 16_383;
/// Largest width and height to write: of 16383, Tencent's decoder shows the last columns or rows wrong.
pub const MAX_WRITTEN_SIDE: u32 = 16_382;

/// What a file holds; the values are those of Tencent's SDK.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mode {
    /// Still picture without alpha, mode 0.
    Still,
    /// Still picture with alpha, mode 1.
    StillAlpha,
    /// Animation without alpha, mode 3.
    Animation,
    /// Animation with alpha, mode 4.
    AnimationAlpha,
}

impl Mode {
    /// Whether colour pictures come with alpha pictures.
    #[must_use]
    pub fn has_alpha(self) -> bool {
        matches!(self, Self::StillAlpha | Self::AnimationAlpha)
    }

    /// Whether the file is an animation.
    #[must_use]
    pub fn is_animation(self) -> bool {
        matches!(self, Self::Animation | Self::AnimationAlpha)
    }

    /// The mode's number in Tencent's SDK.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Still => 0,
            Self::StillAlpha => 1,
            Self::Animation => 3,
            Self::AnimationAlpha => 4,
        }
    }

    pub(crate) fn new(alpha: bool, animation: bool) -> Self {
        match (alpha, animation) {
            (false, false) => Self::Still,
            (true, false) => Self::StillAlpha,
            (false, true) => Self::Animation,
            (true, true) => Self::AnimationAlpha,
        }
    }

    pub(crate) fn flags(self) -> u8 {
        let alpha = if self.has_alpha() { FLAG_ALPHA } else { 0 };
        let animation = if self.is_animation() { FLAG_ANIMATION } else { 0 };
        FLAGS_FIXED | alpha | animation
    }
}

/// The header chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// All eight flag bits as stored.
    pub flags: u8,
    /// Width to show in pixels, 1..=16383.
    pub width: u32,
    /// Height to show in pixels, 1..=16383.
    pub height: u32,
    /// Number of frames an animation announces; without it, there is one.
    pub declared_frames: Option<u32>,
}

impl Header {
    /// What the file holds by its flags.
    #[must_use]
    pub fn mode(&self) -> Mode {
        Mode::new(self.flags & FLAG_ALPHA != 0, self.flags & FLAG_ANIMATION != 0)
    }

    /// Number of frames to show if they are there: 1 in stills and without a number.
    #[must_use]
    pub fn announced_frames(&self) -> usize {
        self.declared_frames.unwrap_or(1).max(1) as usize
    }

    /// Range of the colour samples.
    #[must_use]
    pub fn range(&self) -> ColourRange {
        if self.flags & FLAG_LIMITED == 0 { ColourRange::Full } else { ColourRange::Limited }
    }

    /// # Errors
    /// If flags ask for a coding of pictures that Tencent's decoder refuses.
    pub(crate) fn check_coding(&self) -> Result<(), Error> {
        match self.flags & FLAGS_CODING {
            FLAGS_CODING => {
                Err(Error::Unsupported { feature: "flags of the header chunk", value: self.flags.into() })
            }
            _ => Ok(()),
        }
    }

    /// Reads the payload of a header chunk that begins at `offset` of the file; bytes beyond the known ones are ignored.
    pub(crate) fn parse(payload: &[u8], offset: usize) -> Result<Self, Error> {
        let number = |at: usize| -> Option<u32> {
            let bytes: [u8; 3] = payload.get(at..at + 3)?.try_into().ok()?;
            Some(u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]))
        };
        let short = |needed: usize| Error::Truncated {
            element: "the header chunk",
            offset,
            needed: needed as u64,
            available: payload.len() as u64,
        };
        let still = || short(STILL_PAYLOAD);
        let flags = *payload.first().ok_or_else(still)?;
        if flags & FLAG_REFUSED != 0 {
            return Err(Error::Unsupported { feature: "flag 0x08 of the header chunk", value: flags.into() });
        }
        let (width, height) = (number(2).ok_or_else(still)?, number(5).ok_or_else(still)?);
        for (element, value, at) in [("width", width, 2), ("height", height, 5)] {
            if value == 0 || value > MAX_SIDE {
                return Err(Error::InvalidContainer { element, value: value.into(), offset: offset + at });
            }
        }
        let declared_frames = number(8).filter(|_| flags & FLAG_ANIMATION != 0);
        Ok(Self { flags, width, height, declared_frames })
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[self.flags, 0]);
        for value in [Some(self.width), Some(self.height), self.declared_frames].into_iter().flatten() {
            out.extend_from_slice(&value.to_be_bytes()[1..]);
        }
    }
}

/// What some data are by their first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileType {
    /// A TPG file.
    Tpg,
    /// A bare AVS2 stream that begins with a sequence header.
    Avs2,
}

/// Tells TPG files and bare AVS2 streams apart; `None` for anything else.
#[must_use]
pub fn file_type(data: &[u8]) -> Option<FileType> {
    if data.starts_with(MAGIC) {
        Some(FileType::Tpg)
    } else if data.starts_with(&[0, 0, 1, 0xB0]) {
        Some(FileType::Avs2)
    } else {
        None
    }
}
