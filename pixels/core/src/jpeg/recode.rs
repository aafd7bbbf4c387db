//! JPEG from JPEG, without a way through pixels: coefficients coded anew as they are, or samples quantised anew at
//! the resolution at which each component is stored.

use std::ffi::c_int;
use std::slice::from_raw_parts;

use mozjpeg_sys::*;

use super::decode;
use super::encode::{self, Segments};
use super::header::read_header;
use super::session::{Compress, Decompress, Watch, guarded};
use crate::error::{Error, Result, argument};

/// Samples of a block's side.
const BLOCK: usize = 8;
/// Components at most.
const MAX_COMPONENTS: usize = 4;

/// How coefficients are quantised.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Quantisation {
    /// As they are: no pixel changes.
    Kept,
    /// By the tables of MozJPEG for a quality of 1-100.
    Quality(u8),
}

/// How to write.
#[derive(Debug, Clone, Copy)]
pub struct RecodeOptions<'a> {
    /// How coefficients are quantised.
    pub quantisation: Quantisation,
    /// Search for the cheapest coefficients and scans; otherwise the file serves only to be looked at.
    pub thorough: bool,
    /// What is embedded; nothing else of the source's segments is kept.
    pub segments: Segments<'a>,
    /// Scans of the source at most.
    pub max_scans: u32,
    /// Bytes at most for the coefficients of source and result together.
    pub max_bytes: u64,
}

/// Codes a JPEG anew.
///
/// # Errors
/// Damaged data; a kind that is not read, or data that a decoder warns of; more memory or scans than allowed.
pub fn recode(data: &[u8], options: &RecodeOptions<'_>) -> Result<Vec<u8>> {
    if let Quantisation::Quality(quality) = options.quantisation
        && !(1..=100).contains(&quality)
    {
        return Err(argument(format!("the quality is {quality}, not 1 to 100")));
    }
    encode::check_segments(&options.segments)?;
    let header = read_header(data)?;
    decode::supported_mode(&header)?;
    let watch = Watch { max_scans: options.max_scans, max_bytes: options.max_bytes / 2, ..Watch::default() };
    let mut source = Decompress::new(watch)?;
    decode::attach(&mut source, data);
    source.watch_scans();
    let mut target = Compress::new(Watch { max_bytes: options.max_bytes / 2, ..Watch::default() })?;
    encode::attach(&mut target);
    let parts = target.parts();
    guarded(|| {
        let (read, written) = (source.object(), target.object());
        // SAFETY: both objects are created; source and destination live as long as the sessions.
        unsafe {
            jpeg_read_header(read, 1);
            match options.quantisation {
                Quantisation::Kept => keep(read, written, options),
                Quantisation::Quality(quality) => quantise(read, written, quality, options)?,
            }
            jpeg_finish_compress(written);
            jpeg_finish_decompress(read);
        }
        Ok::<_, Error>(())
    })??;
    if source.watch().warned > 0 {
        let told = source.watch().warnings.join("; ");
        return Err(Error::Unsupported(format!("JPEG: not coded anew after warnings: {told}")));
    }
    // SAFETY: no call of libjpeg runs any more.
    Ok(std::mem::take(unsafe { &mut (*parts).watch.output }))
}

/// # Safety
/// The header is read, the compressor created with a destination.
unsafe fn keep(
    read: &mut jpeg_decompress_struct,
    written: &mut jpeg_compress_struct,
    options: &RecodeOptions<'_>,
) {
    // SAFETY: in the order that libjpeg asks for; the arrays live until the source is finished.
    unsafe {
        let coefficients = jpeg_read_coefficients(read);
        set_profile(written, options.thorough);
        jpeg_copy_critical_parameters(read, written);
        finish_parameters(written, options.thorough);
        jpeg_write_coefficients(written, coefficients);
        encode::write_segments(written, &options.segments);
    }
}

/// # Safety
/// As of `keep`.
unsafe fn quantise(
    read: &mut jpeg_decompress_struct,
    written: &mut jpeg_compress_struct,
    quality: u8,
    options: &RecodeOptions<'_>,
) -> Result<()> {
    read.raw_data_out = 1;
    read.do_fancy_upsampling = 0;
    read.do_block_smoothing = 0;
    read.dct_method = J_DCT_METHOD::JDCT_ISLOW;
    read.out_color_space = read.jpeg_color_space;
    // SAFETY: the header is read; the source never suspends.
    unsafe { jpeg_start_decompress(read) };
    let count = read.num_components as usize;
    if !(1..=MAX_COMPONENTS).contains(&count) {
        return Err(Error::Unsupported(format!("JPEG: {count} components")));
    }
    written.image_width = read.image_width;
    written.image_height = read.image_height;
    written.input_components = read.num_components;
    written.in_color_space = read.jpeg_color_space;
    // SAFETY: the fields that they read are set; `comp_info` has an entry for each component on both sides.
    unsafe {
        set_profile(written, options.thorough);
        jpeg_set_defaults(written);
        jpeg_set_colorspace(written, read.jpeg_color_space);
        jpeg_set_quality(written, quality.into(), 1);
        for index in 0..count {
            let (from, to) = (&*read.comp_info.add(index), &mut *written.comp_info.add(index));
            to.h_samp_factor = from.h_samp_factor;
            to.v_samp_factor = from.v_samp_factor;
            to.component_id = from.component_id;
        }
        finish_parameters(written, options.thorough);
        written.density_unit = read.density_unit;
        written.X_density = read.X_density;
        written.Y_density = read.Y_density;
        written.raw_data_in = 1;
        jpeg_start_compress(written, 1);
        encode::write_segments(written, &options.segments);
        copy_rows(read, written, count)
    }
}

/// # Safety
/// Both have started, with raw data and equal sampling.
unsafe fn copy_rows(
    read: &mut jpeg_decompress_struct,
    written: &mut jpeg_compress_struct,
    count: usize,
) -> Result<()> {
    // SAFETY: an entry for each component.
    let parts = unsafe { from_raw_parts(read.comp_info, count) };
    let sizes: Vec<(usize, usize)> = parts
        .iter()
        .map(|part| (part.width_in_blocks as usize * BLOCK, part.v_samp_factor as usize * BLOCK))
        .collect();
    let mut planes: Vec<Vec<u8>> = sizes.iter().map(|(width, rows)| vec![0; width * rows]).collect();
    let mut rows: Vec<Vec<*mut u8>> = planes
        .iter_mut()
        .zip(&sizes)
        .map(|(plane, (width, _))| plane.chunks_exact_mut(*width).map(<[u8]>::as_mut_ptr).collect())
        .collect();
    let mut tables = [std::ptr::null_mut(); MAX_COMPONENTS];
    for (table, rows) in tables.iter_mut().zip(&mut rows) {
        *table = rows.as_mut_ptr();
    }
    let lines = (read.max_v_samp_factor as usize * BLOCK) as JDIMENSION;
    while read.output_scanline < read.output_height {
        // SAFETY: of every component as many rows as an iMCU row has, each as wide as its blocks.
        let (got, put) = unsafe {
            let got = jpeg_read_raw_data(read, tables.as_mut_ptr(), lines);
            (got, jpeg_write_raw_data(written, tables.as_ptr().cast(), lines))
        };
        if got == 0 || put == 0 {
            return Err(Error::Damaged("JPEG: no rows come".into()));
        }
    }
    Ok(())
}

/// # Safety
/// The object is created.
unsafe fn set_profile(written: &mut jpeg_compress_struct, thorough: bool) {
    let profile = if thorough { JCP_MAX_COMPRESSION } else { JCP_FASTEST };
    // SAFETY: it sets a field.
    unsafe {
        jpeg_c_set_int_param(written, JINT_COMPRESS_PROFILE, profile as c_int);
    }
}

/// # Safety
/// All other parameters are set.
unsafe fn finish_parameters(written: &mut jpeg_compress_struct, thorough: bool) {
    if thorough {
        written.optimize_coding = 1;
        // SAFETY: components and colour space are known.
        unsafe { jpeg_simple_progression(written) };
    }
}

#[cfg(test)]
mod tests {
    use super::super::{DecodeOptions, Decoder, EncodeOptions, Sampling, encode};
    use super::*;
    use crate::mode::{Image, Mode, byte_count};

    fn picture(count: usize) -> Vec<u8> {
        (0..count as u32)
            .map(|place| (place / 3 % 251 / 2 + (place.wrapping_mul(2_654_435_761) >> 29)) as u8)
            .collect()
    }

    fn options<'a>(quantisation: Quantisation, thorough: bool) -> RecodeOptions<'a> {
        let segments = Segments { exif: b"II*\0", xmp: b"<x/>", icc: b"profile" };
        RecodeOptions { quantisation, thorough, segments, max_scans: 100, max_bytes: 1 << 28 }
    }

    fn decode(data: &[u8]) -> Vec<u8> {
        let options = DecodeOptions { scale: 8, region: None, max_scans: 100, max_bytes: 1 << 24 };
        let decoder = Decoder::new(data, &options).unwrap();
        let (width, height) = decoder.size();
        let mut out = vec![0; byte_count(decoder.mode(), width, height).unwrap()];
        assert_eq!(decoder.decode(&mut out).unwrap(), super::super::Report::default());
        out
    }

    #[test]
    fn kept_coefficients_show_the_same() {
        for (mode, sampling, progressive) in [
            (Mode::L, Sampling::Full, false),
            (Mode::Rgb, Sampling::Full, true),
            (Mode::Rgb, Sampling::Half, false),
            (Mode::Rgb, Sampling::Quarter, false),
            (Mode::Cmyk, Sampling::Full, false),
        ] {
            let pixels = picture(97 * 83 * mode.channels());
            let image = Image::new(mode, 97, 83, &pixels).unwrap();
            let options_of = EncodeOptions { sampling, progressive, ..EncodeOptions::default() };
            let data = encode(&image, &options_of).unwrap();
            let again = recode(&data, &options(Quantisation::Kept, true)).unwrap();
            assert!(decode(&again) == decode(&data), "{mode:?} {sampling:?}");
            assert!(again.len() < data.len() + 100);
            let coarse = recode(&data, &options(Quantisation::Quality(40), true)).unwrap();
            assert!(coarse.len() < data.len(), "{mode:?} {sampling:?}");
            let error: u64 = decode(&coarse)
                .iter()
                .zip(decode(&data))
                .map(|(&one, other)| u64::from(one.abs_diff(other)))
                .sum();
            assert!(error < 12 * pixels.len() as u64, "{mode:?} {sampling:?} {error}");
        }
    }

    #[test]
    fn refuses_what_it_cannot_do() {
        let pixels = picture(64 * 64 * 3);
        let data =
            encode(&Image::new(Mode::Rgb, 64, 64, &pixels).unwrap(), &EncodeOptions::default()).unwrap();
        assert!(recode(&data, &options(Quantisation::Quality(0), true)).is_err());
        for quantisation in [Quantisation::Kept, Quantisation::Quality(50)] {
            assert!(recode(&data[..data.len() - 40], &options(quantisation, true)).is_err());
            for place in (0..data.len()).step_by(7) {
                let mut damaged = data.clone();
                damaged[place] ^= 0x55;
                let _ = recode(&damaged, &options(quantisation, false));
            }
        }
        let long = vec![0; 70_000];
        let segments = Segments { exif: &long, ..Segments::default() };
        assert!(recode(&data, &RecodeOptions { segments, ..options(Quantisation::Kept, false) }).is_err());
    }
}
