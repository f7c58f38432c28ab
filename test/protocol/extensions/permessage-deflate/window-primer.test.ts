import { constants } from "node:zlib";
import { describe, expect, it } from "vitest";
import { ChunkedOutput } from "../../../../protocol/extensions/permessage-deflate/chunked-output.js";
import { SlidingWindow } from "../../../../protocol/extensions/permessage-deflate/sliding-window.js";
import { WindowPrimer } from "../../../../protocol/extensions/permessage-deflate/window-primer.js";
import { ZlibHandle } from "../../../../protocol/extensions/permessage-deflate/zlib-handle.js";
import { compress, matchMessage, noise } from "../../../support/compressed.js";
import { RecordingZlib } from "../../../support/recording-zlib.js";
import { StrictInflater } from "../../../support/strict-inflate.js";

const { Z_SYNC_FLUSH } = constants;

function windowOf(history: Uint8Array, windowBits = 15): SlidingWindow {
  const window = new SlidingWindow(windowBits);
  window.append(history, 0, history.length);
  return window;
}

function contentOf(window: SlidingWindow): Buffer {
  const content = Buffer.alloc(window.size);
  window.copyTo(content, 0);
  return content;
}

/** Passes a message through a handle and returns the output. */
function run(handle: ZlibHandle, message: Uint8Array): Buffer {
  const output = new ChunkedOutput();
  output.begin(Infinity);
  handle.run(Z_SYNC_FLUSH, message, message.length, output);
  return output.finish(true);
}

describe("WindowPrimer.primeInflater", () => {
  const handles = new RecordingZlib();

  function inflate(handle: ZlibHandle, message: Uint8Array): Buffer {
    // RFC 7692 7.2.2: the four bytes that the sender removed.
    return run(handle, Buffer.concat([message, Buffer.of(0x00, 0x00, 0xff, 0xff)]));
  }

  it.each([1, 10, 1024, 32_767, 32_768])("loads a window of %i bytes", (size) => {
    const history = noise(size);
    const handle = ZlibHandle.inflater(handles, { windowBits: 15 });
    new WindowPrimer().primeInflater(handle, windowOf(history));
    const length = Math.min(size, 10);
    // The output of the next message contains none of the bytes that were loaded.
    const expected = size === 1 ? Buffer.alloc(10, history) : history.subarray(0, length);
    expect(inflate(handle, matchMessage(expected.length, size))).toEqual(expected);
    handle.close();
  });

  it("passes one stored block with the length of the window and its complement", () => {
    const handle = ZlibHandle.inflater(handles, { windowBits: 15 });
    new WindowPrimer().primeInflater(handle, windowOf(noise(0x0123)));
    expect(handles.inputs.at(-1)).toEqual(
      Buffer.concat([Buffer.of(0x00, 0x23, 0x01, 0xdc, 0xfe), noise(0x0123)]),
    );
    handle.close();
  });

  it("loads nothing from an empty window", () => {
    const handle = ZlibHandle.inflater(handles, { windowBits: 15 });
    new WindowPrimer().primeInflater(handle, new SlidingWindow(15));
    expect(handles.inputs.at(-1)).toEqual(Buffer.of(0x00, 0x00, 0x00, 0xff, 0xff));
    expect(inflate(handle, compress("Hello")).toString()).toBe("Hello");
    expect(() => inflate(handle, matchMessage(3, 6))).toThrow("invalid distance too far back");
    handle.close();
  });

  it("loads a window that has wrapped, the oldest byte first", () => {
    const all = noise(700);
    const window = windowOf(all.subarray(0, 600), 9);
    window.append(all, 600, 700);
    const handle = ZlibHandle.inflater(handles, { windowBits: 9 });
    new WindowPrimer().primeInflater(handle, window);
    expect(inflate(handle, matchMessage(10, 512))).toEqual(all.subarray(188, 198));
    handle.close();
  });

  it("loads windows of different sizes into different handles, one after the other", () => {
    const primer = new WindowPrimer();
    const histories = [32_768, 3, 300].map((size) => noise(size, size));
    const primed = histories.map((history) => {
      const handle = ZlibHandle.inflater(handles, { windowBits: 15 });
      primer.primeInflater(handle, windowOf(history));
      return handle;
    });
    for (const [index, history] of histories.entries()) {
      const handle = primed[index]!;
      expect(inflate(handle, matchMessage(3, history.length))).toEqual(history.subarray(0, 3));
      if (history.length < 32_768)
        expect(() => inflate(handle, matchMessage(3, history.length + 4))).toThrow("too far back");
      handle.close();
    }
  });

  it("does not change the window", () => {
    const window = windowOf(noise(500));
    const handle = ZlibHandle.inflater(handles, { windowBits: 15 });
    new WindowPrimer().primeInflater(handle, window);
    expect(contentOf(window)).toEqual(noise(500));
    handle.close();
  });

  it("throws the error of zlib", () => {
    const handle = ZlibHandle.inflater(handles, { windowBits: 15 });
    expect(() => run(handle, Buffer.of(0x06))).toThrow("invalid block type");
    expect(() => new WindowPrimer().primeInflater(handle, windowOf(noise(10)))).toThrow("invalid block type");
    handle.close();
  });
});

describe("WindowPrimer.primeDeflater", () => {
  const handles = new RecordingZlib();

  function deflater(): ZlibHandle {
    return ZlibHandle.deflater(handles, { level: 6, memLevel: 8, windowBits: 15 });
  }

  /** Inflates a message of a peer that has received `history`. */
  function inflateAfter(history: Uint8Array, message: Uint8Array): Buffer {
    const peer = new StrictInflater(15);
    peer.inflate(compress(history));
    return peer.inflate(message.subarray(0, -4));
  }

  it.each([30, 2047, 2048, 32_767, 32_768])("lets the next message refer to a window of %i bytes", (size) => {
    const history = noise(size);
    const handle = deflater();
    new WindowPrimer().primeDeflater(handle, windowOf(history));
    const message = run(handle, history.subarray(-30));
    expect(message.length).toBeLessThan(15);
    expect(inflateAfter(history, message)).toEqual(history.subarray(-30));
    handle.close();
  });

  it("passes the bytes of the window without a block header", () => {
    const handle = deflater();
    new WindowPrimer().primeDeflater(handle, windowOf(noise(100)));
    expect(handles.inputs.at(-1)).toEqual(noise(100));
    handle.close();
  });

  it("discards the compressed window", () => {
    const [primed, fresh] = [deflater(), deflater()];
    new WindowPrimer().primeDeflater(primed, windowOf(Buffer.alloc(500, "earlier")));
    expect(run(primed, Buffer.from("0123456789"))).toEqual(run(fresh, Buffer.from("0123456789")));
    primed.close();
    fresh.close();
  });

  it("shares its memory with primeInflater without mixing the windows", () => {
    const primer = new WindowPrimer();
    const [from, to] = [deflater(), ZlibHandle.inflater(handles, { windowBits: 15 })];
    primer.primeInflater(to, windowOf(noise(2000, 1)));
    primer.primeDeflater(from, windowOf(noise(50, 2)));
    primer.primeInflater(to, windowOf(noise(50, 2)));
    const message = noise(50, 2);
    expect(run(to, run(from, message))).toEqual(message);
    from.close();
    to.close();
  });
});
