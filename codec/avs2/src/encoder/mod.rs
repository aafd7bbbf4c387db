//! Encoder for stills and animations: 8 bit, 4:2:0.
//!
//! A picture ([`picture`]) is analysed ([`analysis`]: what is seen, and what lasts), searched LCU row
//! by row ([`search`], with the costs of [`quantisation`]), filtered ([`filters`]: the parameters of all loop filters are
//! estimated), and written ([`write`]). Samples are reconstructed with the decoder's functions, and the syntax is the
//! decoder's. An animation ([`animation`]) is an intra picture and inter pictures that refer to those before as
//! [`structure`] plans.
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

mod analysis;
mod animation;
mod filters;
mod input;
mod options;
mod parallel;
mod picture;
mod quantisation;
mod rows;
mod search;
mod simd;
mod structure;
mod tuning;
mod write;

pub use analysis::activity::BlockWeights;
pub use analysis::drawn::DrawnRegions;
pub use analysis::importance::{Importance, LookAhead};
pub use animation::{AnimationEncoder, EncodedFrame, Track};
pub use input::PictureInput;
pub use options::{EncoderOptions, QP_PARTS, ToolSet};
pub use parallel::map as in_parallel;
pub use search::wavefront::Progress;

use crate::bitstream::start_code;
use crate::filter::Geometry;
use crate::headers::{PictureHeader, SequenceHeader};
use crate::picture::PlaneBuffer;
use crate::{CancelCheck, Error};
use picture::PictureTask;
use write::stream;

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

/// Encodes a picture. `progress` hears of every finished LCU row.
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
    let sequence = sequence_header(&picture::geometry(input.width(), input.height(), options), options);
    let mut header = PictureHeader::new_intra(options.qp);
    header.coding_order = options.coding_order;
    let task = PictureTask {
        input,
        options,
        sequence: &sequence,
        header,
        in_animation: false,
        importance: None,
        order: None,
    };
    let coded = task.encode(cancel, progress)?;
    Ok(Encoded {
        sequence_header: stream::sequence_unit(&sequence)?,
        picture: coded.units,
        reconstruction: coded.planes,
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
