//! CUs that are coded again with decisions made before.

use super::chroma::Chroma;
use super::luma::{Luma, Wanted};
use super::node::SavedNode;
use super::{BlockAt, Cu, Search, Tradeoff};
use crate::aec::CostCoder;
use crate::encoder::quantisation::rate::ONE_BIT;
use crate::syntax::{TransformSplit, chroma_to_luma_mode};

/// Sums that are compared were rounded in another order.
const ROUNDING: f64 = 1e-9;

/// A CU and how it is quantised.
#[derive(Clone, Copy)]
pub(super) struct Decision {
    pub cu: Cu,
    /// Factor of lambda.
    pub factor: f64,
}

/// A CU that was coded again.
pub(super) struct Recoded {
    pub decision: Decision,
    pub error: f64,
    /// Has coded the CU.
    pub coder: CostCoder,
}

/// The luma of a CU as it was coded, with what its levels cost.
struct LumaPart {
    luma: Luma,
    error: f64,
    coder: CostCoder,
    saved: SavedNode,
}

/// The chroma of a CU as it was coded.
struct ChromaPart {
    /// Of the prediction.
    luma_mode: u8,
    chroma: Chroma,
    saved: SavedNode,
}

/// What several changes of a CU that is coded from the same states have in common.
pub(super) struct Parts {
    /// The CU that is changed.
    of: Decision,
    /// With its own luma modes and factor.
    luma: Option<LumaPart>,
    /// With its own factor.
    chroma: Vec<ChromaPart>,
}

impl Parts {
    pub(super) fn new(of: Decision) -> Self {
        Self { of, luma: None, chroma: Vec::new() }
    }
}

impl Search<'_> {
    /// The lambda of a CU, whose weighted distortions are not multiplied by their weight.
    pub(super) fn lambda_of(&self, cu: &Cu) -> f64 {
        let weight = self.picture.activity.of(cu.node.at, cu.node.size());
        self.picture.lambda * self.lambda_factor / weight
    }

    /// Codes a CU whose partition and modes are decided; `None` as soon as it is known to cost more than `most`. `parts`
    /// are those of earlier calls from the same states.
    pub(super) fn code_decided(
        &mut self,
        decision: Decision,
        most: f64,
        mut parts: Option<&mut Parts>,
    ) -> Option<Recoded> {
        let Decision { mut cu, factor } = decision;
        let picture = self.picture;
        let weight = picture.activity.of(cu.node.at, cu.node.size());
        let tradeoff = Tradeoff { qp: cu.coded.qp, lambda: self.lambda_of(&cu) * factor };
        let (luma, luma_error, mut coder) = self.luma_again(&decision, tradeoff, parts.as_deref_mut());
        cu.coded.ctp = luma.ctp;
        let mut error = weight * luma_error;
        let lambda = picture.lambda * self.lambda_factor;
        if error + lambda * coder.cost() as f64 / f64::from(ONE_BIT) > most + ROUNDING * most.abs() {
            return None;
        }
        let chroma = self.chroma_again(&decision, tradeoff, parts);
        cu.coded.chroma_mode = chroma.mode;
        cu.coded.ctp |= chroma.ctp << 4;
        self.store_cells(&cu);
        for chroma_error in chroma.errors {
            error += weight * picture.chroma_weight * chroma_error;
        }
        self.writer(&[cu]).code_all_but_luma_levels(&mut coder);
        Some(Recoded { decision: Decision { cu, factor }, error, coder })
    }

    /// The luma of a decided CU, its error, and a coder that has coded its levels.
    fn luma_again(
        &mut self,
        &Decision { mut cu, factor }: &Decision,
        tradeoff: Tradeoff,
        parts: Option<&mut Parts>,
    ) -> (Luma, f64, CostCoder) {
        let (modes, split) = (cu.coded.luma_modes, cu.coded.split);
        let mut wanted = Wanted::with_modes(modes);
        if let Some(parts) = parts.filter(|parts| parts.of.factor == factor) {
            let own = parts.of.cu.coded.luma_modes;
            // The blocks before the first that is changed.
            let same = (0..split.block_count()).take_while(|&i| modes[i] == own[i]).count();
            if same > 0 {
                let of = parts.of;
                let LumaPart { luma, error, coder, saved } =
                    parts.luma.get_or_insert_with(|| self.luma_part(of, tradeoff));
                self.put(cu.node, saved);
                if same == split.block_count() {
                    return (*luma, *error, coder.clone());
                }
                wanted.kept = (same, luma.ctp & ((1 << same) - 1));
            }
        }
        let luma = self.luma(cu.node, split, tradeoff, wanted);
        let error = match split {
            TransformSplit::None => luma.error,
            _ => self.error_at(BlockAt::of(cu.node, 0)),
        };
        cu.coded.ctp = luma.ctp;
        let mut coder = CostCoder::new(self.contexts.clone());
        self.writer(&[cu]).code_luma_levels(&mut coder);
        (luma, error, coder)
    }

    /// The luma of a decided CU, to be put back.
    fn luma_part(&mut self, decision: Decision, tradeoff: Tradeoff) -> LumaPart {
        let (luma, error, coder) = self.luma_again(&decision, tradeoff, None);
        let mut saved = SavedNode::default();
        self.save_planes(decision.cu.node, 0..1, &mut saved);
        LumaPart { luma, error, coder, saved }
    }

    /// The chroma of a decided CU.
    fn chroma_again(
        &mut self,
        &Decision { cu, factor }: &Decision,
        tradeoff: Tradeoff,
        parts: Option<&mut Parts>,
    ) -> Chroma {
        let (mode, luma_mode) = (cu.coded.chroma_mode, cu.coded.luma_modes[0]);
        let predicted = chroma_to_luma_mode(mode, luma_mode);
        let parts = parts.filter(|parts| parts.of.factor == factor);
        let known =
            parts.as_ref().and_then(|parts| parts.chroma.iter().find(|part| part.luma_mode == predicted));
        if let Some(ChromaPart { chroma, saved, .. }) = known {
            self.put(cu.node, saved);
            // The mode that repeats the derived one has no code.
            return Chroma { mode: if predicted == luma_mode { 0 } else { mode }, ..*chroma };
        }
        let chroma = self.chroma(cu.node, luma_mode, tradeoff, Some(mode));
        if let Some(parts) = parts {
            let mut saved = SavedNode::default();
            self.save_planes(cu.node, 1..3, &mut saved);
            parts.chroma.push(ChromaPart { luma_mode: predicted, chroma, saved });
        }
        chroma
    }
}
