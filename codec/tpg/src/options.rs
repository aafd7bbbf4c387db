//! Budgets and choices of a decoder.

pub use avs2::SimdLevel;

use crate::format::Header;

/// Budgets that are checked before memory is allocated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest number of luma samples of one picture, by the header chunk and by the coded size.
    pub max_pixels: u64,
    /// Largest number of frames.
    pub max_frames: u32,
    /// Largest number of pixels of all frames together.
    pub max_total_pixels: u64,
    /// Largest size of a file, in bytes.
    pub max_bytes: usize,
    /// Largest number of bytes in the decoder's picture buffers.
    pub max_memory: usize,
}

impl Default for Limits {
    /// 128 million pixels, 2000 frames, 4000 million pixels in all frames, 256 MiB of file, 1 GiB of memory.
    fn default() -> Self {
        Self {
            max_pixels: 128_000_000,
            max_frames: 2000,
            max_total_pixels: 4_000_000_000,
            max_bytes: 256 << 20,
            max_memory: 1 << 30,
        }
    }
}

/// Of smaller pictures a further thread costs more than it takes over.
const PIXELS_FOR_THREADS: u64 = 1 << 18;

/// Options of a [`Decoder`](crate::Decoder).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Budgets.
    pub limits: Limits,
    /// Threads to use, at least 1.
    pub threads: usize,
    /// Instructions to use; every level gives the same samples.
    pub simd: SimdLevel,
}

impl Default for Options {
    fn default() -> Self {
        Self { limits: Limits::default(), threads: 1, simd: SimdLevel::Auto }
    }
}

impl Options {
    /// Those of the stream in a file. Tencent's decoder takes a sequence end code behind any picture.
    pub(crate) fn stream_in_file(&self, header: &Header) -> avs2::DecoderOptions {
        let pixels = u64::from(header.width) * u64::from(header.height);
        let threads = if pixels < PIXELS_FOR_THREADS { 1 } else { self.threads.max(1) };
        avs2::DecoderOptions { ignore_sequence_end: true, threads, ..self.stream() }
    }

    pub(crate) fn stream(&self) -> avs2::DecoderOptions {
        avs2::DecoderOptions {
            limits: avs2::Limits {
                max_pixels: self.limits.max_pixels,
                // An animation with alpha has two pictures per frame.
                max_pictures: self.limits.max_frames.saturating_mul(2),
                max_memory: self.limits.max_memory,
            },
            threads: self.threads.max(1),
            simd: self.simd,
            ignore_sequence_end: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_pictures_are_decoded_by_one_thread() {
        let options = Options { threads: 2, ..Options::default() };
        let threads = |width, height| {
            options.stream_in_file(&Header { flags: 0, width, height, declared_frames: None }).threads
        };
        assert_eq!([threads(511, 512), threads(512, 512), threads(16383, 16383)], [1, 2, 2]);
    }
}
