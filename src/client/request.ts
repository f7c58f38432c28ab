import {
  ClientHandshake,
  deflateOffer,
  type FillRandom,
  type HeaderField,
  parseUri,
  type WebSocketUri,
} from "../../protocol/index.js";
import { describe, wrong } from "../options/checks.js";
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

/** Asks the provider functions and makes the request. @throws what they throw, or TypeError for a wrong value. */
export async function prepareRequest(
  source: RequestSource,
  context: AttemptContext,
  fillRandom: FillRandom,
): Promise<PreparedRequest> {
  const [url, headers, subprotocols] = await Promise.all([
    provide(source.url, context),
    provide(source.options.headers, context),
    provide(source.options.subprotocols, context),
  ]);
  return makeRequest(source, url, headers, subprotocols, fillRandom);
}

/** Checks all that is known before an attempt. @throws TypeError for a wrong url, header field or subprotocol. */
export function checkRequest(source: RequestSource, fillRandom: FillRandom): void {
  const { headers, subprotocols } = source.options;
  makeRequest(
    source,
    typeof source.url === "function" ? "ws://localhost" : source.url,
    typeof headers === "function" ? undefined : headers,
    typeof subprotocols === "function" ? undefined : subprotocols,
    fillRandom,
  );
}

function provide<Value>(provided: Provided<Value>, context: AttemptContext): Value | Promise<Value> {
  // A url is an object with no call signature, so that whatever can be called is a provider.
  return typeof provided === "function"
    ? (provided as (context: AttemptContext) => Value)(context)
    : provided;
}

function makeRequest(
  source: RequestSource,
  url: Url,
  headers: HeadersInit | undefined,
  subprotocols: string | readonly string[] | undefined,
  fillRandom: FillRandom,
): PreparedRequest {
  const uri = parseUri(url);
  const handshake = new ClientHandshake({
    uri,
    headers: headerFields(headers),
    subprotocols: subprotocolList(subprotocols),
    offers: source.options.deflate === undefined ? [] : [deflateOffer(source.options.deflate)],
    fillRandom,
  });
  return { uri, handshake };
}

function headerFields(headers: HeadersInit | undefined): HeaderField[] {
  if (headers === undefined) return [];
  if (typeof headers !== "object" || (headers as unknown) === null) {
    throw wrong("headers", "an object or an array of pairs", headers);
  }
  if (Array.isArray(headers)) return (headers as readonly HeaderField[]).map(checkPair);
  const values = Object.entries(headers as Record<string, string | readonly string[]>);
  return values.flatMap(([name, value]) => [value].flat().map((one) => checkPair([name, one])));
}

function checkPair(pair: HeaderField): HeaderField {
  const isPair = Array.isArray(pair) && pair.length === 2;
  if (isPair && typeof pair[0] === "string" && typeof pair[1] === "string") return pair;
  const name = isPair ? ` "${String(pair[0])}"` : "";
  const value = isPair ? pair[1] : pair;
  throw new TypeError(
    `The header field${name} in the option "headers" must be text, not ${describe(value)}.`,
  );
}

function subprotocolList(subprotocols: string | readonly string[] | undefined): readonly string[] {
  if (subprotocols === undefined) return [];
  const list: readonly unknown[] = typeof subprotocols === "string" ? [subprotocols] : subprotocols;
  if (Array.isArray(list) && list.every((one) => typeof one === "string")) return list;
  throw wrong("subprotocols", "a string or an array of strings", subprotocols);
}
