//! Context states (31) and their list (35).

/// First index of each group of contexts (table of docs/spec/avs2#a35).
pub mod ctx {
    /// `cu_type_index`.
    pub const CU_TYPE: usize = 0;
    /// `shape_of_partition_index`.
    pub const SHAPE: usize = CU_TYPE + 5;
    /// `b_pu_type_index`, `f_pu_type_index`, `dir_multi_hypothesis_mode`.
    pub const PU_TYPE: usize = SHAPE + 2;
    /// `b_pu_type_min_index`.
    pub const PU_TYPE_MIN: usize = PU_TYPE + 15;
    /// `cu_subtype_index`.
    pub const SUBTYPE: usize = PU_TYPE_MIN + 2;
    /// `weighted_skip_mode`.
    pub const WEIGHTED_SKIP: usize = SUBTYPE + 4;
    /// `pu_reference_index`.
    pub const REFERENCE: usize = WEIGHTED_SKIP + 3;
    /// Motion vector differences: 0..=2 horizontal, 3..=5 vertical.
    pub const MVD: usize = REFERENCE + 3;
    /// `split_flag`.
    pub const SPLIT: usize = MVD + 6;
    /// `transform_split_flag`.
    pub const TRANSFORM_SPLIT: usize = SPLIT + 3;
    /// `intra_pu_type_index`.
    pub const INTRA_PARTITION: usize = TRANSFORM_SPLIT + 3;
    /// `intra_luma_pred_mode`.
    pub const LUMA_MODE: usize = INTRA_PARTITION + 1;
    /// `intra_chroma_pred_mode`.
    pub const CHROMA_MODE: usize = LUMA_MODE + 7;
    /// `ctp_y`, `ctp_uv`, `ctp_zero_flag`.
    pub const CTP: usize = CHROMA_MODE + 3;
    /// `cu_qp_delta`.
    pub const QP_DELTA: usize = CTP + 9;
    /// Position of the last coefficient group.
    pub const LAST_CG: usize = QP_DELTA + 4;
    /// `nonzero_cg_flag`.
    pub const NONZERO_CG: usize = LAST_CG + 12;
    /// `last_coeff_pos_x`, `last_coeff_pos_y`.
    pub const LAST_POS: usize = NONZERO_CG + 3;
    /// `coeff_level_minus1_pos_in_band`.
    pub const LEVEL: usize = LAST_POS + 60;
    /// `coeff_run`.
    pub const RUN: usize = LEVEL + 40;
    /// `sao_merge_type_index`.
    pub const SAO_MERGE: usize = RUN + 66;
    /// `sao_mode`.
    pub const SAO_MODE: usize = SAO_MERGE + 3;
    /// `sao_interval_offset_abs`.
    pub const SAO_OFFSET: usize = SAO_MODE + 1;
    /// `alf_lcu_enable_flag`.
    pub const ALF: usize = SAO_OFFSET + 1;
    /// Number of contexts.
    pub const COUNT: usize = ALF + 1;
}

/// One context: bits 0 the more probable symbol, 1..=2 what the adaptation counter lacks of 3, 3..=12 the estimate `lg`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Context(u16);

/// Increase of the estimate after a less probable symbol, by what the counter lacks.
const INCREASE: [u16; 4] = [46, 95, 197, 197];

/// What the first steps add to a context beyond `INCREASE[0]`, with the counter's step.
const EARLY_INCREASE: [u16; 4] = {
    let mut more = [0; 4];
    let mut lacks = 1;
    while lacks < 4 {
        more[lacks] = ((INCREASE[lacks] - INCREASE[0]) << 3) - (1 << 1);
        lacks += 1;
    }
    more
};

/// The bits of the adaptation counter. Soon they are 0 for good.
const COUNTER: u16 = 3 << 1;

impl Context {
    /// lg 1023, mps 0, cyc 0.
    pub(super) const INITIAL: Self = Self(1023 << 3 | COUNTER);

    /// Size of the interval of the less probable symbol, 1..=255.
    #[inline(always)]
    pub(super) fn q(self) -> u32 {
        u32::from(self.0 >> 5)
    }

    /// Not 0 if the other one is in another state.
    #[inline(always)]
    pub(super) fn difference(self, other: Self) -> u16 {
        self.0 ^ other.0
    }

    #[inline(always)]
    pub(super) fn mps(self) -> bool {
        self.0 & 1 == 1
    }

    #[inline(always)]
    pub(super) fn adapt_to_mps(&mut self) {
        if self.0 & COUNTER == 0 {
            self.0 -= ((self.0 >> 8) + (self.0 >> 10)) << 3;
        } else {
            *self = self.adapted_to_early_mps();
        }
    }

    #[cold]
    #[inline(never)]
    fn adapted_to_early_mps(self) -> Self {
        let lg = self.0 >> 3;
        let lacks = (self.0 >> 1 & 3).min(2);
        // The rates are 3, 3, 4, 5.
        let rate = 5 - lacks;
        let lg = lg - (lg >> rate) - (lg >> (rate + 2));
        Self((lg << 3) | (lacks << 1) | (self.0 & 1))
    }

    #[inline(always)]
    pub(super) fn adapt_to_lps(&mut self) {
        let lacks = self.0 & COUNTER;
        let mut sum = self.0 + (INCREASE[0] << 3);
        if lacks != 0 {
            sum += EARLY_INCREASE[usize::from(lacks >> 1)];
        }
        // From 1024 on the estimate is mirrored at 1023.5, and the other symbol is the more probable one.
        self.0 = if sum < 1024 << 3 { sum } else { sum ^ (2047 << 3 | 1) };
    }

    #[inline(always)]
    pub(super) fn adapt(&mut self, bin: bool) {
        if bin == self.mps() { self.adapt_to_mps() } else { self.adapt_to_lps() }
    }
}

/// All contexts of a slice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextSet(pub(super) [Context; ctx::COUNT]);

impl ContextSet {
    /// Takes the states of `split_flag` from others.
    pub(crate) fn take_divisions(&mut self, from: &Self) {
        const DIVISIONS: std::ops::Range<usize> = ctx::SPLIT..ctx::TRANSFORM_SPLIT;
        self.0[DIVISIONS].copy_from_slice(&from.0[DIVISIONS]);
    }
}

impl Default for ContextSet {
    /// The state at the start of a slice.
    fn default() -> Self {
        Self([Context::INITIAL; ctx::COUNT])
    }
}
