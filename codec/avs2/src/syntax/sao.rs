//! Sample adaptive offset data of an LCU (21).

use crate::aec::{BinCoder, ctx};

/// Sample adaptive offset of one component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sao {
    /// No offsets.
    #[default]
    Off,
    /// Offsets by comparison with two neighbours.
    Edge {
        /// 0: 0 degrees, 1: 90, 2: 135, 3: 45.
        direction: u8,
        /// Full valley -1..=6, half valley 0..=1, half peak -1..=0, full peak -6..=1.
        offsets: [i8; 4],
    },
    /// Offsets of four of 32 bands.
    Band {
        /// The bands of offsets 0 and 2, 0..=31; offsets 1 and 3 belong to the bands after them.
        starts: [u8; 2],
        /// -7..=7.
        offsets: [i8; 4],
    },
}

/// Y, Cb, Cr.
pub type SaoLcu = [Sao; 3];

/// Whose parameters are copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SaoMerge {
    /// Nobody's.
    #[default]
    None,
    /// Those of the LCU to the left.
    Left,
    /// Those of the LCU above.
    Up,
}

/// Coded magnitude of a full valley or peak to its offset.
const EDGE_MAP: [i8; 8] = [1, 0, 2, -1, 3, 4, 5, 6];

/// Codes the parameters; `left` and `up` are those of the neighbours in the same slice.
///
/// A writer takes `merge` and, without merge, `value`; a reader ignores both.
pub fn code_sao<C: BinCoder>(
    c: &mut C,
    enabled: [bool; 3],
    left: Option<&SaoLcu>,
    up: Option<&SaoLcu>,
    merge: SaoMerge,
    value: &SaoLcu,
) -> (SaoMerge, SaoLcu) {
    match code_merge(c, left.is_some(), up.is_some(), merge) {
        SaoMerge::Left => (SaoMerge::Left, left.copied().unwrap_or_default()),
        SaoMerge::Up => (SaoMerge::Up, up.copied().unwrap_or_default()),
        SaoMerge::None => {
            let mut result = SaoLcu::default();
            for ((result, value), enabled) in result.iter_mut().zip(value).zip(enabled) {
                if enabled {
                    *result = code_component(c, value);
                }
            }
            (SaoMerge::None, result)
        }
    }
}

fn code_merge<C: BinCoder>(c: &mut C, left: bool, up: bool, merge: SaoMerge) -> SaoMerge {
    let is_left = merge == SaoMerge::Left;
    let is_up = merge == SaoMerge::Up;
    match (left, up) {
        (false, false) => SaoMerge::None,
        (true, false) if c.bin(ctx::SAO_MERGE, is_left) => SaoMerge::Left,
        (false, true) if c.bin(ctx::SAO_MERGE, is_up) => SaoMerge::Up,
        (true, true) if c.bin(ctx::SAO_MERGE + 1, is_left) => SaoMerge::Left,
        (true, true) if c.bin(ctx::SAO_MERGE + 2, is_up) => SaoMerge::Up,
        _ => SaoMerge::None,
    }
}

fn code_component<C: BinCoder>(c: &mut C, value: &Sao) -> Sao {
    if c.bin(ctx::SAO_MODE, *value == Sao::Off) {
        return Sao::Off;
    }
    if c.bypass(matches!(value, Sao::Band { .. })) {
        let (starts, offsets) =
            if let Sao::Band { starts, offsets } = *value { (starts, offsets) } else { ([0; 2], [0; 4]) };
        code_band(c, starts, offsets)
    } else {
        let (direction, offsets) =
            if let Sao::Edge { direction, offsets } = *value { (direction, offsets) } else { (0, [0; 4]) };
        code_edge(c, direction, offsets)
    }
}

fn code_band<C: BinCoder>(c: &mut C, starts: [u8; 2], mut offsets: [i8; 4]) -> Sao {
    for offset in &mut offsets {
        let value = u32::from(offset.unsigned_abs());
        let abs = if c.bin(ctx::SAO_OFFSET, value == 0) {
            0
        } else {
            1 + c.truncated_unary_bypass(6, value.wrapping_sub(1))
        };
        let negative = abs > 0 && c.bypass(*offset < 0);
        *offset = if negative { -(abs as i8) } else { abs as i8 };
    }
    let first = c.bypass_bits_lsb_first(5, starts[0].into());
    let delta = (u32::from(starts[1]).wrapping_sub(u32::from(starts[0])) & 31).wrapping_sub(2);
    let delta = code_band_delta(c, delta);
    let second = (first + delta + 2) & 31;
    Sao::Band { starts: [first as u8, second as u8], offsets }
}

/// `sao_interval_delta_pos_minus2` (table 21-1).
fn code_band_delta<C: BinCoder>(c: &mut C, value: u32) -> u32 {
    for (base, bits) in [(0, 1), (2, 2), (6, 3)] {
        let next = base + (1 << bits);
        if c.bypass(value < next) {
            return base + c.bypass_bits(bits, value.wrapping_sub(base));
        }
    }
    14
}

fn code_edge<C: BinCoder>(c: &mut C, direction: u8, offsets: [i8; 4]) -> Sao {
    let coded = |offset: i8| EDGE_MAP.iter().position(|&o| o == offset).unwrap_or(1) as u32;
    let values = [
        coded(offsets[0]),
        offsets[1].unsigned_abs().into(),
        offsets[2].unsigned_abs().into(),
        coded(-offsets[3]),
    ];
    let mut v = [0_usize; 4];
    for ((v, value), max) in v.iter_mut().zip(values).zip([7, 1, 1, 7]) {
        *v = c.truncated_unary_bypass(max, value) as usize;
    }
    let direction = c.bypass_bits_lsb_first(2, direction.into()) as u8;
    Sao::Edge { direction, offsets: [EDGE_MAP[v[0]], v[1] as i8, -(v[2] as i8), -EDGE_MAP[v[3]]] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aec::{AecReader, AecWriter};

    #[test]
    fn parameters_read_back() {
        let mut all = vec![Sao::Off];
        for direction in 0..4 {
            for full in -1..=6 {
                all.push(Sao::Edge { direction, offsets: [full, (full & 1), -(full & 1), -full] });
            }
        }
        for first in 0..32 {
            for delta in 2..=16 {
                let offset = (first as i8 % 15) - 7;
                let offsets = [offset, -offset, 0, 7];
                all.push(Sao::Band { starts: [first, (first + delta) & 31], offsets });
            }
        }
        let mut writer = AecWriter::new();
        for sao in &all {
            let (_, coded) = code_sao(&mut writer, [true; 3], None, None, SaoMerge::None, &[*sao; 3]);
            assert_eq!(coded, [*sao; 3]);
        }
        let neighbours = [[all[1]; 3], [all[2]; 3]];
        let (left, up) = (Some(&neighbours[0]), Some(&neighbours[1]));
        for (left, up, merge) in
            [(left, up, SaoMerge::Up), (left, None, SaoMerge::Left), (None, up, SaoMerge::Up)]
        {
            code_sao(&mut writer, [true; 3], left, up, merge, &SaoLcu::default());
        }
        writer.final_bin(true);
        let bytes = writer.finish();
        let mut reader = AecReader::new(&bytes);
        let zero = SaoLcu::default();
        for sao in &all {
            let read = code_sao(&mut reader, [true; 3], None, None, SaoMerge::None, &zero);
            assert_eq!(read, (SaoMerge::None, [*sao; 3]));
        }
        for (left, up, merge) in
            [(left, up, SaoMerge::Up), (left, None, SaoMerge::Left), (None, up, SaoMerge::Up)]
        {
            let read = code_sao(&mut reader, [true; 3], left, up, SaoMerge::None, &zero);
            assert_eq!(read, (merge, if merge == SaoMerge::Left { neighbours[0] } else { neighbours[1] }));
        }
        assert!(reader.final_bin(false));
    }
}
