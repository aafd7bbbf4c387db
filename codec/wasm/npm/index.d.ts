export * from './decode.js';

export interface EncodeOptions {
  /** 1 to 100, the perceived quality that libjpeg-turbo gives at the same number; 75 by default. */
  quality?: number;
  /** 0 (best) to 63, instead of a quality. */
  qp?: number;
  /** 0 (fastest) to 9 (smallest); 5 by default. */
  effort?: number;
  /** All coding tools, or only those that Tencent's encoder uses. */
  tools?: 'full' | 'genuine';
  /** How chroma is brought to half size. */
  chroma?: 'box' | 'lanczos' | 'sharp';
  /** 1 to 100; by default alpha has two thirds of the colour's QP. */
  alphaQuality?: number;
  /** 0 to 2: how far errors are weighed as they are seen; 1 by default. */
  perceptual?: number;
  /** EXIF to store, with or without `Exif\0\0` in front. */
  exif?: ArrayBuffer | ArrayBufferView | null;
}

/** Rows of R, G, B, A without padding, not premultiplied, sRGB: an `ImageData` is one. */
export interface Pixels {
  width: number;
  height: number;
  data: Uint8Array | Uint8ClampedArray;
  /** `ImageData` has one; others than `srgb` are refused. */
  colorSpace?: string;
}

/** A still as a TPG file: the bytes that the native encoder makes. Sides are 1 to 16382. */
export function encode(image: Pixels, options?: EncodeOptions): Promise<Uint8Array>;
/** The QP that a quality stands for. */
export function qpForQuality(quality: number, tools?: 'full' | 'genuine'): number;
