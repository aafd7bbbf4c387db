//! The header of a JPEG and its scans, read without decoding (ITU-T T.81, annex B).

use memchr::memchr;

use crate::error::{Error, Result};
use crate::mode::Mode;

const SOI: u8 = 0xD8;
const EOI: u8 = 0xD9;
const SOS: u8 = 0xDA;
const TEM: u8 = 0x01;

/// Sampling factors of a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Component {
    /// Samples across in an MCU, 1-4.
    pub across: u8,
    /// Samples down in an MCU, 1-4.
    pub down: u8,
}

/// What a JPEG says of itself before its pixels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// Sampling of each component, in order.
    pub components: Vec<Component>,
    /// Bits of a sample.
    pub precision: u8,
    /// Coded in several passes of growing precision.
    pub progressive: bool,
    /// Coded with the arithmetic coder.
    pub arithmetic: bool,
    /// Coded without loss, by prediction.
    pub lossless: bool,
    /// Place of the byte after the frame header.
    end: usize,
}

impl Header {
    /// The mode that pixels are decoded to; None for counts of components that have none.
    pub fn mode(&self) -> Option<Mode> {
        match self.components.len() {
            1 => Some(Mode::L),
            3 => Some(Mode::Rgb),
            4 => Some(Mode::Cmyk),
            _ => None,
        }
    }

    /// The usual name of the chroma sampling, as "4:2:0"; None if it has none.
    pub fn sampling(&self) -> Option<&'static str> {
        let [luma, blue, red] = self.components[..] else { return None };
        if blue != red || blue != (Component { across: 1, down: 1 }) {
            return None;
        }
        match (luma.across, luma.down) {
            (1, 1) => Some("4:4:4"),
            (2, 1) => Some("4:2:2"),
            (2, 2) => Some("4:2:0"),
            (1, 2) => Some("4:4:0"),
            (4, 1) => Some("4:1:1"),
            _ => None,
        }
    }
}

/// One marker and the bytes of its segment, without the length.
struct Segment<'a> {
    marker: u8,
    body: &'a [u8],
    end: usize,
}

/// The segment whose marker is the next one from `place` on; None at the end of the data.
fn next_segment(data: &[u8], mut place: usize) -> Option<Segment<'_>> {
    loop {
        place += memchr(0xFF, data.get(place..)?)?;
        let marker = *data.get(place + 1)?;
        place += 1;
        match marker {
            0xFF => {}
            // Stuffing, and restarts inside a scan.
            0x00 | TEM | 0xD0..=0xD7 => place += 1,
            SOI | EOI => return Some(Segment { marker, body: &[], end: place + 1 }),
            _ => {
                let length = usize::from(u16::from_be_bytes([*data.get(place + 1)?, *data.get(place + 2)?]));
                let end = place + 1 + length;
                let body = data.get(place + 3..end)?;
                return Some(Segment { marker, body, end });
            }
        }
    }
}

/// Reads up to the frame header.
///
/// # Errors
/// It is no JPEG, or has no frame header before its first scan.
pub fn read_header(data: &[u8]) -> Result<Header> {
    if !data.starts_with(&[0xFF, SOI]) {
        return Err(Error::Damaged("the data do not begin like a JPEG".into()));
    }
    let mut place = 2;
    while let Some(segment) = next_segment(data, place) {
        match segment.marker {
            SOS | EOI => break,
            // The frame headers, which share their numbers with DHT, JPG and DAC.
            0xC0..=0xCF if !matches!(segment.marker, 0xC4 | 0xC8 | 0xCC) => return frame(&segment),
            _ => place = segment.end,
        }
    }
    Err(Error::Damaged("the JPEG ends before it says its size".into()))
}

fn frame(segment: &Segment<'_>) -> Result<Header> {
    let damaged = |told: &str| Error::Damaged(format!("the frame header of the JPEG {told}"));
    let [precision, h1, h0, w1, w0, count, rest @ ..] = segment.body else {
        return Err(damaged("is too short"));
    };
    let (parts, _) = rest.as_chunks::<3>();
    if parts.len() < usize::from(*count) || *count == 0 {
        return Err(damaged("has not the components that it announces"));
    }
    let components = parts[..usize::from(*count)]
        .iter()
        .map(|[_, factors, _]| Component { across: factors >> 4, down: factors & 15 })
        .collect::<Vec<_>>();
    if components.iter().any(|part| !(1..=4).contains(&part.across) || !(1..=4).contains(&part.down)) {
        return Err(damaged("has sampling factors out of range"));
    }
    let (width, height) = (u16::from_be_bytes([*w1, *w0]), u16::from_be_bytes([*h1, *h0]));
    if width == 0 || height == 0 {
        return Err(damaged(&format!("says {width}x{height} pixels")));
    }
    let kind = segment.marker & 15;
    Ok(Header {
        width: width.into(),
        height: height.into(),
        components,
        precision: *precision,
        progressive: kind & 3 == 2,
        arithmetic: kind > 8,
        lossless: kind & 3 == 3,
        end: segment.end,
    })
}

/// Counts the scans, up to `limit`; a file that is cut off counts what begins in it.
pub fn count_scans(data: &[u8], header: &Header, limit: u32) -> u32 {
    let (mut place, mut scans) = (header.end, 0);
    while scans < limit {
        match next_segment(data, place) {
            None | Some(Segment { marker: EOI, .. }) => break,
            Some(segment) => {
                scans += u32::from(segment.marker == SOS);
                place = segment.end;
            }
        }
    }
    scans
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: [u8; 19] = [0xFF, 0xC2, 0, 17, 8, 0, 9, 0, 7, 3, 1, 0x22, 0, 2, 0x11, 0, 3, 0x11, 0];

    #[test]
    fn reads_frame_and_scans() {
        let scan = [0xFF, SOS, 0, 3, 1, 5, 0xFF, 0, 0xFF, 0xD0, 6];
        let data = [&[0xFF, SOI, 0xFF, 0xFF, 0xE0, 0, 4, 0xFF, 0xC0][..], &FRAME, &scan, &scan, &[0xFF, EOI]]
            .concat();
        let header = read_header(&data).unwrap();
        assert_eq!((header.width, header.height, header.progressive), (7, 9, true));
        assert_eq!((header.mode(), header.sampling()), (Some(Mode::Rgb), Some("4:2:0")));
        assert_eq!((count_scans(&data, &header, 9), count_scans(&data, &header, 1)), (2, 1));
    }

    #[test]
    fn every_cut_is_an_error() {
        let data = [&[0xFF, SOI][..], &FRAME].concat();
        assert!(read_header(&data).is_ok());
        for end in 0..data.len() {
            assert!(matches!(read_header(&data[..end]), Err(Error::Damaged(_))), "{end}");
        }
    }
}
