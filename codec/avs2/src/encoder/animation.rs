//! Animations: an intra picture, then F pictures.

use std::collections::VecDeque;

use crate::encoder::picture::{PictureTask, geometry};
use crate::encoder::structure::Structure;
use crate::encoder::write::stream;
use crate::encoder::{EncoderOptions, Importance, PictureInput, Progress, sequence_header};
use crate::filter::Geometry;
use crate::headers::{PictureHeader, ReferenceConfigurationSet, SequenceHeader};
use crate::inter::{CollocatedMotion, PictureBuffer, PictureOrder, StoredPicture};
use crate::picture::PlaneBuffer;
use crate::{CancelCheck, Error, Picture as DecodedPicture, PictureType};

/// Pictures before this one send their reference set; later ones name the one of the sequence header, which also
/// removes the picture three before, as in genuine files (docs/spec/tpg.md#t4.3).
const FIRST_WITH_INDEX: usize = 3;

/// A coded frame.
#[derive(Debug, Clone)]
pub struct EncodedFrame {
    /// Units of the byte stream. The first frame begins with the sequence header; after the last one comes
    /// [`SEQUENCE_END`](crate::encoder::SEQUENCE_END).
    pub data: Vec<u8>,
    /// What a decoder makes of it.
    pub reconstruction: DecodedPicture,
}

/// Encodes the frames of an animation one by one. In the compatible tool set the only reference is the frame before.
///
/// F pictures are one slice. The first frame is coded as [`encode_intra_picture`](crate::encoder::encode_intra_picture) does.
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
    /// header depends on: tools, effort and the size of LCUs.
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
            if !(1..=crate::encoder::input::MAX_SIZE).contains(&value) {
                return Err(Error::Invalid { element, value: value as i64 });
            }
        }
        let geometry = geometry(width, height, options);
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

    /// Encodes the next frame. `progress` hears of every finished LCU row.
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
        let is_first = self.frames == 0;
        let header = if is_first { first_header(&options) } else { self.header(&options, place.references) };
        let order = self.buffer.begin(&self.sequence, &header)?;
        let task = PictureTask {
            input,
            options: &options,
            sequence: &self.sequence,
            header,
            in_animation: true,
            importance,
            order: (!is_first).then_some(&order),
        };
        let coded = task.encode(cancel, progress)?;
        let data = match (is_first, index) {
            (true, 0) => [stream::sequence_unit(&self.sequence)?, coded.units].concat(),
            _ => coded.units,
        };
        Ok(self.keep(&coded.header, &order, coded.planes, coded.motion, data))
    }

    /// Makes a picture the next one's reference.
    fn keep(
        &mut self,
        header: &PictureHeader,
        order: &PictureOrder,
        planes: [PlaneBuffer; 3],
        motion: Option<CollocatedMotion>,
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
}

/// Of the intra picture.
fn first_header(options: &EncoderOptions) -> PictureHeader {
    let mut header = PictureHeader::new_intra(options.qp);
    header.coding_order = options.coding_order;
    header.rcs_index = None;
    header.references.referenced_by_others = true;
    header
}
