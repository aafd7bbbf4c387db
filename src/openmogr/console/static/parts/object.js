/** What is known of an object, and what may be done with it. */

import { deleteObject, getAcl, putAcl } from '../library/buckets.js';
import { button, chooser, element, labelled } from '../library/element.js';
import { objectSource, setSource } from '../library/current.js';
import { bytes, date } from '../library/numbers.js';
import { described, made, original } from '../library/process.js';
import { shown } from '../library/picture.js';
import { pathOf, presigned, session } from '../library/service.js';
import { text } from '../library/text.js';
import { asPng, isForHere } from '../library/tpg.js';
import { ask } from './dialog.js';
import { jobDialog } from './job.js';
import { copy, into, notify, wordsOf } from './notices.js';

const HOUR = 3600;
// Of a larger TPG the server makes a small preview.
const MOST_BYTES = 4 << 20;

/** @param {Array<[string, any]>} rows */
const table = (rows) =>
  element(
    'table',
    {},
    element(
      'tbody',
      {},
      rows.map(([name, value]) => element('tr', {}, element('th', { scope: 'row' }, name), element('td', {}, value))),
    ),
  );

/** @param {string} title @param {() => Promise<any>} work what it shows when it is opened */
function foldout(title, work) {
  const content = element('div');
  const open = () => {
    if (details.open && !content.hasChildNodes()) into(content, work);
  };
  const details = element('details', { on: { toggle: open } }, element('summary', {}, title), content);
  return details;
}

/** @param {any} source */
async function preview(source) {
  const here = isForHere(source, MOST_BYTES) ? await asPng(await original(source)).catch(() => null) : null;
  const small = 'imageMogr2/thumbnail/640x480>|imageMogr2/format/webp/quality/80';
  const picture = await shown(here ?? (await made(source, small)).blob);
  return picture && element('img', { src: picture.url, alt: source.key, class: 'preview' });
}

/** @param {any} source */
async function exif(source) {
  const all = Object.entries(await described(source, 'exif'));
  if (!all.length) return element('p', { class: 'empty' }, text('object.exif.none'));
  return table(all.map(([name, value]) => [name, String(value?.val ?? value).slice(0, 500)]));
}

/** @param {any} source */
async function information(source) {
  return table(Object.entries(await described(source, 'imageInfo')).map(([name, value]) => [name, String(value)]));
}

/** @param {string} bucket @param {string} key */
async function access(bucket, key) {
  const choices = ['default', 'private', 'public-read'].map((name) => [name, text(`acl.${name}`)]);
  const set = (/** @type {string} */ value) =>
    putAcl(bucket, key, value).then(
      () => notify(text('acl.done')),
      (error) => notify(wordsOf(error), 'failed'),
    );
  return labelled(text('acl'), chooser(/** @type {any} */ (choices), await getAcl(bucket, key), set));
}

/**
 * The panel of an object.
 * @param {string} bucket
 * @param {import('../library/buckets.js').Listed} item
 * @param {() => void} gone called when it was deleted
 */
export function objectPanel(bucket, item, gone) {
  const source = objectSource(bucket, item.key, item.size);
  const go = (/** @type {string} */ view) => () => {
    setSource(source);
    location.hash = `#/${view}`;
  };
  const remove = async () => {
    const words = element('p', {}, text('object.delete.about', { key: `${bucket}/${item.key}` }));
    if (
      await ask(text('object.delete'), words, {
        action: text('object.delete'),
        danger: true,
        run: () => deleteObject(bucket, item.key),
      })
    )
      gone();
  };
  const link = async () => copy(await presigned(pathOf(bucket, item.key), HOUR));
  const image = element('div');
  into(image, () => preview(source));
  const acl = element('div');
  if (session.keys) into(acl, () => access(bucket, item.key));
  return element(
    'section',
    { class: 'panel object', 'aria-labelledby': 'object-title' },
    element('h2', { id: 'object-title', tabindex: -1 }, item.key),
    image,
    element('p', { class: 'facts' }, `${bytes(item.size)} · ${date(item.modified)}`),
    element(
      'div',
      { class: 'buttons' },
      button(text('compare'), go('compare'), { class: 'main' }),
      button(text('operations'), go('operations')),
      button(text(session.keys ? 'object.link.signed' : 'object.link'), link),
      session.keys && [
        button(`${text('job.new')} …`, () => jobDialog(bucket, item.key)),
        button(`${text('object.delete')} …`, remove, { class: 'danger' }),
      ],
    ),
    acl,
    foldout(text('object.information'), () => information(source)),
    foldout('EXIF', () => exif(source)),
  );
}
