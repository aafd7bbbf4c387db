//! Choice of instructions at run time.
//!
//! `unsafe` exists in the kernels, here, of the encoder and of inter prediction, and in the vectors that they are
//! written with. Each kernel has a portable twin beside its caller that gives the same result; kernels return whether
//! they did the work.

pub(crate) mod kernels;
#[allow(unsafe_code)]
pub(crate) mod vector;

use crate::SimdLevel;

/// Instructions that the processor is known to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backend {
    vectors: bool,
}

impl Backend {
    /// Portable code.
    pub const SCALAR: Self = Self { vectors: false };

    /// What `level` asks for, as far as the processor has it.
    #[must_use]
    pub fn detect(level: SimdLevel) -> Self {
        let of = |has: bool| Self { vectors: has && vector::exist() };
        match level {
            SimdLevel::Auto => of(true),
            SimdLevel::Avx2 => of(cfg!(target_arch = "x86_64")),
            SimdLevel::Neon => of(cfg!(target_arch = "aarch64")),
            SimdLevel::Simd128 => of(cfg!(target_arch = "wasm32")),
            SimdLevel::Scalar => Self::SCALAR,
        }
    }

    /// Whether the kernels may be used.
    #[inline]
    #[must_use]
    pub fn has_vectors(self) -> bool {
        self.vectors
    }
}

/// Helpers to compare kernels with their portable twins.
#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Every level the processor has.
    pub(crate) fn levels() -> Vec<Backend> {
        vec![Backend::detect(SimdLevel::Auto)]
    }

    #[test]
    fn a_level_is_chosen_only_where_it_is() {
        let named = [SimdLevel::Avx2, SimdLevel::Neon, SimdLevel::Simd128].map(Backend::detect);
        let chosen = named.into_iter().filter(|backend| backend.has_vectors()).count();
        assert_eq!(chosen == 1, Backend::detect(SimdLevel::Auto).has_vectors());
        assert!(chosen <= 1 && !Backend::detect(SimdLevel::Scalar).has_vectors());
        // All processors of this kind have them.
        assert!(!cfg!(target_arch = "aarch64") || Backend::detect(SimdLevel::Neon).has_vectors());
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
