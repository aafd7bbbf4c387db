/** What the page tells in passing, also to readers of screens. */

import { element, fill } from '../library/element.js';
import { ServiceError } from '../library/service.js';
import { text } from '../library/text.js';

const SECONDS = 5;
const place = element('div', { class: 'notices', role: 'status', 'aria-live': 'polite' });

/** The place of notices, for the page. */
export const notices = () => place;

/** @param {string} words @param {'done' | 'failed'} [kind] */
export function notify(words, kind = 'done') {
  const notice = element('p', { class: `notice ${kind}` }, words);
  place.append(notice);
  setTimeout(() => notice.remove(), SECONDS * 1000);
}

/** What went wrong, as the server says it. @param {unknown} error */
export function wordsOf(error) {
  if (error instanceof ServiceError) {
    if (error.code) return `${error.code}: ${error.message}`;
    if (error.status === 403 || error.status === 404) return text(`error.${error.status}`);
    return `${error.status} ${error.message}`;
  }
  return error instanceof TypeError
    ? text('error.unreachable')
    : String(error instanceof Error ? error.message : error);
}

/** An error in its place. @param {unknown} error */
export const alarm = (error) => element('p', { class: 'alarm', role: 'alert' }, wordsOf(error));

/**
 * Puts what work makes into a place, or what went wrong with it.
 * @param {any} target
 * @param {() => Promise<any>} work
 */
export async function into(target, work) {
  const turn = {};
  turns.set(target, turn);
  target.setAttribute('aria-busy', 'true');
  const found = await Promise.resolve().then(work).catch(alarm);
  // What was asked for later is what is wanted, whichever answer comes first.
  if (turns.get(target) !== turn) return;
  fill(target, found);
  target.removeAttribute('aria-busy');
}

/** The newest work of each place. @type {WeakMap<any, object>} */
const turns = new WeakMap();

/** @param {string} words */
export async function copy(words) {
  try {
    await navigator.clipboard.writeText(words);
    notify(text('copy.done'));
  } catch {
    notify(text('copy.failed'), 'failed');
  }
}

/** The head of a table, by the names of its words. @param {...string} names */
export const heads = (...names) =>
  element(
    'thead',
    {},
    element(
      'tr',
      {},
      names.map((name) => element('th', { scope: 'col' }, text(name))),
    ),
  );
