//! Streams that end too soon, at many lengths: what is said to be there is what the whole stream has.

#![allow(clippy::panic, clippy::unwrap_used)]

mod common;

use std::fs;
use std::process::ExitCode;

use avs2::decoder::Cut;
use avs2::{Decoder, DecoderOptions, Error, Limits, NeverCancel, Picture};

fn main() -> ExitCode {
    common::run(cases! {
        "vectors/avs2/intra" => rows_of_cut_streams_are_those_of_the_whole;
        "vectors/avs2/application" => rows_of_cut_genuine_streams_are_those_of_the_whole;
        "vectors/avs2/malformed" => malformed_streams_end_in_an_error_or_a_picture;
    })
}

const FILL: u8 = 77;

fn decoder(threads: usize) -> Decoder {
    let limits = Limits { max_pixels: 1 << 20, ..Limits::default() };
    Decoder::new(DecoderOptions { limits, threads, ..DecoderOptions::default() })
}

/// The first picture in coding order.
fn whole(data: &[u8]) -> Option<Picture> {
    let mut decoder = decoder(1);
    decoder.decode(data, &NeverCancel).ok()?;
    decoder.flush();
    std::iter::from_fn(|| decoder.next_picture()).min_by_key(|picture| picture.coding_order)
}

fn cut(data: &[u8], is_short: bool, threads: usize) -> Result<(usize, Picture), Error> {
    let mut decoder = decoder(threads);
    let rows = decoder.decode_cut(data, Cut { is_short, fill: FILL }, &NeverCancel)?;
    decoder.flush();
    Ok((rows, decoder.next_picture().unwrap()))
}

/// The first rows of luma and half as many of chroma; what is below has to be filled.
fn split(picture: &Picture, rows: usize) -> (Vec<&[u8]>, bool) {
    let planes = (0..3).map(|c| (picture.plane(c), rows >> usize::from(c > 0)));
    let there = planes.clone().flat_map(|(plane, rows)| (0..rows).map(|y| plane.row(y))).collect();
    let mut below = planes.flat_map(|(plane, rows)| (rows..plane.height).map(|y| plane.row(y)));
    (there, below.all(|row| row.iter().all(|&sample| sample == FILL)))
}

/// Cuts a stream at `steps` lengths; how many cut ones had some rows, but not all.
fn check(name: &str, data: &[u8], steps: usize) -> usize {
    let Some(expected) = whole(data) else { return 0 };
    let height = expected.plane(0).height;
    let (mut before, mut partial) = (0, 0);
    for i in 0..=steps {
        let length = data.len() * i / steps;
        let Ok((rows, picture)) = cut(&data[..length], true, 1 + i % 2) else { continue };
        assert!(before <= rows && rows <= height, "{name}, {length} bytes: {rows} rows after {before}");
        assert_eq!((picture.width, picture.height), (expected.width, expected.height), "{name}");
        let (there, is_filled) = split(&picture, rows);
        assert!(there == split(&expected, rows).0, "{name}, {length} bytes: {rows} rows differ");
        assert!(is_filled, "{name}, {length} bytes: not filled below row {rows}");
        partial += usize::from(0 < rows && rows < height);
        before = rows;
    }
    assert_eq!(before, height, "{name}: rows of the whole stream");
    partial
}

fn check_folder(folder: &str, steps: usize) -> usize {
    let check =
        |path: std::path::PathBuf| check(&path.display().to_string(), &fs::read(&path).unwrap(), steps);
    common::streams(&common::shared(folder)).into_iter().map(check).sum()
}

fn rows_of_cut_streams_are_those_of_the_whole() {
    let partial = check_folder("vectors/avs2/intra", 24);
    assert!(partial > 500, "only {partial} cut streams had some rows");
}

fn rows_of_cut_genuine_streams_are_those_of_the_whole() {
    let partial = check_folder("vectors/avs2/application", 12);
    assert!(partial > 10, "only {partial} cut streams had some rows");
}

fn malformed_streams_end_in_an_error_or_a_picture() {
    let mut pictures = 0;
    for path in common::streams(&common::shared("vectors/avs2/malformed")) {
        let data = fs::read(&path).unwrap();
        for length in (0..=data.len().min(400)).step_by(7).chain([data.len()]) {
            let results = [1, 2].map(|threads| cut(&data[..length], length < data.len(), threads));
            let seen =
                results.map(|result| result.map(|(rows, picture)| (rows, picture.width, picture.height)));
            assert_eq!(seen[0], seen[1], "{}, {length} bytes", path.display());
            pictures += usize::from(seen[0].is_ok());
        }
    }
    assert!(pictures > 100, "only {pictures} pictures");
}
