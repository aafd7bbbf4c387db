//! What the operations mean, in plain code.
//!
//! "In halves" is said of operations that treat the two halves of a vector as vectors of their own.

use std::array::from_fn;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct U8x16(pub(super) [u8; 16]);
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct U8x32(pub(super) [u8; 32]);
/// Also masks: elements of all ones or all zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct I16x8(pub(super) [i16; 8]);
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct I16x16(pub(super) [i16; 16]);
#[derive(Debug, Clone, Copy)]
pub(crate) struct I32x4([i32; 4]);
#[derive(Debug, Clone, Copy)]
pub(crate) struct I32x8([i32; 8]);
/// Pairs whose elements are multiplied with those of other pairs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pairs4([[i16; 2]; 4]);
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pairs8([[i16; 2]; 8]);
/// Sixteen sums in an order that only [`Sums16::shr_pack`] knows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sums16([i32; 16]);
/// Factors of the samples of two vectors.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BytePair([i8; 2]);
/// Signed bytes by index.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Table16([i8; 16]);
#[derive(Debug, Clone, Copy)]
pub(crate) struct Table32([i8; 32]);

pub(super) fn exist() -> bool {
    false
}

fn dot(a: [i16; 2], b: [i16; 2]) -> i32 {
    (i32::from(a[0]) * i32::from(b[0])).wrapping_add(i32::from(a[1]) * i32::from(b[1]))
}

fn saturate(value: i32) -> i16 {
    value.clamp(-32768, 32767) as i16
}

/// Alternates groups of `group` elements of `a` and `b`, beginning with group `first` of both.
fn zip<T: Copy, const N: usize>(a: [T; N], b: [T; N], group: usize, first: usize) -> [T; N] {
    from_fn(|i| {
        let at = (first + i / group / 2) * group + i % group;
        if (i / group).is_multiple_of(2) { a[at] } else { b[at] }
    })
}

/// [`zip`] in halves.
fn zip_halves(a: [i16; 16], b: [i16; 16], group: usize, first: usize) -> [i16; 16] {
    let half = |v: [i16; 16], h: usize| -> [i16; 8] { from_fn(|i| v[8 * h + i]) };
    let zipped = [0, 1].map(|h| zip(half(a, h), half(b, h), group, first));
    from_fn(|i| zipped[i / 8][i % 8])
}

operations! { U8x16:
    // The bytes of an integer in the order of memory, then zeros.
    fn from_u32(bytes: u32) -> Self = Self::from_u64(u64::from_ne_bytes({
        let b = bytes.to_ne_bytes();
        [b[0], b[1], b[2], b[3], 0, 0, 0, 0]
    }));
    fn from_u64(bytes: u64) -> Self = {
        let bytes = bytes.to_ne_bytes();
        Self(from_fn(|i| if i < 8 { bytes[i] } else { 0 }))
    };
    // The first bytes as an integer.
    fn to_u32(self) -> u32 = u32::from_ne_bytes(from_fn(|i| self.0[i]));
    fn to_u64(self) -> u64 = u64::from_ne_bytes(from_fn(|i| self.0[i]));
    // Without the first bytes; zeros follow.
    fn drop_4(self) -> Self = Self(from_fn(|i| if i < 12 { self.0[i + 4] } else { 0 }));
    fn drop_8(self) -> Self = Self(from_fn(|i| if i < 8 { self.0[i + 8] } else { 0 }));
    fn reverse(self) -> Self = Self(from_fn(|i| self.0[15 - i]));
    // Alternate elements of so many bits of the first or last halves of two vectors.
    fn zip_low_8(self, b: Self) -> Self = Self(zip(self.0, b.0, 1, 0));
    fn zip_low_16(self, b: Self) -> Self = Self(zip(self.0, b.0, 2, 0));
    fn zip_high_16(self, b: Self) -> Self = Self(zip(self.0, b.0, 2, 4));
    fn zip_low_32(self, b: Self) -> Self = Self(zip(self.0, b.0, 4, 0));
    fn zip_high_32(self, b: Self) -> Self = Self(zip(self.0, b.0, 4, 2));
    fn zip_low_64(self, b: Self) -> Self = Self(zip(self.0, b.0, 8, 0));
    fn zip_high_64(self, b: Self) -> Self = Self(zip(self.0, b.0, 8, 1));
    fn widen_low(self) -> I16x8 = I16x8(from_fn(|i| self.0[i].into()));
    fn widen_high(self) -> I16x8 = I16x8(from_fn(|i| self.0[i + 8].into()));
    fn widen(self) -> I16x16 = I16x16(self.0.map(i16::from));
}

operations! { U8x32:
    fn splat(value: u8) -> Self = Self([value; 32]);
    fn add(self, b: Self) -> Self = Self(from_fn(|i| self.0[i].wrapping_add(b.0[i])));
    fn shr<const N>(self) -> Self = Self(self.0.map(|v| v >> N));
    // Adds signed bytes and clamps to 0..=255.
    fn add_signed(self, b: Self) -> Self = Self(from_fn(|i| self.0[i].saturating_add_signed(b.0[i] as i8)));
    // 1, 0 or -1 as signed bytes where `self` is above, equal to or below `b`.
    fn compare(self, b: Self) -> Self = Self(from_fn(|i| self.0[i].cmp(&b.0[i]) as i8 as u8));
}

operations! { I16x8:
    fn splat(value: i16) -> Self = Self([value; 8]);
    // Four elements, as bytes in the order of memory, then zeros.
    fn from_u64(four: u64) -> Self = Self::from_u64s([four, 0]);
    fn from_u64s(fours: [u64; 2]) -> Self = {
        let bytes = fours.map(u64::to_ne_bytes);
        Self(from_fn(|i| i16::from_ne_bytes(from_fn(|k| bytes[i / 4][i % 4 * 2 + k]))))
    };
    fn add(self, b: Self) -> Self = Self(from_fn(|i| self.0[i].wrapping_add(b.0[i])));
    fn sub(self, b: Self) -> Self = Self(from_fn(|i| self.0[i].wrapping_sub(b.0[i])));
    fn mul(self, b: Self) -> Self = Self(from_fn(|i| self.0[i].wrapping_mul(b.0[i])));
    fn max(self, b: Self) -> Self = Self(from_fn(|i| self.0[i].max(b.0[i])));
    fn abs(self) -> Self = Self(self.0.map(i16::wrapping_abs));
    fn shr<const N>(self) -> Self = Self(self.0.map(|v| v >> N));
    fn gt(self, b: Self) -> Self = Self(from_fn(|i| -i16::from(self.0[i] > b.0[i])));
    fn eq(self, b: Self) -> Self = Self(from_fn(|i| -i16::from(self.0[i] == b.0[i])));
    fn and(self, b: Self) -> Self = Self(from_fn(|i| self.0[i] & b.0[i]));
    fn or(self, b: Self) -> Self = Self(from_fn(|i| self.0[i] | b.0[i]));
    // `a` where the mask is set, else `b`.
    fn select(self, a: Self, b: Self) -> Self = Self(from_fn(|i| if self.0[i] == 0 { b.0[i] } else { a.0[i] }));
    // Whether an element is not 0.
    fn any(self) -> bool = self.0 != [0; 8];
    // For each four elements a bit: whether one is not 0.
    fn any_of_fours(self) -> u64 = {
        u64::from(self.0[..4] != [0; 4]) | u64::from(self.0[4..] != [0; 4]) << 1
    };
    // The sum of all; sums of two neighbours must fit into 32 bits.
    fn sum(self) -> i32 = self.0.iter().map(|&v| i32::from(v)).sum();
    // Clamped to 0..=255.
    fn pack_u8(self, b: Self) -> U8x16 = {
        U8x16(from_fn(|i| if i < 8 { self.0[i] } else { b.0[i - 8] }.clamp(0, 255) as u8))
    };
    fn zip_low_64(self, b: Self) -> Self = Self(zip(self.0, b.0, 4, 0));
    fn zip_high_64(self, b: Self) -> Self = Self(zip(self.0, b.0, 4, 1));
    // Exchanges the second and third of each four elements.
    fn swap_middle(self) -> Self = Self(from_fn(|i| self.0[i / 4 * 4 + [0, 2, 1, 3][i % 4]]));
    // Exchanges the first and last two of each four elements.
    fn swap_twos(self) -> Self = Self(from_fn(|i| self.0[i ^ 2]));
    fn swap_neighbours(self) -> Self = Self(from_fn(|i| self.0[i ^ 1]));
}

operations! { I16x16:
    fn splat(value: i16) -> Self = Self([value; 16]);
    fn join(low: I16x8, high: I16x8) -> Self = Self(from_fn(|i| if i < 8 { low.0[i] } else { high.0[i - 8] }));
    fn add(self, b: Self) -> Self = Self(from_fn(|i| self.0[i].wrapping_add(b.0[i])));
    fn sub(self, b: Self) -> Self = Self(from_fn(|i| self.0[i].wrapping_sub(b.0[i])));
    fn min(self, b: Self) -> Self = Self(from_fn(|i| self.0[i].min(b.0[i])));
    fn max(self, b: Self) -> Self = Self(from_fn(|i| self.0[i].max(b.0[i])));
    fn abs(self) -> Self = Self(self.0.map(i16::wrapping_abs));
    fn shl<const N>(self) -> Self = Self(self.0.map(|v| v << N));
    fn shr<const N>(self) -> Self = Self(self.0.map(|v| v >> N));
    // Clamped to 0..=255.
    fn pack_u8(self) -> U8x16 = U8x16(self.0.map(|v| v.clamp(0, 255) as u8));
    // Alternate elements of so many bits, in halves.
    fn zip_low_16(self, b: Self) -> Self = Self(zip_halves(self.0, b.0, 1, 0));
    fn zip_high_16(self, b: Self) -> Self = Self(zip_halves(self.0, b.0, 1, 4));
    fn zip_low_32(self, b: Self) -> Self = Self(zip_halves(self.0, b.0, 2, 0));
    fn zip_high_32(self, b: Self) -> Self = Self(zip_halves(self.0, b.0, 2, 2));
    fn zip_low_64(self, b: Self) -> Self = Self(zip_halves(self.0, b.0, 4, 0));
    fn zip_high_64(self, b: Self) -> Self = Self(zip_halves(self.0, b.0, 4, 1));
    // Adds samples times factors; the sum of the two products must fit into 16 bits.
    fn mul_add_bytes(self, a: U8x16, b: U8x16, factors: BytePair) -> Self = Self(from_fn(|i| {
        let [f, g] = factors.0.map(i32::from);
        self.0[i].wrapping_add((i32::from(a.0[i]) * f + i32::from(b.0[i]) * g) as i16)
    }));
}

operations! { BytePair:
    fn new(factors: [i8; 2]) -> Self = Self(factors);
}

operations! { I32x4:
    fn splat(value: i32) -> Self = Self([value; 4]);
    fn add(self, b: Self) -> Self = Self(from_fn(|i| self.0[i].wrapping_add(b.0[i])));
    fn sub(self, b: Self) -> Self = Self(from_fn(|i| self.0[i].wrapping_sub(b.0[i])));
    // Adds the products of both elements of each pair.
    fn mul_add(self, a: Pairs4, b: Pairs4) -> Self = {
        Self(from_fn(|i| self.0[i].wrapping_add(dot(a.0[i], b.0[i]))))
    };
    fn shr(self, shift: u32) -> Self = Self(self.0.map(|v| v >> shift));
    // The four elements as signed 16 bits, clamped, in the order of memory.
    fn pack_u64(self) -> u64 = {
        let values = self.0.map(saturate);
        u64::from_ne_bytes(from_fn(|i| values[i / 2].to_ne_bytes()[i % 2]))
    };
}

operations! { I32x8:
    fn splat(value: i32) -> Self = Self([value; 8]);
    fn add(self, b: Self) -> Self = Self(from_fn(|i| self.0[i].wrapping_add(b.0[i])));
    fn sub(self, b: Self) -> Self = Self(from_fn(|i| self.0[i].wrapping_sub(b.0[i])));
    fn mul_add(self, a: Pairs8, b: Pairs8) -> Self = {
        Self(from_fn(|i| self.0[i].wrapping_add(dot(a.0[i], b.0[i]))))
    };
    // Adds the products of sixteen elements, two to each sum, whichever.
    fn dot_add(self, a: I16x16, b: I16x16) -> Self = {
        let two = |v: I16x16, i: usize| [v.0[2 * i], v.0[2 * i + 1]];
        Self(from_fn(|i| self.0[i].wrapping_add(dot(two(a, i), two(b, i)))))
    };
    // Adds sixteen elements, two to each sum, in halves.
    fn add_pairs(self, a: I16x16) -> Self = {
        Self(from_fn(|i| self.0[i].wrapping_add(dot([a.0[2 * i], a.0[2 * i + 1]], [1, 1]))))
    };
    fn shr(self, shift: u32) -> Self = Self(self.0.map(|v| v >> shift));
    // Clamped to signed 16 bits.
    fn pack(self) -> I16x8 = I16x8(self.0.map(saturate));
    fn pack_with(self, b: Self) -> I16x16 = I16x16::join(self.pack(), b.pack());
    fn reverse(self) -> Self = Self(from_fn(|i| self.0[7 - i]));
    // The sum of each half.
    fn half_sums(self) -> [u32; 2] = {
        [0, 4].map(|at| self.0[at..at + 4].iter().fold(0_i32, |sum, &v| sum.wrapping_add(v)) as u32)
    };
    // The sum of the elements, taken as unsigned.
    fn sum_unsigned(self) -> u64 = self.0.iter().map(|&v| u64::from(v as u32)).sum();
}

operations! { Pairs4:
    // Pairs of the first four elements of two vectors.
    fn zip(a: I16x8, b: I16x8) -> Self = Self(from_fn(|i| [a.0[i], b.0[i]]));
    fn splat(pair: [i16; 2]) -> Self = Self([pair; 4]);
}

operations! { Pairs8:
    fn zip(a: I16x8, b: I16x8) -> Self = Self(from_fn(|i| [a.0[i], b.0[i]]));
    fn splat(pair: [i16; 2]) -> Self = Self([pair; 8]);
    // Four times `low`, then four times `high`.
    fn splat_halves(low: [i16; 2], high: [i16; 2]) -> Self = Self(from_fn(|i| if i < 4 { low } else { high }));
    // Neighbours become pairs.
    fn from_neighbours(v: I16x16) -> Self = Self(from_fn(|i| [v.0[2 * i], v.0[2 * i + 1]]));
    // Four pairs, twice.
    fn repeat(v: I16x8) -> Self = Self(from_fn(|i| [v.0[2 * i % 8], v.0[2 * i % 8 + 1]]));
}

operations! { Sums16:
    fn splat(value: i32) -> Self = Self([value; 16]);
    // Adds the elements of `a` and `b` times the two elements of a pair that was spread by `Pairs8::splat`.
    fn mul_add(self, a: I16x16, b: I16x16, factors: Pairs8) -> Self = {
        Self(from_fn(|i| self.0[i].wrapping_add(dot([a.0[i], b.0[i]], factors.0[0]))))
    };
    // Shifts and clamps to signed 16 bits.
    fn shr_pack<const N>(self) -> I16x16 = I16x16(self.0.map(|v| saturate(v >> N)));
}

operations! { Table16:
    fn new(table: &[i8; 16]) -> Self = Self(*table);
    // The bytes at indices below 16.
    fn look_up(self, index: U8x32) -> U8x32 = U8x32(index.0.map(|i| self.0[usize::from(i)] as u8));
}

operations! { Table32:
    fn new(table: &[i8; 32]) -> Self = Self(*table);
    // The bytes at indices below 32.
    fn look_up(self, index: U8x32) -> U8x32 = U8x32(index.0.map(|i| self.0[usize::from(i)] as u8));
}
