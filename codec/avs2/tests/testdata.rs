//! The small vectors of the repository: they are always there.

#![allow(clippy::panic, clippy::unwrap_used)]

mod common;

use std::fs;

use avs2::{Decoder, DecoderOptions, Limits, NeverCancel, SimdLevel};
use serde_json::Value;

use crate::common::testdata;

#[test]
fn streams_decode_exactly() {
    let streams = common::streams(&testdata("avs2"));
    assert_eq!(streams.len(), 30);
    let mut failures = Vec::new();
    for stream in &streams {
        common::check_variants(stream, &common::expected(stream), &mut failures);
    }
    assert!(failures.is_empty(), "{} of {} differ:\n{}", failures.len(), streams.len(), failures.join("\n"));
}

/// Number of pictures, and the words of the error behind them.
fn outcome(data: &[u8], threads: usize, simd: SimdLevel) -> (usize, Option<String>) {
    let limits = Limits { max_memory: 64 << 20, ..Limits::default() };
    let mut decoder = Decoder::new(DecoderOptions { limits, threads, simd, ..DecoderOptions::default() });
    let error = decoder.decode(data, &NeverCancel).err();
    decoder.flush();
    (std::iter::from_fn(|| decoder.next_picture()).count(), error.map(|error| error.to_string()))
}

#[test]
fn broken_streams_end_as_expected() {
    let text = fs::read_to_string(testdata("malformed/expected.json")).unwrap();
    let expected: Value = serde_json::from_str(&text).unwrap();
    let streams = common::streams(&testdata("malformed"));
    assert_eq!(streams.len(), 8);
    for stream in streams {
        let wanted = &expected[stream.file_name().unwrap().to_str().unwrap()];
        let (pictures, error) = outcome(&fs::read(&stream).unwrap(), 1, SimdLevel::Auto);
        assert_eq!(wanted["frames"], pictures, "{}: {error:?}", stream.display());
        match wanted["error"].as_str() {
            Some(words) => assert!(error.as_ref().is_some_and(|e| e.contains(words)), "{error:?}: {words}"),
            None => assert_eq!(error, None, "{}", stream.display()),
        }
    }
}

/// Whatever a fuzzer found ends in an error or a picture, the same with all instructions and threads.
#[test]
fn findings_of_fuzzers() {
    for entry in fs::read_dir(testdata("findings")).unwrap() {
        let path = entry.unwrap().path();
        let data = fs::read(&path).unwrap();
        let found = outcome(&data, 1, SimdLevel::Scalar);
        assert!(found.0 > 0 || found.1.is_some(), "{}", path.display());
        assert_eq!(found, outcome(&data, 2, SimdLevel::Auto), "{}", path.display());
    }
}
