//! Decoding of streams.

use std::collections::VecDeque;

use crate::headers::SequenceHeader;
use crate::{CancelCheck, DecoderOptions, Error, Picture};

/// Decodes an AVS2 stream that arrives in pieces.
#[derive(Debug)]
pub struct Decoder {
    #[allow(dead_code)]
    options: DecoderOptions,
    sequence: Option<SequenceHeader>,
    ready: VecDeque<Picture>,
}

impl Decoder {
    /// A decoder at the start of a stream.
    #[must_use]
    pub fn new(options: DecoderOptions) -> Self {
        Self { options, sequence: None, ready: VecDeque::new() }
    }

    /// Decodes whole units; the end of `data` ends the last unit. Every picture that begins in `data` must end in it.
    ///
    /// # Errors
    /// Pictures decoded before the error are available from [`next_picture`](Self::next_picture).
    pub fn decode(&mut self, _data: &[u8], _cancel: &dyn CancelCheck) -> Result<(), Error> {
        Err(Error::Unsupported { feature: "decoding", value: 0 })
    }

    /// The next picture in output order.
    pub fn next_picture(&mut self) -> Option<Picture> {
        self.ready.pop_front()
    }

    /// Ends the stream: pictures held back for reordering become available.
    pub fn flush(&mut self) {}

    /// The sequence header in force.
    #[must_use]
    pub fn sequence(&self) -> Option<&SequenceHeader> {
        self.sequence.as_ref()
    }
}
