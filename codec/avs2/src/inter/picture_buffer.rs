//! Reference pictures, decoded picture buffer and output order (docs/spec/avs2#c3).

use std::collections::VecDeque;
use std::sync::Arc;

use super::motion::CollocatedMotion;
use super::prediction::Distances;
use crate::headers::{PictureHeader, SequenceHeader};
use crate::{Error, Picture, PictureType};

/// Most pictures that are kept (docs/spec/avs2#c15).
const CAPACITY: usize = 16;
/// Most reference pictures of one picture.
const MAX_REFERENCES: usize = 4;

/// A decoded picture with what later pictures need of it.
#[derive(Debug)]
pub(crate) struct StoredPicture {
    pub(crate) picture: Picture,
    /// `None` for intra pictures.
    pub(crate) motion: Option<CollocatedMotion>,
}

impl StoredPicture {
    fn bytes(&self) -> usize {
        picture_bytes(&self.picture) + self.motion.as_ref().map_or(0, CollocatedMotion::bytes)
    }
}

/// Bytes of the planes of a picture.
pub(crate) fn picture_bytes(picture: &Picture) -> usize {
    (0..3).map(|i| picture.plane(i).data().len()).sum()
}

/// Place of a picture in its sequence, and the pictures it refers to.
#[derive(Debug, Clone, Default)]
pub(crate) struct PictureOrder {
    /// Position in coding order, modulo 256 undone.
    pub(crate) coding_order: u32,
    /// Position in output order.
    pub(crate) output_order: i64,
    /// By reference index.
    pub(crate) references: Vec<Arc<StoredPicture>>,
    /// Distances of the references.
    pub(crate) distances: Distances,
}

#[derive(Debug)]
struct Entry {
    stored: Arc<StoredPicture>,
    /// May be referred to.
    referenced: bool,
    /// Still to be output.
    waiting: bool,
}

/// The decoded pictures of one sequence.
#[derive(Debug, Default)]
pub(crate) struct PictureBuffer {
    entries: Vec<Entry>,
    /// Coding order of the pictures that the previous header wants removed.
    removals: Vec<i64>,
    base: u32,
    previous: Option<u8>,
}

impl PictureBuffer {
    /// Bytes held.
    pub(crate) fn bytes(&self) -> usize {
        self.entries.iter().map(|entry| entry.stored.bytes()).sum()
    }

    /// Whether the samples of `picture` are held.
    pub(crate) fn holds(&self, picture: &Picture) -> bool {
        self.entries.iter().any(|e| Arc::ptr_eq(&e.stored.picture.planes[0].data, &picture.planes[0].data))
    }

    /// Takes a picture header (steps 1 to 5 of docs/spec/avs2#c3.4).
    ///
    /// # Errors
    /// A reference picture is missing or breaks a rule, or the picture needs the background picture.
    pub(crate) fn begin(
        &mut self,
        sequence: &SequenceHeader,
        header: &PictureHeader,
    ) -> Result<PictureOrder, Error> {
        if self.previous.is_some_and(|previous| header.coding_order < previous) {
            self.base = self.base.saturating_add(256);
        }
        self.previous = Some(header.coding_order);
        let coding_order = self.base.saturating_add(header.coding_order.into());
        let mut output_order = i64::from(coding_order);
        if !sequence.low_delay {
            output_order += i64::from(header.picture_output_delay) - i64::from(sequence.output_reorder_delay);
        }
        self.remove_listed();
        let distance = |&delta: &u8| i64::from(coding_order) - i64::from(delta);
        self.removals = header.references.removals.iter().map(distance).collect();
        let mut order = PictureOrder { coding_order, output_order, ..PictureOrder::default() };
        // The references of intra pictures are ignored: genuine streams name pictures that do not exist.
        if !header.is_intra() {
            self.find_references(header, &mut order)?;
        }
        Ok(order)
    }

    fn remove_listed(&mut self) {
        let removals = std::mem::take(&mut self.removals);
        for entry in &mut self.entries {
            entry.referenced &= !removals.contains(&entry.stored.picture.coding_order.into());
        }
        self.drop_unused();
    }

    fn find_references(&self, header: &PictureHeader, order: &mut PictureOrder) -> Result<(), Error> {
        if header.picture_type == PictureType::S || header.background_reference {
            return Err(Error::Unsupported { feature: "background picture as reference", value: 1 });
        }
        let deltas = &header.references.references;
        let is_b = header.picture_type == PictureType::B;
        let allowed = if is_b { 2..=2 } else { 1..=MAX_REFERENCES };
        if !allowed.contains(&deltas.len()) {
            return Err(Error::Invalid { element: "num_of_reference_picture", value: deltas.len() as i64 });
        }
        order.distances.is_b = is_b;
        for (i, &delta) in deltas.iter().enumerate() {
            let wanted = i64::from(order.coding_order) - i64::from(delta);
            let entry = self
                .entries
                .iter()
                .find(|e| e.referenced && i64::from(e.stored.picture.coding_order) == wanted)
                .ok_or(Error::Invalid { element: "coding order of a missing reference", value: wanted })?;
            let difference = order.output_order - entry.stored.picture.output_order;
            let backward = is_b && i == 0;
            if is_b && (if backward { difference >= 0 } else { difference <= 0 }) {
                return Err(Error::Invalid {
                    element: "output order of a reference of a B picture, relative to the picture",
                    value: -difference,
                });
            }
            let difference = if backward { -difference } else { difference };
            order.distances.values[i] = (2 * difference).rem_euclid(512) as i32;
            order.references.push(Arc::clone(&entry.stored));
        }
        Ok(())
    }

    /// Takes the decoded picture (steps 6 to 8 of docs/spec/avs2#c3.4); pictures that become due are appended to
    /// `output`.
    pub(crate) fn insert(
        &mut self,
        sequence: &SequenceHeader,
        header: &PictureHeader,
        stored: StoredPicture,
        output: &mut VecDeque<Picture>,
    ) {
        self.entries.push(Entry {
            stored: Arc::new(stored),
            referenced: header.references.referenced_by_others,
            waiting: header.picture_type != PictureType::Gb,
        });
        let delay = if sequence.low_delay { 0 } else { usize::from(sequence.output_reorder_delay) };
        while self.entries.iter().filter(|entry| entry.waiting).count() > delay {
            self.output_one(output);
        }
        self.drop_unused();
        while self.entries.len() > CAPACITY {
            self.drop_oldest(output);
        }
    }

    /// Ends the sequence: outputs everything that waits and forgets all pictures.
    pub(crate) fn flush(&mut self, output: &mut VecDeque<Picture>) {
        while self.output_one(output) {}
        *self = Self::default();
    }

    /// Outputs the waiting picture that comes first.
    fn output_one(&mut self, output: &mut VecDeque<Picture>) -> bool {
        let waiting = self.entries.iter_mut().filter(|entry| entry.waiting);
        let Some(entry) = waiting.min_by_key(|entry| entry.stored.picture.output_order) else {
            return false;
        };
        entry.waiting = false;
        output.push_back(entry.stored.picture.clone());
        true
    }

    fn drop_unused(&mut self) {
        self.entries.retain(|entry| entry.referenced || entry.waiting);
    }

    /// Makes room in the buffer of a stream that never removes pictures.
    fn drop_oldest(&mut self, output: &mut VecDeque<Picture>) {
        let oldest = self.entries.iter_mut().min_by_key(|entry| entry.stored.picture.coding_order);
        let Some(oldest) = oldest else { return };
        oldest.referenced = false;
        if oldest.waiting {
            self.output_one(output);
        }
        self.drop_unused();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Plane;
    use crate::headers::ReferenceConfigurationSet;

    struct Stream {
        sequence: SequenceHeader,
        buffer: PictureBuffer,
        output: VecDeque<Picture>,
    }

    fn header(
        picture_type: PictureType,
        coding_order: u8,
        references: &[u8],
        removals: &[u8],
    ) -> PictureHeader {
        let mut header = PictureHeader::new_intra(30);
        header.picture_type = picture_type;
        header.coding_order = coding_order;
        header.references = ReferenceConfigurationSet {
            referenced_by_others: true,
            references: references.to_vec(),
            removals: removals.to_vec(),
        };
        header
    }

    impl Stream {
        fn new(delay: Option<u8>) -> Self {
            let mut sequence = SequenceHeader::new(16, 16, 4);
            sequence.low_delay = delay.is_none();
            sequence.output_reorder_delay = delay.unwrap_or(0);
            Self { sequence, buffer: PictureBuffer::default(), output: VecDeque::new() }
        }

        fn picture(&mut self, header: &PictureHeader) -> Result<PictureOrder, Error> {
            let order = self.buffer.begin(&self.sequence, header)?;
            let plane = |size: usize| Plane {
                width: size,
                height: size,
                stride: size,
                data: Arc::new(vec![0; size * size]),
            };
            let picture = Picture {
                width: 16,
                height: 16,
                coding_order: order.coding_order,
                output_order: order.output_order,
                picture_type: header.picture_type,
                qp: 30,
                planes: [plane(16), plane(8), plane(8)],
            };
            let stored = StoredPicture { picture, motion: None };
            self.buffer.insert(&self.sequence, header, stored, &mut self.output);
            Ok(order)
        }

        fn shown(&mut self) -> Vec<i64> {
            self.output.drain(..).map(|picture| picture.output_order).collect()
        }
    }

    #[test]
    fn removal_takes_effect_after_the_picture_that_lists_it() {
        let mut stream = Stream::new(None);
        stream.picture(&header(PictureType::I, 0, &[], &[])).unwrap();
        let order = stream.picture(&header(PictureType::F, 1, &[1], &[1])).unwrap();
        assert_eq!(order.references[0].picture.coding_order, 0);
        assert_eq!(order.distances.values[0], 2);
        stream.picture(&header(PictureType::F, 2, &[1], &[])).unwrap();
        let error = stream.picture(&header(PictureType::F, 3, &[3], &[])).unwrap_err();
        let element = "coding order of a missing reference";
        assert_eq!(error, Error::Invalid { element, value: 0 });
        assert_eq!(stream.shown(), [0, 1, 2]);
    }

    #[test]
    fn coding_order_is_unwrapped() {
        let mut stream = Stream::new(None);
        for i in 0..600_u32 {
            let kind = if i == 0 { PictureType::I } else { PictureType::P };
            let references: &[u8] = if i == 0 { &[] } else { &[1] };
            let order = stream.picture(&header(kind, i as u8, references, &[2])).unwrap();
            assert_eq!(order.coding_order, i);
            assert!(stream.buffer.bytes() <= 3 * 384);
        }
    }

    #[test]
    fn pictures_leave_in_output_order() {
        let mut stream = Stream::new(Some(1));
        // I0 P2 B1 P4 B3 in coding order
        for (i, (kind, shown, references)) in [
            (PictureType::I, 0, [].as_slice()),
            (PictureType::P, 2, &[1]),
            (PictureType::B, 1, &[1, 2]),
            (PictureType::P, 4, &[2]),
            (PictureType::B, 3, &[1, 3]),
        ]
        .into_iter()
        .enumerate()
        {
            let mut header = header(kind, i as u8, references, &[]);
            header.picture_output_delay = (shown + 1 - i as i32) as u32;
            let order = stream.picture(&header).unwrap();
            if kind == PictureType::B {
                assert_eq!(order.distances.values[..2], [2, 2]);
            }
        }
        assert_eq!(stream.shown(), [0, 1, 2, 3]);
        stream.buffer.flush(&mut stream.output);
        assert_eq!(stream.shown(), [4]);
        assert_eq!(stream.buffer.bytes(), 0);
    }

    #[test]
    fn references_of_b_pictures_lie_on_both_sides() {
        let mut stream = Stream::new(Some(1));
        for i in 0..2 {
            stream.picture(&header(PictureType::I, i, &[], &[])).unwrap();
        }
        let error = stream.picture(&header(PictureType::B, 2, &[1, 2], &[])).unwrap_err();
        assert!(matches!(error, Error::Invalid { value: -1, .. }));
    }

    #[test]
    fn number_of_references_is_checked() {
        let mut stream = Stream::new(None);
        stream.picture(&header(PictureType::I, 0, &[9, 8, 7], &[5])).unwrap();
        for (kind, references) in
            [(PictureType::P, [].as_slice()), (PictureType::F, &[1, 1, 1, 1, 1]), (PictureType::B, &[1])]
        {
            let error = stream.picture(&header(kind, 1, references, &[])).unwrap_err();
            let value = references.len() as i64;
            assert_eq!(error, Error::Invalid { element: "num_of_reference_picture", value });
        }
    }

    #[test]
    fn buffer_stays_bounded_without_removals() {
        let mut stream = Stream::new(None);
        for i in 0..=255 {
            stream.picture(&header(PictureType::I, i, &[], &[])).unwrap();
        }
        assert_eq!(stream.buffer.bytes(), CAPACITY * 384);
        assert_eq!(stream.shown().len(), 256);
    }
}
