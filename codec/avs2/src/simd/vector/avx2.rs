//! The vectors in registers of AVX2.

use std::arch::x86_64::*;

#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct U8x16(__m128i);
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct U8x32(__m256i);
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct I16x8(__m128i);
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct I16x16(__m256i);
#[derive(Clone, Copy)]
pub(crate) struct I32x4(__m128i);
#[derive(Clone, Copy)]
pub(crate) struct I32x8(__m256i);
/// Pairs lie beside each other, as `madd` wants them.
#[derive(Clone, Copy)]
pub(crate) struct Pairs4(__m128i);
#[derive(Clone, Copy)]
pub(crate) struct Pairs8(__m256i);
/// The sums of the lower and of the upper elements of each half.
#[derive(Clone, Copy)]
pub(crate) struct Sums16(__m256i, __m256i);
#[derive(Clone, Copy)]
pub(crate) struct BytePair(__m256i);
#[derive(Clone, Copy)]
pub(crate) struct Table16(__m256i);
#[derive(Clone, Copy)]
pub(crate) struct Table32(__m256i, __m256i);

pub(super) fn exist() -> bool {
    is_x86_feature_detected!("avx2")
}

/// The pair as one element.
#[inline(always)]
fn both([a, b]: [i16; 2]) -> i32 {
    i32::from(b) << 16 | i32::from(a as u16)
}

#[inline]
#[target_feature(enable = "avx2")]
fn high(v: __m256i) -> __m128i {
    _mm256_extracti128_si256::<1>(v)
}

#[inline]
#[target_feature(enable = "avx2")]
fn low(v: __m256i) -> __m128i {
    _mm256_castsi256_si128(v)
}

/// What turns unsigned into signed bytes of the same order.
#[inline]
#[target_feature(enable = "avx2")]
fn signed(v: __m256i) -> __m256i {
    _mm256_xor_si256(v, _mm256_set1_epi8(-128))
}

#[inline]
#[target_feature(enable = "avx2")]
fn sum_of_4(v: __m128i) -> u32 {
    let v = _mm_add_epi32(v, _mm_shuffle_epi32::<0b01_00_11_10>(v));
    let v = _mm_add_epi32(v, _mm_shuffle_epi32::<0b10_11_00_01>(v));
    _mm_cvtsi128_si32(v) as u32
}

operations! { U8x16:
    fn from_u32(bytes: u32) -> Self = Self(_mm_cvtsi32_si128(bytes as i32));
    fn from_u64(bytes: u64) -> Self = Self(_mm_cvtsi64_si128(bytes as i64));
    fn to_u32(self) -> u32 = _mm_cvtsi128_si32(self.0) as u32;
    fn to_u64(self) -> u64 = _mm_cvtsi128_si64(self.0) as u64;
    fn drop_4(self) -> Self = Self(_mm_srli_si128::<4>(self.0));
    fn drop_8(self) -> Self = Self(_mm_srli_si128::<8>(self.0));
    fn reverse(self) -> Self = {
        Self(_mm_shuffle_epi8(self.0, _mm_setr_epi8(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)))
    };
    fn zip_low_8(self, b: Self) -> Self = Self(_mm_unpacklo_epi8(self.0, b.0));
    fn zip_low_16(self, b: Self) -> Self = Self(_mm_unpacklo_epi16(self.0, b.0));
    fn zip_high_16(self, b: Self) -> Self = Self(_mm_unpackhi_epi16(self.0, b.0));
    fn zip_low_32(self, b: Self) -> Self = Self(_mm_unpacklo_epi32(self.0, b.0));
    fn zip_high_32(self, b: Self) -> Self = Self(_mm_unpackhi_epi32(self.0, b.0));
    fn zip_low_64(self, b: Self) -> Self = Self(_mm_unpacklo_epi64(self.0, b.0));
    fn zip_high_64(self, b: Self) -> Self = Self(_mm_unpackhi_epi64(self.0, b.0));
    fn widen_low(self) -> I16x8 = I16x8(_mm_cvtepu8_epi16(self.0));
    fn widen_high(self) -> I16x8 = I16x8(_mm_unpackhi_epi8(self.0, _mm_setzero_si128()));
    fn widen(self) -> I16x16 = I16x16(_mm256_cvtepu8_epi16(self.0));
}

operations! { U8x32:
    fn splat(value: u8) -> Self = Self(_mm256_set1_epi8(value as i8));
    fn add(self, b: Self) -> Self = Self(_mm256_add_epi8(self.0, b.0));
    fn shr<const N>(self) -> Self = {
        Self(_mm256_and_si256(_mm256_srli_epi16::<N>(self.0), _mm256_set1_epi8((0xFF_u8 >> N) as i8)))
    };
    fn add_signed(self, b: Self) -> Self = Self(signed(_mm256_adds_epi8(signed(self.0), b.0)));
    fn compare(self, b: Self) -> Self = {
        let (a, b) = (signed(self.0), signed(b.0));
        // Comparisons give -1.
        Self(_mm256_sub_epi8(_mm256_cmpgt_epi8(b, a), _mm256_cmpgt_epi8(a, b)))
    };
}

operations! { I16x8:
    fn splat(value: i16) -> Self = Self(_mm_set1_epi16(value));
    fn from_u64(four: u64) -> Self = Self(_mm_cvtsi64_si128(four as i64));
    fn from_u64s([low, high]: [u64; 2]) -> Self = Self(_mm_set_epi64x(high as i64, low as i64));
    fn add(self, b: Self) -> Self = Self(_mm_add_epi16(self.0, b.0));
    fn sub(self, b: Self) -> Self = Self(_mm_sub_epi16(self.0, b.0));
    fn mul(self, b: Self) -> Self = Self(_mm_mullo_epi16(self.0, b.0));
    fn max(self, b: Self) -> Self = Self(_mm_max_epi16(self.0, b.0));
    fn abs(self) -> Self = Self(_mm_abs_epi16(self.0));
    fn shr<const N>(self) -> Self = Self(_mm_srai_epi16::<N>(self.0));
    fn gt(self, b: Self) -> Self = Self(_mm_cmpgt_epi16(self.0, b.0));
    fn eq(self, b: Self) -> Self = Self(_mm_cmpeq_epi16(self.0, b.0));
    fn and(self, b: Self) -> Self = Self(_mm_and_si128(self.0, b.0));
    fn or(self, b: Self) -> Self = Self(_mm_or_si128(self.0, b.0));
    fn select(self, a: Self, b: Self) -> Self = Self(_mm_blendv_epi8(b.0, a.0, self.0));
    fn any(self) -> bool = _mm_testz_si128(self.0, self.0) == 0;
    fn any_of_fours(self) -> u64 = {
        let mask = !_mm_movemask_epi8(_mm_cmpeq_epi16(self.0, _mm_setzero_si128()));
        u64::from(mask & 0xFF != 0) | u64::from(mask & 0xFF00 != 0) << 1
    };
    fn sum(self) -> i32 = sum_of_4(_mm_madd_epi16(self.0, _mm_set1_epi16(1))) as i32;
    fn pack_u8(self, b: Self) -> U8x16 = U8x16(_mm_packus_epi16(self.0, b.0));
    fn zip_low_64(self, b: Self) -> Self = Self(_mm_unpacklo_epi64(self.0, b.0));
    fn zip_high_64(self, b: Self) -> Self = Self(_mm_unpackhi_epi64(self.0, b.0));
    fn swap_middle(self) -> Self = {
        Self(_mm_shufflehi_epi16::<0b11_01_10_00>(_mm_shufflelo_epi16::<0b11_01_10_00>(self.0)))
    };
    fn swap_twos(self) -> Self = Self(_mm_shuffle_epi32::<0b10_11_00_01>(self.0));
    fn swap_neighbours(self) -> Self = {
        Self(_mm_shufflehi_epi16::<0b10_11_00_01>(_mm_shufflelo_epi16::<0b10_11_00_01>(self.0)))
    };
}

operations! { I16x16:
    fn splat(value: i16) -> Self = Self(_mm256_set1_epi16(value));
    fn join(low: I16x8, high: I16x8) -> Self = Self(_mm256_set_m128i(high.0, low.0));
    fn add(self, b: Self) -> Self = Self(_mm256_add_epi16(self.0, b.0));
    fn sub(self, b: Self) -> Self = Self(_mm256_sub_epi16(self.0, b.0));
    fn min(self, b: Self) -> Self = Self(_mm256_min_epi16(self.0, b.0));
    fn max(self, b: Self) -> Self = Self(_mm256_max_epi16(self.0, b.0));
    fn abs(self) -> Self = Self(_mm256_abs_epi16(self.0));
    fn shl<const N>(self) -> Self = Self(_mm256_slli_epi16::<N>(self.0));
    fn shr<const N>(self) -> Self = Self(_mm256_srai_epi16::<N>(self.0));
    fn pack_u8(self) -> U8x16 = U8x16(_mm_packus_epi16(low(self.0), high(self.0)));
    fn zip_low_16(self, b: Self) -> Self = Self(_mm256_unpacklo_epi16(self.0, b.0));
    fn zip_high_16(self, b: Self) -> Self = Self(_mm256_unpackhi_epi16(self.0, b.0));
    fn zip_low_32(self, b: Self) -> Self = Self(_mm256_unpacklo_epi32(self.0, b.0));
    fn zip_high_32(self, b: Self) -> Self = Self(_mm256_unpackhi_epi32(self.0, b.0));
    fn zip_low_64(self, b: Self) -> Self = Self(_mm256_unpacklo_epi64(self.0, b.0));
    fn zip_high_64(self, b: Self) -> Self = Self(_mm256_unpackhi_epi64(self.0, b.0));
    fn mul_add_bytes(self, a: U8x16, b: U8x16, factors: BytePair) -> Self = {
        let both = _mm256_set_m128i(_mm_unpackhi_epi8(a.0, b.0), _mm_unpacklo_epi8(a.0, b.0));
        Self(_mm256_add_epi16(self.0, _mm256_maddubs_epi16(both, factors.0)))
    };
}

operations! { BytePair:
    fn new([a, b]: [i8; 2]) -> Self = Self(_mm256_set1_epi16(i16::from_le_bytes([a as u8, b as u8])));
}

operations! { I32x4:
    fn splat(value: i32) -> Self = Self(_mm_set1_epi32(value));
    fn add(self, b: Self) -> Self = Self(_mm_add_epi32(self.0, b.0));
    fn sub(self, b: Self) -> Self = Self(_mm_sub_epi32(self.0, b.0));
    fn mul_add(self, a: Pairs4, b: Pairs4) -> Self = Self(_mm_add_epi32(self.0, _mm_madd_epi16(a.0, b.0)));
    fn shr(self, shift: u32) -> Self = Self(_mm_sra_epi32(self.0, _mm_cvtsi32_si128(shift as i32)));
    fn pack_u64(self) -> u64 = _mm_cvtsi128_si64(_mm_packs_epi32(self.0, self.0)) as u64;
}

operations! { I32x8:
    fn splat(value: i32) -> Self = Self(_mm256_set1_epi32(value));
    fn add(self, b: Self) -> Self = Self(_mm256_add_epi32(self.0, b.0));
    fn sub(self, b: Self) -> Self = Self(_mm256_sub_epi32(self.0, b.0));
    fn mul_add(self, a: Pairs8, b: Pairs8) -> Self = Self(_mm256_add_epi32(self.0, _mm256_madd_epi16(a.0, b.0)));
    fn dot_add(self, a: I16x16, b: I16x16) -> Self = Self(_mm256_add_epi32(self.0, _mm256_madd_epi16(a.0, b.0)));
    fn add_pairs(self, a: I16x16) -> Self = {
        Self(_mm256_add_epi32(self.0, _mm256_madd_epi16(a.0, _mm256_set1_epi16(1))))
    };
    fn shr(self, shift: u32) -> Self = Self(_mm256_sra_epi32(self.0, _mm_cvtsi32_si128(shift as i32)));
    fn pack(self) -> I16x8 = I16x8(_mm_packs_epi32(low(self.0), high(self.0)));
    fn pack_with(self, b: Self) -> I16x16 = {
        I16x16(_mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packs_epi32(self.0, b.0)))
    };
    fn reverse(self) -> Self = {
        Self(_mm256_permutevar8x32_epi32(self.0, _mm256_setr_epi32(7, 6, 5, 4, 3, 2, 1, 0)))
    };
    fn half_sums(self) -> [u32; 2] = [sum_of_4(low(self.0)), sum_of_4(high(self.0))];
    fn sum_unsigned(self) -> u64 = {
        let wide = _mm256_add_epi64(_mm256_cvtepu32_epi64(low(self.0)), _mm256_cvtepu32_epi64(high(self.0)));
        let half = _mm_add_epi64(low(wide), high(wide));
        (_mm_cvtsi128_si64(half) + _mm_extract_epi64::<1>(half)) as u64
    };
}

operations! { Pairs4:
    fn zip(a: I16x8, b: I16x8) -> Self = Self(_mm_unpacklo_epi16(a.0, b.0));
    fn splat(pair: [i16; 2]) -> Self = Self(_mm_set1_epi32(both(pair)));
}

operations! { Pairs8:
    fn zip(a: I16x8, b: I16x8) -> Self = {
        Self(_mm256_set_m128i(_mm_unpackhi_epi16(a.0, b.0), _mm_unpacklo_epi16(a.0, b.0)))
    };
    fn splat(pair: [i16; 2]) -> Self = Self(_mm256_set1_epi32(both(pair)));
    fn splat_halves(low: [i16; 2], high: [i16; 2]) -> Self = {
        Self(_mm256_set_m128i(_mm_set1_epi32(both(high)), _mm_set1_epi32(both(low))))
    };
    fn from_neighbours(v: I16x16) -> Self = Self(v.0);
    fn repeat(v: I16x8) -> Self = Self(_mm256_broadcastsi128_si256(v.0));
}

operations! { Sums16:
    fn splat(value: i32) -> Self = Self(_mm256_set1_epi32(value), _mm256_set1_epi32(value));
    fn mul_add(self, a: I16x16, b: I16x16, factors: Pairs8) -> Self = Self(
        _mm256_add_epi32(self.0, _mm256_madd_epi16(_mm256_unpacklo_epi16(a.0, b.0), factors.0)),
        _mm256_add_epi32(self.1, _mm256_madd_epi16(_mm256_unpackhi_epi16(a.0, b.0), factors.0)),
    );
    fn shr_pack<const N>(self) -> I16x16 = {
        I16x16(_mm256_packs_epi32(_mm256_srai_epi32::<N>(self.0), _mm256_srai_epi32::<N>(self.1)))
    };
}

operations! { Table16:
    fn new(table: &[i8; 16]) -> Self = {
        // SAFETY: the table has 16 bytes.
        Self(_mm256_broadcastsi128_si256(unsafe { _mm_loadu_si128(table.as_ptr().cast()) }))
    };
    fn look_up(self, index: U8x32) -> U8x32 = U8x32(_mm256_shuffle_epi8(self.0, index.0));
}

operations! { Table32:
    fn new(table: &[i8; 32]) -> Self = {
        // SAFETY: the table has two times 16 bytes.
        let half = |at: usize| unsafe { _mm_loadu_si128(table.as_ptr().add(at).cast()) };
        Self(_mm256_broadcastsi128_si256(half(0)), _mm256_broadcastsi128_si256(half(16)))
    };
    fn look_up(self, index: U8x32) -> U8x32 = U8x32(_mm256_blendv_epi8(
        _mm256_shuffle_epi8(self.0, index.0),
        _mm256_shuffle_epi8(self.1, index.0),
        _mm256_cmpgt_epi8(index.0, _mm256_set1_epi8(15)),
    ));
}
