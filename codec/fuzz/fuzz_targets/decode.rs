//! All frames of a TPG file or a bare AVS2 stream; instruction sets and numbers of threads have to agree.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tpg::{Decoder, Error, FileType, Frame, Limits, NeverCancel, Options, SimdLevel, StreamDecoder};

const LIMITS: Limits = Limits {
    max_pixels: 1 << 14,
    max_frames: 16,
    max_total_pixels: 1 << 20,
    max_bytes: 1 << 16,
    max_memory: 8 << 20,
};

/// RGBA of every frame, and the error that ended them. What `is_cut` is shown as far as it goes.
fn decode(data: &[u8], threads: usize, simd: SimdLevel, is_cut: bool) -> (Vec<Vec<u8>>, Option<Error>) {
    let options = Options { limits: LIMITS, threads, simd };
    let mut frames = Vec::new();
    let mut all = |next: &mut dyn FnMut() -> Result<Option<Frame>, Error>| {
        while let Some(frame) = next()? {
            let mut out = vec![0; frame.rgba_bytes()];
            frame.write_rgba(&mut out)?;
            frames.push(out);
        }
        Ok(())
    };
    let result = match tpg::file_type(data) {
        Some(FileType::Avs2) => StreamDecoder::new(data, options)
            .and_then(|mut decoder| all(&mut || decoder.next_frame(&NeverCancel))),
        _ => {
            let open = if is_cut { Decoder::new_cut } else { Decoder::new };
            open(data, options).and_then(|mut decoder| all(&mut || decoder.next_frame(&NeverCancel)))
        }
    };
    (frames, result.err())
}

fuzz_target!(|data: &[u8]| {
    for is_cut in [false, true] {
        let portable = decode(data, 1, SimdLevel::Scalar, is_cut);
        if !portable.0.is_empty() {
            let again = decode(data, 1 + data.len() % 2, SimdLevel::Auto, is_cut);
            assert!(portable == again, "instruction sets or threads disagree");
        }
    }
});
