// Fetches and compiles a module of WebAssembly once, in browsers and in Node.

/** A function that makes sure that the module is there; `from` is where it is, or the module or its bytes. */
export function once(init, beside) {
  let loading = null;
  return (from) => {
    loading ??= start(init, from ?? beside).catch((error) => {
      loading = null;
      throw error;
    });
    return loading;
  };
}

async function start(init, from) {
  const url = from instanceof URL && from.protocol === 'file:' ? from : null;
  // Node fetches nothing from disk.
  const source = url ? (await import(/* webpackIgnore: true */ 'node:fs/promises')).readFile(url) : from;
  await init({ module_or_path: await source });
}
