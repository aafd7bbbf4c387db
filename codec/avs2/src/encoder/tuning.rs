//! What is made of the options in stills and in animations.

use crate::encoder::analysis::perception::{self, Weights};
use crate::encoder::{DrawnRegions, EncoderOptions};
use crate::math;

/// Numbers that the search goes by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tuning<'a> {
    /// How far weights of errors differ from 1.
    pub strength: f32,
    /// Weights of luma by frequency at strength 1.
    pub luma: Weights,
    /// How weights fall with local activity at strength 1.
    pub slope: f32,
    /// Error per bit at the QP of the picture (docs/spec/avs2#b9.2).
    pub lambda: f64,
    /// QP differences of Cb and Cr.
    pub chroma_qp_delta: [i8; 2],
    /// Weight of errors in chroma; follows the quantiser of chroma.
    pub chroma_weight: f64,
    /// Sample adaptive offset, where the effort has it.
    pub sao: UseOfSao,
    /// The drawn regions, if they count.
    pub drawn: Option<&'a DrawnRegions>,
}

/// Where sample adaptive offset pays: in photographs it lowers squared errors and nothing that is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UseOfSao {
    Nowhere,
    DrawnRegions,
    Everywhere,
}

/// Constants found by measuring (`docs/inside/encoder.md`, `docs/format/animation.md`).
struct Constants {
    /// Strength at `perceptual` 1.
    strength: f32,
    luma: Weights,
    slope: f32,
    /// Lambda at QP 11.
    lambda: f64,
    chroma_qp_delta: i8,
    /// Weight of errors in chroma at strength 1, beside the weights by frequency.
    chroma_weight: f64,
    sao: bool,
}

const STILL: Constants = Constants {
    strength: 1.4,
    luma: perception::STILL_LUMA,
    slope: 0.17,
    lambda: 0.64,
    chroma_qp_delta: -5,
    chroma_weight: 0.75,
    sao: false,
};
/// Photographs at efforts that refine. These find more that costs little by the weights; with as strong ones that would
/// be more of the detail than HEIC loses at equal bytes, and Butteraugli sees it.
const REFINED_STILL: Constants =
    Constants { strength: 1.1, luma: perception::REFINED_LUMA, slope: 0.15, ..STILL };
/// Photographs at efforts that search nodes several times: these keep more detail at the same weights.
const ATTEMPTED_STILL: Constants =
    Constants { luma: perception::ATTEMPTED_LUMA, slope: 0.17, ..REFINED_STILL };
/// Stills that are mostly drawn.
const DRAWN_STILL: Constants =
    Constants { strength: 1.0, luma: perception::DRAWN_LUMA, lambda: 0.5, ..STILL };
const ANIMATION: Constants = Constants {
    strength: 2.0,
    luma: perception::ANIMATION_LUMA,
    slope: 0.1,
    lambda: 0.52,
    chroma_qp_delta: -5,
    chroma_weight: 0.8,
    sao: true,
};
/// Without QP differences of chroma, the weight of its errors stands in for them.
const GENUINE_STILL: Constants = Constants { chroma_qp_delta: 0, chroma_weight: 1.3, ..STILL };
const GENUINE_REFINED_STILL: Constants =
    Constants { chroma_qp_delta: 0, chroma_weight: 1.4, ..REFINED_STILL };
const GENUINE_ATTEMPTED_STILL: Constants =
    Constants { chroma_qp_delta: 0, chroma_weight: 1.4, ..ATTEMPTED_STILL };
const GENUINE_DRAWN_STILL: Constants = Constants { chroma_qp_delta: 0, chroma_weight: 1.24, ..DRAWN_STILL };
const GENUINE_ANIMATION: Constants =
    Constants { lambda: 0.56, chroma_qp_delta: 0, chroma_weight: 1.2, ..ANIMATION };

impl<'a> Tuning<'a> {
    /// `animation` tells whether the picture belongs to one; `drawn` are the drawn regions of a still.
    pub fn new(options: &EncoderOptions, animation: bool, drawn: Option<&'a DrawnRegions>) -> Self {
        let drawn = drawn.filter(|_| options.perceptual > 0.0 && !animation);
        let mostly_drawn = drawn.is_some_and(DrawnRegions::mostly);
        let effort = options.effort();
        let [full, genuine] = if animation {
            [ANIMATION, GENUINE_ANIMATION]
        } else if mostly_drawn {
            [DRAWN_STILL, GENUINE_DRAWN_STILL]
        } else if effort.attempts.iter().any(|&attempts| attempts > 1) {
            [ATTEMPTED_STILL, GENUINE_ATTEMPTED_STILL]
        } else if effort.refinement.is_some() {
            [REFINED_STILL, GENUINE_REFINED_STILL]
        } else {
            [STILL, GENUINE_STILL]
        };
        let constants = if options.tools.tools().chroma_qp_delta { full } else { genuine };
        let strength = options.perceptual * constants.strength;
        let default = if options.perceptual > 0.0 { constants.chroma_qp_delta } else { 0 };
        let chroma_qp_delta = options.chroma_qp_delta_or(default);
        let [cb, cr] = chroma_qp_delta.map(f64::from);
        Self {
            strength,
            luma: constants.luma,
            slope: constants.slope,
            lambda: constants.lambda * math::exp2((options.exact_qp() - 11.0) / 4.0),
            chroma_qp_delta,
            chroma_weight: math::pow(constants.chroma_weight, strength.into()) * math::exp2(-(cb + cr) / 8.0),
            sao: match drawn {
                _ if constants.sao || options.perceptual == 0.0 => UseOfSao::Everywhere,
                Some(_) => UseOfSao::DrawnRegions,
                None => UseOfSao::Nowhere,
            },
            drawn,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoder::ToolSet;

    #[test]
    fn chroma_qps_differ_only_where_they_may() {
        let deltas = |tools, perceptual, chroma_qp_delta, animation| {
            let options = EncoderOptions { tools, perceptual, chroma_qp_delta, ..EncoderOptions::default() };
            Tuning::new(&options, animation, None).chroma_qp_delta
        };
        for animation in [false, true] {
            assert_eq!(deltas(ToolSet::Genuine, 1.0, None, animation), [0, 0]);
            assert_eq!(deltas(ToolSet::Full, 0.0, None, animation), [0, 0]);
            assert_eq!(deltas(ToolSet::Full, 1.0, Some([3, 3]), animation), [3, 3]);
        }
        assert_eq!(deltas(ToolSet::Full, 1.0, None, false), [-5, -5]);
        assert_eq!(deltas(ToolSet::Full, 1.0, None, true), [-5, -5]);
    }

    #[test]
    fn chroma_qps_stay_in_range() {
        for qp in 0..=63 {
            let options = EncoderOptions { qp, tools: ToolSet::Full, ..EncoderOptions::default() };
            let [cb, cr] = Tuning::new(&options, true, None).chroma_qp_delta;
            assert_eq!((cb, cr), (cb.max(-5), cb));
            assert_eq!(qp as i8 + cb, (qp as i8 - 5).max(0));
        }
    }

    #[test]
    fn without_perception_all_errors_weigh_the_same() {
        let options = EncoderOptions { perceptual: 0.0, ..EncoderOptions::default() };
        for animation in [false, true] {
            let tuning = Tuning::new(&options, animation, None);
            assert_eq!((tuning.strength, tuning.chroma_weight), (0.0, 1.0));
        }
    }

    #[test]
    fn photographs_are_weighed_less_strongly_where_they_are_refined() {
        let drawn = DrawnRegions::new(64, vec![true], true);
        for tools in [ToolSet::Full, ToolSet::Genuine] {
            let tuned = |effort, animation, drawn| {
                let options = EncoderOptions { effort, tools, ..EncoderOptions::default() };
                let tuning = Tuning::new(&options, animation, drawn);
                (tuning.strength, tuning.slope, tuning.chroma_qp_delta)
            };
            assert!(tuned(6, false, None).0 < tuned(5, false, None).0);
            assert_eq!(tuned(6, false, None), tuned(7, false, None));
            assert_eq!(tuned(8, false, None), tuned(9, false, None));
            assert!(tuned(7, false, None).1 < tuned(8, false, None).1);
            assert_eq!(tuned(0, false, None), tuned(5, false, None));
            assert_eq!(tuned(6, true, None), tuned(5, true, None));
            assert_eq!(tuned(6, false, drawn.as_ref()), tuned(5, false, drawn.as_ref()));
        }
    }

    #[test]
    fn drawn_regions_count_in_stills_that_are_to_be_seen() {
        let drawn = DrawnRegions::new(64, vec![true], true);
        let tuned = |perceptual, animation| {
            let options = EncoderOptions { perceptual, ..EncoderOptions::default() };
            let tuning = Tuning::new(&options, animation, drawn.as_ref());
            (tuning.drawn.is_some(), tuning.sao)
        };
        assert_eq!(tuned(1.0, false), (true, UseOfSao::DrawnRegions));
        assert_eq!(tuned(0.0, false), (false, UseOfSao::Everywhere));
        assert_eq!(tuned(1.0, true), (false, UseOfSao::Everywhere));
    }
}
