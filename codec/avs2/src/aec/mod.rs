//! Advanced entropy coding (docs/spec/avs2#a30 to #a36).
//!
//! The syntax of slice data is written once, generic over [`BinCoder`]. Three coders exist:
//! [`AecReader`] decodes bins, [`AecWriter`] encodes them, [`CostCoder`] counts fractional bits. Every coding function
//! takes the value to code and returns the coded value; a reader ignores what it is given.

mod contexts;
mod cost;
mod reader;
mod writer;

pub use contexts::{ContextSet, ctx};
pub use cost::{COST_BITS, CostCoder};
pub use reader::AecReader;
pub use writer::AecWriter;

use crate::Error;

/// A loop over bins that is worth its own copy of the coder's state; see [`BinCoder::run`].
pub trait LocalJob {
    /// Codes with `c`, which stands for the coder that `run` was called on.
    fn run<C: BinCoder>(self, c: &mut C);
}

/// Codes bins; see the [module documentation](self).
pub trait BinCoder {
    /// Whether bins come from a stream.
    const READS: bool;

    /// A bin with an adaptive context (docs/spec/avs2#a32.2); `context` is an index from [`ctx`].
    fn bin(&mut self, context: usize, bin: bool) -> bool;

    /// An equiprobable bin (docs/spec/avs2#a32.3).
    fn bypass(&mut self, bin: bool) -> bool;

    /// A bin that is almost always 0 (docs/spec/avs2#a32.4).
    fn final_bin(&mut self, bin: bool) -> bool;

    /// Notes that the stream is invalid; the first error counts. Writers ignore it.
    fn fail(&mut self, _error: Error) {}

    /// Runs an inner loop with the coder in its fastest form.
    #[inline(always)]
    fn run<J: LocalJob>(&mut self, job: J)
    where
        Self: Sized,
    {
        job.run(self);
    }

    /// `count` equiprobable bins, most significant first.
    #[inline(always)]
    fn bypass_bits(&mut self, count: u32, value: u32) -> u32 {
        (0..count).rev().fold(0, |sum, i| (sum << 1) | u32::from(self.bypass((value >> i) & 1 == 1)))
    }

    /// `count` equiprobable bins, 1..=16, most significant first.
    #[inline(always)]
    fn bypass_signs(&mut self, count: u32, bins: u32) -> u32 {
        self.bypass_bits(count, bins)
    }

    /// `count` equiprobable bins, least significant first.
    #[inline]
    fn bypass_bits_lsb_first(&mut self, count: u32, value: u32) -> u32 {
        (0..count).fold(0, |sum, i| sum | (u32::from(self.bypass((value >> i) & 1 == 1)) << i))
    }

    /// Truncated unary code: zeros are counted, a one stops (docs/spec/avs2#a2); `context` gives the context of each
    /// bin.
    #[inline(always)]
    fn truncated_unary(&mut self, max: u32, value: u32, context: impl Fn(u32) -> usize) -> u32 {
        let mut count = 0;
        while count < max && !self.bin(context(count), count == value) {
            count += 1;
        }
        count
    }

    /// A bin that tells whether `value` is above `max`, which is not 0; if not, its truncated unary code, whose bins
    /// share a context. Nothing is returned for values above.
    #[inline(always)]
    fn final_or_unary(&mut self, max: u32, value: u32, context: usize) -> Option<u32> {
        if self.final_bin(value > max) { None } else { Some(self.truncated_unary(max, value, |_| context)) }
    }

    /// Truncated unary code of equiprobable bins.
    #[inline]
    fn truncated_unary_bypass(&mut self, max: u32, value: u32) -> u32 {
        let mut count = 0;
        while count < max && !self.bypass(count == value) {
            count += 1;
        }
        count
    }

    /// Exp-Golomb code of order 0 (docs/spec/avs2#a36.1).
    #[inline]
    fn exp_golomb(&mut self, value: u32) -> u32
    where
        Self: Sized,
    {
        code_exp_golomb(self, value)
    }
}

#[inline]
fn code_exp_golomb<C: BinCoder>(c: &mut C, value: u32) -> u32 {
    const MAX_ORDER: u32 = 20;
    let (mut base, mut order) = (0, 0);
    while !c.bypass(value.wrapping_sub(base) < 1 << order) {
        base += 1 << order;
        order += 1;
        if order > MAX_ORDER {
            c.fail(Error::Invalid { element: "zeros before an Exp-Golomb code", value: order.into() });
            return 0;
        }
    }
    base + c.bypass_bits(order, value.wrapping_sub(base))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// docs/spec/avs2#a5.2: context (or 3 for bypass, 4 for final) and bin.
    const VECTOR: [(usize, u8); 36] = [
        (0, 0),
        (0, 0),
        (0, 0),
        (0, 0),
        (0, 0),
        (0, 0),
        (0, 1),
        (0, 1),
        (1, 1),
        (1, 1),
        (1, 1),
        (1, 1),
        (1, 1),
        (3, 1),
        (3, 0),
        (4, 0),
        (1, 0),
        (1, 0),
        (1, 0),
        (0, 0),
        (0, 0),
        (0, 0),
        (0, 0),
        (0, 0),
        (0, 0),
        (0, 0),
        (0, 0),
        (0, 0),
        (0, 0),
        (3, 1),
        (3, 1),
        (3, 1),
        (2, 1),
        (4, 0),
        (2, 0),
        (4, 1),
    ];

    fn code<C: BinCoder>(c: &mut C, kind: usize, bin: bool) -> bool {
        match kind {
            3 => c.bypass(bin),
            4 => c.final_bin(bin),
            context => c.bin(context, bin),
        }
    }

    #[test]
    fn engine_vector_decodes() {
        let mut reader = AecReader::new(&[0x0E, 0xD0, 0xBF, 0x52, 0xEC, 0x00]);
        for (i, (kind, bin)) in VECTOR.into_iter().enumerate() {
            assert_eq!(code(&mut reader, kind, false), bin == 1, "bin {}", i + 1);
        }
        assert_eq!(reader.check(), Ok(()));
    }

    #[test]
    fn engine_vector_encodes() {
        let mut writer = AecWriter::new();
        for (kind, bin) in VECTOR {
            code(&mut writer, kind, bin == 1);
        }
        // 45 bits; the stuffing bit follows.
        assert_eq!(writer.finish(), [0x0E, 0xD0, 0xBF, 0x52, 0xEC, 0x04]);
    }

    #[test]
    fn random_bins_round_trip() {
        let mut state = 7_u32;
        let mut next = |n: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) % n
        };
        for round in 0..20 {
            let bins: Vec<(usize, bool)> = (0..20_000)
                .map(|_| match next(10) {
                    0 => (400, next(2) == 1),
                    1 => (401, next(500) == 0),
                    _ => {
                        let context = next(200);
                        (context as usize, next(context + 2 + round) == 0)
                    }
                })
                .collect();
            let mut writer = AecWriter::new();
            let mut cost = CostCoder::new(ContextSet::default());
            for &(context, bin) in &bins {
                match context {
                    400 => assert_eq!((writer.bypass(bin), cost.bypass(bin)), (bin, bin)),
                    401 => assert_eq!((writer.final_bin(bin), cost.final_bin(bin)), (bin, bin)),
                    context => assert_eq!((writer.bin(context, bin), cost.bin(context, bin)), (bin, bin)),
                }
            }
            writer.exp_golomb(123_456);
            writer.truncated_unary(5, 5, |i| i as usize);
            writer.final_bin(true);
            let bytes = writer.finish();
            let estimate = cost.cost() as f64 / f64::from(1 << COST_BITS) / 8.0;
            let error = (bytes.len() as f64 - estimate).abs() / estimate;
            assert!(error < 0.02, "{} bytes, estimated {estimate}", bytes.len());
            let mut reader = AecReader::new(&bytes);
            for &(context, bin) in &bins {
                let read = match context {
                    400 => reader.bypass(false),
                    401 => reader.final_bin(false),
                    context => reader.bin(context, false),
                };
                assert_eq!(read, bin);
            }
            assert_eq!(reader.exp_golomb(0), 123_456);
            assert_eq!(reader.truncated_unary(5, 0, |i| i as usize), 5);
            assert!(reader.final_bin(false));
            assert_eq!(reader.check(), Ok(()));
        }
    }

    /// What a reader has of its own in inner loops.
    struct SignsAndUnary;

    impl LocalJob for SignsAndUnary {
        fn run<C: BinCoder>(self, c: &mut C) {
            for count in 1..=16 {
                let (signs, rest) = (0x59A3 >> (16 - count), 2 * count - 1);
                assert_eq!(c.bypass_signs(count, signs), signs);
                assert_eq!(c.final_or_unary(31, rest, 5), Some(rest));
                assert_eq!(c.final_or_unary(31, 32, 5), None);
            }
        }
    }

    #[test]
    fn signs_and_unary_codes_round_trip() {
        let mut writer = AecWriter::new();
        writer.run(SignsAndUnary);
        writer.final_bin(true);
        let bytes = writer.finish();
        let mut reader = AecReader::new(&bytes);
        reader.run(SignsAndUnary);
        assert!(reader.final_bin(false));
        assert_eq!(reader.check(), Ok(()));
    }

    #[test]
    fn signs_are_bypass_bins_in_invalid_streams_as_well() {
        for data in [[0xFF; 16], [0xFE; 16], [0; 16], [0x80; 16]] {
            for count in 1..=16 {
                let mut one_by_one = AecReader::new(&data);
                let mut at_once = one_by_one.clone();
                for _ in 0..4 {
                    let bins = (0..count).fold(0, |bins, _| bins << 1 | u32::from(one_by_one.bypass(false)));
                    assert_eq!(at_once.bypass_signs(count, 0), bins, "{count} of {data:x?}");
                    assert_eq!(at_once.bin(3, false), one_by_one.bin(3, false));
                }
            }
        }
    }

    #[test]
    fn long_exp_golomb_prefix_is_an_error() {
        let mut reader = AecReader::new(&[0; 8]);
        reader.exp_golomb(0);
        assert!(matches!(reader.check(), Err(Error::Invalid { .. })));
    }

    #[test]
    fn reading_far_beyond_the_end_is_an_error() {
        let mut reader = AecReader::new(&[0x0E]);
        for _ in 0..64 {
            reader.bypass(false);
        }
        assert!(matches!(reader.check(), Err(Error::Truncated { .. })));
    }
}
