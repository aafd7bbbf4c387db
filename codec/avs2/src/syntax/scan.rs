//! Scan orders (41).

/// Scan position of each cell of a 4x4 group, row by row.
pub(super) const POSITION_4X4: [u8; 16] = [0, 1, 5, 6, 2, 4, 7, 12, 3, 8, 11, 13, 9, 10, 14, 15];

/// Column and row of each scan position of a 4x4 group.
pub(crate) const CELLS_4X4: [(u8, u8); 16] = invert::<16>(&POSITION_4X4, 4);

const GROUPS_2X2: [u8; 4] = [0, 1, 2, 3];

#[rustfmt::skip]
const GROUPS_8X8: [u8; 64] = [
     0,  1,  5,  6, 14, 15, 27, 28,
     2,  4,  7, 13, 16, 26, 29, 42,
     3,  8, 12, 17, 25, 30, 41, 43,
     9, 11, 18, 24, 31, 40, 44, 53,
    10, 19, 23, 32, 39, 45, 52, 54,
    20, 22, 33, 38, 46, 51, 55, 60,
    21, 34, 37, 47, 50, 56, 59, 61,
    35, 36, 48, 49, 57, 58, 62, 63,
];

#[rustfmt::skip]
const GROUPS_8X2: [u8; 16] = [
    0, 1, 4, 5, 8, 9, 12, 13,
    2, 3, 6, 7, 10, 11, 14, 15,
];

const GROUPS_2X8: [u8; 16] = [0, 1, 2, 4, 3, 5, 6, 8, 7, 9, 10, 12, 11, 13, 14, 15];

/// Order of the coefficient groups of one block size.
pub(super) struct GroupScan {
    /// Groups per row.
    pub width: usize,
    /// Scan index of each group, row by row.
    index: &'static [u8],
    /// Column and row by scan index.
    groups: &'static [(u8, u8)],
}

impl GroupScan {
    pub fn index(&self, gx: usize, gy: usize) -> usize {
        self.index[gy * self.width + gx].into()
    }

    pub fn group(&self, index: usize) -> (usize, usize) {
        let (gx, gy) = self.groups[index];
        (gx.into(), gy.into())
    }

    pub fn len(&self) -> usize {
        self.groups.len()
    }
}

macro_rules! group_scan {
    ($index:expr, $width:literal, $len:literal) => {
        GroupScan { width: $width, index: &$index, groups: const { &invert::<$len>(&$index, $width) } }
    };
}

static SCAN_1X1: GroupScan = group_scan!([0], 1, 1);
static SCAN_2X2: GroupScan = group_scan!(GROUPS_2X2, 2, 4);
static SCAN_4X4: GroupScan = group_scan!(POSITION_4X4, 4, 16);
static SCAN_8X8: GroupScan = group_scan!(GROUPS_8X8, 8, 64);
static SCAN_4X1: GroupScan = group_scan!(GROUPS_2X2, 4, 4);
static SCAN_1X4: GroupScan = group_scan!(GROUPS_2X2, 1, 4);
static SCAN_8X2: GroupScan = group_scan!(GROUPS_8X2, 8, 16);
static SCAN_2X8: GroupScan = group_scan!(GROUPS_2X8, 2, 16);

/// Order of the groups of a block of `w` x `h` coefficients (docs/spec/avs2#a41.3).
pub(super) fn group_scan(w: usize, h: usize) -> &'static GroupScan {
    match (w, h) {
        (4, 4) => &SCAN_1X1,
        (8, 8) => &SCAN_2X2,
        (16, 16) => &SCAN_4X4,
        (32, 32) => &SCAN_8X8,
        (16, 4) => &SCAN_4X1,
        (4, 16) => &SCAN_1X4,
        (32, 8) => &SCAN_8X2,
        (8, 32) => &SCAN_2X8,
        _ => {
            debug_assert!(false, "no coefficient blocks of {w}x{h}");
            &SCAN_1X1
        }
    }
}

const fn invert<const N: usize>(index: &[u8; N], width: usize) -> [(u8, u8); N] {
    let mut cells = [(0, 0); N];
    let mut i = 0;
    while i < N {
        cells[index[i] as usize] = ((i % width) as u8, (i / width) as u8);
        i += 1;
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rule of docs/spec/avs2#a41.1.
    fn zigzag(w: usize, h: usize) -> Vec<(usize, usize)> {
        let mut cells = Vec::new();
        for d in 0..w + h - 1 {
            let mut diagonal: Vec<_> = (0..=d).map(|x| (x, d - x)).filter(|&(x, y)| x < w && y < h).collect();
            if d % 2 == 1 {
                diagonal.reverse();
            }
            cells.extend(diagonal);
        }
        cells
    }

    #[test]
    fn tables_follow_the_rule() {
        for (w, h) in [(16, 16), (32, 32), (8, 32)] {
            let scan = group_scan(w, h);
            let cells: Vec<_> = (0..scan.len()).map(|i| scan.group(i)).collect();
            assert_eq!(cells, zigzag(w / 4, h / 4), "{w}x{h}");
        }
        let cells: Vec<_> = CELLS_4X4.iter().map(|&(x, y)| (x.into(), y.into())).collect();
        assert_eq!(cells, zigzag(4, 4));
    }

    #[test]
    fn index_inverts_group() {
        for (w, h) in [(4, 4), (8, 8), (16, 16), (32, 32), (16, 4), (4, 16), (32, 8), (8, 32)] {
            let scan = group_scan(w, h);
            assert_eq!(scan.len(), w * h / 16);
            for i in 0..scan.len() {
                let (gx, gy) = scan.group(i);
                assert_eq!(scan.index(gx, gy), i);
            }
        }
    }
}
