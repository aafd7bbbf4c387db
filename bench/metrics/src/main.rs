//! DSSIM and Butteraugli (3-norm) of pictures against one: `bench-metrics WIDTH HEIGHT`.
//!
//! Standard input holds rows of 8-bit sRGB without gaps: the source, then any number of pictures of its size. For each
//! of these a line with both numbers goes to standard output as soon as it was read.

use std::error::Error;
use std::io::{Read, Write, stdin, stdout};

use butteraugli::{ButteraugliParams, ButteraugliReference};
use dssim_core::Dssim;
use rgb::{FromSlice, RGB8};

/// The norm that is usual for the mean impression.
const NORM: f64 = 3.0;

fn main() -> Result<(), Box<dyn Error>> {
    let sides: Vec<usize> = std::env::args().skip(1).map(|side| side.parse()).collect::<Result<_, _>>()?;
    let [width, height] = sides[..] else { return Err("usage: bench-metrics WIDTH HEIGHT".into()) };
    let mut source = vec![0; width * height * 3];
    stdin().read_exact(&mut source)?;
    let dssim = Dssim::new();
    let image = |pixels: &[RGB8]| dssim.create_image_rgb(pixels, width, height).ok_or("no picture for DSSIM");
    let reference = image(source.as_rgb())?;
    let parameters = ButteraugliParams::new().with_compute_diffmap(true);
    let butteraugli = ButteraugliReference::new(&source, width, height, parameters)?;
    let mut picture = vec![0; source.len()];
    while stdin().read_exact(&mut picture).is_ok() {
        let (structure, _) = dssim.compare(&reference, image(picture.as_rgb())?);
        let result = butteraugli.compare(&picture)?;
        let seen = result.pnorm(NORM).ok_or("no map of differences")?;
        writeln!(stdout(), "{:.8} {seen:.6}", f64::from(structure))?;
        stdout().flush()?;
    }
    Ok(())
}
