/** Compare: one picture in every format that the server writes, beside each other. */

import { chooser, element, fill, icon, labelled } from '../library/element.js';
import { currentSource } from '../library/current.js';
import { bytes, duration, number, saved } from '../library/numbers.js';
import { letGo, shown } from '../library/picture.js';
import { each, limits, made, mayProcess, original } from '../library/process.js';
import { session } from '../library/service.js';
import { text } from '../library/text.js';
import { alarm, wordsOf } from '../parts/notices.js';
import { snippetPanel } from '../parts/snippets.js';
import { sourcePanel, takePasted } from '../parts/source.js';
import { viewer } from '../parts/viewer.js';

/** @typedef {{format: any, made?: any, picture?: any, error?: unknown}} Result */

const AT_A_TIME = 2;
const PATIENCE = 350;
const ARROW = 'M5 12h14m-6-6 6 6-6 6';

// What its reader set, which stays while the page does.
const wish = { mode: 'quality', quality: 75, score: 80, size: 50, effort: '', off: new Set(),
  sides: /** @type {[string, string]} */ (['original', '']) };

/** The operation for a format. @param {any} format */
function operation(format) {
  const parts = [`imageMogr2/format/${format.name}`];
  if (format.lossy) {
    parts.push({ quality: `quality/${wish.quality}`, score: `target-ssimulacra2/${wish.score}`, size: `size-limit/${wish.size}k` }[wish.mode] ?? '');
  }
  if (wish.effort) parts.push(`effort/${wish.effort}`);
  return parts.join('/');
}

/** @param {any} root @returns {() => void} what ends the view */
export function render(root) {
  const view = new Comparison(root);
  view.draw();
  view.start();
  const stop = takePasted(() => view.again());
  return () => {
    stop();
    view.end();
  };
}

class Comparison {
  /** @param {any} root */
  constructor(root) {
    this.root = root;
    /** @type {Map<string, Result>} */
    this.results = new Map();
    this.original = /** @type {any} */ (null);
    this.trouble = /** @type {unknown} */ (null);
    this.work = new AbortController();
    this.places = Object.fromEntries(['trouble', 'cards', 'viewer', 'snippets'].map((name) => [name, element('div', { class: `place-${name}` })]));
  }

  end() {
    this.work.abort();
    clearTimeout(this.timer);
    letGo(this.original);
    for (const { picture } of this.results.values()) letGo(picture);
    this.results.clear();
  }

  again() {
    this.end();
    this.original = null;
    this.draw();
    this.start();
  }

  draw() {
    const { trouble, cards, viewer: looking, snippets } = this.places;
    fill(this.root,
      element('h1', {}, text('compare')), element('p', { class: 'about' }, text('compare.about')),
      sourcePanel(() => this.again()),
      currentSource() ? [this.controls(), trouble, cards, looking, snippets] : element('p', { class: 'empty' }, text('compare.empty')));
  }

  controls() {
    const target = element('div', { class: 'field wide' });
    const draw = () => fill(target, this.target());
    const modes = ['quality', 'score', 'size'].map((name) => [name, text(`compare.mode.${name}`)]);
    const mode = chooser(/** @type {any} */ (modes), wish.mode, (value) => { wish.mode = value; draw(); this.later(); });
    const efforts = [['', text('compare.effort.usual')], ...Array.from({ length: limits().effort + 1 }, (_, i) => [String(i), String(i)])];
    const effort = chooser(/** @type {any} */ (efforts), wish.effort, (value) => { wish.effort = value; this.later(); });
    draw();
    return element('section', { class: 'panel controls', 'aria-label': text('compare.controls') },
      labelled(text('compare.mode'), mode), target, labelled(text('compare.effort'), effort),
      element('fieldset', { class: 'chips' }, element('legend', {}, text('compare.formats')),
        session.server.formats.map((/** @type {any} */ format) => this.chip(format))));
  }

  /** The field of the number that is aimed at. */
  target() {
    const [name, least, most] = /** @type {any} */ ({
      quality: ['quality', 1, 100], score: ['score', 1, 100], size: ['size', 1, 500],
    })[wish.mode];
    const values = /** @type {any} */ (wish);
    const shownValue = element('output', {}, number(values[name]));
    const range = element('input', {
      type: 'range', min: least, max: most, value: values[name],
      on: { input: () => { values[name] = Number(range.value); fill(shownValue, number(values[name])); this.later(); } },
    });
    const field = labelled(text(`compare.target.${wish.mode}`), range);
    field.querySelector('label').append(' ', shownValue);
    return field;
  }

  /** @param {any} format */
  chip(format) {
    const box = element('input', {
      type: 'checkbox', checked: !wish.off.has(format.name),
      on: { change: () => { wish.off[box.checked ? 'delete' : 'add'](format.name); this.later(); } },
    });
    return element('label', { class: 'chip' }, box, element('span', {}, format.name));
  }

  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.start(), PATIENCE);
  }

  async start() {
    const source = currentSource();
    if (!source) return;
    this.work.abort();
    const work = this.work = new AbortController();
    for (const { picture } of this.results.values()) letGo(picture);
    const formats = session.server.formats.filter((/** @type {any} */ format) => !wish.off.has(format.name));
    this.results = new Map(formats.map((/** @type {any} */ format) => [format.name, { format }]));
    fill(this.places.trouble);
    try {
      if (source.kind === 'file' && !mayProcess()) throw new Error(text('source.signed'));
      this.original ??= await shown(await original(source));
      this.cards();
      await each(formats, AT_A_TIME, (format) => this.make(format, work));
    } catch (error) {
      if (!work.signal.aborted) fill(this.places.trouble, alarm(error));
    }
    if (!work.signal.aborted) this.cards(true);
  }

  /** @param {any} format @param {AbortController} work */
  async make(format, work) {
    const source = currentSource();
    if (work.signal.aborted || !source) return;
    /** @type {Result} */
    const result = { format };
    try {
      const pixels = this.original ? this.original.width * this.original.height : Infinity;
      const score = session.server.scores && pixels <= limits().scoredPixels;
      result.made = await made(source, operation(format), { score, signal: work.signal });
      result.picture = await shown(result.made.blob);
    } catch (error) {
      result.error = error;
    }
    if (work.signal.aborted) {
      letGo(result.picture);
      return;
    }
    this.results.set(format.name, result);
    this.cards();
  }

  /** Draws what is there; in the end by size. @param {boolean} [ended] */
  cards(ended = false) {
    const focused = this.places.cards.contains(document.activeElement) ? document.activeElement?.id : '';
    const all = [...this.results.values()];
    if (ended) all.sort((one, other) => (one.made?.size ?? Infinity) - (other.made?.size ?? Infinity));
    if (!this.results.has(wish.sides[1])) wish.sides[1] = all.find(({ picture }) => picture)?.format.name ?? '';
    const largest = Math.max(currentSource()?.size ?? 0, ...all.map((result) => result.made?.size ?? 0));
    fill(this.places.cards, element('ul', { class: 'cards', 'aria-label': text('compare.results'), 'aria-busy': String(!ended) },
      all.map((result) => this.card(result, largest))));
    if (focused) document.getElementById(focused)?.focus();
    this.look();
  }

  /** @param {Result} result @param {number} largest */
  card({ format, made: result, error }, largest) {
    const { name } = format;
    const choose = () => { wish.sides[1] = name; this.cards(true); };
    const bar = element('span', { class: 'bar-size' });
    if (result) bar.style.setProperty('--part', String(result.size / largest));
    const about = !result ? [error ? element('span', { class: 'wrong' }, wordsOf(error)) : element('span', { class: 'waiting' }, text('compare.waiting'))]
      : [element('span', { class: 'size' }, bytes(result.size)), bar,
        element('span', { class: 'saved' }, saved(result.size, currentSource()?.size ?? 0)),
        element('span', { class: 'facts' },
          result.score === null ? null : element('span', { title: 'SSIMULACRA2' }, `SSIMULACRA2 ${number(result.score, { maximumFractionDigits: 1 })}`),
          element('span', {}, result.remembered ? text('compare.remembered') : duration(result.milliseconds)))];
    return element('li', {}, element('button', {
      type: 'button', id: `card-${name}`, class: 'card', 'aria-pressed': String(wish.sides[1] === name), disabled: !result, on: { click: choose },
    }, element('span', { class: 'name' }, name.toUpperCase()), about));
  }

  look() {
    const source = currentSource();
    const result = this.results.get(wish.sides[1]);
    if (!source || !result?.made) {
      fill(this.places.viewer);
      fill(this.places.snippets);
      return;
    }
    const sides = [{ name: 'original', words: text('compare.original'), picture: this.original },
      ...[...this.results.values()].filter((item) => item.made)
        .map((item) => ({ name: item.format.name, words: item.format.name.toUpperCase(), picture: item.picture }))];
    const changed = (/** @type {[string, string]} */ chosen) => {
      [wish.sides[0], wish.sides[1]] = [chosen[0], chosen[1] === 'original' ? wish.sides[1] : chosen[1]];
      this.cards(true);
    };
    fill(this.places.viewer, viewer(sides, wish.sides, changed));
    fill(this.places.snippets, snippetPanel(operation(result.format), result.format.suffix, () => this.again()));
    fill(this.places.trouble, result.picture?.converted
      ? element('p', { class: 'hint' }, icon(ARROW), ' ', text('compare.converted', { name: result.format.name.toUpperCase() })) : null);
  }
}
