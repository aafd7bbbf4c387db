//! Choice of instructions at run time.
//!
//! `unsafe` exists in this module only. Each kernel has a portable twin outside of it that gives the same result.

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
    #[must_use]
    pub fn has_avx2(self) -> bool {
        self.avx2
    }
}
