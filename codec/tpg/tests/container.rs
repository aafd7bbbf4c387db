//! What the writer writes, the reader reads; what is broken has an error that says where.
#![allow(clippy::unwrap_used)]

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
    let mut writer = Writer::new(Mode::StillAlpha, 16_383, 1).unwrap();
    writer.exif(EXIF).unwrap().user_data(b"\0\0\x01\xBBany").unwrap().frame(7, COLOUR, Some(ALPHA)).unwrap();
    let file = writer.finish().unwrap();
    let container = parse(&file).unwrap();
    assert_eq!(container.header.mode(), Mode::StillAlpha);
    assert_eq!((container.header.width, container.header.height, container.header.flags), (16_383, 1, 0x94));
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
    for (width, height) in [(0, 1), (1, 0), (16_384, 1), (1, 16_384)] {
        assert!(matches!(Writer::new(Mode::Still, width, height), Err(Error::InvalidContainer { .. })));
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
