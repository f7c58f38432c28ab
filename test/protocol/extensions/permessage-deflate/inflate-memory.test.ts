import { afterEach, describe, expect, it, vi } from "vitest";
import {
  InflateMemory,
  maxInputSize,
  maxOutputSize,
} from "../../../../protocol/extensions/permessage-deflate/inflate-memory.js";
import { copyMargin } from "../../../../protocol/extensions/permessage-deflate/match-copier.js";
import { SlidingWindow } from "../../../../protocol/extensions/permessage-deflate/sliding-window.js";
import { noise } from "../../../support/compressed.js";
import { DeflateBlocks, type Match } from "../../../support/deflate-blocks.js";

const headerSize = 3;
const emptyWindow = new SlidingWindow(15);

function windowOf(history: Uint8Array, windowBits = 15): SlidingWindow {
  const window = new SlidingWindow(windowBits);
  window.append(history, 0, history.length);
  return window;
}

const implementations: [name: string, create: () => InflateMemory][] = [
  ["without WebAssembly", () => new InflateMemory()],
  ["with WebAssembly", () => InflateMemory.createWithWasm()!],
];

describe.each(implementations)("InflateMemory %s", (name, create) => {
  it("says whether blocks can be inflated by WebAssembly", () => {
    expect(create().hasWasm).toBe(name === "with WebAssembly");
  });

  it("has space for the largest input and for reads past its end", () => {
    const { input, bits } = create();
    expect(input.length).toBeGreaterThanOrEqual(maxInputSize + 8);
    expect([bits.buffer, bits.byteOffset, bits.byteLength]).toEqual([
      input.buffer,
      input.byteOffset,
      input.length,
    ]);
  });

  it("has space for the largest output and for a match that begins at its end", () => {
    const { copier } = create();
    expect(copier.bytes.length).toBeGreaterThanOrEqual(maxOutputSize + copyMargin);
    copier.bytes[maxOutputSize - 1] = 7;
    expect(copier.copy(maxOutputSize, 258, 1, emptyWindow)).toBe(maxOutputSize + 258);
    expect(copier.bytes[maxOutputSize + 257]).toBe(7);
  });

  it("has separate memory for the input, the tables, the largest window and the output", () => {
    const memory = create();
    const code = Uint8Array.of(1, 1);
    for (const table of [memory.literals, memory.distances]) table.build(code, 0, 2);
    const tables = [memory.literals, memory.distances, memory.fixed.literals, memory.fixed.distances];
    const before = tables.map(({ entries }) => entries.slice());
    memory.input.fill(0xff);
    memory.copier.bytes.fill(0xee);
    memory.begin(0, maxOutputSize, windowOf(Buffer.alloc(32_768, 0xdd)));
    expect(
      tables.map(({ entries }, index) => Buffer.compare(bytesOf(entries), bytesOf(before[index]!))),
    ).toEqual([0, 0, 0, 0]);
    expect(memory.input.every((byte) => byte === 0xff)).toBe(true);
    expect(memory.copier.bytes.every((byte) => byte === 0xee)).toBe(true);
    // Filling the tables changes nothing else either.
    memory.literals.entries.fill(-2);
    memory.distances.entries.fill(-3);
    expect(memory.input.every((byte) => byte === 0xff)).toBe(true);
    expect(memory.copier.bytes.every((byte) => byte === 0xee)).toBe(true);
    expect(memory.literals.entries.every((entry) => entry === -2)).toBe(true);
  });
});

function bytesOf(entries: Int32Array): Uint8Array {
  return new Uint8Array(entries.buffer, entries.byteOffset, entries.byteLength);
}

describe("InflateMemory.createWithWasm", () => {
  afterEach(() => {
    vi.unstubAllGlobals();
  });

  it("returns undefined in a process without WebAssembly", () => {
    vi.stubGlobal("WebAssembly", undefined);
    expect(InflateMemory.createWithWasm()).toBeUndefined();
  });
});

describe("InflateMemory.inflateBlock", () => {
  const memory = InflateMemory.createWithWasm()!;

  /** Writes a block with fixed codes to the input and returns the end of its codes in bits. */
  function writeFixed(items: readonly (string | Match)[]): number {
    const block = new DeflateBlocks().fixed(items);
    memory.input.fill(0);
    memory.input.set(block.align().bytes());
    return block.bytes().length * 8;
  }

  function outputOf(size: number): string {
    return memory.copier.bytes.toString("latin1", 0, size);
  }

  it("inflates a block with fixed codes and returns the position and size after it", () => {
    memory.begin(writeFixed(["Hello"]), 100, emptyWindow);
    expect(memory.inflateBlock(headerSize, 0, true)).toBe(true);
    // Five codes of 8 bits and the end of the block, which has 7.
    expect([memory.position, memory.size, outputOf(5)]).toEqual([headerSize + 47, 5, "Hello"]);
  });

  it("appends to the output, to which matches may refer", () => {
    memory.begin(writeFixed(["Hello"]), 100, emptyWindow);
    memory.inflateBlock(headerSize, 0, true);
    memory.begin(writeFixed([{ length: 5, distance: 5 }]), 100, emptyWindow);
    expect(memory.inflateBlock(headerSize, 5, true)).toBe(true);
    expect([memory.size, outputOf(10)]).toEqual([10, "HelloHello"]);
  });

  it("inflates the other blocks with the tables that were built for them", () => {
    // Two literals and the end of the block: codes 0, 10 and 11.
    const lengths = new Uint8Array(257);
    lengths[0x61] = 1;
    lengths[0x62] = 2;
    lengths[256] = 2;
    expect(memory.literals.build(lengths, 0, 257)).toBe(true);
    memory.input.fill(0);
    // The bits 0 10 0 11, the first one lowest.
    memory.input[0] = 0b110_010;
    memory.begin(8, 100, emptyWindow);
    expect(memory.inflateBlock(0, 0, false)).toBe(true);
    expect([memory.position, memory.size, outputOf(3)]).toEqual([6, 3, "aba"]);
    memory.begin(writeFixed(["Hello"]), 100, emptyWindow);
    expect(memory.inflateBlock(headerSize, 0, true)).toBe(true);
    expect(outputOf(5)).toBe("Hello");
  });

  it.each([10, 1024, 32_768])("copies matches from a window of %i bytes, and none from before it", (size) => {
    const history = noise(size);
    // A window that has more content in the same memory must not be visible.
    memory.begin(0, 100, windowOf(noise(32_768, 5)));
    memory.begin(writeFixed([{ length: 3, distance: size }]), 100, windowOf(history));
    expect(memory.inflateBlock(headerSize, 0, true)).toBe(true);
    expect(outputOf(3)).toBe(history.toString("latin1", 0, 3));
    if (size === 32_768) return;
    memory.begin(writeFixed([{ length: 3, distance: size + 1 }]), 100, windowOf(history));
    expect(memory.inflateBlock(headerSize, 0, true)).toBe(false);
  });

  it("copies a match that begins in the window and ends in the output", () => {
    memory.begin(writeFixed(["xy", { length: 6, distance: 5 }]), 100, windowOf(Buffer.from("abc")));
    expect(memory.inflateBlock(headerSize, 0, true)).toBe(true);
    expect(outputOf(8)).toBe("xyabcxya");
  });

  it("copies a window that has wrapped, the oldest byte first", () => {
    const window = new SlidingWindow(9);
    const history = noise(700);
    window.append(history, 0, 600);
    window.append(history, 600, 700);
    memory.begin(writeFixed([{ length: 10, distance: 512 }]), 100, window);
    expect(memory.inflateBlock(headerSize, 0, true)).toBe(true);
    expect(outputOf(10)).toBe(history.toString("latin1", 188, 198));
  });

  it("declines a block whose codes do not end before the end of the input", () => {
    const end = writeFixed(["Hello, this text has more codes than one step of the loop reads"]);
    memory.begin(end, 100, emptyWindow);
    expect(memory.inflateBlock(headerSize, 0, true)).toBe(true);
    memory.begin(end - 64, 100, emptyWindow);
    expect(memory.inflateBlock(headerSize, 0, true)).toBe(false);
    memory.begin(headerSize, 100, emptyWindow);
    expect(memory.inflateBlock(headerSize, 0, true)).toBe(false);
  });

  it("accepts exactly the largest size, and exceeds it by a few bytes at most", () => {
    const text = "0123456789";
    const end = writeFixed([text, text]);
    for (let maxSize = 0; maxSize <= 20; maxSize++) {
      memory.begin(end, maxSize, emptyWindow);
      const isWhole = memory.inflateBlock(headerSize, 0, true);
      // The caller compares the size with the limit.
      if (isWhole) expect(memory.size).toBe(20);
      expect(isWhole && memory.size <= maxSize).toBe(maxSize === 20);
      expect(memory.size).toBeLessThanOrEqual(maxSize + 4);
    }
  });

  it("inflates the largest output", () => {
    const length = 10;
    const count = (maxOutputSize - 8) / length;
    memory.begin(
      writeFixed(["x", ...new Array<Match>(Math.floor(count)).fill({ length, distance: 1 })]),
      maxOutputSize,
      windowOf(noise(32_768)),
    );
    expect(memory.inflateBlock(headerSize, 0, true)).toBe(true);
    expect(memory.copier.bytes.subarray(0, memory.size).every((byte) => byte === 0x78)).toBe(true);
    expect(memory.size).toBeGreaterThan(maxOutputSize - 20);
  });
});
