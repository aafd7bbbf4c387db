//! Bit-exact decoding of the streams with inter pictures, stage by stage, and of the genuine animations.
//!
//! The streams are read from `vectors/avs2` and `corpus/tpg` of the shared data (see `common::shared`).

#![allow(clippy::panic, clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use avs2::bitstream::{Units, start_code};
use avs2::{Decoder, DecoderOptions, Error, Limits, NeverCancel, Picture, SimdLevel};
use md5::{Digest, Md5};
use serde_json::Value;

use crate::common::{check_picture, hex};

fn main() -> ExitCode {
    common::run(cases! {
        "vectors/avs2/inter" => inter_ladder, damaged_streams_end_in_errors_or_pictures;
        "vectors/avs2/inter_encoder" =>
            encoder_made_clips, pictures_arrive_one_by_one, a_picture_less_in_a_chain_is_an_error;
        "vectors/avs2/application_like" => application_like_clips;
        "vectors/avs2/application" => application_animation;
        "corpus/tpg" => genuine_animations;
    })
}

fn is_inter(expected: &Value) -> bool {
    !common::is_intra_only(expected)
}

fn inter_ladder() {
    common::check_folder("inter", is_inter, 43);
}

fn encoder_made_clips() {
    common::check_folder("inter_encoder", is_inter, 19);
}

fn application_like_clips() {
    common::check_folder("application_like", is_inter, 2);
}

fn application_animation() {
    common::check_folder("application", is_inter, 1);
}

/// The streams of a folder with their descriptions.
fn streams(folder: &str) -> Vec<(PathBuf, Value)> {
    let streams = common::streams(&common::shared(&format!("vectors/avs2/{folder}")));
    streams.into_iter().map(|path| (path.clone(), common::expected(&path))).collect()
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

fn pictures_arrive_one_by_one() {
    for folder in ["inter", "inter_encoder"] {
        for (stream, expected) in streams(folder) {
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

fn genuine_animations() {
    let corpus = common::shared("corpus/tpg");
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

fn a_picture_less_in_a_chain_is_an_error() {
    for (stream, expected) in streams("inter_encoder") {
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

fn damaged_streams_end_in_errors_or_pictures() {
    let mut state = 5_u32;
    let mut below = |n: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize % n
    };
    let limits = Limits { max_memory: 32 << 20, ..Limits::default() };
    for (stream, expected) in streams("inter") {
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
            let threads = 1 + round / 2 % 2;
            let mut decoder =
                Decoder::new(DecoderOptions { limits, simd, threads, ..DecoderOptions::default() });
            let result = decoder.decode(&data, &NeverCancel);
            decoder.flush();
            let found = std::iter::from_fn(|| decoder.next_picture()).count();
            assert!(result.is_err() || found > 0, "{}, round {round}", stream.display());
            assert!(found <= frames, "{}, round {round}: {found} pictures", stream.display());
        }
    }
}
