// Loads modules of Node when they are first used, because loading them takes time at startup.
import { createRequire } from "node:module";
import type { hash } from "node:crypto";
import type * as zlib from "node:zlib";

/**
 * Fallback for Node 20.12 to 20.15, which have no `process.getBuiltinModule`. The path is not used for Node's
 * modules.
 */
type Load = (name: string) => unknown;
const load: Load =
  (process as { getBuiltinModule?: Load }).getBuiltinModule ?? createRequire(process.execPath);

let loadedZlib: typeof zlib | undefined;

/** Returns `node:zlib`. Loading it takes 2 ms, so it is loaded when the first message is compressed or decompressed. */
export function nodeZlib(): typeof zlib {
  loadedZlib ??= load("node:zlib") as typeof zlib;
  return loadedZlib;
}

/** Returns `node:crypto`. Loading it takes 3 ms, so it is loaded for the first handshake. */
export function nodeCrypto(): { readonly hash: typeof hash } {
  return load("node:crypto") as { readonly hash: typeof hash };
}
