import { constants, deflateRawSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { ChunkedOutput } from "../../../../protocol/extensions/permessage-deflate/chunked-output.js";
import {
  callsAsExpected,
  ZlibHandle,
  nodeStreams,
  type ZlibStream,
  type ZlibStreams,
} from "../../../../protocol/extensions/permessage-deflate/zlib-handle.js";

/** Creates streams of an imaginary version of Node, without native code. */
function streamsOf(stream: object): ZlibStreams {
  const make = (): ZlibStream => ({ close: () => {}, ...stream });
  return { createInflateRaw: make, createDeflateRaw: make };
}

const output = Buffer.alloc(64);

/** Creates streams that call their handle with `args`. */
function callingWith(args: (input: Buffer) => unknown[], times = 1): ZlibStreams {
  const handle = { writeSync: (..._: unknown[]): void => {}, reset: (): void => {} };
  const processChunk = (input: Buffer): void => {
    for (let count = 0; count < times; count++) handle.writeSync(...args(input));
  };
  return streamsOf({ _handle: handle, _processChunk: processChunk });
}

const currentArguments = (input: Buffer): unknown[] => [
  constants.Z_SYNC_FLUSH,
  input,
  0,
  input.length,
  output,
  0,
  64,
];

describe("callsAsExpected", () => {
  it("returns true for this version of Node and for one with the same calls", () => {
    expect(callsAsExpected(nodeStreams)).toBe(true);
    expect(callsAsExpected(callingWith(currentArguments))).toBe(true);
  });

  const methods = { writeSync: () => {}, reset: () => {} };
  it.each<[string, ZlibStreams]>([
    ["no handle", streamsOf({ _processChunk: () => {} })],
    ["a handle of null", streamsOf({ _handle: null, _processChunk: () => {} })],
    ["no writeSync", streamsOf({ _handle: { reset: () => {} }, _processChunk: () => {} })],
    ["no reset", streamsOf({ _handle: { writeSync: () => {} }, _processChunk: () => {} })],
    ["no synchronous call", streamsOf({ _handle: methods })],
    ["no write", callingWith(currentArguments, 0)],
    ["two writes", callingWith(currentArguments, 2)],
    ["writes without end, because the handle makes no progress", callingWith(currentArguments, Infinity)],
    [
      "another flush value",
      callingWith((input) => [constants.Z_FINISH, ...currentArguments(input).slice(1)]),
    ],
    ["other input", callingWith((input) => currentArguments(input).with(1, Buffer.from(input)))],
    ["another input offset", callingWith((input) => currentArguments(input).with(2, 1))],
    ["another input size", callingWith((input) => currentArguments(input).with(3, 1))],
    [
      "output that is not a typed array",
      callingWith((input) => currentArguments(input).with(4, [...output])),
    ],
    ["another output offset", callingWith((input) => currentArguments(input).with(5, 1))],
    ["another output size", callingWith((input) => currentArguments(input).with(6, 63))],
    ["one argument fewer", callingWith((input) => currentArguments(input).slice(0, -1))],
    ["one argument more", callingWith((input) => [...currentArguments(input), 0])],
  ])("returns false for %s", (_, streams) => {
    expect(callsAsExpected(streams)).toBe(false);
  });
});

describe("ZlibHandle", () => {
  it.each<[string, object]>([
    ["no handle", { _writeState: new Uint32Array(2) }],
    ["no state", { _handle: { writeSync: () => {}, reset: () => {} } }],
    [
      "a state of another size",
      { _handle: { writeSync: () => {}, reset: () => {} }, _writeState: new Uint32Array(3) },
    ],
  ])("cannot be created from a stream with %s", (_, stream) => {
    expect(() => ZlibHandle.inflater(streamsOf(stream), {})).toThrow("no accessible handle");
    expect(() => ZlibHandle.deflater(streamsOf(stream), {})).toThrow("no accessible handle");
  });

  it("returns the number of unread bytes, and works again after a failure and a reset", () => {
    const handle = ZlibHandle.inflater(nodeStreams, {});
    const sink = new ChunkedOutput();
    const finished = Buffer.concat([deflateRawSync("Hello"), Buffer.from("more")]);
    for (let round = 0; round < 2; round++) {
      sink.begin(100);
      expect(handle.run(constants.Z_SYNC_FLUSH, finished, finished.length, sink)).toBe(4);
      expect(sink.finish(true).toString()).toBe("Hello");
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
