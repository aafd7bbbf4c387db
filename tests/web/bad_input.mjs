// What the package in Node says to input that it cannot take, and whether it goes on afterwards. Argument: its folder.
// Request: a TPG file, and a large one.
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const [folder] = process.argv.slice(2);
const [small, large] = JSON.parse(readFileSync(0, 'utf8')).map((path) => readFileSync(path));
const at = (name) => pathToFileURL(`${folder}/${name}`);
const said = (work) => work().then(() => 'taken', (error) => `${error.name}: ${error.message}`);

const { decode, encode } = await import(at('index.js'));
const image = (more) => ({ width: 2, height: 2, data: new Uint8ClampedArray(16), ...more });
const words = {
  nothing: () => encode(),
  list: () => encode(image({ data: Array(16).fill(0) })),
  words: () => encode(image({ data: new Uint16Array(16) })),
  floats: () => encode(image({ data: new Float32Array(16) })),
  negative: () => encode(image({ width: -2, height: -2 })),
  fraction: () => encode(image({ width: 1.6, height: 2.5 })),
  text: () => encode(image({ width: '2' })),
  empty: () => encode(image({ width: 0, data: new Uint8Array() })),
  wide: () => encode(image({ width: 20_000, height: 1, data: new Uint8Array(80_000) })),
  gamut: () => encode(image({ colorSpace: 'display-p3' })),
  exif: () => encode(image(), { exif: 'Exif' }),
  quality: () => encode(image(), { quality: '80' }),
  tools: () => encode(image(), { tools: 'constructor' }),
  chroma: () => encode(image(), { chroma: null }),
  none: () => encode(image(), null),
  file: () => decode('a.tpg'),
  missing: () => decode(),
  option: () => decode(small, { maxpixels: 5 }),
  limit: () => decode(small, { maxPixels: '?' }),
};
const told = {};
for (const [name, work] of Object.entries(words)) told[name] = await said(work);

/** A module whose memory cannot grow to more than it begins with and some MiB. */
function withLittleMemory(bytes, most) {
  const number = (from) => {
    let [value, shift, i] = [0, 0, from];
    do value |= (bytes[i] & 0x7f) << shift, shift += 7;
    while (bytes[i++] & 0x80);
    return [value, i];
  };
  const leb = (value) => (value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...leb(value >>> 7)]);
  for (let i = 8; i < bytes.length; ) {
    const [size, from] = number(i + 1);
    if (bytes[i] === 5) {
      // One memory without a limit.
      const [pages] = number(from + 2);
      const limited = [1, 1, ...leb(pages), ...leb(pages + most * 16)];
      return Buffer.concat([bytes.subarray(0, i), Buffer.from([5, limited.length, ...limited]), bytes.subarray(from + size)]);
    }
    i = from + size;
  }
  throw new Error('no memory in the module');
}

const decoder = await import(at('decode.js'));
await decoder.load(withLittleMemory(readFileSync(at('dist/tpg_decode_bg.wasm')), 4));
const before = decoder.frames(small);
await before.next();
told.memory = await said(() => decoder.decode(large));
told.before = await said(() => before.next());
const after = await decoder.decode(small);
told.after = [after.width, after.height];
told.again = await said(() => decoder.decode(large));
console.log(JSON.stringify(told));
