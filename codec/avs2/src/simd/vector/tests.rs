//! Every operation, against what it means.
#![allow(clippy::unwrap_used)]

use super::{Vector, chosen, portable};
use crate::simd::tests::Random;

// SAFETY: all are arrays of integers.
unsafe impl Vector for portable::U8x16 {}
// SAFETY: as above.
unsafe impl Vector for portable::U8x32 {}
// SAFETY: as above.
unsafe impl Vector for portable::I16x8 {}
// SAFETY: as above.
unsafe impl Vector for portable::I16x16 {}

/// The bytes of a vector.
fn bytes<V: Copy>(vector: V) -> Vec<u8> {
    // SAFETY: vectors have no padding.
    unsafe { std::slice::from_raw_parts((&raw const vector).cast(), size_of::<V>()) }.to_vec()
}

/// Evaluates an expression with both modules, called `$m` in it.
macro_rules! same {
    ($m:ident: $($expression:expr;)*) => { $(
        let (is, should) = ({ use chosen as $m; $expression }, { use portable as $m; $expression });
        assert_eq!(is, should, "{}", stringify!($expression));
    )* };
}

/// Values of every magnitude, the outermost often.
fn values<const N: usize>(random: &mut Random) -> [i16; N] {
    std::array::from_fn(|_| match random.below(5) {
        0 => [-32768, -1, 0, 1, 32767][random.below(5)],
        1 => random.below(7) as i16 - 3,
        2 => random.below(1024) as i16 - 512,
        _ => random.below(65536) as u16 as i16,
    })
}

fn samples<const N: usize>(random: &mut Random) -> [u8; N] {
    std::array::from_fn(|_| {
        if random.below(4) == 0 { [0, 1, 127, 128, 254, 255][random.below(6)] } else { random.sample() }
    })
}

#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
fn check_bytes(random: &mut Random) {
    let (a, b): ([u8; 16], [u8; 16]) = (samples(random), samples(random));
    let (c, d): ([u8; 32], [u8; 32]) = (samples(random), samples(random));
    let sums: [i16; 16] = values(random);
    let table: [i8; 32] = samples(random).map(|v| v as i8);
    let (index16, index32) = (c.map(|v| v % 16), d.map(|v| v % 32));
    let (word, four) =
        (u64::from_ne_bytes(a[..8].try_into().unwrap()), u32::from_ne_bytes(b[..4].try_into().unwrap()));
    // The sum of two products fits into 16 bits.
    let factors =
        [random.below(129) as i8 as i16 - 64, random.below(129) as i16 - 64].map(|f| f.clamp(-64, 64) as i8);
    same! { m:
        bytes(m::U8x16::from_u32(four));
        bytes(m::U8x16::from_u64(word));
        m::U8x16::read(&a).to_u32();
        m::U8x16::read(&a).to_u64();
        bytes(m::U8x16::read(&a).drop_4());
        bytes(m::U8x16::read(&a).drop_8());
        bytes(m::U8x16::read(&a).reverse());
        bytes(m::U8x16::read(&a).zip_low_8(m::U8x16::read(&b)));
        bytes(m::U8x16::read(&a).zip_low_16(m::U8x16::read(&b)));
        bytes(m::U8x16::read(&a).zip_high_16(m::U8x16::read(&b)));
        bytes(m::U8x16::read(&a).zip_low_32(m::U8x16::read(&b)));
        bytes(m::U8x16::read(&a).zip_high_32(m::U8x16::read(&b)));
        bytes(m::U8x16::read(&a).zip_low_64(m::U8x16::read(&b)));
        bytes(m::U8x16::read(&a).zip_high_64(m::U8x16::read(&b)));
        bytes(m::U8x16::read(&a).widen_low());
        bytes(m::U8x16::read(&a).widen_high());
        bytes(m::U8x16::read(&a).widen());
        bytes(m::I16x16::read(&sums).mul_add_bytes(m::U8x16::read(&a), m::U8x16::read(&b), m::BytePair::new(factors)));
        bytes(m::U8x32::splat(a[0]));
        bytes(m::U8x32::read(&c).add(m::U8x32::read(&d)));
        bytes(m::U8x32::read(&c).shr::<3>());
        bytes(m::U8x32::read(&c).add_signed(m::U8x32::read(&d)));
        bytes(m::U8x32::read(&c).compare(m::U8x32::read(&d)));
        bytes(m::Table16::new(table[..16].try_into().unwrap()).look_up(m::U8x32::read(&index16)));
        bytes(m::Table32::new(&table).look_up(m::U8x32::read(&index32)));
    }
}

#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
fn check_eights(random: &mut Random) {
    let (a, b, c): ([i16; 8], [i16; 8], [i16; 8]) = (values(random), values(random), values(random));
    let mut few = [0; 8];
    few[random.below(8)] = values::<1>(random)[0];
    let halves = [0, 8].map(|at| u64::from_ne_bytes(bytes(a)[at..at + 8].try_into().unwrap()));
    same! { m:
        bytes(m::I16x8::splat(a[0]));
        bytes(m::I16x8::from_u64(halves[0]));
        bytes(m::I16x8::from_u64s(halves));
        bytes(m::I16x8::read(&a).add(m::I16x8::read(&b)));
        bytes(m::I16x8::read(&a).sub(m::I16x8::read(&b)));
        bytes(m::I16x8::read(&a).mul(m::I16x8::read(&b)));
        bytes(m::I16x8::read(&a).max(m::I16x8::read(&b)));
        bytes(m::I16x8::read(&a).abs());
        bytes(m::I16x8::read(&a).shr::<5>());
        bytes(m::I16x8::read(&a).gt(m::I16x8::read(&b)));
        bytes(m::I16x8::read(&a).eq(m::I16x8::read(&few)));
        bytes(m::I16x8::read(&a).and(m::I16x8::read(&b)));
        bytes(m::I16x8::read(&a).or(m::I16x8::read(&b)));
        bytes(m::I16x8::read(&a).gt(m::I16x8::read(&b)).select(m::I16x8::read(&b), m::I16x8::read(&c)));
        m::I16x8::read(&few).any();
        m::I16x8::splat(0).any();
        m::I16x8::read(&few).any_of_fours();
        m::I16x8::read(&a).any_of_fours();
        m::I16x8::read(&a).sum();
        bytes(m::I16x8::read(&a).pack_u8(m::I16x8::read(&b)));
        bytes(m::I16x8::read(&a).zip_low_64(m::I16x8::read(&b)));
        bytes(m::I16x8::read(&a).zip_high_64(m::I16x8::read(&b)));
        bytes(m::I16x8::read(&a).swap_middle());
        bytes(m::I16x8::read(&a).swap_twos());
        bytes(m::I16x8::read(&a).swap_neighbours());
    }
}

#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
fn check_sixteens(random: &mut Random) {
    let (a, b): ([i16; 16], [i16; 16]) = (values(random), values(random));
    let small = b.map(|v| v >> 4);
    let (low, high): ([i16; 8], [i16; 8]) = (values(random), values(random));
    let pair = values::<2>(random);
    same! { m:
        bytes(m::I16x16::splat(a[0]));
        bytes(m::I16x16::join(m::I16x8::read(&low), m::I16x8::read(&high)));
        bytes(m::I16x16::read(&a).add(m::I16x16::read(&b)));
        bytes(m::I16x16::read(&a).sub(m::I16x16::read(&b)));
        bytes(m::I16x16::read(&a).min(m::I16x16::read(&b)));
        bytes(m::I16x16::read(&a).max(m::I16x16::read(&b)));
        bytes(m::I16x16::read(&a).abs());
        bytes(m::I16x16::read(&a).shl::<4>());
        bytes(m::I16x16::read(&a).shr::<6>());
        bytes(m::I16x16::read(&a).pack_u8());
        bytes(m::I16x16::read(&a).zip_low_16(m::I16x16::read(&b)));
        bytes(m::I16x16::read(&a).zip_high_16(m::I16x16::read(&b)));
        bytes(m::I16x16::read(&a).zip_low_32(m::I16x16::read(&b)));
        bytes(m::I16x16::read(&a).zip_high_32(m::I16x16::read(&b)));
        bytes(m::I16x16::read(&a).zip_low_64(m::I16x16::read(&b)));
        bytes(m::I16x16::read(&a).zip_high_64(m::I16x16::read(&b)));
        bytes(m::Sums16::splat(2048).mul_add(m::I16x16::read(&a), m::I16x16::read(&small), m::Pairs8::splat(pair)).shr_pack::<12>());
        m::I32x8::splat(0).dot_add(m::I16x16::read(&small), m::I16x16::read(&small)).sum_unsigned();
        bytes(m::I32x8::splat(-9).add_pairs(m::I16x16::read(&a)));
    }
}

#[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
fn check_sums(random: &mut Random) {
    let (a, b): ([i16; 8], [i16; 8]) = (values(random), values(random));
    let neighbours: [i16; 16] = values(random);
    let (p, q) = (values::<2>(random), values::<2>(random));
    let shift = 1 + random.below(20) as u32;
    let start = [0, i32::MAX, i32::MIN, 7][random.below(4)];
    same! { m:
        bytes(m::I32x4::splat(start).mul_add(m::Pairs4::zip(m::I16x8::read(&a), m::I16x8::read(&b)), m::Pairs4::splat(p)));
        bytes(m::I32x8::splat(start).mul_add(m::Pairs8::zip(m::I16x8::read(&a), m::I16x8::read(&b)), m::Pairs8::splat(p)));
        bytes(m::I32x8::splat(start).mul_add(m::Pairs8::splat_halves(p, q), m::Pairs8::repeat(m::I16x8::read(&a))));
        bytes(m::I32x8::splat(0).mul_add(m::Pairs8::from_neighbours(m::I16x16::read(&neighbours)), m::Pairs8::splat(q)));
    }
    same! { m: {
        let sums = m::I32x8::splat(0).mul_add(m::Pairs8::zip(m::I16x8::read(&a), m::I16x8::read(&b)), m::Pairs8::splat(p));
        let others = m::I32x8::splat(start).add(m::I32x8::splat(3)).sub(sums);
        let all = [bytes(sums.shr(shift)), bytes(sums.reverse()), bytes(others), bytes(others.pack()), bytes(sums.pack_with(others))];
        (all, sums.half_sums(), sums.sum_unsigned())
    };}
    same! { m: {
        let sums = m::I32x4::splat(0).mul_add(m::Pairs4::zip(m::I16x8::read(&a), m::I16x8::read(&b)), m::Pairs4::splat(p));
        let others = m::I32x4::splat(start).add(m::I32x4::splat(3)).sub(sums);
        ([bytes(sums.shr(shift)), bytes(others)], sums.pack_u64(), others.shr(shift).pack_u64())
    };}
}

#[test]
fn every_operation_means_the_same() {
    if !super::exist() {
        return;
    }
    let mut random = Random(17);
    for _ in 0..2000 {
        // SAFETY: the processor has the instructions.
        #[allow(unused_unsafe)]
        unsafe {
            check_bytes(&mut random);
            check_eights(&mut random);
            check_sixteens(&mut random);
            check_sums(&mut random);
        }
    }
}
