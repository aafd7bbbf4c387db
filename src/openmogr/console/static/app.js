/** The console: its head, its views, and what is set for all of them. */

import { button, element, fill } from './library/element.js';
import { session } from './library/service.js';
import { language, setLanguage, text } from './library/text.js';
import { alarm, notices } from './parts/notices.js';
import { signIn } from './parts/sign_in.js';

const VIEWS = ['compare', 'operations', 'buckets', 'operate'];
const THEMES = ['auto', 'light', 'dark'];

const main = element('main', { id: 'main', tabindex: -1 });
/** @type {(() => void) | undefined} */
let endView;
let drawn = 0;

/** What its reader likes, and nothing else, stays in the browser. @param {string} name @param {string} [value] */
function preference(name, value) {
  try {
    if (value !== undefined) localStorage.setItem(`openmogr.${name}`, value);
    return localStorage.getItem(`openmogr.${name}`);
  } catch {
    return null;
  }
}

/** @param {string} theme */
function setTheme(theme) {
  if (theme === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

/** What a part of the address says; as it is where it is no encoding of anything. @param {string} part */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The view and what it is to show, by the address. */
function route() {
  const [view, ...rest] = location.hash.replace(/^#\/?/, '').split('/').map(decoded);
  return { view: VIEWS.includes(view) ? view : VIEWS[0], rest };
}

/** @param {boolean} [moved] whether its reader went there, so that the keyboard follows */
async function show(moved = false) {
  const turn = ++drawn;
  endView?.();
  endView = undefined;
  fill(header, ...head());
  const { view, rest } = route();
  document.title = `${text(view)} · OpenMogr`;
  const place = element('div', { class: `view ${view}` });
  fill(main, place);
  try {
    const { render } = await import(`./views/${view}.js`);
    if (turn !== drawn) return;
    endView = render(place, rest);
  } catch (error) {
    fill(place, alarm(error));
  }
  if (moved) main.focus();
}

function head() {
  const { view } = route();
  const theme = document.documentElement.dataset.theme ?? 'auto';
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
  const turnTheme = () => {
    setTheme(next);
    preference('theme', next);
    show();
  };
  const other = language() === 'zh' ? 'en' : 'zh';
  const turnLanguage = () => {
    setLanguage(other);
    preference('language', other);
    show();
  };
  return [
    element('a', { class: 'skip', href: '#main', on: { click: skip } }, text('page.skip')),
    element(
      'a',
      { class: 'brand', href: '#/compare' },
      element('img', { src: '/-/console/icon.svg', alt: '', width: 28, height: 28 }),
      'OpenMogr',
    ),
    element(
      'nav',
      { 'aria-label': text('page.views') },
      VIEWS.map((name) =>
        element('a', { href: `#/${name}`, 'aria-current': name === view ? 'page' : null }, text(name)),
      ),
    ),
    element(
      'div',
      { class: 'tools' },
      button({ zh: '中文', en: 'English' }[other], turnLanguage, { lang: other === 'zh' ? 'zh-CN' : 'en' }),
      button(text(`theme.${theme}`), turnTheme, {
        'aria-label': text('theme.next', { now: text(`theme.${theme}`), next: text(`theme.${next}`) }),
      }),
      session.keys
        ? button(
            text('session.out'),
            () => {
              session.keys = null;
              show();
            },
            { title: session.keys.secretId },
          )
        : button(
            text('session.in'),
            async () => {
              if (await signIn()) show();
            },
            { class: 'main' },
          ),
    ),
  ];
}

/** @param {Event} event */
function skip(event) {
  event.preventDefault();
  main.focus();
}

const header = element('header');
const footer = element('footer');

async function start() {
  setTheme(preference('theme') ?? 'auto');
  setLanguage(preference('language') ?? language());
  document.body.append(header, main, footer, notices());
  const response = await fetch('/-/console/server.json', { cache: 'no-store', credentials: 'omit' });
  session.server = await response.json();
  fill(footer, `OpenMogr ${session.server.version}`);
  addEventListener('hashchange', () => show(true));
  await show();
}

start().catch((error) => {
  fill(main, alarm(error));
});
