import type { Frame } from './decode.js';

export interface Picture {
  hasAlpha: boolean;
  isAnimation: boolean;
  loopCount?: number;
  frames: Iterable<Frame> | AsyncIterable<Frame>;
}

export interface PngOptions {
  /** Takes longer and makes a file that is worth keeping; not by default. */
  compress?: boolean;
}

/** A PNG, animated if the picture is, of what `decode` gives. */
export function toPng(picture: Picture, options?: PngOptions): Promise<Blob>;
/** The bytes of such a PNG, in pieces. */
export function pngParts(picture: Picture, options?: PngOptions): Promise<Uint8Array[]>;
