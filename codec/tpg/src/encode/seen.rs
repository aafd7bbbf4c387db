//! What errors weigh by place, learnt from a trial: where metrics see them, and how large they are there.

use std::ops::Range;

use avs2::encoder::{BlockWeights, in_parallel};
use avs2::{PlaneBuffer, SimdLevel, math};
use butteraugli::{ButteraugliParams, ButteraugliReference};
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
/// Logarithms are rounded to parts of 1 / this, so that last bits of metrics, which a machine's instructions may change,
/// hardly ever do.
const STEPS: f32 = 64.0;
/// Butteraugli's score is the mean of the norms of its map with these exponents.
const NORMS: [i32; 3] = [3, 6, 12];

/// How much of the logarithm of each weight counts.
#[derive(Debug)]
pub(super) struct Shares {
    ssimulacra2: f32,
    butteraugli: f32,
    activity: f32,
}

impl Shares {
    /// In photographs.
    pub const PHOTOGRAPH: Self = Self { ssimulacra2: 0.15, butteraugli: 0.3, activity: 0.7 };
    /// In pictures that are mostly drawn.
    pub const DRAWN: Self = Self { ssimulacra2: 0.35, butteraugli: 0.0, activity: 0.75 };
}

/// The difference of two pictures as a metric sees it, by pixel; both are RGB without gaps.
type Metric = fn(&[u8], &[u8], (usize, usize)) -> Option<Vec<f32>>;

/// A picture and what was made of it, as RGB without gaps.
struct Pair {
    reference: Vec<u8>,
    decoded: Vec<u8>,
    size: (usize, usize),
    threads: usize,
}

impl Source {
    /// Weights of the 16x16 blocks by how `decoded` differs; `None` if a metric does not take the picture.
    pub(super) fn seen(
        &self,
        decoded: &[PlaneBuffer; 3],
        shares: &Shares,
        threads: usize,
    ) -> Option<BlockWeights> {
        let source = self.planes.each_ref().map(|plane| rounded(plane));
        let reference: [PlaneRef<'_>; 3] = std::array::from_fn(|c| {
            let (width, height) = self.plane_size(c);
            PlaneRef { data: &source[c], stride: width, width, height }
        });
        let decoded: [PlaneRef<'_>; 3] = std::array::from_fn(|c| {
            let (width, height) = self.plane_size(c);
            PlaneRef { data: decoded[c].samples(), stride: decoded[c].stride(), width, height }
        });
        let (width, height) = (self.width, self.height);
        let size = (width, height);
        let errors = block_means(size, |x, y| {
            (f32::from(reference[0].row(y)[x]) - f32::from(decoded[0].row(y)[x])).powi(2)
        });
        let pair = Pair { reference: rgb(&reference)?, decoded: rgb(&decoded)?, size, threads };
        let mut logs = vec![0.0; errors.len()];
        if shares.ssimulacra2 > 0.0 {
            pair.add(&mut logs, shares.ssimulacra2, &errors, &pair.difference(ssimulacra2)?);
        }
        if shares.butteraugli > 0.0 {
            let map = growth_of_norms(pair.difference(butteraugli)?);
            pair.add(&mut logs, shares.butteraugli, &errors, &map);
        }
        for log in &mut logs {
            *log = (*log * STEPS).round() / STEPS;
        }
        Some(BlockWeights { logs, activity: shares.activity })
    }
}

/// Means over the blocks of a picture, row by row.
fn block_means((width, height): (usize, usize), value: impl Fn(usize, usize) -> f32) -> Vec<f32> {
    let mut means = Vec::with_capacity(width.div_ceil(BLOCK) * height.div_ceil(BLOCK));
    for top in (0..height).step_by(BLOCK) {
        for left in (0..width).step_by(BLOCK) {
            let (rows, columns) = (top..(top + BLOCK).min(height), left..(left + BLOCK).min(width));
            let count = (rows.len() * columns.len()) as f32;
            let sum: f32 = rows.map(|y| columns.clone().map(|x| value(x, y)).sum::<f32>()).sum();
            means.push(sum / count);
        }
    }
    means
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

impl Pair {
    /// Adds `share` of the logarithms of what is seen in each block per squared error there.
    fn add(&self, logs: &mut [f32], share: f32, errors: &[f32], map: &[f32]) {
        let seen = block_means(self.size, |x, y| map[y * self.size.0 + x]);
        for ((log, seen), error) in logs.iter_mut().zip(seen).zip(errors) {
            *log += share * (math::log2_f32(seen + UNSEEN) - math::log2_f32(error + FLOOR));
        }
    }

    /// Where a metric sees differences, by pixel. Large pictures are measured in tiles, which bounds the memory.
    fn difference(&self, metric: Metric) -> Option<Vec<f32>> {
        let (width, height) = self.size;
        let mut map = vec![0.0; width * height];
        let columns: Vec<_> = tiles(width).collect();
        for rows in tiles(height) {
            let measured = in_parallel(self.threads, columns.len(), |i| {
                let columns = columns[i].clone();
                let part = |pixels: &[u8]| -> Vec<u8> {
                    let span = columns.start * 3..columns.end * 3;
                    rows.clone().flat_map(|y| &pixels[y * width * 3..][span.clone()]).copied().collect()
                };
                metric(&part(&self.reference), &part(&self.decoded), (columns.len(), rows.len()))
            });
            for (tile, columns) in measured.into_iter().zip(&columns) {
                for (y, row) in rows.clone().zip(tile?.chunks_exact(columns.len())) {
                    map[y * width..][columns.clone()].copy_from_slice(row);
                }
            }
        }
        Some(map)
    }
}

/// Parts of a side of about the same length, whole blocks long but for the last one.
fn tiles(side: usize) -> impl Iterator<Item = Range<usize>> {
    let step = side.div_ceil(side.div_ceil(TILE).max(1)).next_multiple_of(BLOCK).max(BLOCK);
    (0..side).step_by(step).map(move |from| from..(from + step).min(side))
}

fn ssimulacra2(reference: &[u8], decoded: &[u8], (width, height): (usize, usize)) -> Option<Vec<f32>> {
    let slice = |pixels| {
        PixelSlice::new(pixels, width as u32, height as u32, width * 3, PixelDescriptor::RGB8_SRGB).ok()
    };
    let analysed = Ssimulacra2Reference::new(&slice(reference)?).ok()?;
    Some(analysed.compare_with_maps(&slice(decoded)?).ok()?.diffmap())
}

fn butteraugli(reference: &[u8], decoded: &[u8], (width, height): (usize, usize)) -> Option<Vec<f32>> {
    let parameters = ButteraugliParams::new().with_compute_diffmap(true);
    let analysed = ButteraugliReference::new(reference, width, height, parameters).ok()?;
    Some(analysed.compare(decoded).ok()?.diffmap?.into_buf())
}

/// What Butteraugli's score gains where differences grow by the same part, by pixel.
fn growth_of_norms(mut map: Vec<f32>) -> Vec<f32> {
    let count = map.len().max(1) as f64;
    let norms = NORMS.map(|exponent| {
        let sum: f64 = map.iter().map(|&seen| f64::from(seen).powi(exponent)).sum();
        math::pow((sum / count).max(f64::MIN_POSITIVE), f64::from(exponent).recip())
    });
    for seen in &mut map {
        let growth =
            NORMS.iter().zip(norms).map(|(&exponent, norm)| norm * (f64::from(*seen) / norm).powi(exponent));
        *seen = growth.sum::<f64>() as f32;
    }
    map
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
        for metric in [ssimulacra2 as Metric, butteraugli] {
            let maps = [1, 2].map(|threads| {
                let pair = Pair {
                    reference: reference.clone(),
                    decoded: decoded.clone(),
                    size: (width, height),
                    threads,
                };
                pair.difference(metric).unwrap_or_default()
            });
            assert_eq!(maps[0], maps[1]);
            let sum = |from: usize| {
                (0..height).map(|y| maps[0][y * width + from..][..100].iter().sum::<f32>()).sum::<f32>()
            };
            assert!(sum(1260) > 100.0 * sum(100).max(1e-3), "{} {}", sum(1260), sum(100));
        }
    }

    #[test]
    fn what_is_seen_most_counts_most_for_butteraugli() {
        let score = |map: &[f32]| {
            let mean = |exponent| map.iter().map(|&seen| f64::from(seen).powi(exponent)).sum::<f64>() / 4.0;
            NORMS.map(|exponent| mean(exponent).powf(1.0 / f64::from(exponent))).iter().sum::<f64>()
        };
        let map = [0.5_f32, 1.0, 2.0, 0.0];
        let growth = growth_of_norms(map.to_vec());
        for (i, growth) in growth.into_iter().enumerate() {
            let mut more = map;
            more[i] *= 1.001;
            let gained = (score(&more) - score(&map)) / 0.001 * 4.0;
            assert!((gained - f64::from(growth)).abs() < 0.01 * gained + 1e-9, "{gained} {growth}");
        }
    }

    #[test]
    fn blocks_at_the_edges_have_means_of_their_own() {
        let means = block_means((17, 16), |x, _| if x < 16 { 1.0 } else { 3.0 });
        assert_eq!(means, [1.0, 3.0]);
    }
}
