//! Encoding, with the bytes that libjpeg-turbo writes at the same settings.

use std::ffi::{c_int, c_uint};

use mozjpeg_sys::*;

use super::session::{Compress, Watch, guarded, watch_of};
use crate::error::{Error, Result, argument};
use crate::mode::{Image, Mode};

/// The longest side that libjpeg takes (JPEG_MAX_DIMENSION).
const MAX_SIDE: u32 = 65_500;

/// The most bytes of a marker's segment.
const SEGMENT: usize = 65_533;

const EXIF: &[u8] = b"Exif\0\0";
const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
const ICC: &[u8] = b"ICC_PROFILE\0";

/// Chroma samples to a pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sampling {
    /// One for each pixel.
    Full,
    /// One for two pixels of a row.
    Half,
    /// One for 2x2 pixels.
    Quarter,
}

impl Sampling {
    /// The sampling called so: "4:4:4", "4:2:2" or "4:2:0".
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "4:4:4" => Some(Self::Full),
            "4:2:2" => Some(Self::Half),
            "4:2:0" => Some(Self::Quarter),
            _ => None,
        }
    }
}

/// What is embedded besides pixels; empty for nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Segments<'a> {
    /// The TIFF structure, without the prefix.
    pub exif: &'a [u8],
    /// The XMP packet.
    pub xmp: &'a [u8],
    /// The ICC profile.
    pub icc: &'a [u8],
}

/// How to write.
#[derive(Debug, Clone, Copy)]
pub struct EncodeOptions<'a> {
    /// 1-100 on libjpeg's scale.
    pub quality: u8,
    /// Of RGB pictures.
    pub sampling: Sampling,
    /// In several scans.
    pub progressive: bool,
    /// With Huffman tables made for the picture; progressive files always have them.
    pub optimize: bool,
    /// Pixels per inch, across and down.
    pub density: Option<(u16, u16)>,
    /// What is embedded.
    pub segments: Segments<'a>,
    /// Bytes at most for the coefficients, which optimised and progressive files keep.
    pub max_bytes: u64,
}

impl Default for EncodeOptions<'_> {
    fn default() -> Self {
        Self {
            quality: 75,
            sampling: Sampling::Quarter,
            progressive: false,
            optimize: false,
            density: None,
            segments: Segments::default(),
            max_bytes: 1 << 30,
        }
    }
}

/// Encodes a picture of mode L, RGB or CMYK.
///
/// # Errors
/// Another mode, sides or segments too long for a JPEG, or more memory than allowed.
pub fn encode(image: &Image<'_>, options: &EncodeOptions<'_>) -> Result<Vec<u8>> {
    let space = check(image, options)?;
    let mut session = Compress::new(Watch { max_bytes: options.max_bytes, ..Watch::default() })?;
    attach(&mut session);
    let parts = session.parts();
    guarded(|| {
        let object = session.object();
        // SAFETY: the object is created, and every pointer given to it outlives the call.
        unsafe {
            set_up(object, image, space, options);
            jpeg_start_compress(object, 1);
            write_segments(object, &options.segments);
            write_rows(object, image);
            jpeg_finish_compress(object);
        }
    })?;
    // SAFETY: no call of libjpeg runs any more.
    Ok(std::mem::take(unsafe { &mut (*parts).watch.output }))
}

fn check(image: &Image<'_>, options: &EncodeOptions<'_>) -> Result<J_COLOR_SPACE> {
    if !(1..=100).contains(&options.quality) {
        return Err(argument(format!("the quality is {}, not 1 to 100", options.quality)));
    }
    if image.width().max(image.height()) > MAX_SIDE {
        return Err(Error::Limit(format!(
            "a side of a JPEG is at most {MAX_SIDE}, and the picture has {}x{}",
            image.width(),
            image.height()
        )));
    }
    check_segments(&options.segments)?;
    match image.mode() {
        Mode::L => Ok(JCS_GRAYSCALE),
        Mode::Rgb => Ok(JCS_RGB),
        Mode::Cmyk => Ok(JCS_CMYK),
        other => Err(argument(format!("a JPEG holds L, RGB or CMYK, not {}", other.name()))),
    }
}

/// Refuses what is too long for a JPEG's segments.
pub(super) fn check_segments(segments: &Segments<'_>) -> Result<()> {
    for (name, prefix, data) in [("EXIF", EXIF, segments.exif), ("XMP", XMP, segments.xmp)] {
        let most = SEGMENT - prefix.len();
        if data.len() > most {
            return Err(argument(format!("{name} has {} bytes; a JPEG holds {most}", data.len())));
        }
    }
    let most = 255 * icc_part();
    if segments.icc.len() > most {
        return Err(argument(format!("the profile has {} bytes; a JPEG holds {most}", segments.icc.len())));
    }
    Ok(())
}

fn icc_part() -> usize {
    SEGMENT - ICC.len() - 2
}

/// # Safety
/// `object` is a created compressor with a destination.
unsafe fn set_up(
    object: &mut jpeg_compress_struct,
    image: &Image<'_>,
    space: J_COLOR_SPACE,
    options: &EncodeOptions<'_>,
) {
    object.image_width = image.width();
    object.image_height = image.height();
    object.input_components = image.mode().channels() as c_int;
    object.in_color_space = space;
    // SAFETY: the fields that they read are set, in the order that libjpeg asks for.
    unsafe {
        jpeg_c_set_int_param(object, JINT_COMPRESS_PROFILE, JCP_FASTEST as c_int);
        jpeg_set_defaults(object);
        jpeg_set_quality(object, options.quality.into(), 1);
        if image.mode() == Mode::Rgb {
            let (across, down) = match options.sampling {
                Sampling::Full => (1, 1),
                Sampling::Half => (2, 1),
                Sampling::Quarter => (2, 2),
            };
            (*object.comp_info).h_samp_factor = across;
            (*object.comp_info).v_samp_factor = down;
        }
        if options.progressive {
            jpeg_simple_progression(object);
        }
    }
    object.optimize_coding = options.optimize.into();
    if let Some((across, down)) = options.density {
        object.density_unit = 1;
        object.X_density = across;
        object.Y_density = down;
    }
}

/// # Safety
/// `object` has started and no row is written.
pub(super) unsafe fn write_segments(object: &mut jpeg_compress_struct, segments: &Segments<'_>) {
    const APP1: c_int = 0xE1;
    const APP2: c_int = 0xE2;
    let mut write = |marker: c_int, segment: &[u8]| {
        // SAFETY: the pointer is good for the length, which `check` has bounded.
        unsafe { jpeg_write_marker(object, marker, segment.as_ptr(), segment.len() as c_uint) };
    };
    for (prefix, data) in [(EXIF, segments.exif), (XMP, segments.xmp)] {
        if !data.is_empty() {
            write(APP1, &[prefix, data].concat());
        }
    }
    let count = segments.icc.len().div_ceil(icc_part()) as u8;
    for (number, part) in (1..=count).zip(segments.icc.chunks(icc_part())) {
        write(APP2, &[ICC, &[number, count], part].concat());
    }
}

/// # Safety
/// `object` has started with the image's size and mode.
unsafe fn write_rows(object: &mut jpeg_compress_struct, image: &Image<'_>) {
    let inverted = image.mode() == Mode::Cmyk;
    let mut buffer = Vec::new();
    for row in image.rows() {
        let samples = if inverted {
            // Adobe's way, which readers expect: 255 is no ink.
            buffer.clear();
            buffer.extend(row.iter().map(|sample| !sample));
            &buffer[..]
        } else {
            row
        };
        let rows = [samples.as_ptr()];
        // SAFETY: one row of the width that the object knows.
        unsafe { jpeg_write_scanlines(object, rows.as_ptr(), 1) };
    }
}

pub(super) fn attach(session: &mut Compress) {
    let parts = session.parts();
    // SAFETY: `parts` is valid as long as the session.
    unsafe {
        (*parts).destination.init_destination = Some(start);
        (*parts).destination.empty_output_buffer = Some(grow);
        (*parts).destination.term_destination = Some(finish);
        session.object().dest = &raw mut (*parts).destination;
    }
}

/// The first size of the output; it doubles.
const FIRST: usize = 1 << 16;

unsafe extern "C-unwind" fn start(cinfo: &mut jpeg_compress_struct) {
    // SAFETY: a callback of a session, and the only reference.
    unsafe { watch_of(&mut cinfo.common) }.output.clear();
    offer(cinfo, 0);
}

/// Gives libjpeg the output from `used` on.
fn offer(cinfo: &mut jpeg_compress_struct, used: usize) {
    // SAFETY: a callback of a session, and the only reference.
    let output = &mut unsafe { watch_of(&mut cinfo.common) }.output;
    output.resize((used * 2).max(FIRST), 0);
    let free = &mut output[used..];
    let (place, length) = (free.as_mut_ptr(), free.len());
    // SAFETY: `attach` has set the destination.
    let destination = unsafe { &mut *cinfo.dest };
    destination.next_output_byte = place;
    destination.free_in_buffer = length;
}

unsafe extern "C-unwind" fn grow(cinfo: &mut jpeg_compress_struct) -> boolean {
    // libjpeg asks when all of the buffer is used, whatever `free_in_buffer` says.
    // SAFETY: a callback of a session, and the only reference.
    let used = unsafe { watch_of(&mut cinfo.common) }.output.len();
    offer(cinfo, used);
    1
}

unsafe extern "C-unwind" fn finish(cinfo: &mut jpeg_compress_struct) {
    // SAFETY: `attach` has set the destination.
    let free = unsafe { (*cinfo.dest).free_in_buffer };
    // SAFETY: a callback of a session, and the only reference.
    let output = &mut unsafe { watch_of(&mut cinfo.common) }.output;
    output.truncate(output.len() - free);
}

#[cfg(test)]
mod tests {
    use super::super::{DecodeOptions, Decoder};
    use super::*;
    use crate::mode::Region;

    fn noise(count: usize) -> Vec<u8> {
        (0..count as u32).map(|place| (place.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
    }

    fn options() -> DecodeOptions {
        DecodeOptions { scale: 8, region: None, max_scans: 100, max_bytes: 1 << 24 }
    }

    fn decode(data: &[u8], options: &DecodeOptions) -> Result<(Vec<u8>, super::super::Report)> {
        let decoder = Decoder::new(data, options)?;
        let (width, height) = decoder.size();
        let mut out = vec![0; crate::byte_count(decoder.mode(), width, height)?];
        let report = decoder.decode(&mut out)?;
        Ok((out, report))
    }

    #[test]
    fn windows_are_cut_out_of_the_whole() {
        let pixels = noise(97 * 83 * 3);
        let image = Image::new(Mode::Rgb, 97, 83, &pixels).unwrap();
        for progressive in [false, true] {
            let data = encode(&image, &EncodeOptions { progressive, ..EncodeOptions::default() }).unwrap();
            let (whole, report) = decode(&data, &options()).unwrap();
            assert_eq!(report, super::super::Report::default());
            for region in [
                Region { left: 0, top: 0, width: 1, height: 1 },
                Region { left: 17, top: 33, width: 40, height: 20 },
                Region { left: 96, top: 82, width: 1, height: 1 },
                Region { left: 0, top: 50, width: 97, height: 33 },
            ] {
                let (part, _) = decode(&data, &DecodeOptions { region: Some(region), ..options() }).unwrap();
                let stride = region.width as usize * 3;
                for (y, row) in part.chunks(stride).enumerate() {
                    let start = ((region.top as usize + y) * 97 + region.left as usize) * 3;
                    assert_eq!(row, &whole[start..start + stride], "{region:?} row {y} {progressive}");
                }
            }
        }
    }

    #[test]
    fn tells_a_missing_end_from_missing_data() {
        let pixels = noise(64 * 64 * 3);
        let image = Image::new(Mode::Rgb, 64, 64, &pixels).unwrap();
        for progressive in [false, true] {
            let data = encode(&image, &EncodeOptions { progressive, ..EncodeOptions::default() }).unwrap();
            let (_, report) = decode(&data[..data.len() - 2], &options()).unwrap();
            assert!(report.missing_end && !report.truncated, "{progressive} {report:?}");
            let (_, report) = decode(&data[..data.len() - 40], &options()).unwrap();
            assert!(report.truncated && !report.missing_end, "{progressive} {report:?}");
        }
    }

    #[test]
    fn limits_hold() {
        let pixels = noise(512 * 512 * 3);
        let image = Image::new(Mode::Rgb, 512, 512, &pixels).unwrap();
        let data = encode(&image, &EncodeOptions { progressive: true, ..EncodeOptions::default() }).unwrap();
        let few = DecodeOptions { max_scans: 3, ..options() };
        assert!(matches!(decode(&data, &few), Err(Error::Limit(told)) if told.contains("3 scans")));
        // Coefficients of all the picture take more; what is smaller, libjpeg always allows itself.
        let little = DecodeOptions { max_bytes: 512 * 512 * 3 + 1000, ..options() };
        assert!(matches!(decode(&data, &little), Err(Error::Limit(told)) if told.contains("memory")));
    }

    #[test]
    fn damage_is_an_error_or_a_report() {
        let pixels = noise(48 * 48 * 3);
        let image = Image::new(Mode::Rgb, 48, 48, &pixels).unwrap();
        let data = encode(&image, &EncodeOptions { progressive: true, ..EncodeOptions::default() }).unwrap();
        for place in 0..data.len() {
            let mut damaged = data.clone();
            damaged[place] ^= 0x55;
            let _ = decode(&damaged, &DecodeOptions { max_bytes: 1 << 20, ..options() });
        }
    }
}
