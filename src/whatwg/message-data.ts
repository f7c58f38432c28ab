// Converts the argument of `send()` to text or bytes, and the bytes of a received message to the type that `binaryType`
// names. It does not send or dispatch.
import { types } from "node:util";
import { toDomString } from "./web-idl.js";

/** How the data of binary messages are passed to listeners. `"nodebuffer"` is an extension of the standard. */
export type BinaryType = StandardBinaryType | "nodebuffer";

/** The values of the standard. The type of the attribute when it is read, because `lib.dom` knows no other value. */
export type StandardBinaryType = "blob" | "arraybuffer";

const binaryTypes: ReadonlySet<unknown> = new Set<BinaryType>(["blob", "arraybuffer", "nodebuffer"]);

/**
 * Converts the value of the attribute `binaryType`. Web IDL: an attribute whose type is an enumeration ignores all other
 * values.
 *
 * @returns `undefined` for a value to ignore.
 * @throws TypeError for a symbol.
 */
export function toBinaryType(value: unknown): BinaryType | undefined {
  const text = toDomString(value);
  return binaryTypes.has(text) ? (text as BinaryType) : undefined;
}

/** Data to send: text, or bytes of which the caller is still the owner. */
export type SentData = string | Uint8Array | Blob;

/**
 * Converts the argument of `send()`. A value that is neither bytes nor a Blob becomes a string.
 *
 * @throws TypeError for bytes in shared memory or in a resizable buffer, because they may change while they are sent;
 *   also for a symbol, and for an object that cannot become a string.
 */
export function toSentData(value: unknown): SentData {
  if (typeof value === "string" || value instanceof Blob) return value;
  if (isOrdinaryBytes(value)) return value;
  if (ArrayBuffer.isView(value)) return bytesOf(value.buffer, value.byteOffset, value.byteLength);
  if (types.isArrayBuffer(value)) return bytesOf(value, 0, value.byteLength);
  return toDomString(value);
}

interface LengthProperty {
  readonly get: (this: Uint8Array) => number;
}

/** Returns the true length, even if a property of the array hides it. */
const { get: lengthOf } = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  "length",
) as unknown as LengthProperty;

/** Whether a value can be sent as it is. A view of its bytes would take a seventh of `send-binary-128B`. */
function isOrdinaryBytes(value: unknown): value is Uint8Array {
  if (!(value instanceof Uint8Array) || value.length === 0) return false;
  if (lengthOf.call(value) !== value.length) return false;
  const { buffer } = value;
  return buffer instanceof ArrayBuffer && (buffer as { readonly resizable?: boolean }).resizable !== true;
}

function bytesOf(buffer: ArrayBufferLike, offset: number, length: number): Uint8Array {
  const isResizable = (buffer as { readonly resizable?: boolean }).resizable === true;
  if (isResizable || types.isSharedArrayBuffer(buffer))
    throw new TypeError(
      `send() cannot send a ${isResizable ? "resizable ArrayBuffer" : "SharedArrayBuffer"}: pass a copy of the bytes.`,
    );
  // No view of a detached buffer can be created. Its length is 0.
  return length === 0 ? new Uint8Array(0) : new Uint8Array(buffer, offset, length);
}

/** The size of a message in bytes, text in UTF-8. */
export function sizeOf(data: SentData): number {
  if (typeof data === "string") return Buffer.byteLength(data);
  return data instanceof Blob ? data.size : data.byteLength;
}

/** Converts a received message to the data of its event. */
export function toEventData(data: string | Buffer, binaryType: BinaryType): unknown {
  if (typeof data === "string" || binaryType === "nodebuffer") return data;
  if (binaryType === "blob") return new Blob([data]);
  // A small message is a view of a larger buffer. `slice()` of the buffer takes 0.2 us longer than this copy.
  return data.byteLength === data.buffer.byteLength ? data.buffer : new Uint8Array(data).buffer;
}
