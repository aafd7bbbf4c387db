//! Slice header (docs/spec/avs2#a17).

use super::{PictureHeader, SequenceHeader, in_range};
use crate::Error;
use crate::bitstream::BitCoder;

/// A slice header (table 17-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SliceHeader {
    /// Column of the first LCU.
    pub lcu_x: usize,
    /// Row of the first LCU.
    pub lcu_y: usize,
    /// All CUs have the QP of the slice.
    pub fixed_qp: bool,
    /// QP, 0..=63.
    pub qp: u8,
    /// Components with sample adaptive offset.
    pub sao_enable: [bool; 3],
}

impl SliceHeader {
    /// A slice at the given position with the QP of the picture and no sample adaptive offset.
    #[must_use]
    pub fn new(picture: &PictureHeader, lcu_x: usize, lcu_y: usize) -> Self {
        Self { lcu_x, lcu_y, fixed_qp: true, qp: picture.qp, sao_enable: [false; 3] }
    }

    /// The start code value of the slice.
    #[must_use]
    pub fn start_code_value(&self, sequence: &SequenceHeader) -> u8 {
        (if has_vertical_extension(sequence) { self.lcu_y & 127 } else { self.lcu_y }) as u8
    }

    /// Reads or writes the header after its start code, up to the byte boundary before the slice data.
    ///
    /// `value` is the start code value.
    ///
    /// # Errors
    /// A value is out of range, or the position lies outside the picture.
    pub fn code<C: BitCoder>(
        &mut self,
        c: &mut C,
        value: u8,
        sequence: &SequenceHeader,
        picture: &PictureHeader,
    ) -> Result<(), Error> {
        let lcu_size = 1 << sequence.lcu_size_log2;
        let mut lcu_y = usize::from(value);
        if has_vertical_extension(sequence) {
            lcu_y += (c.u("slice_vertical_position_extension", 3, (self.lcu_y >> 7) as u32)? as usize) << 7;
        }
        let mut lcu_x = c.u("slice_horizontal_position", 8, (self.lcu_x & 255) as u32)? as usize;
        if usize::from(sequence.horizontal_size) > 255 * lcu_size {
            lcu_x += (c.u("slice_horizontal_position_extension", 2, (self.lcu_x >> 8) as u32)? as usize) << 8;
        }
        if lcu_y * lcu_size >= sequence.coded_height() {
            return Err(Error::Invalid { element: "slice_vertical_position", value: lcu_y as i64 });
        }
        if lcu_x * lcu_size >= sequence.coded_width() {
            return Err(Error::Invalid { element: "slice_horizontal_position", value: lcu_x as i64 });
        }
        (self.lcu_x, self.lcu_y) = (lcu_x, lcu_y);
        if picture.fixed_qp {
            (self.fixed_qp, self.qp) = (true, picture.qp);
        } else {
            self.fixed_qp = c.flag("fixed_slice_qp_flag", self.fixed_qp)?;
            self.qp = in_range("slice_qp", c.u("slice_qp", 7, self.qp.into())? as u8, 0..=63)?;
        }
        for flag in &mut self.sao_enable {
            *flag = sequence.sample_adaptive_offset_enable && c.flag("slice_sao_enable_flag", *flag)?;
        }
        // The value of the alignment bits is not checked: streams in circulation differ (docs/spec/avs2#a4, item 3).
        while !c.bit_position().is_multiple_of(8) {
            c.u("aec_byte_alignment_bit", 1, 1)?;
        }
        Ok(())
    }
}

fn has_vertical_extension(sequence: &SequenceHeader) -> bool {
    usize::from(sequence.vertical_size) > 144 << sequence.lcu_size_log2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bitstream::{BitReader, BitWriter};

    #[test]
    fn headers_of_large_pictures_read_back() {
        let mut sequence = SequenceHeader::new(16383, 16383, 4);
        sequence.sample_adaptive_offset_enable = true;
        let mut picture = PictureHeader::new_intra(30);
        picture.fixed_qp = false;
        let mut header = SliceHeader {
            lcu_x: 1000,
            lcu_y: 1023,
            fixed_qp: false,
            qp: 63,
            sao_enable: [true, false, true],
        };
        let value = header.start_code_value(&sequence);
        let mut writer = BitWriter::new();
        header.code(&mut writer, value, &sequence, &picture).unwrap();
        let bytes = writer.into_bytes();
        let mut read = SliceHeader::new(&picture, 0, 0);
        let mut reader = BitReader::new(&bytes);
        read.code(&mut reader, value, &sequence, &picture).unwrap();
        assert_eq!(read, header);
        assert!(reader.rest().is_empty());
    }

    #[test]
    fn positions_outside_the_picture_are_refused() {
        let sequence = SequenceHeader::new(64, 64, 5);
        let picture = PictureHeader::new_intra(30);
        let read = |value: u8, data: &[u8]| {
            SliceHeader::new(&picture, 0, 0).code(&mut BitReader::new(data), value, &sequence, &picture)
        };
        assert_eq!(read(1, &[1]), Ok(()));
        assert_eq!(read(2, &[1]), Err(Error::Invalid { element: "slice_vertical_position", value: 2 }));
        assert_eq!(read(1, &[2]), Err(Error::Invalid { element: "slice_horizontal_position", value: 2 }));
    }
}
