//! Animations, with alpha and without: whatever flags the data have, container and all frames are read in both modes,
//! and what can be read is written again with the same pictures and delays.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tpg::colour::ColourRange;
use tpg::{Container, Decoder, Error, Limits, NeverCancel, Options, SimdLevel, Writer};

/// Where the flags of a file are.
const FLAGS: usize = 15;
const ANIMATION: u8 = 0x40;
const ALPHA: u8 = 0x80;
const LIMITS: Limits = Limits {
    // A genuine animation has 105,252.
    max_pixels: 1 << 17,
    max_frames: 16,
    max_total_pixels: 1 << 20,
    max_bytes: 1 << 16,
    max_memory: 8 << 20,
};

type Shown = (u16, Vec<u8>);

fn decode(data: &[u8], threads: usize, simd: SimdLevel) -> (Vec<Shown>, Option<Error>) {
    let mut frames = Vec::new();
    let mut all = || {
        let mut decoder = Decoder::new(data, Options { limits: LIMITS, threads, simd })?;
        while let Some(frame) = decoder.next_frame(&NeverCancel)? {
            assert_eq!(frame.has_alpha(), decoder.container().header.mode().has_alpha());
            let mut out = vec![0; frame.rgba_bytes()];
            frame.write_rgba(&mut out)?;
            frames.push((frame.delay, out));
        }
        Ok(())
    };
    let error = all().err();
    (frames, error)
}

/// The same pictures in a file of our own.
fn rewrite(data: &[u8]) -> Option<Vec<u8>> {
    let container = Container::parse(data, &LIMITS).ok()?;
    let header = &container.header;
    let mut writer = Writer::new(header.mode(), header.width, header.height).ok()?;
    // A start code without its value would swallow the end code behind it.
    let last = container.frames.last().map(|frame| frame.alpha.clone().unwrap_or(frame.colour.clone()));
    if last.is_some_and(|last| data[last].ends_with(&[0, 0, 1])) {
        return None;
    }
    for frame in &container.frames {
        let alpha = frame.alpha.clone().filter(|_| header.mode().has_alpha());
        writer.frame(frame.delay, &data[frame.colour.clone()], alpha.map(|alpha| &data[alpha])).ok()?;
    }
    writer.finish().ok()
}

fuzz_target!(|data: &[u8]| {
    let mut file = data.to_vec();
    for alpha in [0, ALPHA] {
        if let Some(flags) = file.get_mut(FLAGS) {
            *flags = *flags & !ALPHA | ANIMATION | alpha;
        }
        let (frames, error) = decode(&file, 1, SimdLevel::Scalar);
        let Ok(container) = Container::parse(&file, &LIMITS) else {
            assert!(frames.is_empty() && error.is_some());
            continue;
        };
        assert!(frames.len() <= container.frames.len());
        // Everything is delivered, or something is said to be wrong.
        assert_eq!(error.is_none(), frames.len() == container.frames.len() && container.damage.is_none());
        if frames.is_empty() {
            continue;
        }
        let again = decode(&file, 2, SimdLevel::Auto);
        assert!(frames == again.0 && error == again.1, "instruction sets or threads disagree");
        // Pictures of unannounced alpha may be references; they are not written again.
        let unannounced = alpha == 0 && container.frames.iter().any(|frame| frame.alpha.is_some());
        // The writer knows limited range only.
        let is_limited = container.header.range() == ColourRange::Limited;
        if let Some(copy) = rewrite(&file).filter(|_| !unannounced && is_limited && error.is_none()) {
            assert!(decode(&copy, 1, SimdLevel::Auto) == (frames, None), "a copy reads differently");
        }
    }
});
