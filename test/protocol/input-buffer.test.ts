import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { expectSame } from "../support/feed.js";
import { message, ProtocolEnd } from "../support/protocol-end.js";
import { binaryFrame, textFrame } from "../support/wire.js";

/** Number of bytes copied since the test began, by any method of Buffer or Uint8Array that copies bytes. */
let copiedBytes = 0;

interface Copying {
  copy(this: Uint8Array, ...args: unknown[]): number;
  set(this: Uint8Array, source: ArrayLike<number>, at?: number): void;
}

const bufferMethods = Buffer.prototype as unknown as Copying;
const arrayMethods = Object.getPrototypeOf(Uint8Array.prototype) as Copying;

beforeEach(() => {
  copiedBytes = 0;
  const { concat, from } = Buffer;
  const { copy } = bufferMethods;
  const { set } = arrayMethods;
  vi.spyOn(Buffer, "concat").mockImplementation((list, length) => {
    const joined = concat(list, length);
    copiedBytes += joined.length;
    return joined;
  });
  vi.spyOn(Buffer, "from").mockImplementation((...args: unknown[]) => {
    const buffer = Reflect.apply(from, Buffer, args) as Buffer;
    if (ArrayBuffer.isView(args[0])) copiedBytes += buffer.length;
    return buffer as Buffer<ArrayBuffer>;
  });
  vi.spyOn(bufferMethods, "copy").mockImplementation(function (this: Uint8Array, ...args) {
    const count = Reflect.apply(copy, this, args);
    copiedBytes += count;
    return count;
  });
  vi.spyOn(arrayMethods, "set").mockImplementation(function (this: Uint8Array, source, at) {
    Reflect.apply(set, this, [source, at]);
    copiedBytes += source.length;
  });
});

afterEach(() => void vi.restoreAllMocks());

/** A connection that counts its messages and runs a callback for each of them. */
class Counting extends ProtocolEnd {
  count = 0;
  bytes = 0;
  then: (() => void) | undefined;

  override onMessage(data: string | Buffer, size: number): void {
    this.count++;
    this.bytes += size;
    if (typeof data === "string" && data.length !== size) throw new Error("A message was damaged.");
    this.then?.();
  }
}

/** Returns about `total` bytes of messages with `size` bytes each. */
function messages(size: number, total: number): { readonly input: Buffer; readonly count: number } {
  const one = textFrame("x".repeat(size));
  const count = Math.floor(total / one.length);
  return { input: Buffer.alloc(count * one.length, one), count };
}

function feed(end: ProtocolEnd, input: Buffer, readSize: number): void {
  for (let at = 0; at < input.length; at += readSize)
    end.receive(input, at, Math.min(at + readSize, input.length));
}

const kib = 1024;
const mib = 1024 * kib;

describe("bytes that arrive during a pause or inside a handler", () => {
  it.each([
    ["25 MiB in reads of 64 KiB", 25 * mib, 64 * kib, 1000],
    ["25 MiB in reads of 1 MiB", 25 * mib, mib, 1000],
    ["8 MiB in reads of 1 KiB", 8 * mib, kib, 1000],
    ["8 MiB of small messages in reads of 1 KiB", 8 * mib, kib, 30],
    ["512 KiB byte by byte", 512 * kib, 1, 1000],
  ])("are copied a fixed number of times: %s", (_what, total, readSize, size) => {
    const end = new Counting();
    const { input, count } = messages(size, total);
    end.connection.pause();
    feed(end, input, readSize);
    expect(end.count).toBe(0);
    expect(copiedBytes).toBeLessThanOrEqual(2 * input.length);
    copiedBytes = 0;
    end.connection.resume();
    expect([end.count, end.bytes]).toEqual([count, count * size]);
    // A message that is split across two chunks is copied into one buffer.
    expect(copiedBytes).toBeLessThanOrEqual(2 * input.length);
  });

  it("are copied a fixed number of times when each resume() delivers one message and more bytes arrive", () => {
    const end = new Counting();
    const { input, count } = messages(1000, 4 * mib);
    end.then = () => end.connection.pause();
    for (let at = 0; at < input.length; at += 4 * kib) {
      end.receive(input, at, Math.min(at + 4 * kib, input.length));
      end.connection.resume();
    }
    while (end.count < count) end.connection.resume();
    expect(end.bytes).toBe(count * 1000);
    expect(copiedBytes).toBeLessThanOrEqual(4 * input.length);
  });

  it("are copied a fixed number of times when a handler throws on each message", () => {
    const end = new Counting();
    const { input, count } = messages(1000, 4 * mib);
    end.then = () => {
      throw new Error("thrown by the test");
    };
    const attempt = (call: () => void): void => {
      try {
        call();
      } catch (error) {
        expect((error as Error).message).toBe("thrown by the test");
      }
    };
    for (let at = 0; at < input.length; at += 4 * kib)
      attempt(() => end.receive(input, at, Math.min(at + 4 * kib, input.length)));
    while (end.count < count) attempt(() => end.connection.resume());
    expect(end.bytes).toBe(count * 1000);
    expect(copiedBytes).toBeLessThanOrEqual(4 * input.length);
  });

  it("are copied a fixed number of times when they arrive inside a handler", () => {
    const end = new Counting();
    const { input, count } = messages(1000, 4 * mib);
    let at = 4 * kib;
    end.then = () => {
      if (at >= input.length) return;
      const start = at;
      at = Math.min(at + 4 * kib, input.length);
      end.receive(input, start, at);
    };
    end.receive(input, 0, at);
    expect([end.count, end.bytes]).toEqual([count, count * 1000]);
    expect(copiedBytes).toBeLessThanOrEqual(4 * input.length);
  });

  it("use at most twice their size plus 64 KiB of memory", () => {
    for (const readSize of [1, 100, 5000, 70_000]) {
      const allocated: number[] = [];
      const { allocUnsafe, allocUnsafeSlow } = Buffer;
      vi.spyOn(Buffer, "allocUnsafe").mockImplementation((size) => {
        allocated.push(size);
        return allocUnsafe(size);
      });
      vi.spyOn(Buffer, "allocUnsafeSlow").mockImplementation((size) => {
        allocated.push(size);
        return allocUnsafeSlow(size);
      });
      const end = new Counting();
      end.connection.pause();
      const { input } = messages(1000, 300_000);
      feed(end, input, readSize);
      const sum = allocated.filter((size) => size !== mib).reduce((total, size) => total + size, 0);
      expect(sum, `reads of ${readSize}`).toBeLessThanOrEqual(2 * input.length + 64 * kib);
      vi.restoreAllMocks();
    }
  });

  it("are delivered in order for any sizes of messages and reads", () => {
    const sizes = [0, 1, 126, 1000, 40_000, 70_000, 200_000];
    const all = Array.from({ length: 60 }, (_, index) =>
      Buffer.alloc(sizes[index % sizes.length]!, `${index}`),
    );
    const input = Buffer.concat(all.map((bytes) => binaryFrame(bytes)));
    for (const readSize of [999, 40_000, 100_000, 1_500_000]) {
      const end = new ProtocolEnd();
      let callCount = 0;
      end.onCall = () => {
        if (++callCount % 3 === 0) end.connection.pause();
      };
      for (let at = 0; at < input.length; at += readSize) {
        const read = Buffer.from(input.subarray(at, at + readSize));
        end.receive(read, 0, read.length);
        read.fill(0xff);
        if (at % 2 === 0) end.connection.resume();
      }
      while (end.calls.length < all.length) end.connection.resume();
      expectSame(
        end.calls,
        all.map((bytes) => message(bytes)),
      );
    }
  });
});
