// Answers requests for images with PNG where they would be TPG, for pages that cannot be changed.
//
// The build puts the decoder (`wasm_bindgen`), `reader.js` and `png.js` in front of this: browsers that take no modules
// as service workers take the result.
/* global wasm_bindgen, frames, isTpg, read, toPng */

/** A worker that imports this script from elsewhere says where WebAssembly is. */
const WASM = new URL(self.TPG_WASM ?? 'tpg_decode_bg.wasm', self.location.href);
/** Addresses that promise a TPG file: by name, or as an operation of COS and CI asks for one. */
const NAME = /\.tpg$|(^|[/&?=])format\/tpg\b/i;

let loading = null;

function load() {
  loading ??= wasm_bindgen({ module_or_path: WASM }).catch((error) => {
    loading = null;
    throw error;
  });
  return loading;
}

function isNamedTpg(url) {
  const { pathname, search } = new URL(url);
  return NAME.test(pathname) || NAME.test(decodeURIComponent(search));
}

/** What the page would get. Answers of other origins can be read only where those allow it. */
async function ask(request) {
  const response = await fetch(request);
  if (response.type !== 'opaque' || !isNamedTpg(request.url)) return response;
  return fetch(request.url, { mode: 'cors', credentials: 'omit' }).catch(() => response);
}

/** Whether an answer begins as TPG files do, whatever its name and type. */
async function beginsAsTpg(response) {
  const reader = response.clone().body.getReader();
  const { value } = await reader.read();
  reader.cancel();
  return isTpg(value ?? new Uint8Array());
}

async function pngOf(data) {
  await load();
  const { Reader } = wasm_bindgen;
  return toPng({ ...read(Reader, data), frames: frames(Reader, data) });
}

async function answer(request) {
  const response = await ask(request);
  if (response.status !== 200 || !response.body || !(await beginsAsTpg(response))) return response;
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
