//! Encoding of stills.

use tpg::NeverCancel;
use tpg::encode::{ChromaFilter, EncodeOptions, PictureOptions, PixelFormat, Pixels, Source, ToolSet};
use wasm_bindgen::prelude::*;

use crate::to_js;

/// How a picture is encoded. What is not set has its default.
#[wasm_bindgen]
#[derive(Default)]
pub struct Settings(EncodeOptions, ChromaFilter);

#[wasm_bindgen]
impl Settings {
    /// The defaults with two QPs, 0 (best) to 63.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new(qp: u8, alpha_qp: u8) -> Self {
        let picture = PictureOptions { qp, ..PictureOptions::default() };
        Self(EncodeOptions { picture, alpha_qp, exif: None }, ChromaFilter::Sharp)
    }

    /// 0 (fastest) to 9 (smallest).
    #[wasm_bindgen(setter)]
    pub fn set_effort(&mut self, effort: u8) {
        self.0.picture.effort = effort;
    }

    /// 0.0 to 2.0: how far errors are weighed as they are seen.
    #[wasm_bindgen(setter)]
    pub fn set_perceptual(&mut self, perceptual: f32) {
        self.0.picture.perceptual = perceptual;
    }

    /// An EXIF block without `Exif\0\0` in front.
    #[wasm_bindgen(setter)]
    pub fn set_exif(&mut self, exif: Vec<u8>) {
        self.0.exif = Some(exif);
    }

    /// `full` or `genuine`.
    ///
    /// # Errors
    /// If there is no such tool set.
    pub fn use_tools(&mut self, name: &str) -> Result<(), JsError> {
        self.0.picture.tools = match name {
            "full" => ToolSet::Full,
            "genuine" => ToolSet::Genuine,
            other => return Err(unknown("tools", other, "\"full\" and \"genuine\"")),
        };
        Ok(())
    }

    /// `box`, `lanczos` or `sharp`: how chroma is brought to half size.
    ///
    /// # Errors
    /// If there is no such filter.
    pub fn use_chroma(&mut self, name: &str) -> Result<(), JsError> {
        self.1 = match name {
            "box" => ChromaFilter::Box,
            "lanczos" => ChromaFilter::Lanczos,
            "sharp" => ChromaFilter::Sharp,
            other => return Err(unknown("chroma", other, "\"box\", \"lanczos\" and \"sharp\"")),
        };
        Ok(())
    }
}

fn unknown(option: &str, value: &str, allowed: &str) -> JsError {
    JsError::new(&format!("{option} is \"{value}\", allowed are {allowed}"))
}

/// Encodes rows of R, G, B, A without padding, not premultiplied, as a TPG file. Alpha that is 255 everywhere is left
/// out.
///
/// # Errors
/// If the size or an option is out of range.
#[wasm_bindgen]
pub fn encode(rgba: &[u8], width: usize, height: usize, settings: &Settings) -> Result<Vec<u8>, JsError> {
    let stride = width.saturating_mul(4);
    let pixels = Pixels::new(rgba, width, height, stride, PixelFormat::Rgba).map_err(to_js)?;
    let image = Source::new(&pixels, settings.1).encode(&settings.0, &NeverCancel, &|_, _| {});
    image.map(|image| image.file).map_err(to_js)
}
