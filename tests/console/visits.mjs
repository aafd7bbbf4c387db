// What is done on the pages of the console, as people do it, and what is told of it. Each has a browser of its own.

const CONSOLE = '/-/console';

/** All cards have ended. */
const ended = (page) => page.locator('.cards[aria-busy=false] .card').first().waitFor();
const texts = (locator) => locator.allInnerTexts();

async function compared(page, tools, name) {
  await tools.drop('.drop', name, 'image/png');
  await page.locator('.cards').waitFor();
  await ended(page);
}

/** Bytes of scripts that came until the first view stood. */
async function firstPaint(page, at) {
  await page.goto(`${at}/`);
  await page.getByRole('heading', { level: 1 }).waitFor();
  return page.evaluate(() => performance.getEntriesByType('resource').filter(({ name }) => name.endsWith('.js'))
    .reduce((sum, { decodedBodySize }) => sum + decodedBodySize, 0));
}

/** Which parts of the two pictures are seen, by the stage's own numbers. */
const split = (page) => page.locator('.pair').evaluate((pair) => pair.style.getPropertyValue('--split'));

export const VISITS = {
  /** Drop, compare, sign in and store, copy the URL, open it. */
  compare: { async run(page, tools, context) {
    const scripts = await firstPaint(page, tools.at);
    const seen = { scripts, path: new URL(page.url()).pathname, title: await page.title() };
    await compared(page, tools, 'photo.png');
    seen.cards = await texts(page.locator('.card'));
    seen.converted = await page.locator('#card-tpg').click().then(() => page.locator('.place-trouble').innerText());
    seen.sizes = await page.locator('.pair img').evaluateAll((images) => images.map((image) => [image.naturalWidth, image.naturalHeight]));
    await page.getByLabel('Line between left and right').focus();
    await page.keyboard.press('ArrowRight');
    seen.split = await split(page);
    const box = await page.locator('.pair').boundingBox();
    await page.mouse.click(box.x + box.width / 4, box.y + 30);
    seen.clicked = Number.parseFloat(await split(page));
    await tools.shot('compare', { fullPage: true });
    await page.getByLabel('View', { exact: true }).selectOption('difference');
    await page.waitForFunction(() => document.querySelector('canvas')?.width > 300);
    seen.differs = await page.locator('canvas').evaluate((canvas) => canvas.getContext('2d')
      .getImageData(0, 0, canvas.width, canvas.height).data.filter((value, i) => i % 4 < 3 && value > 0).length);
    await page.getByLabel('Zoom').selectOption('4');
    seen.zoomed = (await page.locator('canvas').boundingBox()).width;
    await tools.shot('difference');
    await page.getByLabel('View', { exact: true }).selectOption('slider');
    await page.getByLabel('Zoom').selectOption('fit');
    // Another aim is another operation.
    await page.getByLabel('Aim at', { exact: true }).selectOption('size');
    await page.getByLabel('KiB at most').fill('12');
    await page.waitForTimeout(500);
    await ended(page);
    seen.limited = await texts(page.locator('#card-webp .size'));
    await page.getByLabel('Aim at', { exact: true }).selectOption('quality');
    await page.waitForTimeout(500);
    await ended(page);
    await page.locator('#card-webp').click();
    // Stored when its owner asks for it, and from then on its URL is one that opens.
    seen.example = await page.locator('#snippet code').innerText();
    await page.getByRole('button', { name: 'Store …' }).click();
    await tools.fillKeys();
    const dialog = page.getByRole('dialog', { name: 'Store the picture' });
    await dialog.getByLabel('Bucket').selectOption('gallery-1250000000');
    await dialog.getByLabel('Key').fill('walk/photo 照片.png');
    await dialog.getByRole('button', { name: 'Store' }).click();
    await dialog.waitFor({ state: 'detached' });
    await page.locator('.chosen', { hasText: 'walk/photo 照片.png' }).waitFor();
    await ended(page);
    seen.snippets = {};
    for (const name of ['Pic-Operations', 'curl', 'Python', 'JavaScript', 'URL']) {
      await page.getByRole('tab', { name, exact: true }).click();
      await page.getByRole('button', { name: 'Copy', exact: true }).click();
      await page.locator('.notice').last().waitFor();
      seen.snippets[name] = await tools.clipboard();
    }
    const opened = await context.newPage();
    const answer = await opened.goto(seen.snippets.URL);
    seen.opened = [answer.status(), answer.headers()['content-type'], await opened.locator('img').evaluate((image) => image.naturalWidth)];
    await opened.close();
    return seen;
  } },

  /** The builder, the server's own words about mistakes, and steps by keyboard. */
  operations: { async run(page, tools) {
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
    await page.getByLabel('Text', { exact: true }).fill('图 & "text"');
    await page.waitForTimeout(600);
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
  } },

  /** Buckets by who has signed in: everything that may be done there, with names that look like markup. */
  buckets: { async run(page, tools) {
    await page.goto(`${tools.at}${CONSOLE}#/buckets`);
    await page.locator('.tile').first().waitFor();
    const seen = { anonymous: await texts(page.locator('.key')) };
    await tools.signIn();
    await page.locator('.names a', { hasText: 'gallery-1250000000' }).click();
    await page.waitForFunction(() => document.querySelectorAll('.thumbnail img').length >= 3);
    seen.keys = await texts(page.locator('.key'));
    seen.thumbnails = await page.locator('.thumbnail img').evaluateAll((images) => Promise.all(
      images.map((image) => image.decode().then(() => image.naturalWidth > 0))));
    await tools.shot('buckets', { fullPage: true });
    // EXIF and names are texts of others.
    await page.locator('.tile', { hasText: 'onerror' }).click();
    await page.locator('.object img.preview').waitFor();
    await page.getByText('EXIF', { exact: true }).click();
    await page.locator('td', { hasText: 'script' }).waitFor();
    seen.markup = await page.evaluate(() => [document.querySelectorAll('main script, main b, img[src="x"]').length, typeof window.harmed]);
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
    await page.getByLabel('Prefix').fill('tp');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.querySelectorAll('.tile').length === 2);
    seen.found = await texts(page.locator('.key'));
    await page.getByRole('button', { name: 'Add a rule' }).click();
    await page.locator('.rules').getByLabel('Operation').fill('imageMogr2/thumbnail/40x/format/tpg');
    await page.locator('.rules').getByLabel('Name of the result').fill('{name}-small.tpg');
    await tools.drop('.drop', 'photo.png', 'image/png');
    await page.locator('.log .done').waitFor();
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
  } },

  /** State, savings, errors, and a job from its submission to its end. */
  operate: { async run(page, tools) {
    await page.goto(`${tools.at}${CONSOLE}#/operate`);
    await page.locator('.fact').nth(9).waitFor();
    const facts = async () => Object.fromEntries(await page.locator('.fact').evaluateAll((all) => all.map((fact) => (
      [fact.querySelector('dt').textContent, fact.querySelector('dd').textContent]))));
    const seen = { facts: await facts(), errors: await texts(page.locator('tbody th')), signed: await page.getByText('Sign in to see jobs.').count() };
    await tools.signIn();
    await page.getByRole('link', { name: 'Buckets' }).click();
    await page.locator('.names a', { hasText: 'gallery-1250000000' }).click();
    await page.locator('.tile', { hasText: 'photo.png' }).click();
    await page.getByRole('button', { name: 'Job …' }).click();
    await page.getByRole('button', { name: 'Submit' }).click();
    await page.locator('.notice', { hasText: 'job' }).waitFor();
    await page.getByRole('link', { name: 'Operate' }).click();
    await page.locator('select').selectOption('gallery-1250000000');
    await page.locator('tr', { hasText: 'photo-800.webp' }).filter({ hasText: 'Success' }).waitFor();
    seen.jobs = await texts(page.locator('tr', { hasText: 'photo-800.webp' }));
    seen.progress = await page.locator('progress').evaluate((bar) => [bar.value, bar.max]);
    seen.saved = await texts(page.locator('section', { hasText: 'Saved by format' }).last().locator('tbody th'));
    await tools.shot('operate', { fullPage: true });
    return seen;
  } },

  /** Chinese by the browser's wish, dark by its scheme, both to be changed; keys are nowhere but in memory. */
  preferences: { scheme: 'dark', locale: 'zh-CN', async run(page, tools, context) {
    await page.goto(`${tools.at}${CONSOLE}`);
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const seen = { heading: await page.getByRole('heading', { level: 1 }).innerText(), language: await page.evaluate(() => document.documentElement.lang), dark: await ground() };
    await compared(page, tools, 'photo.png');
    await page.locator('#card-webp').click();
    await tools.shot('compare-dark-zh', { fullPage: true });
    await page.getByRole('button', { name: '配色' }).click();
    seen.light = await ground();
    await page.getByRole('button', { name: 'English' }).click();
    await page.reload();
    seen.again = [await page.getByRole('heading', { level: 1 }).innerText(), await ground()];
    await tools.signIn();
    const kept = await page.evaluate(async () => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie,
      await indexedDB.databases(), await caches.keys()]));
    seen.kept = [Object.keys(JSON.parse(kept)[0]).sort(), kept.includes(tools.keys.key) || kept.includes(tools.keys.id)];
    seen.state = JSON.stringify(await context.storageState()).includes(tools.keys.key);
    seen.signed = await page.getByRole('button', { name: 'Sign out' }).count();
    await page.reload();
    seen.forgotten = await page.locator('.tools').getByRole('button', { name: 'Sign in' }).count();
    return seen;
  } },

  /** By keyboard alone: the way to the content, a dialog and back. */
  keyboard: { async run(page, tools) {
    const focused = () => page.evaluate(() => [document.activeElement.tagName, document.activeElement.textContent.trim().slice(0, 30)]);
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
    seen.inside = await page.evaluate(() => document.querySelector('dialog').contains(document.activeElement));
    await page.getByLabel('SecretId').fill('AKIDwrong');
    await page.getByLabel('SecretKey').fill('wrong');
    await page.keyboard.press('Enter');
    seen.refused = await page.getByRole('alert').innerText();
    await page.keyboard.press('Escape');
    seen.back = await focused();
    await page.getByRole('link', { name: 'Operations' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Operations' }).waitFor();
    seen.followed = await page.evaluate(() => document.activeElement.id);
    return seen;
  } },

  /** axe-core over every view, light and dark. */
  accessibility: { async run(page, tools) {
    const check = async (name) => {
      if (!await page.evaluate(() => 'axe' in window)) await page.evaluate(tools.axe());
      const { violations } = await page.evaluate(() => axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'] })); // eslint-disable-line
      return violations.map(({ id, nodes }) => `${name}: ${id}: ${nodes.slice(0, 3).map((node) => node.target.join(' ')).join(', ')}`);
    };
    const found = [];
    await page.goto(`${tools.at}${CONSOLE}`);
    await compared(page, tools, 'small.png');
    await page.locator('#card-webp').click();
    for (const scheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme: scheme });
      await page.getByRole('link', { name: 'Compare' }).click();
      await ended(page);
      found.push(...await check(`compare ${scheme}`));
      await page.getByRole('link', { name: 'Operations' }).click();
      await page.locator('.result .facts').waitFor();
      found.push(...await check(`operations ${scheme}`));
      if (scheme === 'light') await tools.signIn();
      await page.goto(`${tools.at}${CONSOLE}#/buckets/gallery-1250000000/`);
      await page.locator('.tile', { hasText: 'photo.png' }).click();
      await page.locator('.object img.preview').waitFor();
      await page.locator('.rules').waitFor({ state: 'attached' });
      found.push(...await check(`buckets ${scheme}`));
      await page.getByRole('link', { name: 'Operate' }).click();
      await page.locator('.fact').nth(9).waitFor();
      found.push(...await check(`operate ${scheme}`));
      await page.getByRole('link', { name: 'Buckets' }).click();
      await page.getByRole('button', { name: 'New bucket …' }).click();
      found.push(...await check(`dialog ${scheme}`));
      await page.keyboard.press('Escape');
    }
    return { found };
  } },

  /** What a fault of ours could not do. */
  policy: { async run(page, tools) {
    await page.goto(`${tools.at}${CONSOLE}`);
    await page.locator('.drop').waitFor();
    const seen = await page.evaluate(async (at) => {
      const blocked = [];
      document.addEventListener('securitypolicyviolation', ({ effectiveDirective }) => blocked.push(effectiveDirective));
      const told = {};
      try { document.body.innerHTML = '<b>no</b>'; told.markup = 'taken'; } catch (error) { told.markup = error.name; }
      const run = (script) => new Promise((resolve) => {
        document.head.append(Object.assign(script, { onload: () => resolve('ran'), onerror: () => resolve('blocked') }));
        setTimeout(() => resolve('nothing'), 500);
      });
      try { told.stored = await run(Object.assign(document.createElement('script'), { src: `${at}/gallery-1250000000/evil.js` })); } catch (error) { told.stored = error.name; }
      const frame = document.createElement('iframe');
      frame.src = `${at}/gallery-1250000000/photo.png`;
      document.body.append(frame);
      const image = new Image();
      image.src = 'http://127.0.0.1:1/leak.png';
      await fetch('http://127.0.0.1:1/leak').catch(() => {});
      const style = document.createElement('div');
      style.setAttribute('style', 'color: red');
      await new Promise((resolve) => setTimeout(resolve, 200));
      return { ...told, blocked: [...new Set(blocked)].sort(), harmed: typeof window.harmed };
    }, tools.at);
    tools.trouble.length = 0;
    return seen;
  } },

  /** Hashes of the browser and of the page agree with what is published. */
  hashes: { async run(page, tools) {
    await page.goto(`${tools.at}${CONSOLE}`);
    return page.evaluate(async ({ texts, pairs }) => {
      const { hmac, sha1 } = await import('/-/console/library/secure_hash.js');
      const both = async (work) => [await work(crypto.subtle), await work(undefined)];
      return {
        sums: await Promise.all(texts.map((text) => both((subtle) => sha1(text, subtle ?? null)))),
        keyed: await Promise.all(pairs.map(([key, text]) => both((subtle) => hmac(key, text, subtle ?? null)))),
      };
    }, tools.vectors);
  } },
};
