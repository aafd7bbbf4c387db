//! The row function compiled for AVX2. It is the same source as the portable one, so its results are the same.
#![allow(unsafe_code)]

use super::row::{Scratch, Source, convert_row_inline};
use super::{Layout, RowFunction};

/// The AVX2 row function if the processor has AVX2.
pub(super) fn convert_row() -> Option<RowFunction> {
    is_x86_feature_detected!("avx2").then_some(convert_row_checked as RowFunction)
}

fn convert_row_checked(source: &Source<'_>, scratch: &mut Scratch, layout: Layout, out: &mut [u8]) {
    // SAFETY: this function is private and only handed out above, after AVX2 was detected.
    unsafe { convert_row_avx2(source, scratch, layout, out) }
}

#[target_feature(enable = "avx2")]
unsafe fn convert_row_avx2(source: &Source<'_>, scratch: &mut Scratch, layout: Layout, out: &mut [u8]) {
    convert_row_inline(source, scratch, layout, out);
}
