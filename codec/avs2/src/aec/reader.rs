//! The decoder (32).

use super::BinCoder;
use super::contexts::{Context, ContextSet};
use crate::Error;

/// Decodes the bins of one slice.
#[derive(Debug, Clone)]
pub struct AecReader<'a> {
    data: &'a [u8],
    /// Next byte to load; runs on beyond the end, where zeros are read.
    position: usize,
    /// The offset of clause 32 followed by `ahead` bits of the stream.
    window: u64,
    ahead: u32,
    range: u32,
    contexts: ContextSet,
    error: Option<Error>,
}

/// A bin consumes at most 9 bits.
const MIN_AHEAD: u32 = 9;

impl<'a> AecReader<'a> {
    /// At the start of slice data (32.1); `data` begin at the byte boundary after the slice header.
    #[must_use]
    pub fn new(data: &'a [u8]) -> Self {
        let mut reader = Self {
            data,
            position: 0,
            window: 0,
            ahead: 0,
            range: 511,
            contexts: ContextSet::default(),
            error: None,
        };
        reader.refill();
        reader.ahead -= 9;
        reader
    }

    /// Loads 32 bits.
    #[inline]
    fn refill(&mut self) {
        let word = match self.data.get(self.position..self.position + 4) {
            Some(&[a, b, c, d]) => u32::from_be_bytes([a, b, c, d]),
            _ => self.load_tail(),
        };
        self.position += 4;
        self.window = (self.window << 32) | u64::from(word);
        self.ahead += 32;
    }

    #[cold]
    fn load_tail(&self) -> u32 {
        (0..4).fold(0, |word, i| (word << 8) | u32::from(*self.data.get(self.position + i).unwrap_or(&0)))
    }

    /// Whether everything read so far was valid.
    ///
    /// # Errors
    /// The first error that was found, or more than 32 bits were read beyond the end of the data.
    pub fn check(&self) -> Result<(), Error> {
        if let Some(error) = &self.error {
            return Err(error.clone());
        }
        if self.position * 8 > self.data.len() * 8 + 32 + self.ahead as usize {
            return Err(Error::Truncated { element: "slice data" });
        }
        Ok(())
    }
}

impl BinCoder for AecReader<'_> {
    const READS: bool = true;

    #[inline(always)]
    fn bin(&mut self, context: usize, _bin: bool) -> bool {
        if self.ahead < MIN_AHEAD {
            self.refill();
        }
        let state: &mut Context = &mut self.contexts.0[context];
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
    fn bypass(&mut self, _bin: bool) -> bool {
        if self.ahead < MIN_AHEAD {
            self.refill();
        }
        self.ahead -= 1;
        let scaled = u64::from(self.range) << self.ahead;
        let bin = self.window >= scaled;
        if bin {
            self.window -= scaled;
        }
        bin
    }

    #[inline(always)]
    fn final_bin(&mut self, _bin: bool) -> bool {
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

    #[cold]
    fn fail(&mut self, error: Error) {
        self.error.get_or_insert(error);
    }
}
