//! Estimation of the adaptive loop filter (9.7).

use crate::encoder::filters::FilterTask;
use crate::encoder::input::FRACTION_BITS;
use crate::encoder::parallel;
use crate::encoder::search::row::Row;
use crate::encoder::simd;
use crate::filter::alf::{FilterUnit, Sides, filter_unit, region};
use crate::filter::sao::{Area, region_span};
use crate::headers::{AlfFilter, AlfParameters};
use crate::picture::PlaneBuffer;

/// Taps of a filter.
pub(in crate::encoder) const TAPS: usize = 9;
const REGIONS: usize = 16;
/// Unit of coefficients.
const ONE: f64 = 64.0;
/// Bits of where a filter begins, about.
const GROUP_BITS: f64 = 3.0;
/// Most changes of one coefficient, or of two, after rounding.
const MAX_STEPS: usize = 40;

/// Correlations of the tap sums with each other and with the source.
#[derive(Debug, Clone, Copy)]
struct Correlation {
    taps: [[f64; TAPS]; TAPS],
    source: [f64; TAPS],
}

impl Correlation {
    const ZERO: Self = Self { taps: [[0.0; TAPS]; TAPS], source: [0.0; TAPS] };

    fn add(&mut self, other: &Self) {
        for (row, other) in self.taps.iter_mut().zip(&other.taps) {
            row.iter_mut().zip(other).for_each(|(a, b)| *a += b);
        }
        self.source.iter_mut().zip(other.source).for_each(|(a, b)| *a += b);
    }

    /// Squared error of a filter, up to the constant that all filters have in common.
    fn error(&self, filter: &[f64; TAPS]) -> f64 {
        let mut error = 0.0;
        for (i, row) in self.taps.iter().enumerate() {
            let product: f64 = row.iter().zip(filter).map(|(a, w)| a * w).sum();
            error += filter[i] * (product - 2.0 * self.source[i]);
        }
        error
    }

    /// The filter with the least error.
    fn solve(&self) -> [f64; TAPS] {
        let mut a = self.taps;
        let mut b = self.source;
        // Keeps flat areas solvable.
        let mean = (0..TAPS).map(|i| a[i][i]).sum::<f64>() / TAPS as f64;
        for (i, row) in a.iter_mut().enumerate() {
            row[i] += mean * 1e-6 + 1.0;
        }
        b[TAPS - 1] += mean * 1e-6 + 1.0;
        for i in 0..TAPS {
            let pivot = a[i];
            for k in i + 1..TAPS {
                let factor = a[k][i] / pivot[i];
                for (x, p) in a[k].iter_mut().zip(pivot).skip(i) {
                    *x -= factor * p;
                }
                b[k] -= factor * b[i];
            }
        }
        for i in (0..TAPS).rev() {
            let sum: f64 = (i + 1..TAPS).map(|k| a[i][k] * b[k]).sum();
            b[i] = (b[i] - sum) / a[i][i];
        }
        b
    }

    /// The filter that can be sent with the least error + `lambda` * bits: that cost, C0..C8.
    fn solve_quantised(&self, lambda: f64) -> (f64, [i16; TAPS]) {
        let range = |i: usize| if i + 1 < TAPS { -64..=63 } else { 0..=127 };
        let mut taps: [i16; TAPS] = self.solve().map(|tap| (tap * ONE).round() as i16);
        for (i, tap) in taps.iter_mut().enumerate() {
            *tap = (*tap).clamp(*range(i).start(), *range(i).end());
        }
        let cost = |taps: &[i16; TAPS]| {
            self.error(&taps.map(|tap| f64::from(tap) / ONE)) + lambda * filter_bits(taps)
        };
        let mut best = cost(&taps);
        for _ in 0..MAX_STEPS {
            let mut next = (best, taps);
            for (i, step) in (0..TAPS).flat_map(|i| [(i, -1), (i, 1)]) {
                // Alone, or against another tap so that the sum, which the error depends on most, stays.
                for k in i..TAPS {
                    let mut changed = taps;
                    changed[i] += step;
                    if k > i {
                        changed[k] -= if k + 1 == TAPS { 2 * step } else { step };
                    }
                    if range(i).contains(&changed[i]) && range(k).contains(&changed[k]) {
                        let cost = cost(&changed);
                        if cost < next.0 {
                            next = (cost, changed);
                        }
                    }
                }
            }
            if next.0 >= best {
                break;
            }
            (best, taps) = next;
        }
        (best, taps)
    }
}

/// Chooses filters and switches, and filters `planes` with them.
/// Filters are estimated `passes` times.
pub(in crate::encoder) fn apply(
    task: &FilterTask<'_>,
    passes: usize,
    planes: &mut [PlaneBuffer; 3],
    rows: &mut [Row],
) -> AlfParameters {
    let (columns, count) = (task.geometry.lcu_columns(), task.geometry.lcu_rows());
    let mut parameters = AlfParameters::default();
    for (c, plane) in planes.iter_mut().enumerate() {
        let correlations: Vec<Correlation> = parallel::map(task.threads, count, |row| {
            (0..columns).map(|column| task.correlate(plane, c, (column, row))).collect::<Vec<_>>()
        })
        .concat();
        let Some((groups, switches)) = task.estimate(c, passes, &correlations) else { continue };
        for (i, &on) in switches.iter().enumerate() {
            rows[i / columns].lcus[i % columns].alf[c] = on;
        }
        if c == 0 {
            let starts = groups.iter().map(|group| group.start);
            let before = std::iter::once(0).chain(starts.clone());
            parameters.luma = starts
                .zip(before)
                .zip(&groups)
                .map(|((start, before), group)| ((start - before) as u8, coded(&group.taps)))
                .collect();
        } else {
            parameters.chroma[c - 1] = groups.first().map(|group| coded(&group.taps));
        }
        task.filter(plane, c, &groups, &switches);
    }
    parameters
}

/// A filter and the regions from the first that it is for.
#[derive(Debug, Clone)]
struct Group {
    start: usize,
    taps: [i16; TAPS],
}

/// The filter as it is sent (8.1).
fn coded(taps: &[i16; TAPS]) -> AlfFilter {
    let mut coded = *taps;
    coded[TAPS - 1] += 2 * taps[..TAPS - 1].iter().sum::<i16>() - 64;
    AlfFilter(coded)
}

/// Bits of a filter.
fn filter_bits(taps: &[i16; TAPS]) -> f64 {
    let bits = |v: i16| {
        let code = if v > 0 { 2 * u32::from(v.unsigned_abs()) - 1 } else { 2 * u32::from(v.unsigned_abs()) };
        f64::from(2 * (code + 1).ilog2() + 1)
    };
    coded(taps).0.iter().map(|&v| bits(v)).sum()
}

/// The group of a region.
fn group_of(groups: &[Group], region: usize) -> &Group {
    groups.iter().rev().find(|group| group.start <= region).unwrap_or(&groups[0])
}

impl FilterTask<'_> {
    fn unit(&self, c: usize, (column, row): (usize, usize)) -> FilterUnit {
        let (width, height) = self.geometry.plane_size(c);
        let n = 1 << self.geometry.plane_lcu_log2(c);
        let (y0, y1) = region_span(row, self.geometry.lcu_rows(), n, height);
        let x0 = column * n;
        let sides = Sides { left: column > 0, right: column + 1 < self.geometry.lcu_columns() };
        FilterUnit { area: Area { x0, x1: (x0 + n).min(width), y0, y1 }, lcu_y: row * n, sides: [sides; 2] }
    }

    fn region(&self, index: usize) -> usize {
        let columns = self.geometry.lcu_columns();
        region((index % columns, index / columns), (columns, self.geometry.lcu_rows()))
    }

    /// Correlations over a filter unit, with the samples that the filter would read.
    fn correlate(&self, plane: &PlaneBuffer, c: usize, at: (usize, usize)) -> Correlation {
        const BORDER: usize = 3;
        const STRIDE: usize = 64 + 2 * BORDER;
        let FilterUnit { area: Area { x0, x1, y0, y1 }, sides: [_, sides], .. } = self.unit(c, at);
        let (w, h) = (x1 - x0, y1 - y0);
        let mut samples = [0_i16; STRIDE * (64 + 2 * BORDER + 4)];
        for (i, row) in samples.chunks_exact_mut(STRIDE).take(h + 2 * BORDER).enumerate() {
            let y = (y0 + i).saturating_sub(BORDER).clamp(y0, y1 - 1);
            let inside = (BORDER..BORDER + h).contains(&i);
            let from = plane.row(y);
            let (left, right) = (inside && sides.left, inside && sides.right);
            for (j, sample) in row[..w + 2 * BORDER].iter_mut().enumerate() {
                let low = if left { 0 } else { x0 };
                let high = if right { plane.width() - 1 } else { x1 - 1 };
                *sample = i16::from(from[(x0 + j).saturating_sub(BORDER).clamp(low, high)]);
            }
        }
        let source = &self.source[c];
        let mut sums = [0_i64; TAPS * (TAPS + 1)];
        let mut rows = [[0_i16; 64]; TAPS + 1];
        for y in 0..h {
            let at = |dx: usize, dy: usize| &samples[(y + dy) * STRIDE + dx..][..w];
            // Offsets from the corner of the border: the sample itself is at (3, 3).
            let pairs = [
                ((3, 0), (3, 6)),
                ((3, 1), (3, 5)),
                ((2, 2), (4, 4)),
                ((3, 2), (3, 4)),
                ((4, 2), (2, 4)),
                ((0, 3), (6, 3)),
                ((1, 3), (5, 3)),
                ((2, 3), (4, 3)),
            ];
            for (row, (a, b)) in rows.iter_mut().zip(pairs) {
                for ((sum, a), b) in row.iter_mut().zip(at(a.0, a.1)).zip(at(b.0, b.1)) {
                    *sum = a + b;
                }
            }
            rows[TAPS - 1][..w].copy_from_slice(at(3, 3));
            rows[TAPS][..w].copy_from_slice(&source.row(y0 + y)[x0..x1]);
            simd::correlate(self.backend, &rows, w, &mut sums);
        }
        let mut correlation = Correlation::ZERO;
        for i in 0..TAPS {
            for k in i..TAPS {
                let sum = sums[i * (TAPS + 1) + k] as f64;
                correlation.taps[i][k] = sum;
                correlation.taps[k][i] = sum;
            }
            correlation.source[i] = sums[i * (TAPS + 1) + TAPS] as f64 / f64::from(1 << FRACTION_BITS);
        }
        correlation
    }

    /// Filters and switches of a component; `None` if the filter does not pay.
    fn estimate(&self, c: usize, passes: usize, units: &[Correlation]) -> Option<(Vec<Group>, Vec<bool>)> {
        let lambda = if c == 0 { self.lambda } else { self.lambda / self.chroma_weight };
        let mut switches = vec![true; units.len()];
        let identity = {
            let mut taps = [0.0; TAPS];
            taps[TAPS - 1] = 1.0;
            taps
        };
        let mut result = None;
        for _ in 0..passes {
            let mut regions = [Correlation::ZERO; REGIONS];
            for (i, unit) in units.iter().enumerate().filter(|(i, _)| switches[*i]) {
                regions[if c == 0 { self.region(i) } else { 0 }].add(unit);
            }
            let groups = if c == 0 {
                merge_regions(&regions, lambda)
            } else {
                vec![Group { start: 0, taps: regions[0].solve_quantised(lambda).1 }]
            };
            let header: f64 = groups.iter().map(|group| filter_bits(&group.taps) + GROUP_BITS).sum();
            let mut cost = lambda * header;
            for (i, unit) in units.iter().enumerate() {
                let group = group_of(&groups, self.region(i));
                let taps = group.taps.map(|tap| f64::from(tap) / ONE);
                let change = unit.error(&taps) - unit.error(&identity) + lambda * 0.7;
                switches[i] = change < 0.0;
                cost += change.min(lambda * 0.3);
            }
            if cost < 0.0 {
                result = Some((cost, groups, switches.clone()));
            } else if switches.iter().all(|on| !on) {
                break;
            }
        }
        result.map(|(_, groups, switches)| (groups, switches))
    }

    fn filter(&self, plane: &mut PlaneBuffer, c: usize, groups: &[Group], switches: &[bool]) {
        let columns = self.geometry.lcu_columns();
        let input = plane.clone();
        for (i, &on) in switches.iter().enumerate() {
            let unit = self.unit(c, (i % columns, i / columns));
            if !on {
                // The filter may write beyond its unit to the right.
                let Area { x0, x1, y0, y1 } = unit.area;
                for y in y0..y1 {
                    plane.row_mut(y)[x0..x1].copy_from_slice(&input.row(y)[x0..x1]);
                }
                continue;
            }
            let group = group_of(groups, if c == 0 { self.region(i) } else { 0 });
            // As the decoder computes the taps from the coded ones.
            let taps = coded(&group.taps).taps();
            filter_unit(self.backend, &taps, &unit, (input.samples(), plane.samples_mut()), input.stride());
        }
    }
}

/// Filters for runs of regions, divided so that error + `lambda` * bits is least.
fn merge_regions(regions: &[Correlation; REGIONS], lambda: f64) -> Vec<Group> {
    // By the last region: the least cost so far, and the run that ends there.
    let mut best: Vec<(f64, Group)> = Vec::with_capacity(REGIONS);
    for end in 0..REGIONS {
        let mut correlation = Correlation::ZERO;
        let runs = (0..=end).rev().map(|start| {
            correlation.add(&regions[start]);
            let (cost, taps) = correlation.solve_quantised(lambda);
            let before = if start > 0 { best[start - 1].0 } else { 0.0 };
            (before + cost + lambda * GROUP_BITS, Group { start, taps })
        });
        best.extend(runs.min_by(|a, b| a.0.total_cmp(&b.0)));
    }
    let mut groups = Vec::new();
    let mut end = REGIONS;
    while end > 0 {
        let group = best[end - 1].1.clone();
        end = group.start;
        groups.push(group);
    }
    groups.reverse();
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Correlations of noise with itself after a filter.
    fn correlation(filter: [i16; TAPS]) -> Correlation {
        let mut state = 1_u32;
        let mut correlation = Correlation::ZERO;
        for _ in 0..2000 {
            let u: [f64; TAPS] = std::array::from_fn(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                f64::from(state >> 24)
            });
            let source: f64 = u.iter().zip(filter).map(|(u, tap)| u * f64::from(tap) / ONE).sum();
            for i in 0..TAPS {
                for k in 0..TAPS {
                    correlation.taps[i][k] += u[i] * u[k];
                }
                correlation.source[i] += u[i] * source;
            }
        }
        correlation
    }

    const KNOWN: [i16; TAPS] = [1, -2, 3, 4, -1, 0, 2, 5, 40];
    const OTHER: [i16; TAPS] = [-3, 1, 0, -2, 6, 1, -1, 0, 60];

    #[test]
    fn solution_recovers_a_known_filter() {
        assert_eq!(correlation(KNOWN).solve_quantised(0.0).1, KNOWN);
        assert_eq!(coded(&KNOWN).taps(), KNOWN);
    }

    #[test]
    fn bits_count_in_the_choice_of_a_filter() {
        let bits = |lambda| filter_bits(&correlation(KNOWN).solve_quantised(lambda).1);
        assert!(bits(1e6) < bits(0.0), "{} {}", bits(1e6), bits(0.0));
    }

    #[test]
    fn regions_are_divided_where_their_filters_differ() {
        let regions: [Correlation; REGIONS] =
            std::array::from_fn(|i| correlation(if (6..9).contains(&i) { OTHER } else { KNOWN }));
        let groups = merge_regions(&regions, 10.0);
        let found: Vec<_> = groups.iter().map(|group| (group.start, group.taps)).collect();
        assert_eq!(found, [(0, KNOWN), (6, OTHER), (9, KNOWN)]);
        assert_eq!(merge_regions(&regions, 1e12).len(), 1, "bits that dear are not worth it");
    }

    #[test]
    fn empty_regions_have_a_filter_that_can_be_sent() {
        let groups = merge_regions(&[Correlation::ZERO; REGIONS], 10.0);
        assert_eq!(groups.len(), 1);
        assert!(groups[0].taps[..8].iter().all(|tap| (-64..=63).contains(tap)));
    }
}
