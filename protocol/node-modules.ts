import { createRequire } from "node:module";
import type { hash } from "node:crypto";
import type * as zlib from "node:zlib";

/** Node 20.12 to 20.15 have no `process.getBuiltinModule`; there a `require` of any place finds Node's own modules. */
type Load = (name: string) => unknown;
const load: Load =
  (process as { getBuiltinModule?: Load }).getBuiltinModule ?? createRequire(process.execPath);

let loadedZlib: typeof zlib | undefined;

/** Takes 2 ms to load: it is there once a message is deflated or inflated. */
export function nodeZlib(): typeof zlib {
  loadedZlib ??= load("node:zlib") as typeof zlib;
  return loadedZlib;
}

/** Takes 3 ms to load: it is there with the first handshake. */
export function nodeCrypto(): { readonly hash: typeof hash } {
  return load("node:crypto") as { readonly hash: typeof hash };
}
