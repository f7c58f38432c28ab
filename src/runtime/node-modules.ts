import { createRequire } from "node:module";
import type * as crypto from "node:crypto";
import type * as channels from "node:diagnostics_channel";
import type * as net from "node:net";
import type * as tls from "node:tls";
import type * as util from "node:util";

/** Node 20.12 to 20.15 have no `process.getBuiltinModule`; there a `require` of any place finds Node's own modules. */
type Load = (name: string) => unknown;
const load: Load =
  (process as { getBuiltinModule?: Load }).getBuiltinModule ?? createRequire(process.execPath);

let loadedNet: typeof net | undefined;

/** Node's sockets, loaded with the first connection: to import this package takes no longer than it must. */
export function nodeNet(): typeof net {
  loadedNet ??= load("node:net") as typeof net;
  return loadedNet;
}

/** Loaded with the first connection that needs it. */
export function nodeTls(): typeof tls {
  return load("node:tls") as typeof tls;
}

/** Loaded when the first random bytes are wanted. */
export function nodeCrypto(): typeof crypto {
  return load("node:crypto") as typeof crypto;
}

export function nodeUtil(): typeof util {
  return load("node:util") as typeof util;
}

export function nodeChannels(): typeof channels {
  return load("node:diagnostics_channel") as typeof channels;
}
