//! Syntax of slice data (docs/spec/avs2#a20 to #a29 and #a40 to #a45).
//!
//! Each element's binarisation and context selection is written once, generic over a
//! [`BinCoder`](crate::aec::BinCoder): the functions take the value to code and return (or leave in place) the coded
//! value. A decoder calls them with an [`AecReader`](crate::aec::AecReader) and values that do not matter; an encoder
//! calls them with an [`AecWriter`](crate::aec::AecWriter), or with a [`CostCoder`](crate::aec::CostCoder) to learn
//! what a choice would cost. What later elements need from earlier CUs is seen through a
//! [`NeighbourView`]: lines of entries where slices are read or written ([`Neighbours`]), a grid where they are searched.
//!
//! An intra picture's slice is, for each LCU: [`code_sao`], [`code_alf_flag`] per filtered component,
//! then along the quadtree [`code_split_flag`] and for each CU `code_intra_cu` followed by
//! [`code_coefficients`] for each block whose `ctp` bit is set; at the end [`code_end_of_slice`].

mod coefficients;
mod cu;
mod neighbours;
mod sao;
mod scan;

pub(crate) use coefficients::CodedLevel;
pub use coefficients::{BlockClass, CodedGroup, Levels, code_coefficients};
pub use cu::{IntraCu, SliceTools, TransformSplit, chroma_to_luma_mode, most_probable_modes};
pub(crate) use cu::{IntraCuJob, Node, code_intra_cu};
pub(crate) use neighbours::{Entry, NeighbourView, Neighbours};
pub use sao::{Sao, SaoLcu, SaoMerge, code_sao};

/// Single elements, for costs in an encoder.
pub(crate) mod coding {
    pub(crate) use super::coefficients::{Block, RANKS, RUN_PLACES};
    pub(crate) use super::cu::code_luma_mode;
    pub(crate) use super::cu::{code_chroma_ctp, code_chroma_mode, code_partition};
    pub(crate) use super::scan::CELLS_4X4;
}
pub(crate) use cu::{code_chroma_ctp, code_luma_ctp, code_qp};

use crate::aec::{BinCoder, ctx};

/// `split_flag` of a block of size `1 << log2_size` (23); call it only where it is coded.
#[inline]
pub fn code_split_flag<C: BinCoder>(c: &mut C, log2_size: u32, split: bool) -> bool {
    c.bin(ctx::SPLIT + log2_size as usize - 4, split)
}

/// `alf_lcu_enable_flag` (22).
#[inline]
pub fn code_alf_flag<C: BinCoder>(c: &mut C, enabled: bool) -> bool {
    c.bin(ctx::ALF, enabled)
}

/// `aec_lcu_stuffing_bit`: whether the slice ends after this LCU (20).
#[inline]
pub fn code_end_of_slice<C: BinCoder>(c: &mut C, end: bool) -> bool {
    c.final_bin(end)
}
