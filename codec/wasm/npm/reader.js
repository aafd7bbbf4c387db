// What decoding makes of the class that WebAssembly exports; the same for the whole module and for the small one.

/** Largest number of pixels of a picture, unless another is asked for. */
export const MAX_PIXELS = 128_000_000;

/** Delays of 0 and 1 are shown for a tenth of a second, as Tencent's sample code does. */
const shownFor = (hundredths) => (hundredths < 2 ? 100 : hundredths * 10);

/** The bytes of a buffer or of a view of one, whatever its elements are. */
export function bytesOf(data, name = 'a TPG file') {
  if (data instanceof Uint8Array) return data;
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  throw new TypeError(`${name} is given as an ArrayBuffer or a view of one`);
}

const MAGIC = 'TPG AVS2B';

/** Whether some bytes begin as TPG files do. */
export function isTpg(data) {
  const bytes = bytesOf(data);
  return MAGIC.split('').every((letter, i) => bytes[i] === letter.charCodeAt(0));
}

/** Whether the body of an answer does, of which no more is read; it may come byte by byte. */
export async function beginsAsTpg(response) {
  const stream = response.body.getReader();
  const first = [];
  while (first.length < MAGIC.length) {
    const { value, done } = await stream.read();
    if (done) break;
    first.push(...value.subarray(0, MAGIC.length));
  }
  stream.cancel().catch(() => {});
  return isTpg(new Uint8Array(first));
}

/** Options, none of which is unknown. */
export function known(options, names) {
  if (typeof options !== 'object' || options === null) throw new TypeError(`options are an object, not ${options}`);
  const unknown = Object.keys(options).filter((name) => !names.includes(name));
  if (unknown.length > 0) throw new TypeError(`unknown option ${unknown.join(', ')}; there are ${names.join(', ')}`);
  return options;
}

/**
 * An instance of WebAssembly by what it exports. One in which a call ended in a trap, most often for want of memory, is
 * of no use any more: it is started anew, and what was made in it before is refused.
 */
export class Instance {
  #reset;
  #life = 0;

  constructor(exported, reset) {
    Object.assign(this, exported);
    this.#reset = reset;
  }

  call(work) {
    try {
      return work();
    } catch (error) {
      // A `RangeError` is of the engine: there is no room for what a call gives, which then stays where it is.
      if (!(error instanceof WebAssembly.RuntimeError || error instanceof RangeError)) throw error;
      this.#life += 1;
      this.#reset();
      const reason = `most likely it takes more memory than there is (${error.message})`;
      throw new Error(`WebAssembly could not finish this picture: ${reason}`);
    }
  }

  /** What `make` makes here, to be used by calls and let go in the end. */
  hold(make) {
    const life = this.#life;
    const object = this.call(make);
    return {
      use: (work) => {
        if (life !== this.#life) throw new Error('WebAssembly was started anew meanwhile: begin this picture again');
        return this.call(() => work(object));
      },
      free: () => {
        if (life === this.#life) object.free();
      },
    };
  }
}

const OPTIONS = ['maxPixels'];

/** A class of the instance over some bytes. */
function open(instance, name, data, options) {
  const { maxPixels = MAX_PIXELS } = known(options, OPTIONS);
  if (!(maxPixels >= 1)) throw new RangeError(`maxPixels is ${String(maxPixels)}, but it must be at least 1`);
  const bytes = bytesOf(data);
  return instance.hold(() => new instance[name](bytes, maxPixels));
}

function describe(reader) {
  const delays = reader.is_animation ? Array.from(reader.delays, shownFor) : [0];
  return {
    width: reader.width,
    height: reader.height,
    hasAlpha: reader.has_alpha,
    isAnimation: reader.is_animation,
    frameCount: delays.length,
    delays,
    // The format has no place for either: animations are repeated, and colours are sRGB.
    loopCount: 0,
    icc: null,
    exif: reader.exif ?? null,
    damage: reader.damage ?? null,
  };
}

/** What `ImageData` takes, of the same bytes. */
const clamped = (bytes) => new Uint8ClampedArray(bytes.buffer, bytes.byteOffset, bytes.length);

const next = (reader) => reader.next_frame();

export function read(instance, data, options = {}) {
  const reader = open(instance, 'Reader', data, options);
  try {
    return reader.use(describe);
  } finally {
    reader.free();
  }
}

/** Frames one by one: memory is needed for one at a time. */
export function* frames(instance, data, options = {}) {
  const reader = open(instance, 'Reader', data, options);
  try {
    const { width, height, delays } = reader.use(describe);
    for (const delay of delays) yield { width, height, delay, pixels: clamped(reader.use(next)) };
  } finally {
    reader.free();
  }
}

export function decode(instance, data, options = {}) {
  const reader = open(instance, 'Reader', data, options);
  try {
    const about = reader.use(describe);
    const { width, height } = about;
    const list = [];
    for (const delay of about.delays) {
      try {
        list.push({ width, height, delay, pixels: clamped(reader.use(next)) });
      } catch (error) {
        // Of a damaged animation, as of one that is cut, what comes before is shown.
        if (list.length === 0) throw error;
        about.damage = error.message;
        break;
      }
    }
    about.frameCount = list.length;
    about.delays = list.map((frame) => frame.delay);
    return { ...about, frames: list };
  } finally {
    reader.free();
  }
}

/** The pictures of a bare AVS2 stream, one by one. */
export function* pictures(instance, data, options = {}) {
  const reader = open(instance, 'StreamReader', data, options);
  const picture = (stream) => {
    const pixels = stream.next_frame();
    return pixels && { width: stream.width, height: stream.height, delay: 0, pixels: clamped(pixels) };
  };
  try {
    for (let found = reader.use(picture); found; found = reader.use(picture)) yield found;
  } finally {
    reader.free();
  }
}
