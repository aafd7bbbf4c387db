//! Stepping through the chunks of a file (docs/spec/tpg.md#t1, #t3 and #t9).

use std::ops::Range;

use avs2::SequenceHeader;
use avs2::bitstream::{BitReader, Units, remove_pseudo_start_codes, start_code};
use avs2::headers::PictureHeader;

use crate::format::{
    CODE_ALPHA, CODE_BYTES, CODE_COLOUR, CODE_EXIF, CODE_HEADER, CODE_USER_DATA, Header, MAGIC, START_CODE,
};
use crate::{Error, Limits};

/// Largest number of user data chunks that are kept.
const MAX_USER_DATA: usize = 256;

/// Where the coded data of one frame are, as byte ranges of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameChunks {
    /// How long the frame is shown, in 1/100 s; 0 in stills.
    pub delay: u16,
    /// AVS2 data of the colour picture.
    pub colour: Range<usize>,
    /// AVS2 data of the alpha picture.
    pub alpha: Option<Range<usize>>,
}

/// The structure of a file. Nothing of its pictures has been decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// The header chunk.
    pub header: Header,
    /// The EXIF block: a TIFF structure without the `Exif\0\0` in front.
    pub exif: Option<Range<usize>>,
    /// User data chunks.
    pub user_data: Vec<Range<usize>>,
    /// The whole frames, in the order to show; at least one, and exactly one in stills.
    pub frames: Vec<FrameChunks>,
    /// What is wrong behind the last of `frames`: the file is cut or damaged there, or holds fewer frames than it
    /// announces. More than these are left out.
    pub damage: Option<Error>,
    /// The first frame is not whole, and the only one; see [`parse_cut`](Self::parse_cut).
    pub is_cut: bool,
    /// Bytes behind the last chunk that are not a chunk.
    pub trailing_bytes: usize,
    /// An unknown chunk behind the last colour picture: its code and offset.
    unknown: Option<(u8, usize)>,
}

struct Chunk {
    code: u8,
    offset: usize,
    payload: Range<usize>,
}

/// The chunk at `offset`.
fn chunk_at(data: &[u8], offset: usize) -> Result<Chunk, Error> {
    let rest = data.get(offset..).unwrap_or_default();
    let truncated =
        |element, needed: u64| Error::Truncated { element, offset, needed, available: rest.len() as u64 };
    let Some((&[a, b, c, code], sized)) = rest.split_first_chunk::<CODE_BYTES>() else {
        return Err(truncated("a chunk's start code", CODE_BYTES as u64));
    };
    if [a, b, c] != START_CODE {
        let value = u32::from_be_bytes([a, b, c, code]).into();
        return Err(Error::InvalidContainer { element: "a chunk's start code", value, offset });
    }
    let (element, size_bytes) = match code {
        CODE_HEADER => ("the header chunk", 2),
        CODE_EXIF => ("the EXIF chunk", 4),
        CODE_COLOUR => ("a picture chunk", 4),
        CODE_ALPHA => ("an alpha chunk", 4),
        CODE_USER_DATA => ("a user data chunk", 4),
        _ => ("an unknown chunk", 4),
    };
    let Some(size_field) = sized.get(..size_bytes) else {
        return Err(truncated(element, (CODE_BYTES + size_bytes) as u64));
    };
    // The size counts its own field and the payload, not the start code.
    let size = size_field.iter().fold(0u64, |value, &byte| value << 8 | u64::from(byte));
    if size < size_bytes as u64 {
        return Err(Error::InvalidContainer {
            element: "a chunk's size",
            value: size,
            offset: offset + CODE_BYTES,
        });
    }
    match usize::try_from(size) {
        Ok(size) if size <= sized.len() => {
            let start = offset + CODE_BYTES;
            Ok(Chunk { code, offset, payload: start + size_bytes..start + size })
        }
        _ => Err(truncated(element, size + CODE_BYTES as u64)),
    }
}

/// Code and payload of the chunk at `offset`, which the file ends in; `None` if it ends before the payload.
fn cut_chunk(data: &[u8], offset: usize) -> Option<(u8, Range<usize>)> {
    let (&[a, b, c, code], rest) = data.get(offset..)?.split_first_chunk::<CODE_BYTES>()?;
    // Chunks of pictures have a size of 4 bytes.
    let is_picture = [a, b, c] == START_CODE && matches!(code, CODE_COLOUR | CODE_ALPHA) && rest.len() >= 4;
    is_picture.then_some((code, offset + CODE_BYTES + 4..data.len()))
}

/// The coded data of a picture payload and the delay in front of them.
///
/// Coded data begin with a start code; where a delay is in front, the third byte is always 0 (docs/spec/tpg.md#t3.2).
fn split_delay(data: &[u8], payload: Range<usize>, animation: bool) -> (u16, Range<usize>) {
    let bytes = &data[payload.clone()];
    if bytes.starts_with(&START_CODE) {
        return (0, payload);
    }
    match bytes.split_first_chunk::<2>() {
        Some((delay, coded)) if animation || coded.starts_with(&START_CODE) => {
            (u16::from_be_bytes(*delay), payload.start + delay.len()..payload.end)
        }
        _ => (0, payload),
    }
}

/// Coded data of animations follow the delay at once: a delay of another length or in another place is an error.
fn check_start(data: &[u8], coded: &Range<usize>, animation: bool) -> Result<(), Error> {
    let bytes = &data[coded.clone()];
    if !animation || bytes.starts_with(&START_CODE) {
        return Ok(());
    }
    let value = bytes.iter().take(4).fold(0, |value, &byte| value << 8 | u64::from(byte));
    Err(Error::InvalidContainer {
        element: "start of the coded data behind a delay",
        value,
        offset: coded.start,
    })
}

impl Container {
    /// Steps through all chunks of a file.
    ///
    /// # Errors
    /// If not even one frame is there, or a budget would be exceeded. What is wrong behind a whole frame of an
    /// animation goes to [`damage`](Self::damage) instead.
    pub fn parse(data: &[u8], limits: &Limits) -> Result<Self, Error> {
        let (mut container, end) = Self::step_through(data, limits)?;
        container.finish(data.len() - end)?;
        container.check_total_pixels(limits)?;
        Ok(container)
    }

    /// As [`parse`](Self::parse), but where not even one frame is whole, there is one all the same: with as much of its
    /// pictures as the file has, which may be nothing. [`damage`](Self::damage) says what is wrong.
    ///
    /// # Errors
    /// If the header chunk is not there, or a budget would be exceeded.
    pub fn parse_cut(data: &[u8], limits: &Limits) -> Result<Self, Error> {
        let (mut container, end) = Self::step_through(data, limits)?;
        let first = container.frames.first().cloned();
        let cut = match container.damage {
            Some(Error::Truncated { offset, .. }) if offset == end => cut_chunk(data, end),
            _ => None,
        };
        if let Err(error) = container.finish(data.len() - end) {
            let nothing = || data.len()..data.len();
            let is_first = first.is_none();
            let mut frame = first.unwrap_or(FrameChunks { delay: 0, colour: nothing(), alpha: None });
            if let Some((code, payload)) = cut {
                let (delay, coded) = split_delay(data, payload, container.header.mode().is_animation());
                match code {
                    CODE_COLOUR if is_first => (frame.delay, frame.colour) = (delay, coded),
                    CODE_ALPHA if !is_first && frame.alpha.is_none() => frame.alpha = Some(coded),
                    _ => {}
                }
            }
            container.frames = vec![frame];
            (container.damage, container.is_cut) = (Some(error), true);
        }
        container.check_total_pixels(limits)?;
        Ok(container)
    }

    /// Takes all chunks that are whole; also where the last of them ends. What is wrong behind them is in `damage`.
    fn step_through(data: &[u8], limits: &Limits) -> Result<(Self, usize), Error> {
        check_limit("file size", data.len() as u64, limits.max_bytes as u64)?;
        if !data.starts_with(MAGIC) {
            let prefix = &MAGIC[..data.len().min(MAGIC.len())];
            return Err(match data.len() {
                1..9 if data == prefix => Error::Truncated {
                    element: "the magic number",
                    offset: 0,
                    needed: MAGIC.len() as u64,
                    available: data.len() as u64,
                },
                _ => Error::NotTpg,
            });
        }
        let first = chunk_at(data, MAGIC.len())?;
        if first.code != CODE_HEADER {
            return Err(Error::InvalidContainer {
                element: "the first chunk's code",
                value: first.code.into(),
                offset: first.offset,
            });
        }
        let header = Header::parse(&data[first.payload.clone()], first.payload.start)?;
        let pixels = u64::from(header.width) * u64::from(header.height);
        check_limit("number of pixels", pixels, limits.max_pixels)?;

        let mut container = Self {
            header,
            exif: None,
            user_data: Vec::new(),
            frames: Vec::new(),
            damage: None,
            is_cut: false,
            trailing_bytes: 0,
            unknown: None,
        };
        let mut offset = first.payload.end;
        while offset < data.len() {
            let step = chunk_at(data, offset).and_then(|chunk| {
                offset = chunk.payload.end;
                container.take(data, chunk, limits)
            });
            match step {
                Ok(()) => {}
                Err(error @ Error::Limit { .. }) => return Err(error),
                Err(error) => {
                    container.damage = Some(error);
                    break;
                }
            }
        }
        Ok((container, offset))
    }

    fn check_total_pixels(&self, limits: &Limits) -> Result<(), Error> {
        let pixels = u64::from(self.header.width) * u64::from(self.header.height);
        let needed = pixels.saturating_mul(self.frames.len() as u64);
        check_limit("number of pixels of all frames", needed, limits.max_total_pixels)
    }

    fn take(&mut self, data: &[u8], chunk: Chunk, limits: &Limits) -> Result<(), Error> {
        let Chunk { code, offset, payload } = chunk;
        let animation = self.header.mode().is_animation();
        match code {
            CODE_EXIF if self.exif.is_none() => self.exif = Some(payload),
            CODE_USER_DATA => {
                check_limit(
                    "number of user data chunks",
                    self.user_data.len() as u64 + 1,
                    MAX_USER_DATA as u64,
                )?;
                self.user_data.push(payload);
            }
            CODE_COLOUR => {
                if !animation && !self.frames.is_empty() {
                    return Ok(());
                }
                self.unknown = None;
                let (delay, colour) = split_delay(data, payload, animation);
                if colour.is_empty() {
                    return Err(Error::MissingPicture { element: "coded data", frame: self.frames.len() });
                }
                check_start(data, &colour, animation)?;
                check_limit("number of frames", self.frames.len() as u64 + 1, limits.max_frames.into())?;
                self.frames.push(FrameChunks { delay, colour, alpha: None });
            }
            CODE_ALPHA => {
                if let Some((code, offset)) = self.unknown {
                    let element = "code of a chunk between a picture and its alpha";
                    return Err(Error::InvalidContainer { element, value: code.into(), offset });
                }
                let frame = self.frames.len().saturating_sub(1);
                let (_, coded) = split_delay(data, payload, animation);
                if coded.is_empty() {
                    return Err(Error::MissingPicture { element: "coded data of its alpha", frame });
                }
                check_start(data, &coded, animation)?;
                let Some(FrameChunks { alpha: alpha @ None, .. }) = self.frames.last_mut() else {
                    // A second alpha picture of a frame, or one without a frame.
                    let value = u64::from(code);
                    return Err(Error::InvalidContainer { element: "misplaced chunk's code", value, offset });
                };
                *alpha = Some(coded);
            }
            CODE_HEADER => {
                return Err(Error::InvalidContainer {
                    element: "second header chunk's code",
                    value: code.into(),
                    offset,
                });
            }
            // A second EXIF block.
            CODE_EXIF => {}
            _ => self.unknown = Some((code, offset)),
        }
        Ok(())
    }

    /// Decides what can be shown once all chunks are read, `rest` bytes being left over.
    fn finish(&mut self, rest: usize) -> Result<(), Error> {
        let mode = self.header.mode();
        if mode.has_alpha()
            && let Some(frame) = self.frames.iter().position(|chunks| chunks.alpha.is_none())
        {
            self.frames.truncate(frame);
            self.damage.get_or_insert(Error::MissingPicture { element: "alpha picture", frame });
        }
        if self.frames.is_empty() {
            return Err(self
                .damage
                .take()
                .unwrap_or(Error::MissingPicture { element: "picture chunk", frame: 0 }));
        }
        let announced = self.header.announced_frames();
        let found = self.frames.len();
        if found < announced {
            let missing = Error::MissingPicture { element: "picture chunk", frame: found };
            self.damage.get_or_insert(missing);
        } else {
            self.frames.truncate(announced);
            self.damage = None;
            self.trailing_bytes = rest;
        }
        Ok(())
    }
}

pub(crate) fn check_limit(limit: &'static str, needed: u64, allowed: u64) -> Result<(), Error> {
    if needed > allowed { Err(Error::Limit { limit, needed, allowed }) } else { Ok(()) }
}

/// What the headers of the first coded picture say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FirstPicture {
    /// Width of the coded picture in luma samples, a multiple of 8.
    pub coded_width: u32,
    /// Height of the coded picture in luma samples, a multiple of 8.
    pub coded_height: u32,
    /// QP of the picture, 0..=63, if its header can be read.
    pub qp: Option<u8>,
}

impl Container {
    /// Reads the headers of the first picture without decoding it; `None` if they cannot be read.
    #[must_use]
    pub fn first_picture(&self, data: &[u8]) -> Option<FirstPicture> {
        let coded = data.get(self.frames.first()?.colour.clone())?;
        let mut units = Units::new(coded);
        let sequence_unit = units.find(|unit| unit.value == start_code::SEQUENCE)?;
        let mut sequence = SequenceHeader::new(0, 0, 0);
        sequence.code(&mut BitReader::new(sequence_unit.payload)).ok()?;
        let qp = units.find(|unit| unit.value == start_code::INTRA_PICTURE).and_then(|unit| {
            let payload = remove_pseudo_start_codes(unit.value, unit.payload);
            let mut picture = PictureHeader::new_intra(0);
            picture.code(&mut BitReader::new(&payload), &sequence, true).ok()?;
            Some(picture.qp)
        });
        Some(FirstPicture {
            coded_width: sequence.coded_width() as u32,
            coded_height: sequence.coded_height() as u32,
            qp,
        })
    }
}
