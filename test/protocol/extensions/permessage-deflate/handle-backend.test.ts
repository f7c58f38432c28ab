import { constants, createDeflateRaw, createInflateRaw } from "node:zlib";
import { describe, expect, it } from "vitest";
import { HandleBackend } from "../../../../protocol/extensions/permessage-deflate/handle-backend.js";
import type { ZlibStreams } from "../../../../protocol/extensions/permessage-deflate/zlib-handle.js";
import { noise, storedMessage } from "../../../support/compressed.js";
import { RecordingZlib } from "../../../support/recording-zlib.js";

const context = { windowBits: 15, keepsContext: true };
const sending = { ...context, level: 6, memLevel: 8 };
const noLimit = 1024 * 1024;
/** A message that the handle inflates, because it has more than 128 bytes. */
const received = storedMessage(noise(200));

/** Opens a backend and discards the calls of its self-test. */
function openBackend(maxHandles: number = 1): { backend: HandleBackend; handles: RecordingZlib } {
  const handles = new RecordingZlib();
  const backend = HandleBackend.open(handles, maxHandles)!;
  handles.takeCalls();
  handles.options.length = 0;
  return { backend, handles };
}

describe("HandleBackend.open", () => {
  it("compresses and decompresses two messages and closes the handles that it used", () => {
    const handles = new RecordingZlib();
    const backend = HandleBackend.open(handles, 1);
    expect(backend?.name).toBe("handle");
    const calls = handles.takeCalls();
    expect(calls.filter((call) => call === "write 300")).toHaveLength(2);
    expect(calls.filter((call) => call.startsWith("open"))).toHaveLength(3);
    expect(handles.openCount).toBe(0);
  });

  it("leaves its pools empty", () => {
    const { backend, handles } = openBackend(1);
    const [inflater, deflater] = [backend.inflater(context), backend.deflater(sending)];
    inflater.inflate(received, noLimit, false);
    deflater.deflate(noise(10));
    expect(handles.takeCalls().filter((call) => call.startsWith("open"))).toEqual([
      "open inflate 15",
      "open deflate 6/8/15",
    ]);
    inflater.close();
    deflater.close();
  });

  it("does not write to a handle that Node calls with other arguments", () => {
    const handles = new RecordingZlib();
    const streams: ZlibStreams = {
      createInflateRaw: (options) => {
        const stream = handles.createInflateRaw(options);
        Reflect.set(stream, "_processChunk", () => {});
        return stream;
      },
      createDeflateRaw: (options) => handles.createDeflateRaw(options),
    };
    expect(HandleBackend.open(streams, 1)).toBeUndefined();
    expect(handles.takeCalls()).toEqual(["open inflate undefined", "close"]);
  });

  const fail = (): never => {
    throw new Error("not supported any more");
  };

  it.each<[string, ZlibStreams]>([
    ["inflater", { createInflateRaw: fail, createDeflateRaw }],
    ["deflater", { createInflateRaw, createDeflateRaw: fail }],
  ])("returns undefined if Node cannot create the stream of an %s", (_, streams) => {
    expect(HandleBackend.open(streams, 1)).toBeUndefined();
  });

  it("closes its handles if the self-test fails", () => {
    const handles = new RecordingZlib();
    const streams: ZlibStreams = {
      createInflateRaw: (options) => handles.createInflateRaw(options),
      createDeflateRaw: (options) => {
        // Without matches, the second message is as long as the first.
        return handles.createDeflateRaw({ ...options, strategy: constants.Z_HUFFMAN_ONLY });
      },
    };
    expect(HandleBackend.open(streams, 1)).toBeUndefined();
    expect(handles.openCount).toBe(0);
    expect(handles.takeCalls()).toContain("open deflate -1/8/15");
  });
});

describe("HandleBackend", () => {
  it("opens no handle when a codec is created", () => {
    const { backend, handles } = openBackend();
    backend.inflater(context).close();
    backend.deflater(sending).close();
    expect(handles.takeCalls()).toEqual([]);
  });

  it("passes the negotiated options to zlib and lets Node allocate the smallest buffer", () => {
    const { backend, handles } = openBackend(2);
    const codecs = [
      backend.deflater({ ...sending, level: 3, memLevel: 4, windowBits: 8 }),
      backend.inflater({ ...context, windowBits: 8 }),
    ] as const;
    codecs[0].deflate(noise(10));
    codecs[1].inflate(received, noLimit, false);
    expect(handles.options).toEqual([
      { level: 3, memLevel: 4, windowBits: 9, strategy: constants.Z_RLE, chunkSize: 64 },
      { windowBits: 9, chunkSize: 64 },
    ]);
    for (const codec of codecs) codec.close();
  });

  it("passes a handle from deflater to deflater if their options are the same", () => {
    const { backend, handles } = openBackend(1);
    const deflaters = [sending, { ...sending }].map((options) => backend.deflater(options));
    for (const deflater of deflaters) deflater.deflate(noise(10));
    expect(handles.takeCalls()).toEqual(["open deflate 6/8/15", "write 10", "reset", "write 10"]);
    for (const deflater of deflaters) deflater.close();
    expect(handles.openCount).toBe(0);
  });

  it.each([
    ["level", { level: 5 }, "5/8/15"],
    ["memLevel", { memLevel: 7 }, "6/7/15"],
    ["window", { windowBits: 14 }, "6/8/14"],
    // The window of zlib is the same for 8 and 9 bits, but its strategy is not.
    ["window of 8 bits", { windowBits: 8 }, "6/8/9"],
  ])("replaces the handle for a deflater with another %s", (_, changed, description) => {
    const { backend, handles } = openBackend(1);
    const first = backend.deflater({ ...sending, windowBits: "windowBits" in changed ? 9 : 15 });
    const second = backend.deflater({ ...sending, ...changed });
    first.deflate(noise(10));
    handles.takeCalls();
    second.deflate(noise(10));
    expect(handles.takeCalls()).toEqual(["close", `open deflate ${description}`, "write 10"]);
    first.close();
    second.close();
  });

  it("passes a handle between deflaters with and without context", () => {
    const { backend, handles } = openBackend(1);
    const first = backend.deflater(sending);
    const second = backend.deflater({ ...sending, keepsContext: false });
    first.deflate(noise(10));
    handles.takeCalls();
    second.deflate(noise(10));
    expect(handles.takeCalls()).not.toContain("close");
    first.close();
    second.close();
  });

  it("passes a handle from inflater to inflater for windows of 8 and 9 bits, but not of 10", () => {
    const { backend, handles } = openBackend(1);
    const inflaters = [8, 9, 10].map((windowBits) => backend.inflater({ windowBits, keepsContext: true }));
    const calls = inflaters.map((inflater) => {
      inflater.inflatePieces!([received], noLimit, false);
      return handles.takeCalls().filter((call) => !call.startsWith("write"));
    });
    expect(calls).toEqual([["open inflate 9"], ["reset"], ["close", "open inflate 10"]]);
    for (const inflater of inflaters) inflater.close();
  });

  it.each([1, 2, 3])("opens at most %i handles per direction", (maxHandles) => {
    const { backend, handles } = openBackend(maxHandles);
    const pairs = Array.from(
      { length: 4 },
      () => [backend.inflater(context), backend.deflater(sending)] as const,
    );
    for (const [inflater, deflater] of pairs) {
      inflater.inflatePieces!([received], noLimit, false);
      deflater.deflate(noise(10));
    }
    expect(handles.openCount).toBe(2 * maxHandles);
    for (const codec of pairs.flat()) codec.close();
    expect(handles.openCount).toBe(0);
  });
});
