// Compare, from a picture that is dropped to a URL that opens.
import { compared, comparedAnew, ended, texts } from './common.mjs';

/** Bytes of scripts that came until the first view stood. */
async function firstPaint(page, at) {
  await page.goto(`${at}/`);
  await page.getByRole('heading', { level: 1 }).waitFor();
  return page.evaluate(() =>
    performance
      .getEntriesByType('resource')
      .filter(({ name }) => name.endsWith('.js'))
      .reduce((sum, { decodedBodySize }) => sum + decodedBodySize, 0),
  );
}

/** Which parts of the two pictures are seen, by the stage's own numbers. */
const split = (page) => page.locator('.pair').evaluate((pair) => pair.style.getPropertyValue('--split'));

export const VISITS = {
  /** Drop, compare, sign in and store, copy the URL, open it. */
  compare: {
    async run(page, tools, context) {
      const scripts = await firstPaint(page, tools.at);
      const seen = { scripts, path: new URL(page.url()).pathname, title: await page.title() };
      await compared(page, tools, 'photo.png');
      seen.cards = await texts(page.locator('.card'));
      seen.converted = await page
        .locator('#card-tpg')
        .click()
        .then(() => page.locator('.place-trouble').innerText());
      seen.sizes = await page
        .locator('.pair img')
        .evaluateAll((images) => images.map((image) => [image.naturalWidth, image.naturalHeight]));
      await page.getByLabel('Line between left and right').focus();
      await page.keyboard.press('ArrowRight');
      seen.split = await split(page);
      const box = await page.locator('.pair').boundingBox();
      await page.mouse.click(box.x + box.width / 4, box.y + 30);
      seen.clicked = Number.parseFloat(await split(page));
      await tools.shot('compare', { fullPage: true });
      await page.getByLabel('View', { exact: true }).selectOption('difference');
      await page.waitForFunction(() => document.querySelector('canvas')?.width > 300);
      seen.differs = await page.locator('canvas').evaluate(
        (canvas) =>
          canvas
            .getContext('2d')
            .getImageData(0, 0, canvas.width, canvas.height)
            .data.filter((value, i) => i % 4 < 3 && value > 0).length,
      );
      await page.getByLabel('Zoom').selectOption('4');
      seen.zoomed = (await page.locator('canvas').boundingBox()).width;
      seen.wide = await page.evaluate(() => document.documentElement.scrollWidth);
      await tools.shot('difference', { fullPage: true });
      await page.getByLabel('View', { exact: true }).selectOption('slider');
      await page.getByLabel('Zoom').selectOption('fit');
      // Another aim is another operation; without what takes longest.
      await comparedAnew(page, 'size-limit/12k', async () => {
        for (const name of ['heif', 'jxl', 'gif', 'apng', 'avif'])
          await page.locator('.chip', { hasText: name }).first().click();
        await page.getByLabel('Aim at', { exact: true }).selectOption('size');
        await page.getByLabel('KiB at most').fill('12');
        // Neither is a size, so nothing is asked for.
        for (const wrong of ['', '0', '40000']) await page.getByLabel('KiB at most').fill(wrong);
      });
      seen.refused = await page.getByLabel('KiB at most').evaluate((field) => field.matches(':invalid'));
      seen.limited = await texts(page.locator('#card-webp .size'));
      await comparedAnew(page, 'webp/quality/75', () =>
        page.getByLabel('Aim at', { exact: true }).selectOption('quality'),
      );
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
      seen.opened = [
        answer.status(),
        answer.headers()['content-type'],
        await opened.locator('img').evaluate((image) => image.naturalWidth),
      ];
      await opened.close();
      return seen;
    },
  },
};
