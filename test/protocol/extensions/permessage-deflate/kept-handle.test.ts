import { constants, deflateRawSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { ChunkedOutput } from "../../../../protocol/extensions/permessage-deflate/chunked-output.js";
import {
  callsAsExpected,
  KeptHandle,
  nodeStreams,
  type ZlibStream,
  type ZlibStreams,
} from "../../../../protocol/extensions/permessage-deflate/kept-handle.js";

/** A stream of a Node to come, with nothing native in it. */
function streamsOf(stream: object): ZlibStreams {
  const make = (): ZlibStream => ({ close: () => {}, ...stream });
  return { createInflateRaw: make, createDeflateRaw: make };
}

const output = Buffer.alloc(64);

/** A stream that writes to its handle with `args`. */
function callingWith(args: (input: Buffer) => unknown[], times = 1): ZlibStreams {
  const handle = { writeSync: (..._: unknown[]): void => {}, reset: (): void => {} };
  const processChunk = (input: Buffer): void => {
    for (let count = 0; count < times; count++) handle.writeSync(...args(input));
  };
  return streamsOf({ _handle: handle, _processChunk: processChunk });
}

const today = (input: Buffer): unknown[] => [constants.Z_SYNC_FLUSH, input, 0, input.length, output, 0, 64];

describe("callsAsExpected", () => {
  it("is true of this Node, and of one that calls its handle in the same way", () => {
    expect(callsAsExpected(nodeStreams)).toBe(true);
    expect(callsAsExpected(callingWith(today))).toBe(true);
  });

  const methods = { writeSync: () => {}, reset: () => {} };
  it.each<[string, ZlibStreams]>([
    ["no handle", streamsOf({ _processChunk: () => {} })],
    ["a handle that is null", streamsOf({ _handle: null, _processChunk: () => {} })],
    ["no writeSync", streamsOf({ _handle: { reset: () => {} }, _processChunk: () => {} })],
    ["no reset", streamsOf({ _handle: { writeSync: () => {} }, _processChunk: () => {} })],
    ["no call of its own", streamsOf({ _handle: methods })],
    ["no write", callingWith(today, 0)],
    ["two writes", callingWith(today, 2)],
    ["another flush value", callingWith((input) => [constants.Z_FINISH, ...today(input).slice(1)])],
    ["other input", callingWith((input) => today(input).with(1, Buffer.from(input)))],
    ["another input offset", callingWith((input) => today(input).with(2, 1))],
    ["another input size", callingWith((input) => today(input).with(3, 1))],
    ["output that is no bytes", callingWith((input) => today(input).with(4, [...output]))],
    ["another output offset", callingWith((input) => today(input).with(5, 1))],
    ["another output size", callingWith((input) => today(input).with(6, 63))],
    ["one argument less", callingWith((input) => today(input).slice(0, -1))],
    ["one argument more", callingWith((input) => [...today(input), 0])],
  ])("is false of %s", (_, streams) => {
    expect(callsAsExpected(streams)).toBe(false);
  });
});

describe("KeptHandle", () => {
  it.each<[string, object]>([
    ["no handle", { _writeState: new Uint32Array(2) }],
    ["no state", { _handle: { writeSync: () => {}, reset: () => {} } }],
    [
      "a state of another size",
      { _handle: { writeSync: () => {}, reset: () => {} }, _writeState: new Uint32Array(3) },
    ],
  ])("can't be made of a stream with %s", (_, stream) => {
    expect(() => KeptHandle.inflater(streamsOf(stream), {})).toThrow("shows no handle");
    expect(() => KeptHandle.deflater(streamsOf(stream), {})).toThrow("shows no handle");
  });

  it("says how much it has not read, and works again after a failure and a reset", () => {
    const handle = KeptHandle.inflater(nodeStreams, {});
    const sink = new ChunkedOutput();
    const finished = Buffer.concat([deflateRawSync("Hello"), Buffer.from("more")]);
    for (let round = 0; round < 2; round++) {
      sink.begin(100);
      expect(handle.run(constants.Z_SYNC_FLUSH, finished, finished.length, sink)).toBe(4);
      expect(sink.take(true).toString()).toBe("Hello");
      handle.reset();
      sink.begin(100);
      expect(() => handle.run(constants.Z_SYNC_FLUSH, Buffer.of(0x06), 1, sink)).toThrow(
        "invalid block type",
      );
      handle.reset();
    }
    handle.close();
    handle.close();
  });
});
