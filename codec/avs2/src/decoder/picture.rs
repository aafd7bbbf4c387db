//! Decoding of one picture.

use super::inter::InterDecoder;
use super::lcu::LcuDecoder;
use super::sink::{LcuRow, QUEUE, RowSink};
use crate::aec::AecReader;
use crate::bitstream::BitReader;
use crate::filter::{FilterSetup, Geometry, Stages};
use crate::headers::{PictureHeader, SequenceHeader, SliceHeader, WeightMatrices};
use crate::inter::{MotionField, PictureOrder, StoredPicture};
use crate::picture::PlaneBuffer;
use crate::simd::Backend;
use crate::syntax::{SaoLcu, SliceTools, code_end_of_slice};
use crate::{CancelCheck, DecoderOptions, Error, Picture};

/// What all slices of a picture share.
#[derive(Debug)]
pub(super) struct PictureContext {
    pub sequence: SequenceHeader,
    pub header: PictureHeader,
    pub geometry: Geometry,
    pub weights: Option<WeightMatrices>,
    pub backend: Backend,
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
    context: PictureContext,
    coding_order: u32,
    output_order: i64,
    lcu: LcuDecoder,
    /// The row in work; none after the last one.
    lcu_row: Option<LcuRow>,
    sao_above: Vec<SaoLcu>,
    sink: RowSink,
    /// Raster index of the next LCU.
    next: usize,
    slices: u32,
}

impl PictureDecoder {
    pub fn new(
        sequence: &SequenceHeader,
        header: PictureHeader,
        order: PictureOrder,
        means: Means<'_>,
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
        check_limits(&setup, options, held + motion)?;
        let weights = header.weighting.map(|w| w.matrices(sequence.weights())).transpose()?;
        let (coding_order, output_order) = (order.coding_order, order.output_order);
        let context = PictureContext { sequence: sequence.clone(), header, geometry, weights, backend };
        let inter = (!context.header.is_intra()).then(|| InterDecoder::new(&context, order));
        Ok(Self {
            lcu: LcuDecoder::new(&geometry, inter),
            lcu_row: Some(LcuRow::new(&geometry)),
            sao_above: vec![SaoLcu::default(); geometry.lcu_columns()],
            sink: RowSink::new(setup, options.threads),
            context,
            coding_order,
            output_order,
            next: 0,
            slices: 0,
        })
    }

    /// Decodes a slice; `payload` is free of pseudo start code bits.
    pub fn decode_slice(&mut self, value: u8, payload: &[u8], cancel: &dyn CancelCheck) -> Result<(), Error> {
        let PictureContext { sequence, header, geometry, .. } = &self.context;
        let mut reader = BitReader::new(payload);
        let mut slice = SliceHeader::new(header, 0, 0);
        slice.code(&mut reader, value, sequence, header)?;
        let (columns, rows) = (geometry.lcu_columns(), geometry.lcu_rows());
        let first = slice.lcu_y * columns + slice.lcu_x;
        if first != self.next {
            return Err(Error::Invalid { element: "first unit of the slice", value: first as i64 });
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
            let Some(lcu_row) = &mut self.lcu_row else {
                return Err(Error::Invalid {
                    element: "units after the last of the picture",
                    value: self.next as i64,
                });
            };
            self.lcu.decode(&self.context, &state, &mut aec, lcu_row, &mut self.sao_above, (column, row))?;
            self.next += 1;
            if self.next.is_multiple_of(columns) {
                self.next_lcu_row(self.next / columns < rows)?;
            }
            let end = code_end_of_slice(&mut aec, false);
            aec.check()?;
            if end {
                return Ok(());
            }
        }
    }

    /// Hands the LCU row over and makes the next one.
    fn next_lcu_row(&mut self, is_needed: bool) -> Result<(), Error> {
        let Some(mut done) = self.lcu_row.take() else { return Ok(()) };
        let geometry = &self.context.geometry;
        if let (Some(inter), true) = (&self.lcu.inter, self.context.header.deblocking.is_some()) {
            let row = self.next / geometry.lcu_columns() - 1;
            inter.finish_row(&mut done, row * geometry.lcu_size());
        }
        if is_needed {
            let mut lcu_row = self.sink.spare().unwrap_or_else(|| LcuRow::new(&self.context.geometry));
            lcu_row.info.clear();
            for (new, old) in lcu_row.planes.iter_mut().zip(&done.planes) {
                new.row_mut(0).copy_from_slice(old.row(old.height() - 1));
            }
            self.lcu_row = Some(lcu_row);
        }
        self.sink.push(done)
    }

    /// The complete picture.
    pub fn finish(self) -> Result<(StoredPicture, PictureHeader, Option<Stages>), Error> {
        let PictureContext { sequence, header, geometry, .. } = &self.context;
        let expected = geometry.lcu_columns() * geometry.lcu_rows();
        if self.next != expected {
            return Err(Error::IncompletePicture { decoded: self.next as u32, expected: expected as u32 });
        }
        let (planes, stages) = self.sink.finish()?;
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
        Ok((StoredPicture { picture, motion }, self.context.header, stages))
    }
}

/// Checks the budgets before anything of the size of the picture is allocated.
fn check_limits(setup: &FilterSetup, options: &DecoderOptions, held: usize) -> Result<(), Error> {
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
    let alf: usize = (0..3).filter(|&c| setup.alf.is_enabled(c)).map(plane).sum();
    let copies = 1 + usize::from(setup.sao) + if setup.keep_stages { 4 } else { 0 };
    let rows = if options.threads > 1 { QUEUE + 3 } else { 2 };
    let lcu_row = PlaneBuffer::memory(geometry.width, geometry.lcu_size() + 1) * 2;
    let info = geometry.width * geometry.height / 16;
    let needed = held as u64 + (copies * picture + alf + rows * lcu_row + info) as u64;
    if needed > options.limits.max_memory as u64 {
        return Err(Error::Limit { limit: "max_memory", needed, allowed: options.limits.max_memory as u64 });
    }
    Ok(())
}
