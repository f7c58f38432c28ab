/** Converts the data of `send()`, `ping()`, `pong()` and `close()`, and received binary data. It does not send. */
import { isUtf8 } from "node:buffer";
import type { BinaryType, RawData } from "./types.js";

const empty: Buffer = Buffer.alloc(0);

export function isBlob(data: unknown): data is Blob {
  return data instanceof Blob;
}

/** @throws TypeError for data that is neither text nor bytes. */
export function toBytes(data: unknown): Buffer {
  if (Buffer.isBuffer(data)) return data;
  // The values that `ws` treats as no data.
  if (data === undefined || data === null || data === false || data === "") return empty;
  if (ArrayBuffer.isView(data)) return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return Buffer.from((typeof data === "number" ? String(data) : data) as string);
}

/** @throws TypeError if the bytes of a text message are not UTF-8. */
export function toText(data: unknown): string {
  if (typeof data === "string") return data;
  const bytes = toBytes(data);
  if (isUtf8(bytes)) return bytes.toString();
  throw new TypeError("The data is not valid UTF-8, which a text message requires (RFC 6455 5.6).");
}

/** The size in bytes of data that is not sent. */
export function sizeOf(data: unknown): number {
  return isBlob(data) ? data.size : toBytes(data).length;
}

/** @throws RangeError if a ping or pong cannot carry the data. */
export function toControlPayload(data: unknown): Buffer {
  const payload = toBytes(data);
  if (payload.length <= 125) return payload;
  throw new RangeError("The data size must not be greater than 125 bytes");
}

/** Returns the code and the reason of a Close frame. @throws TypeError or RangeError if they are not possible. */
export function toCloseFrame(code: unknown, data: unknown): readonly [code: number | null, reason: string] {
  // A Close frame without a code has no reason either (RFC 6455 5.5.1).
  if (code === undefined) return [null, ""];
  const isCode = typeof code === "number" && Number.isInteger(code) && code >= 1000 && code <= 4999;
  if (!isCode || (code >= 1004 && code <= 1006) || (code > 1014 && code < 3000))
    throw new TypeError("First argument must be a valid error code number");
  if (data === undefined || data === "") return [code, ""];
  if (typeof data !== "string" && !ArrayBuffer.isView(data))
    throw new TypeError("Second argument must be a string or a Uint8Array");
  const reason = toBytes(data);
  if (reason.length > 123) throw new RangeError("The message must not be greater than 123 bytes");
  return [code, reason.toString()];
}

/** Returns a received message in the form that `binaryType` selects. Text is always a Buffer. */
export function received(data: string | Buffer, isBinary: boolean, binaryType: BinaryType): RawData | Blob {
  if (typeof data === "string") return Buffer.from(data);
  if (!isBinary || binaryType === "nodebuffer") return data;
  if (binaryType === "fragments") return [data];
  if (binaryType === "blob") return new Blob([data]);
  const { buffer, length } = data;
  const isWhole = length === buffer.byteLength && buffer instanceof ArrayBuffer;
  return isWhole ? buffer : new Uint8Array(data).buffer;
}
