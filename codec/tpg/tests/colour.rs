//! Colour conversion: every instruction set gives the same bytes.
#![allow(clippy::unwrap_used)]

use tpg::SimdLevel;
use tpg::colour::{Layout, PlaneRef, convert};

/// Deterministic noise.
fn noise(seed: u32, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 11) as u8
    })
    .take(length)
    .collect()
}

fn plane(data: &[u8], stride: usize, width: usize, height: usize) -> PlaneRef<'_> {
    PlaneRef { data, stride, width, height }
}

fn run(size: (usize, usize), seed: u32, layout: Layout, simd: SimdLevel) -> Vec<u8> {
    let (width, height) = size;
    let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
    let stride = width + 5;
    let samples: Vec<Vec<u8>> = (0..4).map(|index| noise(seed + index, stride * height)).collect();
    let planes = [
        plane(&samples[0], stride, width, height),
        plane(&samples[1], stride, half_width, half_height),
        plane(&samples[2], stride, half_width, half_height),
    ];
    let alpha = plane(&samples[3], stride, width, height);
    let mut out = vec![0; width * height * layout.bytes()];
    convert(&planes, Some(alpha), layout, simd, &mut out).unwrap();
    out
}

#[test]
fn simd_equals_portable_code() {
    for (seed, width) in (1..=70).chain([127, 128, 129, 1000]).enumerate() {
        for height in [1, 2, 3, 8] {
            for layout in [Layout::Rgb, Layout::Rgba] {
                let portable = run((width, height), seed as u32, layout, SimdLevel::Scalar);
                assert_eq!(
                    portable,
                    run((width, height), seed as u32, layout, SimdLevel::Avx2),
                    "{width}x{height}"
                );
                assert_eq!(
                    portable,
                    run((width, height), seed as u32, layout, SimdLevel::Auto),
                    "{width}x{height}"
                );
            }
        }
    }
}

#[test]
fn flat_colours_are_those_of_the_matrix() {
    let cases = [
        ([16, 128, 128], [0, 0, 0]),
        ([235, 128, 128], [255, 255, 255]),
        ([126, 128, 128], [128, 128, 128]),
        ([81, 90, 240], [254, 0, 0]),
        ([145, 54, 34], [0, 255, 1]),
        ([41, 240, 110], [0, 0, 255]),
        ([122, 96, 211], [255, 68, 59]),
        ([0, 0, 0], [0, 136, 0]),
        ([255, 255, 255], [255, 125, 255]),
    ];
    for ([y, cb, cr], rgb) in cases {
        let (y, cb, cr) = ([y; 12], [cb; 4], [cr; 4]);
        let planes = [plane(&y, 4, 4, 3), plane(&cb, 2, 2, 2), plane(&cr, 2, 2, 2)];
        let mut out = [0; 36];
        convert(&planes, None, Layout::Rgb, SimdLevel::Auto, &mut out).unwrap();
        for pixel in out.chunks_exact(3) {
            assert_eq!(pixel, rgb, "{y:?} {cb:?} {cr:?}");
        }
    }
}

#[test]
fn chroma_is_centred_between_pixels() {
    // Of two chroma columns 128 and 208, the four pixel columns get 0, 1/4, 3/4 and all of the difference.
    let planes = [plane(&[126; 8], 4, 4, 2), plane(&[128; 2], 2, 2, 1), plane(&[128, 208], 2, 2, 1)];
    let mut out = [0; 24];
    convert(&planes, None, Layout::Rgb, SimdLevel::Auto, &mut out).unwrap();
    let red: Vec<u8> = out.chunks_exact(3).map(|pixel| pixel[0]).take(4).collect();
    assert_eq!(red, [128, 160, 224, 255]);
}

#[test]
fn wrong_sizes_are_errors() {
    let data = [0; 64];
    let good = [plane(&data, 4, 4, 4), plane(&data, 2, 2, 2), plane(&data, 2, 2, 2)];
    let level = SimdLevel::Auto;
    assert!(convert(&good, None, Layout::Rgb, level, &mut [0; 48]).is_ok());
    assert!(convert(&good, None, Layout::Rgb, level, &mut [0; 47]).is_err());
    assert!(convert(&good, None, Layout::Rgba, level, &mut [0; 48]).is_err());
    assert!(convert(&good, Some(plane(&data, 4, 4, 3)), Layout::Rgba, level, &mut [0; 64]).is_err());
    let short = [plane(&data, 60, 4, 4), good[1], good[2]];
    assert!(convert(&short, None, Layout::Rgb, level, &mut [0; 48]).is_err());
    let narrow = [good[0], plane(&data, 2, 1, 2), good[2]];
    assert!(convert(&narrow, None, Layout::Rgb, level, &mut [0; 48]).is_err());
}
