//! Prints sums of what is encoded and decoded, which are the same on every machine: `fingerprints FILE...`.
//!
//! `make test-neon` compares those of two kinds of processors.

use std::error::Error;
use std::io::Write;

use tpg::encode::{
    AnimationWriter, ChromaFilter, EncodeOptions, PictureOptions, PixelFormat, Pixels, Source, ToolSet,
};
use tpg::{Decoder, NeverCancel, Options};

/// FNV-1a.
fn sum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, |sum, &b| (sum ^ u64::from(b)).wrapping_mul(0x0100_0000_01B3))
}

/// RGBA with smooth parts, edges and noise; made without floating point.
fn picture(width: usize, height: usize, shift: usize, alpha: bool) -> Vec<u8> {
    let mut state = 7_u32;
    let pixel = |i: usize| {
        let (x, y) = (i % width + shift, i / width);
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let noise = (state >> 28) as usize;
        let edge = if (x / 16 + y / 24).is_multiple_of(2) { 70 } else { 0 };
        let colour = [x * 150 / width + edge, y * 150 / height + edge, (x + y) % 150 + edge];
        let opacity = if alpha { (x * 3).min(255) } else { 255 };
        colour.map(|value| (value + noise).min(255) as u8).into_iter().chain([opacity as u8])
    };
    (0..width * height).flat_map(pixel).collect()
}

fn options(qp: u8, effort: u8, tools: ToolSet) -> EncodeOptions {
    let picture = PictureOptions { qp, effort, tools, ..PictureOptions::default() };
    EncodeOptions { picture, ..EncodeOptions::default() }
}

fn source(width: usize, height: usize, shift: usize, alpha: bool) -> Result<Source, tpg::Error> {
    let rgba = picture(width, height, shift, alpha);
    let pixels = Pixels::new(&rgba, width, height, width * 4, PixelFormat::Rgba)?;
    Ok(Source::new(&pixels, ChromaFilter::Sharp))
}

fn stills(out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    for (qp, effort, tools, alpha) in [
        (40, 0, ToolSet::Genuine, false),
        (28, 2, ToolSet::Full, true),
        (32, 5, ToolSet::Full, false),
        (20, 4, ToolSet::Genuine, false),
        (36, 3, ToolSet::Full, true),
        (24, 7, ToolSet::Full, false),
        (36, 7, ToolSet::Full, true),
        (32, 9, ToolSet::Full, false),
    ] {
        let image =
            source(136, 90, 0, alpha)?.encode(&options(qp, effort, tools), &NeverCancel, &|_, _| {})?;
        writeln!(out, "still {qp} {effort} {tools:?} {alpha}: {:016x}", sum(&image.file))?;
    }
    Ok(())
}

fn animation(out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    for alpha in [false, true] {
        let options = options(30, 5, ToolSet::Full);
        let new = if alpha { AnimationWriter::with_alpha } else { AnimationWriter::new };
        let mut writer = new(96, 72, &options)?;
        for frame in 0..4 {
            writer.push(source(96, 72, 3 * frame, alpha)?, 5, &NeverCancel, &|_, _| {})?;
        }
        writeln!(out, "animation {alpha}: {:016x}", sum(&writer.finish(&NeverCancel)?))?;
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    stills(&mut out)?;
    animation(&mut out)?;
    for path in std::env::args().skip(1) {
        let mut decoder = Decoder::new(std::fs::read(&path)?, Options::default())?;
        while let Some(frame) = decoder.next_frame(&NeverCancel)? {
            let mut rgba = vec![0; frame.rgba_bytes()];
            frame.write_rgba(&mut rgba)?;
            writeln!(out, "{path} {}: {:016x}", frame.index, sum(&rgba))?;
        }
    }
    Ok(())
}
