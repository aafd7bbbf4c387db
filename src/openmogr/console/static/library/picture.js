/** Pictures on their way to the screen, and how much two of them differ. */

import { made, mayProcess } from './process.js';

/** @typedef {'browser' | 'page' | 'server'} By who has decoded a picture */
/** @typedef {{url: string, width: number, height: number, by: By}} Shown */

/** @param {Blob} blob @returns {Promise<HTMLImageElement | null>} */
async function decoded(blob) {
  const image = new Image();
  image.src = URL.createObjectURL(blob);
  try {
    await image.decode();
    return image;
  } catch {
    URL.revokeObjectURL(image.src);
    return null;
  }
}

/** @param {Blob} blob @returns {Promise<Blob | null>} */
async function decodedByServer(blob) {
  if (!mayProcess()) return null;
  return (await made({ kind: 'file', name: '', size: blob.size, blob }, 'imageMogr2/format/png')).blob;
}

/** @type {Array<[By, (blob: Blob) => Promise<Blob | null>]>} */
const WAYS = [
  ['browser', async (blob) => blob],
  // Not needed before there is such a picture.
  ['page', async (blob) => (await import('./tpg.js')).asPng(blob)],
  ['server', decodedByServer],
];

/**
 * What a browser can show of a picture: itself, or where it does not know the format, its pixels as PNG: of TPG by the
 * decoder of this page if there is one, otherwise by the server.
 * @param {Blob} blob
 * @returns {Promise<Shown | null>} null where neither can be had; whoever gets it lets go of its URL
 */
export async function shown(blob) {
  for (const [by, way] of WAYS) {
    const known = await way(blob).catch(() => null);
    const image = known && (await decoded(known));
    if (image) return { url: image.src, width: image.naturalWidth, height: image.naturalHeight, by };
  }
  return null;
}

/** @param {Shown | null | undefined} picture */
export function letGo(picture) {
  if (picture) URL.revokeObjectURL(picture.url);
}

/** @param {string} url @param {number} width @param {number} height */
async function pixels(url, width, height) {
  const image = new Image();
  image.src = url;
  await image.decode();
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (context === null) throw new Error('no canvas');
  context.drawImage(image, 0, 0, width, height);
  return context.getImageData(0, 0, width, height);
}

/**
 * Draws by how much two pictures differ: black where they are the same.
 * @param {HTMLCanvasElement} canvas
 * @param {Shown} one its size is that of the drawing
 * @param {Shown} other
 * @param {number} gain by which differences are multiplied
 */
export async function drawDifference(canvas, one, other, gain) {
  const { width, height } = one;
  const [first, second] = await Promise.all([one, other].map(({ url }) => pixels(url, width, height)));
  for (let i = 0; i < first.data.length; i += 4) {
    for (let channel = i; channel < i + 3; channel++) {
      first.data[channel] = Math.min(255, Math.abs(first.data[channel] - second.data[channel]) * gain);
    }
    first.data[i + 3] = 255;
  }
  Object.assign(canvas, { width, height });
  canvas.getContext('2d')?.putImageData(first, 0, 0);
}
