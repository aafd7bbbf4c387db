/** Small pictures of objects, made by the server, in formats that every browser shows; TPG too. */

import { element, fill } from '../library/element.js';
import { each, made } from '../library/process.js';
import { objectSource } from '../library/current.js';
import { isPicture } from '../library/service.js';

const OPERATION = 'imageMogr2/thumbnail/240x180|imageMogr2/format/webp/quality/70';
const AT_A_TIME = 3;

/** Those of a bucket. @param {string} bucket */
export function thumbnails(bucket) {
  /** @type {Set<string>} */
  const urls = new Set();
  /** @type {Map<Element, string>} */
  const keys = new Map();
  /** @type {Element[]} */
  let wanted = [];
  let working = false;

  const load = async (/** @type {Element} */ place) => {
    const key = keys.get(place) ?? '';
    const result = await made(objectSource(bucket, key, 0), OPERATION).catch(() => null);
    if (!result || !place.isConnected) return;
    const url = URL.createObjectURL(result.blob);
    urls.add(url);
    fill(place, element('img', { src: url, alt: '' }));
  };
  const work = async () => {
    if (working) return;
    working = true;
    while (wanted.length) {
      const now = wanted;
      wanted = [];
      await each(now, AT_A_TIME, load);
    }
    working = false;
  };
  // Only what is seen is made.
  const seen = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (isIntersecting) {
        seen.unobserve(target);
        wanted.push(target);
      }
    }
    work();
  });
  return {
    /** @param {string} key */
    place(key) {
      const extension = key.includes('.') ? key.split('.').at(-1) : '';
      const place = element('span', { class: 'thumbnail', 'aria-hidden': 'true' }, extension?.slice(0, 5));
      if (isPicture(key)) {
        keys.set(place, key);
        seen.observe(place);
      }
      return place;
    },
    end() {
      wanted = [];
      for (const url of urls) URL.revokeObjectURL(url);
      urls.clear();
    },
  };
}
