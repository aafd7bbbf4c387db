/** Numbers as people read them, in the language of the page. */

import { language, text } from './text.js';

/** @param {number} value @param {Intl.NumberFormatOptions} [options] */
export const number = (value, options) => new Intl.NumberFormat(language(), options).format(value);

/** @param {number} size bytes */
export function bytes(size) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let place = 0;
  let left = size;
  while (Math.abs(left) >= 1024 && place < units.length - 1) {
    left /= 1024;
    place++;
  }
  return `${number(left, { maximumFractionDigits: place && Math.abs(left) < 100 ? 1 : 0 })} ${units[place]}`;
}

/** How much less a size is than another one. @param {number} size @param {number} before bytes */
export function saved(size, before) {
  const part = 1 - size / before;
  const words = number(Math.abs(part), { style: 'percent', minimumFractionDigits: 1, maximumFractionDigits: 1 });
  return text(part >= 0 ? 'size.less' : 'size.more', { part: words });
}

/** @param {number} milliseconds */
export function duration(milliseconds) {
  return milliseconds < 1000
    ? `${number(Math.round(milliseconds))} ms`
    : `${number(milliseconds / 1000, { maximumFractionDigits: 1 })} s`;
}

/** @param {string} moment as COS tells it */
export function date(moment) {
  const found = new Date(moment.replace(/([+-]\d\d)(\d\d)$/, '$1:$2'));
  return Number.isNaN(found.getTime())
    ? moment
    : new Intl.DateTimeFormat(language(), { dateStyle: 'medium', timeStyle: 'short' }).format(found);
}
