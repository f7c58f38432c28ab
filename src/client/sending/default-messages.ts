// The default serializer and deserializer, and the option sets `json` and `raw`. This module does not call the
// serializer or the deserializer.
import type { Deserializer, Serializer } from "../../options/options.js";
import { bytesOf } from "./binary-data.js";
import { jsonText } from "./json-text.js";

/** The default serializer. It returns strings and bytes unchanged, and other values as JSON. */
export const serializeByDefault: Serializer<unknown> = (value) =>
  typeof value === "string" ? value : (bytesOf(value) ?? jsonText(value));

/**
 * The default deserializer. It parses a text as JSON if the first character after white space is `{` or `[`. It returns
 * other texts unchanged: an echo of `send("hello")` arrives as `"hello"`. It returns a binary message as a Buffer.
 */
export const deserializeByDefault: Deserializer<unknown> = (data) =>
  typeof data === "string" && startsAsJson(data) ? JSON.parse(data) : data;

const tab = 0x09;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const space = 0x20;
const openingBracket = 0x5b;
const openingBrace = 0x7b;

/** RFC 8259 2: JSON white space is space, tab, line feed and carriage return. A byte order mark is not white space. */
function startsAsJson(text: string): boolean {
  let index = 0;
  let code = text.charCodeAt(0);
  while (code === space || code === lineFeed || code === carriageReturn || code === tab)
    code = text.charCodeAt(++index);
  return code === openingBrace || code === openingBracket;
}

/** The type of {@link json}, which can be spread into the options of a client with any message type. */
export interface JsonMessages {
  readonly serializer: Serializer<unknown>;
  /** Parses text as JSON. The type `Received` is not checked at run time. */
  readonly deserializer: <Received>(data: string | Buffer, isBinary: boolean) => Received;
}

/**
 * Options for JSON in both directions: `new WebSocket(url, { ...json })`. `send("hello")` sends the text
 * `"hello"` with quotes. A received text that is not JSON causes a decode error. Bytes are sent as binary messages, and
 * binary messages are received as Buffers.
 */
export const json: JsonMessages = {
  serializer: (value) => bytesOf(value) ?? jsonText(value),
  deserializer: <Received>(data: string | Buffer): Received =>
    (typeof data === "string" ? JSON.parse(data) : data) as Received,
};

/**
 * Options for messages without conversion: `new WebSocket(url, { ...raw })`. Strings and bytes are sent unchanged.
 * A text message is received as a string, a binary message as a Buffer.
 */
export const raw: {
  readonly serializer: Serializer<string | Uint8Array>;
  readonly deserializer: Deserializer<string | Buffer>;
} = {
  serializer: (data) => data,
  deserializer: (data) => data,
};
