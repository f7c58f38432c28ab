// Loads Node's own modules on first use. This module caches only `node:net`. For the other modules, the cache of Node
// is sufficient.
import { createRequire } from "node:module";
import type * as crypto from "node:crypto";
import type * as channels from "node:diagnostics_channel";
import type * as dns from "node:dns";
import type * as net from "node:net";
import type * as tls from "node:tls";
import type * as util from "node:util";

/**
 * Node 20.12 to 20.15 have no `process.getBuiltinModule`. In these versions, `createRequire` is used instead. The path
 * that it receives has no effect on the loading of Node's own modules.
 */
type Load = (name: string) => unknown;
const load: Load =
  (process as { getBuiltinModule?: Load }).getBuiltinModule ?? createRequire(process.execPath);

let loadedNet: typeof net | undefined;

/** Loads `node:net`. The first connection calls this function, so that importing the package stays fast. */
export function nodeNet(): typeof net {
  loadedNet ??= load("node:net") as typeof net;
  return loadedNet;
}

/** Loads `node:dns` for the first connection to a host name. */
export const nodeDns = (): typeof dns => load("node:dns") as typeof dns;

/** Loads `node:tls` for the first connection that uses TLS. */
export const nodeTls = (): typeof tls => load("node:tls") as typeof tls;

/** Loads `node:crypto` when random bytes are first needed. */
export const nodeCrypto = (): typeof crypto => load("node:crypto") as typeof crypto;

export const nodeUtil = (): typeof util => load("node:util") as typeof util;

export const nodeChannels = (): typeof channels => load("node:diagnostics_channel") as typeof channels;
