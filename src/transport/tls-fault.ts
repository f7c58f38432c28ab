// Finds out which TLS option caused an error. It does not open connections.
import type { ConnectionOptions } from "node:tls";
import { latin1Text, utf8Bytes } from "../../protocol/index.js";
import { nodeCrypto, nodeTls } from "../runtime/node-modules.js";
import { toError } from "../runtime/to-error.js";

/** The cause of a failed TLS attempt. It is recorded only if the error code does not identify the cause. */
export interface TlsFault {
  /**
   * `"options"`: Node refuses the option `tls` at every attempt. `"identity"`: `checkServerIdentity` refuses the
   * server.
   */
  readonly kind: "options" | "identity";
  /** The names of the options at fault, such as `tls.key`. */
  readonly options: string;
}

const faults = new WeakMap<Error, TlsFault>();

/**
 * Records the fault of an error. The error itself is not changed, because it may belong to the application and may be
 * frozen.
 */
export function markTlsFault(error: Error, fault: TlsFault): Error {
  faults.set(error, fault);
  return error;
}

export function tlsFaultOf(error: Error | undefined): TlsFault | undefined {
  return error === undefined ? undefined : faults.get(error);
}

/** Groups of options that Node uses together. Each group is tested separately, in this order. */
const groups = ["ca", "crl", "cert", "key passphrase", "pfx passphrase", "key cert passphrase"].map((names) =>
  names.split(" "),
);

const grouped: ReadonlySet<string> = new Set(groups.flat());

/** Matches OpenSSL's messages about a wrong or missing passphrase. */
const passphraseFaults = /passphrase|password|decrypt|interrupted|mac verify/i;

/**
 * Returns the names of the options that made Node throw `error`. Returns `"tls"` if Node accepts each group of options
 * when the group is tested alone.
 */
export function refusedTlsOptions(tls: object, error: Error): string {
  const [, byNode, byUs] = /["']options\.(\w+)|^tls\.(\w+) /.exec(error.message) ?? [];
  if (byNode !== undefined || byUs !== undefined) return `tls.${byNode ?? byUs}`;
  // The options of a group are tested together, because an option may need another option. For example, an encrypted
  // key fails without its passphrase.
  const others = Object.keys(tls)
    .filter((name) => !grouped.has(name))
    .map((name) => [name]);
  for (const group of [...groups, ...others]) {
    const thrown = errorOfGroup(tls, group);
    if (thrown === undefined) continue;
    const mayBePassphrase = passphraseFaults.test(thrown.message) || isEncrypted(tls, group[0]!);
    const names = group.filter((name) => name !== "passphrase" || mayBePassphrase);
    return names.map((name) => `tls.${name}`).join(" and ");
  }
  return "tls";
}

/** One of 256 wrong passphrases decrypts a key to bytes that OpenSSL reports as unsupported. */
function isEncrypted(tls: object, name: string): boolean {
  const value = (tls as Readonly<Record<string, unknown>>)[name];
  return (typeof value === "string" || Buffer.isBuffer(value)) && value.includes("ENCRYPTED");
}

/**
 * Calls `createSecureContext` with only those options of `tls` that are in `group`. Returns the error that
 * `createSecureContext` throws.
 */
function errorOfGroup(tls: object, group: readonly string[]): Error | undefined {
  const given = Object.entries(tls).filter(([name]) => group.includes(name));
  // A group without its main option is not tested.
  if (!Object.hasOwn(tls, group[0]!)) return undefined;
  try {
    nodeTls().createSecureContext(Object.fromEntries(given));
    return undefined;
  } catch (thrown) {
    return toError(thrown, "createSecureContext");
  }
}

/** The types of options that Node does not check, or only after it has begun to connect. */
const types = { checkServerIdentity: "function", pskCallback: "function", servername: "string" };

/**
 * Checks options that Node does not check. If `tls.ca` contains unreadable data, Node ignores the data and trusts no
 * certificate. The handshake would then fail with an error that blames the certificate of the server.
 * @throws TypeError
 */
export function checkTlsOptions(tls: ConnectionOptions): void {
  for (const [name, type] of Object.entries(types)) {
    const value: unknown = tls[name as keyof typeof types];
    if (value !== undefined && typeof value !== type) throw new TypeError(`tls.${name} must be a ${type}`);
  }
  const { ca, secureContext, ALPNProtocols: protocols, session, minVersion = "", maxVersion = "z" } = tls;
  if (minVersion > maxVersion) throw new TypeError("tls.minVersion must not be above tls.maxVersion");
  if (protocols && !Array.isArray(protocols) && !ArrayBuffer.isView(protocols))
    throw new TypeError("tls.ALPNProtocols must be an array");
  // Node would create a socket before it throws, and not destroy it.
  if (secureContext && typeof (secureContext as { readonly context?: unknown }).context !== "object")
    throw new TypeError("tls.secureContext must be a result of tls.createSecureContext()");
  if (session && typeof session !== "string" && !ArrayBuffer.isView(session))
    throw new TypeError("tls.session must be a Buffer");
  const given: readonly unknown[] = [ca ?? []].flat();
  if (given.length === 0 || secureContext !== undefined || given.some(mayBeCertificate)) return;
  throw new TypeError("tls.ca contains no certificate in PEM format");
}

/**
 * Checks that the key fits the certificate. OpenSSL does not compare keys of different types: the client would send no
 * certificate.
 * @throws TypeError
 */
export function checkKeyPair({ cert, key, passphrase }: ConnectionOptions): void {
  const { X509Certificate, createPrivateKey } = nodeCrypto();
  let isPair = true;
  try {
    const publicKey = new X509Certificate(cert as string);
    isPair = publicKey.checkPrivateKey(createPrivateKey({ key: key as string, passphrase }));
  } catch {
    // One of them is missing, or in an array, or in a form that only OpenSSL reads.
  }
  if (!isPair)
    throw Object.assign(new TypeError("tls.key does not fit tls.cert"), {
      code: "ERR_OSSL_X509_KEY_VALUES_MISMATCH",
    });
}

function mayBeCertificate(ca: unknown): boolean {
  // Node throws for values that are neither text nor bytes, and treats an empty string as absent.
  if (typeof ca !== "string" && !ArrayBuffer.isView(ca)) return true;
  const bytes = typeof ca === "string" ? utf8Bytes(ca) : Buffer.from(ca.buffer, ca.byteOffset, ca.byteLength);
  const [, label] = /-----BEGIN (TRUSTED |X509 |)CERTIFICATE-----/.exec(latin1Text(bytes)) ?? [];
  if (label !== "") return label !== undefined || bytes.length === 0;
  try {
    new (nodeCrypto().X509Certificate)(bytes);
    return true;
  } catch {
    return false;
  }
}
