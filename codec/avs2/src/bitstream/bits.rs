//! Fixed length and Exp-Golomb codes (docs/spec/avs2#a11).

use crate::Error;

/// Reads or writes header fields, so that each header's syntax is written once.
///
/// Every method takes the value to write and returns the value of the field: a reader ignores its argument, a writer
/// returns it. `name` is the syntax element, for error messages.
pub trait BitCoder {
    /// Whether values come from a stream.
    const READS: bool;

    /// `u(n)`, `bits` up to 32.
    ///
    /// # Errors
    /// The data end before the field.
    fn u(&mut self, name: &'static str, bits: u32, value: u32) -> Result<u32, Error>;

    /// `ue(v)`.
    ///
    /// # Errors
    /// The data end before the field, or the value has more than 32 bits.
    fn ue(&mut self, name: &'static str, value: u32) -> Result<u32, Error>;

    /// Position in bits.
    fn bit_position(&self) -> usize;

    /// `u(1)` as a flag.
    ///
    /// # Errors
    /// As [`u`](Self::u).
    fn flag(&mut self, name: &'static str, value: bool) -> Result<bool, Error> {
        Ok(self.u(name, 1, value.into())? != 0)
    }

    /// `se(v)`.
    ///
    /// # Errors
    /// As [`ue`](Self::ue).
    fn se(&mut self, name: &'static str, value: i32) -> Result<i32, Error> {
        let value = i64::from(value);
        let code = if value > 0 { 2 * value - 1 } else { -2 * value };
        let code = i64::from(self.ue(name, code as u32)?);
        let value = if code & 1 == 1 { (code + 1) / 2 } else { -(code / 2) };
        i32::try_from(value).map_err(|_| Error::Invalid { element: name, value })
    }

    /// `marker_bit`.
    ///
    /// # Errors
    /// The bit is 0.
    fn marker(&mut self) -> Result<(), Error> {
        if self.flag("marker_bit", true)? {
            Ok(())
        } else {
            Err(Error::Invalid { element: "marker_bit", value: 0 })
        }
    }
}

/// Reads bits, most significant first.
#[derive(Debug, Clone)]
pub struct BitReader<'a> {
    data: &'a [u8],
    position: usize,
}

impl<'a> BitReader<'a> {
    /// At the first bit of `data`.
    #[must_use]
    pub fn new(data: &'a [u8]) -> Self {
        Self { data, position: 0 }
    }

    /// The bytes from the next byte boundary on.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.data.get(self.position.div_ceil(8)..).unwrap_or_default()
    }

    fn bit(&self, position: usize) -> Option<u32> {
        self.data.get(position / 8).map(|byte| u32::from(byte >> (7 - position % 8)) & 1)
    }
}

impl BitCoder for BitReader<'_> {
    const READS: bool = true;

    fn u(&mut self, name: &'static str, bits: u32, _value: u32) -> Result<u32, Error> {
        let mut value = 0;
        for i in 0..bits as usize {
            let bit = self.bit(self.position + i).ok_or(Error::Truncated { element: name })?;
            value = (value << 1) | bit;
        }
        self.position += bits as usize;
        Ok(value)
    }

    fn ue(&mut self, name: &'static str, _value: u32) -> Result<u32, Error> {
        let mut zeros = 0;
        while self.u(name, 1, 0)? == 0 {
            zeros += 1;
            if zeros > 31 {
                return Err(Error::Invalid { element: name, value: i64::from(u32::MAX) });
            }
        }
        let suffix = self.u(name, zeros, 0)?;
        Ok((1 << zeros) - 1 + suffix)
    }

    fn bit_position(&self) -> usize {
        self.position
    }
}

/// Writes bits, most significant first.
#[derive(Debug, Clone, Default)]
pub struct BitWriter {
    bytes: Vec<u8>,
    bits: usize,
}

impl BitWriter {
    /// An empty writer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends `bits` bits of `value`.
    pub fn put(&mut self, bits: u32, value: u32) {
        for i in (0..bits).rev() {
            let bit = ((value >> i) & 1) as u8;
            match self.bytes.last_mut() {
                Some(last) if !self.bits.is_multiple_of(8) => *last |= bit << (7 - self.bits % 8),
                _ => self.bytes.push(bit << 7),
            }
            self.bits += 1;
        }
    }

    /// Appends `'1'` and zeros up to a byte boundary (`next_start_code`).
    #[must_use]
    pub fn finish_unit(mut self) -> Vec<u8> {
        self.put(1, 1);
        self.bytes
    }

    /// The bytes, the last one filled up with zeros.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

impl BitCoder for BitWriter {
    const READS: bool = false;

    fn u(&mut self, name: &'static str, bits: u32, value: u32) -> Result<u32, Error> {
        if bits < 32 && value >> bits != 0 {
            return Err(Error::Invalid { element: name, value: value.into() });
        }
        self.put(bits, value);
        Ok(value)
    }

    fn ue(&mut self, name: &'static str, value: u32) -> Result<u32, Error> {
        let code = value.checked_add(1).ok_or(Error::Invalid { element: name, value: value.into() })?;
        let length = 32 - code.leading_zeros();
        self.put(length - 1, 0);
        self.put(length, code);
        Ok(value)
    }

    fn bit_position(&self) -> usize {
        self.bits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_golomb_round_trip() {
        let mut writer = BitWriter::new();
        let unsigned = [0, 1, 2, 3, 7, 255, 65535, u32::MAX - 1];
        let signed = [0, 1, -1, 2, -2, 1000, -1000, i32::MAX, i32::MIN + 1];
        for v in unsigned {
            writer.ue("v", v).unwrap();
        }
        for v in signed {
            writer.se("v", v).unwrap();
        }
        let bytes = writer.finish_unit();
        let mut reader = BitReader::new(&bytes);
        for v in unsigned {
            assert_eq!(reader.ue("v", 0), Ok(v));
        }
        for v in signed {
            assert_eq!(reader.se("v", 0), Ok(v));
        }
    }

    #[test]
    fn exp_golomb_codes_of_the_specification() {
        let mut reader = BitReader::new(&[0b1010_0110, 0b0100_0000]);
        assert_eq!((0..4).map(|_| reader.ue("v", 0).unwrap()).collect::<Vec<_>>(), [0, 1, 2, 3]);
    }

    #[test]
    fn reading_past_the_end_names_the_element() {
        let mut reader = BitReader::new(&[0xFF]);
        assert_eq!(reader.u("picture_qp", 9, 0), Err(Error::Truncated { element: "picture_qp" }));
        assert_eq!(
            BitReader::new(&[0; 8]).ue("x", 0),
            Err(Error::Invalid { element: "x", value: 0xFFFF_FFFF })
        );
    }

    #[test]
    fn writer_refuses_values_that_do_not_fit() {
        assert!(BitWriter::new().u("lcu_size", 3, 8).is_err());
    }
}
