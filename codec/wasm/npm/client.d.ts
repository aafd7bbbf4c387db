import type { Data, Decoded, Info, ReadOptions } from './decode.js';
import type { EncodeOptions, Pixels } from './index.js';
import type { PngOptions } from './png.js';

/** The functions of this package in a worker. */
export class TpgWorker {
  /** `url` is where `worker.js` is; by default beside this script. */
  constructor(url?: string | URL);
  read(data: Data, options?: ReadOptions): Promise<Info>;
  decode(data: Data, options?: ReadOptions): Promise<Decoded>;
  /** A file as PNG, animated if it is. */
  png(data: Data, options?: ReadOptions & PngOptions): Promise<Blob>;
  encode(image: Pixels, options?: EncodeOptions): Promise<Uint8Array>;
  /** False once it was closed or could not be loaded; calls are rejected from then on. */
  readonly isAlive: boolean;
  /** Ends the worker; what is not done is rejected. */
  close(): void;
}
