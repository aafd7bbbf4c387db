// The decoder alone: a small module of WebAssembly.
import wasm, { Reader, StreamReader, __wbg_reset_state as reset } from './dist/tpg_decode.js';
import { once } from './load.js';
import * as reading from './reader.js';

export { isTpg } from './reader.js';

const instance = new reading.Instance({ Reader, StreamReader }, reset);

/** Loads WebAssembly; the other functions do so themselves. */
export const load = once(wasm, new URL('./dist/tpg_decode_bg.wasm', import.meta.url));

export async function read(data, options) {
  await load();
  return reading.read(instance, data, options);
}

export async function decode(data, options) {
  await load();
  return reading.decode(instance, data, options);
}

export async function* frames(data, options) {
  await load();
  yield* reading.frames(instance, data, options);
}

export async function* pictures(data, options) {
  await load();
  yield* reading.pictures(instance, data, options);
}
