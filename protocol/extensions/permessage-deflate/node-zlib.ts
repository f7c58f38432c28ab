// The functions and constants of `node:zlib` that the codecs use. `node:zlib` itself is loaded at the first call of a
// function.
import type * as zlib from "node:zlib";
import { nodeZlib } from "../../node-modules.js";
import { ownOptions } from "../../own-options.js";

export const inflateRawSync: typeof zlib.inflateRawSync = (input, options) =>
  nodeZlib().inflateRawSync(input, options && ownOptions(options));

export const deflateRawSync: typeof zlib.deflateRawSync = (input, options) =>
  nodeZlib().deflateRawSync(input, options && ownOptions(options));

export const createInflateRaw: typeof zlib.createInflateRaw = (options) =>
  nodeZlib().createInflateRaw(options && ownOptions(options));

export const createDeflateRaw: typeof zlib.createDeflateRaw = (options) =>
  nodeZlib().createDeflateRaw(options && ownOptions(options));

/**
 * The values of `zlib.constants` that the codecs use. The values are repeated here, because reading `zlib.constants`
 * would load zlib.
 */
export const constants = {
  Z_SYNC_FLUSH: 2,
  Z_BLOCK: 5,
  Z_RLE: 3,
  Z_DEFAULT_STRATEGY: 0,
  Z_DEFAULT_COMPRESSION: -1,
  Z_MIN_CHUNK: 64,
} as const;
