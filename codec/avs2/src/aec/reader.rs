//! The decoder (32).

use super::contexts::{Context, ContextSet, ctx};
use super::{BinCoder, LocalJob, code_exp_golomb};
use crate::Error;

/// Decodes the bins of one slice.
#[derive(Debug, Clone)]
pub struct AecReader<'a> {
    engine: Engine,
    store: Store<'a>,
}

/// The arithmetic decoder without contexts and data.
#[derive(Debug, Clone, Copy)]
struct Engine {
    /// The offset of docs/spec/avs2#a32 followed by `ahead` bits of the stream.
    window: u64,
    ahead: u32,
    /// The range less 256.
    excess: u8,
}

/// What stays in memory.
#[derive(Debug, Clone)]
struct Store<'a> {
    contexts: [Context; ctx::COUNT],
    input: Input<'a>,
    error: Option<Error>,
}

#[derive(Debug, Clone)]
struct Input<'a> {
    /// What was not loaded yet.
    data: &'a [u8],
    /// Bytes of zeros that were loaded behind the end.
    beyond: usize,
}

/// A bin consumes at most 9 bits.
const MIN_AHEAD: u32 = 9;

impl Engine {
    /// Loads 32 bits.
    #[inline(always)]
    fn refill(&mut self, input: &mut Input<'_>) {
        self.window = input.refilled(self.window);
        self.ahead += 32;
    }

    /// Loads as many bytes as there is room for, unless the end of the data is near, so that [`need`](Self::need) has
    /// seldom to: when it has to cannot be foreseen.
    #[inline(always)]
    fn fill(&mut self, input: &mut Input<'_>) {
        if let Some(&next) = input.data.first_chunk::<8>() {
            // Beside the offset, which has 9 bits, or 10 in front of a doubled range.
            let bytes = 54_u32.saturating_sub(self.ahead) / 8;
            let bits = 8 * bytes;
            self.window = (self.window << bits) | (u64::from_be_bytes(next) >> 1 >> (63 - bits));
            self.ahead += bits;
            input.data = &input.data[bytes as usize..];
        }
    }

    /// Makes sure that `bits` bits can be consumed.
    #[inline(always)]
    fn need(&mut self, input: &mut Input<'_>, bits: u32) {
        if self.ahead < bits {
            self.refill(input);
        }
    }

    /// Whether the offset is below a range that is 256 and `excess`.
    #[inline(always)]
    fn is_below(&self, excess: u8) -> bool {
        // Faster than to shift the range, because there is less to wait for.
        self.window >> self.ahead < 256 | u64::from(excess)
    }

    #[inline(always)]
    fn subtract(&mut self, excess: u8) {
        self.window -= (256 | u64::from(excess)) << self.ahead;
    }

    /// Decodes whether the symbol is the less probable one, whose interval has the size `q`; the bits must be there.
    #[inline(always)]
    fn is_less_probable(&mut self, q: u8) -> bool {
        // Below q the range is doubled before it is divided: as the range less 256 has 8 bits, that is the borrow.
        let (excess, doubled) = self.excess.overflowing_sub(q);
        self.ahead -= u32::from(doubled);
        if self.is_below(excess) {
            self.excess = excess;
            return false;
        }
        self.subtract(excess);
        // Below 512, and not 0.
        let r_lps = u32::from(q) + if doubled { u32::from(self.excess) } else { 0 };
        let shift = 8 - (r_lps | 1).ilog2();
        self.excess = (r_lps << shift) as u8;
        self.ahead -= shift;
        true
    }

    /// The bits must be there.
    #[inline(always)]
    fn bin(&mut self, state: &mut Context) -> bool {
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
    fn bypass(&mut self, input: &mut Input<'_>) -> bool {
        self.need(input, 1);
        self.ahead -= 1;
        let bin = !self.is_below(self.excess);
        if bin {
            self.subtract(self.excess);
        }
        bin
    }

    /// `count` bypass bins, 1..=16, most significant first: the digits of a division by the range.
    #[inline(always)]
    fn bypass_bins(&mut self, input: &mut Input<'_>, count: u32) -> u32 {
        self.need(input, 16);
        self.ahead -= count;
        let range = 256 | u32::from(self.excess);
        let top = self.window >> self.ahead;
        // More than the range allows comes from invalid streams only; each bin is then 1.
        let bins = if top >> 25 == 0 { (top as u32 / range).min((1 << count) - 1) } else { (1 << count) - 1 };
        self.window -= u64::from(bins * range) << self.ahead;
        bins
    }

    /// A bin whose less probable symbol has the smallest interval; the bits must be there.
    #[inline(always)]
    fn final_bin(&mut self) -> bool {
        let (excess, doubled) = self.excess.overflowing_sub(1);
        self.ahead -= u32::from(doubled);
        self.excess = excess;
        if self.is_below(excess) {
            return false;
        }
        self.subtract(excess);
        (self.ahead, self.excess) = (self.ahead - 8, 0);
        true
    }
}

impl Input<'_> {
    /// A window with 32 bits more. Rare enough to be kept apart from the code that needs the registers.
    #[cold]
    #[inline(never)]
    fn refilled(&mut self, window: u64) -> u64 {
        let word = match self.data.split_first_chunk() {
            Some((&word, rest)) => {
                self.data = rest;
                u32::from_be_bytes(word)
            }
            None => {
                let byte = |i: usize| u32::from(*self.data.get(i).unwrap_or(&0));
                let word = (0..4).fold(0, |word, i| (word << 8) | byte(i));
                self.beyond += 4 - self.data.len();
                self.data = Default::default();
                word
            }
        };
        (window << 32) | u64::from(word)
    }
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
        let input = Input { data, beyond: 0 };
        let mut store = Store { contexts: ContextSet::default().0, input, error: None };
        let mut engine = Engine { window: 0, ahead: 0, excess: 255 };
        engine.refill(&mut store.input);
        engine.ahead -= 9;
        Self { engine, store }
    }

    /// Whether everything read so far was valid.
    ///
    /// # Errors
    /// The first error that was found, or more than 32 bits were read beyond the end of the data.
    #[inline]
    pub fn check(&self) -> Result<(), Error> {
        if let Some(error) = &self.store.error {
            return Err(error.clone());
        }
        let (beyond, ahead) = (self.store.input.beyond, self.engine.ahead);
        if beyond * 8 > 32 + ahead as usize {
            return Err(Error::Truncated { element: "slice data" });
        }
        Ok(())
    }

    /// Whether nothing read so far depends on what is behind the end of the data.
    pub fn is_within_data(&self) -> bool {
        let (beyond, ahead) = (self.store.input.beyond, self.engine.ahead);
        beyond * 8 <= ahead as usize
    }
}

impl BinCoder for AecReader<'_> {
    const READS: bool = true;

    #[inline(always)]
    fn bin(&mut self, context: usize, _bin: bool) -> bool {
        self.engine.need(&mut self.store.input, MIN_AHEAD);
        self.engine.bin(&mut self.store.contexts[context])
    }

    #[inline(always)]
    fn bypass(&mut self, _bin: bool) -> bool {
        self.engine.bypass(&mut self.store.input)
    }

    #[inline(always)]
    fn bypass_signs(&mut self, count: u32, _bins: u32) -> u32 {
        self.engine.bypass_bins(&mut self.store.input, count)
    }

    #[inline(always)]
    fn final_bin(&mut self, _bin: bool) -> bool {
        self.engine.need(&mut self.store.input, MIN_AHEAD);
        self.engine.final_bin()
    }

    #[inline(always)]
    fn fail(&mut self, error: Error) {
        note(&mut self.store.error, error);
    }

    #[inline(always)]
    fn run<J: LocalJob>(&mut self, job: J) {
        let mut local = LocalReader { engine: self.engine, store: &mut self.store };
        local.engine.fill(&mut local.store.input);
        job.run(&mut local);
        self.engine = local.engine;
    }
}

/// A reader for an inner loop: its engine is a local variable, so that it can stay in registers, which it could not
/// beside contexts with variable index.
struct LocalReader<'s, 'a> {
    engine: Engine,
    store: &'s mut Store<'a>,
}

#[cold]
#[inline(never)]
fn read_exp_golomb(engine: Engine, store: &mut Store<'_>) -> (Engine, u32) {
    let mut reader = LocalReader { engine, store };
    let value = code_exp_golomb(&mut reader, 0);
    (reader.engine, value)
}

impl BinCoder for LocalReader<'_, '_> {
    const READS: bool = true;

    /// With the context in a register.
    #[inline(always)]
    fn final_or_unary(&mut self, max: u32, _value: u32, context: usize) -> Option<u32> {
        // The first bin consumes 1 bit.
        self.engine.need(&mut self.store.input, 1 + MIN_AHEAD);
        if self.engine.final_bin() {
            return None;
        }
        let mut state = self.store.contexts[context];
        let mut count = 0;
        let mut bin = self.engine.bin(&mut state);
        while !bin {
            count += 1;
            if count == max {
                break;
            }
            self.engine.need(&mut self.store.input, MIN_AHEAD);
            bin = self.engine.bin(&mut state);
        }
        self.store.contexts[context] = state;
        Some(count)
    }

    #[inline(always)]
    fn bin(&mut self, context: usize, _bin: bool) -> bool {
        self.engine.need(&mut self.store.input, MIN_AHEAD);
        self.engine.bin(&mut self.store.contexts[context])
    }

    #[inline(always)]
    fn bypass(&mut self, _bin: bool) -> bool {
        self.engine.bypass(&mut self.store.input)
    }

    #[inline(always)]
    fn bypass_signs(&mut self, count: u32, _bins: u32) -> u32 {
        self.engine.bypass_bins(&mut self.store.input, count)
    }

    #[inline(always)]
    fn final_bin(&mut self, _bin: bool) -> bool {
        self.engine.need(&mut self.store.input, MIN_AHEAD);
        self.engine.final_bin()
    }

    /// With a copy of the engine, so that it stays in registers elsewhere.
    #[inline(always)]
    fn exp_golomb(&mut self, _value: u32) -> u32 {
        let (engine, value) = read_exp_golomb(self.engine, self.store);
        self.engine = engine;
        value
    }

    #[inline(always)]
    fn fail(&mut self, error: Error) {
        note(&mut self.store.error, error);
    }

    #[inline(always)]
    fn run<J: LocalJob>(&mut self, job: J) {
        job.run(self);
    }
}
