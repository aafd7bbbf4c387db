//! Which samples around a block exist (docs/spec/avs2#b2.4).

/// Which neighbouring samples exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Availability {
    /// Left of the block.
    pub left: bool,
    /// Above the block.
    pub top: bool,
    /// The corner.
    pub top_left: bool,
    /// Above, to the right of the block.
    pub top_right: bool,
    /// To the left, below the block.
    pub bottom_left: bool,
}

/// Z order of the 4x4 blocks of an LCU, row by row.
static Z_ORDER: [[u8; 16]; 16] = {
    let mut order = [[0; 16]; 16];
    let mut y = 0;
    while y < 16 {
        let mut x = 0;
        while x < 16 {
            let mut bit = 0;
            while bit < 4 {
                order[y][x] |= (((x >> bit) & 1) << (2 * bit) | ((y >> bit) & 1) << (2 * bit + 1)) as u8;
                bit += 1;
            }
            x += 1;
        }
        y += 1;
    }
    order
};

/// Position in Z order of the 4x4 block at (`x`, `y`), in luma samples from the corner of an LCU.
#[inline]
pub(crate) fn z_order(x: usize, y: usize) -> usize {
    Z_ORDER[y / 4][x / 4].into()
}

/// An LCU and what of the slice is around it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LcuPlace {
    /// Position of its first luma sample.
    pub x: usize,
    pub y: usize,
    pub size: usize,
    /// Coded size of the picture.
    pub picture: (usize, usize),
    /// The LCUs to the left, above, above left and above right are in the slice.
    pub left: bool,
    pub up: bool,
    pub up_left: bool,
    pub up_right: bool,
}

impl LcuPlace {
    /// Neighbouring samples of a luma area.
    pub fn availability(&self, (x, y): (usize, usize), (w, h): (usize, usize)) -> Availability {
        let (dx, dy) = (x - self.x, y - self.y);
        let z = z_order(dx, dy);
        let right = x + 2 * w - 1;
        let top_right = right < self.picture.0
            && if dy == 0 {
                // The segment ends in the LCU above or in the one to the right of it.
                if right < self.x + self.size { self.up } else { self.up_right }
            } else {
                dx + w < self.size && z_order(dx + w, dy - 1) < z
            };
        let bottom = y + 2 * h - 1;
        let bottom_left = bottom < self.picture.1
            && dy + h < self.size
            && if dx == 0 { self.left } else { z_order(dx - 1, dy + h) < z };
        Availability {
            left: dx > 0 || self.left,
            top: dy > 0 || self.up,
            top_left: match (dx > 0, dy > 0) {
                (true, true) => true,
                (true, false) => self.up,
                (false, true) => self.left,
                (false, false) => self.up_left,
            },
            top_right,
            bottom_left,
        }
    }
}
