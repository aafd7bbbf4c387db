//! Choice of instructions at run time.
//!
//! `unsafe` exists in the `avx2` module (and in that of inter prediction) only. Each kernel has a portable twin beside
//! its caller that gives the same result; kernels return whether they did the work.

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx2;

use crate::SimdLevel;

/// Instructions that the processor is known to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backend {
    avx2: bool,
}

impl Backend {
    /// Portable code.
    pub const SCALAR: Self = Self { avx2: false };

    /// What `level` asks for, as far as the processor has it.
    #[must_use]
    pub fn detect(level: SimdLevel) -> Self {
        #[cfg(target_arch = "x86_64")]
        let avx2 = std::arch::is_x86_feature_detected!("avx2");
        #[cfg(not(target_arch = "x86_64"))]
        let avx2 = false;
        match level {
            SimdLevel::Auto | SimdLevel::Avx2 => Self { avx2 },
            SimdLevel::Scalar => Self::SCALAR,
        }
    }

    /// Whether AVX2 may be used.
    #[inline]
    #[must_use]
    pub fn has_avx2(self) -> bool {
        self.avx2
    }
}

/// Helpers to compare kernels with their portable twins.
#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Every level the processor has.
    pub(crate) fn levels() -> Vec<Backend> {
        vec![Backend::detect(SimdLevel::Avx2)]
    }

    /// A reproducible sequence.
    pub(crate) struct Random(pub u64);

    impl Random {
        pub(crate) fn below(&mut self, limit: usize) -> usize {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((self.0 >> 33) as usize) % limit
        }

        pub(crate) fn sample(&mut self) -> u8 {
            self.below(256) as u8
        }
    }
}
