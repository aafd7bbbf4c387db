/** The newest errors that the server answered with, for who may know. */

import { element } from '../library/element.js';
import { date } from '../library/numbers.js';
import { send, session } from '../library/service.js';
import { text } from '../library/text.js';
import { heads } from './notices.js';

const SHOWN = 50;

/** @typedef {{time: number, request_id: string, method: string, path: string, status: number, code: string,
 *   message: string}} Trouble */

/** The list, or why there is none. */
export async function troubles() {
  if (!session.keys) return element('p', { class: 'hint' }, text('operate.recent.signed'));
  /** @type {{errors: Trouble[]}} */
  const { errors } = await (await send('GET', '/-/errors')).json();
  if (!errors.length) return element('p', { class: 'empty' }, text('operate.errors.none'));
  return element(
    'div',
    { class: 'scrolled', tabindex: 0, role: 'region', 'aria-label': text('operate.recent') },
    element(
      'table',
      { class: 'troubles' },
      heads('operate.recent.time', 'operate.status', 'operate.operation', 'operate.recent.id'),
      element('tbody', {}, errors.slice(0, SHOWN).map(row)),
    ),
  );
}

/** @param {Trouble} trouble */
const row = (trouble) =>
  element(
    'tr',
    { class: trouble.status >= 500 ? 'wrong' : '' },
    element('td', {}, date(new Date(trouble.time * 1000).toISOString())),
    element('td', {}, `${trouble.status} ${trouble.code}`),
    element(
      'th',
      { scope: 'row' },
      `${trouble.method} ${trouble.path}`,
      element('br'),
      element('small', {}, trouble.message),
    ),
    element('td', {}, element('code', {}, trouble.request_id)),
  );
