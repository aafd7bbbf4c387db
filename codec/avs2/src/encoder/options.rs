//! Options of the encoder, tool sets and efforts.

use std::ops::RangeInclusive;

use crate::encoder::search::InterEffort;
use crate::encoder::structure::Structure;
use crate::{Error, SimdLevel};

/// Which coding tools may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ToolSet {
    /// Every tool that pays and that Tencent's decoder takes.
    #[default]
    Full,
    /// Exactly the tools that files of Tencent's encoder use.
    Genuine,
}

/// The tools that the sets differ in. To move a tool from one set to the other, change its line in [`ToolSet::tools`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tools {
    /// Short distance intra prediction (SDIP).
    pub sdip: bool,
    /// QP differences of chroma.
    pub chroma_qp_delta: bool,
    /// Offsets of the deblocking thresholds.
    pub deblocking_offsets: bool,
    /// Weighted quantisation.
    pub weighted_quantisation: bool,
    /// More than one slice.
    pub slices: bool,
    /// In F pictures: more references than the picture before, CUs of two blocks, explicit motion with two
    /// hypotheses, split transforms, and weighted skip.
    pub inter: bool,
}

impl ToolSet {
    pub(super) fn tools(self) -> Tools {
        let full = self == Self::Full;
        Tools {
            sdip: full,
            chroma_qp_delta: full,
            deblocking_offsets: full,
            weighted_quantisation: full,
            slices: full,
            inter: full,
        }
    }
}

/// Parts of a QP in [`EncoderOptions::qp_fraction`].
pub const QP_PARTS: i8 = 16;

/// QPs of pictures and of their chroma.
const QPS: RangeInclusive<i8> = 0..=63;

/// Options of [`encode_intra_picture`](crate::encoder::encode_intra_picture).
#[derive(Debug, Clone, PartialEq)]
pub struct EncoderOptions {
    /// QP of the picture, 0..=63; the quantiser step doubles every 8.
    pub qp: u8,
    /// What the QP of an animation is above `qp`, in parts of 1 / [`QP_PARTS`], less than one QP. Pictures have whole QPs,
    /// so stills have none.
    pub qp_fraction: i8,
    /// 0 (fastest) to 9 (smallest).
    pub effort: u8,
    /// Tools to use.
    pub tools: ToolSet,
    /// log2 of the size of LCUs: 5 or 6; `None` leaves the choice to the effort.
    pub lcu_size_log2: Option<u8>,
    /// QP differences of Cb and Cr, -16..=16; `None` is the default of the tool set, as far as QPs of chroma stay within
    /// 0..=63. Without the tool they must be 0. Both must be equal, and the QPs of chroma of every picture within
    /// 0..=63: there are decoders that read other streams differently.
    pub chroma_qp_delta: Option<[i8; 2]>,
    /// How far errors are weighed as they are seen, by frequency, place and component: 0.0 (by their squares alone) to
    /// 2.0; 1.0 is the default.
    pub perceptual: f32,
    /// LCU rows per slice; 0 makes one slice.
    pub slice_rows: usize,
    /// Quantise with the default weighting matrices.
    pub weighted_quantisation: bool,
    /// Instructions to use; every level gives the same bytes.
    pub simd: SimdLevel,
    /// Threads to use; every number gives the same bytes.
    pub threads: usize,
    /// Position in coding order: 1 for the alpha picture of a still, which shares the sequence header.
    pub coding_order: u8,
}

impl Default for EncoderOptions {
    fn default() -> Self {
        Self {
            qp: 32,
            qp_fraction: 0,
            effort: 5,
            tools: ToolSet::Full,
            lcu_size_log2: None,
            chroma_qp_delta: None,
            perceptual: 1.0,
            slice_rows: 0,
            weighted_quantisation: false,
            simd: SimdLevel::Auto,
            threads: 1,
            coding_order: 0,
        }
    }
}

impl EncoderOptions {
    /// # Errors
    /// An option is out of range or not part of the tool set; `animation` allows fractions of QPs.
    pub(super) fn check(&self, animation: bool) -> Result<(), Error> {
        let tools = self.tools.tools();
        let range = |element: &'static str, value: i64, range: RangeInclusive<i64>| {
            if range.contains(&value) { Ok(()) } else { Err(Error::Invalid { element, value }) }
        };
        range("option qp", self.qp.into(), 0..=63)?;
        let greatest = if animation && self.qp < 63 { QP_PARTS - 1 } else { 0 };
        range("option qp_fraction", self.qp_fraction.into(), 0..=greatest.into())?;
        range("option effort", self.effort.into(), 0..=9)?;
        range("option lcu_size_log2", self.lcu_size_log2.unwrap_or(5).into(), 5..=6)?;
        range("option threads", self.threads as i64, 1..=1024)?;
        let perceptual = (f64::from(self.perceptual) * 100.0) as i64;
        range(
            "option perceptual (in hundredths)",
            if self.perceptual.is_nan() { -1 } else { perceptual },
            0..=200,
        )?;
        let greatest = if tools.chroma_qp_delta { 16 } else { 0 };
        for delta in self.chroma_qp_delta.unwrap_or_default() {
            range("option chroma_qp_delta", delta.into(), -greatest..=greatest)?;
        }
        self.check_chroma_qp(if animation { Structure::qps(self.qp) } else { self.qp..=self.qp })?;
        range("option slice_rows", self.slice_rows as i64, 0..=if tools.slices { 1024 } else { 0 })?;
        let weighted = i64::from(self.weighted_quantisation);
        range("option weighted_quantisation", weighted, 0..=i64::from(tools.weighted_quantisation))
    }

    /// QPs of chroma are the same for Cb and Cr, and in range in pictures of all `qps`.
    fn check_chroma_qp(&self, qps: RangeInclusive<u8>) -> Result<(), Error> {
        let Some(delta) = self.chroma_qp_delta else { return Ok(()) };
        for qp in [*qps.start(), *qps.end()] {
            if delta[0] != delta[1] || !QPS.contains(&(qp as i8 + delta[0])) {
                return Err(Error::ChromaQp { qp, delta });
            }
        }
        Ok(())
    }

    /// QP differences of Cb and Cr, where `default` is that of the tool set.
    pub(super) fn chroma_qp_delta_or(&self, default: i8) -> [i8; 2] {
        let qp = self.qp as i8;
        self.chroma_qp_delta.unwrap_or([default.clamp(QPS.start() - qp, QPS.end() - qp); 2])
    }

    /// The QP that lambda goes by.
    pub(super) fn exact_qp(&self) -> f64 {
        f64::from(self.qp) + f64::from(self.qp_fraction) / f64::from(QP_PARTS)
    }

    pub(super) fn inter_effort(&self) -> InterEffort {
        let from = |effort: u8| self.tools.tools().inter && self.effort >= effort;
        InterEffort {
            derived: if self.effort < 3 { 1 } else { 2 },
            transform_split: from(2),
            dual: from(4),
            partitions: from(4),
            multi_hypothesis: from(5),
            quick: self.effort < 6,
        }
    }

    pub(super) fn effort(&self) -> Effort {
        let mut effort = EFFORTS[usize::from(self.effort.min(9))];
        if let Some(lcu_log2) = self.lcu_size_log2 {
            effort.lcu_log2 = lcu_log2;
            effort.max_cu_log2 = effort.max_cu_log2.min(lcu_log2.into());
        }
        effort
    }
}

/// What an effort tries; the table is [`EFFORTS`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Effort {
    /// log2 of the size of LCUs.
    pub lcu_log2: u8,
    /// Costs follow the context states after each node of this size (log2) and each CU above it.
    pub follow_log2: u32,
    /// log2 of the greatest CU tried.
    pub max_cu_log2: u32,
    /// Luma modes with full costs, by log2 of the block size from 4x4 (index 0) to 64x64.
    pub luma_modes: [usize; 5],
    /// Chroma modes with full costs.
    pub chroma_modes: usize,
    /// Angular modes of the first pass are this far apart.
    pub coarse_step: u8,
    /// Four 4x4 blocks in 8x8 CUs.
    pub quarters: bool,
    /// Short distance partitions, if the tool set has them.
    pub sdip: bool,
    /// Luma modes with full costs in blocks of short distance partitions.
    pub strip_modes: usize,
    /// As `coarse_step`, in these blocks.
    pub strip_coarse_step: u8,
    /// An undivided CU is final if its cost per sample is below this multiple of lambda.
    pub stop_cost: f64,
    /// Deblocking offsets compared, if the tool set has them.
    pub deblocking_offsets: usize,
    /// Sample adaptive offset.
    pub sao: bool,
    /// Passes of the adaptive loop filter's estimation; 0 switches it off.
    pub alf_passes: usize,
    /// Coefficients below this part of a step are 0 without further thought.
    pub dead_zone: f32,
    /// Attempts at each node of 16x16, 32x32 and 64x64, of which the best stays; at most as many as `FACTORS` in
    /// `attempts.rs` has.
    pub attempts: [usize; 3],
    /// How 16x16 nodes are refined once they are coded.
    pub refinement: Option<Refinement>,
}

/// Which single decisions are changed, with what follows in the node coded again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Refinement {
    /// Times that all CUs are gone through.
    pub sweeps: usize,
    /// Other luma modes per block.
    pub luma_modes: usize,
    /// Coding again ends as soon as it is this many bits behind.
    pub bits_behind: f64,
}

/// Efforts 0 to 9.
pub(super) const EFFORTS: [Effort; 10] = {
    let base = Effort {
        lcu_log2: 5,
        follow_log2: 5,
        max_cu_log2: 5,
        luma_modes: [1, 1, 1, 1, 1],
        chroma_modes: 1,
        coarse_step: 4,
        quarters: false,
        sdip: false,
        strip_modes: 1,
        strip_coarse_step: 8,
        stop_cost: 0.3,
        deblocking_offsets: 1,
        sao: false,
        alf_passes: 0,
        dead_zone: 0.65,
        attempts: [1; 3],
        refinement: None,
    };
    let e1 = Effort { alf_passes: 1, ..base };
    let e2 = Effort { quarters: true, stop_cost: 0.2, ..e1 };
    let e3 = Effort { luma_modes: [2, 2, 2, 1, 1], chroma_modes: 2, stop_cost: 0.15, ..e2 };
    let e4 = Effort {
        lcu_log2: 6,
        max_cu_log2: 6,
        luma_modes: [3, 3, 3, 3, 2],
        sdip: true,
        deblocking_offsets: 4,
        sao: true,
        alf_passes: 2,
        stop_cost: 0.1,
        dead_zone: 0.6,
        ..e3
    };
    let e5 = Effort {
        luma_modes: [4, 4, 4, 3, 2],
        chroma_modes: 3,
        coarse_step: 2,
        strip_modes: 2,
        strip_coarse_step: 4,
        stop_cost: 0.08,
        dead_zone: 0.5,
        ..e4
    };
    let e6 = Effort {
        follow_log2: 4,
        stop_cost: 0.05,
        alf_passes: 3,
        refinement: Some(Refinement { sweeps: 1, luma_modes: 2, bits_behind: 3.0 }),
        ..e5
    };
    let e7 = Effort {
        follow_log2: 3,
        luma_modes: [5, 5, 4, 3, 2],
        chroma_modes: 5,
        coarse_step: 1,
        strip_modes: 3,
        strip_coarse_step: 1,
        stop_cost: 0.0,
        refinement: Some(Refinement { sweeps: 1, luma_modes: 3, bits_behind: 3.0 }),
        ..e6
    };
    let e8 = Effort { attempts: [1, 2, 1], ..e7 };
    let e9 = Effort {
        luma_modes: [10, 10, 8, 6, 4],
        strip_modes: 6,
        attempts: [2, 3, 1],
        refinement: Some(Refinement { sweeps: 3, luma_modes: 4, bits_behind: 5.0 }),
        ..e8
    };
    [base, e1, e2, e3, e4, e5, e6, e7, e8, e9]
};
