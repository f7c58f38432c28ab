/**
 * Collects the credentials that an attempt sends, because a server or a library may repeat them in its texts. It also
 * decides whether they are sent without encryption. It does not send them.
 */
import type { ConnectionOptions } from "node:tls";
import {
  displaySubprotocol,
  type HeaderField,
  isSecretName,
  latin1Text,
  looksRandom,
  type WebSocketUri,
} from "../../protocol/index.js";
import type { ProxyTarget } from "../runtime/transport.js";

/** The parts of a request that may contain credentials. */
export interface SentValues {
  readonly uri: WebSocketUri;
  readonly headers: readonly HeaderField[];
  readonly subprotocols: readonly string[];
}

/** Shortest credential that is looked for in texts, in UTF-16 code units. Shorter ones occur in words. */
const minSize = 4;

/** Returns the credentials. Credentials for the proxy are included. */
export function sentSecrets(
  sent: SentValues,
  proxy?: ProxyTarget,
  tls?: ConnectionOptions,
): readonly string[] {
  const fields: HeaderField[] = [...credentialsIn(sent), ...(proxy?.headers ?? []).filter(isSecretField)];
  const { user = "", password = "" } = proxy?.uri.credentials ?? {};
  fields.push(["", password || user], ...secretOptions(tls), ...secretOptions(proxy?.tls));
  const found = new Set([...fields.flatMap(([, value]) => partsOf(value)), ...hiddenParts(sent.uri)]);
  return [...found].filter(({ length }) => length >= minSize);
}

/** Node shows a value of the wrong type in its error, such as a passphrase that is a number. */
function secretOptions(tls: ConnectionOptions = {}): HeaderField[] {
  return (["passphrase", "ticketKeys"] as const)
    .map((name): unknown => (Object.hasOwn(tls, name) ? tls[name] : undefined))
    .filter((value) => typeof value === "string" || typeof value === "number")
    .map((value) => ["", String(value)]);
}

/** Returns true if the request contains something that identifies its sender. */
export function hasCredentials(sent: SentValues): boolean {
  return credentialsIn(sent).length > 0;
}

/** Returns the names and values of all parts of a request that are credentials. */
function credentialsIn({ uri, headers, subprotocols }: SentValues): HeaderField[] {
  const fields: HeaderField[] = [["authorization", uri.authorization ?? ""], ...headers];
  const secret = subprotocols.filter((_, index) => isSecretSubprotocol(subprotocols, index));
  return [
    ...fields.filter(isSecretField),
    ...parametersOf(uri).filter((field) => isSecretField(field) || looksRandom(field[1])),
    ...secret.map((name): HeaderField => [
      "",
      name.slice(Math.max(displaySubprotocol(name).indexOf("***"), 0)),
    ]),
  ];
}

/**
 * Returns true if the subprotocol at `index` is a credential. A subprotocol that names a kind of credential, such as
 * `access_token`, is followed by the credential.
 */
export function isSecretSubprotocol(names: readonly string[], index: number): boolean {
  const [name, previous = ""] = [names[index]!, names[index - 1]];
  return displaySubprotocol(name) !== name || (/^\w+$/.test(previous) && isSecretName(previous));
}

export function isSecretField([name, value]: HeaderField): boolean {
  return value !== "" && (isSecretName(name) || /^proxy-/i.test(name));
}

/** Returns the parameters of the query. A parameter without `=` is a value without a name. */
function parametersOf({ href }: WebSocketUri): HeaderField[] {
  return [...new URL(href).searchParams].map(([name, value]) => (value === "" ? ["", name] : [name, value]));
}

/** Returns the parts of the path that the displayed URL does not show. */
function hiddenParts({ href, display }: WebSocketUri): string[] {
  const [parts, shown] = [href, display].map((url) => url.split("?", 1)[0]!.split(/[/;]/));
  return parts!
    .filter((part, index) => part !== shown![index])
    .map((part) => part.slice(part.indexOf("=") + 1));
}

/** Returns the secrets in values such as `Bearer x`, `Basic` with the base64 form of `user:x`, and `a=x; b=x`. */
function partsOf(value: string): string[] {
  const [, scheme = "", credentials = ""] = /^(\w+) +(.+)$/.exec(value) ?? [];
  const basic = /^basic$/i.test(scheme) ? latin1Text(Buffer.from(credentials, "base64")) : "";
  const parts = value.split(/; */).map((pair) => pair.slice(pair.indexOf("=") + 1));
  // Without a password, the user name is the credential.
  return [value, credentials, basic.replace(/^[^:]*:(?=.)|:$/s, ""), ...parts];
}
