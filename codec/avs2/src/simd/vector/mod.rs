//! Vectors of samples and sums, with the operations that the kernels need.
//!
//! The kernels are written once, over these types. Each set of instructions has a module that defines them: AVX2, NEON
//! and WebAssembly's SIMD128; `portable` says in plain code what each operation means, is what the others are tested
//! against, and stands in where there are no such instructions (its kernels are then never chosen). A type is as wide
//! as its name says on every processor; where registers are narrower it takes two.

/// Defines operations of a type, each for the instructions that the module is for.
macro_rules! operations {
    ($type:ident: $(fn $name:ident $(<const $n:ident>)? ($($arguments:tt)*) -> $result:ty = $body:expr;)*) => {
        impl $type { $(
            #[inline]
            #[cfg_attr(target_arch = "x86_64", target_feature(enable = "avx2"))]
            pub(crate) fn $name$(<const $n: i32>)?($($arguments)*) -> $result {
                // SAFETY: every 64-bit ARM processor has NEON, so callers need not say so.
                #[cfg(target_arch = "aarch64")]
                #[allow(unused_unsafe)]
                unsafe { $body }
                #[cfg(not(target_arch = "aarch64"))]
                { $body }
            }
        )* }
    };
}

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg(any(
    test,
    not(any(
        target_arch = "x86_64",
        target_arch = "aarch64",
        all(target_arch = "wasm32", target_feature = "simd128")
    ))
))]
// Where the machine's own vectors are used, tests compare with some of these, not with all.
#[cfg_attr(test, allow(dead_code))]
mod portable;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd128;
#[cfg(all(
    test,
    any(
        target_arch = "x86_64",
        target_arch = "aarch64",
        all(target_arch = "wasm32", target_feature = "simd128")
    )
))]
mod tests;

#[cfg(target_arch = "x86_64")]
use avx2 as chosen;
#[cfg(target_arch = "aarch64")]
use neon as chosen;
#[cfg(not(any(
    target_arch = "x86_64",
    target_arch = "aarch64",
    all(target_arch = "wasm32", target_feature = "simd128")
)))]
use portable as chosen;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
use simd128 as chosen;

pub(crate) use chosen::{
    BytePair, I16x8, I16x16, I32x4, I32x8, Pairs4, Pairs8, Sums16, Table16, Table32, U8x16, U8x32,
};

/// Whether the processor has the instructions that the types of this module are made of.
pub(crate) fn exist() -> bool {
    chosen::exist()
}

/// Types that may be read from and written to memory as they are, in the order of their elements.
///
/// # Safety
/// Only for types without padding of which every pattern of bits is a value.
pub(crate) unsafe trait Vector: Copy {
    /// The elements that begin at `from`, which need not be aligned.
    ///
    /// # Safety
    /// As many bytes as the vector has must be readable there.
    #[inline(always)]
    unsafe fn load<T>(from: *const T) -> Self {
        // SAFETY: the caller guarantees the bytes, the trait that any are a value.
        unsafe { from.cast::<Self>().read_unaligned() }
    }

    /// Writes all elements from `to` on, which need not be aligned.
    ///
    /// # Safety
    /// As many bytes as the vector has must be writable there.
    #[inline(always)]
    unsafe fn store<T>(self, to: *mut T) {
        // SAFETY: the caller guarantees the bytes.
        unsafe { to.cast::<Self>().write_unaligned(self) }
    }

    /// The first elements of a slice of integers, which must hold as many bytes as the vector.
    #[inline(always)]
    fn read<T: Copy>(from: &[T]) -> Self {
        assert!(size_of_val(from) >= size_of::<Self>());
        // SAFETY: the length was checked.
        unsafe { Self::load(from.as_ptr()) }
    }

    /// Writes the first elements of a slice of 16-bit integers, which must hold as many bytes as the vector.
    #[inline(always)]
    fn write(self, to: &mut [i16]) {
        assert!(size_of_val(to) >= size_of::<Self>());
        // SAFETY: the length was checked.
        unsafe { self.store(to.as_mut_ptr()) }
    }
}

// SAFETY: all are vectors of integers, or two of them in order.
unsafe impl Vector for U8x16 {}
// SAFETY: as above.
unsafe impl Vector for U8x32 {}
// SAFETY: as above.
unsafe impl Vector for I16x8 {}
// SAFETY: as above.
unsafe impl Vector for I16x16 {}
