// Loads modules of Node on first use, because loading them takes time. It keeps `node:zlib` in a module variable, which
// all connections of the process share.
import { createRequire } from "node:module";
import type { hash } from "node:crypto";
import type * as zlib from "node:zlib";

/**
 * Node 20.12 to 20.15 have no `process.getBuiltinModule`. These versions use `require`. The path given to
 * `createRequire` has no effect on the modules of Node.
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
