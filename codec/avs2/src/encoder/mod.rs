//! Encoder for intra pictures: 8 bit, 4:2:0.
//!
//! A picture is searched row of largest coding units by row ([`search`], on several threads [`wavefront`]), then
//! deblocked ([`deblocking`]), then the parameters of sample adaptive offset and adaptive loop filter are estimated ([`sao`], [`alf`]),
//! then everything is written ([`stream`]). Samples are reconstructed with the decoder's functions.
//!
//! ```
//! use avs2::NeverCancel;
//! use avs2::encoder::{EncoderOptions, PictureInput, encode_intra_picture};
//!
//! let (luma, chroma) = (vec![90; 40 * 30], vec![128; 20 * 15]);
//! let input = PictureInput::new(40, 30, [&luma, &chroma, &chroma])?;
//! let encoded = encode_intra_picture(&input, &EncoderOptions::default(), &NeverCancel, &|_, _| {})?;
//! assert!(encoded.to_stream().len() < 100);
//! # Ok::<(), avs2::Error>(())
//! ```

mod activity;
mod alf;
mod animation;
mod deblocking;
mod importance;
mod input;
mod lcu;
mod metric;
mod options;
mod parallel;
mod perception;
mod quantiser;
mod rate;
mod row;
mod sao;
mod search;
mod simd;
mod stream;
mod structure;
mod transform;
mod tuning;
mod wavefront;

pub use animation::{AnimationEncoder, EncodedFrame, Track};
pub use importance::{Importance, LookAhead};
pub use input::PictureInput;
pub use options::{EncoderOptions, QP_PARTS, ToolSet};
pub use wavefront::Progress;

use crate::bitstream::start_code;
use crate::filter::{FilterSetup, Geometry};
use crate::headers::{AlfParameters, PictureHeader, PictureWeighting, SequenceHeader};
use crate::picture::PlaneBuffer;
use crate::simd::Backend;
use crate::syntax::SliceTools;
use crate::{CancelCheck, Error};
use lcu::Tree;
use search::Picture;
use tuning::Tuning;

/// A coded picture.
#[derive(Debug, Clone)]
pub struct Encoded {
    /// The sequence header as a unit of the byte stream. It depends on the size and the options except QP, coding
    /// order and `perceptual`, so pictures with the same ones can share it.
    pub sequence_header: Vec<u8>,
    /// The picture header and the slices.
    pub picture: Vec<u8>,
    /// What a decoder makes of it, in coded size.
    pub reconstruction: [PlaneBuffer; 3],
}

/// The unit that ends a sequence.
pub const SEQUENCE_END: [u8; 4] = [0, 0, 1, start_code::SEQUENCE_END];

impl Encoded {
    /// The picture as a stream of its own.
    #[must_use]
    pub fn to_stream(&self) -> Vec<u8> {
        [&self.sequence_header[..], &self.picture, &SEQUENCE_END].concat()
    }
}

/// Encodes a picture. `progress` hears of every finished row of largest coding units.
///
/// # Errors
/// [`Error::Invalid`] names an option that is out of range or not part of the tool set; [`Error::Cancelled`].
pub fn encode_intra_picture(
    input: &PictureInput<'_>,
    options: &EncoderOptions,
    cancel: &(dyn CancelCheck + Sync),
    progress: Progress<'_>,
) -> Result<Encoded, Error> {
    options.check(false)?;
    encode_intra(input, options, None, None, cancel, progress)
}

/// Encodes a picture as intra picture, of an animation if its sequence header is given.
fn encode_intra(
    input: &PictureInput<'_>,
    options: &EncoderOptions,
    animation: Option<&SequenceHeader>,
    importance: Option<&Importance>,
    cancel: &(dyn CancelCheck + Sync),
    progress: Progress<'_>,
) -> Result<Encoded, Error> {
    let effort = options.effort();
    let tools = options.tools.tools();
    let source = input.coded_planes();
    let geometry =
        Geometry { width: source[0].width(), height: source[0].height(), lcu_log2: effort.lcu_log2.into() };
    let tree = Tree { width: geometry.width, height: geometry.height, lcu_log2: geometry.lcu_log2 };
    let sequence = animation.map_or_else(|| sequence_header(&geometry, options), SequenceHeader::clone);
    let tuning = Tuning::new(options, animation.is_some());
    let chroma_qp_delta = tuning.chroma_qp_delta;
    let slice_tools =
        SliceTools { sdip: sequence.nonsquare_intra_prediction_enable, fixed_qp: true, slice_qp: options.qp };
    let backend = Backend::detect(options.simd);
    let picture = Picture {
        tree,
        source: &source,
        effort,
        slice_tools,
        chroma_qp_delta,
        weights: options.weighted_quantisation.then(|| sequence.weights()),
        backend,
        lambda: tuning.lambda,
        chroma_weight: tuning.chroma_weight,
        activity: activity::Activity::new(&source[0], tuning.strength)
            .with_importance(importance, Importance::IN_FIRST),
        perception: perception::Perception::for_strength(tuning.strength),
    };
    let rows_in_all = geometry.lcu_rows();
    let slice_rows = if options.slice_rows == 0 { rows_in_all } else { options.slice_rows };
    let mut rows = wavefront::search_rows(&picture, slice_rows, options.threads, cancel, progress)?;

    let mut header = PictureHeader::new_intra(options.qp);
    header.coding_order = options.coding_order;
    if animation.is_some() {
        header.rcs_index = None;
        header.references.referenced_by_others = true;
    }
    header.chroma_qp_delta = chroma_qp_delta;
    header.weighting = options.weighted_quantisation.then_some(PictureWeighting::Sequence);
    let setup = FilterSetup {
        geometry,
        deblocking: None,
        chroma_qp_delta,
        sao: false,
        alf: AlfParameters::default(),
        cross_slice: true,
        backend,
        keep_stages: false,
    };
    let tried = if tools.deblocking_offsets { effort.deblocking_offsets } else { 1 };
    let (deblocking, mut planes) =
        deblocking::apply(&setup, &source, (&picture.perception, picture.chroma_weight), tried, &rows);
    header.deblocking = Some(deblocking);
    let mut sao_enable = [false; 3];
    if effort.sao {
        let task = sao::Task {
            geometry,
            source: &source,
            lambda: picture.lambda,
            chroma_weight: picture.chroma_weight,
            backend,
            slice_rows,
            threads: options.threads,
        };
        sao_enable = sao::apply(&task, &mut planes, &mut rows);
    }
    if effort.alf_passes > 0 {
        let task = alf::Task {
            geometry,
            source: &source,
            lambda: picture.lambda,
            chroma_weight: picture.chroma_weight,
            backend,
            passes: effort.alf_passes,
            threads: options.threads,
        };
        header.alf = alf::apply(&task, &mut planes, &mut rows);
    }
    if cancel.is_cancelled() {
        return Err(Error::Cancelled);
    }
    let setup = stream::SliceSetup {
        sequence: &sequence,
        header: &header,
        tree,
        tools: slice_tools,
        sao_enable,
        inter: None,
        slice_rows,
    };
    Ok(Encoded {
        sequence_header: stream::sequence_unit(&sequence)?,
        picture: stream::picture_units(&setup, &rows)?,
        reconstruction: planes,
    })
}

/// The header of genuine files with the tools of `options`.
fn sequence_header(geometry: &Geometry, options: &EncoderOptions) -> SequenceHeader {
    let effort = options.effort();
    // Genuine files send the coded size; 16384 does not fit, and decoders round 16383 up to it.
    let sent = |coded: usize| coded.min(input::MAX_SIZE) as u16;
    let mut sequence =
        SequenceHeader::new(sent(geometry.width), sent(geometry.height), geometry.lcu_log2 as u8);
    sequence.multi_hypothesis_skip_enable = true;
    sequence.dual_hypothesis_prediction_enable = true;
    sequence.nonsquare_quadtree_transform_enable = true;
    sequence.secondary_transform_enable = true;
    sequence.pmvr_enable = true;
    sequence.weight_quant_enable = options.weighted_quantisation;
    sequence.weighted_skip_enable = options.tools.tools().inter;
    sequence.nonsquare_intra_prediction_enable = options.tools.tools().sdip && effort.sdip;
    sequence.sample_adaptive_offset_enable = effort.sao;
    sequence.adaptive_loop_filter_enable = effort.alf_passes > 0;
    sequence
}
