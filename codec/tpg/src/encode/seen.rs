//! What errors weigh by place, learnt from a trial: where SSIMULACRA2 sees them, and how large they are there.

use std::ops::Range;

use avs2::encoder::BlockWeights;
use avs2::{PlaneBuffer, SimdLevel, math};
use fast_ssim2::{PixelDescriptor, PixelSlice, Ssimulacra2Reference};

use super::Source;
use crate::colour::{self, ColourRange, Layout, PlaneRef, Planes};

/// Side of the blocks.
const BLOCK: usize = 16;
/// Longest side of what is measured at once.
const TILE: usize = 1024;
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
                logs.push(math::log2_f32(seen / count + UNSEEN) - math::log2_f32(error / count + FLOOR));
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

/// Where the score's error comes from, by pixel. Large pictures are measured in tiles, which bounds the memory.
fn difference(reference: &[u8], decoded: &[u8], (width, height): (usize, usize)) -> Option<Vec<f32>> {
    let mut map = vec![0.0; width * height];
    for rows in tiles(height) {
        for columns in tiles(width) {
            let part = |pixels: &[u8]| -> Vec<u8> {
                let span = columns.start * 3..columns.end * 3;
                rows.clone().flat_map(|y| &pixels[y * width * 3..][span.clone()]).copied().collect()
            };
            let tile = tile_difference(&part(reference), &part(decoded), (columns.len(), rows.len()))?;
            for (y, row) in rows.clone().zip(tile.chunks_exact(columns.len())) {
                map[y * width..][columns.clone()].copy_from_slice(row);
            }
        }
    }
    Some(map)
}

/// Parts of a side of about the same length, whole blocks long but for the last one.
fn tiles(side: usize) -> impl Iterator<Item = Range<usize>> {
    let step = side.div_ceil(side.div_ceil(TILE).max(1)).next_multiple_of(BLOCK).max(BLOCK);
    (0..side).step_by(step).map(move |from| from..(from + step).min(side))
}

fn tile_difference(reference: &[u8], decoded: &[u8], (width, height): (usize, usize)) -> Option<Vec<f32>> {
    let slice = |pixels| {
        PixelSlice::new(pixels, width as u32, height as u32, width * 3, PixelDescriptor::RGB8_SRGB).ok()
    };
    let analysed = Ssimulacra2Reference::new(&slice(reference)?).ok()?;
    Some(analysed.compare_with_maps(&slice(decoded)?).ok()?.diffmap())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_cover_a_side() {
        assert_eq!(tiles(1000).collect::<Vec<_>>(), vec![Range { start: 0, end: 1000 }]);
        assert_eq!(tiles(1100).collect::<Vec<_>>(), [0..560, 560..1100]);
        for side in [1, 7, 16, 1024, 1025, 2049, 4000, 16382] {
            let all: Vec<_> = tiles(side).collect();
            assert_eq!((all[0].start, all[all.len() - 1].end), (0, side));
            assert!(all.windows(2).all(|pair| pair[0].end == pair[1].start && pair[0].end % BLOCK == 0));
            assert!(all.iter().all(|tile| tile.len() <= TILE));
        }
    }

    #[test]
    fn differences_are_found_where_they_are() {
        let (width, height) = (1500, 40);
        let reference = vec![120; width * height * 3];
        let mut decoded = reference.clone();
        (10..30).for_each(|y| decoded[(y * width + 1300) * 3..][..60].fill(160));
        let map = difference(&reference, &decoded, (width, height)).unwrap_or_default();
        let sum = |from: usize| {
            (0..height).map(|y| map[y * width + from..][..100].iter().sum::<f32>()).sum::<f32>()
        };
        assert!(sum(1260) > 100.0 * sum(100).max(1e-3), "{} {}", sum(1260), sum(100));
    }
}
