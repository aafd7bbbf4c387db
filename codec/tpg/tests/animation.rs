//! Animations that the encoder writes, decoded.

#![allow(clippy::unwrap_used)]

use tpg::encode::{
    AnimationWriter, ChromaFilter, EncodeOptions, PictureOptions, PixelFormat, Pixels, Source, ToolSet,
};
use tpg::{Decoder, Error, Frame, Mode, NeverCancel, Options};

const WIDTH: usize = 45;
const HEIGHT: usize = 31;

fn options(qp: u8) -> EncodeOptions {
    EncodeOptions {
        picture: PictureOptions { qp, effort: 1, ..PictureOptions::default() },
        ..EncodeOptions::default()
    }
}

/// A grey gradient that moves.
fn picture(shift: usize) -> Source {
    let at = |i: usize| ((i % WIDTH * 5 + i / WIDTH * 3 + 40 * shift) % 256) as u8;
    let data: Vec<u8> = (0..WIDTH * HEIGHT).map(at).collect();
    Source::of_frame(&Pixels::new(&data, WIDTH, HEIGHT, WIDTH, PixelFormat::Grey).unwrap(), ChromaFilter::Box)
}

/// RGBA with a visible disc that moves over nothing; opaque everywhere if `radius` is large.
fn disc(shift: usize, radius: usize, hidden: u8) -> Vec<u8> {
    let mut data = Vec::with_capacity(WIDTH * HEIGHT * 4);
    for i in 0..WIDTH * HEIGHT {
        let (x, y) = ((i % WIDTH).abs_diff(12 + 2 * shift), (i / WIDTH).abs_diff(14));
        let visible = x * x + y * y < radius * radius;
        data.extend(if visible { [200, 90 + x as u8 * 3, 40, 255] } else { [hidden; 4].map(|v| v & 0x7F) });
        if !visible {
            *data.last_mut().unwrap() = 0;
        }
    }
    data
}

fn rgba(data: &[u8]) -> Source {
    let pixels = Pixels::new(data, WIDTH, HEIGHT, WIDTH * 4, PixelFormat::Rgba).unwrap();
    Source::of_frame(&pixels, ChromaFilter::Sharp)
}

fn frames(file: Vec<u8>) -> Vec<Frame> {
    let mut decoder = Decoder::new(file, Options::default()).unwrap();
    std::iter::from_fn(|| decoder.next_frame(&NeverCancel).unwrap()).collect()
}

fn delays(file: Vec<u8>) -> Vec<u16> {
    frames(file).iter().map(|frame| frame.delay).collect()
}

fn same(a: &Frame, b: &Frame) -> bool {
    let [mut first, mut second] = [a, b].map(|frame| vec![0; frame.rgba_bytes()]);
    a.write_rgba(&mut first).unwrap();
    b.write_rgba(&mut second).unwrap();
    let planes = (0..3).all(|index| {
        let (a, b) = (a.plane(index).unwrap(), b.plane(index).unwrap());
        (0..a.height).all(|y| a.row(y) == b.row(y))
    });
    planes && first == second
}

#[test]
fn frames_and_delays_are_kept() {
    let mut writer = AnimationWriter::new(WIDTH as u32, HEIGHT as u32, &options(20)).unwrap();
    assert!(writer.reconstruction().is_none());
    assert_eq!((writer.encoded(), writer.waiting()), (0, 0));
    // The second and third frame are one; 0 and 1 are what browsers make of them.
    for (shift, delay) in [(0, 8), (1, 3), (1, 0), (2, 1), (3, 500), (4, 65535), (4, 2)] {
        writer.push(picture(shift), delay, &NeverCancel, &|_, _| {}).unwrap();
    }
    // Few enough to wait for more.
    assert_eq!((writer.encoded(), writer.waiting()), (0, 5));
    writer.encode_next(&NeverCancel, &|_, _| {}).unwrap();
    assert_eq!((writer.encoded(), writer.waiting()), (1, 4));
    assert!(writer.reconstruction().is_some());
    let decoded = frames(writer.finish(&NeverCancel).unwrap());
    let shifts = [0, 1, 2, 3, 4, 4];
    for (frame, shift) in decoded.iter().zip(shifts) {
        let source = picture(shift);
        let (plane, expected) = (frame.plane(0).unwrap(), source.plane(0).unwrap());
        let error: i64 = (0..HEIGHT)
            .flat_map(|y| plane.row(y).iter().zip(&expected[y * WIDTH..][..WIDTH]))
            .map(|(&a, &b)| (16 * i64::from(a) - i64::from(b)).pow(2) / 256)
            .sum();
        assert!(error < 12 * (WIDTH * HEIGHT) as i64, "shift {shift}: {error}");
    }
    let delays: Vec<u16> = decoded.iter().map(|frame| frame.delay).collect();
    assert_eq!(delays, [8, 13, 10, 500, 65535, 2]);
}

#[test]
fn long_delays_are_shared_by_copies() {
    for (delay, wanted) in [
        (65_535, vec![65_535]),
        (65_536, vec![65_533, 3]),
        (65_537, vec![65_535, 2]),
        (200_000, vec![65_535, 65_535, 65_535, 3395]),
    ] {
        let mut writer = AnimationWriter::new(WIDTH as u32, HEIGHT as u32, &options(30)).unwrap();
        writer.push(picture(0), delay, &NeverCancel, &|_, _| {}).unwrap();
        writer.push(picture(1), 7, &NeverCancel, &|_, _| {}).unwrap();
        let file = writer.finish(&NeverCancel).unwrap();
        assert_eq!(delays(file), [wanted, vec![7]].concat());
    }
    let mut writer = AnimationWriter::new(WIDTH as u32, HEIGHT as u32, &options(30)).unwrap();
    let longest = AnimationWriter::MAX_DELAY;
    let error = writer.push(picture(0), longest + 1, &NeverCancel, &|_, _| {}).unwrap_err();
    assert_eq!(error, Error::InvalidOption { option: "delay", value: i64::from(longest) + 1 });
    writer.push(picture(0), longest, &NeverCancel, &|_, _| {}).unwrap();
    writer.push(picture(0), longest, &NeverCancel, &|_, _| {}).unwrap();
    let file = writer.finish(&NeverCancel).unwrap();
    assert!(file.len() < 20_000, "{}", file.len());
    let stored = delays(file);
    assert_eq!(stored.iter().map(|&delay| u32::from(delay)).sum::<u32>(), 2 * longest);
}

#[test]
fn alpha_is_written_for_every_frame() {
    for (tools, effort) in [(ToolSet::Genuine, 1), (ToolSet::Full, 5)] {
        let mut options = options(28);
        options.picture.tools = tools;
        options.picture.effort = effort;
        options.alpha_qp = 12;
        let mut writer = AnimationWriter::with_alpha(WIDTH as u32, HEIGHT as u32, &options).unwrap();
        let mut expected = Vec::new();
        // The second frame is opaque and has no alpha, the fourth equals the third but for hidden colour.
        let pictures = [disc(0, 9, 3), disc(1, 99, 0), disc(2, 9, 3), disc(2, 9, 100), disc(4, 7, 9)];
        for data in &pictures {
            writer.push(rgba(data), 4, &NeverCancel, &|_, _| {}).unwrap();
        }
        for n in [0, 1, 2, 4] {
            let rows = std::sync::Mutex::new(Vec::new());
            writer.encode_next(&NeverCancel, &|done, all| rows.lock().unwrap().push((done, all))).unwrap();
            assert_eq!(rows.into_inner().unwrap().last().copied(), Some((2, 2)));
            expected.push((n, writer.reconstruction().unwrap()));
        }
        let file = writer.finish(&NeverCancel).unwrap();
        let decoder = Decoder::new(&file[..], Options::default()).unwrap();
        assert_eq!(decoder.container().header.mode(), Mode::AnimationAlpha);
        assert_eq!(decoder.container().header.flags, 0xD4);
        let decoded = frames(file);
        assert_eq!(decoded.len(), expected.len());
        assert_eq!(decoded.iter().map(|frame| frame.delay).collect::<Vec<_>>(), [4, 4, 8, 4]);
        for (frame, (n, expected)) in decoded.iter().zip(&expected) {
            assert!(same(frame, expected), "frame {n}");
            let alpha = frame.alpha().unwrap();
            let off = |(i, pixel): &(usize, &[u8])| alpha.row(i / WIDTH)[i % WIDTH].abs_diff(pixel[3]) > 10;
            let count = pictures[*n].chunks_exact(4).enumerate().filter(off).count();
            assert!(count < 5, "frame {n}: {count} pixels");
        }
    }
}

#[test]
fn hidden_blocks_cost_nothing() {
    let size = |hidden: &dyn Fn(usize) -> u8| {
        let mut writer = AnimationWriter::with_alpha(WIDTH as u32, HEIGHT as u32, &options(20)).unwrap();
        for n in 0..4 {
            // Every frame has another hidden colour, and the disc does not move.
            writer.push(rgba(&disc(0, 9 + n % 2, hidden(n))), 4, &NeverCancel, &|_, _| {}).unwrap();
        }
        writer.finish(&NeverCancel).unwrap().len()
    };
    assert_eq!(size(&|n| 30 * n as u8), size(&|_| 0));
}

#[test]
fn wrong_frames_are_named() {
    let empty = AnimationWriter::new(45, 31, &options(20)).unwrap().finish(&NeverCancel).unwrap_err();
    assert_eq!(empty, Error::MissingPicture { element: "picture chunk", frame: 0 });
    let mut writer = AnimationWriter::new(46, 31, &options(20)).unwrap();
    let error = writer.push(picture(0), 8, &NeverCancel, &|_, _| {}).unwrap_err();
    assert_eq!(error, Error::InvalidOption { option: "width of a frame", value: 45 });
    let pixels = Pixels::new(&[9, 0], 1, 1, 2, PixelFormat::GreyAlpha).unwrap();
    let error = writer.push(Source::of_frame(&pixels, ChromaFilter::Box), 8, &NeverCancel, &|_, _| {});
    let option = "alpha of a frame of an animation";
    assert_eq!(error.unwrap_err(), Error::InvalidOption { option, value: 1 });
    let mut writer = AnimationWriter::with_alpha(45, 32, &options(20)).unwrap();
    let error = writer.push(picture(0), 8, &NeverCancel, &|_, _| {}).unwrap_err();
    assert_eq!(error, Error::InvalidOption { option: "height of a frame", value: 31 });
    let mut options = options(20);
    options.alpha_qp = 64;
    let error = AnimationWriter::with_alpha(45, 32, &options).unwrap_err();
    assert_eq!(error, Error::InvalidOption { option: "alpha_qp", value: 64 });
}

#[test]
fn the_caller_may_stop() {
    let mut writer = AnimationWriter::with_alpha(WIDTH as u32, HEIGHT as u32, &options(20)).unwrap();
    writer.push(picture(0), 8, &NeverCancel, &|_, _| {}).unwrap();
    // Also where nothing is to be encoded.
    assert_eq!(writer.push(picture(0), 8, &|| true, &|_, _| {}).unwrap_err(), Error::Cancelled);
}
