//! Decoding of one picture.

use std::sync::Arc;

use super::aside::Aside;
use super::inter::InterDecoder;
use super::lcu::{LcuDecoder, Source};
use super::parsed::ParsedPart;
use super::pipeline::{Pipeline, QUEUE, parts_in_queue};
use super::sink::{LcuRow, RowSink};
use crate::aec::AecReader;
use crate::bitstream::BitReader;
use crate::filter::{FilterSetup, Geometry, LoopFilter, Stages};
use crate::headers::{PictureHeader, SequenceHeader, SliceHeader, WeightMatrices};
use crate::inter::{MotionField, PictureOrder, StoredPicture};
use crate::picture::PlaneBuffer;
use crate::recon::Dequantiser;
use crate::simd::Backend;
use crate::syntax::{SliceTools, code_end_of_slice};
use crate::{CancelCheck, DecoderOptions, Error, Picture};

/// Where what is read goes to. There is no row in work after the last one.
#[derive(Debug)]
enum Stage {
    /// Each block is reconstructed as it is read.
    Whole { lcu_row: Option<Box<LcuRow>>, sink: Box<RowSink> },
    /// What was read is reconstructed on another thread.
    Divided { parsed: Option<Box<ParsedPart>>, pipeline: Pipeline },
}

/// What all slices of a picture share.
#[derive(Debug)]
pub(super) struct PictureContext {
    pub sequence: SequenceHeader,
    pub header: PictureHeader,
    pub geometry: Geometry,
    pub weights: Option<WeightMatrices>,
    pub backend: Backend,
    /// By reference index.
    pub references: Vec<Arc<StoredPicture>>,
}

impl PictureContext {
    /// A dequantiser for a block of `size` coefficients, with the weights of the picture if it has some.
    pub fn weighted<'a>(&'a self, dequantiser: Dequantiser<'a>, size: (usize, usize)) -> Dequantiser<'a> {
        match &self.weights {
            None => dequantiser,
            Some(weights) => dequantiser.with_weights(weights, size),
        }
    }
}

/// The slice in work.
#[derive(Debug, Clone, Copy)]
pub(super) struct SliceState {
    pub header: SliceHeader,
    pub tools: SliceTools,
    /// Number of the slice in the picture.
    pub number: u32,
    /// Raster index of its first LCU.
    pub first: usize,
}

/// With what a picture is decoded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Means<'a> {
    pub options: &'a DecoderOptions,
    pub backend: Backend,
    /// Memory of pictures that still exist, in bytes.
    pub held: usize,
    /// Keep the planes between the filters.
    pub keep_stages: bool,
}

/// Decodes the slices of a picture.
#[derive(Debug)]
pub(super) struct PictureDecoder {
    context: Arc<PictureContext>,
    coding_order: u32,
    output_order: i64,
    lcu: LcuDecoder,
    stage: Stage,
    /// Raster index of the next LCU.
    next: usize,
    slices: u32,
}

impl PictureDecoder {
    /// With two threads `aside` is decoded as well.
    pub fn new(
        sequence: SequenceHeader,
        header: PictureHeader,
        order: PictureOrder,
        means: Means<'_>,
        mut aside: Option<Aside>,
    ) -> Result<Self, Error> {
        let Means { options, backend, held, keep_stages } = means;
        let geometry = Geometry {
            width: sequence.coded_width(),
            height: sequence.coded_height(),
            lcu_log2: sequence.lcu_size_log2.into(),
        };
        let setup = FilterSetup {
            geometry,
            deblocking: header.deblocking,
            chroma_qp_delta: header.chroma_qp_delta,
            sao: sequence.sample_adaptive_offset_enable,
            alf: header.alf.clone(),
            cross_slice: sequence.cross_slice_loop_filter_enable,
            backend,
            keep_stages,
        };
        let motion = if header.is_intra() { 0 } else { MotionField::bytes(geometry.width, geometry.height) };
        let needed = check_limits(&setup, options, held + motion, header.is_intra())?;
        if let Some(aside) = &mut aside {
            aside.leave(needed);
        }
        let weights = header.weighting.map(|w| w.matrices(sequence.weights())).transpose()?;
        let (coding_order, output_order) = (order.coding_order, order.output_order);
        let references = order.references.clone();
        let context = PictureContext { sequence, header, geometry, weights, backend, references };
        let context = Arc::new(context);
        let inter = (!context.header.is_intra()).then(|| InterDecoder::new(&context, order));
        let pipeline =
            (options.threads > 1).then(|| Pipeline::new(context.clone(), setup.clone(), aside)).flatten();
        let stage = match pipeline {
            Some(pipeline) => {
                let parsed = ParsedPart::new(&geometry, context.header.is_intra());
                Stage::Divided { parsed: Some(Box::new(parsed)), pipeline }
            }
            None => {
                let lcu_row = Some(Box::new(LcuRow::new(&geometry)));
                Stage::Whole { lcu_row, sink: Box::new(RowSink::new(setup)) }
            }
        };
        Ok(Self {
            lcu: LcuDecoder::new(&context, inter),
            stage,
            context,
            coding_order,
            output_order,
            next: 0,
            slices: 0,
        })
    }

    /// Decodes a slice; `payload` is free of pseudo start code bits. If it `is_short`, an LCU that needs more of it is an
    /// error; otherwise what is behind its end counts as zeros, which a few whole slices need.
    pub fn decode_slice(
        &mut self,
        value: u8,
        payload: &[u8],
        is_short: bool,
        cancel: &dyn CancelCheck,
    ) -> Result<(), Error> {
        let PictureContext { sequence, header, geometry, .. } = &*self.context;
        let mut reader = BitReader::new(payload);
        let mut slice = SliceHeader::new(header, 0, 0);
        slice.code(&mut reader, value, sequence, header)?;
        let (columns, rows) = (geometry.lcu_columns(), geometry.lcu_rows());
        let first = slice.lcu_y * columns + slice.lcu_x;
        if first != self.next {
            return Err(Error::Invalid { element: "first LCU of the slice", value: first as i64 });
        }
        let tools = SliceTools {
            sdip: sequence.nonsquare_intra_prediction_enable,
            fixed_qp: slice.fixed_qp,
            slice_qp: slice.qp,
        };
        let state = SliceState { header: slice, tools, number: self.slices, first };
        self.slices += 1;
        self.lcu.start_slice(slice.qp);
        let mut aec = AecReader::new(reader.rest());
        loop {
            let (column, row) = (self.next % columns, self.next / columns);
            if column == 0 || self.next == first {
                if cancel.is_cancelled() {
                    return Err(Error::Cancelled);
                }
                self.lcu.start_row();
            }
            self.decode_lcu(&mut Source { slice: &state, aec: &mut aec }, (column, row))?;
            if is_short && !aec.is_within_data() {
                return Err(Error::Truncated { element: "slice data" });
            }
            self.next += 1;
            if self.next.is_multiple_of(columns) {
                self.next_lcu_row(self.next / columns < rows)?;
            } else {
                self.next_part(row + 1 == rows)?;
            }
            let end = code_end_of_slice(&mut aec, false);
            aec.check()?;
            if end {
                return Ok(());
            }
        }
    }

    fn decode_lcu(&mut self, source: &mut Source<'_, '_>, at: (usize, usize)) -> Result<(), Error> {
        match &mut self.stage {
            Stage::Whole { lcu_row: Some(lcu_row), .. } => {
                self.lcu.decode(&self.context, source, lcu_row, at)
            }
            Stage::Divided { parsed: Some(parsed), .. } => self.lcu.parse(&self.context, source, parsed, at),
            _ => {
                let element = "LCUs after the last of the picture";
                Err(Error::Invalid { element, value: self.next as i64 })
            }
        }
    }

    /// Hands what was read of the LCU row over, if it is enough to do.
    fn next_part(&mut self, is_last_row: bool) -> Result<(), Error> {
        let Stage::Divided { parsed, pipeline } = &mut self.stage else { return Ok(()) };
        // Edges of inter pictures are marked by whole rows.
        if !self.context.header.is_intra() {
            return Ok(());
        }
        match parsed {
            Some(part) if part.is_long(is_last_row) => {
                part.finish(false);
                let new = pipeline
                    .spare()
                    .unwrap_or_else(|| Box::new(ParsedPart::new(&self.context.geometry, true)));
                pipeline.push(std::mem::replace(part, new))
            }
            _ => Ok(()),
        }
    }

    /// Hands the LCU row over and makes the next one.
    fn next_lcu_row(&mut self, is_needed: bool) -> Result<(), Error> {
        let PictureContext { geometry, header, .. } = &*self.context;
        let top = (self.next / geometry.lcu_columns() - 1) * geometry.lcu_size();
        let inter = self.lcu.inter.as_ref().filter(|_| header.deblocking.is_some());
        match &mut self.stage {
            Stage::Divided { parsed, pipeline } => {
                let Some(mut done) = parsed.take() else { return Ok(()) };
                done.finish(true);
                if let Some(inter) = inter {
                    inter.finish_row(&mut done.info, top);
                }
                if is_needed {
                    let new = || Box::new(ParsedPart::new(geometry, header.is_intra()));
                    *parsed = Some(pipeline.spare().unwrap_or_else(new));
                }
                pipeline.push(done)
            }
            Stage::Whole { lcu_row, sink } => {
                let Some(mut done) = lcu_row.take() else { return Ok(()) };
                if let Some(inter) = inter {
                    inter.finish_row(&mut done.info, top);
                }
                if is_needed {
                    let mut next = sink.spare().unwrap_or_else(|| LcuRow::new(geometry));
                    next.info.clear();
                    for (new, old) in next.planes.iter_mut().zip(&done.planes) {
                        new.row_mut(0).copy_from_slice(old.row(old.height() - 1));
                    }
                    *lcu_row = Some(Box::new(next));
                }
                sink.push(*done);
                Ok(())
            }
        }
    }

    /// The complete picture.
    pub fn finish(self) -> Result<(StoredPicture, PictureHeader, Option<Stages>), Error> {
        let geometry = &self.context.geometry;
        let expected = geometry.lcu_columns() * geometry.lcu_rows();
        if self.next != expected {
            return Err(Error::IncompletePicture { decoded: self.next as u32, expected: expected as u32 });
        }
        self.store(|_| {})
    }

    /// The picture with `fill` below the rows that are there, and how many of luma these are.
    pub fn finish_cut(self, fill: u8) -> Result<(StoredPicture, PictureHeader, usize), Error> {
        let geometry = self.context.geometry;
        let rows = geometry.final_rows(self.next / geometry.lcu_columns());
        let (stored, header, _) = self.store(|planes| {
            for (c, plane) in planes.iter_mut().enumerate() {
                let rows = rows >> usize::from(c > 0);
                (rows..plane.height()).for_each(|y| plane.row_mut(y).fill(fill));
            }
        })?;
        Ok((stored, header, rows))
    }

    /// What is there once all rows are filtered and `mend` has had the planes.
    fn store(
        self,
        mend: impl FnOnce(&mut [PlaneBuffer; 3]),
    ) -> Result<(StoredPicture, PictureHeader, Option<Stages>), Error> {
        let PictureContext { sequence, header, .. } = &*self.context;
        let (mut planes, stages) = match self.stage {
            Stage::Whole { sink, .. } => sink.finish(),
            Stage::Divided { pipeline, .. } => pipeline.finish()?,
        };
        mend(&mut planes);
        let picture = Picture {
            width: sequence.horizontal_size.into(),
            height: sequence.vertical_size.into(),
            coding_order: self.coding_order,
            output_order: self.output_order,
            picture_type: header.picture_type,
            qp: header.qp,
            planes: planes.map(PlaneBuffer::into),
        };
        let motion = self.lcu.inter.map(|inter| inter.collocated());
        Ok((StoredPicture { picture, motion }, header.clone(), stages))
    }
}

/// Checks the budgets before anything of the size of the picture is allocated; returns the bytes that are needed.
fn check_limits(
    setup: &FilterSetup,
    options: &DecoderOptions,
    held: usize,
    is_intra: bool,
) -> Result<usize, Error> {
    let geometry = &setup.geometry;
    let pixels = geometry.width as u64 * geometry.height as u64;
    if pixels > options.limits.max_pixels {
        return Err(Error::Limit { limit: "max_pixels", needed: pixels, allowed: options.limits.max_pixels });
    }
    let plane = |c: usize| {
        let (width, height) = geometry.plane_size(c);
        PlaneBuffer::memory(width, height)
    };
    let picture: usize = (0..3).map(plane).sum();
    let copies = 1 + if setup.keep_stages { 3 } else { 0 };
    let rows = if options.threads > 1 { QUEUE + 4 } else { 2 };
    let lcu_row = PlaneBuffer::memory(geometry.width, geometry.lcu_size() + 1) * 2;
    let parts = if options.threads > 1 { parts_in_queue(is_intra) + 2 } else { 0 };
    let parsed = parts * ParsedPart::memory(geometry, is_intra);
    let info = geometry.width * geometry.height / 16;
    let filters = LoopFilter::memory(geometry);
    let needed = held + copies * picture + filters + rows * lcu_row + parsed + info;
    let allowed = options.limits.max_memory;
    if needed > allowed {
        let (needed, allowed) = (needed as u64, allowed as u64);
        return Err(Error::Limit { limit: "max_memory", needed, allowed });
    }
    Ok(needed)
}
