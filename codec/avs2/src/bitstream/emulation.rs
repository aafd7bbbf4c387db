//! Pseudo start code bits (docs/spec/avs2#a10.3).

use std::borrow::Cow;

/// Removes the inserted bits of a unit; `value` is the start code value before `payload`.
///
/// The result may have up to seven more zero bits at its end than the unit.
#[must_use]
pub fn remove_pseudo_start_codes(value: u8, payload: &[u8]) -> Cow<'_, [u8]> {
    let mut zeros = u32::from(value == 0);
    let Some(first) = next_removal(payload, 0, &mut zeros) else {
        return Cow::Borrowed(payload);
    };
    let mut out = Vec::with_capacity(payload.len());
    out.extend_from_slice(&payload[..first]);
    // The last `used` bits of `pending` are still to be written.
    let (mut pending, mut used) = (0_u32, 6_u32);
    let mut position = first + 1;
    loop {
        let end = next_removal(payload, position, &mut zeros);
        for &byte in &payload[position..end.unwrap_or(payload.len())] {
            pending = (pending << 8) | u32::from(byte);
            out.push((pending >> used) as u8);
        }
        pending &= (1 << used) - 1;
        let Some(end) = end else { break };
        pending <<= 6;
        used += 6;
        if used >= 8 {
            used -= 8;
            out.push((pending >> used) as u8);
        }
        position = end + 1;
    }
    if used > 0 {
        out.push((pending << (8 - used)) as u8);
    }
    Cow::Owned(out)
}

/// Position of the next byte 02 after two zero bytes.
fn next_removal(payload: &[u8], from: usize, zeros: &mut u32) -> Option<usize> {
    let mut i = from;
    while let Some(&byte) = payload.get(i) {
        if byte == 2 && *zeros >= 2 {
            *zeros = 0;
            return Some(i);
        }
        *zeros = if byte == 0 { *zeros + 1 } else { 0 };
        i += 1;
        if *zeros == 0 {
            i += without_zeros(&payload[i..]);
        }
    }
    None
}

/// Bytes at the start of `data` that are not 0: not all, but whole blocks, which are compared at once.
pub(super) fn without_zeros(data: &[u8]) -> usize {
    let has_none = |block: &&[u8; BLOCK]| !block.iter().fold(false, |found, &byte| found | (byte == 0));
    data.as_chunks::<BLOCK>().0.iter().take_while(has_none).count() * BLOCK
}

const BLOCK: usize = 16;

/// Appends `value` and `payload` with pseudo start code bits inserted, padded with zero bits to a byte.
pub fn insert_pseudo_start_codes(out: &mut Vec<u8>, value: u8, payload: &[u8]) {
    out.push(value);
    let mut zeros = u32::from(value == 0);
    let (mut pending, mut used) = (0_u32, 0_u32);
    let mut left = payload;
    loop {
        while used < 8 {
            let Some((&byte, rest)) = left.split_first() else { break };
            pending = (pending << 8) | u32::from(byte);
            used += 8;
            left = rest;
        }
        if zeros >= 2 && used >= 6 && (pending >> (used - 6)) & 63 == 0 {
            // A last insertion after which no payload bit follows is not needed.
            if used == 6 && left.is_empty() {
                out.push(0);
                return;
            }
            out.push(2);
            used -= 6;
            zeros = 0;
        } else if used >= 8 {
            used -= 8;
            let byte = (pending >> used) as u8;
            out.push(byte);
            zeros = if byte == 0 { zeros + 1 } else { 0 };
        } else {
            if used > 0 {
                let byte = (pending << (8 - used)) as u8;
                out.push(byte);
            }
            return;
        }
        pending &= (1 << used) - 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// docs/spec/avs2#a5.1 (the first byte of each list is the start code value).
    const EXAMPLES: [(&[u8], &[u8]); 4] = [
        (&[0xA5, 0x00, 0x00, 0x01, 0x80], &[0xA5, 0x00, 0x00, 0x02, 0x60, 0x00]),
        (&[0xA5, 0x00, 0x00, 0x03, 0xFF], &[0xA5, 0x00, 0x00, 0x02, 0xFF, 0xC0]),
        (&[0x00, 0x00, 0x00, 0x00, 0x00, 0x80], &[0x00, 0x00, 0x02, 0x00, 0x00, 0x20, 0x00]),
        (&[0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x80], &[0x00, 0x00, 0x02, 0x00, 0x00, 0x02, 0x08, 0x00]),
    ];

    #[test]
    fn examples_of_the_specification() {
        for (payload, stream) in EXAMPLES {
            let mut out = Vec::new();
            insert_pseudo_start_codes(&mut out, payload[0], &payload[1..]);
            assert_eq!(out, stream, "insertion into {payload:02X?}");
            let removed = remove_pseudo_start_codes(stream[0], &stream[1..]);
            assert_eq!(&removed[..payload.len() - 1], &payload[1..], "removal from {stream:02X?}");
            assert!(removed[payload.len() - 1..].iter().all(|&b| b == 0));
        }
    }

    #[test]
    fn round_trip_of_sparse_data() {
        let mut state = 1_u32;
        for length in 0..400 {
            let payload: Vec<u8> = (0..length)
                .map(|_| {
                    state = state.wrapping_mul(1_103_515_245).wrapping_add(12345);
                    if (state >> 20) & 3 == 0 { (state >> 24) as u8 & 3 } else { 0 }
                })
                .collect();
            let mut out = Vec::new();
            insert_pseudo_start_codes(&mut out, 0, &payload);
            assert!(!out.windows(3).any(|w| w[0] == 0 && w[1] == 0 && matches!(w[2], 1 | 3)));
            let removed = remove_pseudo_start_codes(0, &out[1..]);
            assert_eq!(&removed[..payload.len()], &payload);
        }
    }
}
