//! Container, sequence header and picture header; nothing is decoded.
#![no_main]

use avs2::SequenceHeader;
use avs2::bitstream::{BitReader, Units, remove_pseudo_start_codes, start_code};
use avs2::headers::PictureHeader;
use libfuzzer_sys::fuzz_target;
use tpg::{Container, Limits};

fuzz_target!(|data: &[u8]| {
    if let Ok(container) = Container::parse(data, &Limits::default()) {
        assert!(!container.frames.is_empty());
        assert!((1..=tpg::MAX_SIDE).contains(&container.header.width));
        assert!((1..=tpg::MAX_SIDE).contains(&container.header.height));
        for frame in &container.frames {
            assert!(!data[frame.colour.clone()].is_empty());
            assert!(frame.alpha.clone().is_none_or(|alpha| !data[alpha].is_empty()));
        }
        assert!(container.exif.clone().is_none_or(|exif| exif.end <= data.len()));
        container.first_picture(data);
    }
    let mut sequence = SequenceHeader::new(64, 64, 6);
    for unit in Units::new(data) {
        let payload = remove_pseudo_start_codes(unit.value, unit.payload);
        let mut reader = BitReader::new(&payload);
        match unit.value {
            start_code::SEQUENCE => {
                let mut read = SequenceHeader::new(64, 64, 6);
                if read.code(&mut reader).is_ok() {
                    sequence = read;
                }
            }
            start_code::INTRA_PICTURE | start_code::INTER_PICTURE => {
                let intra = unit.value == start_code::INTRA_PICTURE;
                let _ = PictureHeader::new_intra(0).code(&mut reader, &sequence, intra);
            }
            _ => {}
        }
    }
});
