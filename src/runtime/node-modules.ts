// Loads Node's own modules on first use. It does not cache them, except `node:net`: Node caches modules itself.
import { createRequire } from "node:module";
import type * as crypto from "node:crypto";
import type * as channels from "node:diagnostics_channel";
import type * as dns from "node:dns";
import type * as net from "node:net";
import type * as tls from "node:tls";
import type * as util from "node:util";

/**
 * Node 20.12 to 20.15 have no `process.getBuiltinModule`. There, `require` loads Node's modules, whatever its base
 * path.
 */
type Load = (name: string) => unknown;
const load: Load =
  (process as { getBuiltinModule?: Load }).getBuiltinModule ?? createRequire(process.execPath);

let loadedNet: typeof net | undefined;

/** Loaded by the first connection, so that importing the package stays fast. */
export function nodeNet(): typeof net {
  loadedNet ??= load("node:net") as typeof net;
  return loadedNet;
}

/** Loaded by the first connection to a host name. */
export function nodeDns(): typeof dns {
  return load("node:dns") as typeof dns;
}

/** Loaded by the first connection that uses TLS. */
export function nodeTls(): typeof tls {
  return load("node:tls") as typeof tls;
}

/** Loaded when random bytes are first needed. */
export function nodeCrypto(): typeof crypto {
  return load("node:crypto") as typeof crypto;
}

export function nodeUtil(): typeof util {
  return load("node:util") as typeof util;
}

export function nodeChannels(): typeof channels {
  return load("node:diagnostics_channel") as typeof channels;
}
