//! Budgets and choices of a decoder.

/// Budgets that are checked before memory is allocated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest number of coded luma samples of one picture.
    pub max_pixels: u64,
    /// Largest number of pictures in one stream.
    pub max_pictures: u32,
    /// Largest number of bytes in picture buffers, those of undelivered pictures included.
    pub max_memory: usize,
}

impl Default for Limits {
    /// 128 million samples, 2000 pictures, 1 GiB.
    fn default() -> Self {
        Self { max_pixels: 128_000_000, max_pictures: 2000, max_memory: 1 << 30 }
    }
}

/// Which instructions the sample processing may use; every level gives the same result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum SimdLevel {
    /// The best level the processor has.
    #[default]
    Auto,
    /// Portable code only.
    Scalar,
    /// AVX2 if the processor has it, else portable code.
    Avx2,
    /// NEON, which all 64-bit ARM processors have; portable code on others.
    Neon,
    /// SIMD128 of WebAssembly, in modules that are built with it, else portable code.
    Simd128,
}

/// Options of a [`Decoder`](crate::Decoder).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecoderOptions {
    /// Budgets.
    pub limits: Limits,
    /// Threads to use; 1 decodes on the calling thread; with 2 a second one reconstructs
    /// pictures and filters.
    pub threads: usize,
    /// Instructions to use.
    pub simd: SimdLevel,
    /// Sequence end codes have no meaning: pictures behind one go on with the sequence.
    pub ignore_sequence_end: bool,
}

impl Default for DecoderOptions {
    fn default() -> Self {
        Self { limits: Limits::default(), threads: 1, simd: SimdLevel::Auto, ignore_sequence_end: false }
    }
}
