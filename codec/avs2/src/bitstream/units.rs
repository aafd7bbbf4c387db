//! Start codes and the units between them (docs/spec/avs2#a10.1, #a10.2).

use super::emulation::{insert_pseudo_start_codes, without_zeros};

/// Start code values (table 10-1).
pub mod start_code {
    /// Largest value of a slice.
    pub const SLICE_MAX: u8 = 0x8F;
    /// Sequence header.
    pub const SEQUENCE: u8 = 0xB0;
    /// End of the sequence.
    pub const SEQUENCE_END: u8 = 0xB1;
    /// User data.
    pub const USER_DATA: u8 = 0xB2;
    /// Intra picture header.
    pub const INTRA_PICTURE: u8 = 0xB3;
    /// Extension.
    pub const EXTENSION: u8 = 0xB5;
    /// Inter picture header.
    pub const INTER_PICTURE: u8 = 0xB6;

    /// Whether units with this value contain pseudo start code bits (docs/spec/avs2#a10.3).
    #[must_use]
    pub fn is_protected(value: u8) -> bool {
        matches!(value, 0..=SLICE_MAX | INTRA_PICTURE | INTER_PICTURE)
    }
}

/// One unit of the byte stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unit<'a> {
    /// Start code value.
    pub value: u8,
    /// Bytes after the start code value, up to the next prefix.
    pub payload: &'a [u8],
}

/// The units of a byte stream.
#[derive(Debug, Clone)]
pub struct Units<'a> {
    data: &'a [u8],
}

impl<'a> Units<'a> {
    /// Bytes before the first prefix are passed over.
    #[must_use]
    pub fn new(data: &'a [u8]) -> Self {
        let first = find_prefix(data);
        Self { data: &data[first.unwrap_or(data.len())..] }
    }
}

impl<'a> Iterator for Units<'a> {
    type Item = Unit<'a>;

    fn next(&mut self) -> Option<Unit<'a>> {
        let (&value, rest) = self.data.get(3..)?.split_first()?;
        let end = find_prefix(rest).unwrap_or(rest.len());
        self.data = &rest[end..];
        Some(Unit { value, payload: &rest[..end] })
    }
}

/// Position of the next 00 00 01.
fn find_prefix(data: &[u8]) -> Option<usize> {
    let mut i = without_zeros(data);
    while let Some(found) = data.get(i..i + 3) {
        if found == [0, 0, 1] {
            return Some(i);
        }
        i += 1;
        if found[0] != 0 {
            i += without_zeros(&data[i..]);
        }
    }
    None
}

/// Appends a unit: prefix, value and `payload`, with pseudo start code bits inserted where the unit needs them.
///
/// `payload` must be byte aligned (docs/spec/avs2#a10.1, `next_start_code`).
pub fn write_unit(out: &mut Vec<u8>, value: u8, payload: &[u8]) {
    out.extend([0, 0, 1]);
    if start_code::is_protected(value) {
        insert_pseudo_start_codes(out, value, payload);
    } else {
        out.push(value);
        out.extend(payload);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_at_prefixes() {
        let data = [9, 0, 0, 0, 1, 0xB0, 5, 6, 0, 0, 1, 0xB1, 0, 0, 1, 0xB3];
        let units: Vec<_> = Units::new(&data).map(|u| (u.value, u.payload.to_vec())).collect();
        assert_eq!(units, [(0xB0, vec![5, 6]), (0xB1, vec![]), (0xB3, vec![])]);
    }

    #[test]
    fn prefix_without_value_is_no_unit() {
        assert_eq!(Units::new(&[0, 0, 1]).count(), 0);
        assert_eq!(Units::new(&[]).count(), 0);
        assert_eq!(Units::new(&[0, 0, 2, 0xB0]).count(), 0);
    }

    #[test]
    fn finds_prefix_at_every_offset() {
        for offset in 0..12 {
            let mut data = vec![7; offset];
            data.extend([0, 0, 1, 0xB2, 1, 1]);
            assert_eq!(find_prefix(&data), Some(offset));
        }
    }
}
