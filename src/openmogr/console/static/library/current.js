/** The picture that the page works on, which stays while its reader goes from one view to another. */

/** @typedef {import('./process.js').Source} Source */

/** @type {{source: Source | null}} */
const current = { source: null };

/** @returns {Source | null} */
export const currentSource = () => current.source;

/** @param {Source | null} source */
export function setSource(source) {
  current.source = source;
}

/** @param {File} file @returns {Source} */
export const fileSource = (file) => ({ kind: 'file', name: file.name, size: file.size, blob: file });

/** @param {string} bucket @param {string} key @param {number} size @returns {Source} */
export const objectSource = (bucket, key, size) => ({ kind: 'object', name: key, size, bucket, key });
