//! Files cut at many lengths: as many rows as are said to be whole have the pixels of the whole file.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use tpg::encode::{ChromaFilter, EncodeOptions, PictureOptions, PixelFormat, Pixels, Source};
use tpg::{Decoder, Error, Limits, NeverCancel, Options};

/// RGBA where there are no pixels: luma 128 of limited range.
const GREY: [u8; 4] = [130, 130, 130, 255];

fn options(threads: usize) -> Options {
    // Less than the largest sizes that headers of malformed files ask for.
    let limits = Limits { max_pixels: 1 << 20, ..Limits::default() };
    Options { threads, limits, ..Options::default() }
}

/// A frame as RGBA, its width, and how many of its rows are whole.
#[derive(Debug, PartialEq, Eq)]
struct Shown {
    rgba: Vec<u8>,
    width: usize,
    rows: usize,
}

impl Shown {
    fn height(&self) -> usize {
        self.rgba.len() / 4 / self.width
    }

    fn row(&self, y: usize) -> &[u8] {
        &self.rgba[y * self.width * 4..][..self.width * 4]
    }
}

fn frames(mut decoder: Decoder<&[u8]>) -> (Vec<Shown>, Option<Error>) {
    let mut shown = Vec::new();
    loop {
        match decoder.next_frame(&NeverCancel) {
            Ok(Some(frame)) => {
                let mut rgba = vec![0; frame.rgba_bytes()];
                frame.write_rgba(&mut rgba).unwrap();
                shown.push(Shown { rgba, width: frame.width, rows: frame.whole_rows });
            }
            Ok(None) => return (shown, None),
            Err(error) => return (shown, Some(error)),
        }
    }
}

fn cut(data: &[u8], threads: usize) -> Result<(Vec<Shown>, Option<Error>), Error> {
    Decoder::new_cut(data, options(threads)).map(frames)
}

/// Cuts a file at `lengths`; gives how many rows of the first frame were whole at each.
fn check(name: &str, data: &[u8], lengths: impl Iterator<Item = usize>) -> Vec<usize> {
    let (whole, error) = frames(Decoder::new(data, options(1)).unwrap());
    assert_eq!(cut(data, 2).unwrap(), (whole, error), "{name}: not cut");
    let (whole, _) = frames(Decoder::new(data, options(1)).unwrap());
    let first = |length: usize| {
        let Ok((frames, _)) = cut(&data[..length], 1 + length % 2) else {
            assert!(length < 30, "{name}, {length} bytes: no header");
            return 0;
        };
        assert!(!frames.is_empty() && frames.len() <= whole.len(), "{name}, {length} bytes");
        for (shown, expected) in frames.iter().zip(&whole) {
            assert_eq!(shown.rgba.len(), expected.rgba.len(), "{name}, {length} bytes");
            for y in 0..shown.rows {
                assert!(shown.row(y) == expected.row(y), "{name}, {length} bytes: row {y}");
            }
        }
        // Frames behind the first one are whole, or not there.
        assert!(frames[1..].iter().all(|frame| frame.rows == frame.height()), "{name}, {length} bytes");
        frames[0].rows
    };
    let rows: Vec<usize> = lengths.map(first).collect();
    assert!(rows.is_sorted(), "{name}: {rows:?}");
    rows
}

fn testdata(path: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata").join(path)).unwrap()
}

/// A picture with several rows of largest coding units.
fn still(channels: usize) -> Vec<u8> {
    let (width, height) = (150, 300);
    let at = |i: usize| {
        let (x, y, c) = (i / channels % width, i / channels / width, i % channels);
        ((x * (3 + c) + y * 2) ^ ((x * y / 16) * (c + 1))) as u8
    };
    let bytes: Vec<u8> = (0..width * height * channels).map(at).collect();
    let format = if channels == 4 { PixelFormat::Rgba } else { PixelFormat::Rgb };
    let pixels = Pixels::new(&bytes, width, height, width * channels, format).unwrap();
    let options = EncodeOptions {
        picture: PictureOptions { qp: 40, effort: 1, ..PictureOptions::default() },
        ..EncodeOptions::default()
    };
    Source::new(&pixels, ChromaFilter::Box).encode(&options, &NeverCancel, &|_, _| {}).unwrap().file
}

#[test]
fn stills_are_shown_as_far_as_they_go() {
    let opaque = still(3);
    let rows = check("still", &opaque, (0..=opaque.len()).step_by(37));
    assert!(rows.iter().filter(|&&rows| 0 < rows && rows < 300).count() > rows.len() / 2, "{rows:?}");
    let genuine = testdata("tpg/tpg.jpg");
    let rows = check("tpg.jpg", &genuine, (0..=20).map(|i| genuine.len() * i / 20));
    assert!(rows[10] > 100 && rows[19] > 400 && rows[20] == 540, "{rows:?}");
}

#[test]
fn what_is_not_there_is_grey_and_opaque() {
    let file = still(4);
    for length in [file.len() / 4, file.len() * 3 / 4] {
        let (shown, error) = cut(&file[..length], 1).unwrap();
        assert_eq!(shown.len(), 1);
        let shown = &shown[0];
        assert!(matches!(error, Some(Error::Truncated { .. })), "{error:?}");
        assert!(shown.rows < 300);
        assert!(shown.row(299).chunks(4).all(|pixel| pixel[3] == 255), "alpha is not there yet");
    }
    // Before the first row, and before the colour picture.
    for length in [200, 40, 24] {
        let (shown, _) = cut(&file[..length], 1).unwrap();
        assert_eq!(shown[0].rows, 0);
        assert!((0..300).all(|y| shown[0].row(y).chunks(4).all(|pixel| pixel == GREY)), "{length} bytes");
    }
    let opaque = still(3);
    let (shown, _) = cut(&opaque[..opaque.len() * 3 / 4], 1).unwrap();
    assert!(shown[0].row(299).chunks(4).all(|pixel| pixel == GREY));
    check("alpha", &file, (0..=file.len()).step_by(61));
}

#[test]
fn a_missing_end_code_costs_nothing() {
    for file in [still(3), still(4), testdata("tpg/tpg.jpg"), testdata("tpg/base_alpha.tpg")] {
        let height = check("whole", &file, std::iter::once(file.len()))[0];
        for missing in 1..=4 {
            let rows = check("end code", &file, std::iter::once(file.len() - missing))[0];
            assert_eq!(rows, height, "{missing} bytes");
        }
    }
}

#[test]
fn small_files_at_every_length() {
    for name in ["base_still", "base_alpha", "base_exif", "base_animation"] {
        let file = testdata(&format!("tpg/{name}.tpg"));
        let rows = check(name, &file, 0..=file.len());
        assert_eq!(rows.last(), Some(&51), "{name}");
    }
    let genuine = testdata("tpg/dingdang_tpg.gif");
    check("dingdang", &genuine, (0..=genuine.len()).step_by(399));
}

#[test]
fn damaged_stills_are_shown_up_to_the_damage() {
    let mut file = still(3);
    let half = file.len() / 2;
    let (whole, _) = frames(Decoder::new(&file[..], options(1)).unwrap());
    file[half..].fill(0);
    assert!(frames(Decoder::new(&file[..], options(1)).unwrap()).1.is_some());
    let (shown, _) = cut(&file, 1).unwrap();
    // Where the damage begins cannot be told from where it is found.
    assert!(shown[0].row(0) == whole[0].row(0) && shown[0].row(100) == whole[0].row(100));
}

#[test]
fn malformed_files_at_many_lengths() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata");
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors/tpg-malformed");
    let folders = [folder.join("malformed"), folder.join("findings"), shared];
    let mut shown = 0;
    for entry in folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "tpg") {
            continue;
        }
        let data = fs::read(&path).unwrap();
        for length in (0..=data.len().min(1000)).step_by(5).chain([data.len()]) {
            let results = [1, 2].map(|threads| cut(&data[..length], threads));
            assert_eq!(results[0], results[1], "{}, {length} bytes", path.display());
            shown += results[0].as_ref().map_or(0, |(frames, _)| frames.len());
        }
    }
    assert!(shown > 100, "{shown}");
}
