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
import { describe, headersForm, kindOf, wrong } from "../../options/checks.js";
import type { AttemptContext, HeadersInit, Provided, Url } from "../../options/options.js";
import type { ResolvedOptions } from "../../options/resolve-options.js";

/** What may be a function that is asked at each attempt. */
export interface RequestSource {
  readonly url: Provided<Url>;
  readonly options: Pick<ResolvedOptions<never, never>, "headers" | "subprotocols" | "deflate">;
}

/** With what the functions have given, where there are any. */
interface KnownRequest {
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

/** There is no function to ask. */
export function isRequestKnown({ url, options }: RequestSource): boolean {
  const { headers, subprotocols } = options;
  return typeof url !== "function" && typeof headers !== "function" && typeof subprotocols !== "function";
}

/** Asks the provider functions and makes the request. @throws what they throw, or TypeError for a wrong value. */
export async function prepareRequest(
  source: RequestSource,
  context: AttemptContext,
  fillRandom: FillRandom,
): Promise<PreparedRequest> {
  const { headers, subprotocols, deflate } = source.options;
  const [url, fields, names] = await Promise.all([
    provide(source.url, context),
    provide(headers, context),
    provide(subprotocols, context),
  ]);
  return makeRequest({ url, headers: fields, subprotocols: names, deflate }, fillRandom);
}

/** As {@link prepareRequest} where {@link isRequestKnown} holds. */
export function prepareKnownRequest(
  { url, options }: RequestSource,
  fillRandom: FillRandom,
): PreparedRequest {
  const { headers, subprotocols, deflate } = options;
  return makeRequest({ url, headers, subprotocols, deflate } as KnownRequest, fillRandom);
}

/**
 * Checks all that is known before an attempt, and gives the url for people: empty where a function is asked for it.
 * @throws TypeError for a wrong url, header field or subprotocol.
 */
export function checkRequest(source: RequestSource): string {
  const { headers, subprotocols, deflate } = source.options;
  const isUrlKnown = typeof source.url !== "function";
  const known: KnownRequest = {
    url: isUrlKnown ? source.url : "ws://localhost",
    headers: typeof headers === "function" ? undefined : headers,
    subprotocols: typeof subprotocols === "function" ? undefined : subprotocols,
    deflate,
  };
  if (isShared(known)) return shared!.model.uri.display;
  const model = makeRequest(known, zeroes);
  if (mayBeShared(known, model.uri)) shared = { url: known.url, deflate, model };
  return isUrlKnown ? model.uri.display : "";
}

/** A request with nothing of its own, that most clients of a process make. What holds credentials is not kept. */
let shared: { readonly url: Url; readonly deflate: unknown; readonly model: PreparedRequest } | undefined;

function isShared({ url, headers, subprotocols, deflate }: KnownRequest): boolean {
  if (headers !== undefined || subprotocols !== undefined) return false;
  return shared !== undefined && shared.url === url && shared.deflate === deflate;
}

function mayBeShared({ url, headers, subprotocols }: KnownRequest, uri: WebSocketUri): boolean {
  return typeof url === "string" && headers === undefined && subprotocols === undefined && isPlain(uri);
}

function isPlain(uri: WebSocketUri): boolean {
  return uri.authorization === undefined && uri.href === uri.display;
}

/** For the key of a request that is only looked at. */
function zeroes(): void {
  // They are zero already.
}

/** What a function throws is a rejection too: those of the others would go unseen behind it. */
function provide<Value>(provided: Provided<Value>, context: AttemptContext): Promise<Value> {
  return new Promise((resolve) => {
    // A url is an object with no call signature, so that whatever can be called is a provider.
    const isFunction = typeof provided === "function";
    resolve(isFunction ? (provided as (context: AttemptContext) => Value)(context) : provided);
  });
}

function makeRequest(request: KnownRequest, fillRandom: FillRandom): PreparedRequest {
  if (isShared(request)) {
    const { uri, offers, handshake } = shared!.model;
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

/** Most clients of a process go to one url, and most of their memory of it is shared. What holds credentials is not kept. */
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
    throw wrong("headers", headersForm, headers);
  }
  if (Symbol.iterator in headers) return [...headers].map(checkPair);
  const values = Object.entries(headers as Record<string, string | readonly string[]>);
  return values.flatMap(([name, value]) => [value].flat().map((one) => checkPair([name, one])));
}

/** In JavaScript a pair may be anything. No value is shown, for it may be a credential. */
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
    `The header field ${describe(name)} in the option "headers" must be text, not ${found}.`,
  );
}

function subprotocolList(subprotocols: string | readonly string[] | undefined): readonly string[] {
  if (subprotocols === undefined) return [];
  const list: readonly unknown[] = typeof subprotocols === "string" ? [subprotocols] : subprotocols;
  if (Array.isArray(list) && list.every((one) => typeof one === "string")) return list;
  throw wrong("subprotocols", "a string or an array of strings", subprotocols);
}
