//! Bit-exact decoding of the conformance streams, stage by stage.
//!
//! The streams are read from `vectors/avs2` of the shared data (see `common::shared`).

#![allow(clippy::panic, clippy::unwrap_used)]

mod common;

use std::fs;
use std::process::ExitCode;

use avs2::{Decoder, DecoderOptions, NeverCancel};
use serde_json::Value;

use crate::common::is_intra_only;

fn main() -> ExitCode {
    common::run(cases! {
        "vectors/avs2/intra" => intra_ladder;
        "vectors/avs2/qp_ladder" => qp_ladder;
        "vectors/avs2/intra_encoder" => encoder_made_stills;
        "vectors/avs2/application_like" => application_like_stills;
        "vectors/avs2/application" => application_stills;
        "corpus/tpg" => genuine_files;
    })
}

fn intra_ladder() {
    common::check_folder("intra", is_intra_only, 163);
}

fn qp_ladder() {
    common::check_folder("qp_ladder", is_intra_only, 64);
}

fn encoder_made_stills() {
    common::check_folder("intra_encoder", is_intra_only, 52);
}

fn application_like_stills() {
    common::check_folder("application_like", is_intra_only, 6);
}

fn application_stills() {
    common::check_folder("application", is_intra_only, 2);
}

/// The genuine TPG files: their chunks, found by the offsets of `expected.json`, make one stream.
fn genuine_files() {
    let corpus = common::shared("corpus/tpg");
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
            let sum = common::md5_of_rows(planes.flat_map(|plane| (0..plane.height).map(|y| plane.row(y))));
            if frame["coded_yuv_md5"] != sum {
                failures.push(format!("{name}, picture {}", picture.coding_order));
            }
        }
    }
    assert!(failures.is_empty(), "{failures:?}");
}
