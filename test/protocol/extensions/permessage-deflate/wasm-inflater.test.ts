import { constants, deflateRawSync } from "node:zlib";
import { afterEach, describe, expect, it, vi } from "vitest";
import { WasmInflater } from "../../../../protocol/extensions/permessage-deflate/wasm-inflater.js";
import { SlidingWindow } from "../../../../protocol/extensions/permessage-deflate/sliding-window.js";

const noLimit = 1024 * 1024;
const kibibyte = 1024;

interface Sample {
  readonly message: Buffer;
  readonly compressed: Buffer;
}

/** Returns a message that does not become smaller by compression. */
function sampleOf(size: number): Sample {
  let state = size;
  const message = Buffer.from(
    Array.from({ length: size }, () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 24),
  );
  const finishFlush = constants.Z_SYNC_FLUSH;
  return { message, compressed: deflateRawSync(message, { finishFlush }).subarray(0, -4) };
}

function inflate(inflater: WasmInflater, { compressed }: Sample): Buffer | undefined {
  return inflater.inflate(compressed, noLimit, true, new SlidingWindow(15));
}

describe("WasmInflater", () => {
  afterEach(() => {
    vi.unstubAllGlobals();
  });

  const short = sampleOf(3 * kibibyte);
  const long = sampleOf(30 * kibibyte);

  it("inflates long messages after 512 KiB were received", () => {
    const inflater = new WasmInflater();
    expect(inflate(inflater, long)).toBeUndefined();
    expect(inflate(inflater, short)?.equals(short.message)).toBe(true);
    const answers = Array.from({ length: 17 }, () => inflater.isFasterThanZlib(30 * kibibyte));
    expect(answers.indexOf(true)).toBe(15);
    expect(inflate(inflater, long)?.equals(long.message)).toBe(true);
    expect(inflate(inflater, short)?.equals(short.message)).toBe(true);
    expect(inflate(inflater, sampleOf(33 * kibibyte))).toBeUndefined();
    const sizes = [1, 2047, 2048, 32_768, 32_769];
    expect(sizes.map((size) => inflater.isFasterThanZlib(size))).toEqual([false, false, true, true, false]);
  });

  it("counts the messages that it inflates", () => {
    const inflater = new WasmInflater();
    for (let left = 512; left > 0; left -= 3) inflate(inflater, short);
    expect(inflate(inflater, long)?.equals(long.message)).toBe(true);
  });

  it("works without WebAssembly", () => {
    vi.stubGlobal("WebAssembly", undefined);
    const inflater = new WasmInflater();
    for (let left = 600; left > 0; left -= 30) expect(inflater.isFasterThanZlib(30 * kibibyte)).toBe(false);
    expect(inflate(inflater, short)?.equals(short.message)).toBe(true);
    expect(inflate(inflater, long)).toBeUndefined();
  });

  it("returns a buffer that is not overwritten if isKept is true", () => {
    const inflater = new WasmInflater();
    const kept = inflate(inflater, short);
    inflate(inflater, sampleOf(2 * kibibyte));
    expect(kept?.equals(short.message)).toBe(true);
  });
});
