//! The vectors in WebAssembly's SIMD128, for modules that are built with it.

use std::arch::wasm32::*;

#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct U8x16(v128);
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct U8x32([v128; 2]);
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct I16x8(v128);
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct I16x16([v128; 2]);
#[derive(Clone, Copy)]
pub(crate) struct I32x4(v128);
#[derive(Clone, Copy)]
pub(crate) struct I32x8([v128; 2]);
/// Pairs lie beside each other, as `dot` wants them.
#[derive(Clone, Copy)]
pub(crate) struct Pairs4(v128);
#[derive(Clone, Copy)]
pub(crate) struct Pairs8([v128; 2]);
#[derive(Clone, Copy)]
pub(crate) struct Sums16([v128; 4]);
#[derive(Clone, Copy)]
pub(crate) struct BytePair(v128, v128);
#[derive(Clone, Copy)]
pub(crate) struct Table16(v128);
#[derive(Clone, Copy)]
pub(crate) struct Table32(v128, v128);

pub(super) fn exist() -> bool {
    true
}

/// Applies a function to two vectors of a kind, half by half.
macro_rules! halves {
    ($function:ident, $a:expr) => {
        Self([$function($a.0[0]), $function($a.0[1])])
    };
    ($function:ident, $a:expr, $b:expr) => {
        Self([$function($a.0[0], $b.0[0]), $function($a.0[1], $b.0[1])])
    };
}

#[inline(always)]
fn zip_low_16(a: v128, b: v128) -> v128 {
    i16x8_shuffle::<0, 8, 1, 9, 2, 10, 3, 11>(a, b)
}

#[inline(always)]
fn zip_high_16(a: v128, b: v128) -> v128 {
    i16x8_shuffle::<4, 12, 5, 13, 6, 14, 7, 15>(a, b)
}

#[inline(always)]
fn zip_low_32(a: v128, b: v128) -> v128 {
    i32x4_shuffle::<0, 4, 1, 5>(a, b)
}

#[inline(always)]
fn zip_high_32(a: v128, b: v128) -> v128 {
    i32x4_shuffle::<2, 6, 3, 7>(a, b)
}

#[inline(always)]
fn zip_low_64(a: v128, b: v128) -> v128 {
    i64x2_shuffle::<0, 2>(a, b)
}

#[inline(always)]
fn zip_high_64(a: v128, b: v128) -> v128 {
    i64x2_shuffle::<1, 3>(a, b)
}

/// The pair as one element.
#[inline(always)]
fn both([a, b]: [i16; 2]) -> i32 {
    i32::from(b) << 16 | i32::from(a as u16)
}

/// What turns unsigned into signed bytes of the same order.
#[inline(always)]
fn signed(v: v128) -> v128 {
    v128_xor(v, i8x16_splat(-128))
}

#[inline(always)]
fn dot_add(sum: v128, a: v128, b: v128) -> v128 {
    i32x4_add(sum, i32x4_dot_i16x8(a, b))
}

#[inline(always)]
fn sum_of_4(v: v128) -> u32 {
    let v = i32x4_add(v, i32x4_shuffle::<2, 3, 0, 1>(v, v));
    let v = i32x4_add(v, i32x4_shuffle::<1, 0, 3, 2>(v, v));
    u32x4_extract_lane::<0>(v)
}

operations! { U8x16:
    fn from_u32(bytes: u32) -> Self = Self(u32x4(bytes, 0, 0, 0));
    fn from_u64(bytes: u64) -> Self = Self(u64x2(bytes, 0));
    fn to_u32(self) -> u32 = u32x4_extract_lane::<0>(self.0);
    fn to_u64(self) -> u64 = u64x2_extract_lane::<0>(self.0);
    fn drop_4(self) -> Self = Self(i32x4_shuffle::<1, 2, 3, 4>(self.0, u64x2(0, 0)));
    fn drop_8(self) -> Self = Self(i64x2_shuffle::<1, 2>(self.0, u64x2(0, 0)));
    fn reverse(self) -> Self = {
        Self(i8x16_shuffle::<15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0>(self.0, self.0))
    };
    fn zip_low_8(self, b: Self) -> Self = {
        Self(i8x16_shuffle::<0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23>(self.0, b.0))
    };
    fn zip_low_16(self, b: Self) -> Self = Self(zip_low_16(self.0, b.0));
    fn zip_high_16(self, b: Self) -> Self = Self(zip_high_16(self.0, b.0));
    fn zip_low_32(self, b: Self) -> Self = Self(zip_low_32(self.0, b.0));
    fn zip_high_32(self, b: Self) -> Self = Self(zip_high_32(self.0, b.0));
    fn zip_low_64(self, b: Self) -> Self = Self(zip_low_64(self.0, b.0));
    fn zip_high_64(self, b: Self) -> Self = Self(zip_high_64(self.0, b.0));
    fn widen_low(self) -> I16x8 = I16x8(i16x8_extend_low_u8x16(self.0));
    fn widen_high(self) -> I16x8 = I16x8(i16x8_extend_high_u8x16(self.0));
    fn widen(self) -> I16x16 = I16x16([i16x8_extend_low_u8x16(self.0), i16x8_extend_high_u8x16(self.0)]);
}

operations! { U8x32:
    fn splat(value: u8) -> Self = Self([u8x16_splat(value); 2]);
    fn add(self, b: Self) -> Self = halves!(u8x16_add, self, b);
    fn shr<const N>(self) -> Self = Self(self.0.map(|v| u8x16_shr(v, N as u32)));
    fn add_signed(self, b: Self) -> Self = {
        let half = |a, b| signed(i8x16_add_sat(signed(a), b));
        Self([half(self.0[0], b.0[0]), half(self.0[1], b.0[1])])
    };
    fn compare(self, b: Self) -> Self = {
        // Comparisons give -1.
        let half = |a, b| i8x16_sub(u8x16_lt(a, b), u8x16_gt(a, b));
        Self([half(self.0[0], b.0[0]), half(self.0[1], b.0[1])])
    };
}

operations! { I16x8:
    fn splat(value: i16) -> Self = Self(i16x8_splat(value));
    fn from_u64(four: u64) -> Self = Self(u64x2(four, 0));
    fn from_u64s([low, high]: [u64; 2]) -> Self = Self(u64x2(low, high));
    fn add(self, b: Self) -> Self = Self(i16x8_add(self.0, b.0));
    fn sub(self, b: Self) -> Self = Self(i16x8_sub(self.0, b.0));
    fn mul(self, b: Self) -> Self = Self(i16x8_mul(self.0, b.0));
    fn max(self, b: Self) -> Self = Self(i16x8_max(self.0, b.0));
    fn abs(self) -> Self = Self(i16x8_abs(self.0));
    fn shr<const N>(self) -> Self = Self(i16x8_shr(self.0, N as u32));
    fn gt(self, b: Self) -> Self = Self(i16x8_gt(self.0, b.0));
    fn eq(self, b: Self) -> Self = Self(i16x8_eq(self.0, b.0));
    fn and(self, b: Self) -> Self = Self(v128_and(self.0, b.0));
    fn or(self, b: Self) -> Self = Self(v128_or(self.0, b.0));
    fn select(self, a: Self, b: Self) -> Self = Self(v128_bitselect(a.0, b.0, self.0));
    fn any(self) -> bool = v128_any_true(self.0);
    fn any_of_fours(self) -> u64 = {
        u64::from(u64x2_extract_lane::<0>(self.0) != 0) | u64::from(u64x2_extract_lane::<1>(self.0) != 0) << 1
    };
    fn sum(self) -> i32 = sum_of_4(i32x4_extadd_pairwise_i16x8(self.0)) as i32;
    fn pack_u8(self, b: Self) -> U8x16 = U8x16(u8x16_narrow_i16x8(self.0, b.0));
    fn zip_low_64(self, b: Self) -> Self = Self(zip_low_64(self.0, b.0));
    fn zip_high_64(self, b: Self) -> Self = Self(zip_high_64(self.0, b.0));
    fn swap_middle(self) -> Self = Self(i16x8_shuffle::<0, 2, 1, 3, 4, 6, 5, 7>(self.0, self.0));
    fn swap_twos(self) -> Self = Self(i32x4_shuffle::<1, 0, 3, 2>(self.0, self.0));
    fn swap_neighbours(self) -> Self = Self(i16x8_shuffle::<1, 0, 3, 2, 5, 4, 7, 6>(self.0, self.0));
}

operations! { I16x16:
    fn splat(value: i16) -> Self = Self([i16x8_splat(value); 2]);
    fn join(low: I16x8, high: I16x8) -> Self = Self([low.0, high.0]);
    fn add(self, b: Self) -> Self = halves!(i16x8_add, self, b);
    fn sub(self, b: Self) -> Self = halves!(i16x8_sub, self, b);
    fn min(self, b: Self) -> Self = halves!(i16x8_min, self, b);
    fn max(self, b: Self) -> Self = halves!(i16x8_max, self, b);
    fn abs(self) -> Self = halves!(i16x8_abs, self);
    fn shl<const N>(self) -> Self = Self(self.0.map(|v| i16x8_shl(v, N as u32)));
    fn shr<const N>(self) -> Self = Self(self.0.map(|v| i16x8_shr(v, N as u32)));
    fn pack_u8(self) -> U8x16 = U8x16(u8x16_narrow_i16x8(self.0[0], self.0[1]));
    fn zip_low_16(self, b: Self) -> Self = halves!(zip_low_16, self, b);
    fn zip_high_16(self, b: Self) -> Self = halves!(zip_high_16, self, b);
    fn zip_low_32(self, b: Self) -> Self = halves!(zip_low_32, self, b);
    fn zip_high_32(self, b: Self) -> Self = halves!(zip_high_32, self, b);
    fn zip_low_64(self, b: Self) -> Self = halves!(zip_low_64, self, b);
    fn zip_high_64(self, b: Self) -> Self = halves!(zip_high_64, self, b);
    fn mul_add_bytes(self, a: U8x16, b: U8x16, factors: BytePair) -> Self = {
        let half = |sum, a, b| i16x8_add(sum, i16x8_add(i16x8_mul(a, factors.0), i16x8_mul(b, factors.1)));
        let ([low, high], I16x16(a), I16x16(b)) = (self.0, a.widen(), b.widen());
        Self([half(low, a[0], b[0]), half(high, a[1], b[1])])
    };
}

operations! { BytePair:
    fn new([a, b]: [i8; 2]) -> Self = Self(i16x8_splat(a.into()), i16x8_splat(b.into()));
}

operations! { I32x4:
    fn splat(value: i32) -> Self = Self(i32x4_splat(value));
    fn add(self, b: Self) -> Self = Self(i32x4_add(self.0, b.0));
    fn sub(self, b: Self) -> Self = Self(i32x4_sub(self.0, b.0));
    fn mul_add(self, a: Pairs4, b: Pairs4) -> Self = Self(dot_add(self.0, a.0, b.0));
    fn shr(self, shift: u32) -> Self = Self(i32x4_shr(self.0, shift));
    fn pack_u64(self) -> u64 = u64x2_extract_lane::<0>(i16x8_narrow_i32x4(self.0, self.0));
}

operations! { I32x8:
    fn splat(value: i32) -> Self = Self([i32x4_splat(value); 2]);
    fn add(self, b: Self) -> Self = halves!(i32x4_add, self, b);
    fn sub(self, b: Self) -> Self = halves!(i32x4_sub, self, b);
    fn mul_add(self, a: Pairs8, b: Pairs8) -> Self = {
        Self([dot_add(self.0[0], a.0[0], b.0[0]), dot_add(self.0[1], a.0[1], b.0[1])])
    };
    fn dot_add(self, a: I16x16, b: I16x16) -> Self = self.mul_add(Pairs8(a.0), Pairs8(b.0));
    fn add_pairs(self, a: I16x16) -> Self = Self([
        i32x4_add(self.0[0], i32x4_extadd_pairwise_i16x8(a.0[0])),
        i32x4_add(self.0[1], i32x4_extadd_pairwise_i16x8(a.0[1])),
    ]);
    fn shr(self, shift: u32) -> Self = Self(self.0.map(|v| i32x4_shr(v, shift)));
    fn pack(self) -> I16x8 = I16x8(i16x8_narrow_i32x4(self.0[0], self.0[1]));
    fn pack_with(self, b: Self) -> I16x16 = I16x16([self.pack().0, b.pack().0]);
    fn reverse(self) -> Self = {
        let [low, high] = self.0.map(|v| i32x4_shuffle::<3, 2, 1, 0>(v, v));
        Self([high, low])
    };
    fn half_sums(self) -> [u32; 2] = self.0.map(sum_of_4);
    fn sum_unsigned(self) -> u64 = {
        let [a, b] = self.0.map(|v| i64x2_add(u64x2_extend_low_u32x4(v), u64x2_extend_high_u32x4(v)));
        let sum = i64x2_add(a, b);
        u64x2_extract_lane::<0>(sum) + u64x2_extract_lane::<1>(sum)
    };
}

operations! { Pairs4:
    fn zip(a: I16x8, b: I16x8) -> Self = Self(zip_low_16(a.0, b.0));
    fn splat(pair: [i16; 2]) -> Self = Self(i32x4_splat(both(pair)));
}

operations! { Pairs8:
    fn zip(a: I16x8, b: I16x8) -> Self = Self([zip_low_16(a.0, b.0), zip_high_16(a.0, b.0)]);
    fn splat(pair: [i16; 2]) -> Self = Self([i32x4_splat(both(pair)); 2]);
    fn splat_halves(low: [i16; 2], high: [i16; 2]) -> Self = Self([low, high].map(|p| i32x4_splat(both(p))));
    fn from_neighbours(v: I16x16) -> Self = Self(v.0);
    fn repeat(v: I16x8) -> Self = Self([v.0; 2]);
}

operations! { Sums16:
    fn splat(value: i32) -> Self = Self([i32x4_splat(value); 4]);
    fn mul_add(self, a: I16x16, b: I16x16, factors: Pairs8) -> Self = {
        let (f, [s0, s1, s2, s3]) = (factors.0[0], self.0);
        Self([
            dot_add(s0, zip_low_16(a.0[0], b.0[0]), f),
            dot_add(s1, zip_high_16(a.0[0], b.0[0]), f),
            dot_add(s2, zip_low_16(a.0[1], b.0[1]), f),
            dot_add(s3, zip_high_16(a.0[1], b.0[1]), f),
        ])
    };
    fn shr_pack<const N>(self) -> I16x16 = {
        let [s0, s1, s2, s3] = self.0.map(|sums| i32x4_shr(sums, N as u32));
        I16x16([i16x8_narrow_i32x4(s0, s1), i16x8_narrow_i32x4(s2, s3)])
    };
}

operations! { Table16:
    fn new(table: &[i8; 16]) -> Self = {
        // SAFETY: the table has 16 bytes.
        Self(unsafe { v128_load(table.as_ptr().cast()) })
    };
    fn look_up(self, index: U8x32) -> U8x32 = U8x32(index.0.map(|index| i8x16_swizzle(self.0, index)));
}

operations! { Table32:
    fn new(table: &[i8; 32]) -> Self = {
        // SAFETY: the table has two times 16 bytes.
        let half = |at: usize| unsafe { v128_load(table.as_ptr().add(at).cast()) };
        Self(half(0), half(16))
    };
    // Indices outside of a half give 0.
    fn look_up(self, index: U8x32) -> U8x32 = U8x32(index.0.map(|index| {
        let high = i8x16_swizzle(self.1, u8x16_sub(index, u8x16_splat(16)));
        v128_or(i8x16_swizzle(self.0, index), high)
    }));
}
