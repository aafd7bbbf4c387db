// The decoder alone: a small module of WebAssembly.
import wasm, { Reader, StreamReader } from './dist/tpg_decode.js';
import { once } from './load.js';
import * as reading from './reader.js';

export { isTpg } from './reader.js';

/** Loads WebAssembly; the other functions do so themselves. */
export const load = once(wasm, new URL('./dist/tpg_decode_bg.wasm', import.meta.url));

export async function read(data, options) {
  await load();
  return reading.read(Reader, data, options);
}

export async function decode(data, options) {
  await load();
  return reading.decode(Reader, data, options);
}

export async function* frames(data, options) {
  await load();
  yield* reading.frames(Reader, data, options);
}

export async function* pictures(data, options) {
  await load();
  yield* reading.pictures(StreamReader, data, options);
}
