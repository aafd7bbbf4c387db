//! Helpers of the integration tests: where the reference data are, and a harness that shows which are missing.

// Each test program takes in all of this file and uses a part.
#![allow(dead_code)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use avs2::{Decoder, DecoderOptions, NeverCancel, Picture, PlaneBuffer};
use libtest_mimic::{Arguments, Trial};
use md5::{Digest, Md5};
use serde_json::Value;

/// A path below the shared data: `$OPENMOGR_SHARED`, or `shared` beside the repository.
pub fn shared(path: &str) -> PathBuf {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let root = std::env::var_os("OPENMOGR_SHARED").map_or_else(|| PathBuf::from(beside), PathBuf::from);
    root.join(path)
}

/// A path below the small vectors that are part of the repository.
pub fn testdata(path: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata")).join(path)
}

/// A test, and the folder of the shared data without which it is ignored.
pub struct Case {
    pub name: &'static str,
    pub data: &'static str,
    pub run: fn(),
}

/// Test functions with the folder that each needs.
#[macro_export]
macro_rules! cases {
    ($($data:literal => $($test:ident),+;)*) => {
        &[$($($crate::common::Case { name: stringify!($test), data: $data, run: $test },)+)*]
    };
}

/// Runs tests as `cargo test` does; those without their data are shown as ignored, with what is missing.
pub fn run(cases: &[Case]) -> ExitCode {
    let trial = |case: &Case| {
        let (data, run) = (shared(case.data), case.run);
        let missing = !data.exists();
        let trial = Trial::test(case.name, move || {
            assert!(data.exists(), "{} does not exist; set OPENMOGR_SHARED", data.display());
            run();
            Ok(())
        });
        match missing {
            true => trial.with_kind(format!("no shared/{}", case.data)).with_ignored_flag(true),
            false => trial,
        }
    };
    libtest_mimic::run(&Arguments::from_args(), cases.iter().map(trial).collect()).exit_code()
}

const NAMES: [&str; 3] = ["y", "u", "v"];

pub fn hex(hash: Md5) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn md5_of_rows<'a>(rows: impl Iterator<Item = &'a [u8]>) -> String {
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
pub fn check_picture(picture: &Picture, frame: &Value) -> Result<(), String> {
    let order = &frame["display_order"];
    for (i, name) in NAMES.into_iter().enumerate() {
        let (width, height) = picture.shown_size(i);
        let plane = picture.plane(i);
        if frame["display"][name]["md5"] != md5_of_rows((0..height).map(|y| &plane.row(y)[..width])) {
            return Err(format!("picture {order}, after_alf, plane {name}"));
        }
    }
    for (element, found) in [
        ("type", Value::from(format!("{:?}", picture.picture_type))),
        ("coding_order_index", Value::from(picture.coding_order)),
        ("picture_order_count", Value::from(picture.output_order)),
        ("picture_qp", Value::from(picture.qp)),
    ] {
        if frame[element] != found {
            return Err(format!("picture {order}, {element}: {found} instead of {}", frame[element]));
        }
    }
    Ok(())
}

/// Decodes a stream and compares every picture; the error names the first picture, stage and plane that differ.
pub fn check_stream(
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

/// Checks a stream with every kind of instructions and threads; what differs goes to `failures`.
pub fn check_variants(stream: &Path, expected: &Value, failures: &mut Vec<String>) {
    let auto = DecoderOptions::default();
    let scalar = DecoderOptions { simd: avs2::SimdLevel::Scalar, ..auto };
    let threaded = DecoderOptions { threads: 2, ..auto };
    for (name, options, stages) in
        [("SIMD", auto, true), ("scalar", scalar, false), ("two threads", threaded, false)]
    {
        if let Err(error) = check_stream(stream, expected, options, stages) {
            failures.push(format!("{} ({name}): {error}", stream.display()));
        }
    }
}

/// The streams of a folder, by name.
pub fn streams(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut streams: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|e| e == "avs"))
        .collect();
    streams.sort();
    streams
}

/// What a stream decodes to.
pub fn expected(stream: &Path) -> Value {
    let path = stream.with_extension("expected.json");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Checks the streams of a folder of the conformance vectors that `wanted` picks; `count` is how many there are.
pub fn check_folder(folder: &str, wanted: fn(&Value) -> bool, count: usize) {
    let (mut checked, mut failures) = (0, Vec::new());
    for stream in streams(&shared(&format!("vectors/avs2/{folder}"))) {
        let expected = expected(&stream);
        if wanted(&expected) {
            checked += 1;
            check_variants(&stream, &expected, &mut failures);
        }
    }
    assert!(failures.is_empty(), "{} of {checked} streams differ:\n{}", failures.len(), failures.join("\n"));
    assert_eq!(checked, count, "streams in {folder}");
}

/// Whether all pictures are intra pictures.
pub fn is_intra_only(expected: &Value) -> bool {
    expected["frames"].as_array().is_some_and(|frames| frames.iter().all(|frame| frame["type"] == "I"))
}
