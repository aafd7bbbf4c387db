/** Uploads, with rules by which the server stores further results beside each picture. */

import { putObject } from '../library/buckets.js';
import { button, element, fill, icon, labelled } from '../library/element.js';
import { bytes } from '../library/numbers.js';
import { parsed, textOf } from '../library/service.js';
import { text } from '../library/text.js';
import { wordsOf } from './notices.js';

const UPLOAD = 'M12 16V4m0 0L7 9m5-5 5 5M4 16v3a1 1 0 0 0 1 1h14a1 1 0 0 0 1-1v-3';
const MOST_RULES = 5;

/** @type {Array<{name: string, rule: string}>} */
const rules = [];

/**
 * The rules for a file: `{name}` in a result's name stands for its own.
 * @param {string} name
 */
const rulesFor = (name) =>
  rules
    .filter(({ rule }) => rule.trim())
    .map((item) => ({
      fileid: item.name.replaceAll('{name}', name.replace(/\.[^.]*$/, '')),
      rule: item.rule.trim(),
    }));

/** @param {any} list */
function drawRules(list) {
  fill(
    list,
    rules.map((item, place) => {
      const set = (/** @type {'name' | 'rule'} */ key, /** @type {any} */ input) => {
        item[key] = input.value;
      };
      const name = element('input', { value: item.name, spellcheck: 'false', on: { input: () => set('name', name) } });
      const rule = element('input', { value: item.rule, spellcheck: 'false', on: { input: () => set('rule', rule) } });
      const remove = () => {
        rules.splice(place, 1);
        drawRules(list);
      };
      return element(
        'li',
        { class: 'line' },
        labelled(text('upload.rule'), rule),
        labelled(text('upload.name'), name),
        button('×', remove, { class: 'small', 'aria-label': text('upload.remove') }),
      );
    }),
  );
}

/** @param {Response} response */
async function results(response) {
  const document = parsed(await response.text());
  return Array.from(document.querySelectorAll('ProcessResults > Object')).map(
    (item) => `${textOf(item, 'Key')} (${bytes(Number(textOf(item, 'Size')))})`,
  );
}

/**
 * The panel of uploads.
 * @param {string} bucket
 * @param {string} prefix below which files are put
 * @param {() => void} changed called when something was stored
 */
export function uploadPanel(bucket, prefix, changed) {
  const list = element('ol', { class: 'rules' });
  const log = element('ul', { class: 'log', 'aria-live': 'polite' });
  const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1);
  const put = async (/** @type {Iterable<File>} */ files) => {
    for (const file of files) {
      const line = log.appendChild(element('li', { class: 'waiting' }, `${file.name} …`));
      try {
        const made = await results(await putObject(bucket, folder + file.name, file, rulesFor(file.name)));
        fill(line, [file.name, ...made].join(' → '));
        line.className = 'done';
      } catch (error) {
        fill(line, `${file.name}: ${wordsOf(error)}`);
        line.className = 'wrong';
      }
    }
    changed();
  };
  const input = element('input', {
    type: 'file',
    multiple: true,
    class: 'hidden-input',
    id: 'upload',
    on: { change: () => put(input.files ?? []) },
  });
  const over = (/** @type {DragEvent} */ event) => {
    event.preventDefault();
    zone.classList.toggle('over', event.type === 'dragover');
  };
  const drop = (/** @type {DragEvent} */ event) => {
    over(event);
    put(event.dataTransfer?.files ?? []);
  };
  const zone = element(
    'div',
    { class: 'drop', on: { dragover: over, dragleave: over, drop } },
    icon(UPLOAD),
    input,
    element('label', { for: 'upload' }, text('upload.drop', { place: `${bucket}/${folder}` })),
  );
  const more = () => {
    if (rules.length < MOST_RULES) rules.push({ name: '{name}.webp', rule: 'imageMogr2/format/webp' });
    drawRules(list);
  };
  drawRules(list);
  return element(
    'section',
    { class: 'panel', 'aria-labelledby': 'upload-title' },
    element('h2', { id: 'upload-title' }, text('upload')),
    zone,
    element('p', { class: 'hint' }, text('upload.rules')),
    list,
    button(text('upload.add'), more),
    log,
  );
}
