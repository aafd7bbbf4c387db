//! One picture from samples to units, the same way for stills and for all pictures of animations.

use crate::encoder::analysis::activity::Activity;
use crate::encoder::analysis::perception::Perception;
use crate::encoder::filters::{self, FilterTask};
use crate::encoder::search;
use crate::encoder::search::row::Row;
use crate::encoder::search::wavefront;
use crate::encoder::tuning::{Tuning, UseOfSao};
use crate::encoder::write::stream::{self, SliceSetup};
use crate::encoder::{EncoderOptions, Importance, PictureInput, Progress};
use crate::filter::{FilterSetup, Geometry};
use crate::headers::{AlfParameters, PictureHeader, PictureWeighting, SequenceHeader};
use crate::inter::{CollocatedMotion, InterTools, MotionField, PictureOrder, switch_off_still_edges};
use crate::picture::PlaneBuffer;
use crate::simd::Backend;
use crate::syntax::SliceTools;
use crate::{CancelCheck, Error};

/// Sizes of a picture of `width` x `height` samples as it is coded.
pub(super) fn geometry(width: usize, height: usize, options: &EncoderOptions) -> Geometry {
    let coded = crate::encoder::input::coded_side;
    Geometry { width: coded(width), height: coded(height), lcu_log2: options.effort().lcu_log2.into() }
}

/// A picture to be encoded.
pub(super) struct PictureTask<'a> {
    pub input: &'a PictureInput<'a>,
    /// With the QP of this picture.
    pub options: &'a EncoderOptions,
    pub sequence: &'a SequenceHeader,
    /// Type, QP, order and references; the rest is decided.
    pub header: PictureHeader,
    /// The tuning is that of animations.
    pub in_animation: bool,
    /// What later pictures inherit from this one, if that is known.
    pub importance: Option<&'a Importance>,
    /// In inter pictures.
    pub order: Option<&'a PictureOrder>,
}

/// What became of it.
pub(super) struct CodedPicture {
    /// As it was written.
    pub header: PictureHeader,
    /// Picture header and slices.
    pub units: Vec<u8>,
    /// What a decoder makes of it, in coded size.
    pub planes: [PlaneBuffer; 3],
    /// In inter pictures.
    pub motion: Option<CollocatedMotion>,
}

/// LCU rows, and the motion of inter pictures.
struct Searched {
    rows: Vec<Row>,
    field: Option<MotionField>,
    /// LCU rows per slice.
    slice_rows: usize,
}

impl PictureTask<'_> {
    /// Searches, filters and writes the picture.
    pub fn encode(
        mut self,
        cancel: &(dyn CancelCheck + Sync),
        progress: Progress<'_>,
    ) -> Result<CodedPicture, Error> {
        let options = self.options;
        let source = self.input.coded_planes();
        let tuning = Tuning::new(options, self.in_animation, self.input.drawn());
        let [luma, chroma] = Perception::for_strength(tuning.luma, tuning.strength);
        let luma = if tuning.drawn.is_some() { luma.limited_to_shown() } else { luma };
        self.header.chroma_qp_delta = tuning.chroma_qp_delta;
        self.header.weighting = options.weighted_quantisation.then_some(PictureWeighting::Sequence);
        let in_picture = if self.order.is_some() { Importance::IN_LATER } else { Importance::IN_FIRST };
        let picture = search::Picture {
            geometry: geometry(self.input.width(), self.input.height(), options),
            source: &source,
            effort: options.effort(),
            slice_tools: SliceTools {
                sdip: self.sequence.nonsquare_intra_prediction_enable,
                fixed_qp: true,
                slice_qp: options.qp,
            },
            chroma_qp_delta: tuning.chroma_qp_delta,
            weights: options.weighted_quantisation.then(|| self.sequence.weights()),
            backend: Backend::detect(options.simd),
            lambda: tuning.lambda,
            chroma_weight: tuning.chroma_weight,
            activity: Activity::new(&source[0], tuning.slope, tuning.strength, tuning.drawn)
                .with_importance(self.importance, in_picture)
                .with_weights(self.input.weights()),
            perception: [luma, chroma],
        };
        let mut searched = self.search(&picture, cancel, progress)?;
        let (planes, sao_enable) = self.filter(&picture, &tuning, &mut searched);
        if cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let setup = SliceSetup {
            sequence: self.sequence,
            header: &self.header,
            geometry: picture.geometry,
            tools: picture.slice_tools,
            sao_enable,
            inter: self.order.map(|_| InterTools::new(self.sequence, &self.header)),
            slice_rows: searched.slice_rows,
        };
        let units = stream::picture_units(&setup, &searched.rows)?;
        let motion =
            self.order.zip(searched.field).map(|(order, field)| field.to_collocated(&order.distances));
        Ok(CodedPicture { header: self.header, units, planes, motion })
    }

    fn search(
        &self,
        picture: &search::Picture<'_>,
        cancel: &(dyn CancelCheck + Sync),
        progress: Progress<'_>,
    ) -> Result<Searched, Error> {
        let all_rows = picture.geometry.lcu_rows();
        let options = self.options;
        let inter = self.order.map(|order| {
            let tools = InterTools::new(self.sequence, &self.header);
            search::InterPicture::new(tools, options.inter_effort(), order)
        });
        let slice_rows =
            if inter.is_some() || options.slice_rows == 0 { all_rows } else { options.slice_rows };
        let (inter, threads) = (inter.as_ref(), options.threads);
        let mut rows = wavefront::search_rows(picture, inter, slice_rows, threads, cancel, progress)?;
        let field = inter.map(|_| MotionField::join(rows.iter_mut().filter_map(|row| row.motion.take())));
        if let Some(field) = &field {
            for row in &mut rows {
                switch_off_still_edges(&mut row.info, field, row.y);
            }
        }
        Ok(Searched { rows, field, slice_rows })
    }

    /// Chooses the parameters of the loop filters; the filtered planes, and the components with sample adaptive offset.
    fn filter(
        &mut self,
        picture: &search::Picture<'_>,
        tuning: &Tuning<'_>,
        searched: &mut Searched,
    ) -> ([PlaneBuffer; 3], [bool; 3]) {
        let effort = picture.effort;
        let setup = FilterSetup {
            geometry: picture.geometry,
            deblocking: None,
            chroma_qp_delta: picture.chroma_qp_delta,
            sao: false,
            alf: AlfParameters::default(),
            cross_slice: true,
            backend: picture.backend,
            keep_stages: false,
        };
        let offsets = self.order.is_none() && self.options.tools.tools().deblocking_offsets;
        let task = FilterTask {
            geometry: picture.geometry,
            source: picture.source,
            perception: &picture.perception,
            lambda: picture.lambda,
            chroma_weight: picture.chroma_weight,
            backend: picture.backend,
            slice_rows: searched.slice_rows,
            threads: self.options.threads,
        };
        let rows = &mut searched.rows;
        let tried = if offsets { effort.deblocking_offsets } else { 1 };
        let (deblocking, mut planes) = filters::deblocking::apply(&task, &setup, tried, rows);
        self.header.deblocking = Some(deblocking);
        let mut sao_enable = [false; 3];
        if rows.iter().all(Row::is_skipped) {
            return (planes, sao_enable);
        }
        let wanted = tuning.drawn.map(|_| {
            let [luma, cb, cr] = picture.source;
            [luma.wanted(&planes[0]), cb.clone(), cr.clone()]
        });
        let task = FilterTask { source: wanted.as_ref().unwrap_or(picture.source), ..task };
        if effort.sao && tuning.sao != UseOfSao::Nowhere {
            sao_enable = filters::sao::apply(&task, tuning.drawn, &mut planes, rows);
        }
        if effort.alf_passes > 0 {
            self.header.alf = filters::alf::apply(&task, effort.alf_passes, &mut planes, rows);
        }
        (planes, sao_enable)
    }
}
