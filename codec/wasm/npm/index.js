// The decoder and the encoder.
import wasm, { encode as encodePixels, Reader, Settings, StreamReader, __wbg_reset_state as reset } from './dist/tpg.js';
import { once } from './load.js';
import { qpForQuality } from './quality.js';
import * as reading from './reader.js';

export { qpForQuality } from './quality.js';
export { isTpg } from './reader.js';

const instance = new reading.Instance({ Reader, StreamReader, Settings }, reset);

/** Loads WebAssembly; the other functions do so themselves. */
export const load = once(wasm, new URL('./dist/tpg_bg.wasm', import.meta.url));

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

const OPTIONS = ['quality', 'qp', 'effort', 'tools', 'chroma', 'alphaQuality', 'perceptual', 'exif'];

/** The longest side that TPG can have. */
const MOST_SIDE = 16382;

function check(name, value, low, high, whole = true) {
  const fits = typeof value === 'number' && value >= low && value <= high && (!whole || Number.isInteger(value));
  if (!fits) throw new RangeError(`${name} is ${String(value)}, allowed are ${whole ? 'whole numbers ' : ''}${low} to ${high}`);
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
  const bytes = reading.bytesOf(exif, 'exif');
  const text = String.fromCharCode(...bytes.subarray(0, 6));
  return text === 'Exif\0\0' ? bytes.subarray(6) : bytes;
}

function oneOf(name, value, allowed) {
  if (!allowed.includes(value)) throw new RangeError(`${name} is ${String(value)}, allowed are ${allowed.join(', ')}`);
  return value;
}

/** The options as they are set, all of them checked. */
function checked(options) {
  const { effort, tools, chroma, perceptual, exif } = reading.known(options, OPTIONS);
  return {
    qps: qps(options),
    effort: effort === undefined ? undefined : check('effort', effort, 0, 9),
    perceptual: perceptual === undefined ? undefined : check('perceptual', perceptual, 0, 2, false),
    exif: exif ? tiffOf(exif) : undefined,
    tools,
    chroma: chroma === undefined ? undefined : oneOf('chroma', chroma, ['box', 'lanczos', 'sharp']),
  };
}

function settingsOf({ qps: [qp, alpha], tools, chroma, ...rest }) {
  const settings = new Settings(qp, alpha);
  for (const [name, value] of Object.entries(rest)) if (value !== undefined) settings[name] = value;
  if (tools !== undefined) settings.use_tools(tools);
  if (chroma !== undefined) settings.use_chroma(chroma);
  return settings;
}

/** The bytes of an image, which has as many as its sides say. */
function pixelsOf({ width, height, data, colorSpace = 'srgb' }) {
  check('width', width, 1, MOST_SIDE);
  check('height', height, 1, MOST_SIDE);
  if (!(data instanceof Uint8Array || data instanceof Uint8ClampedArray)) {
    throw new TypeError('data is a Uint8Array or a Uint8ClampedArray: R, G, B and A of a byte each');
  }
  if (data.length !== width * height * 4) {
    throw new RangeError(`an image of ${width}x${height} has ${width * height * 4} bytes of RGBA, not ${data.length}`);
  }
  if (colorSpace !== 'srgb') throw new RangeError(`colorSpace is ${colorSpace}, but colours of TPG are srgb`);
  return reading.bytesOf(data);
}

export async function encode(image, options = {}) {
  await load();
  if (typeof image !== 'object' || image === null) throw new TypeError('an image has width, height and data');
  const pixels = pixelsOf(image);
  const chosen = checked(options);
  const settings = instance.hold(() => settingsOf(chosen));
  try {
    return settings.use((made) => encodePixels(pixels, image.width, image.height, made));
  } finally {
    settings.free();
  }
}
