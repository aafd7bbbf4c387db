//! Bit-exact decoding of the conformance streams, stage by stage.
//!
//! The streams are read from `vectors/avs2` of the shared data (see `common::shared`).

#![allow(clippy::panic, clippy::print_stdout, clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use avs2::{Decoder, DecoderOptions, NeverCancel, PlaneBuffer, SimdLevel};
use md5::{Digest, Md5};
use serde_json::Value;

fn md5_of_rows<'a>(rows: impl Iterator<Item = &'a [u8]>) -> String {
    let mut hash = Md5::new();
    rows.for_each(|row| hash.update(row));
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn check_stage(planes: &[PlaneBuffer; 3], expected: &Value, stage: &str) -> Result<(), String> {
    for (plane, name) in planes.iter().zip(["y", "u", "v"]) {
        let sum = md5_of_rows((0..plane.height()).map(|y| plane.row(y)));
        if expected[stage][name] != sum {
            return Err(format!("{stage}, plane {name}"));
        }
    }
    Ok(())
}

/// Decodes a stream and compares every picture; the error names the first picture, stage and plane that differ.
fn check_stream(
    stream: &Path,
    expected: &Value,
    options: DecoderOptions,
    stages: bool,
) -> Result<(), String> {
    let data = fs::read(stream).map_err(|e| e.to_string())?;
    let mut decoder = Decoder::new(options);
    if stages {
        decoder.keep_stages();
    }
    decoder.decode(&data, &NeverCancel).map_err(|e| e.to_string())?;
    decoder.flush();
    let mut frames: Vec<&Value> = expected["frames"].as_array().ok_or("no frames")?.iter().collect();
    if stages {
        for frame in &frames {
            let kept = decoder.next_stages().ok_or("a picture is missing")?;
            let sums = &frame["stage_md5_coded"];
            check_stage(&kept.reconstruction, sums, "before_loop_filter")?;
            check_stage(&kept.deblocked, sums, "after_deblock")?;
            check_stage(&kept.offset, sums, "after_sao")?;
        }
    }
    frames.sort_by_key(|frame| frame["display_order"].as_i64());
    for frame in frames {
        let order = frame["display_order"].to_string();
        let picture = decoder.next_picture().ok_or(format!("picture {order} is missing"))?;
        for (i, name) in ["y", "u", "v"].into_iter().enumerate() {
            let (width, height) = picture.shown_size(i);
            let plane = picture.plane(i);
            let sum = md5_of_rows((0..height).map(|y| &plane.row(y)[..width]));
            if frame["display"][name]["md5"] != sum {
                return Err(format!("picture {order}, after_alf, plane {name}"));
            }
        }
        if frame["picture_qp"] != picture.qp {
            return Err(format!("picture {order}: QP {}", picture.qp));
        }
    }
    if decoder.next_picture().is_some() {
        return Err("more pictures than expected".into());
    }
    Ok(())
}

fn is_intra_only(expected: &Value) -> bool {
    expected["frames"].as_array().is_some_and(|frames| frames.iter().all(|frame| frame["type"] == "I"))
}

/// Every stream of a folder that has intra pictures only; `count` is how many there are.
fn check_folder(folder: &str, count: usize) {
    let Some(shared) = common::shared(&format!("vectors/avs2/{folder}")) else { return };
    let mut streams: Vec<PathBuf> = fs::read_dir(shared)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "avs"))
        .collect();
    streams.sort();
    let auto = DecoderOptions::default();
    let scalar = DecoderOptions { simd: SimdLevel::Scalar, ..auto };
    let threaded = DecoderOptions { threads: 2, ..auto };
    let mut checked = 0;
    let mut failures = Vec::new();
    for stream in &streams {
        let expected = fs::read_to_string(stream.with_extension("expected.json")).unwrap();
        let expected: Value = serde_json::from_str(&expected).unwrap();
        if !is_intra_only(&expected) {
            continue;
        }
        checked += 1;
        for (name, options, stages) in
            [("SIMD", auto, true), ("scalar", scalar, false), ("two threads", threaded, false)]
        {
            if let Err(error) = check_stream(stream, &expected, options, stages) {
                failures.push(format!("{} ({name}): {error}", stream.file_name().unwrap().to_string_lossy()));
            }
        }
    }
    assert!(failures.is_empty(), "{} of {checked} streams differ:\n{}", failures.len(), failures.join("\n"));
    assert_eq!(checked, count, "streams in {folder}");
}

#[test]
fn intra_ladder() {
    check_folder("intra", 163);
}

#[test]
fn qp_ladder() {
    check_folder("qp_ladder", 64);
}

#[test]
fn encoder_made_stills() {
    check_folder("intra_encoder", 52);
}

#[test]
fn application_like_stills() {
    check_folder("application_like", 6);
}

#[test]
fn application_stills() {
    check_folder("application", 2);
}

/// The genuine TPG files: their chunks, found by the offsets of `expected.json`, make one stream.
#[test]
fn genuine_files() {
    let Some(corpus) = common::shared("corpus/tpg") else { return };
    let expected = fs::read_to_string(corpus.join("expected.json")).unwrap();
    let expected: Value = serde_json::from_str(&expected).unwrap();
    let number = |value: &Value| value.as_u64().unwrap() as usize;
    let mut failures = Vec::new();
    for file in expected["files"].as_array().unwrap() {
        let name = file["file"].as_str().unwrap();
        let data = fs::read(corpus.join(name)).unwrap();
        let mut decoder = Decoder::new(DecoderOptions::default());
        for chunk in file["chunks"].as_array().unwrap() {
            if ["0xBB", "0xBC"].contains(&chunk["code"].as_str().unwrap()) {
                let end = number(&chunk["offset"]) + 4 + number(&chunk["size_field"]);
                decoder.decode(&data[number(&chunk["payload_offset"])..end], &NeverCancel).unwrap();
            }
        }
        decoder.flush();
        for frame in file["frames"].as_array().unwrap() {
            let picture = decoder.next_picture().unwrap();
            let planes = (0..3).map(|i| picture.plane(i));
            let sum = md5_of_rows(planes.flat_map(|plane| (0..plane.height).map(|y| plane.row(y))));
            if frame["coded_yuv_md5"] != sum {
                failures.push(format!("{name}, picture {}", picture.coding_order));
            }
        }
    }
    assert!(failures.is_empty(), "{failures:?}");
}
