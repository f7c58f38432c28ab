// Recognizes binary values and Blobs, also of another realm such as `node:vm`. It does not copy or read their content.
import { nodeUtil } from "../../runtime/node-modules.js";

/**
 * Returns a view of the bytes of a binary value, without a copy; `undefined` for other values. `instanceof` fails for
 * values of another realm, so further checks recognize such values.
 */
export function bytesOf(value: unknown): Uint8Array | undefined {
  if (value instanceof Uint8Array) return value;
  if (typeof value !== "object" || value === null) return undefined;
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  return isPlain(value) || !nodeUtil().types.isAnyArrayBuffer(value) ? undefined : new Uint8Array(value);
}

/** Returns `true` for plain objects and arrays. Most values are plain, and this check avoids a call into Node. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === Array.prototype;
}

/** Returns `true` for a Blob or a File. A compatible object of a library or another realm is also accepted. */
export function isBlob(value: unknown): value is Blob {
  if (value instanceof Blob) return true;
  if (typeof value !== "object" || value === null) return false;
  const { size, arrayBuffer } = value as Partial<Record<"size" | "arrayBuffer", unknown>>;
  return (
    /^\[object (Blob|File)\]$/.test(tagOf(value)) &&
    typeof size === "number" &&
    typeof arrayBuffer === "function"
  );
}

/** Returns the class tag, such as `[object Map]`. */
export function tagOf(value: object): string {
  return Object.prototype.toString.call(value);
}
