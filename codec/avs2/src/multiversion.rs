//! Portable code that is compiled a second time for processors with more instructions.

#![allow(unsafe_code)]

use crate::simd::Backend;

/// Runs `work`; on x86-64, if the processor has them, a copy of it that uses AVX2 and the bit instructions which came
/// with it. `work` must be marked `#[inline(always)]`, and so must
/// what it calls and what is to be part of the copy. Fused multiplication stays out, so the results are
/// the same.
#[inline(always)]
pub(crate) fn run<T>(backend: Backend, work: impl FnOnce() -> T) -> T {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
        fn with_avx2<T>(work: impl FnOnce() -> T) -> T {
            work()
        }
        if backend.has_vectors()
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("lzcnt")
            && is_x86_feature_detected!("popcnt")
        {
            // SAFETY: the processor has the instructions.
            return unsafe { with_avx2(work) };
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = backend;
    work()
}
