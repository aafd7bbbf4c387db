// Encodes pixels with the package in Node: raw RGBA in, sums of the files out. Argument: the folder of the package.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const [folder] = process.argv.slice(2);
const { encode, qpForQuality } = await import(pathToFileURL(`${folder}/index.js`));
const { cases, refused, qualities } = JSON.parse(readFileSync(0, 'utf8'));

async function made({ path, width, height, options }) {
  if (options.exif) options.exif = new Uint8Array(options.exif);
  const file = await encode({ width, height, data: readFileSync(path) }, options);
  return createHash('sha256').update(file).digest('hex');
}

const answers = { made: [], refused: [], qps: {} };
for (const one of cases) answers.made.push(await made(one));
for (const one of refused) answers.refused.push(await made(one).catch((error) => `${error.name}: ${error.message}`));
for (const tools of ['full', 'genuine']) answers.qps[tools] = qualities.map((quality) => qpForQuality(quality, tools));
console.log(JSON.stringify(answers));
