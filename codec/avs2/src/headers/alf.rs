//! Parameters of the adaptive loop filter (docs/spec/avs2#a16).

use super::in_range;
use crate::Error;
use crate::bitstream::BitCoder;

/// Nine coded coefficients: eight symmetric taps and a correction of the centre tap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AlfFilter(pub [i16; 9]);

impl AlfFilter {
    /// The taps as they are used, C0..C8 (docs/spec/avs2#b8.1): C8 makes the sum of all taps 64 plus the coded
    /// correction.
    #[must_use]
    pub fn taps(&self) -> [i16; 9] {
        let mut taps = self.0;
        taps[8] += 64 - 2 * self.0[..8].iter().sum::<i16>();
        taps
    }

    fn code<C: BitCoder>(&mut self, c: &mut C, name: &'static str) -> Result<(), Error> {
        for (i, tap) in self.0.iter_mut().enumerate() {
            let value = c.se(name, (*tap).into())?;
            *tap = in_range(name, value, if i < 8 { -64..=63 } else { -1088..=1071 })? as i16;
        }
        Ok(())
    }
}

/// Filters of a picture (table 16-1).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AlfParameters {
    /// Luma filters with the number of regions from the start of the filter before (0 for the first); empty if luma
    /// is not filtered, at most 16.
    pub luma: Vec<(u8, AlfFilter)>,
    /// Filters of Cb and Cr.
    pub chroma: [Option<AlfFilter>; 2],
}

impl AlfParameters {
    /// Whether component `c` is filtered in the picture.
    #[must_use]
    pub fn is_enabled(&self, c: usize) -> bool {
        if c == 0 { !self.luma.is_empty() } else { self.chroma[c - 1].is_some() }
    }

    /// The luma filter of each of the 16 regions.
    #[must_use]
    pub fn region_filters(&self) -> [u8; 16] {
        let mut filters = [0; 16];
        let mut start = 0;
        for (i, (distance, _)) in self.luma.iter().enumerate() {
            start += usize::from(*distance);
            filters[start.min(16)..].fill(i as u8);
        }
        filters
    }

    /// Reads or writes the parameters.
    ///
    /// # Errors
    /// A value is out of range.
    pub fn code<C: BitCoder>(&mut self, c: &mut C) -> Result<(), Error> {
        let luma = c.flag("picture_alf_enable_flag", self.is_enabled(0))?;
        let mut chroma = [false; 2];
        for (flag, filter) in chroma.iter_mut().zip(&self.chroma) {
            *flag = c.flag("picture_alf_enable_flag", filter.is_some())?;
        }
        if luma {
            let count = c.ue("alf_filter_num_minus1", self.luma.len().saturating_sub(1) as u32)?;
            let count = in_range("alf_filter_num_minus1", count, 0..=15)? as usize + 1;
            self.luma.resize(count, (1, AlfFilter::default()));
            let mut start = 0;
            for (i, (distance, filter)) in self.luma.iter_mut().enumerate() {
                *distance = match (i, count) {
                    (0, _) => 0,
                    (_, 16) => 1,
                    _ => {
                        let value = c.ue("alf_region_distance", (*distance).into())?;
                        in_range("alf_region_distance", value, 1..=15)? as u8
                    }
                };
                start += *distance;
                in_range("sum of alf_region_distance", start, 0..=15)?;
                filter.code(c, "alf_coeff_luma")?;
            }
        } else {
            self.luma.clear();
        }
        for (filter, flag) in self.chroma.iter_mut().zip(chroma) {
            if flag {
                filter.get_or_insert_default().code(c, "alf_coeff_chroma")?;
            } else {
                *filter = None;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bitstream::{BitReader, BitWriter};

    #[test]
    fn parameters_read_back() {
        let filter = |i: i16| AlfFilter([i, -i, 63, -64, 0, 1, 2, 3, 1071 - i]);
        for count in [0, 1, 3, 15, 16] {
            let mut alf = AlfParameters {
                luma: (0..count).map(|i| (u8::from(i > 0), filter(i))).collect(),
                chroma: [None, Some(filter(5))],
            };
            let mut writer = BitWriter::new();
            alf.code(&mut writer).unwrap();
            let mut read = AlfParameters::default();
            read.code(&mut BitReader::new(&writer.finish_unit())).unwrap();
            assert_eq!(read, alf);
        }
    }

    #[test]
    fn regions_between_starts_use_the_earlier_filter() {
        let luma = [0, 4, 5].map(|distance| (distance, AlfFilter::default())).to_vec();
        let alf = AlfParameters { luma, chroma: [None; 2] };
        assert_eq!(alf.region_filters(), [0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2]);
    }

    #[test]
    fn centre_tap() {
        assert_eq!(AlfFilter([1, 2, -3, 4, -2, 1, -1, 5, 2]).taps()[8], 2 + 64 - 14);
    }
}
