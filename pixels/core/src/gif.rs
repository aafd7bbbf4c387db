//! The coded samples of a GIF picture: LZW, exact or with samples replaced by similar ones where that makes codes longer.

use crate::error::{Result, argument};

/// Codes have at most 12 bits.
const MAX_CODES: usize = 1 << 12;
const MAX_BITS: u32 = 12;
/// Strings of the table that are looked at for one code.
const VISITS: usize = 400;
/// Codes by which a full table is judged, and the percentage of its best that it must keep up.
const JUDGED: usize = 1024;
const KEPT_UP: usize = 92;
/// No string.
const NONE: u16 = u16::MAX;

/// How a picture is coded.
#[derive(Debug, Clone, Copy)]
pub struct LzwOptions<'a> {
    /// Red, green and blue of each index; at least as many as the samples use, at most 256.
    pub colors: &'a [[u8; 3]],
    /// The index that shows nothing; it is never replaced, and never replaces another.
    pub transparent: Option<u8>,
    /// How far a colour may lie from the one that it replaces: the length of the difference of their samples.
    pub tolerance: u32,
}

/// Codes samples as a GIF holds them: the size of codes, sub-blocks, and the empty one at their end.
///
/// Returns the bytes, and the samples that they show.
///
/// # Errors
/// No samples, a sample without a colour, or more than 256 colours.
pub fn encode(samples: &[u8], options: &LzwOptions<'_>) -> Result<(Vec<u8>, Vec<u8>)> {
    if options.colors.is_empty() || options.colors.len() > 256 {
        return Err(argument(format!("a GIF has 1 to 256 colours, not {}", options.colors.len())));
    }
    match samples.iter().max() {
        None => return Err(argument("a GIF without samples")),
        Some(&most) if usize::from(most) >= options.colors.len() => {
            return Err(argument(format!("sample {most} has none of the {} colours", options.colors.len())));
        }
        Some(_) => {}
    }
    let min_bits = usize::BITS - (options.colors.len() - 1).leading_zeros();
    let min_bits = min_bits.clamp(2, 8);
    let similar = Similar::new(options);
    let mut table = Table::new(min_bits);
    let mut out = Bits::new(min_bits as u8);
    let mut shown = Vec::with_capacity(samples.len());
    out.put(table.clear, table.bits);
    let mut before = NONE;
    while shown.len() < samples.len() {
        let found = table.longest(&samples[shown.len()..], &similar);
        out.put(found.node, table.bits);
        let first = table.string(found.node, found.length, &mut shown);
        if before != NONE {
            table.add(before, first);
        }
        before = found.node;
        if table.is_worn(found.length) {
            out.put(table.clear, table.bits);
            table = Table::new(min_bits);
            before = NONE;
        }
    }
    out.put(table.clear + 1, table.bits);
    Ok((out.finish(), shown))
}

/// Which colours may stand for which, and how far they are.
struct Similar {
    squared: Vec<u32>,
    count: usize,
    limit: u32,
}

impl Similar {
    fn new(options: &LzwOptions<'_>) -> Self {
        let count = options.colors.len();
        let mut squared = Vec::with_capacity(count * count);
        for (place, one) in options.colors.iter().enumerate() {
            for (other_place, other) in options.colors.iter().enumerate() {
                let clear = |place: usize| options.transparent.map(usize::from) == Some(place);
                let distance = one.iter().zip(other).map(|(&a, &b)| u32::from(a.abs_diff(b)).pow(2)).sum();
                squared.push(match place == other_place {
                    true => 0,
                    false if clear(place) || clear(other_place) => u32::MAX,
                    // Of equal colours either will do.
                    false => distance,
                });
            }
        }
        Self { squared, count, limit: options.tolerance.saturating_mul(options.tolerance) }
    }

    fn distance(&self, one: u8, other: u8) -> Option<u32> {
        let squared = self.squared[usize::from(one) * self.count + usize::from(other)];
        (squared <= self.limit).then_some(squared)
    }
}

/// A string of the table that stands for the next samples.
#[derive(Clone, Copy)]
struct Found {
    node: u16,
    length: usize,
    error: u64,
}

/// The strings, each a shorter one and a sample.
struct Table {
    parent: Vec<u16>,
    sample: Vec<u8>,
    child: Vec<u16>,
    sibling: Vec<u16>,
    clear: u16,
    bits: u32,
    stack: Vec<Found>,
    /// Codes and samples since a full table was judged, and the most samples of such a round.
    codes: usize,
    covered: usize,
    best: usize,
}

impl Table {
    fn new(min_bits: u32) -> Self {
        let roots = 1_u16 << min_bits;
        let length = usize::from(roots) + 2;
        let mut sample: Vec<u8> = (0..roots).map(|root| root as u8).collect();
        sample.resize(length, 0);
        let mut parent = vec![NONE; length];
        parent.reserve(MAX_CODES);
        Self {
            parent,
            sample,
            child: vec![NONE; length],
            sibling: vec![NONE; length],
            clear: roots,
            bits: min_bits + 1,
            stack: Vec::new(),
            codes: 0,
            covered: 0,
            best: 0,
        }
    }

    /// The longest string for the samples, of equally long ones the nearest, as far as it is looked for.
    fn longest(&mut self, samples: &[u8], similar: &Similar) -> Found {
        let mut stack = std::mem::take(&mut self.stack);
        stack.clear();
        let wanted = samples[0];
        for root in 0..similar.count as u16 {
            if root as u8 != wanted
                && similar.limit > 0
                && let Some(distance) = similar.distance(wanted, root as u8)
            {
                stack.push(Found { node: root, length: 1, error: distance.into() });
            }
        }
        // What is looked at first.
        stack.push(Found { node: wanted.into(), length: 1, error: 0 });
        let mut best = Found { node: wanted.into(), length: 1, error: 0 };
        let mut visits = 0;
        while let Some(here) = stack.pop() {
            if here.length > best.length || (here.length == best.length && here.error < best.error) {
                best = here;
            }
            visits += 1;
            if visits > VISITS && best.length > 1 || here.length == samples.len() {
                break;
            }
            let wanted = samples[here.length];
            let mut exact = None;
            let mut node = self.child[usize::from(here.node)];
            while node != NONE {
                let sample = self.sample[usize::from(node)];
                let length = here.length + 1;
                if sample == wanted {
                    exact = Some(Found { node, length, error: here.error });
                    if similar.limit == 0 {
                        break;
                    }
                } else if similar.limit > 0
                    && let Some(distance) = similar.distance(wanted, sample)
                {
                    stack.push(Found { node, length, error: here.error + u64::from(distance) });
                }
                node = self.sibling[usize::from(node)];
            }
            stack.extend(exact);
        }
        self.stack = stack;
        best
    }

    /// Appends the samples of a string; returns the first.
    fn string(&self, mut node: u16, length: usize, out: &mut Vec<u8>) -> u8 {
        let start = out.len();
        out.resize(start + length, 0);
        for place in out[start..].iter_mut().rev() {
            *place = self.sample[usize::from(node)];
            node = self.parent[usize::from(node)];
        }
        out[start]
    }

    /// Adds the string that decoders add after a code, unless the table is full.
    fn add(&mut self, parent: u16, sample: u8) {
        if self.parent.len() == MAX_CODES {
            return;
        }
        let node = self.parent.len() as u16;
        self.parent.push(parent);
        self.sample.push(sample);
        self.child.push(NONE);
        self.sibling.push(std::mem::replace(&mut self.child[usize::from(parent)], node));
        if self.parent.len() == 1 << self.bits && self.bits < MAX_BITS {
            self.bits += 1;
        }
    }

    /// Takes note of a code; whether a full table covers so much less than it did that a new one is worth its start.
    fn is_worn(&mut self, length: usize) -> bool {
        if self.parent.len() < MAX_CODES {
            return false;
        }
        self.codes += 1;
        self.covered += length;
        if self.codes < JUDGED {
            return false;
        }
        let worn = self.covered * 100 < self.best * KEPT_UP;
        self.best = self.best.max(self.covered);
        (self.codes, self.covered) = (0, 0);
        worn
    }
}

/// Codes of growing length in sub-blocks of at most 255 bytes.
struct Bits {
    head: u8,
    data: Vec<u8>,
    held: u32,
    count: u32,
}

impl Bits {
    fn new(head: u8) -> Self {
        Self { head, data: Vec::new(), held: 0, count: 0 }
    }

    fn put(&mut self, code: u16, bits: u32) {
        self.held |= u32::from(code) << self.count;
        self.count += bits;
        while self.count >= 8 {
            self.data.push(self.held as u8);
            self.held >>= 8;
            self.count -= 8;
        }
    }

    fn finish(mut self) -> Vec<u8> {
        if self.count > 0 {
            self.data.push(self.held as u8);
        }
        let mut out = vec![self.head];
        for block in self.data.chunks(255) {
            out.push(block.len() as u8);
            out.extend_from_slice(block);
        }
        out.push(0);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A decoder as the specification of GIF 89a has it, appendix F.
    fn decode(data: &[u8]) -> Vec<u8> {
        let min_bits = u32::from(data[0]);
        let (mut place, mut bytes) = (1, Vec::new());
        while data[place] != 0 {
            let length = usize::from(data[place]);
            bytes.extend_from_slice(&data[place + 1..place + 1 + length]);
            place += 1 + length;
        }
        assert_eq!(place + 1, data.len());
        let clear = 1_usize << min_bits;
        let roots = || -> Vec<Vec<u8>> {
            (0..clear + 2).map(|root| if root < clear { vec![root as u8] } else { Vec::new() }).collect()
        };
        let (mut table, mut bits, mut before, mut out) = (roots(), min_bits + 1, None, Vec::new());
        let mut at = 0;
        loop {
            let code = (0..bits as usize)
                .map(|bit| usize::from(bytes[(at + bit) / 8] >> ((at + bit) % 8) & 1) << bit)
                .sum::<usize>();
            at += bits as usize;
            if code == clear {
                (table, bits, before) = (roots(), min_bits + 1, None);
                continue;
            }
            if code == clear + 1 {
                return out;
            }
            if let Some(string) = before.take() {
                let mut string: Vec<u8> = string;
                string.push(if code < table.len() { table[code][0] } else { string[0] });
                table.push(string);
                if table.len() == 1 << bits && bits < 12 {
                    bits += 1;
                }
            }
            out.extend_from_slice(&table[code]);
            before = (table.len() < MAX_CODES).then(|| table[code].clone());
        }
    }

    fn samples(count: u32, colors: u32, spread: u32) -> Vec<u8> {
        (0..count)
            .map(|place| ((place / 7 + (place.wrapping_mul(2_654_435_761) >> spread)) % colors) as u8)
            .collect()
    }

    #[test]
    fn comes_back() {
        for colors in [1_usize, 2, 3, 5, 16, 200, 256] {
            let palette: Vec<[u8; 3]> =
                (0..colors).map(|place| [place as u8, (place * 3) as u8, 9]).collect();
            for (count, spread) in [(1, 30), (2, 30), (9000, 31), (60_000, 28)] {
                let wanted = samples(count, colors as u32, spread);
                let options = LzwOptions { colors: &palette, transparent: None, tolerance: 0 };
                let (data, shown) = encode(&wanted, &options).unwrap();
                assert!(shown == wanted && decode(&data) == wanted, "{colors} {count}");
            }
        }
    }

    #[test]
    fn tolerance_shortens_and_is_kept() {
        let palette: Vec<[u8; 3]> = (0..=255).map(|place| [place, place, place]).collect();
        let wanted = samples(40_000, 256, 29);
        let code = |tolerance| {
            encode(&wanted, &LzwOptions { colors: &palette, transparent: Some(3), tolerance }).unwrap()
        };
        let (exact, _) = code(0);
        let (lossy, shown) = code(8);
        assert!(lossy.len() * 10 < exact.len() * 9, "{} of {}", lossy.len(), exact.len());
        assert_eq!(decode(&lossy), shown);
        for (&one, &other) in wanted.iter().zip(&shown) {
            // 8 / sqrt(3) levels.
            assert!(one.abs_diff(other) <= 4);
            assert_eq!(one == 3, other == 3);
        }
    }

    #[test]
    fn refuses_what_has_no_colour() {
        let options = LzwOptions { colors: &[[0; 3]; 2], transparent: None, tolerance: 0 };
        assert!(encode(&[2], &options).is_err());
        assert!(encode(&[], &options).is_err());
        assert!(encode(&[0], &LzwOptions { colors: &[], ..options }).is_err());
    }
}
