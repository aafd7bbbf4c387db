/** TPG decoded in this page. The decoder is loaded with the first such picture, if the server has it. */

import { session } from './service.js';

// Nothing else is done in the page meanwhile: at most some half a second.
const MOST_PIXELS = 16_000_000;
const MAGIC = 'TPG AVS2B';

/** @type {Promise<any> | undefined} */
let loading;

async function load() {
  const modules = await Promise.all(['decode', 'png'].map((name) => import(`../tpg/${name}.js`)));
  const both = Object.assign({}, ...modules);
  await both.load();
  return both;
}

/**
 * A file and what decodes it; null if it is no TPG, too large, or there is no decoder. Raises what went wrong with it.
 * @param {Blob} blob
 */
async function opened(blob) {
  if (!session.server.decoder || (await blob.slice(0, MAGIC.length).text()) !== MAGIC) return null;
  const tpg = await (loading ??= load());
  const data = await blob.arrayBuffer();
  const about = await tpg.read(data);
  const pixels = about.width * about.height * about.frameCount;
  return pixels > MOST_PIXELS ? null : { tpg, data, about };
}

/**
 * The same pixels as PNG, of an animation all frames. Raises what went wrong.
 * @param {Blob} blob
 * @returns {Promise<Blob | null>} null where others have to do it
 */
export async function asPng(blob) {
  const file = await opened(blob);
  return file && file.tpg.toPng({ ...file.about, frames: file.tpg.frames(file.data) });
}

/**
 * The first frame in a size that fits. Raises what went wrong.
 * @param {Blob} blob
 * @param {number} width
 * @param {number} height
 * @returns {Promise<Blob | null>} null where others have to do it
 */
export async function smallPng(blob, width, height) {
  const file = await opened(blob);
  const frame = file && (await file.tpg.frames(file.data).next()).value;
  if (!frame) return null;
  const scale = Math.min(1, width / frame.width, height / frame.height);
  const [resizeWidth, resizeHeight] = [frame.width, frame.height].map((side) => Math.max(1, Math.round(side * scale)));
  const pixels = new ImageData(frame.pixels, frame.width, frame.height);
  const bitmap = await createImageBitmap(pixels, { resizeWidth, resizeHeight, resizeQuality: 'high' });
  const canvas = new OffscreenCanvas(resizeWidth, resizeHeight);
  canvas.getContext('bitmaprenderer')?.transferFromImageBitmap(bitmap);
  return canvas.convertToBlob();
}

/**
 * Whether an object is worth being loaded whole, to be decoded here instead of there.
 * @param {{name: string, size: number}} source
 * @param {number} most bytes
 */
export const isForHere = ({ name, size }, most) => session.server.decoder && /\.tpg$/i.test(name) && size <= most;
