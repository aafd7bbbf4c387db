// Visits the console in headless Chromium and tells what was seen. Arguments: root of the repository, Chromium, folder
// for screenshots. Request: address of the server, its keys, files, the visits that are wanted.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { VISITS } from './visits.mjs';

const [root, executablePath, pictures] = process.argv.slice(2);
const require = createRequire(path.join(root, 'tests/clients/package.json'));
const { chromium } = require('playwright-core');
const request = JSON.parse(readFileSync(0, 'utf8'));
// A page of another host than localhost is none that browsers trust without TLS.
const INSECURE = 'console.test';
const FLAGS = [
  `--host-resolver-rules=MAP ${INSECURE} 127.0.0.1`,
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const insecure = request.at.replace('127.0.0.1', INSECURE);
const SIZE = { width: 1280, height: 900 };

/** What visits have besides the page. */
function tools(page, trouble) {
  return {
    ...request,
    insecure,
    trouble,
    axe: () => readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8'),
    async shot(name, options = {}) {
      await page.evaluate(() => scrollTo(0, 0));
      await page.screenshot({ path: path.join(pictures, `${name}.png`), ...options });
    },
    /** Drops a file of the disk onto an element. */
    async drop(selector, name, type) {
      const data = readFileSync(request.files[name]).toString('base64');
      const transfer = await page.evaluateHandle(
        ({ data, name, type }) => {
          const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
          const made = new DataTransfer();
          made.items.add(new File([bytes], name, { type }));
          return made;
        },
        { data, name, type },
      );
      await page.locator(selector).first().dispatchEvent('drop', { dataTransfer: transfer });
    },
    async signIn() {
      await page.locator('.tools').getByRole('button', { name: 'Sign in' }).click();
      await fillKeys(page);
    },
    fillKeys: () => fillKeys(page),
    clipboard: () => page.evaluate(() => navigator.clipboard.readText()),
  };
}

async function fillKeys(page) {
  const dialog = page.getByRole('dialog', { name: 'Sign in' });
  await dialog.getByLabel('SecretId').fill(request.keys.id);
  await dialog.getByLabel('SecretKey').fill(request.keys.key);
  await dialog.getByRole('button', { name: 'Sign in' }).click();
  await dialog.waitFor({ state: 'detached' });
}

async function visit(browser, name) {
  const { scheme = 'light', locale = 'en-GB', run } = VISITS[name];
  const context = await browser.newContext({ viewport: SIZE, colorScheme: scheme, locale, reducedMotion: 'reduce' });
  await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: request.at });
  const page = await context.newPage();
  // Long: what is waited for comes later on a machine that does other things besides.
  page.setDefaultTimeout(60_000);
  const trouble = [];
  const own = [request.at, insecure];
  page.on('pageerror', (error) => trouble.push(`error: ${error}`));
  page.on('console', (message) => {
    if (message.type() === 'error') trouble.push(message.text());
  });
  context.on('request', (sent) => {
    if (!/^(blob:|data:)/.test(sent.url()) && !own.some((at) => sent.url().startsWith(`${at}/`)))
      trouble.push(`elsewhere: ${sent.url()}`);
  });
  const started = Date.now();
  try {
    return { seen: await run(page, tools(page, trouble), context), trouble, seconds: (Date.now() - started) / 1000 };
  } catch (error) {
    await page.screenshot({ path: path.join(pictures, `failed-${name}.png`) }).catch(() => {});
    return { error: String(error.stack ?? error), trouble };
  } finally {
    await context.close();
  }
}

const browser = await chromium.launch({ executablePath, args: FLAGS, headless: true });
const answer = {};
try {
  // Beside each other, in two lines; those that use the clipboard are in the first.
  const line = async (names) => {
    for (const name of names) answer[name] = await visit(browser, name);
  };
  const first = new Set(['compare', 'buckets', 'preferences']);
  await Promise.all([
    line(request.visits.filter((name) => first.has(name))),
    line(request.visits.filter((name) => !first.has(name))),
  ]);
} finally {
  await browser.close();
}
console.log(JSON.stringify(answer));
