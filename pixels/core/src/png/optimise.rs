//! The same PNG in fewer bytes, by oxipng.

use oxipng::{BitDepth, ColorType, Options, PngError, RGBA8, RawImage, StripChunks};

use super::decode::XMP_KEYWORD;
use super::encode::EncodeOptions;
use super::palette::{Palette, palette_of};
use crate::error::{Error, Result, argument};
use crate::mode::{Image, Mode};

/// The most effort.
const MAX_EFFORT: u8 = 6;

/// Codes a PNG anew, without loss: filters, deflate, colour type, palette and bits of a sample.
///
/// What is displayed stays as it is, and so do all ancillary chunks but those that a change of the colour type makes wrong.
/// Of animations, frames are only deflated anew.
///
/// # Errors
/// Damaged data, samples of more than `max_bytes`, or an effort above 6.
pub fn optimise(data: &[u8], effort: u8, max_bytes: u64) -> Result<Vec<u8>> {
    let mut options = preset(effort)?;
    options.max_decompressed_size = Some(usize::try_from(max_bytes).unwrap_or(usize::MAX));
    oxipng::optimize_from_memory(data, &options).map_err(|error| told(&error))
}

/// Encodes a picture, which is L, LA, RGB or RGBA, with that effort.
pub(super) fn encode(image: &Image<'_>, options: &EncodeOptions<'_>, effort: u8) -> Result<Vec<u8>> {
    let color = match image.mode() {
        Mode::L => ColorType::Grayscale { transparent_shade: None },
        Mode::La => ColorType::GrayscaleAlpha,
        Mode::Rgb => ColorType::RGB { transparent_color: None },
        _ => ColorType::RGBA,
    };
    let preset = preset(effort)?;
    let (width, height) = (image.width(), image.height());
    // Oxipng would find the palette as well, but only after trying the picture without one.
    let (color, data) = match palette_of(image) {
        Some(Palette { indices, colors }) => {
            let palette = colors.iter().map(|&[r, g, b, a]| RGBA8::new(r, g, b, a)).collect();
            (ColorType::Indexed { palette }, indices)
        }
        None => (color, image.data().to_vec()),
    };
    let mut raw = RawImage::new(width, height, color, BitDepth::Eight, data).map_err(|error| told(&error))?;
    if !options.icc.is_empty() {
        raw.add_icc_profile(options.icc);
    }
    if !options.exif.is_empty() {
        raw.add_png_chunk(*b"eXIf", options.exif.to_vec());
    }
    if !options.xmp.is_empty() {
        // Not compressed, without a language or a translated keyword.
        raw.add_png_chunk(*b"iTXt", [XMP_KEYWORD.as_bytes(), &[0; 5], options.xmp.as_bytes()].concat());
    }
    raw.create_optimized_png(&preset).map_err(|error| told(&error))
}

fn preset(effort: u8) -> Result<Options> {
    if effort > MAX_EFFORT {
        return Err(argument(format!("the effort is {effort}, not 0 to {MAX_EFFORT}")));
    }
    let mut options = Options::from_preset(effort);
    options.strip = StripChunks::None;
    Ok(options)
}

fn told(error: &PngError) -> Error {
    Error::Damaged(format!("PNG: {error}"))
}
