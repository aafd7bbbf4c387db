//! Headers and slices of a picture, written as in genuine files (docs/spec/tpg.md#t4).

use crate::Error;
use crate::aec::AecWriter;
use crate::bitstream::{BitCoder, BitWriter, start_code, write_unit};
use crate::encoder::search::row::Row;
use crate::encoder::write::lcu::CuWriter;
use crate::filter::Geometry;
use crate::headers::{PictureHeader, SequenceHeader, SliceHeader};
use crate::inter::InterTools;
use crate::syntax::{Neighbours, Node, SaoLcu, SliceTools, code_alf_flag, code_end_of_slice, code_sao};

/// The sequence header as a unit. Its last two bits are `01` as in genuine files.
pub(in crate::encoder) fn sequence_unit(sequence: &SequenceHeader) -> Result<Vec<u8>, Error> {
    let mut writer = BitWriter::new();
    sequence.clone().code(&mut writer)?;
    let last = writer.bit_position() - 1;
    let mut bytes = writer.into_bytes();
    bytes[last / 8] |= 0x80 >> (last % 8);
    let mut out = Vec::new();
    write_unit(&mut out, start_code::SEQUENCE, &bytes);
    Ok(out)
}

/// What the slices of a picture have in common.
pub(in crate::encoder) struct SliceSetup<'a> {
    pub sequence: &'a SequenceHeader,
    pub header: &'a PictureHeader,
    pub geometry: Geometry,
    pub tools: SliceTools,
    pub sao_enable: [bool; 3],
    /// In inter pictures.
    pub inter: Option<InterTools>,
    /// LCU rows per slice.
    pub slice_rows: usize,
}

/// The picture header and all slices.
pub(in crate::encoder) fn picture_units(setup: &SliceSetup<'_>, rows: &[Row]) -> Result<Vec<u8>, Error> {
    let mut writer = BitWriter::new();
    let intra = setup.header.is_intra();
    setup.header.clone().code(&mut writer, setup.sequence, intra)?;
    let mut out = Vec::new();
    let value = if intra { start_code::INTRA_PICTURE } else { start_code::INTER_PICTURE };
    write_unit(&mut out, value, &writer.finish_unit());
    for (i, rows) in rows.chunks(setup.slice_rows).enumerate() {
        write_slice(&mut out, setup, i * setup.slice_rows, rows)?;
    }
    Ok(out)
}

fn write_slice(out: &mut Vec<u8>, setup: &SliceSetup<'_>, first: usize, rows: &[Row]) -> Result<(), Error> {
    let SliceSetup { sequence, header, geometry, tools, sao_enable, inter, .. } = setup;
    let mut slice = SliceHeader::new(header, 0, first);
    slice.fixed_qp = tools.fixed_qp;
    slice.qp = tools.slice_qp;
    slice.sao_enable = *sao_enable;
    let value = slice.start_code_value(sequence);
    let mut writer = BitWriter::new();
    slice.code(&mut writer, value, sequence, header)?;
    let mut payload = writer.into_bytes();

    let mut aec = AecWriter::new();
    let mut neighbours = Neighbours::new(geometry.width, tools.slice_qp);
    neighbours.start_slice(tools.slice_qp);
    for (j, row) in rows.iter().enumerate() {
        neighbours.start_row();
        for (i, lcu) in row.lcus.iter().enumerate() {
            if sao_enable.contains(&true) {
                let left: Option<&SaoLcu> = i.checked_sub(1).map(|i| &row.lcus[i].sao);
                let up = j.checked_sub(1).map(|j| &rows[j].lcus[i].sao);
                code_sao(&mut aec, *sao_enable, left, up, lcu.sao_merge, &lcu.sao);
            }
            for c in 0..3 {
                if header.alf.is_enabled(c) {
                    code_alf_flag(&mut aec, lcu.alf[c]);
                }
            }
            let node = Node { at: (i << geometry.lcu_log2, row.y), log2_size: geometry.lcu_log2 };
            let (cus, levels, inter) = (&lcu.cus[..], &lcu.levels[..], inter.as_ref());
            let neighbours = &mut neighbours;
            CuWriter { geometry, tools, inter, neighbours, levels, cus }.code_node(&mut aec, node);
            code_end_of_slice(&mut aec, j + 1 == rows.len() && i + 1 == row.lcus.len());
        }
    }
    payload.extend(aec.finish());
    write_unit(out, value, &payload);
    Ok(())
}
