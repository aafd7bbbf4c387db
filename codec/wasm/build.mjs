// Builds the modules of WebAssembly and what is made of them: `make wasm`. Needs Rust's target wasm32-unknown-unknown,
// and wasm-bindgen in the version of Cargo.lock (`make wasm-tools` installs both).
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const dist = here('npm/dist');
const own = here('target/tools/bin/wasm-bindgen');
const bindgen = existsSync(own) ? own : 'wasm-bindgen';
const run = (command, ...options) => execFileSync(command, options, { cwd: here('.'), stdio: 'inherit' });

function build(name, features, targets) {
  run('cargo', 'build', '--release', '--quiet', '--locked', ...features);
  const module = here('target/wasm32-unknown-unknown/release/tpg_wasm.wasm');
  for (const [target, out] of targets) {
    run(bindgen, module, '--target', target, '--out-dir', out, '--out-name', name, '--no-typescript', '--omit-default-module-path');
  }
  const bytes = readFileSync(`${dist}/${name}_bg.wasm`);
  console.log(`${name}_bg.wasm: ${bytes.length} bytes, ${gzipSync(bytes, { level: 9 }).length} compressed`);
}

/** A module as the body of a function: what it exports stays inside. */
const inner = (path) => readFileSync(here(path), 'utf8').replace(/^export /gm, '');

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist);
build('tpg_decode', ['--no-default-features'], [['web', dist], ['no-modules', here('target/no-modules')]]);
build('tpg', [], [['web', dist]]);
if (!readFileSync(here('target/no-modules/tpg_decode_bg.wasm')).equals(readFileSync(`${dist}/tpg_decode_bg.wasm`))) {
  throw new Error('the module for service workers is not the one for pages');
}
const parts = ['target/no-modules/tpg_decode.js', 'npm/reader.js', 'npm/png.js', 'npm/service-worker.js'].map(inner);
writeFileSync(`${dist}/service-worker.js`, `(() => {\n${parts.join('\n')}\n})();\n`);
copyFileSync(here('../LICENSE'), here('npm/LICENSE'));
copyFileSync(here('THIRD_PARTY.txt'), here('npm/THIRD_PARTY.txt'));
