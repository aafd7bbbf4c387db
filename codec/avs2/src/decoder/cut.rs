//! Pictures whose data end too soon.

use super::Decoder;
use super::picture::PictureDecoder;
use crate::bitstream::{Units, remove_pseudo_start_codes, start_code};
use crate::inter::picture_bytes;
use crate::{CancelCheck, Error, Picture};

/// What is known of a picture that is not whole, and what is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// The data end before the picture does: what needs more of them is not shown. Otherwise they are damaged, and
    /// shown up to where that is found out.
    pub is_short: bool,
    /// The value of samples that are not there, in all planes.
    pub fill: u8,
}

impl Decoder {
    /// Decodes the first picture of `data` as far as it is there; its headers have to be.
    ///
    /// The picture comes from [`next_picture`](Self::next_picture). The result is how many rows of its luma, from the
    /// top, are those that the whole data would give, and half as many in chroma: whole rows of largest coding units, less
    /// a margin that the next one would still have changed. Nothing else can be decoded with this decoder afterwards but
    /// pictures of their own, such as alpha.
    ///
    /// # Errors
    /// The headers are broken or not there, or ask for a feature that is missing or for more than a budget allows.
    pub fn decode_cut(&mut self, data: &[u8], cut: Cut, cancel: &dyn CancelCheck) -> Result<usize, Error> {
        let mut current: Option<PictureDecoder> = None;
        let mut units = Units::new(data).peekable();
        while let Some(unit) = units.next() {
            let is_short = cut.is_short && units.peek().is_none();
            let payload = remove_pseudo_start_codes(unit.value, unit.payload);
            // Where bits were taken out, the last byte is filled up with bits that are none.
            let padded = is_short && payload.len() != unit.payload.len();
            let payload = &payload[..payload.len() - usize::from(padded && !payload.is_empty())];
            match (unit.value, &mut current) {
                (0..=start_code::SLICE_MAX, Some(picture)) => {
                    match picture.decode_slice(unit.value, payload, is_short, cancel) {
                        Err(error) if ends_picture(&error) => break,
                        other => other?,
                    }
                }
                (start_code::SEQUENCE, None) => self.start_sequence(payload)?,
                (start_code::INTRA_PICTURE | start_code::INTER_PICTURE, None) => {
                    current = Some(self.start_picture(unit.value == start_code::INTRA_PICTURE, payload)?);
                }
                (
                    start_code::SEQUENCE
                    | start_code::SEQUENCE_END
                    | start_code::INTRA_PICTURE
                    | start_code::INTER_PICTURE,
                    Some(_),
                ) => break,
                _ => {}
            }
        }
        let element = "stream before any picture";
        let (picture, sequence) = current.zip(self.sequence.as_ref()).ok_or(Error::Truncated { element })?;
        let (stored, header, rows) = picture.finish_cut(cut.fill)?;
        self.buffer.insert(sequence, &header, stored, &mut self.ready);
        Ok(rows)
    }

    /// A picture all of whose samples are `fill`, in place of one that is not there at all.
    ///
    /// # Errors
    /// It is larger than a budget allows.
    pub fn filled(&self, width: u32, height: u32, fill: u8) -> Result<Picture, Error> {
        let limits = &self.options.limits;
        let check = |limit, needed: u64, allowed: u64| match needed > allowed {
            true => Err(Error::Limit { limit, needed, allowed }),
            false => Ok(()),
        };
        check("max_pixels", u64::from(width) * u64::from(height), limits.max_pixels)?;
        let held = self.buffer.bytes() + self.ready.iter().map(picture_bytes).sum::<usize>();
        let needed = held + Picture::memory(width, height);
        check("max_memory", needed as u64, limits.max_memory as u64)?;
        Ok(Picture::filled(width, height, fill))
    }
}

/// Whether what was decoded before the error can be shown.
fn ends_picture(error: &Error) -> bool {
    matches!(error, Error::Invalid { .. } | Error::Truncated { .. } | Error::IncompletePicture { .. })
}
