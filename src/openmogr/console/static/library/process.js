/** What operations make of pictures, whether they lie in a bucket or in this page only. */

import { operationQuery, pathOf, send, session } from './service.js';

/** @typedef {{kind: 'file', name: string, size: number, blob: Blob}} FileSource */
/** @typedef {{kind: 'object', name: string, size: number, bucket: string, key: string}} ObjectSource */
/** @typedef {FileSource | ObjectSource} Source */
/** @typedef {{blob: Blob, type: string, size: number, score: number | null, milliseconds: number,
 *   remembered: boolean}} Made */

/** Whether this page may have pictures processed that are not stored. */
export function mayProcess() {
  const who = session.server.process;
  return who === 'everybody' || (who === 'signed' && session.keys !== null);
}

/** The limits that hold for this page now. */
export const limits = () => session.server.limits[session.keys ? 'signed' : 'anonymous'];

/**
 * The result of an operation. Raises `ServiceError`.
 * @param {Source} source
 * @param {string} operation
 * @param {{score?: boolean, signal?: AbortSignal}} [options] whether to have it told how much it looks like the source
 * @returns {Promise<Made>}
 */
export async function made(source, operation, { score = false, signal } = {}) {
  /** @type {Record<string, string>} */
  const headers = score ? { 'x-openmogr-score': 'ssimulacra2' } : {};
  const query = operationQuery(operation);
  const started = performance.now();
  const response =
    source.kind === 'file'
      ? await send('POST', `/-/process?${query}`, { headers, body: source.blob, signal })
      : await send('GET', `${pathOf(source.bucket, source.key)}?${query}`, { headers, signal });
  const blob = await response.blob();
  const told = Number.parseFloat(response.headers.get('x-openmogr-score') ?? '');
  return {
    blob,
    type: blob.type,
    size: blob.size,
    score: Number.isNaN(told) ? null : told,
    milliseconds: performance.now() - started,
    remembered: response.headers.get('x-openmogr-cache') === 'hit',
  };
}

/** The picture itself. @param {Source} source @returns {Promise<Blob>} */
export async function original(source) {
  return source.kind === 'file' ? source.blob : (await send('GET', pathOf(source.bucket, source.key))).blob();
}

/**
 * What `imageInfo` and `exif` say.
 * @param {Source} source
 * @param {'imageInfo' | 'exif'} operation
 * @returns {Promise<any>}
 */
export async function described(source, operation) {
  return JSON.parse(await (await made(source, operation)).blob.text());
}

/**
 * Runs work, of which there is a lot, a little at a time.
 * @template T
 * @param {T[]} items
 * @param {number} count how many at a time
 * @param {(item: T) => Promise<void>} work
 */
export async function each(items, count, work) {
  const waiting = [...items];
  const next = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: count }, next));
}
