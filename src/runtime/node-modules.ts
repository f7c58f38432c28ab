// Loads Node's own modules on first use. This module caches only `node:net`. For the other modules, the cache of Node
// is sufficient.
import type * as crypto from "node:crypto";
import type * as channels from "node:diagnostics_channel";
import type * as dns from "node:dns";
import type * as net from "node:net";
import type * as tls from "node:tls";
import type * as util from "node:util";
import { loadNodeModule } from "../../protocol/index.js";

let loadedNet: typeof net | undefined;

/** Loads `node:net`. The first connection calls this function, so that importing the package stays fast. */
export function nodeNet(): typeof net {
  loadedNet ??= loadNodeModule("node:net") as typeof net;
  return loadedNet;
}

/** Loads `node:dns` for the first connection to a host name. */
export const nodeDns = (): typeof dns => loadNodeModule("node:dns") as typeof dns;

/** Loads `node:tls` for the first connection that uses TLS. */
export const nodeTls = (): typeof tls => loadNodeModule("node:tls") as typeof tls;

/** Loads `node:crypto` when random bytes are first needed. */
export const nodeCrypto = (): typeof crypto => loadNodeModule("node:crypto") as typeof crypto;

export const nodeUtil = (): typeof util => loadNodeModule("node:util") as typeof util;

export const nodeChannels = (): typeof channels =>
  loadNodeModule("node:diagnostics_channel") as typeof channels;
