// Fast methods of Buffers that Node does not document. Each method is tested once, when this module is loaded. If a
// method is missing, throws or returns a wrong result, documented functions of Node replace it. The replacements do not
// call `buffer.toString`, `buffer.write` or `Buffer.from(text)`, because Node 20 implements these functions by the same
// methods. The functions of this module do not check their arguments.
import { Buffer } from "node:buffer";

type Slice = (bytes: Uint8Array, start: number, end: number) => string;
type Write = (bytes: Uint8Array, text: string, offset: number, size: number) => number;

/** Returns the result of `first` if it passes the test. Otherwise returns `replacement`. */
function choose<F>(first: () => F, replacement: F, isCorrect: (candidate: F) => boolean): F {
  try {
    const candidate = first();
    return isCorrect(candidate) ? candidate : replacement;
  } catch {
    return replacement;
  }
}

/**
 * Returns a function that calls a method of all Buffers. A program that changes the prototype later does not change the
 * function. Calling the method directly saves 10 ns compared with `buffer.toString` and `buffer.write`.
 */
function methodOf(name: string): () => Slice & Write {
  return () => {
    const method = Reflect.get(Buffer.prototype, name) as (...args: unknown[]) => unknown;
    const call = (bytes: unknown, first: unknown, second: unknown, third: unknown): unknown =>
      method.call(bytes, first, second, third);
    return call as Slice & Write;
  };
}

/** Number of characters that one call creates. A call with too many arguments overflows the stack. */
const charactersPerCall = 4096;

function textOfCodes(codes: Uint8Array | Uint16Array): string {
  let text = "";
  for (let at = 0; at < codes.length; at += charactersPerCall)
    text += String.fromCharCode(...codes.subarray(at, at + charactersPerCall));
  return text;
}

/** "é" and U+1F600 in UTF-8, an invalid byte and a byte order mark, between two other bytes. */
const sample = Uint8Array.of(1, 0xc3, 0xa9, 0xf0, 0x9f, 0x98, 0x80, 0xff, 0xef, 0xbb, 0xbf, 1);

/** Decodes UTF-8. Invalid bytes become U+FFFD, and a byte order mark is kept. */
export const utf8Slice: Slice = choose<Slice>(
  methodOf("utf8Slice"),
  (bytes, start, end) => new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(start, end)),
  (slice) => slice(sample, 1, 11) === "é\u{1f600}\ufffd\ufeff",
);

/** Creates a string with one character per byte. */
export const latin1Slice: Slice = choose<Slice>(
  methodOf("latin1Slice"),
  (bytes, start, end) => textOfCodes(bytes.subarray(start, end)),
  (slice) => slice(sample, 2, 6) === "\xa9\xf0\x9f\x98",
);

/** Decodes UTF-16 in little-endian order. */
export const ucs2Slice: Slice = choose<Slice>(
  methodOf("ucs2Slice"),
  (bytes, start, end) => {
    const units = new Uint16Array((end - start) / 2);
    return textOfCodes(units.map((_, at) => bytes[start + 2 * at]! | (bytes[start + 2 * at + 1]! << 8)));
  },
  (slice) => slice(sample, 2, 6) === "\uf0a9\u989f",
);

const writeByEncoder: Write = (bytes, text, offset, size) =>
  new TextEncoder().encodeInto(text, bytes.subarray(offset, offset + size)).written;

/**
 * Writes a text in UTF-8 at `offset`. At most `size` bytes are written, and never a part of a character. A surrogate
 * without its other half becomes U+FFFD.
 * @returns The number of written bytes.
 */
export const utf8Write: Write = choose<Write>(methodOf("utf8Write"), writeByEncoder, (write) => {
  const bytes = new Uint8Array(9);
  return write(bytes, "é\ud800é", 1, 6) === 5 && bytes.join() === "0,195,169,239,191,189,0,0,0";
});

const viewByFrom = (memory: ArrayBufferLike, offset: number, size: number): Buffer =>
  Buffer.from(memory, offset, size);

/**
 * Creates a Buffer over existing memory, as `Buffer.from(arrayBuffer, ...)` does.
 *
 * Node does not export the internal class of all Buffers, but `Buffer[Symbol.species]` returns this class. Calling its
 * constructor takes half the time of calling `subarray`.
 */
export const bufferView: typeof viewByFrom = choose(
  () => {
    const View = Reflect.get(Buffer, Symbol.species) as new (
      ...args: Parameters<typeof viewByFrom>
    ) => Buffer;
    // Without a species of its own, `Buffer` returns itself. Calling it as a constructor prints a warning.
    return View === Buffer ? viewByFrom : (memory, offset, size) => new View(memory, offset, size);
  },
  viewByFrom,
  (view) => {
    const bytes = view(sample.buffer, 2, 3);
    const isView = bytes.buffer === sample.buffer && bytes.byteOffset === 2 && bytes.length === 3;
    return isView && Object.getPrototypeOf(bytes) === Buffer.prototype;
  },
);

/** Returns the text in UTF-8. Has the result of `Buffer.from(text)`. */
export function utf8Bytes(text: string): Buffer {
  if (utf8Write !== writeByEncoder) return Buffer.from(text);
  const { buffer, byteOffset, length } = new TextEncoder().encode(text);
  return Buffer.from(buffer, byteOffset, length);
}

/** Decodes UTF-8. Has the result of `buffer.toString()`. */
export const utf8Text = (bytes: Uint8Array): string => utf8Slice(bytes, 0, bytes.length);

/** Returns the bytes as characters. Has the result of `buffer.toString("latin1")`. */
export const latin1Text = (bytes: Uint8Array): string => latin1Slice(bytes, 0, bytes.length);
