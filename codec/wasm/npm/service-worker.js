// Answers requests for images with PNG where they would be TPG, for pages that cannot be changed.
//
// The build puts the decoder, `reader.js` and `png.js` in front of this: browsers that take no modules as service workers
// take the result.
/* global Instance, Reader, __wbg_init, __wbg_reset_state, beginsAsTpg, frames, read, toPng */

/** A worker that imports this script from elsewhere says where WebAssembly is. */
const WASM = new URL(self.TPG_WASM ?? 'tpg_decode_bg.wasm', self.location.href);
/** Addresses that promise a TPG file: by name, or as an operation of COS and CI asks for one. */
const NAME = /\.tpg$|(^|[/&?=])format\/tpg\b/i;

const instance = new Instance({ Reader }, __wbg_reset_state);
let loading = null;

function load() {
  loading ??= __wbg_init({ module_or_path: WASM }).catch((error) => {
    loading = null;
    throw error;
  });
  return loading;
}

/** Per cent signs may stand for themselves. */
function decodable(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function isNamedTpg(url) {
  const { pathname, search } = new URL(url);
  return NAME.test(pathname) || NAME.test(decodable(search));
}

/** What the page would get. Answers of other origins can be read only where those allow it. */
async function ask(request) {
  const response = await fetch(request);
  if (response.type !== 'opaque' || !isNamedTpg(request.url)) return response;
  return fetch(request.url, { mode: 'cors', credentials: 'omit' }).catch(() => response);
}

async function pngOf(data) {
  await load();
  return toPng({ ...read(instance, data), frames: frames(instance, data) });
}

async function answer(request) {
  const response = await ask(request);
  if (response.status !== 200 || !response.body || !(await beginsAsTpg(response.clone()))) return response;
  const copy = response.clone();
  try {
    const png = await pngOf(new Uint8Array(await response.arrayBuffer()));
    const headers = new Headers(response.headers);
    headers.delete('Content-Encoding');
    headers.set('Content-Length', String(png.size));
    headers.set('Content-Type', 'image/png');
    return new Response(png, { status: 200, headers });
  } catch (error) {
    console.warn(`${request.url} is shown as it is: ${error.message}`);
    return copy;
  }
}

self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));
self.addEventListener('fetch', (event) => {
  const { request } = event;
  if (request.method === 'GET' && request.destination === 'image' && /^https?:/.test(request.url)) {
    event.respondWith(answer(request));
  }
});
