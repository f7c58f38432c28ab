/**
 * Collects the credentials that an attempt sends, because a server or a library may repeat them in its texts. It also
 * decides whether they are sent without encryption. It does not send them.
 */
import {
  displaySubprotocol,
  displayUrl,
  type HeaderField,
  isSecretName,
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
/** Shortest value of a query parameter without the name of a secret that is looked for. */
const minUnnamedSize = 16;

const noSecrets: readonly string[] = [];

/** Returns the credentials, the longest first. Credentials for the proxy are included. */
export function sentSecrets(sent: SentValues, proxy?: ProxyTarget, passphrase?: unknown): readonly string[] {
  const { uri, headers, subprotocols } = sent;
  const hasNone = headers.length === 0 && subprotocols.length === 0 && uri.authorization === undefined;
  if (hasNone && uri.href === uri.display && proxy === undefined && passphrase === undefined)
    return noSecrets;
  const found = [
    ...basicSecrets(uri.authorization ?? ""),
    ...urlSecrets(uri),
    ...[...headers, ...(proxy?.headers ?? [])].flatMap(fieldSecrets),
    ...subprotocolSecrets(subprotocols),
    ...(proxy?.uri.credentials === undefined ? [] : variantsOf(proxy.uri.credentials.password)),
    ...(typeof passphrase === "string" ? [passphrase] : []),
  ];
  const long = [...new Set(found)].filter((secret) => secret.length >= minSize);
  return long.sort((first, second) => second.length - first.length);
}

/** Returns true if the request contains something that identifies its sender. */
export function hasCredentials({ uri, headers, subprotocols }: SentValues): boolean {
  return (
    uri.authorization !== undefined ||
    headers.some(([name]) => isSecretName(name)) ||
    subprotocolSecrets(subprotocols).length > 0 ||
    parametersOf(uri).some(([name, value]) => value !== "" && (isSecretName(name) || looksRandom(value)))
  );
}

function parametersOf({ href }: WebSocketUri): [name: string, value: string][] {
  return [...new URL(href).searchParams].map(([name, value]) => (value === "" ? ["", name] : [name, value]));
}

function urlSecrets(uri: WebSocketUri): string[] {
  const values = parametersOf(uri).filter(([name, value]) => {
    return isSecretName(name) || value.length >= minUnnamedSize || looksRandom(value);
  });
  const path = uri.resource.split(/[?]/, 1)[0]!.split(/[/;=]/);
  return [
    ...values.flatMap(([, value]) => variantsOf(value)),
    ...path.filter((segment) => looksRandom(segment) || displayUrl(`/${segment}`) !== `/${segment}`),
  ];
}

function fieldSecrets([name, value]: HeaderField): string[] {
  if (!isSecretName(name) && !/^proxy-/i.test(name)) return [];
  if (/cookie/i.test(name))
    return [value, ...value.split(";").map((pair) => pair.slice(pair.indexOf("=") + 1))];
  return [value, ...basicSecrets(value)];
}

/** Returns the credentials after the scheme and, if the scheme is Basic, the password (RFC 7617 2). */
function basicSecrets(value: string): string[] {
  const [, scheme = "", credentials = ""] = /^(\S+)\s+(\S.*)$/.exec(value) ?? [];
  if (scheme.toLowerCase() !== "basic") return [credentials];
  const text = Buffer.from(credentials, "base64").toString("latin1");
  return [credentials, ...variantsOf(text.slice(text.indexOf(":") + 1))];
}

/** A subprotocol that names a kind of credential, such as `access_token`, is followed by the credential. */
function subprotocolSecrets(names: readonly string[]): string[] {
  return names.flatMap((name, index) => {
    const shown = displaySubprotocol(name);
    if (shown !== name) return [name.slice(shown.indexOf("***"))];
    return index > 0 && isSecretName(names[index - 1]!) && !names[index - 1]!.includes(".") ? [name] : [];
  });
}

function variantsOf(value: string): string[] {
  return [value, encodeURIComponent(value)];
}
