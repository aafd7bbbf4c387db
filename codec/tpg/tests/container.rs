//! What the writer writes, the reader reads; what is broken has an error that says where.
#![allow(clippy::unwrap_used)]

use tpg::colour::ColourRange;
use tpg::{Container, Decoder, Error, FileType, Limits, Mode, NeverCancel, Options, StreamDecoder, Writer};

const COLOUR: &[u8] = &[0, 0, 1, 0xB0, 1, 2, 3, 0, 0, 1, 0xB3, 9];
const ALPHA: &[u8] = &[0, 0, 1, 0xB3, 4, 5];
const END: &[u8] = &[0, 0, 1, 0xB1];
const EXIF: &[u8] = b"MM\0*\0\0\0\x08\0\0\0\0\0\0";

fn parse(file: &[u8]) -> Result<Container, Error> {
    Container::parse(file, &Limits::default())
}

fn still() -> Vec<u8> {
    let mut writer = Writer::new(Mode::Still, 300, 200).unwrap();
    writer.frame(0, COLOUR, None).unwrap();
    writer.finish().unwrap()
}

#[test]
fn a_still_has_the_bytes_of_the_description() {
    let mut wanted = b"TPG AVS2B\0\0\x01\xB9\0\x0A\x14\0\0\x01\x2C\0\0\xC8\0\0\x01\xBB\0\0\0\x14".to_vec();
    wanted.extend_from_slice(COLOUR);
    wanted.extend_from_slice(END);
    assert_eq!(still(), wanted);
    assert_eq!(tpg::file_type(&wanted), Some(FileType::Tpg));
}

#[test]
fn a_still_with_alpha_and_metadata() {
    let mut writer = Writer::new(Mode::StillAlpha, 16_382, 1).unwrap();
    writer.exif(EXIF).unwrap().user_data(b"\0\0\x01\xBBany").unwrap().frame(7, COLOUR, Some(ALPHA)).unwrap();
    let file = writer.finish().unwrap();
    let container = parse(&file).unwrap();
    assert_eq!(container.header.mode(), Mode::StillAlpha);
    assert_eq!((container.header.width, container.header.height, container.header.flags), (16_382, 1, 0x94));
    assert_eq!(container.header.declared_frames, None);
    assert_eq!(&file[container.exif.unwrap()], EXIF);
    assert_eq!(&file[container.user_data[0].clone()], b"\0\0\x01\xBBany");
    assert_eq!(container.frames[0].delay, 0);
    assert_eq!(&file[container.frames[0].colour.clone()], COLOUR);
    assert_eq!(file[container.frames[0].alpha.clone().unwrap()], [ALPHA, END].concat());
    assert_eq!((container.damage, container.trailing_bytes), (None, 0));
}

#[test]
fn animations_keep_their_delays() {
    for (mode, alpha) in [(Mode::Animation, None), (Mode::AnimationAlpha, Some(ALPHA))] {
        let mut writer = Writer::new(mode, 64, 48).unwrap();
        let delays = [0, 1, 8, 256, 0x0100, 65_535];
        for delay in delays {
            writer.frame(delay, COLOUR, alpha).unwrap();
        }
        let file = writer.finish().unwrap();
        let container = parse(&file).unwrap();
        assert_eq!(container.header.mode(), mode);
        assert_eq!(container.header.declared_frames, Some(6));
        assert_eq!(container.frames.iter().map(|frame| frame.delay).collect::<Vec<_>>(), delays);
        for frame in &container.frames {
            assert!(file[frame.colour.clone()].starts_with(COLOUR));
            assert_eq!(frame.alpha.is_some(), alpha.is_some());
        }
        assert!(file.ends_with(END));
        assert_eq!(file.windows(4).filter(|bytes| *bytes == END).count(), 1);
    }
}

#[test]
fn the_writer_refuses_what_cannot_be_read() {
    for (width, height) in [(0, 1), (1, 0), (16_383, 1), (1, 16_383), (16_384, 1)] {
        let error = Writer::new(Mode::Still, width, height).unwrap_err();
        let wanted =
            format!("a picture of {width}x{height} pixels cannot be written: sides of TPG are 1 to 16382");
        assert_eq!(error.to_string(), wanted);
    }
    let mut still = Writer::new(Mode::Still, 8, 8).unwrap();
    assert!(matches!(still.frame(0, &[], None), Err(Error::MissingPicture { .. })));
    assert!(matches!(still.frame(0, COLOUR, Some(ALPHA)), Err(Error::InvalidContainer { .. })));
    let mut twice = Writer::new(Mode::Still, 8, 8).unwrap();
    twice.frame(0, COLOUR, None).unwrap();
    assert!(matches!(twice.frame(0, COLOUR, None), Err(Error::InvalidContainer { .. })));
    let mut alpha = Writer::new(Mode::StillAlpha, 8, 8).unwrap();
    assert!(matches!(alpha.frame(0, COLOUR, None), Err(Error::MissingPicture { .. })));
    let empty = Writer::new(Mode::Animation, 8, 8).unwrap();
    assert!(matches!(empty.finish(), Err(Error::MissingPicture { .. })));
}

#[test]
fn a_refused_frame_leaves_the_writer_as_it_was() {
    let mut writer = Writer::new(Mode::StillAlpha, 8, 8).unwrap();
    assert!(writer.frame(0, COLOUR, None).is_err());
    writer.frame(0, COLOUR, Some(ALPHA)).unwrap();
    let file = writer.finish().unwrap();
    let container = parse(&file).unwrap();
    assert_eq!(container.frames.len(), 1);
    assert_eq!(container.frames[0].colour.start, 31);
}

#[test]
fn every_cut_of_a_still_is_an_error() {
    let file = still();
    for length in 0..file.len() {
        let error = parse(&file[..length]).unwrap_err();
        match length {
            0 => assert_eq!(error, Error::NotTpg),
            23 => assert_eq!(error, Error::MissingPicture { element: "picture chunk", frame: 0 }),
            _ => assert!(matches!(error, Error::Truncated { .. }), "{length}: {error}"),
        }
    }
}

#[test]
fn cut_animations_keep_their_whole_frames() {
    let mut writer = Writer::new(Mode::Animation, 64, 48).unwrap();
    for _ in 0..3 {
        writer.frame(5, COLOUR, None).unwrap();
    }
    let file = writer.finish().unwrap();
    let ends: Vec<usize> = parse(&file).unwrap().frames.iter().map(|frame| frame.colour.end).collect();
    for length in ends[0]..file.len() {
        let container = parse(&file[..length]).unwrap();
        assert_eq!(container.frames.len(), ends.iter().filter(|&&end| end <= length).count());
        assert!(container.damage.is_some(), "{length}");
    }
}

#[test]
fn sizes_that_overflow_are_errors() {
    let mut file = still();
    for size in [u32::MAX, u32::MAX - 3, 1 << 31, 21] {
        file[27..31].copy_from_slice(&size.to_be_bytes());
        let error = parse(&file).unwrap_err();
        let wanted = Error::Truncated {
            element: "a picture chunk",
            offset: 23,
            needed: u64::from(size) + 4,
            available: file.len() as u64 - 23,
        };
        assert_eq!(error, wanted);
    }
    for size in 0..4u32 {
        file[27..31].copy_from_slice(&size.to_be_bytes());
        let wanted = Error::InvalidContainer { element: "a chunk's size", value: size.into(), offset: 27 };
        assert_eq!(parse(&file).unwrap_err(), wanted);
    }
}

#[test]
fn budgets_are_checked() {
    let file = still();
    let limits = Limits::default();
    for (limits, limit) in [
        (Limits { max_pixels: 59_999, ..limits }, "number of pixels"),
        (Limits { max_bytes: file.len() - 1, ..limits }, "file size"),
        (Limits { max_frames: 0, ..limits }, "number of frames"),
        (Limits { max_total_pixels: 59_999, ..limits }, "number of pixels of all frames"),
    ] {
        match Container::parse(&file, &limits) {
            Err(Error::Limit { limit: found, .. }) => assert_eq!(found, limit),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_flood_of_user_data_is_an_error() {
    let mut writer = Writer::new(Mode::Still, 8, 8).unwrap();
    for _ in 0..257 {
        writer.user_data(&[]).unwrap();
    }
    writer.frame(0, COLOUR, None).unwrap();
    assert!(matches!(parse(&writer.finish().unwrap()), Err(Error::Limit { .. })));
}

#[test]
fn decoders_end_after_an_error() {
    let mut decoder = Decoder::new(still(), Options::default()).unwrap();
    assert!(matches!(decoder.next_frame(&NeverCancel), Err(Error::InvalidStream { frame: 0, .. })));
    assert!(matches!(decoder.next_frame(&NeverCancel), Ok(None)));
    for stream in [&b""[..], END, COLOUR] {
        let mut decoder = StreamDecoder::new(stream, Options::default()).unwrap();
        assert!(decoder.next_frame(&NeverCancel).is_err());
        assert!(matches!(decoder.next_frame(&NeverCancel), Ok(None)));
    }
}

/// A file of chunks with these codes, which hold what the fields of `still` and their alpha do.
fn file(flags: u8, count: Option<u8>, codes: &[u8]) -> Vec<u8> {
    let size = if count.is_some() { 13 } else { 10 };
    let mut file = b"TPG AVS2B\0\0\x01\xB9\0".to_vec();
    file.extend([size, flags, 0, 0, 0, 9, 0, 0, 9]);
    file.extend(count.iter().flat_map(|&count| [0, 0, count]));
    for &code in codes {
        let payload = match code {
            0xBB => [&[0, 5][..usize::from(flags & 0x40) / 32], COLOUR].concat(),
            0xBC => ALPHA.to_vec(),
            _ => b"any".to_vec(),
        };
        file.extend([0, 0, 1, code, 0, 0, 0, payload.len() as u8 + 4]);
        file.extend(payload);
    }
    file
}

#[test]
fn reading_is_as_lenient_as_tencents_decoder() {
    let frames = |flags, count, codes: &[u8]| {
        let container = parse(&file(flags, count, codes)).unwrap();
        assert_eq!(container.damage, None, "{codes:x?}");
        container.frames.len()
    };
    assert_eq!(frames(0x54, Some(2), &[0xBB, 0xBB, 0xBB, 0xBB]), 2, "more frames than announced");
    assert_eq!(frames(0x54, None, &[0xBB, 0xBB]), 1, "no number of frames");
    assert_eq!(frames(0x54, Some(0), &[0xBB, 0xBB]), 1, "none announced");
    assert_eq!(frames(0x54, Some(2), &[0xBB, 0xC5, 0xBB, 0xC5]), 2, "unknown chunks");
    assert_eq!(frames(0xD4, Some(2), &[0xC5, 0xBB, 0xBC, 0xC5, 0xBB, 0xBA, 0xBD, 0xBC]), 2);
    assert_eq!(frames(0x14, None, &[0xBD, 0xBB, 0xBA, 0xBA]), 1);
    let exif = parse(&file(0x14, None, &[0xBB, 0xBA, 0xBA])).unwrap().exif;
    assert_eq!(exif.map(|range| range.start), Some(23 + 8 + COLOUR.len() + 8), "the first one counts");
}

#[test]
fn what_tencents_decoder_refuses_is_refused() {
    let element = "code of a chunk between a picture and its alpha";
    let error = Error::InvalidContainer { element, value: 0xC5, offset: 23 + 8 + COLOUR.len() };
    assert_eq!(parse(&file(0x94, None, &[0xBB, 0xC5, 0xBC])).unwrap_err(), error);
    let container = parse(&file(0xD4, Some(2), &[0xBB, 0xBC, 0xBB, 0xC5, 0xBC])).unwrap();
    assert_eq!(container.frames.len(), 1);
    assert!(matches!(container.damage, Some(Error::InvalidContainer { .. })), "{:?}", container.damage);
    for flags in 0..=0xFF_u8 {
        let file = file(flags, Some(1), &[0xBB, 0xBC]);
        let decoded = parse(&file)
            .and_then(|_| Decoder::new(&file[..], Options::default())?.next_frame(&NeverCancel).map(|_| ()));
        let refused = flags & 0x08 != 0 || flags & 0x30 == 0x30;
        // What is decoded in the end is not a picture.
        assert_eq!(matches!(decoded, Err(Error::Unsupported { .. })), refused, "{flags:#x}: {decoded:?}");
        assert_eq!(parse(&file).is_err(), flags & 0x08 != 0);
    }
}

#[test]
fn a_clear_flag_means_full_range() {
    for flags in [0x04, 0x14, 0x24, 0x07, 0x94] {
        let range = parse(&file(flags, None, &[0xBB, 0xBC])).unwrap().header.range();
        assert_eq!(range, ColourRange::Limited);
        let range = parse(&file(flags & !4, None, &[0xBB, 0xBC])).unwrap().header.range();
        assert_eq!(range, ColourRange::Full);
    }
}

/// A finding of the fuzzer: written again, such a file reads differently, as the end code becomes the value.
#[test]
fn a_start_code_without_its_value_at_the_end_is_no_unit() {
    let path =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/findings/start_code_without_value_at_the_end.tpg");
    let mut decoder = Decoder::new(std::fs::read(path).unwrap(), Options::default()).unwrap();
    let frames = std::iter::from_fn(|| decoder.next_frame(&NeverCancel).transpose());
    assert_eq!(frames.map(Result::unwrap).count(), 4);
}

/// A finding of the fuzzer: alpha pictures without their flag are not shown, but others may refer to them.
#[test]
fn alpha_without_its_flag_is_decoded() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/findings/alpha_without_its_flag.tpg");
    let mut decoder = Decoder::new(std::fs::read(path).unwrap(), Options::default()).unwrap();
    let frames = std::iter::from_fn(|| decoder.next_frame(&NeverCancel).transpose());
    assert_eq!(frames.map(|frame| frame.unwrap().has_alpha()).collect::<Vec<_>>(), [false; 3]);
}
