//! Encoding.

use std::borrow::Cow;

use png::{BitDepth, ColorType, DeflateCompression, Encoder, Info};

use super::decode::XMP_KEYWORD;
use super::optimise;
use super::palette::{Palette, fewer_channels, palette_of};
use crate::error::{Error, Result, argument};
use crate::mode::{Image, Mode};

/// How hard to deflate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// With the tables that fdeflate has for filtered pictures.
    Fast,
    /// A level of zlib's, 1-9.
    Level(u8),
    /// Search for filters, colour type and bits of a sample, 0-6 hard; `filter`, `palette` and `reduce` do not act.
    Search(u8),
}

/// How rows are predicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// Not at all.
    None,
    /// From the row above.
    Up,
    /// From left, above and above left.
    Paeth,
    /// By what leaves the smallest sum of differences, row by row.
    Adaptive,
}

impl Filter {
    /// The filter called so: "none", "up", "paeth" or "adaptive".
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "none" => Some(Self::None),
            "up" => Some(Self::Up),
            "paeth" => Some(Self::Paeth),
            "adaptive" => Some(Self::Adaptive),
            _ => None,
        }
    }
}

/// How to write.
#[derive(Debug, Clone, Copy)]
pub struct EncodeOptions<'a> {
    /// How hard to deflate.
    pub compression: Compression,
    /// How rows are predicted; indices of a palette never are.
    pub filter: Filter,
    /// Write pictures of at most 256 colours as indices.
    pub palette: bool,
    /// Leave out an alpha that is opaque everywhere, and write grey as one channel.
    pub reduce: bool,
    /// The ICC profile.
    pub icc: &'a [u8],
    /// The TIFF structure.
    pub exif: &'a [u8],
    /// The XMP packet, UTF-8.
    pub xmp: &'a str,
}

impl Default for EncodeOptions<'_> {
    fn default() -> Self {
        Self {
            compression: Compression::Level(6),
            filter: Filter::Adaptive,
            palette: true,
            reduce: false,
            icc: &[],
            exif: &[],
            xmp: "",
        }
    }
}

/// Encodes a picture of mode L, LA, RGB or RGBA.
///
/// # Errors
/// Another mode, or a level out of range.
pub fn encode(image: &Image<'_>, options: &EncodeOptions<'_>) -> Result<Vec<u8>> {
    if let Compression::Level(level) = options.compression
        && !(1..=9).contains(&level)
    {
        return Err(argument(format!("the level is {level}, not 1 to 9")));
    }
    if options.reduce
        && let Some((mode, data)) = fewer_channels(image)
    {
        let reduced = Image::new(mode, image.width(), image.height(), &data)?;
        return encode(&reduced, &EncodeOptions { reduce: false, ..*options });
    }
    let color = match image.mode() {
        Mode::L => ColorType::Grayscale,
        Mode::La => ColorType::GrayscaleAlpha,
        Mode::Rgb => ColorType::Rgb,
        Mode::Rgba => ColorType::Rgba,
        Mode::Cmyk => return Err(argument("a PNG holds L, LA, RGB or RGBA, not CMYK")),
    };
    if let Compression::Search(effort) = options.compression {
        return optimise::encode(image, options, effort);
    }
    let palette = if options.palette { palette_of(image) } else { None };
    let mut info = Info::with_size(image.width(), image.height());
    info.color_type = color;
    info.bit_depth = BitDepth::Eight;
    let mut packed = Cow::Borrowed(image.data());
    if let Some(palette) = palette {
        info.color_type = ColorType::Indexed;
        info.bit_depth = depth(palette.colors.len());
        set_colors(&mut info, &palette);
        packed = Cow::Owned(pack(&palette.indices, image.width() as usize, info.bit_depth as usize));
    }
    write(info, &packed, options)
}

fn write(mut info: Info<'_>, packed: &[u8], options: &EncodeOptions<'_>) -> Result<Vec<u8>> {
    let some = |data: &[u8]| (!data.is_empty()).then(|| Cow::Owned(data.to_vec()));
    info.icc_profile = some(options.icc);
    info.exif_metadata = some(options.exif);
    let indexed = info.color_type == ColorType::Indexed;
    let mut out = Vec::new();
    let mut encoder = Encoder::with_info(&mut out, info).map_err(internal)?;
    encoder.set_deflate_compression(match options.compression {
        Compression::Fast => DeflateCompression::FdeflateUltraFast,
        Compression::Level(level) | Compression::Search(level) => DeflateCompression::Level(level),
    });
    encoder.set_filter(match options.filter {
        _ if indexed => png::Filter::NoFilter,
        Filter::None => png::Filter::NoFilter,
        Filter::Up => png::Filter::Up,
        Filter::Paeth => png::Filter::Paeth,
        Filter::Adaptive => png::Filter::Adaptive,
    });
    if !options.xmp.is_empty() {
        encoder.add_itxt_chunk(XMP_KEYWORD.into(), options.xmp.into()).map_err(internal)?;
    }
    let mut writer = encoder.write_header().map_err(internal)?;
    writer.write_image_data(packed).map_err(internal)?;
    writer.finish().map_err(internal)?;
    Ok(out)
}

fn internal(error: png::EncodingError) -> Error {
    argument(format!("the picture cannot be written as PNG: {error}"))
}

fn depth(colors: usize) -> BitDepth {
    match colors {
        0..=2 => BitDepth::One,
        3..=4 => BitDepth::Two,
        5..=16 => BitDepth::Four,
        _ => BitDepth::Eight,
    }
}

fn set_colors(info: &mut Info<'_>, palette: &Palette) {
    info.palette =
        Some(palette.colors.iter().flat_map(|color| color[..3].to_vec()).collect::<Vec<u8>>().into());
    let alpha: Vec<u8> =
        palette.colors.iter().map(|color| color[3]).take_while(|&alpha| alpha != 255).collect();
    info.trns = (!alpha.is_empty()).then_some(alpha.into());
}

/// Indices in `depth` bits each, rows beginning at bytes.
fn pack(indices: &[u8], width: usize, depth: usize) -> Vec<u8> {
    if depth == 8 {
        return indices.to_vec();
    }
    let each = 8 / depth;
    let byte = |part: &[u8]| {
        part.iter().enumerate().fold(0, |sum, (place, index)| sum | index << (8 - depth * (place + 1)))
    };
    indices.chunks(width).flat_map(|row| row.chunks(each).map(byte)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Decoder;
    use super::*;

    #[test]
    fn packs_rows() {
        assert_eq!(pack(&[1, 0, 1, 1, 1, 0], 3, 1), [0b1010_0000, 0b1100_0000]);
        assert_eq!(pack(&[3, 1, 2], 3, 2), [0b1101_1000]);
        assert_eq!(pack(&[3, 15, 2], 3, 4), [0x3F, 0x20]);
    }

    #[test]
    fn comes_back_with_its_metadata() {
        for (mode, colors) in [
            (Mode::L, 200_u32),
            (Mode::La, 9),
            (Mode::Rgb, 2),
            (Mode::Rgba, 3),
            (Mode::Rgba, 15),
            (Mode::Rgb, 4000),
        ] {
            let pixel = |place: u32| {
                (0..mode.channels() as u32)
                    .map(move |part| ((place % colors) * 7 + (place % colors) / 37 + part) as u8)
            };
            let data: Vec<u8> = (0..61 * 70).flat_map(pixel).collect();
            let image = Image::new(mode, 61, 70, &data).unwrap();
            for compression in [Compression::Fast, Compression::Level(9)] {
                let options = EncodeOptions {
                    compression,
                    icc: b"profile",
                    exif: b"II*\0",
                    xmp: "<x/>",
                    ..Default::default()
                };
                let file = encode(&image, &options).unwrap();
                let decoder = Decoder::new(&file, 1 << 20).unwrap();
                assert_eq!(decoder.mode(), mode);
                let mut out = vec![0; data.len()];
                let metadata = decoder.decode(&mut out).unwrap();
                assert!(out == data, "{mode:?} {colors}");
                assert_eq!((&metadata.icc[..], &metadata.exif[..]), (&b"profile"[..], &b"II*\0"[..]));
                assert_eq!(metadata.xmp, b"<x/>");
            }
        }
    }

    #[test]
    fn damage_and_limits_are_errors() {
        let data = vec![7; 40 * 40 * 3];
        let file = encode(
            &Image::new(Mode::Rgb, 40, 40, &data).unwrap(),
            &EncodeOptions { palette: false, ..Default::default() },
        )
        .unwrap();
        assert!(matches!(Decoder::new(&file, 4799), Err(Error::Limit(_))));
        let whole = |bytes: &[u8]| Decoder::new(bytes, 4800)?.decode(&mut vec![0; 4800]).map(|_| ());
        assert!(whole(&file).is_ok());
        for end in 0..file.len() - 16 {
            assert!(matches!(whole(&file[..end]), Err(Error::Damaged(_))), "{end}");
        }
    }
}
