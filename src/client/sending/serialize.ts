// Checks the arguments of `send()`, `sendRaw()`, `ping()` and `pong()`, and converts them to text or bytes. It does not
// send messages.
import { isUtf8 } from "node:buffer";
import { utf8Bytes, utf8Text } from "../../../protocol/index.js";
import { PendingMessage, type Sendable } from "../../connection/pending-message.js";
import { describeValue } from "../../options/checks.js";
import type { RawData, RawMessageOptions, Serializer } from "../../options/options.js";
import { bytesOf, isBlob } from "./binary-data.js";

/**
 * Calls the serializer. @throws the error of the serializer, or a TypeError if the result is neither a string nor
 * bytes.
 */
export function serialize<Sent>(serializer: Serializer<Sent>, value: Sent): string | Uint8Array {
  const data: unknown = serializer(value);
  if (typeof data === "string") return data;
  const bytes = bytesOf(data);
  if (bytes !== undefined) return bytes;
  throw new TypeError(`The serializer must return a string or bytes, not ${describeValue(data)}.`);
}

/**
 * Creates the message of `sendRaw()`.
 *
 * @throws TypeError for unsupported data, and for bytes of a text message that are not valid UTF-8.
 */
export function rawMessage(data: RawData, options: RawMessageOptions | undefined): Sendable {
  const isBinary = options?.binary ?? typeof data !== "string";
  if (typeof data === "string") return isBinary ? utf8Bytes(data) : data;
  const bytes = bytesOf(data);
  if (bytes !== undefined) return isBinary ? bytes : textOf(bytes);
  if (isBlob(data)) {
    return new PendingMessage(data, data.size, async () => {
      const content = new Uint8Array(await data.arrayBuffer());
      return isBinary ? content : textOf(content);
    });
  }
  throw new TypeError(`sendRaw() requires a string, bytes or a Blob, not ${describeValue(data)}.`);
}

/** Returns the payload of a ping or pong as bytes. @throws TypeError for another type. */
export function controlPayload(payload: Uint8Array | undefined): Uint8Array | undefined {
  const bytes = bytesOf(payload);
  if (payload === undefined || bytes !== undefined) return bytes;
  throw new TypeError(`The payload of a ping or pong must be bytes, not ${describeValue(payload)}.`);
}

function textOf(bytes: Uint8Array): string {
  // RFC 6455 5.6: a text message is UTF-8.
  if (isUtf8(bytes)) return utf8Text(bytes);
  throw new TypeError("The bytes are not valid UTF-8, which { binary: false } requires.");
}
