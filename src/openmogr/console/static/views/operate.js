/** Operate: how the server is, how much it does, what it saves, what goes wrong, and its jobs. */

import { element, fill } from '../library/element.js';
import { byLabel, quantile, samples, total } from '../library/metrics.js';
import { bytes, duration, number, saved } from '../library/numbers.js';
import { session } from '../library/service.js';
import { text } from '../library/text.js';
import { jobs } from '../parts/jobs.js';
import { alarm, heads, into } from '../parts/notices.js';
import { troubles } from '../parts/troubles.js';

const EVERY = 3000;
const NO_PICTURES = ['json', 'any'];

/** @typedef {{all: import('../library/metrics.js').Sample[], at: number}} Reading */

/** @param {any} root @returns {() => void} what ends the view */
export function render(root) {
  const names = ['state', 'saved', 'errors', 'recent', 'jobs'];
  const places = Object.fromEntries(names.map((name) => [name, element('div')]));
  fill(
    root,
    element('h1', {}, text('operate')),
    element('p', { class: 'about' }, text('operate.about')),
    element(
      'section',
      { class: 'panel', 'aria-label': text('operate.state') },
      element('h2', {}, text('operate.state')),
      places.state,
    ),
    element(
      'div',
      { class: 'columns' },
      element('section', { class: 'panel' }, element('h2', {}, text('operate.saved')), places.saved),
      element('section', { class: 'panel' }, element('h2', {}, text('operate.errors')), places.errors),
    ),
    element('section', { class: 'panel recent' }, element('h2', {}, text('operate.recent')), places.recent),
    element('section', { class: 'panel' }, element('h2', {}, text('operate.jobs')), places.jobs),
  );
  const watch = new Watch(places);
  watch.read();
  // Who may not see single errors is told so once.
  let told = false;
  const recent = () =>
    into(places.recent, async () => {
      try {
        return await troubles();
      } catch (error) {
        told = true;
        throw error;
      }
    });
  const timer = setInterval(() => {
    if (document.hidden) return;
    watch.read();
    // Who reads the list with the keyboard keeps the place.
    if (!told && !places.recent.contains(document.activeElement)) recent();
  }, EVERY);
  recent();
  into(places.jobs, () => jobs(places.jobs));
  return () => clearInterval(timer);
}

/** The status that a page of the server says. @param {string} name */
async function page(name) {
  const response = await fetch(`/-/${name}`, { cache: 'no-store', credentials: 'omit' });
  return response.status === 404 ? null : (await response.json()).status;
}

/** @param {string} name @param {string} value @param {string} [kind] */
const fact = (name, value, kind = '') =>
  element('div', { class: `fact ${kind}` }, element('dt', {}, name), element('dd', {}, value));

/** @param {number | null} seconds */
function within(seconds) {
  if (seconds === null) return '–';
  return seconds === Infinity ? '> 100 s' : `≤ ${duration(seconds * 1000)}`;
}

class Watch {
  /** @param {Record<string, any>} places */
  constructor(places) {
    this.places = places;
    /** @type {Reading[]} */
    this.readings = [];
  }

  async read() {
    try {
      const [health, ready] = await Promise.all([page('health'), page('ready')]);
      const here = session.server.metrics === 'here';
      if (here) {
        const response = await fetch('/-/metrics', { cache: 'no-store', credentials: 'omit' });
        this.readings.push({ all: samples(await response.text()), at: performance.now() });
        this.readings = [this.readings[0], ...this.readings.slice(1).slice(-20)];
      }
      this.draw(health, ready);
    } catch (error) {
      fill(this.places.state, alarm(error));
    }
  }

  /** @param {string | null} health @param {string | null} ready */
  draw(health, ready) {
    const { state, saved: less, errors } = this.places;
    const known = health === null ? text('operate.elsewhere') : health;
    const facts = [
      fact(text('operate.health'), known, health === null ? '' : health === 'ok' ? 'good' : 'bad'),
      fact(
        text('operate.ready'),
        ready ?? text('operate.elsewhere'),
        ready === null ? '' : ready === 'ready' ? 'good' : 'bad',
      ),
    ];
    const last = this.readings.at(-1);
    if (!last) {
      fill(
        state,
        element('dl', { class: 'facts-grid' }, facts),
        element('p', { class: 'hint' }, text(`operate.metrics.${session.server.metrics}`)),
      );
      for (const place of [less, errors]) fill(place, element('p', { class: 'empty' }, text('operate.unknown')));
      return;
    }
    fill(state, element('dl', { class: 'facts-grid' }, facts, this.throughput(last)));
    fill(less, savings(last));
    fill(errors, this.errors(last));
  }

  /** @param {Reading} last */
  throughput({ all, at }) {
    const before = this.readings.at(-6) ?? this.readings[0];
    const requests = total(all, 'openmogr_requests_total');
    const seconds = (at - before.at) / 1000;
    const rate = seconds ? (requests - total(before.all, 'openmogr_requests_total')) / seconds : 0;
    const outcomes = byLabel(all, 'openmogr_results_total', 'outcome');
    const wanted = [...outcomes.values()].reduce((sum, value) => sum + value, 0);
    const slow = quantile(all, 'openmogr_request_seconds', 0.95);
    const value = (/** @type {string} */ name) => total(all, name);
    return [
      fact(text('operate.requests'), number(requests)),
      fact(text('operate.rate'), number(rate, { maximumFractionDigits: 1 })),
      fact(text('operate.slow'), within(slow)),
      fact(
        text('operate.hits'),
        wanted ? number((outcomes.get('hit') ?? 0) / wanted, { style: 'percent', maximumFractionDigits: 1 }) : '–',
      ),
      fact(
        text('operate.working'),
        `${number(value('openmogr_image_running'))} / ${number(value('openmogr_image_waiting'))}`,
      ),
      fact(text('operate.kept'), bytes(value('openmogr_results_kept_bytes'))),
      fact(text('operate.refused'), number(value('openmogr_refused_total'))),
      fact(text('operate.crashed'), number(total(all, 'openmogr_workers_replaced_total', { reason: 'crashed' }))),
    ];
  }

  /** Answers with 4xx and 5xx, and whether there were any since the page looks. @param {Reading} last */
  errors({ all }) {
    const first = this.readings[0].all;
    const rows = all
      .filter(({ name, labels }) => name === 'openmogr_requests_total' && labels.status >= '400')
      .map(({ labels, value }) => ({
        ...labels,
        value,
        fresh: value - total(first, 'openmogr_requests_total', labels),
      }));
    if (!rows.length) return element('p', { class: 'empty' }, text('operate.errors.none'));
    rows.sort((one, other) => other.fresh - one.fresh || other.value - one.value);
    return element(
      'table',
      {},
      heads('operate.operation', 'operate.status', 'operate.count', 'operate.fresh'),
      element(
        'tbody',
        {},
        rows
          .slice(0, 12)
          .map((/** @type {any} */ row) =>
            element(
              'tr',
              { class: row.status >= '500' ? 'wrong' : '' },
              element('th', { scope: 'row' }, `${row.method} ${row.operation}`),
              element('td', {}, row.status),
              element('td', {}, number(row.value)),
              element('td', {}, row.fresh ? `+${number(row.fresh)}` : '–'),
            ),
          ),
      ),
    );
  }
}

/** @param {Reading} reading */
function savings({ all }) {
  const sources = byLabel(all, 'openmogr_image_source_bytes_total', 'format');
  const rows = [...sources]
    .filter(([name]) => !NO_PICTURES.includes(name))
    .map(([name, before]) => ({
      name,
      before,
      after: total(all, 'openmogr_image_bytes_total', { direction: 'out', format: name }),
    }));
  if (!rows.length) return element('p', { class: 'empty' }, text('operate.saved.none'));
  rows.sort((one, other) => other.before - other.after - (one.before - one.after));
  return element(
    'table',
    {},
    heads('operations.format', 'operate.before', 'operate.after', 'operate.less'),
    element(
      'tbody',
      {},
      rows.map(({ name, before, after }) => {
        const bar = element('span', { class: 'bar-size' });
        bar.style.setProperty('--part', String(Math.min(1, after / before)));
        return element(
          'tr',
          {},
          element('th', { scope: 'row' }, name.toUpperCase()),
          element('td', {}, bytes(before)),
          element('td', {}, bytes(after)),
          element('td', {}, saved(after, before), bar),
        );
      }),
    ),
  );
}
