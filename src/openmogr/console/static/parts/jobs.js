/** The newest jobs of a bucket, and how far they are. */

import { cancelJob, listBuckets, listJobs } from '../library/buckets.js';
import { button, chooser, element, labelled } from '../library/element.js';
import { date } from '../library/numbers.js';
import { each } from '../library/process.js';
import { session } from '../library/service.js';
import { text } from '../library/text.js';
import { heads, into, notify, wordsOf } from './notices.js';

const EVERY = 3000;
const SHOWN = 20;
const AT_A_TIME = 3;

/** Jobs by bucket, read again and again while the place is on the page. @param {any} place */
export async function jobs(place) {
  if (!session.keys) return element('p', { class: 'hint' }, text('operate.jobs.signed'));
  const names = (await listBuckets()).map(({ name }) => name);
  if (!names.length) return element('p', { class: 'empty' }, text('buckets.empty'));
  const list = element('div', { 'aria-live': 'polite' });
  const load = () => into(list, () => table(choice.value, load));
  const choice = chooser(
    names.map((name) => [name, name]),
    names[0],
    load,
  );
  load();
  const timer = setInterval(() => (place.isConnected ? load() : clearInterval(timer)), EVERY);
  return [labelled(text('bucket'), choice), list];
}

/** @param {string} bucket @param {() => void} again */
async function table(bucket, again) {
  const found = await listJobs(bucket);
  if (!found.length) return element('p', { class: 'empty' }, text('operate.jobs.none'));
  const cancel = (/** @type {string} */ id) => () =>
    cancelJob(bucket, id).then(again, (error) => notify(wordsOf(error), 'failed'));
  const waiting = found.filter(({ state }) => state === 'Submitted');
  const cancelOne = (/** @type {{id: string}} */ { id }) => cancelJob(bucket, id).then(nothing, nothing);
  const cancelAll = () => each(waiting, AT_A_TIME, cancelOne).then(again);
  return [
    progress(found),
    waiting.length > 1 ? button(text('operate.job.cancel.all', { waiting: waiting.length }), cancelAll) : null,
    element(
      'table',
      {},
      heads('operate.job', 'operate.job.state', 'operate.job.created', 'operate.job.action'),
      element(
        'tbody',
        {},
        found.slice(0, SHOWN).map((job) =>
          element(
            'tr',
            { class: job.state === 'Failed' ? 'wrong' : '' },
            element(
              'th',
              { scope: 'row' },
              `${job.object} → ${job.output || '–'}`,
              element('br'),
              element('code', {}, job.rule),
            ),
            element('td', {}, job.state, job.message && job.state === 'Failed' ? `: ${job.message}` : ''),
            element('td', {}, date(job.created)),
            element('td', {}, job.state === 'Submitted' ? button(text('operate.job.cancel'), cancel(job.id)) : '–'),
          ),
        ),
      ),
    ),
  ];
}

const nothing = () => {};

/** How many of the newest jobs have ended. @param {Array<{state: string}>} found */
function progress(found) {
  const ended = found.filter(({ state }) => !['Submitted', 'Running'].includes(state)).length;
  const words = text('operate.jobs.ended', { ended, all: found.length });
  return element('p', {}, element('progress', { value: ended, max: found.length, 'aria-label': words }), ' ', words);
}
