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
  parseProxy,
  parseUri,
  type WebSocketUri,
} from "../../../protocol/index.js";
import { wrongValue } from "../../options/checks.js";
import { readHeaderFields } from "../../options/header-fields.js";
import type { AttemptContext, HeadersInit, Provided, Url } from "../../options/options.js";
import type { ResolvedOptions } from "../../options/resolve-options.js";
import { readProxy, type ResolvedProxy } from "../../options/resolve-proxy.js";
import { redactorOf } from "../../redaction/redactor.js";
import type { ProxyTarget } from "../../runtime/transport.js";
import { proxyFromEnvironment } from "./proxy-env.js";

/** The inputs of a request. The URL, header fields and subprotocols may be functions that each attempt calls. */
export interface RequestSource {
  readonly url: Provided<Url>;
  readonly options: Pick<ResolvedOptions, "headers" | "subprotocols" | "deflate" | "proxy" | "redact">;
}

/** The inputs of a request, without provider functions. */
export interface RequestValues {
  readonly url: Url;
  readonly headers: HeadersInit | undefined;
  readonly subprotocols: string | readonly string[] | undefined;
  readonly deflate: DeflateOptions | undefined;
}

export interface PreparedRequest {
  readonly uri: WebSocketUri;
  /** The header fields that the application adds. */
  readonly headers: readonly HeaderField[];
  readonly subprotocols: readonly string[];
  readonly offers: readonly ExtensionOffer[];
  readonly handshake: ClientHandshake;
}

/** A request, and the proxy through which it is sent. */
export interface ProxiedRequest extends PreparedRequest {
  readonly proxy: ProxyTarget | undefined;
}

/** True if the source contains no provider function. */
export function isRequestStatic({ url, options }: RequestSource): boolean {
  return [url, options.headers, options.subprotocols, options.proxy].every(
    (value) => typeof value !== "function",
  );
}

/**
 * Calls the provider functions and creates the request.
 * @throws the error of a provider function, or TypeError for an invalid value.
 */
export async function prepareRequest(
  source: RequestSource,
  context: AttemptContext,
  fillRandom: FillRandom,
): Promise<ProxiedRequest> {
  const { headers, subprotocols, deflate, proxy } = source.options;
  const [url, fields, names] = await Promise.all([
    callProvider(source.url, context),
    callProvider(headers, context),
    callProvider(subprotocols, context),
  ]);
  return addProxy({ url, headers: fields, subprotocols: names, deflate }, proxy, fillRandom);
}

/**
 * Creates a request, and calls the function that chooses its proxy.
 * @throws the error of that function, or TypeError for an invalid value.
 */
export async function addProxy(
  values: RequestValues,
  proxy: ResolvedProxy,
  fillRandom: FillRandom,
): Promise<ProxiedRequest> {
  const request = makeRequest(values, fillRandom);
  const chosen = typeof proxy === "function" ? readProxy(await proxy(request.uri.href)) : proxy;
  return { ...request, proxy: proxyFor(request.uri, chosen) };
}

function proxyFor(uri: WebSocketUri, proxy: ProxyTarget | "env" | undefined): ProxyTarget | undefined {
  if (proxy !== "env") return proxy;
  const url = proxyFromEnvironment(uri, process.env);
  try {
    return url === undefined ? undefined : { uri: parseProxy(url), headers: [] };
  } catch (error) {
    const { message } = error as Error;
    throw new TypeError(`The proxy in HTTPS_PROXY, HTTP_PROXY or ALL_PROXY is invalid: ${message}`, {
      cause: error,
    });
  }
}

/** Creates a request synchronously. The source must contain no provider function. */
export function prepareStaticRequest(source: RequestSource, fillRandom: FillRandom): ProxiedRequest {
  const { headers, subprotocols, deflate, proxy } = source.options;
  const values = { url: source.url, headers, subprotocols, deflate } as RequestValues;
  const request = makeRequest(values, fillRandom);
  return { ...request, proxy: proxyFor(request.uri, proxy as ProxyTarget | "env" | undefined) };
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
  if (!isUrlKnown) return "";
  return redactorOf(source.options.redact).url(model.uri);
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
    return { ...model, handshake: new ClientHandshake({ uri, offers, fillRandom }, handshake) };
  }
  const { url, deflate } = request;
  const uri = uriOf(url);
  const offers = deflate === undefined ? [] : [deflateOffer(deflate)];
  const headers = readHeaderFields("headers", request.headers);
  const subprotocols = subprotocolList(request.subprotocols);
  const handshake = new ClientHandshake({ uri, headers, subprotocols, offers, fillRandom });
  return { uri, headers, subprotocols, offers, handshake };
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

/** @throws TypeError for a value that is not a string or an array of strings. */
export function subprotocolList(subprotocols: string | readonly string[] | undefined): readonly string[] {
  if (subprotocols === undefined) return [];
  const list: readonly unknown[] = typeof subprotocols === "string" ? [subprotocols] : subprotocols;
  if (Array.isArray(list) && list.every((one) => typeof one === "string")) return list;
  throw wrongValue("subprotocols", "a string or an array of strings", subprotocols);
}
