//! Weights by what is seen, with and without the vector code of the metrics.

#![allow(clippy::unwrap_used)]

use archmage::{SimdToken, X64V2Token, X64V3Token};
use tpg::encode::{ChromaFilter, EncodeOptions, PictureOptions, PixelFormat, Pixels, Source};
use tpg::{Decoder, NeverCancel, Options};

/// Bytes of every picture at the first effort that measures what is seen.
fn encoded(pictures: &[(usize, usize, Vec<u8>)]) -> Vec<Vec<u8>> {
    let encode = |(width, height, rgb): &(usize, usize, Vec<u8>), qp| {
        let pixels = Pixels::new(rgb, *width, *height, width * 3, PixelFormat::Rgb).unwrap();
        let picture = PictureOptions { qp, effort: 6, ..PictureOptions::default() };
        let options = EncodeOptions { picture, ..EncodeOptions::default() };
        Source::new(&pixels, ChromaFilter::Sharp).encode(&options, &NeverCancel, &|_, _| {}).unwrap().file
    };
    pictures.iter().flat_map(|picture| [24, 34].map(|qp| encode(picture, qp))).collect()
}

/// Photographs, and parts of them whose sides are odd.
fn pictures() -> Vec<(usize, usize, Vec<u8>)> {
    let data = std::fs::read("../testdata/tpg/tpg.jpg").unwrap();
    let mut decoder = Decoder::new(data, Options::default()).unwrap();
    let frame = decoder.next_frame(&NeverCancel).unwrap().unwrap();
    let mut rgb = vec![0; frame.rgb_bytes()];
    frame.write_rgb(&mut rgb).unwrap();
    let (width, height) = (frame.width, frame.height);
    let part = |left: usize, top: usize, across: usize, down: usize| {
        assert!(left + across <= width && top + down <= height);
        let rows = (top..top + down).flat_map(|y| &rgb[(y * width + left) * 3..][..across * 3]);
        (across, down, rows.copied().collect())
    };
    vec![part(0, 0, width, height / 2), part(90, 60, 161, 95), part(100, 30, 64, 150), part(11, 17, 9, 7)]
}

#[test]
#[cfg(target_arch = "x86_64")]
fn metrics_without_vectors_give_the_same_bytes() {
    let pictures = pictures();
    let with = encoded(&pictures);
    X64V2Token::dangerously_disable_token_process_wide(true).unwrap();
    assert!(X64V3Token::summon().is_none());
    let without = encoded(&pictures);
    X64V2Token::dangerously_disable_token_process_wide(false).unwrap();
    assert!(with == without);
}
