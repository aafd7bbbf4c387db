//! The encoder (33).

use super::BinCoder;
use super::contexts::ContextSet;
use crate::bitstream::BitWriter;

/// Encodes the bins of one slice.
#[derive(Debug, Clone)]
pub struct AecWriter {
    low: u32,
    range: u32,
    pending: u32,
    first: bool,
    bits: BitWriter,
    contexts: ContextSet,
}

impl Default for AecWriter {
    fn default() -> Self {
        Self::new()
    }
}

impl AecWriter {
    /// At the start of slice data (33.1).
    #[must_use]
    pub fn new() -> Self {
        Self {
            low: 0,
            range: 511,
            pending: 0,
            first: true,
            bits: BitWriter::new(),
            contexts: ContextSet::default(),
        }
    }

    /// Ends the slice data after the final bin 1 (33.5), stuffing included.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        self.put_bit(self.low >> 9);
        self.bits.put(1, (self.low >> 8) & 1);
        self.bits.put(8, 0x80);
        self.bits.finish_unit()
    }

    fn put_bit(&mut self, bit: u32) {
        // The very first bit is always 0 and not written.
        if self.first {
            self.first = false;
        } else {
            self.bits.put(1, bit);
        }
        for _ in 0..self.pending {
            self.bits.put(1, 1 - bit);
        }
        self.pending = 0;
    }

    /// `value` is the doubled low value, 0..=2047.
    #[inline]
    fn shift_in(&mut self, value: u32) {
        if value >= 1024 {
            self.put_bit(1);
            self.low = value - 1024;
        } else if value < 512 {
            self.put_bit(0);
            self.low = value;
        } else {
            self.pending += 1;
            self.low = value - 512;
        }
    }
}

impl BinCoder for AecWriter {
    const READS: bool = false;

    fn bin(&mut self, context: usize, bin: bool) -> bool {
        let state = &mut self.contexts.0[context];
        let (q, mps) = (state.q(), state.mps());
        state.adapt(bin);
        let t = self.range - 256;
        let double = t < q;
        let (r_mps, mut r_lps) = if double { (256 + self.range - q, t + q) } else { (self.range - q, q) };
        if bin == mps {
            if double {
                self.shift_in(2 * self.low);
            }
            self.range = r_mps;
        } else {
            if double {
                self.shift_in(2 * self.low + r_mps);
            } else {
                self.low += r_mps;
            }
            while r_lps < 256 {
                self.shift_in(2 * self.low);
                r_lps *= 2;
            }
            self.range = r_lps;
        }
        bin
    }

    fn bypass(&mut self, bin: bool) -> bool {
        self.shift_in(2 * self.low + if bin { self.range } else { 0 });
        bin
    }

    fn final_bin(&mut self, bin: bool) -> bool {
        let double = self.range == 256;
        let r_mps = if double { 511 } else { self.range - 1 };
        if bin {
            if double {
                self.shift_in(2 * self.low + r_mps);
            } else {
                self.low += r_mps;
            }
            for _ in 0..8 {
                self.shift_in(2 * self.low);
            }
            self.range = 256;
        } else {
            if double {
                self.shift_in(2 * self.low);
            }
            self.range = r_mps;
        }
        bin
    }
}
