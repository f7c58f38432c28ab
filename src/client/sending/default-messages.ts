import type { Deserializer, Serializer } from "../../options/options.js";
import { bytesOf } from "./binary-data.js";
import { jsonText } from "./json-text.js";

/** By default strings and bytes are sent as they are, and everything else as JSON. */
export const serializeByDefault: Serializer<unknown> = (value) =>
  typeof value === "string" ? value : (bytesOf(value) ?? jsonText(value));

/**
 * By default a text is parsed as JSON where its first character other than white space is `{` or `[`. Every other text is given as the
 * string it is, so that an echo of `send("hello")` arrives as it was sent. Binary is given as the Buffer it is.
 */
export const deserializeByDefault: Deserializer<unknown> = (data) =>
  typeof data === "string" && startsAsJson(data) ? JSON.parse(data) : data;

const tab = 0x09;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const space = 0x20;
const openingBracket = 0x5b;
const openingBrace = 0x7b;

/** RFC 8259 2: the white space of JSON is space, tab, line feed and carriage return; a byte order mark is none. */
function startsAsJson(text: string): boolean {
  let index = 0;
  let code = text.charCodeAt(0);
  while (code === space || code === lineFeed || code === carriageReturn || code === tab)
    code = text.charCodeAt(++index);
  return code === openingBrace || code === openingBracket;
}

/** What `json` is: typed so that it can be spread into the options of a client of any message type. */
export interface JsonMessages {
  readonly serializer: Serializer<unknown>;
  /** Nothing checks that what was received is a `Received`. */
  readonly deserializer: <Received>(data: string | Buffer, isBinary: boolean) => Received;
}

/**
 * Spread into the options it makes every text message JSON, in both directions: `send("hello")` sends `"hello"` with its quotes, and
 * a received text that is not JSON is a decode error. Bytes stay binary messages, and are received as Buffers.
 */
export const json: JsonMessages = {
  serializer: (value) => bytesOf(value) ?? jsonText(value),
  deserializer: <Received>(data: string | Buffer): Received =>
    (typeof data === "string" ? JSON.parse(data) : data) as Received,
};

/** Spread into the options it leaves messages as they are: strings and bytes are sent, strings and Buffers are received. */
export const raw: {
  readonly serializer: Serializer<string | Uint8Array>;
  readonly deserializer: Deserializer<string | Buffer>;
} = {
  serializer: (data) => data,
  deserializer: (data) => data,
};
