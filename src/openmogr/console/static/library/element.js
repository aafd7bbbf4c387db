/** Builds elements. Texts become text nodes and nothing else, so what others wrote stays text. */

const SVG = 'http://www.w3.org/2000/svg';

/**
 * A new element.
 * @param {string} name its tag, or `svg:` and that of SVG
 * @param {Record<string, any>} [properties] attributes by name; `on` holds listeners by event, and `value`, `checked`,
 *   `disabled`, `hidden` and `selected` are set as properties; what is null, undefined or false is left out
 * @param {...any} children nodes, texts, numbers, or lists of them; null, undefined and false are left out
 * @returns {any}
 */
export function element(name, properties = {}, ...children) {
  const made = name.startsWith('svg:') ? document.createElementNS(SVG, name.slice(4)) : document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === 'on') for (const [event, listener] of Object.entries(value)) made.addEventListener(event, listener);
    else if (['value', 'checked', 'disabled', 'hidden', 'selected'].includes(key))
      /** @type {any} */ (made)[key] = value;
    else made.setAttribute(key, value === true ? '' : String(value));
  }
  return add(made, children);
}

/**
 * Puts children behind those that an element has.
 * @param {any} parent
 * @param {any} children
 */
export function add(parent, children) {
  for (const child of [children].flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) parent.append(child);
  }
  return parent;
}

/**
 * Puts children in the place of those that an element has.
 * @param {any} parent
 * @param {...any} children
 */
export function fill(parent, ...children) {
  parent.replaceChildren();
  return add(parent, children);
}

let numbers = 0;

/**
 * A label with its field, joined by an identifier.
 * @param {string} words
 * @param {any} field an input, select or textarea
 * @param {string} [hint] said below it
 */
export function labelled(words, field, hint) {
  field.id ||= `field-${++numbers}`;
  const about = hint ? element('small', { id: `${field.id}-hint`, class: 'hint' }, hint) : null;
  if (about) field.setAttribute('aria-describedby', about.id);
  return element('div', { class: 'field' }, element('label', { for: field.id }, words), field, about);
}

/**
 * A list to choose from.
 * @param {Array<[string, string]>} choices values and words
 * @param {string} chosen
 * @param {(value: string) => void} changed
 */
export function chooser(choices, chosen, changed) {
  const options = choices.map(([value, words]) => element('option', { value, selected: value === chosen }, words));
  return element('select', { on: { change: (/** @type {any} */ event) => changed(event.target.value) } }, options);
}

/**
 * A button.
 * @param {string} words
 * @param {() => void} pressed
 * @param {Record<string, any>} [properties]
 */
export function button(words, pressed, properties = {}) {
  return element('button', { type: 'button', ...properties, on: { click: pressed } }, words);
}

/**
 * An icon, which says nothing to readers of screens.
 * @param {string} path of SVG, in a square of 24
 */
export function icon(path) {
  return element(
    'svg:svg',
    { viewBox: '0 0 24 24', class: 'icon', 'aria-hidden': 'true' },
    element('svg:path', { d: path }),
  );
}
