//! The vectors in registers of NEON, which every 64-bit ARM processor has.

use std::arch::aarch64::*;

#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct U8x16(uint8x16_t);
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct U8x32([uint8x16_t; 2]);
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct I16x8(int16x8_t);
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct I16x16([int16x8_t; 2]);
#[derive(Clone, Copy)]
pub(crate) struct I32x4(int32x4_t);
#[derive(Clone, Copy)]
pub(crate) struct I32x8([int32x4_t; 2]);
/// The first and the second elements of all pairs.
#[derive(Clone, Copy)]
pub(crate) struct Pairs4(int16x4_t, int16x4_t);
#[derive(Clone, Copy)]
pub(crate) struct Pairs8(int16x8_t, int16x8_t);
#[derive(Clone, Copy)]
pub(crate) struct Sums16([int32x4_t; 4]);
#[derive(Clone, Copy)]
pub(crate) struct BytePair(int16x8_t, int16x8_t);
#[derive(Clone, Copy)]
pub(crate) struct Table16(int8x16_t);
#[derive(Clone, Copy)]
pub(crate) struct Table32(int8x16x2_t);

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

/// Applies a function to vectors of 16 bits taken as wider elements.
macro_rules! as_s32 {
    ($function:ident, $a:expr, $b:expr) => {
        vreinterpretq_s16_s32($function(vreinterpretq_s32_s16($a), vreinterpretq_s32_s16($b)))
    };
}
macro_rules! as_s64 {
    ($function:ident, $a:expr, $b:expr) => {
        vreinterpretq_s16_s64($function(vreinterpretq_s64_s16($a), vreinterpretq_s64_s16($b)))
    };
}

/// Adds the products of both elements of four pairs.
#[inline]
#[target_feature(enable = "neon")]
fn dot_low(sum: int32x4_t, a: Pairs8, b: Pairs8) -> int32x4_t {
    let first = vmlal_s16(sum, vget_low_s16(a.0), vget_low_s16(b.0));
    vmlal_s16(first, vget_low_s16(a.1), vget_low_s16(b.1))
}

#[inline]
#[target_feature(enable = "neon")]
fn dot_high(sum: int32x4_t, a: Pairs8, b: Pairs8) -> int32x4_t {
    vmlal_high_s16(vmlal_high_s16(sum, a.0, b.0), a.1, b.1)
}

#[inline]
#[target_feature(enable = "neon")]
fn reverse(v: int32x4_t) -> int32x4_t {
    let v = vrev64q_s32(v);
    vextq_s32::<2>(v, v)
}

#[inline]
#[target_feature(enable = "neon")]
fn widen(v: uint8x8_t) -> int16x8_t {
    vreinterpretq_s16_u16(vmovl_u8(v))
}

#[inline]
#[target_feature(enable = "neon")]
fn widen_high(v: uint8x16_t) -> int16x8_t {
    vreinterpretq_s16_u16(vmovl_high_u8(v))
}

operations! { U8x16:
    fn from_u32(bytes: u32) -> Self = Self::from_u64(bytes.into());
    fn from_u64(bytes: u64) -> Self = Self(vcombine_u8(vcreate_u8(bytes), vcreate_u8(0)));
    fn to_u32(self) -> u32 = vgetq_lane_u32::<0>(vreinterpretq_u32_u8(self.0));
    fn to_u64(self) -> u64 = vgetq_lane_u64::<0>(vreinterpretq_u64_u8(self.0));
    fn drop_4(self) -> Self = Self(vextq_u8::<4>(self.0, vdupq_n_u8(0)));
    fn drop_8(self) -> Self = Self(vextq_u8::<8>(self.0, vdupq_n_u8(0)));
    fn reverse(self) -> Self = {
        let v = vrev64q_u8(self.0);
        Self(vextq_u8::<8>(v, v))
    };
    fn zip_low_8(self, b: Self) -> Self = Self(vzip1q_u8(self.0, b.0));
    fn zip_low_16(self, b: Self) -> Self = {
        Self(vreinterpretq_u8_u16(vzip1q_u16(vreinterpretq_u16_u8(self.0), vreinterpretq_u16_u8(b.0))))
    };
    fn zip_high_16(self, b: Self) -> Self = {
        Self(vreinterpretq_u8_u16(vzip2q_u16(vreinterpretq_u16_u8(self.0), vreinterpretq_u16_u8(b.0))))
    };
    fn zip_low_32(self, b: Self) -> Self = {
        Self(vreinterpretq_u8_u32(vzip1q_u32(vreinterpretq_u32_u8(self.0), vreinterpretq_u32_u8(b.0))))
    };
    fn zip_high_32(self, b: Self) -> Self = {
        Self(vreinterpretq_u8_u32(vzip2q_u32(vreinterpretq_u32_u8(self.0), vreinterpretq_u32_u8(b.0))))
    };
    fn zip_low_64(self, b: Self) -> Self = {
        Self(vreinterpretq_u8_u64(vzip1q_u64(vreinterpretq_u64_u8(self.0), vreinterpretq_u64_u8(b.0))))
    };
    fn zip_high_64(self, b: Self) -> Self = {
        Self(vreinterpretq_u8_u64(vzip2q_u64(vreinterpretq_u64_u8(self.0), vreinterpretq_u64_u8(b.0))))
    };
    fn widen_low(self) -> I16x8 = I16x8(widen(vget_low_u8(self.0)));
    fn widen_high(self) -> I16x8 = I16x8(widen_high(self.0));
    fn widen(self) -> I16x16 = I16x16([widen(vget_low_u8(self.0)), widen_high(self.0)]);
}

operations! { U8x32:
    fn splat(value: u8) -> Self = Self([vdupq_n_u8(value); 2]);
    fn add(self, b: Self) -> Self = halves!(vaddq_u8, self, b);
    fn shr<const N>(self) -> Self = Self([vshrq_n_u8::<N>(self.0[0]), vshrq_n_u8::<N>(self.0[1])]);
    fn add_signed(self, b: Self) -> Self = Self([
        vsqaddq_u8(self.0[0], vreinterpretq_s8_u8(b.0[0])),
        vsqaddq_u8(self.0[1], vreinterpretq_s8_u8(b.0[1])),
    ]);
    fn compare(self, b: Self) -> Self = {
        // Comparisons give -1.
        let half = |a, b| vsubq_u8(vcltq_u8(a, b), vcgtq_u8(a, b));
        Self([half(self.0[0], b.0[0]), half(self.0[1], b.0[1])])
    };
}

operations! { I16x8:
    fn splat(value: i16) -> Self = Self(vdupq_n_s16(value));
    fn from_u64(four: u64) -> Self = Self(vcombine_s16(vcreate_s16(four), vcreate_s16(0)));
    fn from_u64s([low, high]: [u64; 2]) -> Self = Self(vcombine_s16(vcreate_s16(low), vcreate_s16(high)));
    fn add(self, b: Self) -> Self = Self(vaddq_s16(self.0, b.0));
    fn sub(self, b: Self) -> Self = Self(vsubq_s16(self.0, b.0));
    fn mul(self, b: Self) -> Self = Self(vmulq_s16(self.0, b.0));
    fn max(self, b: Self) -> Self = Self(vmaxq_s16(self.0, b.0));
    fn abs(self) -> Self = Self(vabsq_s16(self.0));
    fn shr<const N>(self) -> Self = Self(vshrq_n_s16::<N>(self.0));
    fn gt(self, b: Self) -> Self = Self(vreinterpretq_s16_u16(vcgtq_s16(self.0, b.0)));
    fn eq(self, b: Self) -> Self = Self(vreinterpretq_s16_u16(vceqq_s16(self.0, b.0)));
    fn and(self, b: Self) -> Self = Self(vandq_s16(self.0, b.0));
    fn or(self, b: Self) -> Self = Self(vorrq_s16(self.0, b.0));
    fn select(self, a: Self, b: Self) -> Self = Self(vbslq_s16(vreinterpretq_u16_s16(self.0), a.0, b.0));
    fn any(self) -> bool = vmaxvq_u16(vreinterpretq_u16_s16(self.0)) != 0;
    fn any_of_fours(self) -> u64 = {
        let fours = vreinterpretq_u64_s16(self.0);
        u64::from(vgetq_lane_u64::<0>(fours) != 0) | u64::from(vgetq_lane_u64::<1>(fours) != 0) << 1
    };
    fn sum(self) -> i32 = vaddlvq_s16(self.0);
    fn pack_u8(self, b: Self) -> U8x16 = U8x16(vqmovun_high_s16(vqmovun_s16(self.0), b.0));
    fn zip_low_64(self, b: Self) -> Self = Self(as_s64!(vzip1q_s64, self.0, b.0));
    fn zip_high_64(self, b: Self) -> Self = Self(as_s64!(vzip2q_s64, self.0, b.0));
    fn swap_middle(self) -> Self = {
        // The even and the odd elements of each half, beside each other.
        let (even, odd) = (vuzp1q_s16(self.0, self.0), vuzp2q_s16(self.0, self.0));
        Self(as_s32!(vzip1q_s32, even, odd))
    };
    fn swap_twos(self) -> Self = Self(vreinterpretq_s16_s32(vrev64q_s32(vreinterpretq_s32_s16(self.0))));
    fn swap_neighbours(self) -> Self = Self(vrev32q_s16(self.0));
}

operations! { I16x16:
    fn splat(value: i16) -> Self = Self([vdupq_n_s16(value); 2]);
    fn join(low: I16x8, high: I16x8) -> Self = Self([low.0, high.0]);
    fn add(self, b: Self) -> Self = halves!(vaddq_s16, self, b);
    fn sub(self, b: Self) -> Self = halves!(vsubq_s16, self, b);
    fn min(self, b: Self) -> Self = halves!(vminq_s16, self, b);
    fn max(self, b: Self) -> Self = halves!(vmaxq_s16, self, b);
    fn abs(self) -> Self = halves!(vabsq_s16, self);
    fn shl<const N>(self) -> Self = Self([vshlq_n_s16::<N>(self.0[0]), vshlq_n_s16::<N>(self.0[1])]);
    fn shr<const N>(self) -> Self = Self([vshrq_n_s16::<N>(self.0[0]), vshrq_n_s16::<N>(self.0[1])]);
    fn pack_u8(self) -> U8x16 = U8x16(vqmovun_high_s16(vqmovun_s16(self.0[0]), self.0[1]));
    fn zip_low_16(self, b: Self) -> Self = halves!(vzip1q_s16, self, b);
    fn zip_high_16(self, b: Self) -> Self = halves!(vzip2q_s16, self, b);
    fn zip_low_32(self, b: Self) -> Self = {
        Self([as_s32!(vzip1q_s32, self.0[0], b.0[0]), as_s32!(vzip1q_s32, self.0[1], b.0[1])])
    };
    fn zip_high_32(self, b: Self) -> Self = {
        Self([as_s32!(vzip2q_s32, self.0[0], b.0[0]), as_s32!(vzip2q_s32, self.0[1], b.0[1])])
    };
    fn zip_low_64(self, b: Self) -> Self = {
        Self([as_s64!(vzip1q_s64, self.0[0], b.0[0]), as_s64!(vzip1q_s64, self.0[1], b.0[1])])
    };
    fn zip_high_64(self, b: Self) -> Self = {
        Self([as_s64!(vzip2q_s64, self.0[0], b.0[0]), as_s64!(vzip2q_s64, self.0[1], b.0[1])])
    };
    fn mul_add_bytes(self, a: U8x16, b: U8x16, factors: BytePair) -> Self = {
        let half = |sum, a, b| vmlaq_s16(vmlaq_s16(sum, a, factors.0), b, factors.1);
        let [low, high] = self.0;
        Self([
            half(low, widen(vget_low_u8(a.0)), widen(vget_low_u8(b.0))),
            half(high, widen_high(a.0), widen_high(b.0)),
        ])
    };
}

operations! { BytePair:
    fn new([a, b]: [i8; 2]) -> Self = Self(vdupq_n_s16(a.into()), vdupq_n_s16(b.into()));
}

operations! { I32x4:
    fn splat(value: i32) -> Self = Self(vdupq_n_s32(value));
    fn add(self, b: Self) -> Self = Self(vaddq_s32(self.0, b.0));
    fn sub(self, b: Self) -> Self = Self(vsubq_s32(self.0, b.0));
    fn mul_add(self, a: Pairs4, b: Pairs4) -> Self = Self(vmlal_s16(vmlal_s16(self.0, a.0, b.0), a.1, b.1));
    fn shr(self, shift: u32) -> Self = Self(vshlq_s32(self.0, vdupq_n_s32(-(shift as i32))));
    fn pack_u64(self) -> u64 = vget_lane_u64::<0>(vreinterpret_u64_s16(vqmovn_s32(self.0)));
}

operations! { I32x8:
    fn splat(value: i32) -> Self = Self([vdupq_n_s32(value); 2]);
    fn add(self, b: Self) -> Self = halves!(vaddq_s32, self, b);
    fn sub(self, b: Self) -> Self = halves!(vsubq_s32, self, b);
    fn mul_add(self, a: Pairs8, b: Pairs8) -> Self = Self([dot_low(self.0[0], a, b), dot_high(self.0[1], a, b)]);
    fn dot_add(self, a: I16x16, b: I16x16) -> Self = {
        let (a, b) = (Pairs8(a.0[0], a.0[1]), Pairs8(b.0[0], b.0[1]));
        self.mul_add(a, b)
    };
    fn add_pairs(self, a: I16x16) -> Self = halves!(vpadalq_s16, self, a);
    fn shr(self, shift: u32) -> Self = {
        let by = vdupq_n_s32(-(shift as i32));
        Self([vshlq_s32(self.0[0], by), vshlq_s32(self.0[1], by)])
    };
    fn pack(self) -> I16x8 = I16x8(vqmovn_high_s32(vqmovn_s32(self.0[0]), self.0[1]));
    fn pack_with(self, b: Self) -> I16x16 = I16x16([self.pack().0, b.pack().0]);
    fn reverse(self) -> Self = Self([reverse(self.0[1]), reverse(self.0[0])]);
    fn half_sums(self) -> [u32; 2] = self.0.map(|half| vaddvq_s32(half) as u32);
    fn sum_unsigned(self) -> u64 = {
        vaddlvq_u32(vreinterpretq_u32_s32(self.0[0])) + vaddlvq_u32(vreinterpretq_u32_s32(self.0[1]))
    };
}

operations! { Pairs4:
    fn zip(a: I16x8, b: I16x8) -> Self = Self(vget_low_s16(a.0), vget_low_s16(b.0));
    fn splat([a, b]: [i16; 2]) -> Self = Self(vdup_n_s16(a), vdup_n_s16(b));
}

operations! { Pairs8:
    fn zip(a: I16x8, b: I16x8) -> Self = Self(a.0, b.0);
    fn splat([a, b]: [i16; 2]) -> Self = Self(vdupq_n_s16(a), vdupq_n_s16(b));
    fn splat_halves([a, b]: [i16; 2], [c, d]: [i16; 2]) -> Self = {
        Self(vcombine_s16(vdup_n_s16(a), vdup_n_s16(c)), vcombine_s16(vdup_n_s16(b), vdup_n_s16(d)))
    };
    fn from_neighbours(v: I16x16) -> Self = Self(vuzp1q_s16(v.0[0], v.0[1]), vuzp2q_s16(v.0[0], v.0[1]));
    fn repeat(v: I16x8) -> Self = Self(vuzp1q_s16(v.0, v.0), vuzp2q_s16(v.0, v.0));
}

operations! { Sums16:
    fn splat(value: i32) -> Self = Self([vdupq_n_s32(value); 4]);
    fn mul_add(self, a: I16x16, b: I16x16, factors: Pairs8) -> Self = {
        let [low, high] = [0, 1].map(|i| Pairs8(a.0[i], b.0[i]));
        let [s0, s1, s2, s3] = self.0;
        Self([
            dot_low(s0, low, factors),
            dot_high(s1, low, factors),
            dot_low(s2, high, factors),
            dot_high(s3, high, factors),
        ])
    };
    fn shr_pack<const N>(self) -> I16x16 = {
        let [s0, s1, s2, s3] = self.0.map(|sums| vshrq_n_s32::<N>(sums));
        I32x8([s0, s1]).pack_with(I32x8([s2, s3]))
    };
}

operations! { Table16:
    fn new(table: &[i8; 16]) -> Self = {
        // SAFETY: the table has 16 bytes.
        unsafe { Self(vld1q_s8(table.as_ptr())) }
    };
    fn look_up(self, index: U8x32) -> U8x32 = {
        U8x32(index.0.map(|index| vreinterpretq_u8_s8(vqtbl1q_s8(self.0, index))))
    };
}

operations! { Table32:
    fn new(table: &[i8; 32]) -> Self = {
        // SAFETY: the table has two times 16 bytes.
        let half = |at: usize| unsafe { vld1q_s8(table.as_ptr().add(at)) };
        Self(int8x16x2_t(half(0), half(16)))
    };
    fn look_up(self, index: U8x32) -> U8x32 = {
        U8x32(index.0.map(|index| vreinterpretq_u8_s8(vqtbl2q_s8(self.0, index))))
    };
}
