//! Picture headers (docs/spec/avs2#a14).

use super::{AlfParameters, PictureWeighting, ReferenceConfigurationSet, SequenceHeader, in_range};
use crate::bitstream::BitCoder;
use crate::{Error, PictureType};

/// Deblocking of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DeblockingParameters {
    /// `alpha_c_offset`, -8..=8.
    pub alpha_c_offset: i8,
    /// `beta_offset`, -8..=8.
    pub beta_offset: i8,
}

/// An intra or inter picture header (tables 14-1 to 14-3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PictureHeader {
    /// How the picture is coded.
    pub picture_type: PictureType,
    /// Informative.
    pub bbv_delay: u32,
    /// `time_code` if it is sent (intra pictures).
    pub time_code: Option<u32>,
    /// Inter pictures refer to the background picture.
    pub background_reference: bool,
    /// Position in coding order, modulo 256.
    pub coding_order: u8,
    /// Temporal layer.
    pub temporal_id: u8,
    /// Only with `low_delay` = 0.
    pub picture_output_delay: u32,
    /// Index of a reference configuration set of the sequence header; `None` if the picture sends its own.
    pub rcs_index: Option<u8>,
    /// The picture's reference configuration set.
    pub references: ReferenceConfigurationSet,
    /// Informative.
    pub bbv_check_times: u32,
    /// A progressive frame.
    pub progressive_frame: bool,
    /// For display.
    pub top_field_first: bool,
    /// For display.
    pub repeat_first_field: bool,
    /// All CUs have the QP of the picture.
    pub fixed_qp: bool,
    /// QP, 0..=63.
    pub qp: u8,
    /// Informative (inter pictures).
    pub random_access_decodable: bool,
    /// `None` switches deblocking off.
    pub deblocking: Option<DeblockingParameters>,
    /// `chroma_quant_param_delta_cb` and `_cr`, -16..=16.
    pub chroma_qp_delta: [i8; 2],
    /// Weighted quantisation, if the picture uses it.
    pub weighting: Option<PictureWeighting>,
    /// Adaptive loop filter.
    pub alf: AlfParameters,
}

impl PictureHeader {
    /// An intra picture header with a fixed QP and deblocking.
    #[must_use]
    pub fn new_intra(qp: u8) -> Self {
        Self {
            picture_type: PictureType::I,
            bbv_delay: 0xFFFF,
            time_code: None,
            background_reference: false,
            coding_order: 0,
            temporal_id: 0,
            picture_output_delay: 0,
            rcs_index: Some(0),
            references: ReferenceConfigurationSet::default(),
            bbv_check_times: 0,
            progressive_frame: true,
            top_field_first: false,
            repeat_first_field: false,
            fixed_qp: true,
            qp,
            random_access_decodable: true,
            deblocking: Some(DeblockingParameters::default()),
            chroma_qp_delta: [0; 2],
            weighting: None,
            alf: AlfParameters::default(),
        }
    }

    /// Whether all CUs are intra coded.
    #[must_use]
    pub fn is_intra(&self) -> bool {
        matches!(self.picture_type, PictureType::I | PictureType::G | PictureType::Gb)
    }

    /// Reads or writes the header after its start code, without `next_start_code()`.
    ///
    /// `intra` tells whether the start code is that of intra pictures. The inter picture types are read as well.
    ///
    /// # Errors
    /// A value is out of range or asks for a feature that is not supported.
    pub fn code<C: BitCoder>(
        &mut self,
        c: &mut C,
        sequence: &SequenceHeader,
        intra: bool,
    ) -> Result<(), Error> {
        self.bbv_delay = c.u("bbv_delay", 32, self.bbv_delay)?;
        if intra {
            self.code_intra_type(c, sequence)?
        } else {
            self.code_inter_type(c, sequence)?
        }
        self.coding_order = c.u("coding_order", 8, self.coding_order.into())? as u8;
        if sequence.temporal_id_enable {
            self.temporal_id = c.u("temporal_id", 3, self.temporal_id.into())? as u8;
        }
        if !sequence.low_delay && self.picture_type != PictureType::Gb {
            let delay = c.ue("picture_output_delay", self.picture_output_delay)?;
            self.picture_output_delay = in_range("picture_output_delay", delay, 0..=63)?;
        }
        if c.flag("use_rcs_flag", self.rcs_index.is_some())? {
            let index = c.u("rcs_index", 5, self.rcs_index.unwrap_or(0).into())? as u8;
            let set = sequence.reference_sets.get(usize::from(index));
            self.references =
                set.ok_or(Error::Invalid { element: "rcs_index", value: index.into() })?.clone();
            self.rcs_index = Some(index);
        } else {
            self.rcs_index = None;
            self.references.code(c)?;
        }
        if sequence.low_delay {
            self.bbv_check_times = c.ue("bbv_check_times", self.bbv_check_times)?;
        }
        self.code_tail(c, sequence, intra)
    }

    fn code_intra_type<C: BitCoder>(&mut self, c: &mut C, sequence: &SequenceHeader) -> Result<(), Error> {
        if c.flag("time_code_flag", self.time_code.is_some())? {
            self.time_code = Some(c.u("time_code", 24, self.time_code.unwrap_or(0))?);
        }
        let is_background = !sequence.background_picture_disable
            && c.flag("background_picture_flag", self.picture_type != PictureType::I)?;
        self.picture_type = if !is_background {
            PictureType::I
        } else if c.flag("background_picture_output_flag", self.picture_type == PictureType::G)? {
            PictureType::G
        } else {
            PictureType::Gb
        };
        Ok(())
    }

    fn code_inter_type<C: BitCoder>(&mut self, c: &mut C, sequence: &SequenceHeader) -> Result<(), Error> {
        let background = !sequence.background_picture_disable;
        let is_s = self.picture_type == PictureType::S;
        let code = match self.picture_type {
            PictureType::B => 2,
            PictureType::F => 3,
            _ => 1,
        };
        self.picture_type = match c.u("picture_coding_type", 2, code)? {
            1 if background && c.flag("background_pred_flag", is_s)? => PictureType::S,
            1 => PictureType::P,
            2 => PictureType::B,
            3 => PictureType::F,
            value => return Err(Error::Invalid { element: "picture_coding_type", value: value.into() }),
        };
        if background && matches!(self.picture_type, PictureType::P | PictureType::F) {
            self.background_reference = c.flag("background_reference_flag", self.background_reference)?;
        }
        Ok(())
    }

    /// Table 14-3.
    fn code_tail<C: BitCoder>(
        &mut self,
        c: &mut C,
        sequence: &SequenceHeader,
        intra: bool,
    ) -> Result<(), Error> {
        self.progressive_frame = c.flag("progressive_frame", self.progressive_frame)?;
        if !self.progressive_frame && !c.flag("picture_structure", true)? {
            return Err(Error::Unsupported { feature: "field coding, picture_structure", value: 0 });
        }
        self.top_field_first = c.flag("top_field_first", self.top_field_first)?;
        self.repeat_first_field = c.flag("repeat_first_field", self.repeat_first_field)?;
        self.fixed_qp = c.flag("fixed_picture_qp_flag", self.fixed_qp)?;
        self.qp = in_range("picture_qp", c.u("picture_qp", 7, self.qp.into())? as u8, 0..=63)?;
        if !intra {
            if self.picture_type != PictureType::B {
                c.u("reserved_bits", 1, 0)?;
            }
            self.random_access_decodable =
                c.flag("random_access_decodable_flag", self.random_access_decodable)?;
        }
        if c.flag("loop_filter_disable_flag", self.deblocking.is_none())? {
            self.deblocking = None;
        } else {
            let deblocking = self.deblocking.get_or_insert_default();
            let explicit = *deblocking != DeblockingParameters::default();
            if c.flag("loop_filter_parameter_flag", explicit)? {
                for (name, offset) in [
                    ("alpha_c_offset", &mut deblocking.alpha_c_offset),
                    ("beta_offset", &mut deblocking.beta_offset),
                ] {
                    *offset = in_range(name, c.se(name, (*offset).into())?, -8..=8)? as i8;
                }
            }
        }
        if !c.flag("chroma_quant_param_disable_flag", self.chroma_qp_delta == [0; 2])? {
            for (name, delta) in ["chroma_quant_param_delta_cb", "chroma_quant_param_delta_cr"]
                .into_iter()
                .zip(&mut self.chroma_qp_delta)
            {
                *delta = in_range(name, c.se(name, (*delta).into())?, -16..=16)? as i8;
            }
        }
        if sequence.weight_quant_enable {
            if c.flag("pic_weight_quant_enable_flag", self.weighting.is_some())? {
                self.weighting.get_or_insert(PictureWeighting::Sequence).code(c)?;
            } else {
                self.weighting = None;
            }
        }
        if sequence.adaptive_loop_filter_enable {
            self.alf.code(c)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bitstream::{BitReader, BitWriter};
    use crate::headers::AlfFilter;

    #[test]
    fn genuine_header() {
        // docs/spec/avs2#a6; the sequence has ALF off here.
        let data = [0x00, 0x00, 0xFF, 0xFF, 0x00, 0x41, 0x92, 0xE6];
        let mut header = PictureHeader::new_intra(0);
        header.code(&mut BitReader::new(&data), &SequenceHeader::new(960, 544, 5), true).unwrap();
        assert_eq!((header.qp, header.fixed_qp, header.rcs_index), (23, true, Some(0)));
        assert_eq!(header.deblocking, Some(DeblockingParameters::default()));
        let mut writer = BitWriter::new();
        header.code(&mut writer, &SequenceHeader::new(960, 544, 5), true).unwrap();
        assert_eq!(writer.finish_unit(), data);
    }

    #[test]
    fn headers_read_back() {
        let mut sequence = SequenceHeader::new(64, 64, 4);
        sequence.background_picture_disable = false;
        sequence.low_delay = false;
        sequence.temporal_id_enable = true;
        sequence.weight_quant_enable = true;
        sequence.adaptive_loop_filter_enable = true;
        for picture_type in [
            PictureType::I,
            PictureType::G,
            PictureType::Gb,
            PictureType::P,
            PictureType::B,
            PictureType::F,
            PictureType::S,
        ] {
            let mut header = PictureHeader::new_intra(45);
            header.picture_type = picture_type;
            let intra = header.is_intra();
            header.time_code = intra.then_some(0x12_3456);
            header.temporal_id = 3;
            header.coding_order = 200;
            header.rcs_index = None;
            header.references.references = vec![1, 5];
            header.picture_output_delay = if picture_type == PictureType::Gb { 0 } else { 63 };
            header.deblocking = Some(DeblockingParameters { alpha_c_offset: -8, beta_offset: 8 });
            header.chroma_qp_delta = [-16, 16];
            header.weighting = Some(PictureWeighting::Sequence);
            header.alf.chroma[0] = Some(AlfFilter([1, 2, 3, 4, 5, 6, 7, 8, 9]));
            let mut writer = BitWriter::new();
            header.code(&mut writer, &sequence, intra).unwrap();
            let mut read = PictureHeader::new_intra(0);
            read.code(&mut BitReader::new(&writer.finish_unit()), &sequence, intra).unwrap();
            assert_eq!(read, header);
        }
    }
}
