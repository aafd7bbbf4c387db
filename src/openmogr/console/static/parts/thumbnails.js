/** Small pictures of objects: small TPG are decoded in this page, the others come from the server as WebP. */

import { element, fill } from '../library/element.js';
import { each, made, original } from '../library/process.js';
import { objectSource } from '../library/current.js';
import { isPicture } from '../library/service.js';
import { isForHere, smallPng } from '../library/tpg.js';

const WIDTH = 240;
const HEIGHT = 180;
const OPERATION = `imageMogr2/thumbnail/${WIDTH}x${HEIGHT}|imageMogr2/format/webp/quality/70`;
// Larger files take longer to come than what the server makes of them.
const MOST_BYTES = 256 << 10;
const AT_A_TIME = 3;

/** @param {import('../library/process.js').Source} source @returns {Promise<Blob>} */
async function small(source) {
  const here = isForHere(source, MOST_BYTES)
    ? await smallPng(await original(source), WIDTH, HEIGHT).catch(() => null)
    : null;
  return here ?? (await made(source, OPERATION)).blob;
}

/** Those of a bucket. @param {string} bucket */
export function thumbnails(bucket) {
  /** @type {Set<string>} */
  const urls = new Set();
  /** @type {Map<Element, import('../library/process.js').Source>} */
  const sources = new Map();
  /** @type {Element[]} */
  let wanted = [];
  let working = false;

  const load = async (/** @type {Element} */ place) => {
    const source = sources.get(place);
    const picture = source && (await small(source).catch(() => null));
    if (!picture || !place.isConnected) return;
    const url = URL.createObjectURL(picture);
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
    /** @param {string} key @param {number} size of the object in bytes */
    place(key, size) {
      const extension = key.includes('.') ? key.split('.').at(-1) : '';
      const place = element('span', { class: 'thumbnail', 'aria-hidden': 'true' }, extension?.slice(0, 5));
      if (isPicture(key)) {
        sources.set(place, objectSource(bucket, key, size));
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
