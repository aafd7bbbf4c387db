//! TPG for JavaScript: the classes that `npm/` wraps. Names and units are those of the crate.
#![deny(unsafe_code, missing_docs)]

#[cfg(feature = "encode")]
mod encoder;

use tpg::{Decoder, Frame, Limits, NeverCancel, Options, StreamDecoder};
use wasm_bindgen::prelude::*;

fn to_js(error: tpg::Error) -> JsError {
    JsError::new(&error.to_string())
}

fn options(max_pixels: f64) -> Options {
    let limits = Limits { max_pixels: max_pixels as u64, ..Limits::default() };
    Options { limits, ..Options::default() }
}

fn rgba(frame: &Frame) -> Result<Vec<u8>, JsError> {
    let mut pixels = vec![0; frame.rgba_bytes()];
    frame.write_rgba(&mut pixels).map_err(to_js)?;
    Ok(pixels)
}

/// Decodes a file frame by frame.
#[wasm_bindgen]
pub struct Reader(Decoder<Vec<u8>>);

#[wasm_bindgen]
impl Reader {
    /// Steps through the chunks of a file; no picture is decoded yet. Pictures with more than `max_pixels` pixels are
    /// refused.
    ///
    /// # Errors
    /// What is wrong with the file.
    #[wasm_bindgen(constructor)]
    pub fn new(file: Vec<u8>, max_pixels: f64) -> Result<Reader, JsError> {
        Decoder::new(file, options(max_pixels)).map(Self).map_err(to_js)
    }

    /// Width to show in pixels.
    #[wasm_bindgen(getter)]
    pub fn width(&self) -> u32 {
        self.0.container().header.width
    }

    /// Height to show in pixels.
    #[wasm_bindgen(getter)]
    pub fn height(&self) -> u32 {
        self.0.container().header.height
    }

    /// Whether pixels may be transparent.
    #[wasm_bindgen(getter)]
    pub fn has_alpha(&self) -> bool {
        self.0.container().header.mode().has_alpha()
    }

    /// Whether the file is an animation.
    #[wasm_bindgen(getter)]
    pub fn is_animation(&self) -> bool {
        self.0.container().header.mode().is_animation()
    }

    /// How long each frame is shown, in 1/100 s as they are in the file; as many as there are whole frames.
    #[wasm_bindgen(getter)]
    pub fn delays(&self) -> Vec<u16> {
        self.0.container().frames.iter().map(|frame| frame.delay).collect()
    }

    /// The EXIF block without `Exif\0\0` in front, if there is one.
    #[wasm_bindgen(getter)]
    pub fn exif(&self) -> Option<Vec<u8>> {
        self.0.exif().map(<[u8]>::to_vec)
    }

    /// What is wrong behind the last whole frame, if anything is.
    #[wasm_bindgen(getter)]
    pub fn damage(&self) -> Option<String> {
        self.0.container().damage.as_ref().map(ToString::to_string)
    }

    /// Decodes the next frame: rows of R, G, B, A without padding, alpha not premultiplied; nothing behind the last one.
    ///
    /// # Errors
    /// What is wrong with the frame; no more come.
    pub fn next_frame(&mut self) -> Result<Option<Vec<u8>>, JsError> {
        self.0.next_frame(&NeverCancel).map_err(to_js)?.as_ref().map(rgba).transpose()
    }
}

/// Decodes a bare AVS2 stream picture by picture, in output order.
#[wasm_bindgen]
pub struct StreamReader(StreamDecoder<Vec<u8>>, (usize, usize));

#[wasm_bindgen]
impl StreamReader {
    /// Nothing is decoded yet. Pictures with more than `max_pixels` pixels are refused.
    ///
    /// # Errors
    /// If the stream is too long.
    #[wasm_bindgen(constructor)]
    pub fn new(stream: Vec<u8>, max_pixels: f64) -> Result<StreamReader, JsError> {
        StreamDecoder::new(stream, options(max_pixels)).map(|stream| Self(stream, (0, 0))).map_err(to_js)
    }

    /// Width of the last picture in pixels.
    #[wasm_bindgen(getter)]
    pub fn width(&self) -> usize {
        self.1.0
    }

    /// Height of the last picture in pixels.
    #[wasm_bindgen(getter)]
    pub fn height(&self) -> usize {
        self.1.1
    }

    /// Decodes the next picture: rows of R, G, B, A without padding; nothing behind the last one.
    ///
    /// # Errors
    /// What is wrong with the picture; no more come.
    pub fn next_frame(&mut self) -> Result<Option<Vec<u8>>, JsError> {
        let Some(frame) = self.0.next_frame(&NeverCancel).map_err(to_js)? else { return Ok(None) };
        self.1 = (frame.width, frame.height);
        rgba(&frame).map(Some)
    }
}
