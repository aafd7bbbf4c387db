//! Weighted quantisation data (docs/spec/avs2#a15).

use super::in_range;
use crate::Error;
use crate::bitstream::BitCoder;

/// Weights of coefficients, row by row; 64 is weight one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WeightMatrices {
    /// For 4x4 blocks.
    pub m4: [u8; 16],
    /// For 8x8 blocks; larger blocks repeat its entries.
    pub m8: [u8; 64],
}

/// The matrices of a sequence that sends none (docs/spec/avs2#a15.1).
#[rustfmt::skip]
pub const DEFAULT_WEIGHTS: WeightMatrices = WeightMatrices {
    m4: [
        64, 64, 64, 68,
        64, 64, 68, 72,
        64, 68, 76, 80,
        72, 76, 84, 96,
    ],
    m8: [
         64,  64,  64,  64,  68,  68,  72,  76,
         64,  64,  64,  68,  72,  76,  84,  92,
         64,  64,  68,  72,  76,  80,  88, 100,
         64,  68,  72,  80,  84,  92, 100, 112,
         68,  72,  80,  84,  92, 104, 112, 128,
         76,  80,  84,  92, 104, 116, 132, 152,
         96, 100, 104, 116, 124, 140, 164, 188,
        104, 108, 116, 128, 152, 172, 192, 216,
    ],
};

/// The six parameters of a weighting model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WeightParameters {
    /// `weight_quant_param_index` 0.
    Default,
    /// Index 1: differences to the first base.
    Delta1([i16; 6]),
    /// Index 2: differences to the second base.
    Delta2([i16; 6]),
}

/// Parameters and the map that spreads them over the matrices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WeightModel {
    /// The parameters.
    pub parameters: WeightParameters,
    /// `weight_quant_model`, 0..=3.
    pub model: u8,
}

/// Where the matrices of a picture come from (docs/spec/avs2#a15.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PictureWeighting {
    /// From the sequence header.
    Sequence,
    /// From a model.
    Model(WeightModel),
    /// From the picture header.
    Explicit(WeightMatrices),
}

const BASE1: [i16; 6] = [67, 71, 71, 80, 80, 106];
const BASE2: [i16; 6] = [64, 49, 53, 58, 58, 64];

const MODEL4: [&[u8; 16]; 4] =
    [b"0435421531155555", b"0445322532155555", b"0435432532155555", b"0315342512255555"];

const MODEL8: [&[u8; 64]; 4] = [
    b"0004445500333355032211554322155543115555431555555555555555555555",
    b"0004445500444455032221553322155533215555331555555555555555555555",
    b"0004435500443255044321554432155543215555321555555555555555555555",
    b"0003215500432155044321553333255522225555111555555555555555555555",
];

impl WeightModel {
    /// The matrices (docs/spec/avs2#a15.2).
    ///
    /// # Errors
    /// A parameter lies outside 1..=255.
    pub fn matrices(&self) -> Result<WeightMatrices, Error> {
        let parameters = match self.parameters {
            WeightParameters::Default => BASE2,
            WeightParameters::Delta1(delta) => std::array::from_fn(|i| BASE1[i] + delta[i]),
            WeightParameters::Delta2(delta) => std::array::from_fn(|i| BASE2[i] + delta[i]),
        };
        let mut weights = [0; 6];
        for (weight, parameter) in weights.iter_mut().zip(parameters) {
            *weight = in_range("weight_quant_param", parameter, 1..=255)? as u8;
        }
        let model = usize::from(self.model & 3);
        let weight = |class: u8| weights[usize::from(class - b'0')];
        Ok(WeightMatrices { m4: MODEL4[model].map(weight), m8: MODEL8[model].map(weight) })
    }
}

impl PictureWeighting {
    /// The matrices of the picture.
    ///
    /// # Errors
    /// As [`WeightModel::matrices`].
    pub fn matrices(&self, sequence: &WeightMatrices) -> Result<WeightMatrices, Error> {
        match self {
            Self::Sequence => Ok(*sequence),
            Self::Model(model) => model.matrices(),
            Self::Explicit(matrices) => Ok(*matrices),
        }
    }

    /// Reads or writes table 15-1.
    ///
    /// # Errors
    /// A value is reserved or out of range.
    pub fn code<C: BitCoder>(&mut self, c: &mut C) -> Result<(), Error> {
        let index = match self {
            Self::Sequence => 0,
            Self::Model(_) => 1,
            Self::Explicit(_) => 2,
        };
        let index = c.u("pic_weight_quant_data_index", 2, index)?;
        *self = match (index, *self) {
            (0, _) => Self::Sequence,
            (1, Self::Model(model)) => Self::Model(code_model(c, model)?),
            (1, _) => {
                Self::Model(code_model(c, WeightModel { parameters: WeightParameters::Default, model: 0 })?)
            }
            (2, weighting) => {
                let mut matrices = if let Self::Explicit(m) = weighting { m } else { DEFAULT_WEIGHTS };
                code_weight_matrices(c, &mut matrices)?;
                Self::Explicit(matrices)
            }
            _ => return Err(Error::Invalid { element: "pic_weight_quant_data_index", value: index.into() }),
        };
        Ok(())
    }
}

fn code_model<C: BitCoder>(c: &mut C, value: WeightModel) -> Result<WeightModel, Error> {
    c.u("reserved_bits", 1, 0)?;
    let (index, mut delta) = match value.parameters {
        WeightParameters::Default => (0, [0; 6]),
        WeightParameters::Delta1(delta) => (1, delta),
        WeightParameters::Delta2(delta) => (2, delta),
    };
    let index = c.u("weight_quant_param_index", 2, index)?;
    in_range("weight_quant_param_index", index, 0..=2)?;
    let model = c.u("weight_quant_model", 2, value.model.into())? as u8;
    if index > 0 {
        for delta in &mut delta {
            let value = c.se("weight_quant_param_delta", (*delta).into())?;
            *delta = in_range("weight_quant_param_delta", value, -128..=255)? as i16;
        }
    }
    let parameters = match index {
        0 => WeightParameters::Default,
        1 => WeightParameters::Delta1(delta),
        _ => WeightParameters::Delta2(delta),
    };
    Ok(WeightModel { parameters, model })
}

/// `weight_quant_matrix()` (docs/spec/avs2#a15.1).
pub(super) fn code_weight_matrices<C: BitCoder>(
    c: &mut C,
    matrices: &mut WeightMatrices,
) -> Result<(), Error> {
    for weight in matrices.m4.iter_mut().chain(&mut matrices.m8) {
        let value = c.ue("weight_quant_coeff", (*weight).into())?;
        *weight = in_range("weight_quant_coeff", value, 1..=255)? as u8;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bitstream::{BitReader, BitWriter};

    fn round_trip(mut weighting: PictureWeighting) -> PictureWeighting {
        let mut writer = BitWriter::new();
        weighting.code(&mut writer).unwrap();
        let mut read = PictureWeighting::Sequence;
        read.code(&mut BitReader::new(&writer.finish_unit())).unwrap();
        read
    }

    #[test]
    fn every_source_reads_back() {
        for weighting in [
            PictureWeighting::Sequence,
            PictureWeighting::Model(WeightModel { parameters: WeightParameters::Default, model: 3 }),
            PictureWeighting::Model(WeightModel {
                parameters: WeightParameters::Delta1([-60, 0, 1, 2, 3, 100]),
                model: 1,
            }),
            PictureWeighting::Model(WeightModel {
                parameters: WeightParameters::Delta2([5, -4, 3, -2, 1, 0]),
                model: 2,
            }),
            PictureWeighting::Explicit(WeightMatrices { m4: [255; 16], m8: [1; 64] }),
        ] {
            assert_eq!(round_trip(weighting), weighting);
        }
    }

    #[test]
    fn matrices_of_the_models() {
        let parameters = WeightParameters::Delta1([1, 2, 3, 4, 5, 6]);
        let weights = WeightModel { parameters, model: 0 }.matrices().unwrap();
        // p = 68 73 74 84 85 112
        assert_eq!(weights.m4, [68, 85, 84, 112, 85, 74, 73, 112, 84, 73, 73, 112, 112, 112, 112, 112]);
        assert_eq!(weights.m8[..16], [68, 68, 68, 85, 85, 85, 112, 112, 68, 68, 84, 84, 84, 84, 112, 112]);
        let weights = WeightModel { parameters: WeightParameters::Default, model: 3 }.matrices().unwrap();
        assert_eq!(weights.m4, [64, 58, 49, 64, 58, 58, 53, 64, 49, 53, 53, 64, 64, 64, 64, 64]);
        assert_eq!(weights.m8[24..40], [58, 58, 58, 58, 53, 64, 64, 64, 53, 53, 53, 53, 64, 64, 64, 64]);
    }

    #[test]
    fn default_matrices_are_used_without_sequence_data() {
        let weights = PictureWeighting::Sequence.matrices(&DEFAULT_WEIGHTS).unwrap();
        assert_eq!(weights.m8[3 * 8 + 7], 112);
        assert_eq!(weights.m4[15], 96);
    }

    #[test]
    fn parameters_out_of_range_are_refused() {
        let parameters = WeightParameters::Delta2([-64, 0, 0, 0, 0, 0]);
        assert_eq!(
            WeightModel { parameters, model: 0 }.matrices(),
            Err(Error::Invalid { element: "weight_quant_param", value: 0 })
        );
        let mut writer = BitWriter::new();
        writer.put(2, 3);
        let read = PictureWeighting::Sequence.code(&mut BitReader::new(&writer.finish_unit()));
        assert!(matches!(read, Err(Error::Invalid { value: 3, .. })));
    }
}
