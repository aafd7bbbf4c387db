//! Decodes raw AVS2 streams and prints the speed: `decode_speed [--threads N] [--scalar] [--repeat N] FILE...`.
//!
//! The files of one call make one stream, in their order.

use std::error::Error;
use std::time::Instant;

use avs2::{Decoder, DecoderOptions, NeverCancel, SimdLevel};

fn main() -> Result<(), Box<dyn Error>> {
    let mut options = DecoderOptions::default();
    let mut repeat = 5;
    let mut files = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number =
            || arguments.next().ok_or("a number is missing")?.parse().map_err(|_| "not a number");
        match argument.as_str() {
            "--threads" => options.threads = number()?,
            "--repeat" => repeat = number()?,
            "--scalar" => options.simd = SimdLevel::Scalar,
            _ => files.push(std::fs::read(&argument)?),
        }
    }
    for _ in 0..repeat {
        let start = Instant::now();
        let mut decoder = Decoder::new(options);
        for file in &files {
            decoder.decode(file, &NeverCancel)?;
        }
        decoder.flush();
        let mut pixels = 0;
        while let Some(picture) = decoder.next_picture() {
            pixels += u64::from(picture.width) * u64::from(picture.height);
        }
        let seconds = start.elapsed().as_secs_f64();
        let speed = pixels as f64 / seconds / 1e6;
        let line = format!("{pixels} pixels in {:.1} ms, {speed:.1} MP/s\n", seconds * 1e3);
        std::io::Write::write_all(&mut std::io::stdout(), line.as_bytes())?;
    }
    Ok(())
}
