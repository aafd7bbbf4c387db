//! Colour conversion: every instruction set gives the same bytes.
#![allow(clippy::unwrap_used)]

use tpg::SimdLevel;
use tpg::colour::{ColourRange, Layout, PlaneRef, Planes, convert, convert_by_threads};

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

fn limited(colour: [PlaneRef<'_>; 3]) -> Planes<'_> {
    Planes { colour, alpha: None, range: ColourRange::Limited }
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
    let alpha = Some(plane(&samples[3], stride, width, height));
    let mut out = vec![0; width * height * layout.bytes()];
    convert(&Planes { alpha, ..limited(planes) }, layout, simd, &mut out).unwrap();
    out
}

#[test]
fn threads_change_nothing() {
    let (width, height) = (1027, 771);
    let samples = noise(5, width * height);
    let half = |samples| plane(samples, width, width.div_ceil(2), height.div_ceil(2));
    let planes = [plane(&samples, width, width, height), half(&samples), half(&samples)];
    for layout in [Layout::Rgb, Layout::Rgba] {
        let alpha = Some(planes[0]).filter(|_| layout == Layout::Rgba);
        let source = Planes { alpha, ..limited(planes) };
        let by = |threads| {
            let mut out = vec![0; width * height * layout.bytes()];
            convert_by_threads(&source, layout, SimdLevel::Auto, threads, &mut out).unwrap();
            out
        };
        let one = by(1);
        assert!(one == by(2) && one == by(3) && one == by(64));
    }
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
        ([81, 90, 240], [255, 0, 0]),
        ([145, 54, 34], [0, 255, 1]),
        ([41, 240, 110], [0, 0, 255]),
        ([122, 96, 211], [255, 68, 59]),
        ([0, 0, 0], [0, 135, 0]),
        ([255, 255, 255], [255, 125, 255]),
    ];
    for ([y, cb, cr], rgb) in cases {
        let (y, cb, cr) = ([y; 12], [cb; 4], [cr; 4]);
        let planes = [plane(&y, 4, 4, 3), plane(&cb, 2, 2, 2), plane(&cr, 2, 2, 2)];
        let mut out = [0; 36];
        convert(&limited(planes), Layout::Rgb, SimdLevel::Auto, &mut out).unwrap();
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
    convert(&limited(planes), Layout::Rgb, SimdLevel::Auto, &mut out).unwrap();
    let red: Vec<u8> = out.chunks_exact(3).map(|pixel| pixel[0]).take(4).collect();
    assert_eq!(red, [128, 160, 224, 255]);
}

#[test]
fn wrong_sizes_are_errors() {
    let data = [0; 64];
    let good = limited([plane(&data, 4, 4, 4), plane(&data, 2, 2, 2), plane(&data, 2, 2, 2)]);
    let write = |planes: Planes<'_>, layout: Layout, bytes| {
        convert(&planes, layout, SimdLevel::Auto, &mut vec![0; bytes]).is_ok()
    };
    assert!(write(good, Layout::Rgb, 48));
    assert!(!write(good, Layout::Rgb, 47));
    assert!(!write(good, Layout::Rgba, 48));
    assert!(!write(Planes { alpha: Some(plane(&data, 4, 4, 3)), ..good }, Layout::Rgba, 64));
    let [y, cb, cr] = good.colour;
    assert!(!write(limited([plane(&data, 60, 4, 4), cb, cr]), Layout::Rgb, 48));
    assert!(!write(limited([y, plane(&data, 2, 1, 2), cr]), Layout::Rgb, 48));
}

/// Tencent's decoder, as observed: chroma rounded at full size, then the matrix.
fn expected(planes: &Planes<'_>, x: usize, y: usize) -> [u8; 3] {
    let [luma, cb, cr] = planes.colour;
    let near = |at: usize, size: usize| {
        let other =
            if at.is_multiple_of(2) { (at / 2).saturating_sub(1) } else { (at / 2 + 1).min(size - 1) };
        (at / 2, other)
    };
    let chroma = |plane: &PlaneRef<'_>| {
        let ((x, far_x), (y, far_y)) = (near(x, plane.width), near(y, plane.height));
        let sample = |x: usize, y: usize| i32::from(plane.row(y)[x]);
        (9 * sample(x, y) + 3 * sample(far_x, y) + 3 * sample(x, far_y) + sample(far_x, far_y) + 8) >> 4
    };
    let (luma, u, v) = (i32::from(luma.row(y)[x]), chroma(&cb) - 128, chroma(&cr) - 128);
    let c = luma - 16;
    let rgb = match planes.range {
        ColourRange::Limited => [298 * c + 409 * v, 298 * c - 100 * u - 208 * v, 298 * c + 516 * u],
        ColourRange::Full => [256 * luma + 359 * v, 256 * luma - 88 * u - 183 * v, 256 * luma + 454 * u],
    };
    rgb.map(|value| ((value + 128) >> 8).clamp(0, 255) as u8)
}

#[test]
fn every_pixel_is_that_of_tencents_decoder() {
    for (width, height) in [(1, 1), (2, 3), (7, 5), (33, 18)] {
        let samples: Vec<Vec<u8>> = (0..3).map(|seed| noise(seed + 9, width * height)).collect();
        let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
        let mut planes = limited([
            plane(&samples[0], width, width, height),
            plane(&samples[1], half_width, half_width, half_height),
            plane(&samples[2], half_width, half_width, half_height),
        ]);
        for range in [ColourRange::Limited, ColourRange::Full] {
            planes.range = range;
            let mut out = vec![0; width * height * 3];
            convert(&planes, Layout::Rgb, SimdLevel::Auto, &mut out).unwrap();
            for (index, pixel) in out.chunks_exact(3).enumerate() {
                let (x, y) = (index % width, index / width);
                assert_eq!(pixel, expected(&planes, x, y), "{x},{y} of {width}x{height} {range:?}");
            }
        }
    }
}
