// TPG in a browser that does not know it: who decodes it, and to which pixels.
import { CONSOLE } from './common.mjs';

/** Size and SHA-256 of the RGBA that an image shows. */
const pixels = (locator) =>
  locator.evaluate(async (image) => {
    await image.decode();
    const { naturalWidth: width, naturalHeight: height } = image;
    const context = new OffscreenCanvas(width, height).getContext('2d');
    context.drawImage(image, 0, 0);
    const { data } = context.getImageData(0, 0, width, height);
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', data));
    return [width, height, Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')];
  });

/** Mean colour of an image. */
const mean = (locator) =>
  locator.evaluate(async (image) => {
    await image.decode();
    const context = new OffscreenCanvas(1, 1).getContext('2d');
    const bitmap = await createImageBitmap(image, { resizeWidth: 1, resizeHeight: 1, resizeQuality: 'high' });
    context.drawImage(bitmap, 0, 0);
    return Array.from(context.getImageData(0, 0, 1, 1).data);
  });

/** Thumbnails, the preview of each object, and a comparison; with everything that the server was asked for. */
async function looked(page, tools) {
  const asked = [];
  page.on('request', (sent) => {
    const { protocol, pathname, search } = new URL(sent.url());
    if (protocol === 'http:') asked.push(`${sent.method()} ${decodeURIComponent(pathname + search)}`);
  });
  const answer = await page.goto(`${tools.at}${CONSOLE}`);
  await page.locator('.drop').waitFor();
  const seen = { policy: answer.headers()['content-security-policy'], first: [...asked], thumbnails: {}, previews: {} };
  await page.goto(`${tools.at}${CONSOLE}#/buckets/${tools.bucket}/`);
  for (const name of tools.objects) {
    const tile = page.locator('.tile', { hasText: name });
    const thumbnail = tile.locator('.thumbnail img');
    await thumbnail.waitFor();
    const [width, height] = await pixels(thumbnail);
    seen.thumbnails[name] = { size: [width, height], mean: await mean(thumbnail) };
    await tile.click();
    await page.getByRole('heading', { name, exact: true }).waitFor();
    await page.locator('.object img.preview').waitFor();
    seen.previews[name] = await pixels(page.locator('.object img.preview'));
  }
  await tools.shot(`decoder-${tools.label}`, { fullPage: true });
  await page.getByRole('link', { name: 'Compare' }).click();
  await tools.drop('.drop', 'small.png', 'image/png');
  // Other formats, which take longer, are not waited for.
  await page.locator('#card-tpg').click();
  seen.hint = await page.locator('.place-trouble').innerText();
  seen.result = await pixels(page.locator('.pair img.over'));
  return { ...seen, asked };
}

export const VISITS = {
  decoder: { run: looked },

  /** The decoder is there and cannot be had. */
  'decoder-lost': {
    async run(page, tools) {
      await page.route('**/*.wasm', (route) => route.abort());
      return looked(page, tools);
    },
  },
};
