// Decoded frames as PNG, or as an animated PNG: every browser shows those, pixel for pixel and with their delays.
//
// Rows are not filtered, and by default not compressed, as what reads the file is the browser that wrote it.

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const RGB = 2;
const RGBA = 6;
/** Longest stored block of deflate. */
const BLOCK = 0xffff;

// Tables of CRC-32 for eight bytes at a time.
const CRC = Array.from({ length: 8 }, () => new Uint32Array(256));
for (let n = 0; n < 256; n++) {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  CRC[0][n] = c;
}
for (let t = 1; t < 8; t++) {
  for (let n = 0; n < 256; n++) CRC[t][n] = CRC[0][CRC[t - 1][n] & 0xff] ^ (CRC[t - 1][n] >>> 8);
}

function crc32(bytes) {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = CRC;
  let c = 0xffffffff;
  let i = 0;
  for (const end = bytes.length - 7; i < end; i += 8) {
    c ^= bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24);
    c = t7[c & 0xff] ^ t6[(c >>> 8) & 0xff] ^ t5[(c >>> 16) & 0xff] ^ t4[c >>> 24]
      ^ t3[bytes[i + 4]] ^ t2[bytes[i + 5]] ^ t1[bytes[i + 6]] ^ t0[bytes[i + 7]];
  }
  for (; i < bytes.length; i++) c = t0[(c ^ bytes[i]) & 0xff] ^ (c >>> 8);
  return ~c >>> 0;
}

function adler32(bytes) {
  let [a, b] = [1, 0];
  for (let from = 0; from < bytes.length; from += 3800) {
    const end = Math.min(from + 3800, bytes.length);
    for (let i = from; i < end; i++) {
      a += bytes[i];
      b += a;
    }
    a %= 65521;
    b %= 65521;
  }
  return ((b << 16) | a) >>> 0;
}

/** A chunk whose payload `fill` writes. */
function chunk(type, size, fill) {
  const bytes = new Uint8Array(size + 12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, size);
  for (let i = 0; i < 4; i++) bytes[4 + i] = type.charCodeAt(i);
  fill(bytes.subarray(8, 8 + size), new DataView(bytes.buffer, 8, size));
  view.setUint32(8 + size, crc32(bytes.subarray(4, 8 + size)));
  return bytes;
}

/** Rows as PNG has them: a filter of 0 in front of each, and no alpha where there is none. */
function rowsOf({ pixels, width, height }, hasAlpha) {
  const channels = hasAlpha ? 4 : 3;
  const stride = 1 + width * channels;
  const rows = new Uint8Array(stride * height);
  for (let y = 0; y < height; y++) {
    const row = pixels.subarray(y * width * 4, (y + 1) * width * 4);
    let to = y * stride + 1;
    if (hasAlpha) {
      rows.set(row, to);
      continue;
    }
    for (let from = 0; from < row.length; from += 4) {
      rows[to++] = row[from];
      rows[to++] = row[from + 1];
      rows[to++] = row[from + 2];
    }
  }
  return rows;
}

/** A zlib stream without compression. */
function stored(rows) {
  const blocks = Math.max(1, Math.ceil(rows.length / BLOCK));
  const out = new Uint8Array(2 + blocks * 5 + rows.length + 4);
  out.set([0x78, 0x01]);
  let at = 2;
  for (let i = 0; i < blocks; i++) {
    const block = rows.subarray(i * BLOCK, (i + 1) * BLOCK);
    const size = block.length;
    out.set([i === blocks - 1 ? 1 : 0, size & 0xff, size >> 8, ~size & 0xff, (~size >> 8) & 0xff], at);
    out.set(block, at + 5);
    at += 5 + size;
  }
  new DataView(out.buffer).setUint32(at, adler32(rows));
  return out;
}

async function compressed(rows) {
  const stream = new Blob([rows]).stream().pipeThrough(new CompressionStream('deflate'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function header({ width, height }, hasAlpha) {
  return chunk('IHDR', 13, (bytes, view) => {
    view.setUint32(0, width);
    view.setUint32(4, height);
    bytes.set([8, hasAlpha ? RGBA : RGB, 0, 0, 0], 8);
  });
}

function frameControl(number, { width, height, delay }) {
  return chunk('fcTL', 26, (bytes, view) => {
    view.setUint32(0, number);
    view.setUint32(4, width);
    view.setUint32(8, height);
    // Delays are hundredths of a second, up to 655.35 s; frames replace what was there.
    view.setUint16(20, Math.round(delay / 10));
    view.setUint16(22, 100);
  });
}

/**
 * A PNG of what `decode` or `frames` gave, as chunks of bytes for a `Blob`.
 *
 * `frames` may be an asynchronous iterable: then one frame at a time is in memory beside what is written.
 */
export async function pngParts({ hasAlpha, isAnimation, frames, loopCount = 0 }, { compress = false } = {}) {
  const pack = compress && typeof CompressionStream === 'function' ? compressed : stored;
  // Place 1 is that of the header.
  const parts = [new Uint8Array(SIGNATURE), null];
  let [count, number] = [0, 0];
  try {
    for await (const frame of frames) {
      if (count === 0) parts[1] = header(frame, hasAlpha);
      if (isAnimation) parts.push(frameControl(number++, frame));
      const data = await pack(rowsOf(frame, hasAlpha));
      if (count++ === 0) {
        parts.push(chunk('IDAT', data.length, (bytes) => bytes.set(data)));
        if (!isAnimation) break;
      } else {
        const sequence = number++;
        parts.push(chunk('fdAT', data.length + 4, (bytes, view) => {
          view.setUint32(0, sequence);
          bytes.set(data, 4);
        }));
      }
    }
  } catch (error) {
    // Of a damaged animation what comes before is shown.
    if (count === 0) throw error;
  }
  const control = (_, view) => {
    view.setUint32(0, count);
    view.setUint32(4, loopCount);
  };
  // A rendering intent of 0 is perceptual.
  parts.splice(2, 0, chunk('sRGB', 1, () => {}), ...(isAnimation ? [chunk('acTL', 8, control)] : []));
  parts.push(chunk('IEND', 0, () => {}));
  return parts;
}

/** A PNG, animated if the picture is. */
export async function toPng(picture, options) {
  return new Blob(await pngParts(picture, options), { type: 'image/png' });
}
