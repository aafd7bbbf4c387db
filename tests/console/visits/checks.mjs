// What holds for all views.
import { CONSOLE, compared, ended, texts } from './common.mjs';

export const VISITS = {
  /** Chinese by the browser's wish, dark by its scheme, both to be changed; keys are nowhere but in memory. */
  preferences: {
    scheme: 'dark',
    locale: 'zh-CN',
    async run(page, tools, context) {
      await page.goto(`${tools.at}${CONSOLE}`);
      const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      const seen = {
        heading: await page.getByRole('heading', { level: 1 }).innerText(),
        language: await page.evaluate(() => document.documentElement.lang),
        dark: await ground(),
      };
      await compared(page, tools, 'small.png');
      await page.locator('#card-webp').click();
      await tools.shot('compare-dark-zh', { fullPage: true });
      await page.getByRole('button', { name: '配色' }).click();
      seen.light = await ground();
      await page.getByRole('button', { name: 'English' }).click();
      await page.reload();
      seen.again = [await page.getByRole('heading', { level: 1 }).innerText(), await ground()];
      await tools.signIn();
      const kept = await page.evaluate(async () =>
        JSON.stringify([
          { ...localStorage },
          { ...sessionStorage },
          document.cookie,
          await indexedDB.databases(),
          await caches.keys(),
        ]),
      );
      seen.kept = [
        Object.keys(JSON.parse(kept)[0]).sort(),
        kept.includes(tools.keys.key) || kept.includes(tools.keys.id),
      ];
      seen.state = JSON.stringify(await context.storageState()).includes(tools.keys.key);
      await page.getByRole('button', { name: 'Sign out' }).waitFor();
      seen.signed = await page.getByRole('button', { name: 'Sign out' }).count();
      await page.reload();
      // The head is drawn when the server has said what it is.
      await page.locator('.tools').getByRole('button').first().waitFor();
      seen.forgotten = await page.locator('.tools').getByRole('button', { name: 'Sign in' }).count();
      return seen;
    },
  },

  /** By keyboard alone: the way to the content, a dialog and back. */
  keyboard: {
    async run(page, tools) {
      const focused = () =>
        page.evaluate(() => [document.activeElement.tagName, document.activeElement.textContent.trim().slice(0, 30)]);
      await page.goto(`${tools.at}${CONSOLE}`);
      await page.locator('.drop').waitFor();
      await page.keyboard.press('Tab');
      const seen = { skip: await focused() };
      await page.keyboard.press('Enter');
      seen.skipped = await page.evaluate(() => document.activeElement.id);
      await page.keyboard.press('Tab');
      seen.picture = await page.evaluate(() => document.activeElement.id);
      await page.locator('.tools').getByRole('button', { name: 'Sign in' }).focus();
      await page.keyboard.press('Enter');
      await page.getByRole('dialog').waitFor();
      seen.inside = await page.evaluate(() => document.querySelector('dialog').contains(document.activeElement));
      await page.getByLabel('SecretId').fill('AKIDwrong');
      await page.getByLabel('SecretKey').fill('wrong');
      await page.keyboard.press('Enter');
      seen.refused = await page.getByRole('alert').innerText();
      await page.keyboard.press('Escape');
      await page.getByRole('dialog').waitFor({ state: 'detached' });
      seen.back = await focused();
      await page.getByRole('link', { name: 'Operations' }).focus();
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'Operations' }).waitFor();
      seen.followed = await page.evaluate(() => document.activeElement.id);
      return seen;
    },
  },

  /** axe-core over every view, light and dark. */
  accessibility: {
    async run(page, tools) {
      const check = async (name) => {
        if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(tools.axe());
        const { violations } = await page.evaluate(() =>
          axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'] }),
        ); // eslint-disable-line
        return violations.map(
          ({ id, nodes }) =>
            `${name}: ${id}: ${nodes
              .slice(0, 3)
              .map((node) => node.target.join(' '))
              .join(', ')}`,
        );
      };
      const found = [];
      await page.goto(`${tools.at}${CONSOLE}`);
      await compared(page, tools, 'small.png');
      await page.locator('#card-webp').click();
      for (const scheme of ['light', 'dark']) {
        await page.emulateMedia({ colorScheme: scheme });
        await page.getByRole('link', { name: 'Compare' }).click();
        await ended(page);
        found.push(...(await check(`compare ${scheme}`)));
        await page.getByRole('link', { name: 'Operations' }).click();
        await page.locator('.result .facts').waitFor();
        found.push(...(await check(`operations ${scheme}`)));
        if (scheme === 'light') await tools.signIn();
        await page.goto(`${tools.at}${CONSOLE}#/buckets/gallery-1250000000/`);
        await page.locator('.tile', { hasText: 'photo.png' }).click();
        await page.locator('.object img.preview').waitFor();
        await page.locator('.rules').waitFor({ state: 'attached' });
        found.push(...(await check(`buckets ${scheme}`)));
        await page.getByRole('link', { name: 'Operate' }).click();
        await page.locator('.fact').nth(9).waitFor();
        // Nothing is drawn anew while it is looked at.
        await page.evaluate(() => Object.defineProperty(document, 'hidden', { value: true, configurable: true }));
        found.push(...(await check(`operate ${scheme}`)));
        await page.evaluate(() => delete document.hidden);
        await page.getByRole('link', { name: 'Buckets' }).click();
        await page.getByRole('button', { name: 'New bucket …' }).click();
        found.push(...(await check(`dialog ${scheme}`)));
        await page.keyboard.press('Escape');
      }
      return { found };
    },
  },

  /** What cannot be shown is told once, in words of the page where the server has none. */
  faults: {
    async run(page, tools) {
      await page.goto(`${tools.at}${CONSOLE}`);
      await page.locator('.drop').waitFor();
      await tools.drop('.drop', 'text.png', 'image/png');
      await page.getByRole('alert').waitFor();
      const seen = { told: await texts(page.getByRole('alert')), cards: await page.locator('.card').count() };
      await page.getByLabel('Or an object: bucket and key').fill('gallery-1250000000/nothing.png');
      await page.keyboard.press('Enter');
      await page.getByRole('alert').filter({ hasText: 'no such' }).waitFor();
      seen.missing = await page.locator('.source').getByRole('alert').innerText();
      // As somebody writes it; links escape slashes.
      await page.goto(`${tools.at}${CONSOLE}#/buckets/gallery-1250000000/tpg/`);
      await page.locator('.tile').waitFor();
      seen.below = await texts(page.locator('.key'));
      return seen;
    },
  },

  /** What a fault of ours could not do. */
  policy: {
    async run(page, tools) {
      await page.goto(`${tools.at}${CONSOLE}`);
      await page.locator('.drop').waitFor();
      const seen = await page.evaluate(async (at) => {
        const blocked = [];
        document.addEventListener('securitypolicyviolation', ({ effectiveDirective }) =>
          blocked.push(effectiveDirective),
        );
        const told = {};
        try {
          document.body.innerHTML = '<b>no</b>';
          told.markup = 'taken';
        } catch (error) {
          told.markup = error.name;
        }
        const run = (script) =>
          new Promise((resolve) => {
            document.head.append(
              Object.assign(script, { onload: () => resolve('ran'), onerror: () => resolve('blocked') }),
            );
            setTimeout(() => resolve('nothing'), 20_000);
          });
        try {
          told.stored = await run(
            Object.assign(document.createElement('script'), { src: `${at}/gallery-1250000000/evil.js` }),
          );
        } catch (error) {
          told.stored = error.name;
        }
        const frame = document.createElement('iframe');
        frame.src = `${at}/gallery-1250000000/photo.png`;
        document.body.append(frame);
        const image = new Image();
        image.src = 'http://127.0.0.1:1/leak.png';
        await fetch('http://127.0.0.1:1/leak').catch(() => {});
        const style = document.createElement('div');
        style.setAttribute('style', 'color: red');
        // They are told one by one.
        const expected = ['frame-src', 'img-src', 'connect-src', 'style-src'];
        const complete = () => expected.every((name) => blocked.some((found) => found.startsWith(name)));
        for (let i = 0; i < 200 && !complete(); i++) await new Promise((resolve) => setTimeout(resolve, 100));
        return { ...told, blocked: [...new Set(blocked)].sort(), harmed: typeof window.harmed };
      }, tools.at);
      tools.trouble.length = 0;
      return seen;
    },
  },

  /** A server that processes what is not stored for signed requests only, and tells its metrics elsewhere. */
  closed: {
    async run(page, tools) {
      await page.goto(`${tools.at}${CONSOLE}`);
      const seen = { hint: await page.locator('.drop').innerText(), shut: await page.locator('#picture').isDisabled() };
      await page.locator('.drop').getByRole('button', { name: 'Sign in' }).click();
      await tools.fillKeys();
      await compared(page, tools, 'small.png');
      seen.sizes = await page.locator('.card .size').count();
      await page.getByRole('link', { name: 'Operate' }).click();
      await page.locator('.fact').first().waitFor();
      seen.state = await page.locator('.panel').first().innerText();
      await page.setViewportSize({ width: 390, height: 800 });
      await page.getByRole('link', { name: 'Compare' }).click();
      await ended(page);
      seen.wide = await page.evaluate(() => document.documentElement.scrollWidth);
      await tools.shot('narrow', { fullPage: true });
      return seen;
    },
  },

  /** Without TLS the browser has neither hashes nor a clipboard; signing works all the same. */
  insecure: {
    async run(page, tools) {
      await page.goto(`${tools.insecure}${CONSOLE}`);
      await tools.signIn();
      await page.getByRole('link', { name: 'Buckets' }).click();
      await page.locator('.names a').first().waitFor();
      const seen = { hashes: await page.evaluate(() => [isSecureContext, typeof crypto.subtle]) };
      await page.getByRole('link', { name: 'Operations' }).click();
      await page.getByRole('button', { name: 'Copy', exact: true }).click();
      seen.copied = await page.locator('.notice').innerText();
      return seen;
    },
  },

  /** Hashes of the browser and of the page agree with what is published. */
  hashes: {
    async run(page, tools) {
      await page.goto(`${tools.at}${CONSOLE}`);
      return page.evaluate(async ({ texts, pairs }) => {
        const { hmac, sha1 } = await import('/-/console/library/secure_hash.js');
        const both = async (work) => [await work(crypto.subtle), await work(undefined)];
        return {
          sums: await Promise.all(texts.map((text) => both((subtle) => sha1(text, subtle ?? null)))),
          keyed: await Promise.all(pairs.map(([key, text]) => both((subtle) => hmac(key, text, subtle ?? null)))),
        };
      }, tools.vectors);
    },
  },
};
