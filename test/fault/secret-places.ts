// The secrets that the tests of secrets use, and a request and errors that contain them. It does not connect.
import { generateKeyPairSync } from "node:crypto";
import type { LookupFunction } from "node:net";
import type { WebSocketOptions } from "../../src/index.js";

/** A short secret. Only its place shows that it is one. */
const word = (index: number): string => `hunter${index}z`;
/** A secret that looks random. */
const random = (index: number): string => `q${index}W9eR4tY7uI2oP5aS8dF1`;

const inUrl =
  "urlUser urlPassword queryToken queryOther queryJson queryBare querySemicolon nestedPassword nestedToken fragment";
const inPath = "pathParameter pathToken";
const inOptions =
  "authorization cookie apiKey proxyField subprotocol namedSubprotocol proxyUser proxyPassword proxyHeader passphrase";
const inErrors = "errorToken errorBearer errorUrl errorConfig errorCause thrownText thrownObject";
const inAnswers =
  "setCookie locationPassword locationQuery challenge body echo wrongSubprotocol proxyChallenge proxyCookie";
const inFrames = "reasonToken ownReason payload";
const randoms = "pathRandom randomSubprotocol reasonRandom errorRandom payloadRandom";

type Names<Text extends string> = Text extends `${infer First} ${infer Rest}` ? First | Names<Rest> : Text;
type Place =
  | Names<typeof inUrl | typeof inPath | typeof inOptions | typeof inErrors>
  | Names<typeof inAnswers | typeof inFrames | typeof randoms>;

const words = [inUrl, inPath, inOptions, inErrors, inAnswers, inFrames].flatMap((text) => text.split(" "));

/** One secret for each place. No secret is a part of another one. */
export const secrets: Readonly<Record<Place, string>> = Object.fromEntries([
  ...words.map((name, index) => [name, word(100 + index)] as const),
  ...randoms.split(" ").map((name, index) => [name, random(100 + index)] as const),
]) as Record<Place, string>;

/** Every form in which a secret may be shown. */
export function formsOf(secret: string): readonly string[] {
  const encoded = Buffer.from(secret);
  return [
    secret,
    encoded.toString("hex"),
    encoded.toString("base64").replace(/=+$/, ""),
    [...encoded].join(","),
  ];
}

const s = secrets;

export function secretUrl(base: string): string {
  const nested = encodeURIComponent(`wss://u:${s.nestedPassword}@h/?token=${s.nestedToken}`);
  const json = encodeURIComponent(JSON.stringify({ a: s.queryJson }));
  const path = `ws;sid=${s.pathParameter}/${s.pathRandom}/token/${s.pathToken}`;
  const query = `token=${s.queryToken}&t=${s.queryOther}&${json}&v=1;token=${s.querySemicolon}&url=${nested}&${s.queryBare}`;
  return `${base.replace("://", `://${s.urlUser}:${s.urlPassword}@`)}/${path}?${query}`;
}

type Options = WebSocketOptions<unknown, unknown>;

/** Options of a request that contains a secret in each of its places. */
export const secretOptions: Options = {
  headers: {
    Authorization: `Bearer ${s.authorization}`,
    Cookie: `a=1; sid=${s.cookie}`,
    "X-Api-Key": s.apiKey,
    "Proxy-Authorization": `Basic ${btoa(`user:${s.proxyField}`)}`,
  },
  subprotocols: [`bearer.${s.subprotocol}`, "access_token", s.namedSubprotocol, s.randomSubprotocol],
  tls: { passphrase: s.passphrase },
};

export function secretProxy(url: string): Options["proxy"] {
  return {
    url: url.replace("://", `://${s.proxyUser}:${s.proxyPassword}@`),
    headers: { "X-Proxy-Token": s.proxyHeader },
  };
}

/** A text of a server that repeats what it received, and contains a token of its own. */
export const echo: string = [
  ...[s.authorization, s.urlPassword, s.cookie, s.apiKey, s.proxyField, s.queryToken, s.passphrase],
  ...[s.subprotocol, s.namedSubprotocol, s.randomSubprotocol, `token=${s.echo}`],
].join(" ");

/** The error of a library that was called with secrets, such as a client for a token service. */
export function secretError(): Error {
  const message = `bad token=${s.errorToken} ${s.errorRandom} at wss://a:${s.errorUrl}@h/?b=${s.errorUrl}`;
  const cause = new TypeError(`Authorization: Bearer ${s.errorCause}`);
  const config = { headers: { Authorization: `Bearer ${s.errorConfig}` } };
  return Object.assign(new Error(message, { cause }), { config, input: `Bearer ${s.errorBearer}` });
}

export function throwSecret(): never {
  throw secretError();
}

export const secretLookup: LookupFunction = (_host, _options, callback) =>
  setImmediate(callback, secretError(), "");

/** A private key that needs another passphrase. */
export function encryptedKey(): string {
  const { privateKey } = generateKeyPairSync("ec", {
    namedCurve: "P-256",
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "other" },
  });
  return privateKey;
}
