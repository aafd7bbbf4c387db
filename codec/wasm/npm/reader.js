// What decoding makes of the class that WebAssembly exports; the same for the whole module and for the small one.

/** Largest number of pixels of a picture, unless another is asked for. */
export const MAX_PIXELS = 128_000_000;

/** Delays of 0 and 1 are shown for a tenth of a second, as Tencent's sample code does. */
const shownFor = (hundredths) => (hundredths < 2 ? 100 : hundredths * 10);

/** The bytes of a buffer or of a view of one, whatever its elements are. */
export function bytesOf(data) {
  if (data instanceof Uint8Array) return data;
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  throw new TypeError('a TPG file is given as an ArrayBuffer or a view of one');
}

/** Whether some bytes begin as TPG files do. */
export function isTpg(data) {
  const bytes = bytesOf(data);
  return 'TPG AVS2B'.split('').every((letter, i) => bytes[i] === letter.charCodeAt(0));
}

function open(Reader, data, options) {
  const { maxPixels = MAX_PIXELS } = options;
  if (!(maxPixels >= 1)) throw new RangeError(`maxPixels is ${maxPixels}, but it must be at least 1`);
  return new Reader(bytesOf(data), maxPixels);
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

export function read(Reader, data, options = {}) {
  const reader = open(Reader, data, options);
  try {
    return describe(reader);
  } finally {
    reader.free();
  }
}

/** Frames one by one: memory is needed for one at a time. */
export function* frames(Reader, data, options = {}) {
  const reader = open(Reader, data, options);
  try {
    const { width, height, delays } = describe(reader);
    for (const delay of delays) yield { width, height, delay, pixels: clamped(reader.next_frame()) };
  } finally {
    reader.free();
  }
}

export function decode(Reader, data, options = {}) {
  const reader = open(Reader, data, options);
  try {
    const about = describe(reader);
    const { width, height } = about;
    const list = [];
    for (const delay of about.delays) {
      try {
        list.push({ width, height, delay, pixels: clamped(reader.next_frame()) });
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
export function* pictures(StreamReader, data, { maxPixels = MAX_PIXELS } = {}) {
  const reader = new StreamReader(bytesOf(data), maxPixels);
  try {
    for (let pixels = reader.next_frame(); pixels; pixels = reader.next_frame()) {
      yield { width: reader.width, height: reader.height, delay: 0, pixels: clamped(pixels) };
    }
  } finally {
    reader.free();
  }
}
