/** The words of the page, in the language that its reader chose. */

import english from '../language/english.js';
import chinese from '../language/chinese.js';

/** @type {Record<string, Record<string, string>>} */
const LANGUAGES = { en: english, zh: chinese };

let chosen = navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en';

/** The language of the page, by its code. */
export const language = () => chosen;

/** @param {string} code */
export function setLanguage(code) {
  chosen = code in LANGUAGES ? code : 'en';
  document.documentElement.lang = chosen === 'zh' ? 'zh-CN' : 'en';
}

/**
 * Words by their name, with values in the place of `{names}`.
 * @param {string} name
 * @param {Record<string, string | number>} [values]
 */
export function text(name, values = {}) {
  const words = LANGUAGES[chosen][name] ?? english[name];
  if (words === undefined) throw new Error(`no words for ${name}`);
  return words.replace(/\{(\w+)\}/g, (whole, key) => String(values[key] ?? whole));
}
