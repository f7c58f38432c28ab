/** A message, and as it came for a `rawMessage` handler that is late. */
export interface ReceivedMessage<Received> {
  /** Of no account before it is decoded. */
  value: Received;
  isDecoded: boolean;
  /** `undefined` for one that did not come over a connection. */
  readonly data: string | Buffer | undefined;
  readonly size: number;
  /** When it came. */
  readonly at: number;
  /** By which another may take its place. */
  key: unknown;
  /** Handlers up to this id have had it already; 0 where none has. */
  deliveredToId: number;
}

export function undecoded<Received>(
  data: string | Buffer,
  size: number,
  at: number,
): ReceivedMessage<Received> {
  return { value: undefined as Received, isDecoded: false, data, size, at, key: undefined, deliveredToId: 0 };
}

/** @param data - As it came; `undefined` for one that the user gave. */
export function decoded<Received>(
  value: Received,
  data: string | Buffer | undefined,
  size: number,
  at: number,
): ReceivedMessage<Received> {
  return { value, isDecoded: true, data, size, at, key: undefined, deliveredToId: 0 };
}

/** Longer texts are never cut from others. */
const maxCutSize = 1024;

/**
 * A small text may be cut from a string of up to 8 KiB, which it holds on to. Those that wait by their keys may be one of each such
 * string: they are to hold on to themselves alone, or the bound of bytes would mean little.
 */
export function detachedCopy(data: string | Buffer): string | Buffer {
  return typeof data === "string" && data.length <= maxCutSize ? Buffer.from(data).toString() : data;
}

/** An entry that may be held, and so keeps no more memory than its own: small messages are views of a run of them. */
export function detachedMessage<Received>(
  value: Received,
  data: string | Buffer,
  size: number,
  at: number,
): ReceivedMessage<Received> {
  if (size > maxCutSize) return decoded(value, data, size, at);
  const own = typeof data === "string" ? detachedCopy(data) : copyOf(data);
  const isData = Object.is(value, data);
  return decoded(isData ? (own as Received) : value, own, size, at);
}

/** Not from the pool of Node, of which it would hold 8 KiB. */
function copyOf(data: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(data.length);
  data.copy(copy);
  return copy;
}

/**
 * Bytes that an entry counts for while it is held: those of the message after decompression, or of the string that was made of
 * it where that takes more, and as many again for the value where that is not the message itself. What a value really takes
 * cannot be measured.
 */
export function memoryOf({ value, data, size }: ReceivedMessage<unknown>): number {
  if (data === undefined) return 0;
  // V8 keeps a text that is not ASCII in two bytes for each character, or in one.
  const own = typeof data === "string" && data.length < size ? Math.max(size, data.length * 2) : size;
  return Object.is(value, data) ? own : own * 2;
}
