// Loads modules of Node on first use, because loading them takes time. This module keeps `node:zlib` in a module
// variable, which all connections of the process share.
import { createRequire } from "node:module";
import type { hash } from "node:crypto";
import type * as zlib from "node:zlib";

/**
 * Node 20.12 to 20.15 have no `process.getBuiltinModule`. These versions use `require`. `createRequire` accepts any
 * path here, because modules of Node are found from every path.
 */
type Load = (name: string) => unknown;
const load: Load =
  (process as { getBuiltinModule?: Load }).getBuiltinModule ?? createRequire(process.execPath);

let loadedZlib: typeof zlib | undefined;

/** Returns `node:zlib`. Loading it takes 2 ms, so it is loaded when the first message is compressed or decompressed. */
export function nodeZlib(): typeof zlib {
  return (loadedZlib ??= load("node:zlib") as typeof zlib);
}

/** Returns `node:crypto`. Loading it takes 3 ms, so it is loaded for the first handshake. */
export function nodeCrypto(): { readonly hash: typeof hash } {
  return load("node:crypto") as { readonly hash: typeof hash };
}
