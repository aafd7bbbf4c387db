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

/// RGBA of every frame, and the error that ended them.
fn decode(data: &[u8], threads: usize, simd: SimdLevel) -> (Vec<Vec<u8>>, Option<Error>) {
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
            Decoder::new(data, options).and_then(|mut decoder| all(&mut || decoder.next_frame(&NeverCancel)))
        }
    };
    (frames, result.err())
}

fuzz_target!(|data: &[u8]| {
    let portable = decode(data, 1, SimdLevel::Scalar);
    if !portable.0.is_empty() {
        let threads = 1 + data.len() % 2;
        assert!(portable == decode(data, threads, SimdLevel::Auto), "instruction sets or threads disagree");
    }
});
