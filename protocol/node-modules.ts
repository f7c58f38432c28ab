// Loads modules of Node on first use, because loading them takes time. This module keeps `node:zlib` in a module
// variable, which all connections of the process share.
import { createRequire } from "node:module";
import type { hash } from "node:crypto";
import type * as zlib from "node:zlib";

/** The name of a module of Node. Each call passes a literal, so that a reader of the source sees what is loaded. */
type NodeModule = `node:${string}`;

/**
 * Loads a module of Node. This is the only place of the package that loads a module whose name is not a literal.
 *
 * Node 20.12 to 20.15 have no `process.getBuiltinModule`. These versions use `require`. `createRequire` accepts any
 * path here, because modules of Node are found from every path.
 */
export const loadNodeModule: (name: NodeModule) => unknown =
  (process as { getBuiltinModule?: typeof loadNodeModule }).getBuiltinModule ??
  createRequire(process.execPath);

let loadedZlib: typeof zlib | undefined;

/** Returns `node:zlib`. Loading it takes 2 ms, so it is loaded when the first message is compressed or decompressed. */
export function nodeZlib(): typeof zlib {
  return (loadedZlib ??= loadNodeModule("node:zlib") as typeof zlib);
}

/** Returns `node:crypto`. Loading it takes 3 ms, so it is loaded for the first handshake. */
export function nodeCrypto(): { readonly hash: typeof hash } {
  return loadNodeModule("node:crypto") as { readonly hash: typeof hash };
}
