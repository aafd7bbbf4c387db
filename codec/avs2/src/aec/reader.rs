//! The decoder (32).

use super::contexts::{Context, ContextSet, ctx};
use super::{BinCoder, LocalJob};
use crate::Error;

/// Decodes the bins of one slice.
#[derive(Debug, Clone)]
pub struct AecReader<'a> {
    engine: Engine<'a>,
    contexts: ContextSet,
    error: Option<Error>,
}

/// The arithmetic decoder without contexts.
#[derive(Debug, Clone, Copy)]
struct Engine<'a> {
    data: &'a [u8],
    /// Next byte to load; runs on beyond the end, where zeros are read.
    position: usize,
    /// The offset of docs/spec/avs2#a32 followed by `ahead` bits of the stream.
    window: u64,
    ahead: u32,
    range: u32,
}

/// A bin consumes at most 9 bits.
const MIN_AHEAD: u32 = 9;

impl Engine<'_> {
    /// Loads 32 bits.
    #[inline(always)]
    fn refill(&mut self) {
        let word = match self.data.get(self.position..self.position + 4) {
            Some(&[a, b, c, d]) => u32::from_be_bytes([a, b, c, d]),
            _ => load_tail(self.data, self.position),
        };
        self.position += 4;
        self.window = (self.window << 32) | u64::from(word);
        self.ahead += 32;
    }

    #[inline(always)]
    fn bin(&mut self, state: &mut Context) -> bool {
        if self.ahead < MIN_AHEAD {
            self.refill();
        }
        let q = state.q();
        let t = self.range - 256;
        // Below q the range is doubled before it is divided.
        let doubled = u32::from(t < q);
        let r_mps = self.range - q + (doubled << 8);
        self.ahead -= doubled;
        let scaled = u64::from(r_mps) << self.ahead;
        let mps = state.mps();
        if self.window < scaled {
            self.range = r_mps;
            state.adapt_to_mps();
            mps
        } else {
            self.window -= scaled;
            let r_lps = if doubled == 1 { t + q } else { q };
            let shift = r_lps.leading_zeros().saturating_sub(23);
            self.range = r_lps << shift;
            self.ahead -= shift;
            state.adapt_to_lps();
            !mps
        }
    }

    #[inline(always)]
    fn bypass(&mut self) -> bool {
        if self.ahead < MIN_AHEAD {
            self.refill();
        }
        self.ahead -= 1;
        let scaled = u64::from(self.range) << self.ahead;
        let bin = self.window >= scaled;
        self.window -= if bin { scaled } else { 0 };
        bin
    }

    #[inline(always)]
    fn final_bin(&mut self) -> bool {
        if self.ahead < MIN_AHEAD {
            self.refill();
        }
        let r_mps = if self.range > 256 {
            self.range - 1
        } else {
            self.ahead -= 1;
            511
        };
        let scaled = u64::from(r_mps) << self.ahead;
        if self.window < scaled {
            self.range = r_mps;
            false
        } else {
            self.window -= scaled;
            self.range = 256;
            self.ahead -= 8;
            true
        }
    }
}

#[cold]
#[inline(never)]
fn load_tail(data: &[u8], position: usize) -> u32 {
    (0..4).fold(0, |word, i| (word << 8) | u32::from(*data.get(position + i).unwrap_or(&0)))
}

#[cold]
#[inline(never)]
fn note(error: &mut Option<Error>, new: Error) {
    error.get_or_insert(new);
}

impl<'a> AecReader<'a> {
    /// At the start of slice data (docs/spec/avs2#a32.1); `data` begin at the byte boundary after the slice header.
    #[must_use]
    pub fn new(data: &'a [u8]) -> Self {
        let mut engine = Engine { data, position: 0, window: 0, ahead: 0, range: 511 };
        engine.refill();
        engine.ahead -= 9;
        Self { engine, contexts: ContextSet::default(), error: None }
    }

    /// Whether everything read so far was valid.
    ///
    /// # Errors
    /// The first error that was found, or more than 32 bits were read beyond the end of the data.
    #[inline]
    pub fn check(&self) -> Result<(), Error> {
        if let Some(error) = &self.error {
            return Err(error.clone());
        }
        let Engine { data, position, ahead, .. } = self.engine;
        if position * 8 > data.len() * 8 + 32 + ahead as usize {
            return Err(Error::Truncated { element: "slice data" });
        }
        Ok(())
    }
}

impl BinCoder for AecReader<'_> {
    const READS: bool = true;

    #[inline(always)]
    fn bin(&mut self, context: usize, _bin: bool) -> bool {
        self.engine.bin(&mut self.contexts.0[context])
    }

    #[inline(always)]
    fn bypass(&mut self, _bin: bool) -> bool {
        self.engine.bypass()
    }

    #[inline(always)]
    fn final_bin(&mut self, _bin: bool) -> bool {
        self.engine.final_bin()
    }

    #[inline(always)]
    fn fail(&mut self, error: Error) {
        note(&mut self.error, error);
    }

    #[inline(always)]
    fn run<J: LocalJob>(&mut self, job: J) {
        let mut local =
            LocalReader { engine: self.engine, contexts: &mut self.contexts.0, error: &mut self.error };
        job.run(&mut local);
        self.engine = local.engine;
    }
}

/// A reader for an inner loop: its engine is a local variable, so that it can stay in registers, which it could not
/// beside contexts with variable index.
struct LocalReader<'s, 'a> {
    engine: Engine<'a>,
    contexts: &'s mut [Context; ctx::COUNT],
    error: &'s mut Option<Error>,
}

impl BinCoder for LocalReader<'_, '_> {
    const READS: bool = true;

    #[inline(always)]
    fn bin(&mut self, context: usize, _bin: bool) -> bool {
        self.engine.bin(&mut self.contexts[context])
    }

    #[inline(always)]
    fn bypass(&mut self, _bin: bool) -> bool {
        self.engine.bypass()
    }

    #[inline(always)]
    fn final_bin(&mut self, _bin: bool) -> bool {
        self.engine.final_bin()
    }

    #[inline(always)]
    fn fail(&mut self, error: Error) {
        note(self.error, error);
    }

    #[inline(always)]
    fn run<J: LocalJob>(&mut self, job: J) {
        job.run(self);
    }
}
