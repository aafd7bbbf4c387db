/** The cards of a comparison: what a format makes of the picture, each a button that shows it. */

import { element } from '../library/element.js';
import { bytes, duration, number, saved } from '../library/numbers.js';
import { text } from '../library/text.js';
import { wordsOf } from './notices.js';

/** @typedef {import('../library/process.js').Made} Made */
/** @typedef {import('../library/picture.js').Shown} Shown */
/** @typedef {{format: import('./aims.js').Format, made?: Made, picture?: Shown | null, error?: unknown}} Result */

/** @param {Result} result */
function unmade({ error }) {
  return error
    ? element('span', { class: 'wrong' }, wordsOf(error))
    : element('span', { class: 'waiting' }, text('compare.waiting'));
}

/** @param {Made} made @param {number} before @param {number} largest bytes */
function facts(made, before, largest) {
  const bar = element('span', { class: 'bar-size' });
  bar.style.setProperty('--part', String(made.size / largest));
  const score = made.score === null ? '' : `SSIMULACRA2 ${number(made.score, { maximumFractionDigits: 1 })}`;
  const time = made.remembered ? text('compare.remembered') : duration(made.milliseconds);
  return [
    element('span', { class: 'size' }, bytes(made.size)),
    bar,
    element('span', { class: 'saved' }, saved(made.size, before)),
    element('span', { class: 'facts' }, score && element('span', {}, score), element('span', {}, time)),
  ];
}

/**
 * All cards; with the keyboard where it was.
 * @param {Result[]} results in their order
 * @param {{chosen: string, ended: boolean, before: number, choose: (name: string) => void}} about the format that is
 *   shown, whether all was made, and the bytes of the picture itself
 */
export function cards(results, { chosen, ended, before, choose }) {
  const largest = Math.max(before, ...results.map(({ made }) => made?.size ?? 0));
  const items = results.map((result) => {
    const { name } = result.format;
    const card = element(
      'button',
      {
        type: 'button',
        id: `card-${name}`,
        class: 'card',
        'aria-pressed': String(chosen === name),
        disabled: !result.made,
        on: { click: () => choose(name) },
      },
      element('span', { class: 'name' }, name.toUpperCase()),
      result.made ? facts(result.made, before, largest) : unmade(result),
    );
    return element('li', {}, card);
  });
  return element('ul', { class: 'cards', 'aria-label': text('compare.results'), 'aria-busy': String(!ended) }, items);
}
