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

/** A message that takes as much when it is compressed. */
function sampleOf(size: number): Sample {
  let state = size;
  const message = Buffer.from(
    Array.from({ length: size }, () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 24),
  );
  const finishFlush = constants.Z_SYNC_FLUSH;
  return { message, compressed: deflateRawSync(message, { finishFlush }).subarray(0, -4) };
}

function inflate(own: WasmInflater, { compressed }: Sample): Buffer | undefined {
  return own.inflate(compressed, noLimit, true, new SlidingWindow(15));
}

describe("OwnInflater", () => {
  afterEach(() => {
    vi.unstubAllGlobals();
  });

  const short = sampleOf(3 * kibibyte);
  const long = sampleOf(30 * kibibyte);

  it("takes long messages when there have been 512 KiB", () => {
    const own = new WasmInflater();
    expect(inflate(own, long)).toBeUndefined();
    expect(inflate(own, short)?.equals(short.message)).toBe(true);
    const answers = Array.from({ length: 17 }, () => own.outruns(30 * kibibyte));
    expect(answers.indexOf(true)).toBe(15);
    expect(inflate(own, long)?.equals(long.message)).toBe(true);
    expect(inflate(own, short)?.equals(short.message)).toBe(true);
    expect(inflate(own, sampleOf(33 * kibibyte))).toBeUndefined();
    const sizes = [1, 2047, 2048, 32_768, 32_769];
    expect(sizes.map((size) => own.outruns(size))).toEqual([false, false, true, true, false]);
  });

  it("counts what it has inflated itself", () => {
    const own = new WasmInflater();
    for (let left = 512; left > 0; left -= 3) inflate(own, short);
    expect(inflate(own, long)?.equals(long.message)).toBe(true);
  });

  it("does without WebAssembly where there is none", () => {
    vi.stubGlobal("WebAssembly", undefined);
    const own = new WasmInflater();
    for (let left = 600; left > 0; left -= 30) expect(own.outruns(30 * kibibyte)).toBe(false);
    expect(inflate(own, short)?.equals(short.message)).toBe(true);
    expect(inflate(own, long)).toBeUndefined();
  });

  it("gives a buffer of its own where that is kept", () => {
    const own = new WasmInflater();
    const kept = inflate(own, short);
    inflate(own, sampleOf(2 * kibibyte));
    expect(kept?.equals(short.message)).toBe(true);
  });
});
