/** Two pictures one over the other, with a line between them that moves, or what they differ by. */

import { chooser, element, fill, labelled } from '../library/element.js';
import { drawDifference } from '../library/picture.js';
import { text } from '../library/text.js';

/** @typedef {import('../library/picture.js').Shown} Shown */
/** @typedef {{name: string, words: string, picture: Shown | null}} Side */

const state = { zoom: 'fit', view: 'slider', split: 50, gain: 8 };

/** @param {Side} side @param {string} kind */
const image = (side, kind) =>
  element('img', { src: side.picture?.url, alt: side.words, class: kind, draggable: 'false' });

/** @param {any} pair @param {number} split per cent from the left */
function setSplit(pair, split) {
  state.split = Math.min(100, Math.max(0, split));
  pair.style.setProperty('--split', `${state.split}%`);
}

/** @param {Side} left @param {Side} right */
function slider(left, right) {
  const range = element('input', {
    type: 'range',
    min: 0,
    max: 100,
    step: 0.5,
    value: state.split,
    'aria-label': text('viewer.split'),
    on: { input: () => setSplit(pair, Number(range.value)) },
  });
  const move = (/** @type {PointerEvent} */ event) => {
    if (event.type === 'pointermove' && !(event.buttons & 1)) return;
    const { left: start, width } = pair.getBoundingClientRect();
    setSplit(pair, ((event.clientX - start) / width) * 100);
    range.value = state.split;
  };
  const pair = element(
    'div',
    { class: 'pair', on: { pointerdown: move, pointermove: move } },
    image(left, 'under'),
    image(right, 'over'),
    element('span', { class: 'line', 'aria-hidden': 'true' }),
    element('span', { class: 'side left', 'aria-hidden': 'true' }, left.words),
    element('span', { class: 'side right', 'aria-hidden': 'true' }, right.words),
  );
  setSplit(pair, state.split);
  return { pair, control: range };
}

/** @param {Shown} left @param {Shown} right */
function difference(left, right) {
  const canvas = element('canvas', { role: 'img', 'aria-label': text('viewer.difference') });
  const draw = () => drawDifference(canvas, left, right, state.gain);
  const range = element('input', {
    type: 'range',
    min: 1,
    max: 32,
    value: state.gain,
    on: {
      input: () => {
        state.gain = Number(range.value);
        draw();
      },
    },
  });
  draw();
  return { pair: element('div', { class: 'pair' }, canvas), control: labelled(text('viewer.gain'), range) };
}

/** @param {string} words @param {Side[]} sides @param {string} chosen @param {(name: string) => void} changed */
const side = (words, sides, chosen, changed) =>
  labelled(
    words,
    chooser(
      sides.map(({ name, words: title }) => [name, title]),
      chosen,
      changed,
    ),
  );

/**
 * The panel.
 * @param {Side[]} sides what may be looked at
 * @param {[string, string]} chosen the names of what is left and right
 * @param {(chosen: [string, string]) => void} changed called when others are wanted
 */
export function viewer(sides, chosen, changed) {
  const found = chosen.map((name) => sides.find((item) => item.name === name) ?? sides[0]);
  const stage = element('div', { class: 'stage', tabindex: 0, role: 'group', 'aria-label': text('viewer.stage') });
  const control = element('div', { class: 'control' });
  const draw = () => {
    const missing = found.find(({ picture }) => !picture);
    if (missing) {
      fill(stage, element('p', { class: 'empty' }, text('viewer.unshown', { name: missing.words })));
      fill(control);
      return;
    }
    const [left, right] = found;
    const { pair, control: range } =
      state.view === 'slider'
        ? slider(left, right)
        : difference(/** @type {Shown} */ (left.picture), /** @type {Shown} */ (right.picture));
    const width = Number(left.picture?.width);
    const fits = state.zoom === 'fit';
    pair.classList.toggle('fits', fits);
    pair.classList.toggle('sharp', Number(state.zoom) > 1);
    pair.style.setProperty('--ratio', String(width / Number(left.picture?.height)));
    pair.style.setProperty('--natural', `${width}px`);
    if (!fits) pair.style.setProperty('width', `${width * Number(state.zoom)}px`);
    fill(stage, pair);
    fill(control, range);
  };
  const set = (/** @type {'zoom' | 'view'} */ name) => (/** @type {string} */ value) => {
    state[name] = value;
    draw();
  };
  const zooms = [
    ['fit', text('viewer.fit')],
    ['1', '100 %'],
    ['2', '200 %'],
    ['4', '400 %'],
    ['8', '800 %'],
  ];
  const views = [
    ['slider', text('viewer.slider')],
    ['difference', text('viewer.difference')],
  ];
  draw();
  return element(
    'section',
    { class: 'panel viewer', 'aria-label': text('viewer') },
    element(
      'div',
      { class: 'bar' },
      side(text('viewer.left'), sides, found[0].name, (name) => changed([name, chosen[1]])),
      side(text('viewer.right'), sides, found[1].name, (name) => changed([chosen[0], name])),
      labelled(text('viewer.zoom'), chooser(/** @type {any} */ (zooms), state.zoom, set('zoom'))),
      labelled(text('viewer.view'), chooser(/** @type {any} */ (views), state.view, set('view'))),
    ),
    stage,
    control,
  );
}
