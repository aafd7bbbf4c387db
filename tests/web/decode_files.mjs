// Decodes files with the package in Node: paths in, sums of their frames out. Argument: the folder of the package.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const [folder] = process.argv.slice(2);
const { frames, isTpg, pictures, read } = await import(pathToFileURL(`${folder}/decode.js`));

async function outcome(path) {
  const data = readFileSync(path);
  const found = [];
  let damage = null;
  try {
    const isStream = data.length >= 4 && data.readUInt32BE(0) === 0x1b0;
    if (!isStream) ({ damage } = await read(data));
    for await (const { width, height, pixels } of isStream ? pictures(data) : frames(data)) {
      found.push([width, height, createHash('sha256').update(pixels).digest('hex')]);
    }
    return { isTpg: isTpg(data), frames: found, error: damage };
  } catch (error) {
    return { isTpg: isTpg(data), frames: found, error: error.message };
  }
}

const answers = {};
for (const path of JSON.parse(readFileSync(0, 'utf8'))) answers[path] = await outcome(path);
console.log(JSON.stringify(answers));
