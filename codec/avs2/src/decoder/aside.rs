//! A small picture that is decoded while another one is read.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::Decoder;
use crate::inter::PictureBuffer;
use crate::{CancelCheck, DecoderOptions, Error, Picture, SequenceHeader};

/// A picture that the thread which reconstructs another one decodes while it would wait.
#[derive(Debug)]
pub(super) struct Aside {
    data: Vec<u8>,
    decoder: Decoder,
    decoded: SyncSender<(SequenceHeader, Picture)>,
}

impl Aside {
    /// Takes memory from its budget that the other picture needs.
    pub fn leave(&mut self, memory: usize) {
        let limits = &mut self.decoder.options.limits;
        limits.max_memory = limits.max_memory.saturating_sub(memory);
    }

    /// Decodes it, unless `cancel` ends that. Whoever wants the picture learns nothing of errors.
    pub fn decode(self, cancel: &dyn CancelCheck) {
        let Self { data, mut decoder, decoded } = self;
        let Some(sequence) = decoder.sequence.clone() else { return };
        let result = decoder.decode(&data, cancel);
        decoder.flush();
        if let (Ok(()), Some(picture)) = (result, decoder.next_picture()) {
            let _ = decoded.try_send((sequence, picture));
        }
    }
}

/// What [`Decoder::decode_with`] has for its first picture.
#[derive(Debug)]
pub(super) struct Waiting {
    data: Vec<u8>,
    decoded: SyncSender<(SequenceHeader, Picture)>,
}

impl Waiting {
    fn new(data: &[u8]) -> (Self, Receiver<(SequenceHeader, Picture)>) {
        let (decoded, receiver) = sync_channel(1);
        (Self { data: data.to_vec(), decoded }, receiver)
    }
}

impl Decoder {
    /// As [`decode`](Self::decode), for `data` of one picture that no other one in this stream refers to. `small` is a further
    /// such picture, with the same headers and far less to read: with two threads it is decoded at the same time, and is the
    /// result. `None` if it was not decoded, for whatever reason: it is still to be decoded then.
    ///
    /// # Errors
    /// Those of [`decode`](Self::decode) for `data` alone.
    pub fn decode_with(
        &mut self,
        data: &[u8],
        small: &[u8],
        cancel: &dyn CancelCheck,
    ) -> Result<Option<Picture>, Error> {
        if self.options.threads < 2 {
            return self.decode(data, cancel).map(|()| None);
        }
        let (waiting, decoded) = Waiting::new(small);
        let before = self.pictures;
        self.waiting = Some(waiting);
        let result = self.decode(data, cancel);
        self.waiting = None;
        result?;
        let Ok((sequence, picture)) = decoded.try_recv() else { return Ok(None) };
        // What is decoded one after the other may differ if headers come behind the picture.
        let is_same = self.pictures == before + 1 && !self.ended && self.sequence.as_ref() == Some(&sequence);
        self.pictures += u32::from(is_same);
        Ok(is_same.then_some(picture))
    }

    /// What the thread that reconstructs the next picture may decode.
    pub(super) fn take_aside(&mut self) -> Option<Aside> {
        let Waiting { data, decoded } = self.waiting.take()?;
        let decoder = Self {
            options: DecoderOptions { threads: 1, ..self.options },
            backend: self.backend,
            sequence: self.sequence.clone(),
            ended: false,
            pictures: self.pictures,
            buffer: PictureBuffer::default(),
            ready: Default::default(),
            keep_stages: false,
            stages: Default::default(),
            waiting: None,
        };
        Some(Aside { data, decoder, decoded })
    }
}
