//! Types and prediction blocks of inter CUs (docs/spec/avs2#c4.1 and #a25).

use super::motion::Rect;
use crate::syntax::Node;

/// Division of an explicitly coded inter CU (table 4-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Partition {
    /// 2Nx2N.
    Whole,
    /// 2NxN.
    Horizontal,
    /// 2NxnU.
    HorizontalUp,
    /// 2NxnD.
    HorizontalDown,
    /// Nx2N.
    Vertical,
    /// nLx2N.
    VerticalLeft,
    /// nRx2N.
    VerticalRight,
}

/// Which neighbour the vector predictor prefers (table 7-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    None,
    Left,
    Right,
    Top,
    Bottom,
}

/// How the four luma transform blocks of a split inter CU lie (table 13-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Orientation {
    /// Not divided in strips.
    Square,
    /// Strips from top to bottom.
    Horizontal,
    /// Strips from left to right.
    Vertical,
}

impl Partition {
    /// Number of prediction blocks.
    pub(crate) fn count(self) -> usize {
        if self == Self::Whole { 1 } else { 2 }
    }

    /// The direction in which the CU is divided.
    pub(crate) fn orientation(self) -> Orientation {
        match self {
            Self::Whole => Orientation::Square,
            Self::Horizontal | Self::HorizontalUp | Self::HorizontalDown => Orientation::Horizontal,
            Self::Vertical | Self::VerticalLeft | Self::VerticalRight => Orientation::Vertical,
        }
    }

    /// Distance of the inner border from the top or left of a CU of `size`; `None` if there is no border.
    pub(crate) fn border(self, size: usize) -> Option<usize> {
        match self {
            Self::Whole => None,
            Self::Horizontal | Self::Vertical => Some(size / 2),
            Self::HorizontalUp | Self::VerticalLeft => Some(size / 4),
            Self::HorizontalDown | Self::VerticalRight => Some(size / 4 * 3),
        }
    }

    /// Prediction block `index` of a CU.
    pub(crate) fn block(self, index: usize, node: Node) -> (Rect, Shape) {
        let ((x, y), size) = (node.at, node.size());
        let Some(border) = self.border(size) else {
            return (Rect::new(x, y, size, size), Shape::None);
        };
        match (self.orientation(), index) {
            (Orientation::Horizontal, 0) => (Rect::new(x, y, size, border), Shape::Top),
            (Orientation::Horizontal, _) => (Rect::new(x, y + border, size, size - border), Shape::Bottom),
            (_, 0) => (Rect::new(x, y, border, size), Shape::Left),
            _ => (Rect::new(x + border, y, size - border, size), Shape::Right),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_cover_the_cu() {
        let all = [
            (Partition::Horizontal, [(0, 0, 32, 16), (0, 16, 32, 16)]),
            (Partition::Vertical, [(0, 0, 16, 32), (16, 0, 16, 32)]),
            (Partition::HorizontalUp, [(0, 0, 32, 8), (0, 8, 32, 24)]),
            (Partition::HorizontalDown, [(0, 0, 32, 24), (0, 24, 32, 8)]),
            (Partition::VerticalLeft, [(0, 0, 8, 32), (8, 0, 24, 32)]),
            (Partition::VerticalRight, [(0, 0, 24, 32), (24, 0, 8, 32)]),
        ];
        for (partition, blocks) in all {
            for (index, (x, y, width, height)) in blocks.into_iter().enumerate() {
                let (rect, _) = partition.block(index, Node { at: (64, 32), log2_size: 5 });
                assert_eq!(rect, Rect::new(64 + x, 32 + y, width, height), "{partition:?} {index}");
            }
        }
        assert_eq!(
            Partition::Whole.block(0, Node { at: (8, 8), log2_size: 3 }),
            (Rect::new(8, 8, 8, 8), Shape::None)
        );
    }
}
