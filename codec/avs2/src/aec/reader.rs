//! The decoder (32).

use super::contexts::{Context, ContextSet, ctx};
use super::{BinCoder, LocalJob, code_exp_golomb};
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
    /// What was not loaded yet.
    data: &'a [u8],
    /// Bytes of zeros that were loaded behind the end.
    beyond: usize,
    /// The offset of docs/spec/avs2#a32 followed by `ahead` bits of the stream.
    window: u64,
    ahead: u32,
    /// The range less 256.
    excess: u8,
}

/// A bin consumes at most 9 bits.
const MIN_AHEAD: u32 = 9;

impl Engine<'_> {
    /// Loads 32 bits.
    #[inline(always)]
    fn refill(&mut self) {
        let (window, data, beyond) = refilled(self.window, self.data);
        (self.window, self.data) = (window, data);
        self.beyond += beyond;
        self.ahead += 32;
    }

    /// Makes sure that `bits` bits can be consumed.
    #[inline(always)]
    fn need(&mut self, bits: u32) {
        if self.ahead < bits {
            self.refill();
        }
    }

    /// Decodes whether the symbol is the less probable one, whose interval has the size `q`; the bits must be there.
    #[inline(always)]
    fn is_less_probable(&mut self, q: u8) -> bool {
        // Below q the range is doubled before it is divided: as the range less 256 has 8 bits, that is the borrow.
        let (excess, doubled) = self.excess.overflowing_sub(q);
        self.ahead -= u32::from(doubled);
        let scaled = (256 | u64::from(excess)) << self.ahead;
        if self.window < scaled {
            self.excess = excess;
            return false;
        }
        self.window -= scaled;
        // Below 512, and not 0.
        let r_lps = u32::from(q) + if doubled { u32::from(self.excess) } else { 0 };
        let shift = (r_lps << 23 | 1).leading_zeros();
        self.excess = (r_lps << shift) as u8;
        self.ahead -= shift;
        true
    }

    #[inline(always)]
    fn bin(&mut self, state: &mut Context) -> bool {
        self.need(MIN_AHEAD);
        self.ready_bin(state)
    }

    /// The same where the bits are there.
    #[inline(always)]
    fn ready_bin(&mut self, state: &mut Context) -> bool {
        let mps = state.mps();
        if self.is_less_probable(state.q() as u8) {
            state.adapt_to_lps();
            !mps
        } else {
            state.adapt_to_mps();
            mps
        }
    }

    #[inline(always)]
    fn bypass(&mut self) -> bool {
        self.need(1);
        self.ahead -= 1;
        let scaled = (256 | u64::from(self.excess)) << self.ahead;
        let bin = self.window >= scaled;
        self.window -= if bin { scaled } else { 0 };
        bin
    }

    /// `count` bypass bins, 1..=16, most significant first: the digits of a division by the range.
    #[inline(always)]
    fn bypass_bins(&mut self, count: u32) -> u32 {
        self.need(16);
        self.ahead -= count;
        let range = 256 | u32::from(self.excess);
        let top = self.window >> self.ahead;
        // More than the range allows comes from invalid streams only; each bin is then 1.
        let bins = if top >> 25 == 0 { (top as u32 / range).min((1 << count) - 1) } else { (1 << count) - 1 };
        self.window -= u64::from(bins * range) << self.ahead;
        bins
    }

    /// A bin whose less probable symbol has the smallest interval.
    #[inline(always)]
    fn final_bin(&mut self) -> bool {
        self.need(MIN_AHEAD);
        self.ready_final_bin()
    }

    #[inline(always)]
    fn ready_final_bin(&mut self) -> bool {
        let (excess, doubled) = self.excess.overflowing_sub(1);
        self.ahead -= u32::from(doubled);
        let scaled = (256 | u64::from(excess)) << self.ahead;
        self.excess = excess;
        if self.window < scaled {
            return false;
        }
        (self.window, self.ahead, self.excess) = (self.window - scaled, self.ahead - 8, 0);
        true
    }
}

/// A window with 32 bits more, what is left of the data, and how many bytes of zeros were read behind its end. Rare
/// enough to be kept apart from the code that needs the registers.
#[cold]
#[inline(never)]
fn refilled(window: u64, data: &[u8]) -> (u64, &[u8], usize) {
    let (word, rest, beyond) = match data.split_first_chunk() {
        Some((&word, rest)) => (u32::from_be_bytes(word), rest, 0),
        None => {
            let byte = |i: usize| u32::from(*data.get(i).unwrap_or(&0));
            let word = (0..4).fold(0, |word, i| (word << 8) | byte(i));
            (word, Default::default(), 4 - data.len())
        }
    };
    ((window << 32) | u64::from(word), rest, beyond)
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
        let mut engine = Engine { data, beyond: 0, window: 0, ahead: 0, excess: 255 };
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
        let Engine { beyond, ahead, .. } = self.engine;
        if beyond * 8 > 32 + ahead as usize {
            return Err(Error::Truncated { element: "slice data" });
        }
        Ok(())
    }

    /// Whether nothing read so far depends on what is behind the end of the data.
    pub fn is_within_data(&self) -> bool {
        let Engine { beyond, ahead, .. } = self.engine;
        beyond * 8 <= ahead as usize
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
    fn bypass_signs(&mut self, count: u32, _bins: u32) -> u32 {
        self.engine.bypass_bins(count)
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

#[cold]
#[inline(never)]
fn read_exp_golomb<'a>(mut reader: LocalReader<'_, 'a>) -> (Engine<'a>, u32) {
    let value = code_exp_golomb(&mut reader, 0);
    (reader.engine, value)
}

impl BinCoder for LocalReader<'_, '_> {
    const READS: bool = true;

    /// With the context in a register.
    #[inline(always)]
    fn final_or_unary(&mut self, max: u32, _value: u32, context: usize) -> Option<u32> {
        // The first bin consumes 1 bit.
        self.engine.need(1 + MIN_AHEAD);
        if self.engine.ready_final_bin() {
            return None;
        }
        let mut state = self.contexts[context];
        let mut count = 0;
        let mut bin = self.engine.ready_bin(&mut state);
        while !bin {
            count += 1;
            if count == max {
                break;
            }
            bin = self.engine.bin(&mut state);
        }
        self.contexts[context] = state;
        Some(count)
    }

    #[inline(always)]
    fn bin(&mut self, context: usize, _bin: bool) -> bool {
        self.engine.bin(&mut self.contexts[context])
    }

    #[inline(always)]
    fn bypass(&mut self, _bin: bool) -> bool {
        self.engine.bypass()
    }

    #[inline(always)]
    fn bypass_signs(&mut self, count: u32, _bins: u32) -> u32 {
        self.engine.bypass_bins(count)
    }

    #[inline(always)]
    fn final_bin(&mut self, _bin: bool) -> bool {
        self.engine.final_bin()
    }

    /// On a copy, so that the engine stays in registers elsewhere.
    #[inline(always)]
    fn exp_golomb(&mut self, _value: u32) -> u32 {
        let copy = LocalReader { engine: self.engine, contexts: self.contexts, error: self.error };
        let (engine, value) = read_exp_golomb(copy);
        self.engine = engine;
        value
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
