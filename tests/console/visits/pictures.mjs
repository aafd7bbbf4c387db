// The pictures of docs/use/console.md, made by tools/console_pictures.py.
import { CONSOLE, compared } from './common.mjs';

const size = { width: 1280, height: 1240 };

export const VISITS = {
  'picture-compare': {
    async run(page, tools) {
      await page.setViewportSize({ ...size, height: 1560 });
      await page.goto(`${tools.at}${CONSOLE}`);
      await compared(page, tools, 'photo.png');
      await page.locator('#card-tpg').click();
      await page.mouse.move(0, 0);
      await tools.shot('console-compare');
    },
  },
  'picture-operations': {
    async run(page, tools) {
      await page.setViewportSize(size);
      await page.goto(`${tools.at}${CONSOLE}#/operations`);
      await page.getByLabel('Or an object: bucket and key').fill(`${tools.bucket}/window.png`);
      await page.keyboard.press('Enter');
      await page.locator('img.preview').waitFor();
      for (const step of ['text-watermark', 'rradius']) {
        await page.getByLabel('Next step').selectOption(step);
        await page.getByRole('button', { name: 'Add', exact: true }).click();
      }
      await page.waitForTimeout(800);
      await page.locator('.result:not([aria-busy])').waitFor();
      await page.evaluate(() => document.activeElement.blur());
      await tools.shot('console-operations');
    },
  },
  'picture-buckets': {
    scheme: 'dark',
    async run(page, tools) {
      await page.setViewportSize(size);
      await page.goto(`${tools.at}${CONSOLE}`);
      await tools.signIn();
      await page.goto(`${tools.at}${CONSOLE}#/buckets/${tools.bucket}/`);
      await page.waitForFunction((count) => document.querySelectorAll('.thumbnail img').length === count, tools.count);
      await page.locator('.tile', { hasText: 'window.tpg' }).click();
      await page.locator('.object img.preview').waitFor();
      await page.getByText('imageInfo', { exact: true }).click();
      await page.getByRole('rowheader', { name: 'width' }).waitFor();
      await page.mouse.move(0, 0);
      await tools.shot('console-buckets');
    },
  },
};
