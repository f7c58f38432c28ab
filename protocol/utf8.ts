import { isAscii, isUtf8, transcode } from "node:buffer";

/** Methods that every Node has on its buffers; `toString` finds its way to them, 10 ns later. */
interface SliceableBuffer {
  utf8Slice(start: number, end: number): string;
  latin1Slice(start: number, end: number): string;
  ucs2Slice(start: number, end: number): string;
}

/** Below this size one decoding pass and a look for U+FFFD cost less than a call to `isAscii`. */
const minAsciiCheckSize = 512;

/** From this size on {@link isSliceSlow} is worth a way around. */
const minTranscodeSize = 1024;

/**
 * Node 20 decodes UTF-8 beyond ASCII at 0.4 GB/s, and by way of UTF-16 at 3; from 22 on its own way is as fast.
 * A Node that was built without ICU has no other way.
 */
const isSliceSlow = process.versions.icu !== undefined && Number.parseInt(process.versions.node) < 22;

const replacementCharacter = "\ufffd";

/** Decodes the payload of a text message; `undefined` where it is not UTF-8 (RFC 6455 8.1). */
export function decodeText(bytes: Buffer, start: number, end: number): string | undefined {
  if (end - start < minAsciiCheckSize) {
    const text = (bytes as Buffer & SliceableBuffer).utf8Slice(start, end);
    // The decoder puts U+FFFD in the place of bad bytes; the peer may have sent one, too.
    if (text.includes(replacementCharacter) && !isUtf8(bytes.subarray(start, end))) return undefined;
    return text;
  }
  const payload = bytes.subarray(start, end);
  if (isAscii(payload)) return decodeValid(bytes, start, end, true);
  return isUtf8(payload) ? decodeValid(bytes, start, end, false) : undefined;
}

/** Decodes what is known to be UTF-8. */
export function decodeValid(bytes: Buffer, start: number, end: number, isAscii: boolean): string {
  const slices = bytes as Buffer & SliceableBuffer;
  if (isAscii) return slices.latin1Slice(start, end);
  if (!isSliceSlow || end - start < minTranscodeSize) return slices.utf8Slice(start, end);
  const units = transcode(bytes.subarray(start, end), "utf8", "ucs2") as Buffer & SliceableBuffer;
  return units.ucs2Slice(0, units.length);
}

/** How many bytes a sequence has that starts with `lead`, a byte from 0xc0 on. */
function sequenceSize(lead: number): number {
  if (lead < 0xe0) return 2;
  return lead < 0xf0 ? 3 : 4;
}

/** Where the sequence begins that is cut off at `end`; `end` where none is. */
function findCutSequence(bytes: Uint8Array, start: number, end: number): number {
  for (let at = end - 1; at >= start && end - at < 4; at--) {
    const byte = bytes[at]!;
    if (byte >= 0xc0) return at + sequenceSize(byte) > end ? at : end;
  }
  return end;
}

/** Looks for the first bad byte of UTF-8 that comes in pieces; a sequence may still be cut off at the end of all. */
export class Utf8Validator {
  /** How many bytes the sequence still needs that the last piece has cut off, and what the next may be. */
  #needed = 0;
  #lower = 0x80;
  #upper = 0xbf;
  #isAscii = true;

  /** What has come is ASCII. */
  get isAscii(): boolean {
    return this.#isAscii;
  }

  /** No sequence is cut off at the end of what has come. */
  get isWhole(): boolean {
    return this.#needed === 0;
  }

  /** `false` where no further piece can make this UTF-8. */
  push(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.#isAscii && isAscii(bytes.subarray(start, end))) return true;
    this.#isAscii = false;
    let at = start;
    for (; this.#needed > 0 && at < end; at++) {
      if (!this.#continues(bytes[at]!)) return false;
    }
    const cut = findCutSequence(bytes, at, end);
    if (!isUtf8(bytes.subarray(at, cut))) return false;
    if (cut === end) return true;
    if (!this.#begins(bytes[cut]!)) return false;
    for (at = cut + 1; at < end; at++) {
      if (!this.#continues(bytes[at]!)) return false;
    }
    return true;
  }

  /** RFC 3629 4: the second byte is bounded where the first one would allow a long form, a surrogate or more than U+10FFFF. */
  #begins(lead: number): boolean {
    if (lead < 0xc2 || lead > 0xf4) return false;
    this.#needed = sequenceSize(lead) - 1;
    if (lead === 0xe0) this.#lower = 0xa0;
    if (lead === 0xed) this.#upper = 0x9f;
    if (lead === 0xf0) this.#lower = 0x90;
    if (lead === 0xf4) this.#upper = 0x8f;
    return true;
  }

  #continues(byte: number): boolean {
    if (byte < this.#lower || byte > this.#upper) return false;
    this.#lower = 0x80;
    this.#upper = 0xbf;
    this.#needed--;
    return true;
  }
}
