//! An animation written with the parts of this module, as an encoder would, and decoded.

use std::sync::Arc;

use super::*;
use crate::aec::{AecWriter, BinCoder};
use crate::bitstream::{BitWriter, start_code, write_unit};
use crate::headers::{PictureHeader, ReferenceConfigurationSet, SequenceHeader, SliceHeader};
use crate::syntax::{
    BlockClass, IntraCu, Levels, Neighbours, Node, SliceTools, TransformSplit, code_coefficients,
    code_end_of_slice, code_intra_cu, code_split_flag,
};
use crate::{Decoder, DecoderOptions, Error, Limits, NeverCancel, Picture, PictureType};

const SIZE: usize = 64;
const QP: u8 = 30;
const TOOLS: SliceTools = SliceTools { sdip: false, fixed_qp: true, slice_qp: QP };

/// Coefficients of a 32x32 block that make some texture.
struct Texture;

impl Levels for Texture {
    fn get(&self, x: usize, y: usize) -> i32 {
        if x < 8 && y < 8 { (x as i32 * 7 + y as i32 * 5) % 9 - 4 } else { 0 }
    }

    fn set(&mut self, _x: usize, _y: usize, _level: i32) {}
}

fn sequence() -> SequenceHeader {
    let mut sequence = SequenceHeader::new(SIZE as u16, SIZE as u16, 6);
    sequence.multi_hypothesis_skip_enable = true;
    sequence.dual_hypothesis_prediction_enable = true;
    sequence.nonsquare_quadtree_transform_enable = true;
    sequence.pmvr_enable = true;
    sequence
}

fn header(index: usize) -> PictureHeader {
    let mut header = PictureHeader::new_intra(QP);
    header.coding_order = index as u8;
    header.rcs_index = None;
    header.deblocking = None;
    header.references = ReferenceConfigurationSet { referenced_by_others: true, ..Default::default() };
    if index > 0 {
        header.picture_type = PictureType::F;
        header.references.references = vec![1];
        header.references.removals = vec![1];
    }
    header
}

/// Units of a picture with its headers; `code` writes the only LCU.
fn picture_units(header: &mut PictureHeader, code: impl FnOnce(&mut AecWriter, &mut Neighbours)) -> Vec<u8> {
    let (sequence, mut out) = (sequence(), Vec::new());
    let intra = header.is_intra();
    let mut bits = BitWriter::new();
    header.code(&mut bits, &sequence, intra).unwrap();
    let value = if intra { start_code::INTRA_PICTURE } else { start_code::INTER_PICTURE };
    write_unit(&mut out, value, &bits.finish_unit());
    let mut bits = BitWriter::new();
    SliceHeader::new(header, 0, 0).code(&mut bits, 0, &sequence, header).unwrap();
    let mut payload = bits.into_bytes();
    let mut aec = AecWriter::new();
    let mut neighbours = Neighbours::new(SIZE, QP);
    neighbours.start_slice(QP);
    code(&mut aec, &mut neighbours);
    code_end_of_slice(&mut aec, true);
    payload.extend(aec.finish());
    write_unit(&mut out, 0, &payload);
    out
}

/// The sequence header and an intra picture.
fn first_picture() -> Vec<u8> {
    let mut bits = BitWriter::new();
    sequence().code(&mut bits).unwrap();
    let mut out = Vec::new();
    write_unit(&mut out, start_code::SEQUENCE, &bits.finish_unit());
    out.extend(picture_units(&mut header(0), |aec, neighbours| {
        code_split_flag(aec, 6, false);
        let mut cu = IntraCu { luma_modes: [1; 4], ctp: 0b11_0001, qp: QP, ..IntraCu::default() };
        code_intra_cu(aec, &TOOLS, neighbours, WHOLE, &mut cu);
        assert_eq!(cu.split, TransformSplit::None);
        code_coefficients(aec, (32, 32), BlockClass::intra_luma(1, false), &mut Texture);
        code_coefficients(aec, (32, 32), BlockClass::CHROMA, &mut Texture);
        code_coefficients(aec, (32, 32), BlockClass::CHROMA, &mut Texture);
    }));
    out
}

/// The CU that a picture of one CU has.
const WHOLE: Node = Node { at: (0, 0), log2_size: 6 };

/// A picture of one skip CU.
fn still_picture(index: usize) -> Vec<u8> {
    let mut header = header(index);
    let tools = InterTools::new(&sequence(), &header);
    picture_units(&mut header, |aec, neighbours| {
        code_split_flag(aec, 6, false);
        code_cu_type(aec, &tools, 6, CuType::Skip);
        code_inter(aec, &tools, 6, CuType::Skip, &mut InterSyntax::default());
        let kind = InterCuKind { cu_type: CuType::Skip, orientation: Orientation::Square };
        code_inter_residual(aec, &TOOLS, neighbours, WHOLE, kind, &mut InterResidual::default());
    })
}

fn decode_one(decoder: &mut Decoder, data: &[u8]) -> Picture {
    decoder.decode(data, &NeverCancel).unwrap();
    let picture = decoder.next_picture().unwrap();
    assert!(decoder.next_picture().is_none());
    picture
}

fn rows(picture: &Picture, c: usize) -> Vec<Vec<u8>> {
    let plane = picture.plane(c);
    (0..plane.height).map(|y| plane.row(y).to_vec()).collect()
}

/// Explicit motion, its copy, a multi-hypothesis mode, an intra CU.
fn one_of_four(i: usize, predictor: MotionVector, wanted: MotionVector) -> (CuType, InterSyntax) {
    let mut syntax = InterSyntax::default();
    match i {
        1 => {
            syntax.subtype = 3;
            return (CuType::Skip, syntax);
        }
        3 => return (CuType::Intra, syntax),
        _ => {}
    }
    let vector = representable(predictor, wanted, true);
    syntax.blocks[0].differences[0] = difference(predictor, vector, true);
    syntax.multi_hypothesis = if i == 2 { 4 } else { 0 };
    (CuType::Explicit(Partition::Whole), syntax)
}

#[test]
fn cus_written_like_an_encoder_decode_to_its_prediction() {
    let mut decoder = Decoder::new(DecoderOptions::default());
    let first = decode_one(&mut decoder, &first_picture());
    let mut buffer = PictureBuffer::default();
    buffer.begin(&sequence(), &header(0)).unwrap();
    let stored = StoredPicture { picture: first.clone(), motion: None };
    buffer.insert(&sequence(), &header(0), stored, &mut Default::default());

    let mut header = header(1);
    let order = buffer.begin(&sequence(), &header).unwrap();
    let tools = InterTools::new(&sequence(), &header);
    let context = MotionContext { tools, distances: order.distances, collocated: None };
    let mut field = MotionField::default();
    field.reset(SIZE, SIZE);
    let mut compensator = Compensator::new(crate::simd::Backend::SCALAR);
    let mut expected = [vec![0; SIZE * SIZE], vec![0; SIZE * SIZE / 4], vec![0; SIZE * SIZE / 4]];
    let wanted = representable(MotionVector::ZERO, MotionVector::new(13, -22), true);

    let data = picture_units(&mut header, |aec, neighbours| {
        code_split_flag(aec, 6, true);
        for (i, (x, y)) in [(0, 0), (32, 0), (0, 32), (32, 32)].into_iter().enumerate() {
            code_split_flag(aec, 5, false);
            let node = Node { at: (x, y), log2_size: 5 };
            let predictor = context.block_predictor(&field, 1, Rect::of(node), Shape::None, 0);
            let (cu_type, mut syntax) = one_of_four(i, predictor, wanted);
            code_cu_type(aec, &tools, 5, cu_type);
            code_inter(aec, &tools, 5, cu_type, &mut syntax);
            let blocks = context.decode_cu(&mut field, 1, node, cu_type, &syntax);
            if cu_type == CuType::Intra {
                let mut intra = IntraCu { qp: QP, ..IntraCu::default() };
                code_intra_cu(aec, &TOOLS, neighbours, node, &mut intra);
                continue;
            }
            let kind = InterCuKind { cu_type, orientation: Orientation::Square };
            code_inter_residual(aec, &TOOLS, neighbours, node, kind, &mut InterResidual::default());
            for (c, samples) in expected.iter_mut().enumerate() {
                let stride = SIZE >> usize::from(c > 0);
                let origin = (y >> usize::from(c > 0)) * stride + (x >> usize::from(c > 0));
                let target = Block { samples: &mut samples[origin..], stride };
                compensator.predict(&order.references, &blocks.as_slice()[0], c, target);
            }
        }
    });
    assert_eq!(field.at(40, 8), &Motion::single(0, wanted));

    let second = decode_one(&mut decoder, &data);
    assert_eq!(second.picture_type, PictureType::F);
    for (c, expected) in expected.iter().enumerate() {
        let stride = SIZE >> usize::from(c > 0);
        for (y, row) in rows(&second, c).iter().enumerate() {
            let width = if y < stride / 2 { stride } else { stride / 2 };
            assert_eq!(row[..width], expected[y * stride..][..width], "component {c}, row {y}");
        }
        assert_ne!(rows(&second, c), rows(&first, c));
    }
}

#[test]
fn long_animations_need_the_memory_of_a_few_pictures() {
    // Three planes with stride 128, five of them at most: two pictures, the one in work and its LCU rows.
    let limits = Limits { max_memory: 160 << 10, ..Limits::default() };
    let mut decoder = Decoder::new(DecoderOptions { limits, ..DecoderOptions::default() });
    let first = decode_one(&mut decoder, &first_picture());
    assert!(rows(&first, 0).concat().iter().any(|&v| v != rows(&first, 0)[0][0]));
    for index in 1..600 {
        let picture = decode_one(&mut decoder, &still_picture(index));
        assert_eq!(picture.output_order, index as i64);
        assert_eq!(rows(&picture, 0), rows(&first, 0));
        assert_eq!(rows(&picture, 2), rows(&first, 2));
    }
}

#[test]
fn undelivered_pictures_count_as_memory() {
    let limits = Limits { max_memory: 160 << 10, ..Limits::default() };
    let mut decoder = Decoder::new(DecoderOptions { limits, ..DecoderOptions::default() });
    let mut data = first_picture();
    (1..20).for_each(|index| data.extend(still_picture(index)));
    let error = decoder.decode(&data, &NeverCancel).unwrap_err();
    assert!(matches!(error, Error::Limit { limit: "max_memory", .. }), "{error}");
    assert!(decoder.next_picture().is_some());
}

#[test]
fn inter_pictures_without_their_reference_are_errors() {
    let mut decoder = Decoder::new(DecoderOptions::default());
    decode_one(&mut decoder, &first_picture());
    let error = decoder.decode(&still_picture(2), &NeverCancel).unwrap_err();
    let element = "coding order of a missing reference";
    assert_eq!(error, Error::Invalid { element, value: 1 });
    // The stream goes on with a picture whose reference exists.
    decode_one(&mut decoder, &first_picture());
}

#[test]
fn reserved_cu_type_is_an_error() {
    let mut header = header(1);
    let data = picture_units(&mut header, |aec, _| {
        code_split_flag(aec, 6, false);
        // Five zeros and a final one stand for type 5, which large CUs do not have.
        for i in 0..5 {
            aec.bin(crate::aec::ctx::CU_TYPE + i, false);
        }
        aec.final_bin(true);
    });
    let mut decoder = Decoder::new(DecoderOptions::default());
    decode_one(&mut decoder, &first_picture());
    let error = decoder.decode(&data, &NeverCancel).unwrap_err();
    assert_eq!(error, Error::Invalid { element: "cu_type_index", value: 5 });
}

#[test]
fn stored_pictures_are_shared_not_copied() {
    let mut decoder = Decoder::new(DecoderOptions::default());
    let picture = decode_one(&mut decoder, &first_picture());
    assert_eq!(Arc::strong_count(&picture.planes[0].data), 2);
}
