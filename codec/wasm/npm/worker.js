// The other side of `client.js`: decodes and encodes in a worker.
import * as decoder from './decode.js';
import { toPng } from './png.js';

const CALLS = {
  read: decoder.read,
  decode: decoder.decode,
  /** One frame at a time is decoded beside the PNG that is made. */
  async png(data, { compress, ...options } = {}) {
    const about = await decoder.read(data, options);
    return toPng({ ...about, frames: decoder.frames(data, options) }, { compress });
  },
  async encode(image, options) {
    // Only who encodes loads the larger module.
    return (await import('./index.js')).encode(image, options);
  },
};

/** Buffers that may be handed over instead of copied. */
function buffersOf(result) {
  if (result instanceof Uint8Array) return [result.buffer];
  return (result.frames ?? []).map((frame) => frame.pixels.buffer);
}

self.addEventListener('message', async ({ data: { id, call, values } }) => {
  try {
    const result = await CALLS[call](...values);
    self.postMessage({ id, result }, buffersOf(result));
  } catch (error) {
    self.postMessage({ id, error: { name: error.name, message: error.message } });
  }
});
