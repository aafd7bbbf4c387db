//! Sequence header (docs/spec/avs2#a12) and reference configuration sets (docs/spec/avs2#a14.4).

use super::in_range;
use super::weighting::{DEFAULT_WEIGHTS, WeightMatrices, code_weight_matrices};
use crate::Error;
use crate::bitstream::BitCoder;

/// Which pictures may be referenced, and which are to be removed (table 14-4).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReferenceConfigurationSet {
    /// Later pictures may refer to the picture.
    pub referenced_by_others: bool,
    /// Distances of the reference pictures in coding order, at most 7.
    pub references: Vec<u8>,
    /// Distances of the pictures to remove in coding order, at most 7.
    pub removals: Vec<u8>,
}

/// A sequence header (table 12-1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SequenceHeader {
    /// 0x12 Main picture, 0x20 Main.
    pub profile_id: u8,
    /// Level, for instance 0x42 for level 6.2.
    pub level_id: u8,
    /// Only progressive frames.
    pub progressive_sequence: bool,
    /// Width to show, in luma samples.
    pub horizontal_size: u16,
    /// Height to show, in luma samples.
    pub vertical_size: u16,
    /// 1 square samples, 2 display 4:3, 3 16:9, 4 2.21:1.
    pub aspect_ratio: u8,
    /// Index of the frame rate; 0 is unknown.
    pub frame_rate_code: u8,
    /// In units of 400 bit/s; 0 is unknown.
    pub bit_rate: u32,
    /// No reordering of pictures.
    pub low_delay: bool,
    /// Picture headers carry a temporal layer.
    pub temporal_id_enable: bool,
    /// Buffer size; informative.
    pub bbv_buffer_size: u32,
    /// log2 of the size of the LCU: 4, 5 or 6.
    pub lcu_size_log2: u8,
    /// Weighted quantisation may be used.
    pub weight_quant_enable: bool,
    /// Weighting matrices of the sequence if they are sent.
    pub weight_matrices: Option<WeightMatrices>,
    /// No G, GB and S pictures.
    pub background_picture_disable: bool,
    /// F pictures have multi-hypothesis skip modes.
    pub multi_hypothesis_skip_enable: bool,
    /// F pictures have dual hypothesis prediction.
    pub dual_hypothesis_prediction_enable: bool,
    /// F pictures have weighted skip modes.
    pub weighted_skip_enable: bool,
    /// Asymmetric motion partitions.
    pub asymmetric_motion_partitions_enable: bool,
    /// Non-square transform blocks in inter CUs (NSQT).
    pub nonsquare_quadtree_transform_enable: bool,
    /// Non-square intra prediction blocks (SDIP).
    pub nonsquare_intra_prediction_enable: bool,
    /// Secondary transform of intra luma blocks.
    pub secondary_transform_enable: bool,
    /// Sample adaptive offset.
    pub sample_adaptive_offset_enable: bool,
    /// Adaptive loop filter.
    pub adaptive_loop_filter_enable: bool,
    /// Progressive motion vector resolution.
    pub pmvr_enable: bool,
    /// Reference configuration sets, at most 32.
    pub reference_sets: Vec<ReferenceConfigurationSet>,
    /// Delay of the output in pictures; 0 with `low_delay`.
    pub output_reorder_delay: u8,
    /// Loop filters use samples across slice boundaries.
    pub cross_slice_loop_filter_enable: bool,
}

impl SequenceHeader {
    /// A header for progressive 8-bit pictures of the given size with every tool off.
    #[must_use]
    pub fn new(horizontal_size: u16, vertical_size: u16, lcu_size_log2: u8) -> Self {
        Self {
            profile_id: 0x20,
            level_id: 0x42,
            progressive_sequence: true,
            horizontal_size,
            vertical_size,
            aspect_ratio: 1,
            frame_rate_code: 0,
            bit_rate: 0,
            low_delay: true,
            temporal_id_enable: false,
            bbv_buffer_size: 0,
            lcu_size_log2,
            weight_quant_enable: false,
            weight_matrices: None,
            background_picture_disable: true,
            multi_hypothesis_skip_enable: false,
            dual_hypothesis_prediction_enable: false,
            weighted_skip_enable: false,
            asymmetric_motion_partitions_enable: false,
            nonsquare_quadtree_transform_enable: false,
            nonsquare_intra_prediction_enable: false,
            secondary_transform_enable: false,
            sample_adaptive_offset_enable: false,
            adaptive_loop_filter_enable: false,
            pmvr_enable: false,
            reference_sets: vec![ReferenceConfigurationSet::default()],
            output_reorder_delay: 0,
            cross_slice_loop_filter_enable: true,
        }
    }

    /// Width of the coded picture in luma samples, a multiple of 8.
    #[must_use]
    pub fn coded_width(&self) -> usize {
        usize::from(self.horizontal_size).next_multiple_of(8)
    }

    /// Height of the coded picture in luma samples, a multiple of 8.
    #[must_use]
    pub fn coded_height(&self) -> usize {
        usize::from(self.vertical_size).next_multiple_of(8)
    }

    /// The matrices that pictures use with `pic_weight_quant_data_index` 0 (docs/spec/avs2#a15.1).
    #[must_use]
    pub fn weights(&self) -> &WeightMatrices {
        self.weight_matrices.as_ref().unwrap_or(&DEFAULT_WEIGHTS)
    }

    /// Reads or writes the header after its start code, without `next_start_code()`.
    ///
    /// # Errors
    /// A value is out of range or asks for a feature that is not supported.
    pub fn code<C: BitCoder>(&mut self, c: &mut C) -> Result<(), Error> {
        self.profile_id = c.u("profile_id", 8, self.profile_id.into())? as u8;
        self.level_id = c.u("level_id", 8, self.level_id.into())? as u8;
        self.progressive_sequence = c.flag("progressive_sequence", self.progressive_sequence)?;
        if c.flag("field_coded_sequence", false)? {
            return Err(Error::Unsupported { feature: "field coding, field_coded_sequence", value: 1 });
        }
        self.horizontal_size = c.u("horizontal_size", 14, self.horizontal_size.into())? as u16;
        self.vertical_size = c.u("vertical_size", 14, self.vertical_size.into())? as u16;
        in_range("horizontal_size", self.horizontal_size, 16..=16383)?;
        in_range("vertical_size", self.vertical_size, 16..=16383)?;
        match c.u("chroma_format", 2, 1)? {
            1 => {}
            0 => return Err(Error::Unsupported { feature: "4:0:0 samples, chroma_format", value: 0 }),
            value => return Err(Error::Invalid { element: "chroma_format", value: value.into() }),
        }
        let sample_precision = c.u("sample_precision", 3, 1)?;
        let encoding_precision = if self.profile_id == 0x22 { c.u("encoding_precision", 3, 1)? } else { 1 };
        for (element, feature, value) in [
            ("sample_precision", "10-bit samples, sample_precision", sample_precision),
            ("encoding_precision", "10-bit coding, encoding_precision", encoding_precision),
        ] {
            match value {
                1 => {}
                2 => return Err(Error::Unsupported { feature, value: 2 }),
                value => return Err(Error::Invalid { element, value: value.into() }),
            }
        }
        self.aspect_ratio = c.u("aspect_ratio", 4, self.aspect_ratio.into())? as u8;
        self.frame_rate_code = c.u("frame_rate_code", 4, self.frame_rate_code.into())? as u8;
        let lower = c.u("bit_rate_lower", 18, self.bit_rate & 0x3_FFFF)?;
        c.marker()?;
        self.bit_rate = (c.u("bit_rate_upper", 12, self.bit_rate >> 18)? << 18) | lower;
        self.low_delay = c.flag("low_delay", self.low_delay)?;
        c.marker()?;
        self.temporal_id_enable = c.flag("temporal_id_enable_flag", self.temporal_id_enable)?;
        self.bbv_buffer_size = c.u("bbv_buffer_size", 18, self.bbv_buffer_size)?;
        self.lcu_size_log2 =
            in_range("lcu_size", c.u("lcu_size", 3, self.lcu_size_log2.into())? as u8, 4..=6)?;
        self.code_tools(c)?;
        c.marker()?;
        self.code_reference_sets(c)?;
        if !self.low_delay {
            self.output_reorder_delay =
                c.u("output_reorder_delay", 5, self.output_reorder_delay.into())? as u8;
        }
        self.cross_slice_loop_filter_enable =
            c.flag("cross_slice_loopfilter_enable_flag", self.cross_slice_loop_filter_enable)?;
        if !C::READS {
            c.u("reserved_bits", 2, 0)?;
        }
        Ok(())
    }

    fn code_tools<C: BitCoder>(&mut self, c: &mut C) -> Result<(), Error> {
        self.weight_quant_enable = c.flag("weight_quant_enable_flag", self.weight_quant_enable)?;
        if self.weight_quant_enable
            && c.flag("load_seq_weight_quant_data_flag", self.weight_matrices.is_some())?
        {
            code_weight_matrices(c, self.weight_matrices.get_or_insert(DEFAULT_WEIGHTS))?;
        }
        for (name, tool) in [
            ("background_picture_disable_flag", &mut self.background_picture_disable),
            ("multi_hypothesis_skip_enable_flag", &mut self.multi_hypothesis_skip_enable),
            ("dual_hypothesis_prediction_enable_flag", &mut self.dual_hypothesis_prediction_enable),
            ("weighted_skip_enable_flag", &mut self.weighted_skip_enable),
            ("asymmetric_motion_partitions_enable_flag", &mut self.asymmetric_motion_partitions_enable),
            ("nonsquare_quadtree_transform_enable_flag", &mut self.nonsquare_quadtree_transform_enable),
            ("nonsquare_intra_prediction_enable_flag", &mut self.nonsquare_intra_prediction_enable),
            ("secondary_transform_enable_flag", &mut self.secondary_transform_enable),
            ("sample_adaptive_offset_enable_flag", &mut self.sample_adaptive_offset_enable),
            ("adaptive_loop_filter_enable_flag", &mut self.adaptive_loop_filter_enable),
            ("pmvr_enable_flag", &mut self.pmvr_enable),
        ] {
            *tool = c.flag(name, *tool)?;
        }
        Ok(())
    }

    fn code_reference_sets<C: BitCoder>(&mut self, c: &mut C) -> Result<(), Error> {
        let count = c.u("num_of_rcs", 6, self.reference_sets.len() as u32)?;
        in_range("num_of_rcs", count, 0..=32)?;
        self.reference_sets.resize_with(count as usize, ReferenceConfigurationSet::default);
        for set in &mut self.reference_sets {
            set.code(c)?;
        }
        Ok(())
    }
}

impl ReferenceConfigurationSet {
    /// Reads or writes the set.
    ///
    /// # Errors
    /// The data end, or the marker bit is 0.
    pub fn code<C: BitCoder>(&mut self, c: &mut C) -> Result<(), Error> {
        self.referenced_by_others = c.flag("referenced_by_others_flag", self.referenced_by_others)?;
        for (count_name, name, list) in [
            ("num_of_reference_picture", "delta_doi_of_reference_picture", &mut self.references),
            ("num_of_removed_picture", "delta_doi_of_removed_picture", &mut self.removals),
        ] {
            let count = c.u(count_name, 3, list.len() as u32)?;
            list.resize(count as usize, 0);
            for delta in list {
                *delta = c.u(name, 6, (*delta).into())? as u8;
            }
        }
        c.marker()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bitstream::{BitReader, BitWriter};

    /// The header of a genuine still picture (docs/spec/avs2#a6).
    const STILL: [u8; 18] = [
        0x20, 0x42, 0x83, 0xC0, 0x08, 0x81, 0x22, 0x00, 0x00, 0x04, 0x00, 0x30, 0x00, 0x01, 0x5C, 0xAE, 0x08,
        0x0D,
    ];

    fn read(data: &[u8]) -> Result<SequenceHeader, Error> {
        let mut header = SequenceHeader::new(16, 16, 4);
        header.code(&mut BitReader::new(data)).map(|()| header)
    }

    #[test]
    fn genuine_header() {
        let header = read(&STILL).unwrap();
        assert_eq!((header.horizontal_size, header.vertical_size, header.lcu_size_log2), (960, 544, 5));
        assert_eq!((header.frame_rate_code, header.bit_rate, header.bbv_buffer_size), (0, 0, 0));
        assert!(header.low_delay && header.secondary_transform_enable && header.adaptive_loop_filter_enable);
        assert!(!header.sample_adaptive_offset_enable && !header.nonsquare_intra_prediction_enable);
        assert_eq!(header.reference_sets, [ReferenceConfigurationSet::default()]);
        assert!(header.cross_slice_loop_filter_enable);
    }

    #[test]
    fn writing_reads_back() {
        let mut header = read(&STILL).unwrap();
        header.low_delay = false;
        header.output_reorder_delay = 7;
        header.bit_rate = (1 << 30) - 1;
        header.weight_quant_enable = true;
        header.weight_matrices = Some(WeightMatrices { m4: [200; 16], m8: [1; 64] });
        header.reference_sets.push(ReferenceConfigurationSet {
            referenced_by_others: true,
            references: vec![1, 2, 63],
            removals: vec![5],
        });
        let mut writer = BitWriter::new();
        header.code(&mut writer).unwrap();
        assert_eq!(read(&writer.finish_unit()), Ok(header));
    }

    #[test]
    fn every_truncation_is_an_error() {
        for length in 0..STILL.len() - 1 {
            assert!(matches!(read(&STILL[..length]), Err(Error::Truncated { .. })), "{length} bytes");
        }
    }

    #[test]
    fn unsupported_formats_say_so() {
        // Bits 46..48 are chroma_format, then three bits sample_precision.
        let with_bits = |position: usize, count: usize, value: u16| {
            let mut data = STILL;
            for i in 0..count {
                let bit = (value >> (count - 1 - i) & 1) as u8;
                let at = position + i;
                data[at / 8] = (data[at / 8] & !(0x80 >> (at % 8))) | (bit << (7 - at % 8));
            }
            read(&data)
        };
        assert!(matches!(with_bits(17, 1, 1), Err(Error::Unsupported { .. })), "field coding");
        assert!(matches!(with_bits(46, 2, 0), Err(Error::Unsupported { .. })), "4:0:0");
        assert!(matches!(with_bits(46, 2, 2), Err(Error::Invalid { element: "chroma_format", value: 2 })));
        assert!(matches!(with_bits(48, 3, 2), Err(Error::Unsupported { value: 2, .. })), "10 bit");
        assert!(matches!(with_bits(48, 3, 0), Err(Error::Invalid { .. })));
        assert!(matches!(
            with_bits(18, 14, 15),
            Err(Error::Invalid { element: "horizontal_size", value: 15 })
        ));
    }
}
