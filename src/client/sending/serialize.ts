import { isUtf8 } from "node:buffer";
import type { MessageOptions } from "../../connection/send-queue.js";
import { PendingMessage, type Sendable } from "../../connection/pending-message.js";
import { describe } from "../../options/checks.js";
import type { RawData, Serializer } from "../../options/options.js";
import { bytesOf, isBlob } from "./binary-data.js";

export type { RawData } from "../../options/options.js";

export interface RawMessageOptions extends MessageOptions {
  /** Sends a binary or a text message. Default: text for a string, binary for all else. */
  readonly binary?: boolean | undefined;
}

/** What goes on the wire for `value`. @throws what the serializer throws, and TypeError for what it may not give. */
export function serialize<Sent>(serializer: Serializer<Sent>, value: Sent): string | Uint8Array {
  const data: unknown = serializer(value);
  if (typeof data === "string") return data;
  const bytes = bytesOf(data);
  if (bytes !== undefined) return bytes;
  throw new TypeError(`The serializer must give a string or bytes, not ${describe(data)}.`);
}

/** The message for `data`. @throws TypeError for what is neither text nor bytes, or no text where text is asked for. */
export function rawMessage(data: RawData, options: RawMessageOptions | undefined): Sendable {
  const isBinary = options?.binary ?? typeof data !== "string";
  if (typeof data === "string") return isBinary ? Buffer.from(data) : data;
  const bytes = bytesOf(data);
  if (bytes !== undefined) return isBinary ? bytes : textOf(bytes);
  if (isBlob(data)) {
    const read = async (): Promise<string | Uint8Array> => {
      const content = new Uint8Array(await data.arrayBuffer());
      return isBinary ? content : textOf(content);
    };
    return new PendingMessage(data, data.size, read);
  }
  throw new TypeError(
    `sendRaw() takes a string, a Buffer, a typed array, an ArrayBuffer or a Blob, not ${describe(data)}.`,
  );
}

/** The payload of a ping or pong. @throws TypeError for what is no bytes. */
export function controlPayload(payload: Uint8Array | undefined): Uint8Array | undefined {
  const bytes = bytesOf(payload);
  if (payload === undefined || bytes !== undefined) return bytes;
  throw new TypeError(`The payload of a ping or pong must be bytes, not ${describe(payload)}.`);
}

function textOf(bytes: Uint8Array): string {
  // RFC 6455 5.6: a text message is UTF-8.
  if (isUtf8(bytes)) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
  throw new TypeError("These bytes are not valid UTF-8, and { binary: false } asks for a text message.");
}
