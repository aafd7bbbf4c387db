//! Bit-exact decoding of the streams with inter pictures, stage by stage, and of the genuine animations.
//!
//! The streams are read from `vectors/avs2` and `corpus/tpg` of the shared data (see `common::shared`).

#![allow(clippy::panic, clippy::print_stdout, clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use avs2::bitstream::{Units, start_code};
use avs2::{Decoder, DecoderOptions, Error, Limits, NeverCancel, Picture, PlaneBuffer, SimdLevel};
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
    let result = decoder.decode(&data, &NeverCancel);
    let mut frames: Vec<&Value> = expected["frames"].as_array().ok_or("no frames")?.iter().collect();
    if stages {
        for frame in &frames {
            let Some(kept) = decoder.next_stages() else { break };
            let sums = &frame["stage_md5_coded"];
            check_stage(&kept.reconstruction, sums, "before_loop_filter")
                .and_then(|()| check_stage(&kept.deblocked, sums, "after_deblock"))
                .and_then(|()| check_stage(&kept.offset, sums, "after_sao"))
                .map_err(|e| {
                    format!("picture {} in coding order, {}, {e}", frame["decode_order"], frame["type"])
                })?;
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

/// The stream cut before every picture; the first part has the sequence header.
fn pictures(data: &[u8]) -> Vec<Vec<u8>> {
    let mut parts: Vec<Vec<u8>> = vec![Vec::new()];
    let mut has_picture = false;
    for unit in Units::new(data) {
        if matches!(unit.value, start_code::INTRA_PICTURE | start_code::INTER_PICTURE) {
            if has_picture {
                parts.push(Vec::new());
            }
            has_picture = true;
        }
        let part = parts.last_mut().unwrap();
        part.extend([0, 0, 1, unit.value]);
        part.extend(unit.payload);
    }
    parts
}

#[test]
fn pictures_arrive_one_by_one() {
    for folder in ["inter", "inter_encoder"] {
        for (stream, expected) in streams(folder).unwrap_or_default() {
            let mut frames: Vec<&Value> = expected["frames"].as_array().unwrap().iter().collect();
            frames.sort_by_key(|frame| frame["display_order"].as_i64());
            let mut frames = frames.into_iter();
            let low_delay = expected["sequence"]["low_delay"] == 1;
            let mut decoder = Decoder::new(DecoderOptions::default());
            for part in pictures(&fs::read(&stream).unwrap()) {
                decoder.decode(&part, &NeverCancel).unwrap();
                let mut count = 0;
                while let Some(picture) = decoder.next_picture() {
                    check_picture(&picture, frames.next().unwrap()).unwrap();
                    count += 1;
                }
                assert!(count == 1 || !low_delay, "{}: {count} pictures", stream.display());
            }
            decoder.flush();
            while let Some(picture) = decoder.next_picture() {
                check_picture(&picture, frames.next().unwrap()).unwrap();
            }
            assert_eq!(frames.count(), 0, "{}", stream.display());
        }
    }
}

/// MD5 of the planes, cropped to `width` x `height`, one after another.
fn md5_of_picture(picture: &Picture, width: usize, height: usize) -> String {
    let mut hash = Md5::new();
    for c in 0..3 {
        let (width, height) = if c == 0 { (width, height) } else { (width.div_ceil(2), height.div_ceil(2)) };
        (0..height).for_each(|y| hash.update(&picture.plane(c).row(y)[..width]));
    }
    hex(hash)
}

#[test]
fn genuine_animations() {
    let Some(corpus) = common::shared("corpus/tpg") else { return };
    let expected: Value =
        serde_json::from_str(&fs::read_to_string(corpus.join("expected.json")).unwrap()).unwrap();
    let number = |value: &Value| usize::try_from(value.as_u64().unwrap()).unwrap();
    let mut count = 0;
    for file in expected["files"].as_array().unwrap().iter().filter(|file| file["mode"] == "animation") {
        let data = fs::read(corpus.join(file["file"].as_str().unwrap())).unwrap();
        let (width, height) = (number(&file["header"]["width"]), number(&file["header"]["height"]));
        // A few pictures; all six of the large animation take more than this.
        let limits = Limits { max_memory: 72 << 20, ..Limits::default() };
        let mut decoder = Decoder::new(DecoderOptions { limits, ..DecoderOptions::default() });
        let chunks = file["chunks"].as_array().unwrap().iter().filter(|chunk| chunk["code"] == "0xBB");
        for (chunk, frame) in chunks.zip(file["frames"].as_array().unwrap()) {
            let (start, length) = (number(&chunk["payload_offset"]), number(&chunk["payload_bytes"]));
            // The delay comes before the coded data.
            decoder.decode(&data[start..start + length][2..], &NeverCancel).unwrap();
            let picture = decoder.next_picture().unwrap();
            assert!(decoder.next_picture().is_none());
            let name = format!("{}, frame {}", file["file"], frame["index"]);
            assert_eq!(frame["yuv420p8"]["md5"], md5_of_picture(&picture, width, height), "{name}");
            assert_eq!(frame["picture_type"], format!("{:?}", picture.picture_type), "{name}");
            count += 1;
        }
    }
    assert_eq!(count, 15);
}

#[test]
fn a_picture_less_in_a_chain_is_an_error() {
    for (stream, expected) in streams("inter_encoder").unwrap_or_default() {
        let frames = expected["frames"].as_array().unwrap();
        // Every inter picture refers to the one before it.
        if frames.iter().any(|frame| frame["type"] == "B") {
            continue;
        }
        let mut parts = pictures(&fs::read(&stream).unwrap());
        parts.remove(1);
        let mut decoder = Decoder::new(DecoderOptions::default());
        let error = decoder.decode(&parts.concat(), &NeverCancel).unwrap_err();
        assert!(
            matches!(error, Error::Invalid { element: "coding order of a missing reference", value: 1 }),
            "{}: {error}",
            stream.display()
        );
        check_picture(&decoder.next_picture().unwrap(), &frames[0]).unwrap();
        assert!(decoder.next_picture().is_none());
    }
}

#[test]
fn damaged_streams_end_in_errors_or_pictures() {
    let mut state = 5_u32;
    let mut below = |n: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize % n
    };
    let limits = Limits { max_memory: 32 << 20, ..Limits::default() };
    for (stream, expected) in streams("inter").unwrap_or_default() {
        let intact = fs::read(&stream).unwrap();
        let frames = expected["frames"].as_array().unwrap().len();
        for round in 0..30 {
            let mut data = intact.clone();
            for _ in 0..=below(6) {
                let i = below(data.len());
                data[i] ^= 1 << below(8);
            }
            data.truncate(if round % 5 == 0 { below(data.len()) } else { data.len() });
            let simd = if round % 2 == 0 { SimdLevel::Auto } else { SimdLevel::Scalar };
            let mut decoder = Decoder::new(DecoderOptions { limits, simd, ..DecoderOptions::default() });
            let result = decoder.decode(&data, &NeverCancel);
            decoder.flush();
            let found = std::iter::from_fn(|| decoder.next_picture()).count();
            assert!(result.is_err() || found > 0, "{}, round {round}", stream.display());
            assert!(found <= frames, "{}, round {round}: {found} pictures", stream.display());
        }
    }
}
