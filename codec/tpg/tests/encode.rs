//! Files that the encoder writes, decoded.

#![allow(clippy::unwrap_used)]

use tpg::colour::{ColourRange, Layout, PlaneRef, Planes, convert};
use tpg::encode::{ChromaFilter, EncodeOptions, PictureOptions, PixelFormat, Pixels, Source, ToolSet};
use tpg::{Decoder, Error, Frame, NeverCancel, Options, SimdLevel};

/// Pixels that do not repeat, without a random generator.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let step = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..bytes).map(step).collect()
}

fn options(qp: u8) -> EncodeOptions {
    EncodeOptions {
        picture: PictureOptions { qp, effort: 1, ..PictureOptions::default() },
        ..EncodeOptions::default()
    }
}

fn decode(file: &[u8]) -> Frame {
    let mut decoder = Decoder::new(file.to_vec(), Options::default()).unwrap();
    let frame = decoder.next_frame(&NeverCancel).unwrap().unwrap();
    assert!(decoder.next_frame(&NeverCancel).unwrap().is_none());
    frame
}

#[test]
fn the_decoder_gives_the_reconstruction() {
    let (width, height) = (37, 22);
    for format in [PixelFormat::Grey, PixelFormat::GreyAlpha, PixelFormat::Rgb, PixelFormat::Rgba] {
        for filter in [ChromaFilter::Box, ChromaFilter::Lanczos, ChromaFilter::Sharp] {
            // Rows with padding, the last one without.
            let stride = width * format.bytes() + 5;
            let data = noise(stride * height - 5);
            let pixels = Pixels::new(&data, width, height, stride, format).unwrap();
            let image = Source::new(&pixels, filter).encode(&options(24), &NeverCancel, &|_, _| {}).unwrap();
            let frame = decode(&image.file);
            assert_eq!(frame.has_alpha(), matches!(format, PixelFormat::GreyAlpha | PixelFormat::Rgba));
            for index in 0..4 {
                let plane = if index == 3 { frame.alpha() } else { frame.plane(index) };
                let coded = image.plane(index);
                assert_eq!(plane.is_some(), coded.is_some());
                let (Some(plane), Some(coded)) = (plane, coded) else { continue };
                for y in 0..plane.height {
                    assert_eq!(plane.row(y), coded.row(y), "{format:?} {filter:?} plane {index} row {y}");
                }
            }
            let mut rgb = [vec![0; image.rgb_bytes()], vec![0; frame.rgb_bytes()]];
            image.write_rgb(&mut rgb[0]).unwrap();
            frame.write_rgb(&mut rgb[1]).unwrap();
            assert_eq!(rgb[0], rgb[1]);
        }
    }
}

#[test]
fn grey_has_neutral_chroma_in_every_format() {
    let grey: Vec<u8> = (0..=255).collect();
    for format in [PixelFormat::Grey, PixelFormat::Rgb] {
        let data: Vec<u8> = grey.iter().flat_map(|&value| vec![value; format.bytes()]).collect();
        let pixels = Pixels::new(&data, 16, 16, 16 * format.bytes(), format).unwrap();
        for filter in [ChromaFilter::Box, ChromaFilter::Lanczos, ChromaFilter::Sharp] {
            let source = Source::new(&pixels, filter);
            assert!(
                source
                    .plane(1)
                    .unwrap()
                    .iter()
                    .chain(source.plane(2).unwrap())
                    .all(|&value| value == 128 * 16)
            );
            let luma = source.plane(0).unwrap();
            assert_eq!((luma[0], luma[255]), (16 * 16, 235 * 16));
            assert!(luma.is_sorted());
        }
    }
}

#[test]
fn colours_follow_bt_601() {
    // (R, G, B) and (Y, Cb, Cr), in sixteenths, by the matrix of docs/spec/tpg.md#t6.
    for (rgb, wanted) in [
        ([255, 0, 0], [81.481, 90.203, 240.0]),
        ([0, 255, 0], [144.553, 53.797, 34.214]),
        ([0, 0, 255], [40.966, 240.0, 109.786]),
        ([255, 255, 0], [210.034, 16.0, 146.214]),
    ] {
        let data = rgb.repeat(16 * 16);
        let pixels = Pixels::new(&data, 16, 16, 48, PixelFormat::Rgb).unwrap();
        for filter in [ChromaFilter::Box, ChromaFilter::Lanczos] {
            let source = Source::new(&pixels, filter);
            for (index, value) in wanted.iter().enumerate() {
                let plane = source.plane(index).unwrap();
                let is_near = |&sample: &i16| (f64::from(sample) / 16.0 - value).abs() < 0.05;
                assert!(plane.iter().all(is_near), "{rgb:?} {index} {:?}", plane[0]);
            }
        }
    }
}

#[test]
fn opaque_alpha_is_left_out_and_hidden_colour_is_free() {
    let (width, height) = (64, 64);
    let mut data = noise(width * height * 4);
    for pixel in data.chunks_exact_mut(4) {
        pixel[3] = 255;
    }
    let pixels = Pixels::new(&data, width, height, width * 4, PixelFormat::Rgba).unwrap();
    assert!(!Source::new(&pixels, ChromaFilter::Box).has_alpha());

    for (index, pixel) in data.chunks_exact_mut(4).enumerate() {
        if index / width >= 8 {
            pixel[3] = 0;
        } else {
            pixel[..3].fill(90);
        }
    }
    let pixels = Pixels::new(&data, width, height, width * 4, PixelFormat::Rgba).unwrap();
    let source = Source::new(&pixels, ChromaFilter::Box);
    assert!(source.has_alpha());
    // One colour is visible, and all others follow it.
    let luma = source.plane(0).unwrap();
    assert!(luma.iter().all(|&value| value == luma[0]));
}

/// How bright a pixel looks, 0 to 1: the mean of the responses of long and medium cones as XYB has them.
fn brightness(pixel: &[u8]) -> f64 {
    let linear = |value: u8| ((f64::from(value) / 255.0 + 0.055) / 1.055).powf(2.4);
    let [red, green, blue] = [pixel[0], pixel[1], pixel[2]].map(linear);
    let long = 0.300 * red + 0.622 * green + 0.078 * blue;
    let medium = 0.230 * red + 0.692 * green + 0.078 * blue;
    (long + medium) / 2.0
}

/// The greatest error of brightness of `data`, a picture of 32 x 16 pixels, after rounding.
fn worst_brightness(data: &[u8], filter: ChromaFilter) -> f64 {
    let (width, height) = (32, 16);
    let pixels = Pixels::new(data, width, height, width * 3, PixelFormat::Rgb).unwrap();
    let source = Source::new(&pixels, filter);
    let rounded: Vec<Vec<u8>> = (0..3)
        .map(|index| source.plane(index).unwrap().iter().map(|value| ((value + 8) >> 4) as u8).collect())
        .collect();
    let plane = |index: usize| {
        let (width, height) = if index == 0 { (width, height) } else { (width / 2, height / 2) };
        PlaneRef { data: &rounded[index], stride: width, width, height }
    };
    let mut shown = vec![0; data.len()];
    let planes = Planes { colour: [plane(0), plane(1), plane(2)], alpha: None, range: ColourRange::Limited };
    convert(&planes, Layout::Rgb, SimdLevel::Auto, &mut shown).unwrap();
    let pairs = shown.chunks_exact(3).zip(data.chunks_exact(3));
    pairs.map(|(shown, pixel)| (brightness(shown) - brightness(pixel)).abs()).fold(0.0, f64::max)
}

#[test]
fn luma_keeps_stripes_about_as_bright_as_they_were() {
    // Stripes as wide as a pixel: chroma cannot follow them. Two steps of luma may be missing, each about 0.007.
    let strong = [230, 60, 60, 40, 90, 220].repeat(16 * 16);
    let (kept, plain) =
        (worst_brightness(&strong, ChromaFilter::Sharp), worst_brightness(&strong, ChromaFilter::Box));
    assert!(kept < 0.018 && plain > 0.05, "{kept} {plain}");
}

#[test]
fn frames_of_animations_keep_small_changes_of_luma() {
    let weak = [150, 100, 120, 100, 125, 135].repeat(16 * 16);
    let pixels = Pixels::new(&weak, 32, 16, 32 * 3, PixelFormat::Rgb).unwrap();
    let luma = |source: Source| i32::from(source.plane(0).unwrap()[0]);
    let plain = luma(Source::new(&pixels, ChromaFilter::Box));
    let still = luma(Source::new(&pixels, ChromaFilter::Sharp)) - plain;
    let frame = luma(Source::of_frame(&pixels, ChromaFilter::Sharp)) - plain;
    assert!((4..48).contains(&frame.abs()), "{frame} sixteenths are a small change");
    assert_eq!(still, frame - frame * 7 / 10);
    assert_eq!(luma(Source::of_frame(&pixels, ChromaFilter::Box)), plain);
}

#[test]
fn wrong_options_are_named() {
    let data = [0; 16 * 16];
    let pixels = Pixels::new(&data, 16, 16, 16, PixelFormat::Grey).unwrap();
    let source = Source::new(&pixels, ChromaFilter::Box);
    let refused = |change: &dyn Fn(&mut EncodeOptions)| {
        let mut options = options(30);
        change(&mut options);
        source.encode(&options, &NeverCancel, &|_, _| {}).unwrap_err().to_string()
    };
    assert_eq!(refused(&|options| options.picture.qp = 64), "qp is out of range: 64");
    assert_eq!(refused(&|options| options.alpha_qp = 64), "alpha_qp is out of range: 64");
    assert_eq!(refused(&|options| options.picture.effort = 10), "effort is out of range: 10");
    let slices = refused(&|options| {
        options.picture.slice_rows = 1;
        options.picture.tools = ToolSet::Genuine;
    });
    assert_eq!(slices, "slice_rows is out of range: 1");

    let short = Pixels::new(&data, 16, 17, 16, PixelFormat::Grey).unwrap_err();
    assert_eq!(short, Error::InvalidBuffer { given: 256, needed: 272 });
    assert!(Pixels::new(&data, 0, 16, 16, PixelFormat::Grey).is_err());
    assert!(Pixels::new(&data, 16_384, 1, 16_384, PixelFormat::Grey).is_err());
    assert!(Pixels::new(&data, 16, 16, 15, PixelFormat::Grey).is_err());

    let cancelled = source.encode(&options(30), &|| true, &|_, _| {});
    assert_eq!(cancelled.unwrap_err(), Error::Cancelled);
}
