/** Bytes of a file. */
export type Data = ArrayBuffer | ArrayBufferView;

export interface ReadOptions {
  /** Pictures with more pixels are refused; 128 million by default. */
  maxPixels?: number;
}

export interface Info {
  /** Size in pixels. */
  width: number;
  height: number;
  /** Whether pixels may be transparent. */
  hasAlpha: boolean;
  isAnimation: boolean;
  frameCount: number;
  /** How long each frame is shown, in milliseconds; 0 for a still. */
  delays: number[];
  /** How often an animation plays; always 0, forever: the format has no place for a number. */
  loopCount: number;
  /** Always null: the format has no place for a profile, its colours are sRGB. */
  icc: Uint8Array | null;
  /** The EXIF block, a TIFF structure without `Exif\0\0` in front. */
  exif: Uint8Array | null;
  /** What is wrong behind the last whole frame. */
  damage: string | null;
}

export interface Frame {
  width: number;
  height: number;
  /** In milliseconds; 0 for a still. */
  delay: number;
  /** Rows of R, G, B, A without padding, alpha not premultiplied: what `ImageData` takes. */
  pixels: Uint8ClampedArray;
}

export interface Decoded extends Info {
  frames: Frame[];
}

/** Where WebAssembly is: an address, a response, a module, or bytes. By default it is beside the script. */
export type Source = string | URL | Response | Promise<Response> | WebAssembly.Module | BufferSource;

/** Loads WebAssembly; the other functions do so themselves. */
export function load(source?: Source): Promise<void>;
/** Whether some bytes begin as TPG files do. */
export function isTpg(data: Data): boolean;
/** What a file says about itself; nothing is decoded. */
export function read(data: Data, options?: ReadOptions): Promise<Info>;
/** All frames. Of a damaged animation those before the damage, which `damage` tells. */
export function decode(data: Data, options?: ReadOptions): Promise<Decoded>;
/** Frames one by one. */
export function frames(data: Data, options?: ReadOptions): AsyncGenerator<Frame, void, void>;
/** The pictures of a bare AVS2 stream, one by one, in output order. */
export function pictures(data: Data, options?: ReadOptions): AsyncGenerator<Frame, void, void>;
