// Opens pages in headless Chromium and tells what they show. Arguments: root of the repository, Chromium, a fresh
// profile folder. Request: files by address, which are served besides the repository's own; the visit that is wanted.
import { createRequire } from 'node:module';
import { readFileSync, statSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';

const [root, executablePath, profile] = process.argv.slice(2);
const { chromium } = createRequire(path.join(root, 'tests/clients/package.json'))('playwright-core');
const { files, visit, values } = JSON.parse(readFileSync(0, 'utf8'));
const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync'];
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.wasm': 'application/wasm', '.tpg': 'image/tpg',
  '.jpg': 'image/jpeg', '.gif': 'image/gif', '.png': 'image/png', '.css': 'text/css' };

function serve(request, response) {
  const { pathname } = new URL(request.url, 'http://localhost');
  try {
    const name = files[pathname] ?? path.join(root, path.normalize(pathname));
    if (!statSync(name).isFile()) throw new Error('no file');
    const type = TYPES[path.extname(pathname)] ?? 'application/octet-stream';
    response.writeHead(200, { 'Content-Type': type, 'Service-Worker-Allowed': '/', 'Cache-Control': 'max-age=60' });
    response.end(readFileSync(name));
  } catch {
    response.writeHead(404).end();
  }
}

/** What the pages of these visits are asked with. */
function tools() {
  const hex = async (data) => Array.from(new Uint8Array(await crypto.subtle.digest('SHA-256', data)),
    (byte) => byte.toString(16).padStart(2, '0')).join('');
  window.sums = {
    hex,
    /** Sums of the frames of files, and why no more come. */
    async decoded(urls) {
      const { frames, pictures, read } = await import('/codec/wasm/npm/decode.js');
      const decoded = {};
      for (const url of urls) {
        const data = await (await fetch(url)).arrayBuffer();
        const found = [];
        let error = null;
        try {
          const isStream = data.byteLength >= 4 && new DataView(data).getUint32(0) === 0x1b0;
          if (!isStream) error = (await read(data)).damage;
          for await (const frame of isStream ? pictures(data) : frames(data)) {
            found.push([frame.width, frame.height, await hex(frame.pixels)]);
          }
        } catch (caught) {
          error = caught.message;
        }
        decoded[url] = { frames: found, error };
      }
      return decoded;
    },
    /** Every frame of a PNG as the browser decodes it, not premultiplied, and its milliseconds. */
    async frames(url) {
      const decoder = new ImageDecoder({ data: (await fetch(url)).body, type: 'image/png', premultiplyAlpha: 'none', colorSpaceConversion: 'none' });
      await decoder.tracks.ready;
      await decoder.completed;
      const { frameCount, repetitionCount } = decoder.tracks.selectedTrack;
      const frames = [];
      for (let frameIndex = 0; frameIndex < frameCount; frameIndex++) {
        const { image } = await decoder.decode({ frameIndex });
        const { codedWidth: width, codedHeight: height, duration } = image;
        const pixels = new Uint8Array(width * height * 4);
        await image.copyTo(pixels, { format: 'RGBA' });
        const opaque = image.format.endsWith('X');
        if (opaque) for (let i = 3; i < pixels.length; i += 4) pixels[i] = 255;
        image.close();
        frames.push([width, height, await hex(pixels), (duration ?? 0) / 1000]);
      }
      return { frames, repetitionCount: String(repetitionCount) };
    },
    /** The pixels of what an image shows, drawn on a canvas. */
    async drawn(image) {
      const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
      const context = canvas.getContext('2d');
      context.drawImage(image, 0, 0);
      return hex(context.getImageData(0, 0, canvas.width, canvas.height).data);
    },
    until: async (test) => {
      for (let i = 0; i < 1200 && !test(); i++) await new Promise((resolve) => setTimeout(resolve, 50));
      return Boolean(test());
    },
  };
}

const VISITS = {
  /** Decodes files in the page, with the module for decoding, and encodes in a worker. */
  async decode(page, at) {
    await page.goto(`${at}/examples/web/index.html`);
    return page.evaluate(async ({ urls, pixels }) => {
      const decoded = await sums.decoded(urls);
      const { TpgWorker } = await import('/codec/wasm/npm/client.js');
      const tpg = new TpgWorker();
      const data = new Uint8ClampedArray(await (await fetch(pixels.url)).arrayBuffer());
      const file = await tpg.encode({ ...pixels, data }, { effort: 2 });
      const back = await tpg.decode(file);
      const refused = await tpg.encode({ ...pixels, data }, { effort: 11 }).catch((error) => `${error.name}: ${error.message}`);
      tpg.close();
      return { decoded, encoded: await sums.hex(file), back: [back.width, back.height, back.frames.length], refused };
    }, values);
  },

  /** Pages whose policy or browser is strict: what is shown, what they have beside TPG where it cannot be, and why. */
  async strict(page, at) {
    const still = '/codec/testdata/tpg/base_still.tpg';
    const picture = `<picture><source srcset="${still}" type="image/tpg"><img id="beside" src="${values.beside}"></picture>`;
    const body = `<!doctype html><script src="/codec/wasm/npm/polyfill.js"></script><img id="set" srcset="${still} 1x,${still}?2 2x">${picture}`;
    const open = async (policy, before) => {
      await page.unrouteAll();
      await page.route('**/strict.html', (route) =>
        route.fulfill({ body, contentType: 'text/html', headers: { 'Content-Security-Policy': policy } }));
      await before?.();
      await page.goto(`${at}/strict.html`);
      return page.evaluate(() => OpenMogrTpg.ready); // eslint-disable-line
    };
    const shown = () => page.evaluate(async () => {
      const images = ['set', 'beside'].map((id) => document.getElementById(id));
      await sums.until(() => images.every((image) => image.currentSrc.startsWith('blob:') && image.naturalWidth > 0));
      return images.map((image) => image.currentSrc.startsWith('blob:') && image.naturalWidth > 0);
    });
    const beside = () => page.evaluate(() => {
      const image = document.getElementById('beside');
      return sums.until(() => image.complete && image.naturalWidth > 0).then(() => [new URL(image.currentSrc).pathname, image.naturalWidth > 0]);
    });
    const documented = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; worker-src 'self'; img-src 'self'";
    const seen = { violations: [] };
    page.on('console', (message) => message.type() === 'error' && /policy/i.test(message.text()) && seen.violations.push(message.text()));
    seen.documented = [await open(`${documented} blob:`), ...(await shown())];
    seen.counted = seen.violations.length;
    seen.withoutBlobs = [await open(documented), ...(await beside())];
    // A worker that is missing for a while.
    let missing = true;
    await open('', () => page.route('**/npm/worker.js', (route) => (missing ? route.abort() : route.continue())));
    seen.withoutWorker = await beside();
    missing = false;
    seen.later = await page.evaluate(async (url) => {
      const image = document.body.appendChild(Object.assign(new Image(), { src: url }));
      return sums.until(() => image.src.startsWith('blob:') && image.naturalWidth > 0);
    }, `${still}?later`);
    // An image that failed before the script came.
    await page.goto(`${at}/examples/web/index.html`);
    seen.failedBefore = await page.evaluate(async (url) => {
      const image = document.body.appendChild(Object.assign(new Image(), { src: url }));
      await new Promise((resolve) => image.addEventListener('error', resolve));
      document.head.append(Object.assign(document.createElement('script'), { src: '/codec/wasm/npm/polyfill.js' }));
      return sums.until(() => image.src.startsWith('blob:') && image.naturalWidth > 0);
    }, '/codec/testdata/tpg/tpg.jpg');
    await page.addInitScript(() => delete window.WebAssembly);
    seen.withoutWasm = [await open(''), ...(await beside())];
    return { ...seen, violations: undefined };
  },

  /** Decodes files in the page. */
  async vectors(page, at) {
    await page.goto(`${at}/examples/web/index.html`);
    return page.evaluate(async (urls) => ({ decoded: await sums.decoded(urls) }), values.urls);
  },

  /** A page of images with the polyfill. */
  async polyfill(page, at) {
    await page.goto(`${at}/examples/web/index.html`);
    const images = values.urls.map((url) => `<img src="${url}">`).join('');
    await page.setContent(`<script src="${at}/codec/wasm/npm/polyfill.js"></script>${images}`);
    return page.evaluate(async () => {
      const needed = await OpenMogrTpg.ready; // eslint-disable-line
      const shown = {};
      for (const image of document.images) {
        const loaded = await sums.until(() => image.src.startsWith('blob:') && image.complete && image.naturalWidth > 0);
        const from = new URL(image.dataset.tpgSrc ?? image.src, location.href).pathname;
        shown[from] = loaded ? { ...(await sums.frames(image.src)), drawn: await sums.drawn(image) } : null;
      }
      return { needed, shown };
    });
  },

  /** The example, and what changes in a page later. */
  async example(page, at) {
    await page.addInitScript(() => {
      window.failures = [];
      addEventListener('tpgerror', ({ target, detail }) => window.failures.push([target.id, detail.error.message]));
    });
    await page.goto(`${at}/examples/web/polyfill.html`);
    return page.evaluate(async () => {
      const by = (id) => document.getElementById(id);
      const shows = (id) => sums.until(() => by(id).currentSrc.startsWith('blob:') && by(id).naturalWidth > 0);
      const background = (element) => getComputedStyle(element).backgroundImage;
      const tiled = (element) => sums.until(() => background(element).startsWith('url("blob:'));
      const seen = {};
      for (const id of ['still', 'set', 'picture', 'animation', 'misnamed']) seen[id] = await shows(id);
      seen.background = await tiled(by('background'));
      await sums.until(() => window.failures.length > 0);
      seen.failures = window.failures;
      seen.broken = [by('broken').naturalWidth, by('broken').getAttribute('src')];
      // Elements, addresses, styles and style sheets that come later.
      const still = by('still').dataset.tpgSrc;
      const late = Object.assign(new Image(), { id: 'late' });
      document.body.append(late);
      late.src = still;
      seen.late = await shows('late');
      late.src = by('misnamed').dataset.tpgSrc;
      seen.changed = await sums.until(() => late.naturalWidth > 400 && late.src.startsWith('blob:'));
      by('background').style.background = `url(${by('animation').dataset.tpgSrc})`;
      const inline = by('background').style;
      seen.inline = await sums.until(() => inline.backgroundImage.startsWith('url("blob:'));
      const sheet = document.createElement('style');
      sheet.textContent = `@media all { h1 { background-image: url(${still}) !important } }`;
      document.head.append(sheet);
      seen.sheet = await tiled(document.querySelector('h1'));
      const shadow = document.body.appendChild(document.createElement('div')).attachShadow({ mode: 'open' });
      shadow.innerHTML = `<img src="${still}">`;
      OpenMogrTpg.observe(shadow); // eslint-disable-line
      const inside = shadow.firstChild;
      seen.shadow = await sums.until(() => inside.src.startsWith('blob:') && inside.naturalWidth > 0);
      const [png] = (await sums.frames(await OpenMogrTpg.load(still))).frames; // eslint-disable-line
      return { ...seen, still: png };
    });
  },

  /** A page without scripts for images, behind the service worker. */
  async worker(page, at) {
    await page.goto(`${at}/examples/web/service-worker.html`);
    // The page loads itself once more when the worker has taken it over; before that it may vanish at any moment.
    await page.waitForFunction(
      () => performance.getEntriesByType('navigation')[0].type === 'reload' && document.readyState === 'complete',
      null,
      { timeout: 60_000 },
    );
    return page.evaluate(async ({ urls, foreign: foreignPath }) => {
      const still = document.getElementById('still');
      const shown = { example: await sums.until(() => still.complete && still.naturalWidth > 0), src: still.getAttribute('src') };
      shown.images = {};
      for (const url of urls) {
        const image = new Image();
        image.src = url;
        await image.decode().catch(() => {});
        shown.images[url] = image.naturalWidth ? [image.naturalWidth, image.naturalHeight, await sums.drawn(image)] : null;
      }
      // Who asks for the file itself gets it.
      const file = new Uint8Array(await (await fetch(urls[0])).arrayBuffer());
      // Another origin, and a per cent sign that escapes nothing.
      const foreign = new Image();
      foreign.src = `${location.origin.replace('127.0.0.1', 'localhost')}${foreignPath}?width=50%`;
      await foreign.decode().catch(() => {});
      return { ...shown, foreign: foreign.naturalWidth > 0, file: String.fromCharCode(...file.slice(0, 3)) };
    }, values);
  },
};

const site = http.createServer(serve);
await new Promise((resolve) => site.listen(0, '127.0.0.1', resolve));
const context = await chromium.launchPersistentContext(profile, { executablePath, args: FLAGS, headless: true });
try {
  await context.addInitScript(tools);
  const page = await context.newPage();
  page.setDefaultTimeout(120_000);
  page.on('console', (message) => console.error(message.text()));
  page.on('pageerror', (error) => console.error(error));
  console.log(JSON.stringify(await VISITS[visit](page, `http://127.0.0.1:${site.address().port}`)));
} finally {
  await context.close();
  site.close();
}
