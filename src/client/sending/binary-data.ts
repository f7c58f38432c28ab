import { nodeUtil } from "../../runtime/node-modules.js";

/**
 * The bytes of any binary type, in the same memory; `undefined` for other values. Values of another realm, such as those of
 * `node:vm`, are no instances of the classes here and are recognised all the same.
 */
export function bytesOf(value: unknown): Uint8Array | undefined {
  if (value instanceof Uint8Array) return value;
  if (typeof value !== "object" || value === null) return undefined;
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  return isPlain(value) || !nodeUtil().types.isAnyArrayBuffer(value) ? undefined : new Uint8Array(value);
}

/** Most values that are sent are plain: they are spared a call into Node. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === Array.prototype;
}

/** A Blob or a File, or one of a library that stands in for them. */
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

/** As in `[object Map]`. */
export function tagOf(value: object): string {
  return Object.prototype.toString.call(value);
}
