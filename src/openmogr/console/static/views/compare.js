/** Compare: one picture in every format that the server writes, beside each other. */

import { element, fill, icon } from '../library/element.js';
import { currentSource } from '../library/current.js';
import { letGo, shown } from '../library/picture.js';
import { each, limits, made, mayProcess, original } from '../library/process.js';
import { session } from '../library/service.js';
import { text } from '../library/text.js';
import { aimsPanel, operationFor, wantedFormats } from '../parts/aims.js';
import { cards } from '../parts/cards.js';
import { alarm, wordsOf } from '../parts/notices.js';
import { snippetPanel } from '../parts/snippets.js';
import { sourcePanel, takePasted } from '../parts/source.js';
import { viewer } from '../parts/viewer.js';

/** @typedef {import('../parts/cards.js').Result} Result */

const AT_A_TIME = 2;
const PATIENCE = 350;
const ARROW = 'M5 12h14m-6-6 6 6-6 6';
const ORIGINAL = 'original';

// What is looked at, left and right, which stays while the page does.
/** @type {[string, string]} */
const sides = [ORIGINAL, ''];

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
    this.ended = false;
    /** @type {import('../library/picture.js').Shown | null} */
    this.original = null;
    this.work = new AbortController();
    const names = ['trouble', 'cards', 'viewer', 'snippets'];
    this.places = Object.fromEntries(names.map((name) => [name, element('div', { class: `place-${name}` })]));
  }

  end() {
    this.work.abort();
    clearTimeout(this.timer);
    letGo(this.original);
    this.original = null;
    this.forget();
  }

  forget() {
    for (const { picture } of this.results.values()) letGo(picture);
    this.results.clear();
  }

  again() {
    this.end();
    this.draw();
    this.start();
  }

  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.start(), PATIENCE);
  }

  draw() {
    const { trouble, cards: list, viewer: looking, snippets } = this.places;
    fill(
      this.root,
      element('h1', {}, text('compare')),
      element('p', { class: 'about' }, text('compare.about')),
      sourcePanel(() => this.again()),
      currentSource()
        ? [aimsPanel(() => this.later()), trouble, list, looking, snippets]
        : element('p', { class: 'empty' }, text('compare.empty')),
    );
  }

  async start() {
    const source = currentSource();
    if (!source) return;
    this.work.abort();
    const work = (this.work = new AbortController());
    const formats = wantedFormats();
    this.forget();
    for (const format of formats) this.results.set(format.name, { format });
    this.ended = false;
    fill(this.places.trouble);
    try {
      if (source.kind === 'file' && !mayProcess()) throw new Error(text('source.signed'));
      const picture = this.original ?? (await shown(await original(source)));
      if (work.signal.aborted) return;
      this.original = picture;
      this.drawCards();
      await each(formats, AT_A_TIME, (format) => this.make(format, work));
    } catch (error) {
      if (!work.signal.aborted) fill(this.places.trouble, alarm(error));
    }
    if (work.signal.aborted) return;
    this.ended = true;
    this.tellOnce();
    this.drawCards();
    this.look();
  }

  /** What is wrong with the picture itself is wrong in every format. */
  tellOnce() {
    const errors = [...this.results.values()].map(({ error }) => error);
    if (errors.length < 2 || !errors.every((error) => error && wordsOf(error) === wordsOf(errors[0]))) return;
    this.results.clear();
    fill(this.places.trouble, alarm(errors[0]));
  }

  /** @param {import('../parts/aims.js').Format} format @param {AbortController} work */
  async make(format, work) {
    const source = currentSource();
    if (work.signal.aborted || !source) return;
    /** @type {Result} */
    const result = { format };
    try {
      const pixels = this.original ? this.original.width * this.original.height : Infinity;
      const score = session.server.scores && pixels <= limits().scoredPixels;
      result.made = await made(source, operationFor(format), { score, signal: work.signal });
      result.picture = await shown(result.made.blob);
    } catch (error) {
      result.error = error;
    }
    if (work.signal.aborted) {
      letGo(result.picture);
      return;
    }
    this.results.set(format.name, result);
    this.drawCards();
    // Others that come do not disturb who looks at one.
    if (sides[1] === format.name) this.look();
  }

  /** Draws what is there; in the end by size, and with the keyboard where it was. */
  drawCards() {
    const list = this.places.cards;
    const focused = list.contains(document.activeElement) ? document.activeElement?.id : '';
    const all = [...this.results.values()];
    if (this.ended) all.sort((one, other) => (one.made?.size ?? Infinity) - (other.made?.size ?? Infinity));
    if (!this.results.has(sides[1])) sides[1] = all.find(({ picture }) => picture)?.format.name ?? '';
    const choose = (/** @type {string} */ name) => {
      sides[1] = name;
      this.drawCards();
      this.look();
    };
    fill(list, cards(all, { chosen: sides[1], ended: this.ended, before: currentSource()?.size ?? 0, choose }));
    if (focused) document.getElementById(focused)?.focus();
  }

  look() {
    const result = this.results.get(sides[1]);
    if (!result?.made) {
      fill(this.places.viewer);
      fill(this.places.snippets);
      return;
    }
    const name = result.format.name.toUpperCase();
    const by = result.picture?.by ?? 'browser';
    const hint = () => element('p', { class: 'hint' }, icon(ARROW), ' ', text(`compare.by.${by}`, { name }));
    fill(this.places.trouble, by !== 'browser' && hint());
    fill(this.places.viewer, this.viewer());
    fill(
      this.places.snippets,
      snippetPanel(operationFor(result.format), result.format.suffix, () => this.again()),
    );
  }

  viewer() {
    const results = [...this.results.values()].filter((result) => result.made);
    const all = [
      { name: ORIGINAL, words: text('compare.original'), picture: this.original },
      ...results.map(({ format, picture }) => ({
        name: format.name,
        words: format.name.toUpperCase(),
        picture: picture ?? null,
      })),
    ];
    return viewer(all, sides, ([left, right]) => {
      sides[0] = left;
      if (right !== ORIGINAL) sides[1] = right;
      this.drawCards();
      this.look();
    });
  }
}
