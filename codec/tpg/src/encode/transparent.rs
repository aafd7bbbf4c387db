//! Colour under fully transparent pixels: nobody sees it, so it is made cheap to code.
//!
//! Visible pixels are averaged into a pyramid of ever smaller pictures; gaps are filled from the next smaller one with
//! bilinear magnification. The result has no edges of its own.

use super::{PixelFormat, Pixels};

/// Components of a pixel and whether it has a value.
type Cell = [u8; 4];
const KNOWN: u8 = 1;

struct Level {
    width: usize,
    height: usize,
    cells: Vec<Cell>,
}

/// Pixels without alpha and without gaps.
pub(super) struct Filled {
    data: Vec<u8>,
    width: usize,
    height: usize,
    format: PixelFormat,
}

impl Filled {
    pub(super) fn pixels(&self) -> Pixels<'_> {
        let stride = self.width * self.format.bytes();
        Pixels::trusted(&self.data, self.width, self.height, stride, self.format)
    }
}

/// Replaces the colour of pixels with alpha 0; `None` if there are none.
pub(super) fn fill(pixels: &Pixels<'_>, alpha: &[u8]) -> Option<Filled> {
    if !alpha.contains(&0) {
        return None;
    }
    let colours = pixels.format().colours();
    let mut levels = vec![base(pixels, alpha)];
    while let Some(next) = levels.last().and_then(Level::smaller) {
        levels.push(next);
    }
    let mut coarse = levels.pop()?;
    // Nothing is visible at all.
    for cell in &mut coarse.cells {
        if cell[3] != KNOWN {
            *cell = [128, 128, 128, KNOWN];
        }
    }
    while let Some(mut level) = levels.pop() {
        level.fill_from(&coarse);
        coarse = level;
    }
    let mut data = Vec::with_capacity(coarse.cells.len() * colours);
    for cell in &coarse.cells {
        data.extend_from_slice(&cell[..colours]);
    }
    let format = if colours == 1 { PixelFormat::Grey } else { PixelFormat::Rgb };
    Some(Filled { data, width: pixels.width(), height: pixels.height(), format })
}

fn base(pixels: &Pixels<'_>, alpha: &[u8]) -> Level {
    let (width, height) = (pixels.width(), pixels.height());
    let format = pixels.format();
    let mut cells = Vec::with_capacity(width * height);
    for (y, alpha) in alpha.chunks_exact(width).enumerate() {
        let row = pixels.row(y).chunks_exact(format.bytes());
        cells.extend(row.zip(alpha).map(|(pixel, &alpha)| {
            let mut cell = [0; 4];
            if alpha != 0 {
                cell[..format.colours()].copy_from_slice(&pixel[..format.colours()]);
                cell[3] = KNOWN;
            }
            cell
        }));
    }
    Level { width, height, cells }
}

impl Level {
    /// Means of the known among 2 x 2 cells; `None` if no cell has a gap or there is but one.
    fn smaller(&self) -> Option<Self> {
        if self.cells.len() == 1 || self.cells.iter().all(|cell| cell[3] == KNOWN) {
            return None;
        }
        let (width, height) = (self.width.div_ceil(2), self.height.div_ceil(2));
        let mut cells = Vec::with_capacity(width * height);
        for y in 0..height {
            for x in 0..width {
                let mut sums = [0_u16; 3];
                let mut count = 0;
                for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                    let (x, y) = (2 * x + dx, 2 * y + dy);
                    if x < self.width && y < self.height {
                        let cell = self.cells[y * self.width + x];
                        if cell[3] == KNOWN {
                            count += 1;
                            for (sum, value) in sums.iter_mut().zip(cell) {
                                *sum += u16::from(value);
                            }
                        }
                    }
                }
                let mean = sums.map(|sum| ((sum + count / 2) / count.max(1)) as u8);
                cells.push([mean[0], mean[1], mean[2], if count > 0 { KNOWN } else { 0 }]);
            }
        }
        Some(Self { width, height, cells })
    }

    /// Fills gaps from a level of half the size that has none.
    fn fill_from(&mut self, coarse: &Self) {
        for y in 0..self.height {
            let near = y / 2;
            let far = if y % 2 == 0 { near.saturating_sub(1) } else { (near + 1).min(coarse.height - 1) };
            for x in 0..self.width {
                let cell = &mut self.cells[y * self.width + x];
                if cell[3] == KNOWN {
                    continue;
                }
                let close = x / 2;
                let off =
                    if x % 2 == 0 { close.saturating_sub(1) } else { (close + 1).min(coarse.width - 1) };
                let at = |x: usize, y: usize| coarse.cells[y * coarse.width + x];
                let corners =
                    [(9, at(close, near)), (3, at(off, near)), (3, at(close, far)), (1, at(off, far))];
                for (c, value) in cell.iter_mut().take(3).enumerate() {
                    let sum: u16 = corners.iter().map(|(weight, cell)| weight * u16::from(cell[c])).sum();
                    *value = ((sum + 8) / 16) as u8;
                }
                cell[3] = KNOWN;
            }
        }
    }
}
