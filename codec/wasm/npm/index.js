// The decoder and the encoder.
import wasm, { encode as encodePixels, Reader, Settings, StreamReader } from './dist/tpg.js';
import { once } from './load.js';
import { qpForQuality } from './quality.js';
import * as reading from './reader.js';

export { qpForQuality } from './quality.js';
export { isTpg } from './reader.js';

/** Loads WebAssembly; the other functions do so themselves. */
export const load = once(wasm, new URL('./dist/tpg_bg.wasm', import.meta.url));

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

const OPTIONS = ['quality', 'qp', 'effort', 'tools', 'chroma', 'alphaQuality', 'perceptual', 'exif'];

function check(name, value, low, high, whole = true) {
  const fits = typeof value === 'number' && value >= low && value <= high && (!whole || Number.isInteger(value));
  if (!fits) throw new RangeError(`${name} is ${value}, allowed are ${whole ? 'whole numbers ' : ''}${low} to ${high}`);
  return value;
}

function qps({ quality, qp, alphaQuality, tools }) {
  if (quality !== undefined && qp !== undefined) throw new RangeError('quality and qp cannot go together');
  const found = qp === undefined ? qpForQuality(quality ?? 75, tools) : check('qp', qp, 0, 63);
  const alpha = alphaQuality === undefined ? Math.floor((found * 2) / 3) : qpForQuality(alphaQuality, tools, 'alphaQuality');
  return [found, alpha];
}

/** The EXIF block without the prefix that some files have in front. */
function tiffOf(exif) {
  const bytes = reading.bytesOf(exif);
  const text = String.fromCharCode(...bytes.subarray(0, 6));
  return text === 'Exif\0\0' ? bytes.subarray(6) : bytes;
}

function settingsOf(options) {
  const unknown = Object.keys(options).filter((name) => !OPTIONS.includes(name));
  if (unknown.length > 0) throw new TypeError(`unknown option ${unknown.join(', ')}; there are ${OPTIONS.join(', ')}`);
  const { effort, tools, chroma, perceptual, exif } = options;
  const settings = new Settings(...qps(options));
  try {
    if (effort !== undefined) settings.effort = check('effort', effort, 0, 9);
    if (perceptual !== undefined) settings.perceptual = check('perceptual', perceptual, 0, 2, false);
    if (exif) settings.exif = tiffOf(exif);
    if (tools !== undefined) settings.use_tools(tools);
    if (chroma !== undefined) settings.use_chroma(chroma);
  } catch (error) {
    settings.free();
    throw error;
  }
  return settings;
}

export async function encode(image, options = {}) {
  await load();
  const { width, height, data } = image;
  if (!data || data.length !== width * height * 4) {
    throw new RangeError(`an image of ${width}x${height} has ${width * height * 4} bytes of RGBA, not ${data?.length}`);
  }
  const settings = settingsOf(options);
  try {
    return encodePixels(reading.bytesOf(data), width, height, settings);
  } finally {
    settings.free();
  }
}
