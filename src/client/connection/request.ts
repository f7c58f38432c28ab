/**
 * Resolves and checks the URL, header fields and subprotocols of an attempt, and creates its handshake request.
 * It does not connect.
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

/** The inputs of a request. URL, header fields and subprotocols may be provider functions, which each attempt calls. */
export interface RequestSource {
  readonly url: Provided<Url>;
  readonly options: Pick<ResolvedOptions<never, never>, "headers" | "subprotocols" | "deflate">;
}

/** The inputs of a request after provider functions returned their values. */
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

/** True if the source contains no provider function. */
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

/** Like {@link prepareRequest}, but synchronous. Only for a source for which {@link isRequestStatic} returns `true`. */
export function prepareStaticRequest(
  { url, options }: RequestSource,
  fillRandom: FillRandom,
): PreparedRequest {
  const { headers, subprotocols, deflate } = options;
  return makeRequest({ url, headers, subprotocols, deflate } as RequestValues, fillRandom);
}

/**
 * Checks all values that do not depend on a provider function.
 * @returns the URL without credentials, or "" if a function provides it.
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
  if (isCached(known)) return cached!.model.uri.display;
  const model = makeRequest(known, leaveZeros);
  if (isCacheable(known, model.uri)) cached = { url: known.url, deflate, model };
  return isUrlKnown ? model.uri.display : "";
}

/**
 * The last request without header fields and subprotocols, because most clients of a process use the same one. Requests
 * that contain credentials are not cached.
 */
let cached: { readonly url: Url; readonly deflate: unknown; readonly model: PreparedRequest } | undefined;

function isCached({ url, headers, subprotocols, deflate }: RequestValues): boolean {
  if (headers !== undefined || subprotocols !== undefined) return false;
  return cached !== undefined && cached.url === url && cached.deflate === deflate;
}

function isCacheable({ url, headers, subprotocols }: RequestValues, uri: WebSocketUri): boolean {
  return typeof url === "string" && headers === undefined && subprotocols === undefined && isPlain(uri);
}

function isPlain(uri: WebSocketUri): boolean {
  return uri.authorization === undefined && uri.href === uri.display;
}

/** Replaces the random source of a request that is only checked, not sent. */
function leaveZeros(): void {
  // The bytes are zero already.
}

/**
 * Converts a thrown error into a rejection, so that `Promise.all` also observes the rejections of the other providers.
 */
function callProvider<Value>(provided: Provided<Value>, context: AttemptContext): Promise<Value> {
  return new Promise((resolve) => {
    // No valid value is callable, so every function is a provider.
    const isFunction = typeof provided === "function";
    resolve(isFunction ? (provided as (context: AttemptContext) => Value)(context) : provided);
  });
}

function makeRequest(request: RequestValues, fillRandom: FillRandom): PreparedRequest {
  if (isCached(request)) {
    const { uri, offers, handshake } = cached!.model;
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

let lastText: string | undefined;
let lastUri: WebSocketUri | undefined;

/**
 * Parses a URL. The last result is cached, because most clients of a process share one URL and can then share its
 * memory. URLs that contain credentials are not cached.
 */
function uriOf(url: Url): WebSocketUri {
  if (lastUri !== undefined && url === lastText) return lastUri;
  const uri = parseUri(url);
  if (typeof url !== "string" || !isPlain(uri)) return uri;
  lastText = url;
  lastUri = uri;
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

/** JavaScript callers may pass anything as a pair. The error shows no value, because it may be a credential. */
function checkPair(pair: unknown): HeaderField {
  if (!Array.isArray(pair) || pair.length !== 2) {
    const found = kindOf(pair);
    throw new TypeError(
      `A header field in the option "headers" must be a pair of name and value, not ${found}.`,
    );
  }
  const [name, value] = pair as unknown[];
  if (typeof name === "string" && typeof value === "string") return [name, value];
  const found = kindOf(value);
  throw new TypeError(
    `The header field ${describeValue(name)} in the option "headers" must be text, not ${found}.`,
  );
}

function subprotocolList(subprotocols: string | readonly string[] | undefined): readonly string[] {
  if (subprotocols === undefined) return [];
  const list: readonly unknown[] = typeof subprotocols === "string" ? [subprotocols] : subprotocols;
  if (Array.isArray(list) && list.every((one) => typeof one === "string")) return list;
  throw wrongValue("subprotocols", "a string or an array of strings", subprotocols);
}
