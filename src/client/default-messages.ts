import type { Deserializer, Serializer } from "../options/options.js";

/** Strings and bytes go as they are, all else as JSON. */
export const serializeAsJson: Serializer<unknown> = (value) => {
  if (typeof value === "string") return value;
  const bytes = bytesOf(value);
  if (bytes !== undefined) return bytes;
  // As JSON it would be an empty object.
  if (value instanceof Blob) throw new TypeError("A Blob has no JSON form: send it by sendRaw().");
  const text: unknown = JSON.stringify(value);
  if (typeof text === "string") return text;
  throw new TypeError(
    `A value of type ${typeof value} has no JSON form: send an object, a string or bytes, or give a serializer.`,
  );
};

/** Spread into the options it leaves messages as they are: strings and bytes out, strings and Buffers in. */
export const raw: {
  readonly serializer: Serializer<string | Uint8Array>;
  readonly deserializer: Deserializer<string | Buffer>;
} = {
  serializer: (data) => data,
  deserializer: (data) => data,
};

/** JSON for text, the Buffer itself for binary. */
export const deserializeJson: Deserializer<unknown> = (data) =>
  typeof data === "string" ? JSON.parse(data) : data;

/** The bytes of any binary type; `undefined` for what is none. */
export function bytesOf(value: unknown): Uint8Array | undefined {
  if (value instanceof Uint8Array) return value;
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer) return new Uint8Array(value);
  return undefined;
}
