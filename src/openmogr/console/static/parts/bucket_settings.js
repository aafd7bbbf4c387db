/** The styles and the ACL of a bucket. */

import { deleteStyle, getAcl, listStyles, putAcl, putStyle } from '../library/buckets.js';
import { button, chooser, element, fill, labelled } from '../library/element.js';
import { text } from '../library/text.js';
import { alarm, into, notify, wordsOf } from './notices.js';

/** @param {string} bucket */
async function access(bucket) {
  const choices = ['private', 'public-read', 'public-read-write'].map((name) => [name, text(`acl.${name}`)]);
  const set = (/** @type {string} */ value) =>
    putAcl(bucket, '', value).then(
      () => notify(text('acl.done')),
      (error) => notify(wordsOf(error), 'failed'),
    );
  return labelled(text('acl'), chooser(/** @type {any} */ (choices), await getAcl(bucket), set));
}

/** @param {string} bucket @param {any} place */
async function styles(bucket, place) {
  const again = () => into(place, () => styles(bucket, place));
  const trouble = element('div');
  const name = element('input', { required: true, maxlength: 64, spellcheck: 'false' });
  const body = element('input', {
    required: true,
    value: 'imageMogr2/thumbnail/300x/format/webp',
    spellcheck: 'false',
  });
  const put = async (/** @type {Event} */ event) => {
    event.preventDefault();
    try {
      await putStyle(bucket, name.value, body.value);
      again();
    } catch (error) {
      fill(trouble, alarm(error));
    }
  };
  const remove = (/** @type {string} */ style) => () =>
    deleteStyle(bucket, style).then(again, (error) => fill(trouble, alarm(error)));
  const rows = (await listStyles(bucket)).map((style) =>
    element(
      'tr',
      {},
      element('th', { scope: 'row' }, style.name),
      element('td', {}, element('code', {}, style.body)),
      element(
        'td',
        {},
        button(text('styles.delete'), remove(style.name), { 'aria-label': `${text('styles.delete')} ${style.name}` }),
      ),
    ),
  );
  return [
    rows.length
      ? element('table', {}, element('tbody', {}, rows))
      : element('p', { class: 'empty' }, text('styles.none')),
    element(
      'form',
      { class: 'line', on: { submit: put } },
      labelled(text('styles.name'), name),
      labelled(text('operations.text'), body),
      element('button', { type: 'submit' }, text('styles.put')),
    ),
    trouble,
  ];
}

/** The panel. @param {string} bucket */
export function bucketPanel(bucket) {
  const acl = element('div');
  const list = element('div');
  into(acl, () => access(bucket));
  into(list, () => styles(bucket, list));
  return element(
    'section',
    { class: 'panel', 'aria-labelledby': 'settings-title' },
    element('h2', { id: 'settings-title' }, text('bucket.settings')),
    acl,
    element('h3', {}, text('styles')),
    element('p', { class: 'hint' }, text('styles.about')),
    list,
  );
}
