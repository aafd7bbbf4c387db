//! Writing of files (docs/spec/tpg.md#t10).

use crate::Error;
use crate::format::{
    CODE_ALPHA, CODE_COLOUR, CODE_EXIF, CODE_HEADER, CODE_USER_DATA, Header, MAGIC, MAX_WRITTEN_SIDE, Mode,
    START_CODE,
};

const SEQUENCE_END: [u8; 4] = [0, 0, 1, 0xB1];
const MAX_FRAMES: usize = 0xFF_FFFF;

/// Builds a file from coded pictures.
///
/// The pictures are AVS2 data of one stream without the sequence end code, which goes to the end of the last one. The
/// first one begins with the sequence header.
#[derive(Debug, Clone)]
pub struct Writer {
    mode: Mode,
    width: u32,
    height: u32,
    metadata: Vec<u8>,
    pictures: Vec<u8>,
    /// Where the size of the last picture chunk is.
    last_size: usize,
    frames: usize,
}

impl Writer {
    /// A file without pictures. `width` and `height` are those to show.
    ///
    /// # Errors
    /// [`Error::InvalidSize`] if `width` or `height` is not in 1..=16382.
    pub fn new(mode: Mode, width: u32, height: u32) -> Result<Self, Error> {
        check_size(width as usize, height as usize)?;
        Ok(Self { mode, width, height, metadata: Vec::new(), pictures: Vec::new(), last_size: 0, frames: 0 })
    }

    /// Adds an EXIF block: a TIFF structure without the `Exif\0\0` in front.
    ///
    /// # Errors
    /// If the block has 4 GiB or more.
    pub fn exif(&mut self, tiff: &[u8]) -> Result<&mut Self, Error> {
        push_chunk(&mut self.metadata, CODE_EXIF, &[tiff])?;
        Ok(self)
    }

    /// Adds a chunk of opaque bytes.
    ///
    /// # Errors
    /// If there are 4 GiB or more.
    pub fn user_data(&mut self, bytes: &[u8]) -> Result<&mut Self, Error> {
        push_chunk(&mut self.metadata, CODE_USER_DATA, &[bytes])?;
        Ok(self)
    }

    /// Adds a frame. `delay` is in 1/100 s and is only stored in animations; `alpha` is there if the mode has alpha.
    ///
    /// # Errors
    /// If the frame does not go with the mode, or a picture is empty or has 4 GiB or more.
    pub fn frame(&mut self, delay: u16, colour: &[u8], alpha: Option<&[u8]>) -> Result<&mut Self, Error> {
        let frame = self.frames;
        if !self.mode.is_animation() && frame > 0 || frame >= MAX_FRAMES {
            return Err(Error::InvalidContainer {
                element: "number of frames",
                value: frame as u64 + 1,
                offset: 0,
            });
        }
        if colour.is_empty() {
            return Err(Error::MissingPicture { element: "colour picture", frame });
        }
        let alpha = alpha.filter(|alpha| !alpha.is_empty());
        match alpha {
            Some(alpha) if !self.mode.has_alpha() => {
                let value = alpha.len() as u64;
                let element = "size of an alpha picture in a mode without alpha";
                return Err(Error::InvalidContainer { element, value, offset: 0 });
            }
            None if self.mode.has_alpha() => {
                return Err(Error::MissingPicture { element: "alpha picture", frame });
            }
            _ => {}
        }
        // Both sizes are checked before anything is written.
        let delay = delay.to_be_bytes();
        let delay: &[u8] = if self.mode.is_animation() { &delay } else { &[] };
        chunk_size(delay.len() + colour.len() + SEQUENCE_END.len())?;
        chunk_size(alpha.map_or(0, <[u8]>::len) + SEQUENCE_END.len())?;
        self.last_size = self.pictures.len();
        push_chunk(&mut self.pictures, CODE_COLOUR, &[delay, colour])?;
        if let Some(alpha) = alpha {
            self.last_size = self.pictures.len();
            push_chunk(&mut self.pictures, CODE_ALPHA, &[alpha])?;
        }
        self.frames += 1;
        Ok(self)
    }

    /// The whole file.
    ///
    /// # Errors
    /// If there is no frame.
    pub fn finish(self) -> Result<Vec<u8>, Error> {
        if self.frames == 0 {
            return Err(Error::MissingPicture { element: "picture chunk", frame: 0 });
        }
        let declared_frames = self.mode.is_animation().then_some(self.frames as u32);
        let header =
            Header { flags: self.mode.flags(), width: self.width, height: self.height, declared_frames };
        let mut fields = Vec::with_capacity(11);
        header.write(&mut fields);

        let mut file = Vec::with_capacity(self.metadata.len() + self.pictures.len() + 64);
        file.extend_from_slice(MAGIC);
        file.extend_from_slice(&START_CODE);
        file.push(CODE_HEADER);
        file.extend_from_slice(&(fields.len() as u16 + 2).to_be_bytes());
        file.extend_from_slice(&fields);
        file.extend_from_slice(&self.metadata);
        let size_at = file.len() + self.last_size + 4;
        file.extend_from_slice(&self.pictures);
        file.extend_from_slice(&SEQUENCE_END);
        let size = chunk_size(file.len() - size_at - 4)?;
        file[size_at..size_at + 4].copy_from_slice(&size);
        Ok(file)
    }
}

/// Refuses sizes that not every decoder shows.
pub(crate) fn check_size(width: usize, height: usize) -> Result<(), Error> {
    let sides = 1..=MAX_WRITTEN_SIDE as usize;
    if sides.contains(&width) && sides.contains(&height) {
        return Ok(());
    }
    Err(Error::InvalidSize { width, height })
}

/// The size field of a chunk with `payload` bytes; it counts itself.
fn chunk_size(payload: usize) -> Result<[u8; 4], Error> {
    let size = payload as u64 + 4;
    let size = u32::try_from(size);
    size.map(u32::to_be_bytes).map_err(|_| Error::InvalidContainer {
        element: "size of a chunk's payload",
        value: payload as u64,
        offset: 0,
    })
}

fn push_chunk(out: &mut Vec<u8>, code: u8, parts: &[&[u8]]) -> Result<(), Error> {
    let size = chunk_size(parts.iter().map(|part| part.len()).sum())?;
    out.extend_from_slice(&START_CODE);
    out.push(code);
    out.extend_from_slice(&size);
    for part in parts {
        out.extend_from_slice(part);
    }
    Ok(())
}
