/** Jobs for all pictures below a prefix: asked for one by one, watched until they end, and cancelled together. */

import { cancelJob, jobsNamed, listBuckets, listObjects, submitJob } from '../library/buckets.js';
import { button, element, fill, labelled } from '../library/element.js';
import { number } from '../library/numbers.js';
import { each } from '../library/process.js';
import { isPicture } from '../library/service.js';
import { text } from '../library/text.js';
import { ask } from './dialog.js';
import { into, wordsOf } from './notices.js';

const AT_A_TIME = 3;
const EVERY = 1500;
const NAMED = 100;
const OPEN = ['Submitted', 'Running', 'Pause'];

/** @typedef {{object: string, output: string, rule: string}} Wanted */

/** The newest run of each bucket, which goes on while its reader looks elsewhere. @type {Map<string, Run>} */
const runs = new Map();

/** Jobs that were asked for together, and what became of them. */
class Run {
  /** @param {string} bucket @param {string} region @param {Wanted[]} wanted */
  constructor(bucket, region, wanted) {
    this.bucket = bucket;
    this.region = region;
    this.wanted = wanted;
    /** @type {Map<string, string>} states by identifier */
    this.states = new Map();
    /** @type {string[]} what went wrong, in words */
    this.refused = [];
    this.sent = false;
    this.cancelled = false;
    this.ended = false;
    this.changed = () => {};
  }

  async go() {
    const watching = this.watch();
    await each(this.wanted, AT_A_TIME, async (job) => {
      if (this.cancelled) return;
      try {
        const id = await submitJob(this.bucket, this.region, job);
        this.states.set(id, 'Submitted');
        // Its reader changed their mind while it was on its way.
        if (this.cancelled) await this.takeBack(id);
      } catch (error) {
        this.refused.push(`${job.object}: ${wordsOf(error)}`);
      }
      this.changed();
    });
    this.sent = true;
    await watching;
    this.ended = true;
    this.changed();
  }

  /** The identifiers of jobs that have not ended. */
  open() {
    return [...this.states].filter(([, state]) => OPEN.includes(state)).map(([id]) => id);
  }

  async watch() {
    while (!this.sent || this.open().length) {
      await new Promise((resolve) => setTimeout(resolve, EVERY));
      const open = this.open();
      for (let from = 0; from < open.length; from += NAMED) {
        // What cannot be asked now is asked again.
        const found = await jobsNamed(this.bucket, open.slice(from, from + NAMED)).catch(() => []);
        for (const { id, state, object, message } of found) {
          this.states.set(id, state);
          if (state === 'Failed') this.refused.push(`${object}: ${message}`);
        }
        this.changed();
      }
    }
  }

  /** No more are asked for, and those that wait are taken back; what is being done is done. */
  async cancel() {
    this.cancelled = true;
    this.changed();
    await each(this.open(), AT_A_TIME, (id) => this.takeBack(id));
  }

  /** @param {string} id */
  async takeBack(id) {
    await cancelJob(this.bucket, id).then(
      () => this.states.set(id, 'Cancel'),
      () => {},
    );
    this.changed();
  }

  counts() {
    const states = [...this.states.values()];
    const failed = this.refused.length;
    const done = states.filter((state) => state === 'Success').length;
    return { all: this.wanted.length, done, failed, open: this.open().length };
  }
}

/** The name of a result. @param {string} pattern @param {string} key */
const outputOf = (pattern, key) => pattern.replaceAll('{path}', key.replace(/\.[^./]*$/, ''));

/**
 * What is to be done with the pictures below a prefix. Raises where two results would have one name.
 * @param {string} bucket
 * @param {string} prefix
 * @param {string} rule
 * @param {string} pattern
 */
async function wantedOf(bucket, prefix, rule, pattern) {
  const keys = [];
  let marker = '';
  do {
    const { objects, next } = await listObjects(bucket, prefix, marker, true);
    keys.push(...objects.map(({ key }) => key).filter(isPicture));
    marker = next;
  } while (marker);
  const outputs = new Set(keys.map((key) => outputOf(pattern, key)));
  // What an earlier run made is no source of this one.
  const sources = keys.filter((key) => !outputs.has(key));
  const wanted = sources.map((object) => ({ object, output: outputOf(pattern, object), rule }));
  if (new Set(wanted.map(({ output }) => output)).size < wanted.length) throw new Error(text('bulk.same'));
  if (!wanted.length) throw new Error(text('bulk.none'));
  return wanted;
}

/** @param {Run} run */
function progress(run) {
  const { all, done, failed, open } = run.counts();
  const ended = run.ended ? text(run.cancelled ? 'bulk.cancelled' : 'bulk.ended') : '';
  const words = `${text('bulk.progress', { done: number(done), all: number(all), failed: number(failed) })} ${ended}`;
  const bar = { value: run.ended ? all : Math.min(all, done + failed), max: all, 'aria-label': words };
  return [
    element('p', {}, element('progress', bar), ' ', element('span', { role: run.ended ? 'status' : null }, words)),
    run.ended || run.cancelled
      ? null
      : button(text('bulk.cancel', { open: number(Math.max(open, all - done - failed)) }), () => run.cancel()),
    run.refused.length
      ? element(
          'ul',
          { class: 'log' },
          run.refused.slice(-10).map((words) => element('li', { class: 'wrong' }, words)),
        )
      : null,
  ];
}

/**
 * The panel.
 * @param {string} bucket
 * @param {string} prefix
 * @param {() => void} changed called when a run has ended
 */
export function bulkPanel(bucket, prefix, changed) {
  const state = element('div', { class: 'bulk-state' });
  const below = element('input', { value: prefix, spellcheck: 'false' });
  const rule = element('input', {
    value: 'imageMogr2/thumbnail/800x/format/webp',
    required: true,
    spellcheck: 'false',
  });
  const name = element('input', { value: 'small/{path}.webp', required: true, spellcheck: 'false' });
  const watch = (/** @type {Run} */ run) => {
    run.changed = () => {
      const held = state.contains(document.activeElement);
      fill(state, progress(run));
      // The keyboard stays where it was.
      if (held) state.querySelector('button')?.focus();
      if (run.ended && state.isConnected) changed();
    };
    fill(state, progress(run));
  };
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    const old = runs.get(bucket);
    if (old && !old.ended) return;
    await into(state, async () => {
      const wanted = await wantedOf(bucket, below.value, rule.value, name.value);
      const [first] = wanted;
      const about = text('bulk.about', { count: number(wanted.length), first: first.object, output: first.output });
      const region = (await listBuckets()).find((item) => item.name === bucket)?.region ?? '';
      const run = async () => {
        runs.set(bucket, new Run(bucket, region, wanted));
      };
      const title = text('bulk');
      if (!(await ask(title, element('p', {}, about), { action: text('job.submit'), run }))) return null;
      return null;
    });
    const begun = runs.get(bucket);
    if (begun && begun !== old) {
      watch(begun);
      begun.go();
    }
  };
  const known = runs.get(bucket);
  if (known) watch(known);
  return element(
    'section',
    { class: 'panel bulk', 'aria-labelledby': 'bulk-title' },
    element('h2', { id: 'bulk-title' }, text('bulk')),
    element(
      'form',
      { class: 'fields', on: { submit } },
      labelled(text('bulk.prefix'), below),
      labelled(text('bulk.operation'), rule),
      labelled(text('bulk.output'), name, text('bulk.output.hint')),
      element('div', { class: 'buttons' }, element('button', { type: 'submit' }, `${text('bulk.start')} …`)),
    ),
    state,
  );
}
