//! Estimation of sample adaptive offset (docs/spec/avs2#b9.6).

use crate::encoder::DrawnRegions;
use crate::encoder::filters::FilterTask;
use crate::encoder::input::FRACTION_BITS;
use crate::encoder::parallel;
use crate::encoder::search::row::Row;
use crate::filter::sao::{Area, Planes, band_table, direction_offset, filter_area, region_span};
use crate::picture::PlaneBuffer;
use crate::syntax::{Sao, SaoLcu, SaoMerge};

/// Number of samples of a class, and sum of source minus sample in sixteenths.
#[derive(Debug, Clone, Copy, Default)]
struct Class {
    count: i64,
    sum: i64,
}

impl Class {
    /// Change of the squared error by an offset.
    fn change(&self, offset: i8) -> f64 {
        let offset = i64::from(offset);
        (self.count * offset * offset) as f64 - (2 * offset * self.sum) as f64 / f64::from(1 << FRACTION_BITS)
    }
}

/// Classes of one component in one region.
#[derive(Debug, Clone)]
struct Statistics {
    /// Per direction: full valley, half valley, neither, half peak, full peak.
    edges: [[Class; 5]; 4],
    bands: [Class; 32],
}

/// Chooses the parameters of every LCU in `rows`, or of those in drawn regions `only`, and filters `planes` with them;
/// which components have any.
pub(in crate::encoder) fn apply(
    task: &FilterTask<'_>,
    only: Option<&DrawnRegions>,
    planes: &mut [PlaneBuffer; 3],
    rows: &mut [Row],
) -> [bool; 3] {
    let (columns, count) = (task.geometry.lcu_columns(), task.geometry.lcu_rows());
    let statistics: Vec<Vec<[Statistics; 3]>> = parallel::map(task.threads, count, |row| {
        let measure = |column| std::array::from_fn(|c| task.measure(planes, c, (column, row)));
        (0..columns).map(measure).collect()
    });
    for (row, statistics) in statistics.iter().enumerate() {
        for (column, statistics) in statistics.iter().enumerate() {
            let at = (column << task.geometry.lcu_log2, row << task.geometry.lcu_log2);
            if only.is_some_and(|drawn| !drawn.contain(at)) {
                continue;
            }
            let left = column.checked_sub(1).map(|column| rows[row].lcus[column].sao);
            let up = (row % task.slice_rows != 0).then(|| rows[row - 1].lcus[column].sao);
            let (merge, sao) = task.choose(statistics, left, up);
            let lcu = &mut rows[row].lcus[column];
            (lcu.sao_merge, lcu.sao) = (merge, sao);
        }
    }
    let enabled = std::array::from_fn(|c| rows.iter().any(|r| r.lcus.iter().any(|l| l.sao[c] != Sao::Off)));
    for c in 0..3 {
        if enabled[c] {
            let input = planes[c].clone();
            for (row, lcus) in rows.iter().enumerate() {
                for (column, lcu) in lcus.lcus.iter().enumerate() {
                    let (width, height) = task.geometry.plane_size(c);
                    let area = task.area(c, (column, row));
                    let planes = Planes {
                        input: input.samples(),
                        output: planes[c].samples_mut(),
                        stride: input.stride(),
                        width,
                        height,
                    };
                    filter_area(task.backend, &lcu.sao[c], area, planes, None);
                }
            }
        }
    }
    enabled
}

impl FilterTask<'_> {
    fn area(&self, c: usize, (column, row): (usize, usize)) -> Area {
        let (width, height) = self.geometry.plane_size(c);
        let n = 1 << self.geometry.plane_lcu_log2(c);
        let (x0, x1) = region_span(column, self.geometry.lcu_columns(), n, width);
        let (y0, y1) = region_span(row, self.geometry.lcu_rows(), n, height);
        Area { x0, x1, y0, y1 }
    }

    fn measure(&self, planes: &[PlaneBuffer; 3], c: usize, at: (usize, usize)) -> Statistics {
        let (width, height) = self.geometry.plane_size(c);
        let (plane, source) = (&planes[c], &self.source[c]);
        let Area { x0, x1, y0, y1 } = self.area(c, at);
        let mut bands = [Class::default(); 32];
        for y in y0..y1 {
            for (&s, &o) in plane.row(y)[x0..x1].iter().zip(&source.row(y)[x0..x1]) {
                let class = &mut bands[usize::from(s >> 3)];
                class.count += 1;
                class.sum += i64::from(o) - (i64::from(s) << FRACTION_BITS);
            }
        }
        let (samples, stride) = (plane.samples(), plane.stride());
        let edges = std::array::from_fn(|direction| {
            let (dx, dy) = direction_offset(direction as u8);
            let (left, above) = (usize::from(dx != 0), usize::from(dy != 0));
            let (x0, x1) = (x0.max(left), x1.min(width - left));
            let mut counts = [0_i32; 5];
            let mut sums = [0_i32; 5];
            for y in y0.max(above)..y1.min(height - above) {
                let at = y * stride + x0;
                let length = x1 - x0;
                let first = at.wrapping_add_signed(dy * stride as isize + dx);
                let second = at.wrapping_add_signed(-(dy * stride as isize + dx));
                let neighbours = samples[first..first + length].iter().zip(&samples[second..second + length]);
                let own = samples[at..at + length].iter().zip(&source.row(y)[x0..x1]);
                for ((&s, &o), (&a, &b)) in own.zip(neighbours) {
                    let sign = |other: u8| i32::from(s > other) - i32::from(s < other);
                    let class = (2 + sign(a) + sign(b)) as usize;
                    counts[class] += 1;
                    sums[class] += i32::from(o) - (i32::from(s) << FRACTION_BITS);
                }
            }
            std::array::from_fn(|i| Class { count: counts[i].into(), sum: sums[i].into() })
        });
        Statistics { edges, bands }
    }

    fn lambda(&self, c: usize) -> f64 {
        if c == 0 { self.lambda } else { self.lambda / self.chroma_weight }
    }

    /// The cheapest parameters of an LCU.
    fn choose(
        &self,
        statistics: &[Statistics; 3],
        left: Option<SaoLcu>,
        up: Option<SaoLcu>,
    ) -> (SaoMerge, SaoLcu) {
        let mut sao = SaoLcu::default();
        // Costs are divided by lambda, so that components can be added.
        let mut best = f64::from(u8::from(left.is_some()) + u8::from(up.is_some())) * 0.5;
        for c in 0..3 {
            let (cost, parameters) = self.best_of(&statistics[c], c);
            sao[c] = parameters;
            best += cost;
        }
        let mut result = (SaoMerge::None, sao);
        for (merge, neighbour) in [(SaoMerge::Left, left), (SaoMerge::Up, up)] {
            let Some(neighbour) = neighbour else { continue };
            let changes = (0..3).map(|c| change(&statistics[c], &neighbour[c]) / self.lambda(c));
            let cost = 1.0 + changes.sum::<f64>();
            if cost < best {
                best = cost;
                result = (merge, neighbour);
            }
        }
        result
    }

    /// The cheapest parameters of a component with their cost in bits.
    fn best_of(&self, statistics: &Statistics, c: usize) -> (f64, Sao) {
        let lambda = self.lambda(c);
        let mut best = (0.7, Sao::Off);
        for (direction, classes) in statistics.edges.iter().enumerate() {
            let mut offsets = [0; 4];
            let mut cost = 4.0;
            for (i, (class, range)) in
                [(0, -1..=6), (1, 0..=1), (3, -1..=0), (4, -6..=1)].into_iter().enumerate()
            {
                let (gain, offset) = range
                    .map(|offset: i8| {
                        (classes[class].change(offset) / lambda + f64::from(edge_bits(class, offset)), offset)
                    })
                    .fold((f64::MAX, 0), |best, next| if next.0 < best.0 { next } else { best });
                offsets[i] = offset;
                cost += gain;
            }
            if cost < best.0 {
                best = (cost, Sao::Edge { direction: direction as u8, offsets });
            }
        }
        let bands: [(f64, i8); 32] = std::array::from_fn(|band| {
            (-7..=7_i8)
                .map(|offset| (statistics.bands[band].change(offset) / lambda + band_bits(offset), offset))
                .fold((f64::MAX, 0), |best, next| if next.0 < best.0 { next } else { best })
        });
        for first in 0..32_usize {
            let pair = |start: usize| bands[start & 31].0 + bands[(start + 1) & 31].0;
            for delta in 2..=16 {
                let second = (first + delta) & 31;
                let bits = [3.0, 3.0, 5.0, 5.0, 5.0, 5.0][..].get(delta - 2).copied().unwrap_or(6.0);
                let cost = 7.0 + bits + pair(first) + pair(second);
                if cost < best.0 {
                    let offsets = [first, first + 1, second, second + 1].map(|band| bands[band & 31].1);
                    best = (cost, Sao::Band { starts: [first as u8, second as u8], offsets });
                }
            }
        }
        best
    }
}

/// Change of the squared error by parameters.
fn change(statistics: &Statistics, sao: &Sao) -> f64 {
    match *sao {
        Sao::Off => 0.0,
        Sao::Edge { direction, offsets } => {
            let classes = &statistics.edges[usize::from(direction)];
            [0, 1, 3, 4].iter().zip(offsets).map(|(&class, offset)| classes[class].change(offset)).sum()
        }
        Sao::Band { starts, offsets } => {
            let table = band_table(starts, offsets);
            statistics.bands.iter().zip(table).map(|(class, offset)| class.change(offset)).sum()
        }
    }
}

/// Bits of an edge offset (21).
fn edge_bits(class: usize, offset: i8) -> u8 {
    if class == 1 || class == 3 {
        return 1;
    }
    match if class == 0 { offset } else { -offset } {
        1 => 1,
        0 => 2,
        2 => 3,
        -1 => 4,
        3 => 5,
        4 => 6,
        _ => 7,
    }
}

/// Bits of a band offset (21).
fn band_bits(offset: i8) -> f64 {
    match offset.unsigned_abs() {
        0 => 1.0,
        7 => 8.0,
        magnitude => f64::from(magnitude) + 2.0,
    }
}
