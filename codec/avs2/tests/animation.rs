//! Animations are decoded to what the encoder says, and cost what they should.

#![allow(clippy::unwrap_used, clippy::panic)]

use avs2::encoder::{
    AnimationEncoder, EncoderOptions, LookAhead, PictureInput, SEQUENCE_END, ToolSet, Track,
    encode_intra_picture,
};
use avs2::{Decoder, DecoderOptions, Error, NeverCancel, PictureType, SimdLevel};

/// Planes of a frame.
type Planes = [Vec<u8>; 3];

fn frame((w, h): (usize, usize), sample: impl Fn(usize, f64, f64) -> f64) -> Planes {
    std::array::from_fn(|c| {
        let step = if c == 0 { 1 } else { 2 };
        let (w, h) = (w.div_ceil(step), h.div_ceil(step));
        let at = |i: usize| sample(c, (i % w * step) as f64, (i / w * step) as f64).clamp(0.0, 255.0) as u8;
        (0..w * h).map(at).collect()
    })
}

fn texture(c: usize, x: f64, y: f64) -> f64 {
    let wave = (x * 0.21).sin() * 40.0 + (y * 0.17 + x * 0.05).cos() * 40.0 + (x * y * 0.002).sin() * 30.0;
    if c == 0 { 120.0 + wave } else { 128.0 + wave * if c == 1 { 0.3 } else { -0.4 } }
}

fn noise(c: usize, x: f64, y: f64, seed: usize) -> f64 {
    let n = (x as u32).wrapping_mul(73_856_093) ^ (y as u32).wrapping_mul(19_349_663);
    let n = (n ^ (seed as u32 * 3 + c as u32 + 1).wrapping_mul(83_492_791)).wrapping_mul(2_654_435_761);
    f64::from((n ^ n >> 15).wrapping_mul(0x9E37_79B1) >> 24)
}

/// A frame of one of the clips.
fn clip(name: &str, size: (usize, usize), n: usize) -> Planes {
    let t = n as f64;
    frame(size, |c, x, y| match name {
        "pan" => texture(c, x + 2.75 * t, y - 1.25 * t),
        "zoom" => texture(c, x * (1.0 + 0.03 * t), y * (1.0 + 0.03 * t)),
        "fade" => texture(c, x, y) * (1.0 - 0.12 * t) + 12.0 * t,
        "change" if (10.0..22.0).contains(&(x - 4.0 * t)) && y > 8.0 && y < 20.0 => 230.0,
        "noise" => noise(c, x, y, n),
        "back" if (2..15).contains(&n) => texture(c, y * 1.3 + 91.0, 300.0 - x * 0.7),
        "cut" if n >= 2 => texture(c, y * 1.3 + 91.0, 300.0 - x * 0.7),
        "grain" => texture(c, x, y) + noise(c, x, y, n) / 64.0,
        _ => texture(c, x, y),
    })
}

/// Encodes and decodes frames; sizes of the frames in bytes.
fn check(name: &str, size: (usize, usize), count: usize, options: &EncoderOptions) -> Vec<usize> {
    let mut encoder = AnimationEncoder::new(size.0, size.1, options).unwrap();
    let mut decoder = Decoder::new(DecoderOptions::default());
    let mut sizes = Vec::new();
    for n in 0..count {
        let [y, cb, cr] = clip(name, size, n);
        let input = PictureInput::new(size.0, size.1, [&y, &cb, &cr]).unwrap();
        let mut coded = encoder.push(&input, &NeverCancel, &|_, _| {}).unwrap();
        sizes.push(coded.data.len());
        if n + 1 == count {
            coded.data.extend_from_slice(&SEQUENCE_END);
        }
        decoder.decode(&coded.data, &NeverCancel).unwrap_or_else(|e| panic!("{name} {size:?} {n}: {e}"));
        let decoded = decoder.next_picture().unwrap();
        assert_eq!(decoded.picture_type, if n == 0 { PictureType::I } else { PictureType::F });
        for c in 0..3 {
            let (ours, theirs) = (coded.reconstruction.plane(c), decoded.plane(c));
            assert_eq!((ours.width, ours.height), (theirs.width, theirs.height));
            for y in 0..ours.height {
                assert!(
                    ours.row(y) == theirs.row(y),
                    "{name} {size:?} {options:?}: frame {n}, plane {c}, row {y}"
                );
            }
        }
    }
    sizes
}

const CLIPS: [&str; 8] = ["pan", "zoom", "fade", "change", "noise", "cut", "grain", "still"];

#[test]
fn reconstructions_are_what_decoders_make() {
    for (i, name) in CLIPS.into_iter().enumerate() {
        for (j, qp) in [0, 20, 37, 63].into_iter().enumerate() {
            let size = [(97, 71), (16, 130), (1, 1), (136, 72)][(i + j) % 4];
            let lcu_size_log2 = Some(5 + (i / 2 + j) as u8 % 2);
            let effort = [2, 5, 0, 4][(i + 2 * j) % 4];
            check(name, size, 4, &EncoderOptions { qp, effort, lcu_size_log2, ..Default::default() });
        }
    }
}

#[test]
fn every_effort_and_tool_set_matches() {
    for effort in 0..10 {
        for tools in [ToolSet::Genuine, ToolSet::Full] {
            let weighted_quantisation = tools == ToolSet::Full && effort % 2 == 1;
            let options =
                EncoderOptions { qp: 30, effort, tools, weighted_quantisation, ..Default::default() };
            check("pan", (72, 88), 3, &options);
            check("cut", (72, 40), 3, &options);
        }
    }
}

#[test]
fn fractions_of_qps_are_for_animations() {
    for (n, qp_fraction) in [1, 8, 9, 15].into_iter().enumerate() {
        for tools in [ToolSet::Genuine, ToolSet::Full] {
            let effort = [2, 5][n % 2];
            check(
                "pan",
                (56, 40),
                6,
                &EncoderOptions { qp: 30, qp_fraction, effort, tools, ..Default::default() },
            );
        }
    }
    let refusal = |qp, qp_fraction| {
        let options = EncoderOptions { qp, qp_fraction, ..Default::default() };
        AnimationEncoder::new(20, 10, &options).err()
    };
    let error = |value| Some(Error::Invalid { element: "option qp_fraction", value });
    assert_eq!(refusal(62, 15), None);
    assert_eq!(refusal(62, 16), error(16));
    assert_eq!(refusal(63, 1), error(1));
    assert_eq!(refusal(20, -1), error(-1));
    let planes = [vec![0; 200], vec![0; 50], vec![0; 50]];
    let input = PictureInput::new(20, 10, planes.each_ref().map(Vec::as_slice)).unwrap();
    let options = EncoderOptions { qp_fraction: 1, ..Default::default() };
    let still = encode_intra_picture(&input, &options, &NeverCancel, &|_, _| {});
    assert_eq!(still.err(), error(1));
}

#[test]
fn what_the_first_picture_showed_is_not_coded_again() {
    let last = |tools| {
        let options = EncoderOptions { qp: 36, effort: 2, tools, ..Default::default() };
        check("back", (96, 64), 16, &options)[15]
    };
    let (remembered, new) = (last(ToolSet::Full), last(ToolSet::Genuine));
    assert!(3 * remembered < new, "{remembered} {new}");
}

#[test]
fn quick_searches_find_motion_as_thorough_ones_do() {
    for name in ["pan", "zoom", "change"] {
        let bytes = |effort| -> usize {
            let options = EncoderOptions { qp: 34, effort, ..EncoderOptions::default() };
            check(name, (128, 96), 5, &options)[1..].iter().sum()
        };
        let (quick, thorough) = (bytes(5), bytes(6));
        assert!(quick * 20 <= thorough * 21, "{name}: {quick} instead of {thorough}");
    }
}

#[test]
fn long_animations_let_go_of_the_first_picture() {
    let options = EncoderOptions { qp: 45, effort: 0, tools: ToolSet::Full, ..Default::default() };
    check("pan", (24, 16), 140, &options);
}

#[test]
fn still_parts_cost_next_to_nothing() {
    let options = EncoderOptions { qp: 32, ..Default::default() };
    let sizes = check("still", (200, 150), 5, &options);
    assert!(sizes[2..].iter().all(|&size| size < 80), "{sizes:?}");
    let sizes = check("change", (200, 150), 5, &options);
    assert!(sizes[1..].iter().all(|&size| size < sizes[0] / 6), "{sizes:?}");
    let sizes = check("pan", (200, 150), 5, &options);
    assert!(sizes[2..].iter().all(|&size| size < sizes[0] / 3), "{sizes:?}");
}

#[test]
fn long_animations_match() {
    let options = EncoderOptions { qp: 45, effort: 0, ..Default::default() };
    check("change", (24, 16), 300, &options);
}

#[test]
fn bytes_do_not_depend_on_threads() {
    for (i, name) in CLIPS.into_iter().enumerate() {
        let size = (150, 140);
        let options = EncoderOptions {
            qp: 34,
            effort: [5, 0, 6][i % 3],
            lcu_size_log2: Some(5 + i as u8 % 2),
            tools: [ToolSet::Full, ToolSet::Genuine][i / 2 % 2],
            ..Default::default()
        };
        let bytes = |threads| {
            let options = EncoderOptions { threads, ..options.clone() };
            let mut encoder = AnimationEncoder::new(size.0, size.1, &options).unwrap();
            let data = (0..4).map(|n| {
                let [y, cb, cr] = clip(name, size, n);
                let input = PictureInput::new(size.0, size.1, [&y, &cb, &cr]).unwrap();
                encoder.push(&input, &NeverCancel, &|_, _| {}).unwrap().data
            });
            data.collect::<Vec<_>>()
        };
        let one = bytes(1);
        for threads in [2, 3, 16] {
            assert!(one == bytes(threads), "{name}, {threads} threads");
        }
    }
}

#[test]
fn two_tracks_take_turns() {
    let size = (70, 50);
    for tools in [ToolSet::Genuine, ToolSet::Full] {
        let colour = EncoderOptions { qp: 34, effort: 4, tools, ..Default::default() };
        let alpha = EncoderOptions { qp: 22, perceptual: 0.0, ..colour.clone() };
        let mut tracks = [(Track::COLOUR, colour, "pan"), (Track::ALPHA, alpha, "change")].map(
            |(track, options, name)| {
                (AnimationEncoder::for_track(size.0, size.1, &options, track).unwrap(), name)
            },
        );
        let mut decoder = Decoder::new(DecoderOptions::default());
        // Coding orders start anew after 256 pictures.
        for n in 0..140 {
            for (encoder, name) in &mut tracks {
                let [y, cb, cr] = clip(name, size, n % 5);
                let input = PictureInput::new(size.0, size.1, [&y, &cb, &cr]).unwrap();
                let coded = encoder.push(&input, &NeverCancel, &|_, _| {}).unwrap();
                decoder.decode(&coded.data, &NeverCancel).unwrap_or_else(|e| panic!("{name} {n}: {e}"));
                let decoded = decoder.next_picture().unwrap();
                for c in 0..3 {
                    assert_eq!(coded.reconstruction.plane(c).data(), decoded.plane(c).data(), "{name} {n}");
                }
            }
        }
    }
}

#[test]
fn frames_of_another_size_are_refused() {
    let options = EncoderOptions::default();
    let mut encoder = AnimationEncoder::new(20, 10, &options).unwrap();
    let [y, cb, cr] = clip("still", (20, 12), 0);
    let input = PictureInput::new(20, 12, [&y, &cb, &cr]).unwrap();
    let error = encoder.push(&input, &NeverCancel, &|_, _| {}).unwrap_err();
    assert_eq!(error, Error::Invalid { element: "height of a frame", value: 12 });
    let error = AnimationEncoder::new(0, 10, &options).unwrap_err();
    assert_eq!(error, Error::Invalid { element: "picture width", value: 0 });
}

#[test]
fn several_references_and_divided_units_match() {
    for (i, name) in CLIPS.into_iter().enumerate() {
        let effort = [6, 4, 3][i % 3];
        let lcu_size_log2 = Some(5 + i as u8 % 2);
        let options = EncoderOptions {
            qp: 22 + 5 * (i as u8 % 3),
            effort,
            lcu_size_log2,
            tools: ToolSet::Full,
            ..Default::default()
        };
        check(name, (80, 72), 10, &options);
    }
    let options = EncoderOptions { qp: 40, effort: 4, tools: ToolSet::Full, ..Default::default() };
    check("change", (24, 16), 300, &options);
}

#[test]
fn pictures_that_little_is_inherited_from_are_coarser() {
    let (size, count) = ((64, 48), 12);
    let options = EncoderOptions { qp: 30, tools: ToolSet::Genuine, ..EncoderOptions::default() };
    // QPs of the pictures, the last three of them the only ones that the look-ahead finds little after.
    let qps = |with_importance: bool| -> Vec<u8> {
        let mut encoder = AnimationEncoder::new(size.0, size.1, &options).unwrap();
        let mut ahead = LookAhead::new(SimdLevel::Auto);
        let frames: Vec<Planes> = (0..count).map(|n| clip("still", size, n)).collect();
        let inputs = frames.iter().map(|[y, cb, cr]| PictureInput::new(size.0, size.1, [y, cb, cr]).unwrap());
        let inputs: Vec<PictureInput<'_>> = inputs.collect();
        inputs.iter().for_each(|input| ahead.add(input).unwrap());
        let push = |input| {
            let importance = ahead.take().filter(|_| with_importance);
            let coded = encoder.push_important(input, importance.as_ref(), &NeverCancel, &|_, _| {});
            coded.unwrap().reconstruction.qp
        };
        inputs.iter().map(push).collect()
    };
    assert_eq!(qps(false), [[23].as_slice(), &[33; 11]].concat());
    assert_eq!(qps(true), [[23].as_slice(), &[33; 8], &[34; 3]].concat());
}
