// A WebSocket extension for tests of the extension interface. It does not negotiate parameters.
import { ProtocolError } from "../../protocol/errors.js";
import type { AgreedExtension, MessageExtension } from "../../protocol/extensions/extension.js";

/** Size in bytes that an encoded message may exceed the original. */
export const invertingOverhead = 10;

export function inverted(payload: string | Uint8Array): Buffer {
  return Buffer.from(Buffer.from(payload).map((byte) => byte ^ 0xff));
}

/** An extension without zlib: it inverts each byte. A message that begins with the byte 0xee is corrupt. */
export class InvertingExtension implements MessageExtension, AgreedExtension {
  readonly header: string = "x-invert";
  /** The arguments of each decode() call. */
  readonly decoded: { readonly maxSize: number; readonly isKept: boolean }[] = [];
  encodedCount = 0;
  restartCount = 0;
  isClosed = false;

  open(): this {
    return this;
  }

  maxEncodedSize(size: number): number {
    return size + invertingOverhead;
  }

  decode(payload: Uint8Array, maxSize: number, isKept: boolean): Buffer {
    if (this.isClosed) throw new Error("The extension is closed.");
    this.decoded.push({ maxSize, isKept });
    if (payload[0] === 0xee) throw new ProtocolError("corrupt", { code: "CORRUPT", closeCode: 1007 });
    if (payload.length > maxSize)
      throw new ProtocolError("too big", { code: "MESSAGE_TOO_BIG", closeCode: 1009 });
    return inverted(payload);
  }

  encode(payload: Uint8Array): Uint8Array {
    if (this.isClosed) throw new Error("The extension is closed.");
    this.encodedCount++;
    return inverted(payload);
  }

  releaseUnused(): void {}

  restartEncoding(): void {
    this.restartCount++;
  }

  close(): void {
    this.isClosed = true;
  }
}
