// Decoding and encoding in a worker, so that the page stays alive.

const ERRORS = { RangeError, TypeError };

/** A worker; scripts of another origin must be imported by one of the page's. */
function start(url) {
  const foreign = typeof location !== 'undefined' && new URL(url, location.href).origin !== location.origin;
  if (!foreign) return new Worker(url, { type: 'module' });
  const starter = URL.createObjectURL(new Blob([`import ${JSON.stringify(String(url))};`], { type: 'text/javascript' }));
  const worker = new Worker(starter, { type: 'module' });
  setTimeout(() => URL.revokeObjectURL(starter), 60_000);
  return worker;
}

export class TpgWorker {
  #worker;
  #waiting = new Map();
  #next = 0;
  /** Why nothing is answered any more. */
  #ended = null;

  constructor(url = new URL('./worker.js', import.meta.url)) {
    this.#worker = start(url);
    this.#worker.addEventListener('message', ({ data: { id, result, error } }) => {
      const { resolve, reject } = this.#waiting.get(id) ?? {};
      this.#waiting.delete(id);
      if (error) reject?.(new (ERRORS[error.name] ?? Error)(error.message));
      else resolve?.(result);
    });
    // Errors of calls are answers; this is a script that cannot be loaded.
    this.#worker.addEventListener('error', (event) => {
      this.#end(event.message || 'the worker of TPG could not be loaded');
    });
  }

  /** Whether calls are still answered. */
  get isAlive() {
    return this.#ended === null;
  }

  #end(reason) {
    this.#ended ??= reason;
    this.#worker.terminate();
    for (const { reject } of this.#waiting.values()) reject(new Error(reason));
    this.#waiting.clear();
  }

  #call(call, ...values) {
    return new Promise((resolve, reject) => {
      if (!this.isAlive) throw new Error(this.#ended);
      const id = this.#next++;
      this.#worker.postMessage({ id, call, values });
      this.#waiting.set(id, { resolve, reject });
    });
  }

  read(data, options) {
    return this.#call('read', data, options);
  }

  decode(data, options) {
    return this.#call('decode', data, options);
  }

  png(data, options) {
    return this.#call('png', data, options);
  }

  encode(image, options) {
    // What else an image has may be what no message can carry, or not its own, as what `ImageData` has.
    const { width, height, data, colorSpace } = image ?? {};
    return this.#call('encode', { width, height, data, colorSpace }, options);
  }

  close() {
    this.#end('the worker of TPG was closed');
  }
}
