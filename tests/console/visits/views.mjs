// The other views, as people use them.
import { CONSOLE, texts } from './common.mjs';

export const VISITS = {
  /** The builder, the server's own words about mistakes, and steps by keyboard. */
  operations: {
    async run(page, tools) {
      await page.goto(`${tools.at}${CONSOLE}#/operations`);
      await page.getByLabel('Or an object: bucket and key').fill('gallery-1250000000/photo.png');
      await page.keyboard.press('Enter');
      await page.locator('img.preview').waitFor();
      const operation = page.getByLabel('Operation', { exact: true });
      const seen = { first: [await operation.inputValue(), await page.locator('.result .facts').innerText()] };
      await page.getByLabel('Next step').selectOption('rotate');
      await page.getByRole('button', { name: 'Add', exact: true }).click();
      await page.keyboard.press('Control+A');
      await page.keyboard.type('90');
      await page.locator('.result .facts', { hasText: '200 × 300' }).waitFor();
      await page.getByRole('button', { name: 'Move Rotate up' }).click();
      seen.turned = await operation.inputValue();
      await page.getByLabel('Next step').selectOption('text-watermark');
      await page.getByRole('button', { name: 'Add', exact: true }).click();
      const marked = page.waitForResponse((response) => response.url().includes('watermark/2/text/5Zu-ICYgInRleHQi'));
      await page.getByLabel('Text', { exact: true }).fill('图 & "text"');
      await marked;
      await page.locator('.result:not([aria-busy])').waitFor();
      seen.marked = await operation.inputValue();
      await page.locator('.result .preview, .result .alarm').first().waitFor();
      await tools.shot('operations', { fullPage: true });
      await operation.fill('imageMogr2/rotate/abc');
      await page.getByRole('alert').waitFor();
      seen.wrong = await page.getByRole('alert').innerText();
      await operation.fill('imageMogr/format/webp');
      await page.getByRole('alert').filter({ hasText: 'did you mean' }).waitFor();
      seen.unknown = await page.getByRole('alert').innerText();
      await operation.fill('imageInfo');
      await page.locator('.result pre').waitFor();
      seen.information = JSON.parse(await page.locator('.result pre').innerText()).width;
      return seen;
    },
  },

  /** Buckets by who has signed in: everything that may be done there, with names that look like markup. */
  buckets: {
    async run(page, tools) {
      await page.goto(`${tools.at}${CONSOLE}#/buckets`);
      await page.locator('.tile').first().waitFor();
      const seen = { anonymous: await texts(page.locator('.key')) };
      await tools.signIn();
      await page.locator('.names a', { hasText: 'gallery-1250000000' }).click();
      await page.waitForFunction(() => document.querySelectorAll('.thumbnail img').length >= 3);
      seen.keys = await texts(page.locator('.key'));
      seen.thumbnails = await page
        .locator('.thumbnail img')
        .evaluateAll((images) => Promise.all(images.map((image) => image.decode().then(() => image.naturalWidth > 0))));
      await tools.shot('buckets', { fullPage: true });
      // EXIF and names are texts of others.
      await page.locator('.tile', { hasText: 'onerror' }).click();
      await page.locator('.object img.preview').waitFor();
      await page.getByText('EXIF', { exact: true }).click();
      await page.locator('td', { hasText: 'script' }).waitFor();
      seen.markup = await page.evaluate(() => [
        document.querySelectorAll('main script, main b, img[src="x"]').length,
        typeof window.harmed,
      ]);
      seen.exif = await texts(page.locator('td', { hasText: 'script' }));
      await page.getByText('imageInfo', { exact: true }).click();
      await page.getByRole('rowheader', { name: 'width' }).waitFor();
      await page.locator('.object').getByLabel('Access').selectOption('private');
      await page.locator('.notice', { hasText: 'access' }).first().waitFor();
      await page.getByRole('button', { name: 'Copy URL for an hour' }).click();
      await page.locator('.notice', { hasText: 'Copied' }).waitFor();
      seen.presigned = await page.evaluate(async (url) => (await fetch(url)).status, await tools.clipboard());
      await tools.shot('object', { fullPage: true });
      // A search, an upload with a rule, a style, and the end of an object.
      await page.getByLabel('Prefix', { exact: true }).fill('tp');
      await page.keyboard.press('Enter');
      await page.waitForFunction(() => document.querySelectorAll('.tile').length === 2);
      seen.found = await texts(page.locator('.key'));
      await page.getByRole('button', { name: 'Add a rule' }).click();
      await page.locator('.rules').getByLabel('Operation').fill('imageMogr2/thumbnail/40x/format/tpg');
      await page.locator('.rules').getByLabel('Name of the result').fill('{name}-small.tpg');
      const listed = page.waitForResponse((response) => response.url().includes('prefix=tp&'));
      await tools.drop('.drop', 'photo.png', 'image/png');
      await page.locator('.log .done').waitFor();
      // The list is read and drawn anew.
      await listed;
      await page.waitForFunction(() => document.querySelectorAll('.tile').length === 2);
      seen.uploaded = await page.locator('.log li').innerText();
      await page.getByLabel('Name', { exact: true }).fill('small');
      await page.getByRole('button', { name: 'Save' }).click();
      await page.getByRole('rowheader', { name: 'small' }).waitFor();
      await page.getByLabel('Name', { exact: true }).fill('bad name');
      await page.getByRole('button', { name: 'Save' }).click();
      await page.getByRole('alert').waitFor();
      seen.refused = await page.getByRole('alert').innerText();
      await page.locator('button.tile').first().click();
      await page.getByRole('button', { name: 'Delete …' }).click();
      await page.keyboard.press('Escape');
      seen.kept = await page.locator('.tile').count();
      await page.getByRole('button', { name: 'Delete …' }).click();
      await tools.shot('delete');
      await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
      await page.waitForFunction((count) => document.querySelectorAll('.tile').length === count - 1, seen.kept);
      seen.left = await texts(page.locator('.key'));
      return seen;
    },
  },

  /** State, savings, errors, and a job from its submission to its end. */
  operate: {
    async run(page, tools) {
      await page.goto(`${tools.at}${CONSOLE}#/operate`);
      await page.locator('.fact').nth(9).waitFor();
      const facts = async () =>
        Object.fromEntries(
          await page
            .locator('.fact')
            .evaluateAll((all) =>
              all.map((fact) => [fact.querySelector('dt').textContent, fact.querySelector('dd').textContent]),
            ),
        );
      const seen = {
        facts: await facts(),
        errors: await texts(page.locator('tbody th')),
        signed: await page.getByText('Sign in to see jobs.').count(),
      };
      await tools.signIn();
      await page.getByRole('link', { name: 'Buckets' }).click();
      await page.locator('.names a', { hasText: 'gallery-1250000000' }).click();
      await page.locator('.tile', { hasText: 'photo.png' }).click();
      await page.getByRole('button', { name: 'Job …' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Submit' }).click();
      await page.locator('.notice', { hasText: 'job' }).waitFor();
      // Jobs of the bucket that is chosen first come after those of the bucket that is chosen then.
      let release;
      const held = new Promise((resolve) => (release = resolve));
      let first = true;
      await page.route(
        ({ pathname }) => pathname.endsWith('/jobs'),
        async (route) => {
          const isFirst = first;
          first = false;
          if (isFirst) await held;
          await route.continue();
        },
      );
      await page.getByRole('link', { name: 'Operate' }).click();
      // The view before has lists, too, until this one is drawn.
      await page.locator('.operate select').selectOption('gallery-1250000000');
      // Waited for and read at once: the list is drawn anew every three seconds.
      const job = page.locator('tr', { hasText: 'photo-800.webp' }).filter({ hasText: 'Success' });
      seen.jobs = [await job.first().innerText()];
      const overtaken = page.waitForResponse((response) => new URL(response.url()).pathname.endsWith('/jobs'));
      release();
      await overtaken;
      await page.waitForTimeout(200);
      seen.late = await page.locator('tr', { hasText: 'photo-800.webp' }).count();
      seen.progress = await page.locator('.operate progress').evaluate((bar) => [bar.value, bar.max]);
      seen.saved = await texts(page.locator('section', { hasText: 'Saved by format' }).last().locator('tbody th'));
      await tools.shot('operate', { fullPage: true });
      return seen;
    },
  },

  /** Single errors, for who has a key of the server. */
  recent: {
    async run(page, tools) {
      const secret = 'q-signature=0123456789';
      await page.goto(`${tools.at}${CONSOLE}#/operate`);
      await page.evaluate((query) => fetch(`/gallery-1250000000/nothing-here.png?${query}`), secret);
      await page.locator('.recent .hint').waitFor();
      const seen = { hint: await page.locator('.recent .hint').innerText() };
      await tools.signIn();
      const row = page.locator('.troubles tr', { hasText: 'nothing-here.png' }).first();
      await row.waitFor();
      seen.row = await row.innerText();
      seen.page = (await page.locator('main').innerText()).includes(secret);
      seen.region = await page.getByRole('region', { name: 'Recent errors' }).count();
      await page.getByRole('region', { name: 'Recent errors' }).focus();
      await tools.shot('recent', { fullPage: true });
      await page.getByRole('button', { name: '中文' }).click();
      await page.locator('.troubles').waitFor();
      seen.chinese = await page.locator('.recent h2').innerText();
      return seen;
    },
  },

  /** Jobs for all pictures below a prefix: to their end by keyboard, and cancelled. */
  bulk: {
    async run(page, tools) {
      await page.goto(`${tools.at}${CONSOLE}#/buckets/bulk-1250000000/`);
      await tools.signIn();
      const panel = page.locator('.bulk');
      await panel.waitFor();
      await panel.getByLabel('Below the prefix').fill('in/');
      await panel.getByLabel('Operation of the jobs').fill('imageMogr2/thumbnail/40x/format/webp');
      await panel.getByLabel('Keys of the results').fill('out');
      await page.keyboard.press('Enter');
      await panel.getByRole('alert').waitFor();
      const seen = { same: await panel.getByRole('alert').innerText() };
      await panel.getByLabel('Keys of the results').fill('out/{path}.webp');
      await page.keyboard.press('Enter');
      await page.getByRole('dialog').waitFor();
      seen.about = await page.getByRole('dialog').locator('p').innerText();
      await tools.shot('bulk-asked');
      await page.getByRole('dialog').getByRole('button', { name: 'Submit' }).click();
      await panel.getByRole('status').waitFor();
      seen.ended = await panel.getByRole('status').innerText();
      seen.wrong = await texts(panel.locator('.log .wrong'));
      seen.bar = await panel.locator('progress').evaluate((bar) => [bar.value, bar.max]);
      await tools.shot('bulk', { fullPage: true });
      // Many, of which most are taken back.
      await panel.getByLabel('Below the prefix').fill('many/');
      await panel.getByLabel('Operation of the jobs').fill('imageMogr2/thumbnail/900x/format/avif/effort/6');
      await panel.getByLabel('Keys of the results').fill('taken/{path}.avif');
      await panel.getByRole('button', { name: 'Submit jobs' }).click();
      // Until more have been asked for than can be begun, or there would be none to take back.
      let asked = 0;
      const enough = page.waitForResponse((response) => {
        asked += Number(response.request().method() === 'POST' && response.url().endsWith('/jobs'));
        return asked === 12;
      });
      await page.getByRole('dialog').getByRole('button', { name: 'Submit' }).click();
      await enough;
      await panel.getByRole('button', { name: 'Cancel the other' }).click();
      await panel.getByRole('status').waitFor();
      seen.cancelled = await panel.getByRole('status').innerText();
      await page.getByRole('link', { name: 'Operate' }).click();
      await page.locator('.operate select').selectOption('bulk-1250000000');
      await page.locator('tr', { hasText: 'taken/many/' }).filter({ hasText: 'Cancel' }).first().waitFor();
      seen.jobs = await page.locator('.operate progress').getAttribute('aria-label');
      await tools.shot('bulk-operate', { fullPage: true });
      return seen;
    },
  },
};
