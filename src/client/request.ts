import {
  ClientHandshake,
  deflateOffer,
  type FillRandom,
  type HeaderField,
  parseUri,
  type WebSocketUri,
} from "../../protocol/index.js";
import { describe, headersForm, kindOf, wrong } from "../options/checks.js";
import type { AttemptContext, HeadersInit, Provided, Url } from "../options/options.js";
import type { ResolvedOptions } from "../options/resolve-options.js";

/** What may be a function that is asked at each attempt. */
export interface RequestSource {
  readonly url: Provided<Url>;
  readonly options: Pick<ResolvedOptions<never, never>, "headers" | "subprotocols" | "deflate">;
}

export interface PreparedRequest {
  readonly uri: WebSocketUri;
  readonly handshake: ClientHandshake;
}

/** There is no function to ask. */
export function asksNobody({ url, options: { headers, subprotocols } }: RequestSource): boolean {
  return ![url, headers, subprotocols].some((one) => typeof one === "function");
}

/** Asks the provider functions and makes the request. @throws what they throw, or TypeError for a wrong value. */
export async function prepareRequest(
  source: RequestSource,
  context: AttemptContext,
  fillRandom: FillRandom,
): Promise<PreparedRequest> {
  const provided = [source.url, source.options.headers, source.options.subprotocols] as const;
  const [url, headers, subprotocols] = asksNobody(source)
    ? (provided as readonly [Url, HeadersInit | undefined, string | readonly string[] | undefined])
    : await Promise.all([
        provide(provided[0], context),
        provide(provided[1], context),
        provide(provided[2], context),
      ]);
  return makeRequest(source, url, headers, subprotocols, fillRandom);
}

/**
 * Checks all that is known before an attempt, and gives the url for people: empty where a function is asked for it.
 * @throws TypeError for a wrong url, header field or subprotocol.
 */
export function checkRequest(source: RequestSource): string {
  const { headers, subprotocols } = source.options;
  const { uri } = makeRequest(
    source,
    typeof source.url === "function" ? "ws://localhost" : source.url,
    typeof headers === "function" ? undefined : headers,
    typeof subprotocols === "function" ? undefined : subprotocols,
    zeroes,
  );
  return typeof source.url === "function" ? "" : uri.display;
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

function makeRequest(
  source: RequestSource,
  url: Url,
  headers: HeadersInit | undefined,
  subprotocols: string | readonly string[] | undefined,
  fillRandom: FillRandom,
): PreparedRequest {
  const uri = uriOf(url);
  const handshake = new ClientHandshake({
    uri,
    headers: headerFields(headers),
    subprotocols: subprotocolList(subprotocols),
    offers: source.options.deflate === undefined ? [] : [deflateOffer(source.options.deflate)],
    fillRandom,
  });
  return { uri, handshake };
}

let lastText: string | undefined;
let lastUri: WebSocketUri | undefined;

/** Most clients of a process go to one url, and most of their memory of it is shared. What holds credentials is not kept. */
function uriOf(url: Url): WebSocketUri {
  if (lastUri !== undefined && url === lastText) return lastUri;
  const uri = parseUri(url);
  if (typeof url !== "string" || uri.authorization !== undefined || uri.href !== uri.display) return uri;
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
