//! Bit costs with fixed context states.

use crate::aec::{BinCoder, ContextSet, ctx};

/// Costs of both values of a bin for every context, in 2^-12 bit.
#[derive(Debug, Clone)]
pub(in crate::encoder) struct Costs {
    /// The states that these are the costs of.
    contexts: ContextSet,
    bins: [[u32; 2]; ctx::COUNT],
    /// The same for sums in floating point, which are exact: 24 bits hold those of a group.
    pub(in crate::encoder) rates: [[f32; 2]; ctx::COUNT],
}

/// Cost of a bypass bin.
pub(in crate::encoder) const ONE_BIT: u32 = 1 << crate::aec::COST_BITS;
/// Cost of a final bin that is 0.
pub(in crate::encoder) const FINAL_ZERO: u32 = ONE_BIT / 256;
/// Cost of a final bin that is 1.
pub(in crate::encoder) const FINAL_ONE: u32 = ONE_BIT * 17 / 2;

impl Costs {
    pub(in crate::encoder) fn new(contexts: &ContextSet) -> Self {
        let bins = contexts.costs();
        let rates = bins.map(|costs| costs.map(|cost| cost as f32));
        Self { contexts: contexts.clone(), bins, rates }
    }

    /// Makes these the costs of other states: those in which most contexts are the same take less time than
    /// [`new`](Self::new).
    pub(in crate::encoder) fn follow(&mut self, contexts: &ContextSet) {
        let Self { bins, rates, contexts: before } = self;
        contexts.changes_from(before, |context, costs| {
            bins[context] = costs;
            rates[context] = costs.map(|cost| cost as f32);
        });
        before.clone_from(contexts);
    }

    #[inline(always)]
    pub(in crate::encoder) fn bin(&self, context: usize, bin: bool) -> u32 {
        self.bins[context][usize::from(bin)]
    }

    /// Cost of what `code` codes.
    #[inline]
    pub(in crate::encoder) fn of(&self, code: impl FnOnce(&mut Tally<'_>)) -> u32 {
        let mut tally = Tally { costs: self, total: 0 };
        code(&mut tally);
        tally.total
    }
}

/// Counts bits without adapting contexts.
pub(in crate::encoder) struct Tally<'a> {
    costs: &'a Costs,
    total: u32,
}

impl BinCoder for Tally<'_> {
    const READS: bool = false;

    #[inline(always)]
    fn bin(&mut self, context: usize, bin: bool) -> bool {
        self.total += self.costs.bin(context, bin);
        bin
    }

    #[inline(always)]
    fn bypass(&mut self, bin: bool) -> bool {
        self.total += ONE_BIT;
        bin
    }

    #[inline(always)]
    fn final_bin(&mut self, bin: bool) -> bool {
        self.total += if bin { FINAL_ONE } else { FINAL_ZERO };
        bin
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aec::CostCoder;

    #[test]
    fn costs_follow_states() {
        let mut coder = CostCoder::new(ContextSet::default());
        let mut costs = Costs::new(&ContextSet::default());
        for i in 0..40 {
            coder.bin(i * 37 % ctx::COUNT, i % 3 == 0);
            coder.bin(ctx::COUNT - 1, i % 5 == 0);
            let contexts = coder.clone().into_contexts();
            costs.follow(&contexts);
            let new = Costs::new(&contexts);
            assert_eq!((costs.bins, costs.rates), (new.bins, new.rates));
        }
    }
}
