//! Broken streams end in an error or in pictures: quickly, and within a budget of memory.

#![allow(clippy::panic, clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use avs2::{Decoder, DecoderOptions, Error, Limits, NeverCancel, Picture};

fn main() -> ExitCode {
    common::run(cases! {
        "vectors/avs2/malformed" =>
            malformed_streams_end_in_an_error_or_a_picture,
            named_streams_give_the_expected_result,
            limits_are_checked_before_decoding,
            cancellation_has_its_own_error;
        "vectors/avs2/intra" => damaged_streams_end_in_an_error_or_a_picture;
    })
}

const MEMORY: usize = 256 << 20;

fn decode(data: &[u8], threads: usize) -> (Result<(), Error>, Vec<Picture>) {
    let limits = Limits { max_memory: MEMORY, ..Limits::default() };
    let mut decoder = Decoder::new(DecoderOptions { limits, threads, ..DecoderOptions::default() });
    let result = decoder.decode(data, &NeverCancel);
    decoder.flush();
    (result, std::iter::from_fn(|| decoder.next_picture()).collect())
}

/// Greatest size of the process so far, in bytes; 0 where the system does not tell.
fn peak_memory() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|l| l.trim().trim_end_matches(" kB").parse().ok()).map_or(0, |kb: usize| kb << 10)
}

fn check(name: &str, data: &[u8]) {
    for threads in [1, 2] {
        let start = Instant::now();
        let (result, pictures) = decode(data, threads);
        assert!(start.elapsed() < Duration::from_secs(5), "{name} took {:?}", start.elapsed());
        assert!(result.is_err() || !pictures.is_empty(), "{name}: neither error nor picture");
        for picture in &pictures {
            assert!(picture.width >= 16 && picture.height >= 16, "{name}");
        }
    }
}

fn streams(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let read =
        |path: PathBuf| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap());
    common::streams(folder).into_iter().map(read).collect()
}

fn malformed_streams_end_in_an_error_or_a_picture() {
    let folder = common::shared("vectors/avs2/malformed");
    let streams = streams(&folder);
    assert_eq!(streams.len(), 136);
    for (name, data) in &streams {
        check(name, data);
    }
    assert!(peak_memory() < MEMORY, "{} bytes", peak_memory());
}

fn named_streams_give_the_expected_result() {
    let folder = common::shared("vectors/avs2/malformed");
    for (name, data) in streams(&folder) {
        let (result, pictures) = decode(&data, 1);
        let has = |part: &str| name.contains(part);
        if has("base_mb") || has("frame_rate_code_0") || has("user_data_flood") || has("extension_units") {
            assert_eq!((result, pictures.len()), (Ok(()), 1), "{name}");
        } else if has("no_end_code") {
            assert_eq!(pictures.len(), 1, "{name}");
        } else if has("8192x8192") || has("16383x16383") {
            assert!(
                matches!(
                    result,
                    Err(Error::Limit { .. }
                        | Error::IncompletePicture { .. }
                        | Error::Truncated { .. }
                        | Error::Invalid { .. })
                ),
                "{name}"
            );
            assert!(pictures.is_empty(), "{name}");
        } else if has("sample_precision_2") || has("field_coded") || has("monochrome") {
            assert!(matches!(result, Err(Error::Unsupported { .. })), "{name}: {result:?}");
        } else if has("random_1k")
            || has("zeros_4k")
            || has("size_width_zero")
            || has("lcu_size")
            || has("qp_127")
        {
            assert!(result.is_err() && pictures.is_empty(), "{name}");
        } else if has("two_sequences") {
            assert!(result.is_err() && pictures.len() == 1, "{name}");
        }
    }
}

/// Every truncation and many bit flips of a stream with all tools.
fn damaged_streams_end_in_an_error_or_a_picture() {
    let folder = common::shared("vectors/avs2/intra");
    for name in ["i180", "i195", "i150", "i132"] {
        let Some((name, data)) = streams(&folder).into_iter().find(|(n, _)| n.starts_with(name)) else {
            panic!("no stream {name}");
        };
        let step = data.len() / 150 + 1;
        for length in (0..data.len()).step_by(step) {
            check(&format!("{name}, {length} bytes"), &data[..length]);
        }
        let mut state = 99_u32;
        for round in 0..150 {
            let mut damaged = data.clone();
            for _ in 0..1 + round % 4 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let bit = (state >> 4) as usize % (damaged.len() * 8);
                damaged[bit / 8] ^= 1 << (bit % 8);
            }
            check(&format!("{name}, damage {round}"), &damaged);
        }
    }
}

fn limits_are_checked_before_decoding() {
    let folder = common::shared("vectors/avs2/malformed");
    let data = fs::read(folder.join("base_mb.avs")).unwrap();
    let try_limits = |limits: Limits| {
        let mut decoder = Decoder::new(DecoderOptions { limits, ..DecoderOptions::default() });
        decoder.decode(&data, &NeverCancel)
    };
    let limits = Limits::default();
    let pixels = try_limits(Limits { max_pixels: 64 * 64 - 1, ..limits });
    assert_eq!(pixels, Err(Error::Limit { limit: "max_pixels", needed: 4096, allowed: 4095 }));
    assert!(matches!(
        try_limits(Limits { max_memory: 1000, ..limits }),
        Err(Error::Limit { limit: "max_memory", .. })
    ));
    assert!(matches!(
        try_limits(Limits { max_pictures: 0, ..limits }),
        Err(Error::Limit { limit: "max_pictures", .. })
    ));
    assert_eq!(try_limits(limits), Ok(()));
}

fn cancellation_has_its_own_error() {
    let folder = common::shared("vectors/avs2/malformed");
    let data = fs::read(folder.join("base_mb.avs")).unwrap();
    for threads in [1, 2] {
        let mut decoder = Decoder::new(DecoderOptions { threads, ..DecoderOptions::default() });
        let polls = std::cell::Cell::new(0);
        let cancel = || {
            polls.set(polls.get() + 1);
            polls.get() > 1
        };
        assert_eq!(decoder.decode(&data, &cancel), Err(Error::Cancelled));
        assert_eq!(decoder.decode(&data, &NeverCancel), Ok(()), "the decoder can be used again");
        assert!(decoder.next_picture().is_some());
    }
}
