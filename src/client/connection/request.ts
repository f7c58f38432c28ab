/**
 * Creates the handshake request of an attempt. It calls the provider functions, and checks the URL, the header fields
 * and the subprotocols. It does not connect.
 */
import {
  ClientHandshake,
  deflateOffer,
  type DeflateOptions,
  type ExtensionOffer,
  type FillRandom,
  type HeaderField,
  parseUri,
  type WebSocketUri,
} from "../../../protocol/index.js";
import { describeValue, headersForm, kindOf, wrongValue } from "../../options/checks.js";
import type { AttemptContext, HeadersInit, Provided, Url } from "../../options/options.js";
import type { ResolvedOptions } from "../../options/resolve-options.js";

/** The inputs of a request. The URL, header fields and subprotocols may be functions that each attempt calls. */
export interface RequestSource {
  readonly url: Provided<Url>;
  readonly options: Pick<ResolvedOptions, "headers" | "subprotocols" | "deflate">;
}

/** The inputs of a request, without provider functions. */
interface RequestValues {
  readonly url: Url;
  readonly headers: HeadersInit | undefined;
  readonly subprotocols: string | readonly string[] | undefined;
  readonly deflate: DeflateOptions | undefined;
}

export interface PreparedRequest {
  readonly uri: WebSocketUri;
  readonly offers: readonly ExtensionOffer[];
  readonly handshake: ClientHandshake;
}

/** True if `source` contains no provider function. */
export function isRequestStatic({ url, options }: RequestSource): boolean {
  const { headers, subprotocols } = options;
  return typeof url !== "function" && typeof headers !== "function" && typeof subprotocols !== "function";
}

/**
 * Calls the provider functions and creates the request.
 * @throws the error of a provider function, or TypeError for an invalid value.
 */
export async function prepareRequest(
  source: RequestSource,
  context: AttemptContext,
  fillRandom: FillRandom,
): Promise<PreparedRequest> {
  const { headers, subprotocols, deflate } = source.options;
  const [url, fields, names] = await Promise.all([
    callProvider(source.url, context),
    callProvider(headers, context),
    callProvider(subprotocols, context),
  ]);
  return makeRequest({ url, headers: fields, subprotocols: names, deflate }, fillRandom);
}

/** Creates a request synchronously. `source` must not contain a provider function. */
export function prepareStaticRequest(source: RequestSource, fillRandom: FillRandom): PreparedRequest {
  const { headers, subprotocols, deflate } = source.options;
  return makeRequest({ url: source.url, headers, subprotocols, deflate } as RequestValues, fillRandom);
}

/**
 * Checks all values of the request, except values that a provider function returns later.
 * @returns the URL without credentials, or "" if a function provides the URL.
 * @throws TypeError for an invalid URL, header field or subprotocol.
 */
export function checkRequest(source: RequestSource): string {
  const { headers, subprotocols, deflate } = source.options;
  const isUrlKnown = typeof source.url !== "function";
  const known: RequestValues = {
    url: isUrlKnown ? source.url : "ws://localhost",
    headers: typeof headers === "function" ? undefined : headers,
    subprotocols: typeof subprotocols === "function" ? undefined : subprotocols,
    deflate,
  };
  let model = cachedModel(known);
  if (model === undefined) {
    // The request is only checked, not sent, so it needs no random bytes.
    model = makeRequest(known, () => undefined);
    const { url, headers, subprotocols } = known;
    const isCommon = typeof url === "string" && headers === undefined && subprotocols === undefined;
    if (isCommon && hasNoCredentials(model.uri)) cached = { url, deflate, model };
  }
  return isUrlKnown ? model.uri.display : "";
}

/**
 * The last checked request without header fields and subprotocols. Most clients of a process use the same request. A
 * request that contains credentials is not cached.
 */
let cached: { readonly url: Url; readonly deflate: unknown; readonly model: PreparedRequest } | undefined;

function cachedModel({ url, headers, subprotocols, deflate }: RequestValues): PreparedRequest | undefined {
  if (cached === undefined || headers !== undefined || subprotocols !== undefined) return undefined;
  return cached.url === url && cached.deflate === deflate ? cached.model : undefined;
}

function hasNoCredentials(uri: WebSocketUri): boolean {
  return uri.authorization === undefined && uri.href === uri.display;
}

/** Calls a provider function. This function is async, so a thrown error becomes a rejection for `Promise.all`. */
async function callProvider<Value>(provided: Provided<Value>, context: AttemptContext): Promise<Value> {
  // A valid value is never a function, so each function is a provider function.
  const isFunction = typeof provided === "function";
  return isFunction ? (provided as (context: AttemptContext) => Value | Promise<Value>)(context) : provided;
}

function makeRequest(request: RequestValues, fillRandom: FillRandom): PreparedRequest {
  const model = cachedModel(request);
  if (model !== undefined) {
    const { uri, offers, handshake } = model;
    return { uri, offers, handshake: new ClientHandshake({ uri, offers, fillRandom }, handshake) };
  }
  const { url, headers, subprotocols, deflate } = request;
  const uri = uriOf(url);
  const offers = deflate === undefined ? [] : [deflateOffer(deflate)];
  const handshake = new ClientHandshake({
    uri,
    headers: headerFields(headers),
    subprotocols: subprotocolList(subprotocols),
    offers,
    fillRandom,
  });
  return { uri, offers, handshake };
}

/** The last parsed URL. Most clients of a process use the same URL, and share the memory of the parsed URL. */
let lastParsed: { readonly text: string; readonly uri: WebSocketUri } | undefined;

/** Parses a URL. The result is cached if the URL contains no credentials. */
function uriOf(url: Url): WebSocketUri {
  if (lastParsed !== undefined && url === lastParsed.text) return lastParsed.uri;
  const uri = parseUri(url);
  if (typeof url === "string" && hasNoCredentials(uri)) lastParsed = { text: url, uri };
  return uri;
}

function headerFields(headers: HeadersInit | undefined): HeaderField[] {
  if (headers === undefined) return [];
  if (typeof headers !== "object" || (headers as unknown) === null) {
    throw wrongValue("headers", headersForm, headers);
  }
  if (Symbol.iterator in headers) return [...headers].map(checkPair);
  const values = Object.entries(headers as Record<string, string | readonly string[]>);
  return values.flatMap(([name, value]) => [value].flat().map((one) => checkPair([name, one])));
}

/** JavaScript callers may pass any value. The error does not show the value, because it may be a credential. */
function checkPair(pair: unknown): HeaderField {
  if (!Array.isArray(pair) || pair.length !== 2) {
    throw new TypeError(
      `A header field in the option "headers" must be a pair of name and value, not ${kindOf(pair)}.`,
    );
  }
  const [name, value] = pair as unknown[];
  if (typeof name === "string" && typeof value === "string") return [name, value];
  throw new TypeError(
    `The header field ${describeValue(name)} in the option "headers" must be text, not ${kindOf(value)}.`,
  );
}

function subprotocolList(subprotocols: string | readonly string[] | undefined): readonly string[] {
  if (subprotocols === undefined) return [];
  const list: readonly unknown[] = typeof subprotocols === "string" ? [subprotocols] : subprotocols;
  if (Array.isArray(list) && list.every((one) => typeof one === "string")) return list;
  throw wrongValue("subprotocols", "a string or an array of strings", subprotocols);
}
