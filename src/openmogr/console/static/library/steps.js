/** The steps that the builder offers, and the texts that they become (docs/use/grammar.md). */

/** @typedef {{name: string, kind: 'number' | 'text' | 'choice' | 'colour', value: string, choices?: string[],
 *   least?: number, most?: number}} Field */
/** @typedef {{fields: Field[], text: (values: Record<string, string>) => string, stage?: boolean}} Step */

const GRAVITIES = ['center', 'north', 'northeast', 'east', 'southeast', 'south', 'southwest', 'west', 'northwest'];

/** @param {string} name @param {string | number} value @param {number} [least] @param {number} [most]
 * @returns {Field} */
const count = (name, value, least = 1, most = 10000) => ({ name, kind: 'number', value: String(value), least, most });

/** @param {string} name @param {string[]} choices @returns {Field} */
const choice = (name, choices) => ({ name, kind: 'choice', value: choices[0], choices });

/** Base64 as operations hold it, with letters that URLs leave alone. @param {string} words */
export function base64(words) {
  const text = Array.from(new TextEncoder().encode(words), (byte) => String.fromCharCode(byte)).join('');
  return btoa(text).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

/** @param {Record<string, string>} values */
function thumbnail({ mode, width, height }) {
  const size = `${width}x${height}`;
  return `thumbnail/${{ fit: size, fill: `!${size}r`, stretch: `${size}!`, percent: `!${width || 100}p` }[mode]}`;
}

/** @type {Record<string, Step>} */
export const STEPS = {
  thumbnail: {
    fields: [choice('mode', ['fit', 'fill', 'stretch', 'percent']), count('width', 300), count('height', '')],
    text: thumbnail,
  },
  crop: {
    fields: [count('width', 200), count('height', 200), choice('gravity', GRAVITIES)],
    text: ({ width, height, gravity }) => `crop/${width}x${height}/gravity/${gravity}`,
  },
  cut: {
    fields: [count('width', 200), count('height', 200), count('left', 0, 0), count('top', 0, 0)],
    text: ({ width, height, left, top }) => `cut/${width}x${height}x${left}x${top}`,
  },
  rotate: { fields: [count('degrees', 90, 0, 360)], text: ({ degrees }) => `rotate/${degrees}` },
  'auto-orient': { fields: [], text: () => 'auto-orient' },
  flip: { fields: [choice('direction', ['horizontal', 'vertical'])], text: ({ direction }) => `flip/${direction}` },
  blur: {
    fields: [count('radius', 8, 1, 50), count('sigma', 5, 1, 50)],
    text: ({ radius, sigma }) => `blur/${radius}x${sigma}`,
  },
  sharpen: { fields: [count('amount', 70, 10, 300)], text: ({ amount }) => `sharpen/${amount}` },
  bright: { fields: [count('amount', 20, -100, 100)], text: ({ amount }) => `bright/${amount}` },
  contrast: { fields: [count('amount', 20, -100, 100)], text: ({ amount }) => `contrast/${amount}` },
  grayscale: { fields: [], text: () => 'grayscale/1' },
  rradius: { fields: [count('radius', 40)], text: ({ radius }) => `rradius/${radius}` },
  strip: { fields: [], text: () => 'strip' },
  'text-watermark': {
    fields: [
      { name: 'words', kind: 'text', value: 'OpenMogr' },
      count('size', 36, 1, 1000),
      { name: 'fill', kind: 'colour', value: '#ffffff' },
      choice('gravity', ['southeast', ...GRAVITIES.filter((name) => name !== 'southeast')]),
    ],
    text: ({ words, size, fill, gravity }) =>
      `watermark/2/text/${base64(words)}/fontsize/${size}/fill/${base64(fill)}/gravity/${gravity}/dx/10/dy/10`,
    stage: true,
  },
  'image-watermark': {
    fields: [
      { name: 'url', kind: 'text', value: '' },
      count('dissolve', 90, 1, 100),
      choice('gravity', ['southeast', ...GRAVITIES.filter((name) => name !== 'southeast')]),
    ],
    text: ({ url, dissolve, gravity }) =>
      `watermark/1/image/${base64(url)}/dissolve/${dissolve}/gravity/${gravity}/dx/10/dy/10`,
    stage: true,
  },
  imageSlim: { fields: [], text: () => 'imageSlim', stage: true },
};

/** The values that a step begins with. @param {string} name */
export const beginning = (name) => Object.fromEntries(STEPS[name].fields.map((field) => [field.name, field.value]));

/**
 * The text of an operation: a stage for each step, so that none gets in another one's way.
 * @param {Array<{name: string, values: Record<string, string>}>} steps
 * @param {string} output parameters of the last stage, or empty
 */
export function operationText(steps, output) {
  const stages = steps.map(({ name, values }) => {
    const { text, stage } = STEPS[name];
    return stage ? text(values) : `imageMogr2/${text(values)}`;
  });
  if (output) {
    const last = stages.at(-1) ?? '';
    if (last.startsWith('imageMogr2/')) stages[stages.length - 1] = `${last}/${output}`;
    else stages.push(`imageMogr2/${output}`);
  }
  return stages.join('|');
}
