// Builds the modules of WebAssembly and what is made of them: `make wasm`. Needs Rust's target wasm32-unknown-unknown,
// and wasm-bindgen in the version of Cargo.lock (`make wasm-tools` installs both).
import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const dist = here('npm/dist');
const own = here('target/tools/bin/wasm-bindgen');
const bindgen = existsSync(own) ? own : 'wasm-bindgen';
const run = (command, ...options) => execFileSync(command, options, { cwd: here('.'), stdio: 'inherit' });

// Where panics come from is told without the folders of this machine, as in tools/release/build.py.
const sysroot = execFileSync('rustc', ['--print', 'sysroot'], { encoding: 'utf8' }).trim();
const neutral = Object.entries({
  [here('../..').replace(/\/$/, '')]: '/openmogr',
  [process.env.CARGO_HOME ?? `${homedir()}/.cargo`]: '/cargo',
  [sysroot]: '/rust',
}).map(([from, to]) => `--remap-path-prefix=${from}=${to}`);
// Beside the flags of .cargo/config.toml.
const flags = `target.wasm32-unknown-unknown.rustflags=${JSON.stringify(neutral)}`;

// With a function that starts a module anew, which is called after a trap.
const options = ['--target', 'web', '--no-typescript', '--omit-default-module-path', '--experimental-reset-state-function'];

function build(name, ...features) {
  run('cargo', 'build', '--release', '--quiet', '--locked', '--config', flags, ...features);
  const module = here('target/wasm32-unknown-unknown/release/tpg_wasm.wasm');
  run(bindgen, module, '--out-dir', dist, '--out-name', name, ...options);
  const bytes = readFileSync(`${dist}/${name}_bg.wasm`);
  console.log(`${name}_bg.wasm: ${bytes.length} bytes, ${gzipSync(bytes, { level: 9 }).length} compressed`);
}

/** A module as the body of a function: what it exports stays inside. */
const inner = (path) => readFileSync(here(path), 'utf8').replace(/^export \{.*\};$/gm, '').replace(/^export /gm, '');

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist);
build('tpg_decode', '--no-default-features');
build('tpg');
const parts = ['npm/dist/tpg_decode.js', 'npm/reader.js', 'npm/png.js', 'npm/service-worker.js'].map(inner);
writeFileSync(`${dist}/service-worker.js`, `(() => {\n${parts.join('\n')}\n})();\n`);
copyFileSync(here('../LICENSE'), here('npm/LICENSE'));
copyFileSync(here('THIRD_PARTY.txt'), here('npm/THIRD_PARTY.txt'));

// The console of the service has the decoder, where it was built (docs/decisions/0012-console.md). It is there when
// `decode.js` is, which comes last.
const console_ = here('../../src/openmogr/console/decoder');
rmSync(console_, { recursive: true, force: true });
cpSync(here('THIRD_PARTY.txt'), `${console_}/THIRD_PARTY_DECODER.txt`);
for (const name of ['dist/tpg_decode_bg.wasm', 'dist/tpg_decode.js', 'load.js', 'reader.js', 'png.js', 'decode.js']) {
  cpSync(here(`npm/${name}`), `${console_}/${name}`);
}
