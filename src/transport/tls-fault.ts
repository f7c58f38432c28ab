import type { ConnectionOptions } from "node:tls";
import { nodeCrypto, nodeTls } from "../runtime/node-modules.js";
import { toError } from "./transport-error.js";

/** Why an attempt over TLS has failed, where the code of its error does not say it. */
export interface TlsFault {
  /** `"options"`: Node refuses the option `tls`, and will refuse it again. `"identity"`: `checkServerIdentity` refuses the server. */
  readonly kind: "options" | "identity";
  /** The options to look at, as in `tls.key`. */
  readonly options: string;
}

const faults = new WeakMap<Error, TlsFault>();

/** Remembers the fault of an error. The error itself may be the user's, and may be frozen. */
export function markTlsFault(error: Error, fault: TlsFault): Error {
  faults.set(error, fault);
  return error;
}

export function tlsFaultOf(error: Error | undefined): TlsFault | undefined {
  return error === undefined ? undefined : faults.get(error);
}

/** Options that Node uses together. Each group is tried by itself, in this order. */
const groups: readonly (readonly string[])[] = [
  ["ca"],
  ["crl"],
  ["cert"],
  ["key", "passphrase"],
  ["pfx", "passphrase"],
  ["key", "cert", "passphrase"],
];

/** What OpenSSL says where a passphrase is wrong or missing. */
const passphraseFaults = /passphrase|password|decrypt|interrupted|mac verify/i;

/** The names of the options that made Node throw `error`; `tls` alone where no group of them fails by itself. */
export function refusedTlsOptions(tls: object, error: Error): string {
  const [, byNode, byUs] = /"options\.(\w+)"|^tls\.(\w+) /.exec(error.message) ?? [];
  if (byNode !== undefined || byUs !== undefined) return `tls.${byNode ?? byUs}`;
  const others = Object.keys(tls).map((name) => [name]);
  for (const group of [...groups, ...others]) {
    const thrown = thrownFor(tls, group);
    if (thrown === undefined) continue;
    const mayBePassphrase = passphraseFaults.test(thrown.message);
    const names = group.filter((name) => name !== "passphrase" || mayBePassphrase);
    return names.map((name) => `tls.${name}`).join(" and ");
  }
  return "tls";
}

/** What `createSecureContext` throws for these options alone. */
function thrownFor(tls: object, group: readonly string[]): Error | undefined {
  const given = Object.entries(tls).filter(([name]) => group.includes(name));
  // A passphrase alone, or a group of which half is missing, says nothing new.
  if (!Object.hasOwn(tls, group[0]!)) return undefined;
  try {
    nodeTls().createSecureContext(Object.fromEntries(given));
    return undefined;
  } catch (thrown) {
    return toError(thrown, "createSecureContext");
  }
}

/**
 * Checks what Node does not. It ignores what it cannot read in `tls.ca`, and then trusts nobody: the server's certificate would be
 * blamed. It calls `checkServerIdentity` whatever that is.
 * @throws TypeError
 */
export function checkTlsOptions({ ca, secureContext, checkServerIdentity }: ConnectionOptions): void {
  const check: unknown = checkServerIdentity;
  if (check !== undefined && typeof check !== "function")
    throw new TypeError("tls.checkServerIdentity must be a function");
  const given: readonly unknown[] = [ca ?? []].flat();
  if (given.length === 0 || secureContext !== undefined || given.some(mayBeAuthority)) return;
  throw new TypeError("tls.ca holds no certificate in PEM form");
}

function mayBeAuthority(ca: unknown): boolean {
  // Node throws for what is neither text nor bytes, and takes an empty string for none.
  if (typeof ca !== "string" && !ArrayBuffer.isView(ca)) return true;
  const bytes =
    typeof ca === "string" ? Buffer.from(ca) : Buffer.from(ca.buffer, ca.byteOffset, ca.byteLength);
  const [, label] = /-----BEGIN (TRUSTED |X509 |)CERTIFICATE-----/.exec(bytes.toString("latin1")) ?? [];
  if (label !== "") return label !== undefined || bytes.length === 0;
  try {
    new (nodeCrypto().X509Certificate)(bytes);
    return true;
  } catch {
    return false;
  }
}
