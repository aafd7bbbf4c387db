/** What a comparison aims at: one quality, score or size, in which formats, with how much effort. */

import { chooser, element, fill, labelled } from '../library/element.js';
import { number } from '../library/numbers.js';
import { limits } from '../library/process.js';
import { session } from '../library/service.js';
import { text } from '../library/text.js';

/** @typedef {{name: string, type: string, suffix: string, lossy: boolean, lossless: boolean,
 *   animated: boolean}} Format */

// The number of each aim, and its bounds; what its reader set stays while the page does. Sizes are written: no slider
// has room for an icon's and a poster's.
/** @typedef {{type: 'range' | 'number', value: number, most: number, parameter: (value: number) => string}} Aim */
/** @type {Record<string, Aim>} */
const AIMS = {
  quality: { type: 'range', value: 75, most: 100, parameter: (value) => `quality/${value}` },
  score: { type: 'range', value: 80, most: 100, parameter: (value) => `target-ssimulacra2/${value}` },
  size: { type: 'number', value: 50, most: 32 * 1024, parameter: (value) => `size-limit/${value}k` },
};
const wish = { aim: 'quality', effort: '', off: new Set() };

/** The formats that are wanted. @returns {Format[]} */
export const wantedFormats = () =>
  session.server.formats.filter((/** @type {Format} */ format) => !wish.off.has(format.name));

/** The operation for a format. @param {Format} format */
export function operationFor(format) {
  const parts = [`imageMogr2/format/${format.name}`];
  const { value, parameter } = AIMS[wish.aim];
  if (format.lossy) parts.push(parameter(value));
  if (wish.effort) parts.push(`effort/${wish.effort}`);
  return parts.join('/');
}

/** The field of the number that is aimed at. @param {() => void} changed */
function numberField(changed) {
  const aim = AIMS[wish.aim];
  const told = element('output', {}, number(aim.value));
  const input = () => {
    // Half a number on its way in is none yet.
    if (!field.checkValidity()) return;
    aim.value = Number(field.value);
    fill(told, number(aim.value));
    changed();
  };
  const bounds = { min: 1, max: aim.most, step: 1, required: true };
  const field = element('input', { type: aim.type, ...bounds, value: aim.value, on: { input } });
  const whole = labelled(text(`compare.target.${wish.aim}`), field);
  if (aim.type === 'range') whole.querySelector('label').append(' ', told);
  return whole;
}

/** @param {Format} format @param {() => void} changed */
function chip({ name }, changed) {
  const change = () => {
    wish.off[box.checked ? 'delete' : 'add'](name);
    changed();
  };
  const box = element('input', { type: 'checkbox', checked: !wish.off.has(name), on: { change } });
  return element('label', { class: 'chip' }, box, element('span', {}, name));
}

/** @returns {Array<[string, string]>} */
function efforts() {
  const numbers = Array.from({ length: limits().effort + 1 }, (_, effort) => String(effort));
  return [
    ['', text('compare.effort.usual')],
    ...numbers.map((effort) => /** @type {[string, string]} */ ([effort, effort])),
  ];
}

/**
 * The panel of what is aimed at.
 * @param {() => void} changed called after each change
 */
export function aimsPanel(changed) {
  const target = element('div', { class: 'field' });
  const draw = () => fill(target, numberField(changed));
  const aims = Object.keys(AIMS).map((name) => /** @type {[string, string]} */ ([name, text(`compare.mode.${name}`)]));
  const aim = chooser(aims, wish.aim, (name) => {
    wish.aim = name;
    draw();
    changed();
  });
  const effort = chooser(efforts(), wish.effort, (value) => {
    wish.effort = value;
    changed();
  });
  const formats = session.server.formats.map((/** @type {Format} */ format) => chip(format, changed));
  draw();
  return element(
    'section',
    { class: 'panel controls', 'aria-label': text('compare.controls') },
    labelled(text('compare.mode'), aim),
    target,
    labelled(text('compare.effort'), effort),
    element('fieldset', { class: 'chips' }, element('legend', {}, text('compare.formats')), formats),
  );
}
