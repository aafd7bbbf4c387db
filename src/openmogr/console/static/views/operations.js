/** Operations: a pipeline built step by step or written by hand, with what it makes of the picture. */

import { button, chooser, element, fill, labelled } from '../library/element.js';
import { currentSource } from '../library/current.js';
import { bytes, duration } from '../library/numbers.js';
import { letGo, shown } from '../library/picture.js';
import { made } from '../library/process.js';
import { session } from '../library/service.js';
import { STEPS, beginning, operationText } from '../library/steps.js';
import { text } from '../library/text.js';
import { alarm } from '../parts/notices.js';
import { snippetPanel } from '../parts/snippets.js';
import { sourcePanel, takePasted } from '../parts/source.js';

const PATIENCE = 350;

/** @type {{steps: Array<{name: string, values: Record<string, string>}>, output: Record<string, string>,
 *   written: string}} */
const wish = {
  steps: [{ name: 'thumbnail', values: beginning('thumbnail') }],
  output: { format: 'webp', quality: '75' },
  written: '',
};

/** What the builder's fields say. */
function built() {
  const output = Object.entries(wish.output)
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name}/${value}`)
    .join('/');
  return operationText(wish.steps, output);
}

/** @param {any} root @returns {() => void} what ends the view */
export function render(root) {
  const view = new Builder(root);
  view.draw();
  const stop = takePasted(() => view.draw());
  return () => {
    stop();
    view.end();
  };
}

class Builder {
  /** @param {any} root */
  constructor(root) {
    this.root = root;
    this.work = new AbortController();
    this.picture = /** @type {any} */ (null);
    this.result = element('div', { class: 'result', 'aria-live': 'polite' });
    this.snippets = element('div');
    this.written = element('textarea', {
      rows: 3,
      spellcheck: 'false',
      class: 'operation-text',
      on: {
        input: () => {
          wish.written = this.written.value;
          this.later();
        },
      },
    });
  }

  end() {
    this.work.abort();
    clearTimeout(this.timer);
    letGo(this.picture);
    this.picture = null;
  }

  draw() {
    this.list = element('ol', { class: 'steps' });
    this.drawSteps();
    this.written.value = wish.written || built();
    fill(
      this.root,
      element('h1', {}, text('operations')),
      element('p', { class: 'about' }, text('operations.about')),
      sourcePanel(() => this.draw()),
      element(
        'div',
        { class: 'columns' },
        element(
          'section',
          { class: 'panel' },
          element('h2', {}, text('operations.steps')),
          this.list,
          this.adder(),
          element('h2', {}, text('operations.output')),
          this.output(),
          labelled(text('operations.text'), this.written, text('operations.text.hint')),
        ),
        element(
          'section',
          { class: 'panel', 'aria-label': text('operations.result') },
          element('h2', {}, text('operations.result')),
          this.result,
        ),
      ),
      this.snippets,
    );
    this.preview();
  }

  /** After a change in the builder, whose text takes the place of what was written. */
  changed() {
    wish.written = '';
    this.written.value = built();
    this.later();
  }

  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.preview(), PATIENCE);
  }

  adder() {
    const names = Object.keys(STEPS).map((name) => [name, text(`step.${name}`)]);
    const choice = chooser(/** @type {any} */ (names), names[0][0], () => {});
    const put = () => {
      wish.steps.push({ name: choice.value, values: beginning(choice.value) });
      this.drawSteps();
      this.changed();
      this.list.lastElementChild?.querySelector('input, select, button')?.focus();
    };
    return element(
      'div',
      { class: 'line' },
      labelled(text('operations.add'), choice),
      button(text('operations.add.button'), put),
    );
  }

  drawSteps() {
    fill(
      this.list,
      wish.steps.map((step, place) => this.step(step, place)),
    );
  }

  /** @param {{name: string, values: Record<string, string>}} step @param {number} place */
  step(step, place) {
    const move = (/** @type {number} */ by) => () => {
      const [taken] = wish.steps.splice(place, 1);
      if (by !== 0) wish.steps.splice(place + by, 0, taken);
      this.drawSteps();
      this.changed();
    };
    const words = text(`step.${step.name}`);
    return element(
      'li',
      { class: 'step' },
      element(
        'div',
        { class: 'step-head' },
        element('strong', {}, words),
        button('↑', move(-1), {
          class: 'small',
          disabled: place === 0,
          'aria-label': text('operations.up', { name: words }),
        }),
        button('↓', move(1), {
          class: 'small',
          disabled: place === wish.steps.length - 1,
          'aria-label': text('operations.down', { name: words }),
        }),
        button('×', move(0), { class: 'small', 'aria-label': text('operations.remove', { name: words }) }),
      ),
      element(
        'div',
        { class: 'fields row' },
        STEPS[step.name].fields.map((field) => this.field(field, step.values)),
      ),
    );
  }

  /** @param {import('../library/steps.js').Field} field @param {Record<string, string>} values */
  field(field, values) {
    const set = (/** @type {string} */ value) => {
      values[field.name] = value;
      this.changed();
    };
    const words = text(`field.${field.name}`);
    if (field.kind === 'choice') {
      const choices = (field.choices ?? []).map((name) => [name, text(`choice.${name}`)]);
      return labelled(words, chooser(/** @type {any} */ (choices), values[field.name], set));
    }
    const types = { number: 'number', text: 'text', colour: 'color' };
    const input = element('input', {
      type: types[field.kind],
      value: values[field.name],
      min: field.least,
      max: field.most,
      on: { input: () => set(input.value) },
    });
    return labelled(words, input);
  }

  output() {
    const formats = [
      ['', text('operations.same')],
      ...session.server.formats.map((/** @type {any} */ item) => [item.name, item.name.toUpperCase()]),
    ];
    const set = (/** @type {string} */ name) => (/** @type {string} */ value) => {
      wish.output[name] = value;
      this.changed();
    };
    const quality = element('input', {
      type: 'number',
      min: 0,
      max: 100,
      value: wish.output.quality,
      on: { input: () => set('quality')(quality.value) },
    });
    return element(
      'div',
      { class: 'fields row' },
      labelled(text('operations.format'), chooser(/** @type {any} */ (formats), wish.output.format, set('format'))),
      labelled(text('compare.target.quality'), quality),
    );
  }

  async preview() {
    const source = currentSource();
    const operation = this.written.value.trim();
    const format = session.server.formats.find((/** @type {any} */ item) => operation.includes(`format/${item.name}`));
    fill(
      this.snippets,
      snippetPanel(operation, format?.suffix ?? '', () => this.draw()),
    );
    if (!source) {
      fill(this.result, element('p', { class: 'empty' }, text('operations.empty')));
      return;
    }
    this.work.abort();
    const work = (this.work = new AbortController());
    this.result.setAttribute('aria-busy', 'true');
    try {
      const result = await made(source, operation, { signal: work.signal });
      const node = result.type.startsWith('application/json') ? await told(result.blob) : await this.looked(result);
      if (!work.signal.aborted) fill(this.result, node);
    } catch (error) {
      if (!work.signal.aborted) fill(this.result, alarm(error));
    }
    if (!work.signal.aborted) this.result.removeAttribute('aria-busy');
  }

  /** @param {import('../library/process.js').Made} result */
  async looked(result) {
    letGo(this.picture);
    this.picture = await shown(result.blob);
    const size = this.picture ? `${this.picture.width} × ${this.picture.height} · ` : '';
    return [
      this.picture
        ? element('img', { src: this.picture.url, alt: text('operations.result'), class: 'preview' })
        : element('p', { class: 'empty' }, text('viewer.unshown', { name: result.type })),
      element(
        'p',
        { class: 'facts' },
        `${size}${bytes(result.size)} · ${result.type} · ${duration(result.milliseconds)}`,
      ),
    ];
  }
}

/** @param {Blob} blob of JSON */
async function told(blob) {
  return element('pre', { tabindex: 0 }, JSON.stringify(JSON.parse(await blob.text()), null, 2));
}
