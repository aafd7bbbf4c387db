/** The panel from which an operation is copied as URL, rule, command or program. */

import { button, element, fill } from '../library/element.js';
import { currentSource, setSource } from '../library/current.js';
import { exampleBucket, snippets } from '../library/snippets.js';
import { text } from '../library/text.js';
import { copy } from './notices.js';
import { store } from './store.js';

let open = 'URL';

/** What is wanted of the current picture. @param {string} operation @param {string} suffix */
function wanted(operation, suffix) {
  const source = currentSource();
  const stored = source?.kind === 'object';
  const place = stored
    ? { bucket: source.bucket, key: source.key }
    : { bucket: exampleBucket(), key: source?.name ?? 'photo.png' };
  return { ...place, stored, operation, suffix };
}

/** @param {() => void} changed */
function unstored(changed) {
  const keep = async () => {
    const source = currentSource();
    const kept = source?.kind === 'file' ? await store(source) : null;
    if (kept) {
      setSource(kept);
      changed();
    }
  };
  return element(
    'p',
    { class: 'hint' },
    text('snippets.unstored'),
    ' ',
    button(`${text('store')} …`, keep, { class: 'link' }),
  );
}

/** The keys by which one goes from tab to tab. @param {KeyboardEvent} event */
function turn(event) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const tabs = Array.from(/** @type {Element} */ (event.currentTarget).children);
  const next = tabs[(tabs.indexOf(/** @type {Element} */ (event.target)) + step + tabs.length) % tabs.length];
  /** @type {HTMLElement} */ (next).click();
}

/**
 * The panel of one operation.
 * @param {string} operation
 * @param {string} suffix of results, with its dot
 * @param {() => void} changed called when the picture has become an object
 */
export function snippetPanel(operation, suffix, changed) {
  const all = snippets(wanted(operation, suffix));
  const place = element('div');
  const draw = (focus = false) => {
    const [name, words] = all.find(([title]) => title === open) ?? all[0];
    const tabs = all.map(([title]) =>
      element(
        'button',
        {
          type: 'button',
          role: 'tab',
          id: `tab-${title}`,
          'aria-selected': String(title === name),
          'aria-controls': 'snippet',
          tabindex: title === name ? 0 : -1,
          on: {
            click: () => {
              open = title;
              draw(true);
            },
          },
        },
        title,
      ),
    );
    fill(
      place,
      element('div', { class: 'tabs', role: 'tablist', 'aria-label': text('snippets'), on: { keydown: turn } }, tabs),
      element(
        'div',
        { class: 'snippet', role: 'tabpanel', id: 'snippet', 'aria-labelledby': `tab-${name}` },
        element('pre', { tabindex: 0 }, element('code', {}, words)),
        button(text('copy'), () => copy(words), { class: 'copy' }),
      ),
    );
    if (focus) place.querySelector('[aria-selected=true]')?.focus();
  };
  draw();
  const stored = currentSource()?.kind === 'object';
  return element(
    'section',
    { class: 'panel' },
    element('h2', {}, text('snippets')),
    element('p', { class: 'operation' }, element('code', {}, operation)),
    stored ? null : unstored(changed),
    place,
  );
}
