//! Animations: an intra picture, then F pictures.

use std::collections::VecDeque;

use super::lcu::Tree;
use super::perception::Perception;
use super::row::Row;
use super::search::{InterEffort, InterSearch, Picture, Search};
use super::structure::Structure;
use super::tuning::Tuning;
use super::{
    EncoderOptions, Importance, PictureInput, Progress, activity, alf, encode_intra, sao, sequence_header,
    stream,
};
use crate::filter::{FilterSetup, Geometry, LoopFilter};
use crate::headers::{
    AlfParameters, DeblockingParameters, PictureHeader, PictureWeighting, ReferenceConfigurationSet,
    SequenceHeader,
};
use crate::inter::{
    InterTools, MotionContext, MotionField, PictureBuffer, PictureOrder, StoredPicture,
    switch_off_still_edges,
};
use crate::picture::PlaneBuffer;
use crate::simd::Backend;
use crate::syntax::SliceTools;
use crate::{CancelCheck, Error, Picture as DecodedPicture, PictureType};

/// Pictures before this one send their reference set; later ones name the one of the sequence header, which also
/// removes the picture three before, as in genuine files (docs/spec/tpg.md#t4.3).
const FIRST_WITH_INDEX: usize = 3;

/// A coded frame.
#[derive(Debug, Clone)]
pub struct EncodedFrame {
    /// Units of the byte stream. The first frame begins with the sequence header; after the last one comes
    /// [`SEQUENCE_END`](super::SEQUENCE_END).
    pub data: Vec<u8>,
    /// What a decoder makes of it.
    pub reconstruction: DecodedPicture,
}

/// Encodes the frames of an animation one by one. In the compatible tool set the only reference is the frame before.
///
/// F pictures are one slice, and are searched by one thread whatever the options say. The first frame is
/// coded as [`encode_intra_picture`](super::encode_intra_picture) does.
///
/// ```
/// use avs2::NeverCancel;
/// use avs2::encoder::{AnimationEncoder, EncoderOptions, PictureInput};
///
/// let mut encoder = AnimationEncoder::new(40, 30, &EncoderOptions::default())?;
/// let (luma, chroma) = (vec![90; 40 * 30], vec![128; 20 * 15]);
/// let input = PictureInput::new(40, 30, [&luma, &chroma, &chroma])?;
/// let first = encoder.push(&input, &NeverCancel, &|_, _| {})?;
/// let second = encoder.push(&input, &NeverCancel, &|_, _| {})?;
/// assert!(second.data.len() < first.data.len());
/// # Ok::<(), avs2::Error>(())
/// ```
#[derive(Debug)]
pub struct AnimationEncoder {
    width: usize,
    height: usize,
    options: EncoderOptions,
    sequence: SequenceHeader,
    geometry: Geometry,
    buffer: PictureBuffer,
    frames: usize,
    track: Track,
    structure: Structure,
}

/// One of several series of pictures that take turns in a stream: colour and alpha of an animation with alpha.
///
/// Pictures refer to pictures of their own track only. Picture n of track i of k has coding order k * n + i.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Track {
    /// Place among the tracks; the first picture of track 0 brings the sequence header.
    pub index: u8,
    /// Number of tracks, at least 1.
    pub count: u8,
}

impl Track {
    /// The only series of pictures.
    pub const SINGLE: Self = Self { index: 0, count: 1 };
    /// Colour pictures that take turns with alpha pictures.
    pub const COLOUR: Self = Self { index: 0, count: 2 };
    /// Alpha pictures that take turns with colour pictures.
    pub const ALPHA: Self = Self { index: 1, count: 2 };
}

impl AnimationEncoder {
    /// An encoder for frames of `width` x `height`. The first frame has 7 less than `options.qp`, later ones have 3
    /// more; with the full tool set they have 4, 2, 4 and 1 more in turn. With `options.qp_fraction` so many of them
    /// have one more, and so have later ones that [`push_important`](Self::push_important) finds of little importance.
    ///
    /// # Errors
    /// [`Error::Invalid`] names the size or the option that is out of range or not part of the tool set.
    pub fn new(width: usize, height: usize, options: &EncoderOptions) -> Result<Self, Error> {
        Self::for_track(width, height, options, Track::SINGLE)
    }

    /// An encoder for one of the tracks of a stream. The options of all tracks must agree in everything the sequence
    /// header depends on: tools, effort and the size of largest coding units.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn for_track(
        width: usize,
        height: usize,
        options: &EncoderOptions,
        track: Track,
    ) -> Result<Self, Error> {
        options.check(true)?;
        for (element, value) in [("picture width", width), ("picture height", height)] {
            if !(1..=super::input::MAX_SIZE).contains(&value) {
                return Err(Error::Invalid { element, value: value as i64 });
            }
        }
        let coded = |n: usize| n.next_multiple_of(8).max(16);
        let geometry = Geometry {
            width: coded(width),
            height: coded(height),
            lcu_log2: options.effort().lcu_log2.into(),
        };
        let mut sequence = sequence_header(&geometry, options);
        sequence.reference_sets = vec![ReferenceConfigurationSet {
            referenced_by_others: true,
            references: vec![track.count],
            removals: vec![3 * track.count],
        }];
        let (options, buffer) = (options.clone(), PictureBuffer::default());
        let structure = Structure::new(options.tools.tools().inter, track.count);
        Ok(Self { width, height, options, sequence, geometry, buffer, frames: 0, track, structure })
    }

    /// Encodes the next frame. `progress` hears of every finished row of largest coding units.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the frame has another size than the animation; [`Error::Cancelled`], after which the
    /// animation cannot go on.
    pub fn push(
        &mut self,
        input: &PictureInput<'_>,
        cancel: &(dyn CancelCheck + Sync),
        progress: Progress<'_>,
    ) -> Result<EncodedFrame, Error> {
        self.push_important(input, None, cancel, progress)
    }

    /// As [`push`](Self::push), if it is known what later frames inherit from this one.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn push_important(
        &mut self,
        input: &PictureInput<'_>,
        importance: Option<&Importance>,
        cancel: &(dyn CancelCheck + Sync),
        progress: Progress<'_>,
    ) -> Result<EncodedFrame, Error> {
        for (element, value, wanted) in [
            ("width of a frame", input.width(), self.width),
            ("height of a frame", input.height(), self.height),
        ] {
            if value != wanted {
                return Err(Error::Invalid { element, value: value as i64 });
            }
        }
        let Track { index, count } = self.track;
        let coding_order = ((self.frames * usize::from(count) + usize::from(index)) % 256) as u8;
        let place = self.structure.next(self.options.qp, self.options.qp_fraction);
        let qp_fraction = place.qp_fraction;
        let qp = place.qp
            + importance.map_or(0, |importance| importance.qp_offset(self.frames)).min(63 - place.qp);
        let options = EncoderOptions { qp, qp_fraction, coding_order, ..self.options.clone() };
        if self.frames > 0 {
            return self.push_inter(input, importance, (&options, place.references), cancel, progress);
        }
        let encoded = encode_intra(input, &options, Some(&self.sequence), importance, cancel, progress)?;
        let mut header = PictureHeader::new_intra(options.qp);
        header.coding_order = coding_order;
        header.references.referenced_by_others = true;
        let order = self.buffer.begin(&self.sequence, &header)?;
        let data = match index {
            0 => [encoded.sequence_header, encoded.picture].concat(),
            _ => encoded.picture,
        };
        let motion = None;
        Ok(self.keep(&header, &order, encoded.reconstruction, motion, data))
    }

    /// Makes a picture the next one's reference.
    fn keep(
        &mut self,
        header: &PictureHeader,
        order: &PictureOrder,
        planes: [PlaneBuffer; 3],
        motion: Option<crate::inter::CollocatedMotion>,
        data: Vec<u8>,
    ) -> EncodedFrame {
        let picture = DecodedPicture {
            width: self.geometry.width as u32,
            height: self.geometry.height as u32,
            coding_order: order.coding_order,
            output_order: order.output_order,
            picture_type: header.picture_type,
            qp: header.qp,
            planes: planes.map(PlaneBuffer::into),
        };
        let stored = StoredPicture { picture: picture.clone(), motion };
        self.buffer.insert(&self.sequence, header, stored, &mut VecDeque::new());
        self.frames += 1;
        EncodedFrame { data, reconstruction: picture }
    }

    fn header(
        &self,
        options: &EncoderOptions,
        references: Option<ReferenceConfigurationSet>,
    ) -> PictureHeader {
        let mut header = PictureHeader::new_intra(options.qp);
        header.picture_type = PictureType::F;
        header.coding_order = options.coding_order;
        header.chroma_qp_delta = Tuning::new(options, true).chroma_qp_delta;
        header.weighting = options.weighted_quantisation.then_some(PictureWeighting::Sequence);
        if let Some(mut references) = references {
            for delta in references.references.iter_mut().chain(&mut references.removals) {
                *delta *= self.track.count;
            }
            header.rcs_index = None;
            header.references = references;
            return header;
        }
        header.references = self.sequence.reference_sets[0].clone();
        if self.frames < FIRST_WITH_INDEX {
            header.rcs_index = None;
            header.references.removals.clear();
        }
        header
    }

    fn push_inter(
        &mut self,
        input: &PictureInput<'_>,
        importance: Option<&Importance>,
        (options, references): (&EncoderOptions, Option<ReferenceConfigurationSet>),
        cancel: &(dyn CancelCheck + Sync),
        progress: Progress<'_>,
    ) -> Result<EncodedFrame, Error> {
        let mut header = self.header(options, references);
        let order = self.buffer.begin(&self.sequence, &header)?;
        let geometry = self.geometry;
        let effort = options.effort();
        let source = input.coded_planes();
        let tree = Tree { width: geometry.width, height: geometry.height, lcu_log2: geometry.lcu_log2 };
        let slice_tools = SliceTools {
            sdip: self.sequence.nonsquare_intra_prediction_enable,
            fixed_qp: true,
            slice_qp: options.qp,
        };
        let tuning = Tuning::new(options, true);
        let backend = Backend::detect(options.simd);
        let picture = Picture {
            tree,
            source: &source,
            effort,
            slice_tools,
            chroma_qp_delta: header.chroma_qp_delta,
            weights: options.weighted_quantisation.then(|| self.sequence.weights()),
            backend,
            lambda: tuning.lambda,
            chroma_weight: tuning.chroma_weight,
            activity: activity::Activity::new(&source[0], tuning.strength)
                .with_importance(importance, Importance::IN_LATER),
            perception: Perception::for_strength(tuning.strength),
        };
        let tools = InterTools::new(&self.sequence, &header);
        let (mut rows, field) =
            search_rows(&picture, (tools, options.inter_effort()), &order, cancel, progress)?;

        let mut filter = LoopFilter::new(FilterSetup {
            geometry,
            deblocking: Some(DeblockingParameters::default()),
            chroma_qp_delta: header.chroma_qp_delta,
            sao: false,
            alf: AlfParameters::default(),
            cross_slice: true,
            backend,
            keep_stages: false,
        });
        for row in &mut rows {
            switch_off_still_edges(&mut row.info, &field, row.y);
            filter.push_row(&row.planes, &row.info);
        }
        let (mut planes, _) = filter.finish();
        let slice_rows = rows.len();
        let (lambda, chroma_weight, threads) = (picture.lambda, picture.chroma_weight, options.threads);
        let is_skip = |row: &Row| {
            row.lcus.iter().flat_map(|lcu| &lcu.units).all(|u| u.inter.is_some() && u.unit.ctp == 0)
        };
        let is_still = rows.iter().all(is_skip);
        let mut sao_enable = [false; 3];
        if effort.sao && !is_still {
            let source = &source;
            let task = sao::Task { geometry, source, lambda, chroma_weight, backend, slice_rows, threads };
            sao_enable = sao::apply(&task, &mut planes, &mut rows);
        }
        if effort.alf_passes > 0 && !is_still {
            let (source, passes) = (&source, effort.alf_passes);
            let task = alf::Task { geometry, source, lambda, chroma_weight, backend, passes, threads };
            header.alf = alf::apply(&task, &mut planes, &mut rows);
        }
        if cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let setup = stream::SliceSetup {
            sequence: &self.sequence,
            header: &header,
            tree,
            tools: slice_tools,
            sao_enable,
            inter: Some(tools),
            slice_rows,
        };
        let data = stream::picture_units(&setup, &rows)?;
        let motion = Some(field.to_collocated(&order.distances));
        Ok(self.keep(&header, &order, planes, motion, data))
    }
}

/// Searches all rows one after the other.
fn search_rows(
    picture: &Picture<'_>,
    (tools, effort): (InterTools, InterEffort),
    order: &PictureOrder,
    cancel: &(dyn CancelCheck + Sync),
    progress: Progress<'_>,
) -> Result<(Vec<Row>, MotionField), Error> {
    let tree = picture.tree;
    let size = 1 << tree.lcu_log2;
    let (columns, count) = (tree.width.div_ceil(size), tree.height.div_ceil(size));
    let collocated = order.references.first().and_then(|reference| reference.motion.as_ref());
    let context = MotionContext { tools, distances: order.distances, collocated };
    let mut field = MotionField::default();
    field.reset(tree.width, tree.height);
    let mut inter =
        Some(Box::new(InterSearch::new(context, &order.references, field, effort, picture.backend)));
    let mut rows: Vec<Row> = Vec::with_capacity(count);
    let mut contexts = None;
    for index in 0..count {
        if cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let mut row = Row::new(tree, index, index > 0, picture.slice_tools.slice_qp);
        if let Some(above) = rows.last() {
            for column in 0..columns {
                row.take_edge(column, &above.bottom_edge(column, None));
            }
        }
        let mut search = Search::new(picture, row);
        search.inter = inter.take();
        if let Some(contexts) = contexts.take() {
            search.start_with(contexts);
        }
        for column in 0..columns {
            search.largest_unit(column);
        }
        contexts = Some(search.contexts.clone());
        inter = search.inter.take();
        rows.push(search.row);
        progress(index + 1, count);
    }
    let field = inter.map(|inter| inter.field).unwrap_or_default();
    Ok((rows, field))
}
