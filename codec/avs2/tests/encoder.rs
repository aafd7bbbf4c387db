//! Everything that is encoded decodes to the encoder's own reconstruction.
#![allow(clippy::unwrap_used, clippy::panic)]

use avs2::encoder::{
    AnimationEncoder, BlockWeights, DrawnRegions, Encoded, EncoderOptions, PictureInput, SEQUENCE_END,
    ToolSet, encode_intra_picture,
};
use avs2::{Decoder, DecoderOptions, Error, NeverCancel, Picture, SimdLevel};

/// Generated picture contents.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Content {
    Noise,
    Flat,
    Text,
    Smooth,
    Mixed,
}

const CONTENTS: [Content; 5] =
    [Content::Noise, Content::Flat, Content::Text, Content::Smooth, Content::Mixed];

struct Random(u32);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) as usize % n
    }
}

struct Planes {
    width: usize,
    height: usize,
    planes: [Vec<u8>; 3],
}

impl Planes {
    fn generate(width: usize, height: usize, content: Content, seed: u32) -> Self {
        let mut random = Random(seed);
        let (flat, fx, fy) =
            (random.below(256) as u8, 1.0 + random.below(30) as f64, 2.0 + random.below(40) as f64);
        let planes = std::array::from_fn(|c| {
            let (w, h) = if c == 0 { (width, height) } else { (width.div_ceil(2), height.div_ceil(2)) };
            (0..w * h)
                .map(|i| {
                    let (x, y) = (i % w, i / w);
                    let smooth = 128.0 + 90.0 * (x as f64 / fx).sin() * (y as f64 / fy + c as f64).cos();
                    match content {
                        Content::Noise => random.below(256) as u8,
                        Content::Flat => flat,
                        Content::Text => {
                            if (x / 3 + y / 5 * 7 + x * y / 11) % 5 < 2 {
                                16
                            } else {
                                235
                            }
                        }
                        Content::Smooth => smooth as u8,
                        Content::Mixed if (x / 24 + y / 24) % 2 == 0 => smooth as u8,
                        Content::Mixed => (smooth as usize / 2 + random.below(60)) as u8,
                    }
                })
                .collect()
        });
        Self { width, height, planes }
    }

    fn encode(&self, options: &EncoderOptions) -> Encoded {
        let [y, cb, cr] = &self.planes;
        let input = PictureInput::new(self.width, self.height, [y, cb, cr]).unwrap();
        encode_intra_picture(&input, options, &NeverCancel, &|_, _| {}).unwrap()
    }

    /// PSNR of luma.
    fn psnr(&self, encoded: &Encoded) -> f64 {
        let mut sum = 0.0;
        for y in 0..self.height {
            let row = &encoded.reconstruction[0].row(y)[..self.width];
            let source = &self.planes[0][y * self.width..][..self.width];
            sum += row.iter().zip(source).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum::<f64>();
        }
        10.0 * (65025.0 * (self.width * self.height) as f64 / sum.max(1e-9)).log10()
    }
}

fn decode(stream: &[u8]) -> Vec<Picture> {
    let mut decoder = Decoder::new(DecoderOptions::default());
    decoder.decode(stream, &NeverCancel).unwrap();
    decoder.flush();
    std::iter::from_fn(|| decoder.next_picture()).collect()
}

fn assert_same(picture: &Picture, encoded: &Encoded, what: &str) {
    for (c, plane) in encoded.reconstruction.iter().enumerate() {
        assert_eq!(
            (picture.plane(c).width, picture.plane(c).height),
            (plane.width(), plane.height()),
            "{what}"
        );
        for y in 0..plane.height() {
            assert_eq!(picture.plane(c).row(y), plane.row(y), "{what}: plane {c}, row {y}");
        }
    }
}

/// Encodes, decodes, compares; the size of the stream.
fn check(planes: &Planes, options: &EncoderOptions, what: &str) -> usize {
    let encoded = planes.encode(options);
    let stream = encoded.to_stream();
    let pictures = decode(&stream);
    assert_eq!(pictures.len(), 1, "{what}");
    assert_same(&pictures[0], &encoded, what);
    stream.len()
}

fn options(qp: u8, effort: u8, tools: ToolSet) -> EncoderOptions {
    EncoderOptions { qp, effort, tools, ..EncoderOptions::default() }
}

const TOOL_SETS: [ToolSet; 2] = [ToolSet::Genuine, ToolSet::Full];

#[test]
fn pictures_of_all_sizes() {
    let mut random = Random(1);
    let small =
        [(1, 1), (2, 1), (1, 9), (15, 16), (16, 16), (17, 33), (8, 64), (64, 8), (65, 129), (200, 200)];
    let sampled: Vec<_> = (0..24).map(|_| (1 + random.below(200), 1 + random.below(200))).collect();
    for (i, (width, height)) in small.into_iter().chain(sampled).enumerate() {
        let planes = Planes::generate(width, height, CONTENTS[i % 5], i as u32);
        let qp = (random.below(50) + 8) as u8;
        let options = options(qp, (i % 7) as u8, TOOL_SETS[i / 5 % 2]);
        check(&planes, &options, &format!("{width}x{height} {options:?}"));
    }
}

#[test]
fn every_qp() {
    for qp in 0..=63 {
        let content = CONTENTS[usize::from(qp) % 5];
        let planes = Planes::generate(72, 40, content, qp.into());
        for tools in TOOL_SETS {
            check(&planes, &options(qp, 4, tools), &format!("QP {qp} {content:?} {tools:?}"));
        }
    }
}

#[test]
fn every_effort() {
    for effort in 0..=9 {
        for (i, tools) in TOOL_SETS.into_iter().enumerate() {
            let planes = Planes::generate(100, 76, Content::Mixed, 7);
            check(&planes, &options(20 + 20 * i as u8, effort, tools), &format!("effort {effort} {tools:?}"));
        }
    }
}

#[test]
fn random_pictures_and_options() {
    let mut random = Random(99);
    for round in 0..40 {
        let (width, height) = (1 + random.below(90), 1 + random.below(90));
        let planes = Planes::generate(width, height, CONTENTS[random.below(5)], round);
        let full = random.below(2) == 1;
        let options = EncoderOptions {
            qp: random.below(64) as u8,
            effort: random.below(10) as u8,
            tools: TOOL_SETS[usize::from(full)],
            lcu_size_log2: [None, Some(5), Some(6)][random.below(3)],
            chroma_qp_delta: None,
            perceptual: random.below(5) as f32 / 2.0,
            slice_rows: if full { random.below(3) } else { 0 },
            weighted_quantisation: full && random.below(2) == 1,
            threads: 1 + random.below(3),
            ..EncoderOptions::default()
        };
        let lowest = (-16).max(-i32::from(options.qp));
        let count = 16.min(63 - i32::from(options.qp)) - lowest + 1;
        let delta = (lowest + random.below(count as usize) as i32) as i8;
        let options = EncoderOptions { chroma_qp_delta: full.then_some([delta; 2]), ..options };
        check(&planes, &options, &format!("{width}x{height} {options:?}"));
    }
}

#[test]
fn longest_sides() {
    for (width, height) in [(16383, 1), (1, 16377), (16376, 20)] {
        let planes = Planes::generate(width, height, Content::Smooth, 3);
        check(&planes, &options(40, 0, ToolSet::Genuine), &format!("{width}x{height}"));
    }
}

#[test]
fn bytes_do_not_depend_on_threads_or_instructions() {
    let planes = Planes::generate(230, 170, Content::Mixed, 5);
    for tools in TOOL_SETS {
        for effort in [2, 5, 8] {
            let options = options(30, effort, tools);
            let one = planes.encode(&options).to_stream();
            for threads in [2, 3, 16] {
                let several = planes.encode(&EncoderOptions { threads, ..options.clone() }).to_stream();
                assert!(one == several, "{threads} threads, effort {effort}");
            }
            let scalar = planes.encode(&EncoderOptions { simd: SimdLevel::Scalar, ..options }).to_stream();
            assert!(one == scalar, "portable code, effort {effort}");
        }
    }
}

#[test]
fn alpha_shares_the_sequence_header() {
    let colour = Planes::generate(70, 50, Content::Smooth, 1);
    let mut alpha = Planes::generate(70, 50, Content::Text, 2);
    alpha.planes[1].fill(128);
    alpha.planes[2].fill(128);
    let first = colour.encode(&options(30, 5, ToolSet::Genuine));
    let second = alpha.encode(&EncoderOptions { coding_order: 1, ..options(20, 5, ToolSet::Genuine) });
    assert_eq!(first.sequence_header, second.sequence_header);
    let stream = [&first.sequence_header[..], &first.picture, &second.picture, &SEQUENCE_END].concat();
    let pictures = decode(&stream);
    assert_eq!(pictures.len(), 2);
    assert_same(&pictures[0], &first, "colour");
    assert_same(&pictures[1], &second, "alpha");
    assert_eq!(pictures[1].coding_order, 1);
}

#[test]
fn headers_are_those_of_genuine_files() {
    let planes = Planes::generate(960, 540, Content::Flat, 1);
    // LCU 32, no SAO, ALF: what genuine stills have.
    let encoded = planes.encode(&options(21, 1, ToolSet::Genuine));
    let n = 0x8000_0001_u32 | 960 << 16 | 544 << 2;
    let mut expected = vec![0x00, 0x00, 0x01, 0xB0, 0x20, 0x42];
    expected.extend(n.to_be_bytes());
    expected.extend([0x22, 0x00, 0x00, 0x04, 0x00, 0x30, 0x00, 0x01, 0x5C, 0xAE, 0x08, 0x0D]);
    assert_eq!(encoded.sequence_header, expected);
    assert_eq!(encoded.picture[..10], [0x00, 0x00, 0x01, 0xB3, 0x00, 0x00, 0xFF, 0xFF, 0x00, 0x41]);
    // 1 (bbv_check_times) 1 0 0 (progressive) 1 (fixed QP) 0010101 (QP 21) 0 0 1 (deblocking, chroma QPs), ALF flags.
    assert_eq!(encoded.picture[10], 0x92);
    assert_eq!(encoded.picture[11] >> 2, 0xA4 >> 2);
}

#[test]
fn compatible_streams_have_one_qp() {
    let planes = Planes::generate(128, 128, Content::Mixed, 1);
    let pictures = decode(&planes.encode(&options(33, 5, ToolSet::Genuine)).to_stream());
    assert_eq!(pictures[0].qp, 33);
}

#[test]
fn flat_pictures_cost_next_to_nothing() {
    for (width, height) in [(512, 512), (30, 30)] {
        let planes = Planes::generate(width, height, Content::Flat, 4);
        let encoded = planes.encode(&options(32, 5, ToolSet::Genuine));
        assert!(encoded.to_stream().len() < 130, "{} bytes", encoded.to_stream().len());
        assert!(planes.psnr(&encoded) > 45.0);
    }
}

#[test]
fn qp_trades_bytes_for_quality() {
    let planes = Planes::generate(160, 120, Content::Mixed, 8);
    let mut before: Option<(usize, f64)> = None;
    for qp in [4, 14, 24, 34, 44, 54] {
        let encoded = planes.encode(&options(qp, 5, ToolSet::Genuine));
        let now = (encoded.to_stream().len(), planes.psnr(&encoded));
        if let Some(before) = before {
            assert!(now.0 < before.0 && now.1 < before.1, "QP {qp}: {now:?} after {before:?}");
        }
        before = Some(now);
    }
    let best = planes.encode(&options(0, 5, ToolSet::Genuine));
    assert!(planes.psnr(&best) > 50.0, "{}", planes.psnr(&best));
}

#[test]
fn effort_pays() {
    let planes = Planes::generate(256, 192, Content::Mixed, 2);
    let cost = |effort: u8| {
        let options = EncoderOptions { perceptual: 0.0, ..options(32, effort, ToolSet::Genuine) };
        let encoded = planes.encode(&options);
        let error = 256.0 * 192.0 * 65025.0 / 10_f64.powf(planes.psnr(&encoded) / 10.0);
        error + 8.0 * encoded.to_stream().len() as f64 * 0.68 * (21.0 / 4.0_f64).exp2()
    };
    let costs = [0, 3, 5, 9].map(cost);
    assert!(costs.windows(2).all(|pair| pair[1] < pair[0]), "{costs:?}");
}

#[test]
fn errors_shrink_where_they_weigh_more() {
    let (width, height) = (128, 64);
    let planes = Planes::generate(width, height, Content::Mixed, 4);
    let [y, cb, cr] = &planes.planes;
    let input = PictureInput::new(width, height, [y, cb, cr]).unwrap();
    let errors = |left: f32| -> [u64; 2] {
        let logs = (0..32).map(|block| if block % 8 < 4 { left } else { 0.0 }).collect();
        let weights = BlockWeights { logs, activity: 0.85 };
        let options = options(36, 3, ToolSet::Full);
        let encoded =
            encode_intra_picture(&input.with_weights(&weights), &options, &NeverCancel, &|_, _| {}).unwrap();
        [0, width / 2].map(|x| {
            let row = |row: usize| {
                let source = &y[row * width + x..][..width / 2];
                let decoded = &encoded.reconstruction[0].row(row)[x..][..width / 2];
                source.iter().zip(decoded).map(|(&a, &b)| u64::from(a.abs_diff(b)).pow(2)).sum::<u64>()
            };
            (0..height).map(row).sum()
        })
    };
    let (plain, uneven) = (errors(0.0), errors(1.2));
    assert!(uneven[0] < plain[0] && uneven[1] > plain[1], "{plain:?} {uneven:?}");
}

#[test]
fn drawn_regions_are_coded_as_such() {
    let planes = Planes::generate(200, 150, Content::Text, 3);
    let [y, cb, cr] = &planes.planes;
    let input = PictureInput::new(200, 150, [y, cb, cr]).unwrap();
    for (effort, tools) in [(2, ToolSet::Full), (5, ToolSet::Genuine), (5, ToolSet::Full), (7, ToolSet::Full)]
    {
        let options = options(30, effort, tools);
        let plain = planes.encode(&options).to_stream();
        for (drawn, mostly) in [(12, true), (2, false)] {
            let regions = DrawnRegions::new(200, (0..12).map(|i| i < drawn).collect(), mostly).unwrap();
            let input = input.with_drawn_regions(&regions);
            let encode = |options: &EncoderOptions| {
                encode_intra_picture(&input, options, &NeverCancel, &|_, _| {}).unwrap()
            };
            let encoded = encode(&options);
            let what = format!("effort {effort} {tools:?}, {drawn} regions");
            assert_same(&decode(&encoded.to_stream())[0], &encoded, &what);
            assert_ne!(encoded.to_stream(), plain, "{what}");
            for other in [
                EncoderOptions { threads: 3, ..options.clone() },
                EncoderOptions { simd: SimdLevel::Scalar, ..options.clone() },
            ] {
                assert!(encode(&other).to_stream() == encoded.to_stream(), "{what}");
            }
            let squared = EncoderOptions { perceptual: 0.0, ..options.clone() };
            assert!(encode(&squared).to_stream() == planes.encode(&squared).to_stream(), "{what}");
        }
    }
}

#[test]
fn progress_and_cancellation() {
    let planes = Planes::generate(64, 200, Content::Smooth, 2);
    let [y, cb, cr] = &planes.planes;
    let input = PictureInput::new(64, 200, [y, cb, cr]).unwrap();
    let heard = std::sync::Mutex::new(Vec::new());
    let progress = |done, all| heard.lock().unwrap().push((done, all));
    let options = EncoderOptions { effort: 2, ..EncoderOptions::default() };
    encode_intra_picture(&input, &options, &NeverCancel, &progress).unwrap();
    assert_eq!(*heard.lock().unwrap(), (1..=7).map(|done| (done, 7)).collect::<Vec<_>>());
    for threads in [1, 2] {
        let asked = std::sync::atomic::AtomicUsize::new(0);
        let cancel = || asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) >= 3;
        let options = EncoderOptions { threads, ..options.clone() };
        let result = encode_intra_picture(&input, &options, &cancel, &|_, _| {});
        assert!(matches!(result, Err(Error::Cancelled)));
    }
}

#[test]
fn options_out_of_range_are_named() {
    let planes = Planes::generate(16, 16, Content::Flat, 2);
    let [y, cb, cr] = &planes.planes;
    let input = PictureInput::new(16, 16, [y, cb, cr]).unwrap();
    let ok = EncoderOptions::default;
    let genuine = || EncoderOptions { tools: ToolSet::Genuine, ..ok() };
    for (options, name) in [
        (EncoderOptions { qp: 64, ..ok() }, "qp"),
        (EncoderOptions { effort: 10, ..ok() }, "effort"),
        (EncoderOptions { lcu_size_log2: Some(4), ..ok() }, "lcu_size_log2"),
        (EncoderOptions { threads: 0, ..ok() }, "threads"),
        (EncoderOptions { perceptual: f32::NAN, ..ok() }, "perceptual"),
        (EncoderOptions { perceptual: 2.5, ..ok() }, "perceptual"),
        (EncoderOptions { chroma_qp_delta: Some([1, 0]), ..genuine() }, "chroma_qp_delta"),
        (EncoderOptions { chroma_qp_delta: Some([17, 17]), tools: ToolSet::Full, ..ok() }, "chroma_qp_delta"),
        (EncoderOptions { slice_rows: 1, ..genuine() }, "slice_rows"),
        (EncoderOptions { weighted_quantisation: true, ..genuine() }, "weighted_quantisation"),
    ] {
        match encode_intra_picture(&input, &options, &NeverCancel, &|_, _| {}) {
            Err(Error::Invalid { element, .. }) => assert!(element.contains(name), "{element}"),
            other => panic!("{name}: {:?}", other.map(|encoded| encoded.picture.len())),
        }
    }
}

#[test]
fn chroma_qps_that_decoders_read_differently_are_refused() {
    let planes = Planes::generate(16, 16, Content::Flat, 2);
    let [y, cb, cr] = &planes.planes;
    let input = PictureInput::new(16, 16, [y, cb, cr]).unwrap();
    let with = |qp, delta| EncoderOptions { chroma_qp_delta: Some(delta), ..options(qp, 2, ToolSet::Full) };
    let still = |qp, delta| encode_intra_picture(&input, &with(qp, delta), &NeverCancel, &|_, _| {}).err();
    let animation = |qp, delta| AnimationEncoder::new(16, 16, &with(qp, delta)).err();
    assert_eq!([still(5, [-5, -5]), still(60, [3, 3]), still(0, [0, 0])], [None, None, None]);
    assert_eq!(still(4, [-5, -5]), Some(Error::ChromaQp { qp: 4, delta: [-5, -5] }));
    assert_eq!(still(61, [3, 3]), Some(Error::ChromaQp { qp: 61, delta: [3, 3] }));
    assert_eq!(still(30, [2, 3]), Some(Error::ChromaQp { qp: 30, delta: [2, 3] }));
    // The first picture has 7 less, later ones may have 6 more.
    assert_eq!([animation(12, [-5, -5]), animation(54, [3, 3])], [None, None]);
    assert_eq!(animation(11, [-5, -5]), Some(Error::ChromaQp { qp: 4, delta: [-5, -5] }));
    assert_eq!(animation(55, [3, 3]), Some(Error::ChromaQp { qp: 61, delta: [3, 3] }));
    let words = |qp, delta| still(qp, delta).unwrap().to_string();
    assert!(words(4, [-5, -5]).contains("-5 for a picture of QP 4, but their sum must be 0 to 63"));
    assert!(words(30, [2, 3]).contains("(2, 3), but Cb and Cr need the same"));
}

#[test]
fn planes_of_the_wrong_size_are_refused() {
    assert!(PictureInput::new(3, 3, [&[0; 9], &[0; 4], &[0; 4]]).is_ok());
    for (width, height, lengths) in [(0, 3, [0, 0, 0]), (16384, 1, [16377, 8189, 8189]), (3, 3, [9, 4, 1])] {
        let planes = lengths.map(|n| vec![0; n]);
        let result = PictureInput::new(width, height, [&planes[0], &planes[1], &planes[2]]);
        assert!(matches!(result, Err(Error::Invalid { .. })), "{width}x{height}");
    }
}

#[test]
fn fractions_of_source_samples_count() {
    let options = EncoderOptions { perceptual: 0.0, ..options(8, 5, ToolSet::Genuine) };
    let encode = |planes: [&[i16]; 3]| {
        let input = PictureInput::in_sixteenths(32, 16, planes).unwrap();
        encode_intra_picture(&input, &options, &NeverCancel, &|_, _| {}).unwrap()
    };
    let chroma = [128 * 16; 128];
    // Whole samples are those of the other constructor.
    let whole: Vec<u8> = (0..512).map(|i| (i % 200 + 20) as u8).collect();
    let sixteenths: Vec<i16> = whole.iter().map(|&sample| i16::from(sample) * 16).collect();
    let input = PictureInput::new(32, 16, [&whole, &[128; 128], &[128; 128]]).unwrap();
    let same = encode_intra_picture(&input, &options, &NeverCancel, &|_, _| {}).unwrap();
    assert_eq!(encode([&sixteenths, &chroma, &chroma]).picture, same.picture);
    // A slope of a tenth of a step per sample is followed more closely than its rounded samples would be.
    let slope: Vec<i16> = (0..512).map(|i| 100 * 16 + (i % 32 * 16 / 10) as i16).collect();
    let rounded: Vec<i16> = slope.iter().map(|sample| (sample + 8) / 16 * 16).collect();
    let error = |encoded: &Encoded| -> i32 {
        let rows = (0..16).flat_map(|y| encoded.reconstruction[0].row(y)[..32].iter());
        rows.zip(&slope).map(|(&a, &b)| (i32::from(a) * 16 - i32::from(b)).pow(2)).sum()
    };
    let [fine, coarse] = [&slope, &rounded].map(|luma| encode([luma, &chroma, &chroma]));
    assert_ne!(fine.picture, coarse.picture);
    assert!(error(&fine) <= error(&coarse), "{} {}", error(&fine), error(&coarse));
    // Values outside of the samples' range are clamped.
    let clamped = encode([&[9000; 512], &chroma, &chroma]);
    assert_eq!(clamped.picture, encode([&[4080; 512], &chroma, &chroma]).picture);
}

#[test]
fn a_small_picture_is_decoded_beside_another_one() {
    let options = EncoderOptions { lcu_size_log2: Some(5), effort: 0, ..EncoderOptions::default() };
    let colour = Planes::generate(200, 168, Content::Noise, 3).encode(&options);
    let stream = [&colour.sequence_header[..], &colour.picture].concat();
    let alpha = Planes::generate(200, 168, Content::Smooth, 4).encode(&options).picture;
    let decode = |threads, small: &[u8]| {
        let mut decoder = Decoder::new(DecoderOptions { threads, ..DecoderOptions::default() });
        let beside = decoder.decode_with(&stream, small, &NeverCancel).unwrap();
        decoder.flush();
        assert_same(&decoder.next_picture().unwrap(), &colour, "colour");
        if let Some(picture) = beside {
            return Ok((true, picture));
        }
        decoder.decode(small, &NeverCancel)?;
        decoder.flush();
        Ok::<_, Error>((false, decoder.next_picture().unwrap()))
    };
    let samples = |picture: Picture| [0, 1, 2].map(|c| picture.plane(c).data().to_vec());
    let (one, two) = (decode(1, &alpha).unwrap(), decode(2, &alpha).unwrap());
    assert_eq!((one.0, two.0), (false, true));
    assert!(samples(one.1) == samples(two.1));
    // What is wrong with it is told by who decodes it then.
    let cut = &alpha[..alpha.len() / 2];
    assert_eq!(decode(2, cut).unwrap_err(), decode(1, cut).unwrap_err());
    // Nothing is decoded of it when the other one is broken.
    let mut decoder = Decoder::new(DecoderOptions { threads: 2, ..DecoderOptions::default() });
    assert!(decoder.decode_with(&stream[..stream.len() / 2], &alpha, &NeverCancel).is_err());
}
