/** SHA-1 and HMAC-SHA1 as signatures of COS need them, by the browser, or here where a page without TLS has no such. */

const BLOCK = 64;
const encoder = new TextEncoder();

/** @param {Uint8Array} bytes */
const hexadecimal = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

/**
 * The message with its padding (FIPS 180-4, section 5.1.1).
 * @param {Uint8Array} message
 */
function padded(message) {
  const length = Math.ceil((message.length + 9) / BLOCK) * BLOCK;
  const bytes = new Uint8Array(length);
  bytes.set(message);
  bytes[message.length] = 0x80;
  const view = new DataView(bytes.buffer);
  view.setUint32(length - 8, Math.floor(message.length / 0x20000000));
  view.setUint32(length - 4, message.length << 3);
  return view;
}

/** @param {number} value @param {number} count */
const turned = (value, count) => (value << count) | (value >>> (32 - count));

/** The function and constant of a round (FIPS 180-4, sections 4.1.1 and 4.2.1).
 * @param {number} round @param {number} b @param {number} c @param {number} d */
function mixed(round, b, c, d) {
  if (round < 20) return ((b & c) | (~b & d)) + 0x5a827999;
  if (round < 40) return (b ^ c ^ d) + 0x6ed9eba1;
  if (round < 60) return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
  return (b ^ c ^ d) + 0xca62c1d6;
}

/**
 * SHA-1 (FIPS 180-4, section 6.1), 20 bytes.
 * @param {Uint8Array} message
 */
export function plainSha1(message) {
  const view = padded(message);
  const state = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0];
  const words = new Int32Array(80);
  for (let start = 0; start < view.byteLength; start += BLOCK) {
    for (let i = 0; i < 16; i++) words[i] = view.getInt32(start + i * 4);
    for (let i = 16; i < 80; i++) words[i] = turned(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);
    let [a, b, c, d, e] = state;
    for (let i = 0; i < 80; i++) {
      const next = (turned(a, 5) + mixed(i, b, c, d) + e + words[i]) | 0;
      [e, d, c, b, a] = [d, c, turned(b, 30), a, next];
    }
    [a, b, c, d, e].forEach((value, i) => {
      state[i] = (state[i] + value) | 0;
    });
  }
  const sum = new DataView(new ArrayBuffer(20));
  state.forEach((value, i) => sum.setInt32(i * 4, value));
  return new Uint8Array(sum.buffer);
}

/**
 * HMAC-SHA1 (RFC 2104), 20 bytes.
 * @param {Uint8Array} key
 * @param {Uint8Array} message
 */
export function plainHmac(key, message) {
  const block = new Uint8Array(BLOCK);
  block.set(key.length > BLOCK ? plainSha1(key) : key);
  const inner = new Uint8Array(BLOCK + message.length);
  inner.set(block.map((byte) => byte ^ 0x36));
  inner.set(message, BLOCK);
  const outer = new Uint8Array(BLOCK + 20);
  outer.set(block.map((byte) => byte ^ 0x5c));
  outer.set(plainSha1(inner), BLOCK);
  return plainSha1(outer);
}

/**
 * SHA-1 of a text, in hexadecimal digits.
 * @param {string} text
 * @param {SubtleCrypto | undefined} [subtle] the browser's, where there is one
 */
export async function sha1(text, subtle = globalThis.crypto?.subtle) {
  const message = encoder.encode(text);
  return hexadecimal(subtle ? new Uint8Array(await subtle.digest('SHA-1', message)) : plainSha1(message));
}

/**
 * HMAC-SHA1 of a text, in hexadecimal digits.
 * @param {string} secret not empty
 * @param {string} text
 * @param {SubtleCrypto | undefined} [subtle] the browser's, where there is one
 */
export async function hmac(secret, text, subtle = globalThis.crypto?.subtle) {
  const [key, message] = [encoder.encode(secret), encoder.encode(text)];
  if (!subtle) return hexadecimal(plainHmac(key, message));
  const imported = await subtle.importKey('raw', key, { name: 'HMAC', hash: 'SHA-1' }, false, ['sign']);
  return hexadecimal(new Uint8Array(await subtle.sign('HMAC', imported, message)));
}
