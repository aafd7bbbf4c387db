//! Costs for encoder decisions (docs/spec/avs2#a36.3).

use std::sync::LazyLock;

use super::BinCoder;
use super::contexts::{Context, ContextSet};
use crate::math;

/// Costs are in units of 2^-`COST_BITS` bit.
pub const COST_BITS: u32 = 12;

const ONE_BIT: u64 = 1 << COST_BITS;

/// Costs of the more and the less probable symbol by interval size.
static COSTS: LazyLock<[[u32; 2]; 256]> = LazyLock::new(|| {
    std::array::from_fn(|q| {
        let q = q.max(1) as f64;
        let mut bits = [0.0; 2];
        for range in 256..512 {
            let range = f64::from(range);
            let t = range - 256.0;
            let lps = if t >= q { q / range } else { (t + q) / (2.0 * range) };
            bits[0] -= math::log2(1.0 - lps);
            bits[1] -= math::log2(lps);
        }
        bits.map(|sum| (sum / 256.0 * ONE_BIT as f64).round() as u32)
    })
});

impl ContextSet {
    /// Costs of the bins 0 and 1 of each context in its current state.
    #[must_use]
    pub fn costs(&self) -> [[u32; 2]; super::ctx::COUNT] {
        let costs = &*COSTS;
        self.0.map(|state| costs_of(costs, state))
    }

    /// Visits contexts whose states are not those of `before`, with their costs.
    pub fn changes_from(&self, before: &Self, mut visit: impl FnMut(usize, [u32; 2])) {
        const AT_A_TIME: usize = 16;
        let costs = &*COSTS;
        for from in (0..super::ctx::COUNT).step_by(AT_A_TIME) {
            let range = from..(from + AT_A_TIME).min(super::ctx::COUNT);
            let (now, before) = (&self.0[range.clone()], &before.0[range]);
            // Comparing all of them, even after a difference, takes a few vectors.
            let differences =
                now.iter().zip(before).fold(0, |all, (now, before)| all | now.difference(*before));
            if differences == 0 {
                continue;
            }
            for (i, (&now, before)) in now.iter().zip(before).enumerate() {
                if now != *before {
                    visit(from + i, costs_of(costs, now));
                }
            }
        }
    }
}

/// Costs of the bins 0 and 1.
#[inline(always)]
fn costs_of(costs: &[[u32; 2]; 256], state: Context) -> [u32; 2] {
    let [more, less] = costs[state.q() as usize];
    if state.mps() { [less, more] } else { [more, less] }
}

/// Counts the bits that a writer would spend; adapts its own contexts.
#[derive(Debug, Clone)]
pub struct CostCoder {
    contexts: ContextSet,
    cost: u64,
    /// Of symbols, so that they need not be asked for at every bin.
    costs: &'static [[u32; 2]; 256],
}

impl CostCoder {
    /// Starts with the given context states.
    #[must_use]
    pub fn new(contexts: ContextSet) -> Self {
        Self { contexts, cost: 0, costs: &COSTS }
    }

    /// Cost so far, in 2^-[`COST_BITS`] bit.
    #[must_use]
    pub fn cost(&self) -> u64 {
        self.cost
    }

    /// The context states after what was coded, without the coder.
    #[must_use]
    pub fn into_contexts(self) -> ContextSet {
        self.contexts
    }
}

impl BinCoder for CostCoder {
    const READS: bool = false;

    #[inline]
    fn bin(&mut self, context: usize, bin: bool) -> bool {
        let state = &mut self.contexts.0[context];
        self.cost += u64::from(self.costs[state.q() as usize & 255][usize::from(bin != state.mps())]);
        state.adapt(bin);
        bin
    }

    #[inline]
    fn bypass(&mut self, bin: bool) -> bool {
        self.cost += ONE_BIT;
        bin
    }

    #[inline]
    fn final_bin(&mut self, bin: bool) -> bool {
        // 0.004 and 8.5 bits
        self.cost += if bin { ONE_BIT * 17 / 2 } else { ONE_BIT / 256 };
        bin
    }
}
