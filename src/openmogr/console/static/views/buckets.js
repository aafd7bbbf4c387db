/** Buckets: what lies in them, uploads with rules, and what may be done with an object. */

import { button, element, fill, labelled } from '../library/element.js';
import { listBuckets, listObjects } from '../library/buckets.js';
import { bytes, date } from '../library/numbers.js';
import { session } from '../library/service.js';
import { text } from '../library/text.js';
import { bulkPanel } from '../parts/bulk.js';
import { bucketPanel } from '../parts/bucket_settings.js';
import { into } from '../parts/notices.js';
import { objectPanel } from '../parts/object.js';
import { newBucket } from '../parts/store.js';
import { thumbnails } from '../parts/thumbnails.js';
import { uploadPanel } from '../parts/upload.js';

/** @param {string} bucket @param {string} [prefix] */
const placeOf = (bucket, prefix = '') => `#/buckets/${encodeURIComponent(bucket)}/${encodeURIComponent(prefix)}`;

/**
 * @param {any} root
 * @param {string[]} route bucket and prefix, where they are chosen; slashes that are written by hand are not escaped
 */
export function render(root, [bucket = '', ...prefix]) {
  const view = new Browser(root, bucket || (session.keys ? '' : session.server.bucket), prefix.join('/'));
  view.draw();
  return () => view.thumbnails.end();
}

class Browser {
  /** @param {any} root @param {string} bucket @param {string} prefix */
  constructor(root, bucket, prefix) {
    this.root = root;
    this.bucket = bucket;
    this.prefix = prefix;
    this.thumbnails = thumbnails(bucket);
    this.objects = element('div', { class: 'objects' });
    this.detail = element('div', { class: 'detail' });
  }

  draw() {
    const list = element('div', { class: 'bucket-list' });
    fill(
      this.root,
      element('h1', {}, text('buckets')),
      element(
        'div',
        { class: 'browser' },
        element('section', { class: 'panel', 'aria-label': text('buckets.list') }, this.opener(), list),
        this.bucket ? this.contents() : element('p', { class: 'empty' }, text('buckets.choose')),
      ),
    );
    into(list, () => this.buckets());
    if (this.bucket) this.load('');
  }

  /** For whoever may not list all buckets. */
  opener() {
    const name = element('input', { value: this.bucket, spellcheck: 'false', placeholder: 'bucket-1250000000' });
    const open = (/** @type {Event} */ event) => {
      event.preventDefault();
      location.hash = placeOf(name.value.trim());
    };
    return element(
      'form',
      { class: 'line', on: { submit: open } },
      labelled(text('bucket.name'), name),
      element('button', { type: 'submit' }, text('buckets.open')),
    );
  }

  async buckets() {
    if (!session.keys) return element('p', { class: 'hint' }, text('buckets.signed'));
    const buckets = await listBuckets();
    const make = async () => {
      const name = await newBucket();
      if (name) location.hash = placeOf(name);
    };
    return [
      element(
        'ul',
        { class: 'names' },
        buckets.map(({ name, region }) =>
          element(
            'li',
            {},
            element('a', { href: placeOf(name), 'aria-current': name === this.bucket ? 'page' : null }, name),
            ' ',
            element('small', {}, region),
          ),
        ),
      ),
      button(`${text('bucket.new')} …`, make),
    ];
  }

  contents() {
    const search = element('input', { type: 'search', value: this.prefix, spellcheck: 'false' });
    const go = (/** @type {Event} */ event) => {
      event.preventDefault();
      location.hash = placeOf(this.bucket, search.value);
    };
    return element(
      'div',
      { class: 'contents' },
      element(
        'section',
        { class: 'panel', 'aria-labelledby': 'bucket-title' },
        element('h2', { id: 'bucket-title' }, this.bucket),
        this.path(),
        element(
          'form',
          { class: 'line', on: { submit: go } },
          labelled(text('buckets.prefix'), search),
          element('button', { type: 'submit' }, text('buckets.search')),
        ),
        this.objects,
      ),
      this.detail,
      session.keys ? [
            uploadPanel(this.bucket, this.prefix, () => this.load('')),
            bulkPanel(this.bucket, this.prefix, () => this.load('')),
            bucketPanel(this.bucket),
          ] : null,
    );
  }

  path() {
    const folders = this.prefix.split('/').slice(0, -1);
    const links = folders.map((name, i) =>
      element('li', {}, element('a', { href: placeOf(this.bucket, `${folders.slice(0, i + 1).join('/')}/`) }, name)),
    );
    return element(
      'nav',
      { 'aria-label': text('buckets.path') },
      element(
        'ol',
        { class: 'path' },
        element('li', {}, element('a', { href: placeOf(this.bucket) }, text('buckets.top'))),
        links,
      ),
    );
  }

  /** @param {string} marker behind which it goes on; empty: from the beginning */
  async load(marker) {
    if (marker) this.objects.querySelector('.more')?.remove();
    const page = element('div');
    if (!marker) {
      fill(this.objects);
      this.thumbnails.end();
    }
    this.objects.append(page);
    await into(page, async () => {
      const { folders, objects, next } = await listObjects(this.bucket, this.prefix, marker, false);
      if (!folders.length && !objects.length && !marker) return element('p', { class: 'empty' }, text('buckets.empty'));
      return [
        element(
          'ul',
          { class: 'grid' },
          folders.map((name) => this.folder(name)),
          objects.map((item) => this.object(item)),
        ),
        next ? button(text('buckets.more'), () => this.load(next), { class: 'more' }) : null,
      ];
    });
  }

  /** @param {string} name */
  folder(name) {
    return element(
      'li',
      {},
      element(
        'a',
        { class: 'tile folder', href: placeOf(this.bucket, name) },
        element('span', { class: 'thumbnail', 'aria-hidden': 'true' }, '/'),
        element('span', { class: 'key' }, name.slice(this.prefix.lastIndexOf('/') + 1)),
      ),
    );
  }

  /** @param {import('../library/buckets.js').Listed} item */
  object(item) {
    const choose = () => {
      for (const tile of this.objects.querySelectorAll('[aria-pressed=true]'))
        tile.setAttribute('aria-pressed', 'false');
      tile.setAttribute('aria-pressed', 'true');
      const panel = objectPanel(this.bucket, item, () => {
        fill(this.detail);
        this.load('');
      });
      fill(this.detail, panel);
      panel.querySelector('h2')?.focus();
    };
    const tile = element(
      'button',
      { type: 'button', class: 'tile', 'aria-pressed': 'false', on: { click: choose } },
      this.thumbnails.place(item.key, item.size),
      element('span', { class: 'key' }, item.key.slice(this.prefix.lastIndexOf('/') + 1)),
      element('small', {}, `${bytes(item.size)} · ${date(item.modified)}`),
    );
    return element('li', {}, tile);
  }
}
