//! Bit-exact decoding of the streams with inter pictures, stage by stage, and of the genuine animations.
//!
//! The streams are read from `vectors/avs2` and `corpus/tpg` of the shared data (see `common::shared`).

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use avs2::{Decoder, DecoderOptions, NeverCancel, Picture, PlaneBuffer, SimdLevel};
use md5::{Digest, Md5};
use serde_json::Value;

const NAMES: [&str; 3] = ["y", "u", "v"];

fn hex(hash: Md5) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn md5_of_rows<'a>(rows: impl Iterator<Item = &'a [u8]>) -> String {
    let mut hash = Md5::new();
    rows.for_each(|row| hash.update(row));
    hex(hash)
}

fn check_stage(planes: &[PlaneBuffer; 3], expected: &Value, stage: &str) -> Result<(), String> {
    for (plane, name) in planes.iter().zip(NAMES) {
        if expected[stage][name] != md5_of_rows((0..plane.height()).map(|y| plane.row(y))) {
            return Err(format!("{stage}, plane {name}"));
        }
    }
    Ok(())
}

/// Compares a picture with its entry of `expected.json`.
fn check_picture(picture: &Picture, frame: &Value) -> Result<(), String> {
    let order = &frame["display_order"];
    for (i, name) in NAMES.into_iter().enumerate() {
        let (width, height) = picture.shown_size(i);
        let plane = picture.plane(i);
        if frame["display"][name]["md5"] != md5_of_rows((0..height).map(|y| &plane.row(y)[..width])) {
            return Err(format!("picture {order}, after_alf, plane {name}"));
        }
    }
    let found = (
        Value::from(format!("{:?}", picture.picture_type)),
        Value::from(picture.coding_order),
        Value::from(picture.output_order),
    );
    let expected = (&frame["type"], &frame["coding_order_index"], &frame["picture_order_count"]);
    if (&found.0, &found.1, &found.2) != expected {
        return Err(format!("picture {order}: {found:?} instead of {expected:?}"));
    }
    Ok(())
}

/// Decodes a stream and compares every picture; the error names the first picture, stage and plane that differ.
fn check_stream(stream: &Path, expected: &Value, options: DecoderOptions, stages: bool) -> Result<(), String> {
    let data = fs::read(stream).map_err(|e| e.to_string())?;
    let mut decoder = Decoder::new(options);
    if stages {
        decoder.keep_stages();
    }
    let result = decoder.decode(&data, &NeverCancel);
    let mut frames: Vec<&Value> = expected["frames"].as_array().ok_or("no frames")?.iter().collect();
    if stages {
        for frame in &frames {
            let Some(kept) = decoder.next_stages() else { break };
            let sums = &frame["stage_md5_coded"];
            check_stage(&kept.reconstruction, sums, "before_loop_filter")
                .and_then(|()| check_stage(&kept.deblocked, sums, "after_deblock"))
                .and_then(|()| check_stage(&kept.offset, sums, "after_sao"))
                .map_err(|e| format!("picture {} in coding order, {}, {e}", frame["decode_order"], frame["type"]))?;
        }
    }
    result.map_err(|e| e.to_string())?;
    decoder.flush();
    frames.sort_by_key(|frame| frame["display_order"].as_i64());
    for frame in frames {
        let picture = decoder.next_picture().ok_or("a picture is missing")?;
        check_picture(&picture, frame)?;
    }
    if decoder.next_picture().is_some() {
        return Err("more pictures than expected".into());
    }
    Ok(())
}

/// The streams of a folder with their descriptions.
fn streams(folder: &str) -> Option<Vec<(PathBuf, Value)>> {
    let mut streams: Vec<PathBuf> = fs::read_dir(common::shared(&format!("vectors/avs2/{folder}"))?)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "avs"))
        .collect();
    streams.sort();
    let read = |path: PathBuf| {
        let expected = fs::read_to_string(path.with_extension("expected.json")).unwrap();
        (path, serde_json::from_str(&expected).unwrap())
    };
    Some(streams.into_iter().map(read).collect())
}

fn is_inter(expected: &Value) -> bool {
    expected["frames"].as_array().is_some_and(|frames| frames.iter().any(|frame| frame["type"] != "I"))
}

/// Every stream of a folder that has inter pictures; `count` is how many there are.
fn check_folder(folder: &str, count: usize) {
    let Some(mut streams) = streams(folder) else { return };
    streams.retain(|(_, expected)| is_inter(expected));
    let auto = DecoderOptions::default();
    let scalar = DecoderOptions { simd: SimdLevel::Scalar, ..auto };
    let threaded = DecoderOptions { threads: 2, ..auto };
    let mut failures = Vec::new();
    for (stream, expected) in &streams {
        for (name, options, stages) in
            [("SIMD", auto, true), ("scalar", scalar, false), ("two threads", threaded, false)]
        {
            if let Err(error) = check_stream(stream, expected, options, stages) {
                failures.push(format!("{} ({name}): {error}", stream.file_name().unwrap().display()));
            }
        }
    }
    assert!(failures.is_empty(), "{} of {} differ:\n{}", failures.len(), streams.len(), failures.join("\n"));
    assert_eq!(streams.len(), count, "streams in {folder}");
}

#[test]
fn inter_ladder() {
    check_folder("inter", 43);
}

#[test]
fn encoder_made_clips() {
    check_folder("inter_encoder", 19);
}

#[test]
fn application_like_clips() {
    check_folder("application_like", 2);
}

#[test]
fn application_animation() {
    check_folder("application", 1);
}
