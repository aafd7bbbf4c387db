//! Decoding: whole, at an eighth to eight eighths of the size, and windows.

use std::ffi::{c_int, c_long};
use std::slice::from_raw_parts;

use mozjpeg_sys::*;

use super::header::{Header, read_header};
use super::session::{Decompress, Watch, guarded, watch_of};
use crate::error::{Error, Result, argument};
use crate::mode::{Mode, Region, byte_count};

/// Rows asked for at a time; libjpeg gives what it has ready, at most four or so.
const ROWS: usize = 8;

/// What to decode, and how much it may take.
#[derive(Debug, Clone, Copy)]
pub struct DecodeOptions {
    /// Eighths of the size, 1-8.
    pub scale: u8,
    /// Of the scaled picture; None for all of it.
    pub region: Option<Region>,
    /// Scans of a progressive file at most.
    pub max_scans: u32,
    /// Bytes at most for the result and the coefficients of files in several scans together.
    pub max_bytes: u64,
}

/// What was found while decoding.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// libjpeg's warnings, each once, the first few.
    pub warnings: Vec<String>,
    /// How often it warned.
    pub warning_count: u32,
    /// The data end without an end marker, but every pixel that was asked for is there.
    pub missing_end: bool,
    /// Pixels are missing since the data end too early; they are grey, or coarser than the file meant.
    pub truncated: bool,
}

/// A JPEG whose header was read and found within the limits.
pub struct Decoder<'a> {
    session: Decompress,
    mode: Mode,
    region: Region,
    // libjpeg reads from it during calls.
    _data: &'a [u8],
}

impl<'a> Decoder<'a> {
    /// Reads the header.
    ///
    /// # Errors
    /// Damaged or unsupported data, a window outside the picture, or a result above the limit.
    pub fn new(data: &'a [u8], options: &DecodeOptions) -> Result<Self> {
        if !(1..=8).contains(&options.scale) {
            return Err(argument(format!("the scale is {} eighths, not 1 to 8", options.scale)));
        }
        let header = read_header(data)?;
        let mode = supported_mode(&header)?;
        let watch = Watch { max_scans: options.max_scans, max_bytes: options.max_bytes, ..Watch::default() };
        let mut session = Decompress::new(watch)?;
        attach(&mut session, data);
        session.watch_scans();
        guarded(|| {
            let object = session.object();
            // SAFETY: the object is created, and its source lives as long as `self`.
            unsafe {
                jpeg_read_header(object, 1);
                object.out_color_space = color_space(mode);
                object.scale_num = options.scale.into();
                object.scale_denom = 8;
                jpeg_calc_output_dimensions(object);
            }
        })?;
        let object = session.object();
        if object.output_components as usize != mode.channels() {
            return Err(Error::Unsupported(format!("JPEG: {} components", object.num_components)));
        }
        let (width, height) = (object.output_width, object.output_height);
        let region = options.region.unwrap_or(Region::whole(width, height)).within(width, height)?;
        let bytes = byte_count(mode, region.width, region.height)? as u64;
        if bytes > options.max_bytes {
            return Err(Error::Limit(format!(
                "the picture takes {bytes} bytes, more than the {} allowed",
                options.max_bytes
            )));
        }
        session.limit_memory(options.max_bytes - bytes);
        Ok(Self { session, mode, region, _data: data })
    }

    /// The mode of the result.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Width and height of the result.
    pub fn size(&self) -> (u32, u32) {
        (self.region.width, self.region.height)
    }

    /// Decodes into `out`. What lies below the window is not read.
    ///
    /// # Errors
    /// Damaged data, more scans or memory than allowed, or `out` of the wrong length.
    pub fn decode(mut self, out: &mut [u8]) -> Result<Report> {
        let (width, height) = self.size();
        if out.len() != byte_count(self.mode, width, height)? {
            return Err(argument(format!(
                "a buffer of {} bytes does not hold {width}x{height} pixels",
                out.len()
            )));
        }
        let (mode, region) = (self.mode, self.region);
        let session = &mut self.session;
        let whole = guarded(|| {
            let object = session.object();
            // SAFETY: the header is read; the source never suspends.
            unsafe { jpeg_start_decompress(object) };
            read_region(object, mode, region, out)?;
            let whole = object.output_scanline >= object.output_height;
            if whole {
                // SAFETY: all rows are read.
                unsafe { jpeg_finish_decompress(object) };
            }
            Ok::<_, Error>(whole)
        })??;
        if mode == Mode::Cmyk {
            out.iter_mut().for_each(|sample| *sample = !*sample);
        }
        Ok(report(session, whole))
    }
}

pub(super) fn supported_mode(header: &Header) -> Result<Mode> {
    if header.precision != 8 || header.lossless {
        let kind = if header.lossless { "lossless" } else { "lossy" };
        return Err(Error::Unsupported(format!("JPEG: {kind} samples of {} bits", header.precision)));
    }
    header.mode().ok_or_else(|| Error::Unsupported(format!("JPEG: {} components", header.components.len())))
}

fn color_space(mode: Mode) -> J_COLOR_SPACE {
    match mode {
        Mode::L => JCS_GRAYSCALE,
        Mode::Cmyk => JCS_CMYK,
        _ => JCS_RGB,
    }
}

fn report(session: &mut Decompress, whole: bool) -> Report {
    let incomplete = whole && session.watch().ran_out && lacks_scans(session.object());
    let watch = session.watch();
    let truncated = watch.starved || incomplete;
    Report {
        warnings: watch.warnings.clone(),
        warning_count: watch.warned,
        missing_end: watch.ran_out && !truncated,
        truncated,
    }
}

/// Whether a component or, in progressive files, the last bits of a coefficient never came.
fn lacks_scans(object: &mut jpeg_decompress_struct) -> bool {
    let count = object.num_components as usize;
    // SAFETY: `comp_info` has an entry for each component, `coef_bits` if not null 64 numbers for each.
    unsafe {
        if object.comp_info.is_null() {
            return true;
        }
        let unseen = from_raw_parts(object.comp_info, count).iter().any(|part| part.quant_table.is_null());
        let bits = object.coef_bits.cast::<[c_int; 64]>();
        unseen || (!bits.is_null() && from_raw_parts(bits, count).iter().flatten().any(|&bit| bit != 0))
    }
}

/// Reads the window; `object` has started.
fn read_region(
    object: &mut jpeg_decompress_struct,
    mode: Mode,
    region: Region,
    out: &mut [u8],
) -> Result<()> {
    let mut left = 0;
    if region.width < object.output_width {
        // Interpolated chroma needs its true neighbours; an MCU at each side has them.
        let margin = object.output_width.min(8 * object.max_h_samp_factor.cast_unsigned());
        left = region.left.saturating_sub(margin);
        let mut across = (region.left + region.width + margin).min(object.output_width) - left;
        // SAFETY: started, no row read, and the window lies in the picture.
        unsafe { jpeg_crop_scanline(object, &mut left, &mut across) };
    }
    if region.top > 0 {
        // SAFETY: started, and the rows are there.
        unsafe { jpeg_skip_scanlines(object, region.top) };
    }
    let channels = mode.channels();
    let stride = region.width as usize * channels;
    let direct = object.output_width == region.width;
    let wide = object.output_width as usize * channels;
    let skipped = (region.left - left) as usize * channels;
    let mut buffer = vec![0_u8; if direct { 0 } else { wide * ROWS }];
    let mut rest = out;
    while !rest.is_empty() {
        let wanted = ROWS.min(rest.len() / stride);
        let target = if direct { &mut *rest } else { &mut buffer[..] };
        let mut rows = [std::ptr::null_mut(); ROWS];
        for (row, samples) in rows.iter_mut().zip(target.chunks_exact_mut(wide)) {
            *row = samples.as_mut_ptr();
        }
        // SAFETY: `wanted` pointers to rows of `output_width` pixels each.
        let read = unsafe { jpeg_read_scanlines(object, rows.as_mut_ptr(), wanted as JDIMENSION) } as usize;
        if read == 0 {
            return Err(Error::Damaged("JPEG: no rows come".into()));
        }
        let (done, later) = std::mem::take(&mut rest).split_at_mut(read * stride);
        if !direct {
            for (row, samples) in done.chunks_exact_mut(stride).zip(buffer.chunks_exact(wide)) {
                row.copy_from_slice(&samples[skipped..skipped + stride]);
            }
        }
        rest = later;
    }
    Ok(())
}

pub(super) fn attach(session: &mut Decompress, data: &[u8]) {
    // SAFETY: `parts` is valid as long as the session.
    let source = unsafe { &raw mut (*session.parts()).source };
    // SAFETY: as above; `Decoder` keeps the data borrowed.
    unsafe {
        *source = jpeg_source_mgr {
            next_input_byte: data.as_ptr(),
            bytes_in_buffer: data.len(),
            init_source: Some(nothing),
            fill_input_buffer: Some(end),
            skip_input_data: Some(skip),
            resync_to_restart: Some(jpeg_resync_to_restart_default),
            term_source: Some(nothing),
        };
    }
    session.object().src = source;
}

unsafe extern "C-unwind" fn nothing(_: &mut jpeg_decompress_struct) {}

unsafe extern "C-unwind" fn jpeg_resync_to_restart_default(
    cinfo: &mut jpeg_decompress_struct,
    desired: c_int,
) -> boolean {
    // SAFETY: libjpeg's own way, called by libjpeg.
    unsafe { jpeg_resync_to_restart(cinfo, desired) }
}

/// Past the end of the data, an end marker for ever.
unsafe extern "C-unwind" fn end(cinfo: &mut jpeg_decompress_struct) -> boolean {
    const EOI: [u8; 2] = [0xFF, 0xD9];
    // SAFETY: a callback of a session, and the only reference.
    unsafe { watch_of(&mut cinfo.common) }.ran_out = true;
    // SAFETY: `attach` has set the source.
    let source = unsafe { &mut *cinfo.src };
    source.next_input_byte = EOI.as_ptr();
    source.bytes_in_buffer = EOI.len();
    1
}

unsafe extern "C-unwind" fn skip(cinfo: &mut jpeg_decompress_struct, count: c_long) {
    // SAFETY: `attach` has set the source.
    let source = unsafe { &mut *cinfo.src };
    let count = usize::try_from(count).unwrap_or(0);
    if count < source.bytes_in_buffer {
        source.bytes_in_buffer -= count;
        // SAFETY: still inside the buffer.
        source.next_input_byte = unsafe { source.next_input_byte.add(count) };
    } else {
        // The next byte asked for is past the end.
        source.bytes_in_buffer = 0;
    }
}
