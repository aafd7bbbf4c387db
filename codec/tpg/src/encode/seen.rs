//! What errors weigh by place, learnt from a trial: where SSIMULACRA2 sees them, and how large they are there.

use avs2::encoder::BlockWeights;
use avs2::{PlaneBuffer, SimdLevel};
use fast_ssim2::{PixelDescriptor, PixelSlice, Ssimulacra2Reference};

use super::Source;
use crate::colour::{self, ColourRange, Layout, PlaneRef, Planes};

/// Side of the blocks.
const BLOCK: usize = 16;
/// Squared errors of a luma sample below this are as good as none.
const FLOOR: f32 = 0.5;
/// The like for what is seen.
const UNSEEN: f32 = 1e-4;

impl Source {
    /// Weights of the 16x16 blocks; `None` if the metric does not take the picture.
    pub(super) fn seen(&self, trial: &[PlaneBuffer; 3]) -> Option<BlockWeights> {
        let source = self.planes.each_ref().map(|plane| rounded(plane));
        let sides = |c: usize| {
            if c == 0 { (self.width, self.height) } else { (self.width.div_ceil(2), self.height.div_ceil(2)) }
        };
        let reference: [PlaneRef<'_>; 3] = std::array::from_fn(|c| {
            let (width, height) = sides(c);
            PlaneRef { data: &source[c], stride: width, width, height }
        });
        let decoded: [PlaneRef<'_>; 3] = std::array::from_fn(|c| {
            let (width, height) = sides(c);
            PlaneRef { data: trial[c].samples(), stride: trial[c].stride(), width, height }
        });
        let map = difference(&rgb(&reference)?, &rgb(&decoded)?, (self.width, self.height))?;
        let (columns, rows) = (self.width.div_ceil(BLOCK), self.height.div_ceil(BLOCK));
        let mut logs = Vec::with_capacity(columns * rows);
        for by in 0..rows {
            for bx in 0..columns {
                let (mut seen, mut error, mut count) = (0.0_f32, 0.0_f32, 0.0_f32);
                for y in by * BLOCK..((by + 1) * BLOCK).min(self.height) {
                    let span = bx * BLOCK..((bx + 1) * BLOCK).min(self.width);
                    seen += map[y * self.width..][span.clone()].iter().sum::<f32>();
                    let pair = reference[0].row(y)[span.clone()].iter().zip(&decoded[0].row(y)[span.clone()]);
                    error += pair.map(|(&a, &b)| (f32::from(a) - f32::from(b)).powi(2)).sum::<f32>();
                    count += span.len() as f32;
                }
                logs.push((seen / count + UNSEEN).log2() - (error / count + FLOOR).log2());
            }
        }
        Some(BlockWeights { logs })
    }
}

fn rounded(plane: &[i16]) -> Vec<u8> {
    plane.iter().map(|&sample| ((sample + 8) >> 4).clamp(0, 255) as u8).collect()
}

fn rgb(planes: &[PlaneRef<'_>; 3]) -> Option<Vec<u8>> {
    let mut out = vec![0; planes[0].width * planes[0].height * 3];
    let planes = Planes { colour: *planes, alpha: None, range: ColourRange::Limited };
    colour::convert(&planes, Layout::Rgb, SimdLevel::Auto, &mut out).ok()?;
    Some(out)
}

/// Where the score's error comes from, by pixel.
fn difference(reference: &[u8], decoded: &[u8], (width, height): (usize, usize)) -> Option<Vec<f32>> {
    fn slice(pixels: &[u8], width: usize, height: usize) -> Option<PixelSlice<'_>> {
        PixelSlice::new(pixels, width as u32, height as u32, width * 3, PixelDescriptor::RGB8_SRGB).ok()
    }
    let reference = Ssimulacra2Reference::new(&slice(reference, width, height)?).ok()?;
    Some(reference.compare_with_maps(&slice(decoded, width, height)?).ok()?.diffmap())
}
