import { deflateRawSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { ProtocolError } from "../../../../protocol/errors.js";
import { HandleInflater } from "../../../../protocol/extensions/permessage-deflate/handle-inflater.js";
import { HandlePool } from "../../../../protocol/extensions/permessage-deflate/handle-pool.js";
import { HandleScratch } from "../../../../protocol/extensions/permessage-deflate/handle-scratch.js";
import { ZlibHandle } from "../../../../protocol/extensions/permessage-deflate/zlib-handle.js";
import { context, failureOf, finalBlocks, noContext, noLimit, unusedSink } from "../../../support/codecs.js";
import { compress, matchMessage, noise, storedMessage, storedOverhead } from "../../../support/compressed.js";
import { DeflateBlocks } from "../../../support/deflate-blocks.js";
import { RecordingZlib } from "../../../support/recording-zlib.js";

/** Largest message in bytes, when compressed, that counts as tiny. */
const maxTinySize = 128;
/** The four bytes that RFC 7692 7.2.2 appends, and one more that must stay unread. */
const tail = "write 5";

/** Creates inflaters that share handles. */
class Scene {
  readonly handles = new RecordingZlib();
  readonly scratch = new HandleScratch();
  readonly #pool: HandlePool;

  constructor(maxHandles: number = 1) {
    this.#pool = new HandlePool((options) => ZlibHandle.inflater(this.handles, options), maxHandles);
  }

  inflater(options = context): HandleInflater {
    return new HandleInflater(options, this.#pool, this.scratch);
  }

  /** Returns the calls of the handles during `action`. It is empty if our own inflater has inflated the message. */
  callsOf(action: () => unknown): string[] {
    this.handles.takeCalls();
    action();
    return this.handles.takeCalls();
  }
}

/** A message of `size` bytes when compressed, with its content. */
function messageOf(size: number, seed = size): { compressed: Buffer; content: Buffer } {
  const content = noise(size - storedOverhead, seed);
  return { compressed: storedMessage(content), content };
}

/** Inflates a message of `size` bytes and checks the result. */
function receive(inflater: HandleInflater, size: number, seed = size): void {
  const { compressed, content } = messageOf(size, seed);
  expect(compressed).toHaveLength(size);
  expect(inflater.inflate(compressed, noLimit, false).equals(content)).toBe(true);
}

describe("HandleInflater chooses an inflater", () => {
  it("uses its own for messages of up to 128 bytes while there is no handle", () => {
    const scene = new Scene();
    const inflater = scene.inflater();
    for (const size of [storedOverhead, maxTinySize - 1, maxTinySize])
      expect(scene.callsOf(() => receive(inflater, size))).toEqual([]);
    inflater.close();
  });

  it("opens a handle for a message of 129 bytes", () => {
    const scene = new Scene();
    const inflater = scene.inflater();
    expect(scene.callsOf(() => receive(inflater, maxTinySize + 1))).toEqual([
      "open inflate 15",
      `write ${maxTinySize + 1}`,
      tail,
    ]);
    expect(scene.callsOf(() => receive(inflater, 200))).toEqual(["write 200", tail]);
    inflater.close();
  });

  it("opens a handle with a window of 9 bits if 8 were negotiated", () => {
    const scene = new Scene();
    const inflater = scene.inflater({ windowBits: 8, keepsContext: true });
    expect(scene.callsOf(() => receive(inflater, 200))[0]).toBe("open inflate 9");
    inflater.close();
  });

  it("uses the handle for the first 16 tiny messages in a row, and its own inflater for the next ones", () => {
    const scene = new Scene();
    const inflater = scene.inflater();
    receive(inflater, 200);
    for (let count = 1; count <= 16; count++)
      expect(scene.callsOf(() => receive(inflater, 20, count))).toEqual(["write 20", tail]);
    for (let count = 17; count <= 20; count++)
      expect(scene.callsOf(() => receive(inflater, 20, count))).toEqual([]);
    inflater.close();
  });

  it("counts the tiny messages again after a larger one", () => {
    const scene = new Scene();
    const inflater = scene.inflater();
    receive(inflater, 200);
    for (let count = 1; count <= 16; count++) receive(inflater, 20, count);
    receive(inflater, 129);
    for (let count = 1; count <= 16; count++)
      expect(scene.callsOf(() => receive(inflater, 20, count))).toEqual(["write 20", tail]);
    expect(scene.callsOf(() => receive(inflater, 20))).toEqual([]);
    inflater.close();
  });

  it("reloads the window of its handle for the next larger message", () => {
    const scene = new Scene();
    const inflater = scene.inflater();
    receive(inflater, 206);
    for (let count = 1; count <= 17; count++) receive(inflater, 16, count);
    // 200 bytes, 17 times 10 bytes, and 5 bytes of a block header.
    expect(scene.callsOf(() => receive(inflater, 300))).toEqual(["reset", "write 375", "write 300", tail]);
    expect(scene.callsOf(() => receive(inflater, 301))).toEqual(["write 301", tail]);
    inflater.close();
  });

  it("does not take the handle of another codec for a message that it can inflate itself", () => {
    const scene = new Scene(1);
    const [first, second] = [scene.inflater(), scene.inflater()];
    receive(first, 200);
    expect(scene.callsOf(() => receive(second, 4096))).toEqual([]);
    // Without WebAssembly, our own inflater only accepts messages of up to 4 KiB.
    const calls = scene.callsOf(() => receive(second, 4097));
    expect(calls.filter((call) => call.startsWith("open"))).toEqual([]);
    expect(calls).toEqual(["reset", `write ${4096 - storedOverhead + 5}`, "write 4097", tail]);
    expect(scene.callsOf(() => receive(first, 201))).toEqual([]);
    first.close();
    second.close();
  });

  it("opens a handle of its own at the 17th message of more than 128 bytes, even if the pool is full", () => {
    const scene = new Scene(1);
    const [first, second] = [scene.inflater(), scene.inflater()];
    receive(first, 200);
    for (let count = 1; count <= 20; count++) receive(second, maxTinySize, count);
    for (let count = 1; count <= 16; count++)
      expect(scene.callsOf(() => receive(second, maxTinySize + 1, count))).toEqual([]);
    expect(scene.callsOf(() => receive(second, maxTinySize + 1))[0]).toBe("open inflate 15");
    expect(scene.callsOf(() => receive(first, 200))).toEqual(["write 200", tail]);
    first.close();
    second.close();
  });

  it.each([
    [15, true],
    [16, false],
  ])("after %i messages by zlib, another codec may take its handle: %s", (count, isShared) => {
    const scene = new Scene(1);
    const [first, second] = [scene.inflater(), scene.inflater()];
    for (let index = 0; index < count; index++) receive(first, 200, index);
    const calls = scene.callsOf(() => receive(second, 5000));
    expect(calls).toEqual([isShared ? "reset" : "open inflate 15", "write 5000", tail]);
    first.close();
    second.close();
  });

  it("uses its own inflater for messages from 2 KiB on after WebAssembly was loaded", () => {
    const scene = new Scene();
    const inflater = scene.inflater();
    receive(inflater, 2048);
    while (!scene.scratch.ownInflater.isFasterThanZlib(32 * 1024));
    expect(scene.callsOf(() => receive(inflater, 2047))).toEqual(["write 2047", tail]);
    expect(scene.callsOf(() => receive(inflater, 2048))).toEqual([]);
    expect(scene.callsOf(() => receive(inflater, 32 * 1024))).toEqual([]);
    expect(scene.callsOf(() => receive(inflater, 32 * 1024 + 1))).toContain("write 32769");
    inflater.close();
  });

  it("leaves a message that its own inflater declines to zlib, with the same window", () => {
    const scene = new Scene();
    const inflater = scene.inflater();
    receive(inflater, 56);
    // 115 bytes that produce more than the 128 KiB that its own inflater can return.
    const zeros = Buffer.alloc(130 * 1024);
    const message = compress(zeros, { level: 9 });
    const inflate = (): Buffer => inflater.inflate(message, noLimit, false);
    expect(scene.callsOf(() => expect(inflate().equals(zeros)).toBe(true)).slice(0, 3)).toEqual([
      "open inflate 15",
      "write 55",
      `write ${message.length}`,
    ]);
    inflater.close();
  });

  it("inflates a final block of a tiny message without zlib", () => {
    const scene = new Scene();
    const inflater = scene.inflater();
    receive(inflater, 56);
    const isFinal = true;
    const message = new DeflateBlocks().fixed([{ length: 5, distance: 50 }], { isFinal }).bytes();
    const inflate = (): Buffer => inflater.inflate(message, noLimit, false);
    expect(scene.callsOf(() => expect(inflate()).toEqual(messageOf(56).content.subarray(0, 5)))).toEqual([]);
    inflater.close();
  });

  it("passes only the first of many streams of a message to zlib, and loads the window for the next message", () => {
    const scene = new Scene();
    const inflater = scene.inflater();
    const streams = Array.from({ length: 100 }, (_, index) => deflateRawSync(noise(20, index)));
    const message = Buffer.concat(streams);
    const calls = scene.callsOf(() => inflater.inflate(message, noLimit, false));
    expect(calls).toEqual(["open inflate 15", `write ${message.length}`]);
    expect(scene.callsOf(() => receive(inflater, 200))).toEqual(["reset", "write 2005", "write 200", tail]);
    inflater.close();
  });

  it("inflates no bytes as an empty message without zlib, and keeps the window", () => {
    const scene = new Scene();
    const inflater = scene.inflater();
    receive(inflater, 200);
    const inflate = (): Buffer => inflater.inflate(Buffer.alloc(0), 0, false);
    expect(scene.callsOf(() => expect(inflate()).toHaveLength(0))).toEqual([]);
    expect(inflater.inflate(matchMessage(3, 194), noLimit, false)).toEqual(
      messageOf(200).content.subarray(0, 3),
    );
    inflater.close();
  });
});

describe("HandleInflater without context", () => {
  it("resets its handle for each message and loads no window", () => {
    const scene = new Scene();
    const inflater = scene.inflater(noContext);
    expect(scene.callsOf(() => receive(inflater, 200))).toEqual(["open inflate 15", "write 200", tail]);
    expect(scene.callsOf(() => receive(inflater, 200))).toEqual(["reset", "write 200", tail]);
    expect(scene.callsOf(() => receive(inflater, 20))).toEqual([]);
    expect(scene.callsOf(() => receive(inflater, 200))).toEqual(["reset", "write 200", tail]);
    inflater.close();
  });

  it("does not let a message refer to an earlier one, with either inflater", () => {
    const scene = new Scene();
    const inflater = scene.inflater(noContext);
    for (const size of [20, 200]) {
      receive(inflater, size);
      expect(failureOf(() => inflater.inflate(matchMessage(3, 1), noLimit, false))).toMatchObject({
        code: "INVALID_DEFLATE_DATA",
      });
      receive(inflater, size);
      expect(failureOf(() => inflater.inflatePieces([matchMessage(3, 1)], noLimit, false))).toMatchObject({
        code: "INVALID_DEFLATE_DATA",
      });
    }
    inflater.close();
  });

  it("discards the window that it has kept for the next block of a message with final blocks", () => {
    const scene = new Scene();
    const inflater = scene.inflater(noContext);
    const { compressed, content } = messageOf(200);
    const message = Buffer.concat([deflateRawSync(content), compressed]);
    for (let round = 0; round < 2; round++) {
      const inflated = inflater.inflate(message, noLimit, true);
      expect(inflated).toEqual(Buffer.concat([content, content]));
    }
    expect(scene.callsOf(() => receive(inflater, 200))).toEqual(["reset", "write 200", tail]);
    inflater.close();
  });

  it("inflates the next message after an error", () => {
    const inflater = new Scene().inflater(noContext);
    for (const compressed of [Buffer.of(0x06), messageOf(200).compressed.subarray(0, 150)]) {
      failureOf(() => inflater.inflatePieces([compressed], noLimit, false));
      receive(inflater, 200);
    }
    inflater.close();
  });
});

describe("HandleInflater without its handle", () => {
  it("loads the window into a new handle after rest()", () => {
    const scene = new Scene();
    const inflater = scene.inflater();
    receive(inflater, 206);
    expect(scene.callsOf(() => inflater.rest())).toEqual(["close"]);
    expect(scene.callsOf(() => inflater.rest())).toEqual([]);
    expect(scene.callsOf(() => receive(inflater, 300))).toEqual([
      "open inflate 15",
      "write 205",
      "write 300",
      tail,
    ]);
    expect(inflater.inflate(matchMessage(3, 494), noLimit, false)).toEqual(
      messageOf(206).content.subarray(0, 3),
    );
    inflater.close();
    expect(scene.handles.openCount).toBe(0);
  });

  it("loads the window into the handle of another codec", () => {
    const scene = new Scene(1);
    const [first, second] = [scene.inflater(), scene.inflater()];
    receive(first, 206);
    receive(second, 5000);
    // `inflatePieces` never uses our own inflater.
    const { compressed, content } = messageOf(250);
    expect(
      scene.callsOf(() => expect(first.inflatePieces([compressed], noLimit, false)).toEqual(content)),
    ).toEqual(["reset", "write 205", "write 250", tail]);
    expect(second.inflate(matchMessage(10, 4994), noLimit, false)).toEqual(
      messageOf(5000).content.subarray(0, 10),
    );
    first.close();
    second.close();
  });
});

describe("HandleInflater.inflatePieces", () => {
  it("uses zlib even for a tiny message", () => {
    const scene = new Scene();
    const inflater = scene.inflater();
    const pieces = [Buffer.from("f248", "hex"), Buffer.from("cdc9c90700", "hex")];
    const inflate = (): string => inflater.inflatePieces(pieces, noLimit, false).toString();
    expect(scene.callsOf(() => expect(inflate()).toBe("Hello"))).toEqual([
      "open inflate 15",
      "write 2",
      "write 5",
      tail,
    ]);
    inflater.close();
  });

  it("returns the same message for every split, also with final blocks", () => {
    const history = noise(300, 5);
    const message = new DeflateBlocks()
      .fixed(["Hello", { length: 5, distance: 305 }], { isFinal: true })
      .stored(", ", { isFinal: true })
      .fixed([{ length: 8, distance: 20 }])
      .flush()
      .bytes();
    const expected = Buffer.concat([
      Buffer.from("Hello"),
      history.subarray(0, 5),
      Buffer.from(", "),
      history.subarray(-8),
    ]);
    for (let cut = 0; cut <= message.length; cut++) {
      const inflater = new Scene().inflater();
      inflater.inflate(storedMessage(history), noLimit, false);
      const pieces = [message.subarray(0, cut), message.subarray(cut)];
      expect(inflater.inflatePieces(pieces, noLimit, true)).toEqual(expected);
      inflater.close();
    }
  });

  it.each<[string, Buffer[]]>([
    ["no pieces", []],
    ["an empty piece", [Buffer.alloc(0)]],
    ["two empty pieces", [Buffer.alloc(0), Buffer.alloc(0)]],
  ])("inflates %s as an empty message without zlib, and keeps the window", (_, pieces) => {
    const scene = new Scene();
    const inflater = scene.inflater();
    receive(inflater, 200);
    const inflate = (): Buffer => inflater.inflatePieces(pieces, 0, true);
    expect(scene.callsOf(() => expect(inflate()).toHaveLength(0))).toEqual([]);
    expect(inflater.inflate(matchMessage(3, 194), noLimit, false)).toEqual(
      messageOf(200).content.subarray(0, 3),
    );
    inflater.close();
  });

  it("keeps the window for the next message", () => {
    const inflater = new Scene().inflater();
    const { compressed, content } = messageOf(200);
    inflater.inflatePieces([compressed.subarray(0, 100), compressed.subarray(100)], noLimit, false);
    expect(inflater.inflate(matchMessage(10, 194), noLimit, false)).toEqual(content.subarray(0, 10));
    inflater.close();
  });
});

describe("the errors of HandleInflater", () => {
  it.each([
    ["without its last byte", 199],
    ["without its last bytes, which the appended tail replaces", 195],
  ])("rejects a message %s, without a cause", (_, size) => {
    const inflater = new Scene().inflater();
    const cut = messageOf(200).compressed.subarray(0, size);
    const error = failureOf(() => inflater.inflate(cut, noLimit, false));
    expect(error).toMatchObject({ code: "INVALID_DEFLATE_DATA", closeCode: 1007 });
    expect(error.message).toContain(": it ends inside a block.");
    expect(error.cause).toBeUndefined();
    inflater.close();
  });

  it("rejects corrupt data, with the error of zlib as the cause", () => {
    const inflater = new Scene().inflater();
    const error = failureOf(() => inflater.inflate(Buffer.of(0x06), noLimit, false));
    expect(error).toMatchObject({ code: "INVALID_DEFLATE_DATA", closeCode: 1007 });
    expect(error.cause).toMatchObject({ message: "invalid block type" });
    inflater.close();
  });

  it("rejects a message of one byte more than the limit, with either inflater", () => {
    const scene = new Scene();
    for (const size of [20, 200]) {
      const { compressed, content } = messageOf(size);
      const inflater = scene.inflater(noContext);
      expect(inflater.inflate(compressed, content.length, false)).toEqual(content);
      for (const limit of [0, content.length - 1]) {
        expect(failureOf(() => inflater.inflate(compressed, limit, false))).toMatchObject({
          code: "MESSAGE_TOO_BIG",
          message: expect.stringContaining(`more than ${limit} bytes`) as string,
        });
      }
      inflater.close();
    }
  });

  it("releases the output of the rejected message", () => {
    const scene = new Scene();
    const inflater = scene.inflater();
    const { compressed } = messageOf(200);
    failureOf(() => inflater.inflate(compressed.subarray(0, 150), noLimit, false));
    expect([scene.scratch.inflated.size, scene.scratch.inflated.chunk.length]).toEqual([0, 0]);
    inflater.close();
  });

  it("rejects the 13,108th final block of a message without data, but counts each message anew", () => {
    const inflater = new Scene().inflater(noContext);
    const error = failureOf(() => inflater.inflate(finalBlocks(13_108), 1000, false));
    expect(error).toMatchObject({ code: "TOO_MANY_DEFLATE_BLOCKS", closeCode: 1008 });
    expect(inflater.inflate(finalBlocks(13_107), 1000, false)).toHaveLength(0);
    inflater.close();
  });
});

describe("HandleInflater with a sink", () => {
  const largeSize = 9 * 1024 * 1024;
  /** Each character has two bytes. ASCII is not passed to a sink. */
  const large = Buffer.alloc(largeSize, "é");
  const compressedLarge = compress(large, { level: 1 });

  it("passes the first parts of a large message to it and returns the last part", () => {
    const inflater = new Scene().inflater();
    const parts: Buffer[] = [];
    const sink = { onInflated: (bytes: Buffer) => parts.push(Buffer.from(bytes)) };
    const rest = inflater.inflate(compressedLarge, noLimit, false, sink);
    expect(parts.length).toBeGreaterThan(0);
    expect(rest.length).toBeLessThan(largeSize);
    expect(Buffer.concat([...parts, rest]).equals(large)).toBe(true);
    inflater.close();
  });

  it("keeps the end of that message as the window of the next one", () => {
    const scene = new Scene();
    const inflater = scene.inflater();
    // The last part has 100 bytes, so most of the window is in a part that was passed to the sink.
    const marked = Buffer.concat([large.subarray(40_000), noise(40_100)]);
    inflater.inflate(compress(marked, { level: 1 }), noLimit, false, { onInflated: () => {} });
    const expected = marked.subarray(-32_768);
    // The handle still has the window. After rest(), it is the copy of the inflater that counts.
    for (const action of [() => {}, () => inflater.rest()]) {
      action();
      const inflated = inflater.inflatePieces([matchMessage(10, 32_768)], noLimit, true);
      expect(inflated).toEqual(expected.subarray(0, 10));
      // The next match starts ten bytes later, because the window has moved.
      expected.copyWithin(0, 10);
    }
    inflater.close();
  });

  it("does not pass a message of less than 8 MiB to it", () => {
    const inflater = new Scene().inflater();
    const message = large.subarray(0, 8 * 1024 * 1024 - 2);
    const inflated = inflater.inflate(compress(message, { level: 1 }), noLimit, false, unusedSink);
    expect(inflated.equals(message)).toBe(true);
    inflater.close();
  });

  it.each([
    ["a ProtocolError", new ProtocolError("not UTF-8", { code: "INVALID_UTF8", closeCode: 1007 })],
    ["another error", new RangeError("no space for the text")],
  ])("throws %s of the sink unchanged, and does not call that sink for the next message", (_, refusal) => {
    const inflater = new Scene().inflater(noContext);
    let calls = 0;
    const sink = {
      onInflated: (): void => {
        calls++;
        throw refusal;
      },
    };
    let thrown: unknown;
    try {
      inflater.inflate(compressedLarge, noLimit, false, sink);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBe(refusal);
    expect(calls).toBe(1);
    expect(inflater.inflate(compressedLarge, noLimit, true).equals(large)).toBe(true);
    expect(calls).toBe(1);
    inflater.close();
  });
});

describe("HandleInflater with isKept", () => {
  it.each([20, 200])("returns a copy of a message of %i bytes, or memory that is overwritten", (size) => {
    const inflater = new Scene().inflater();
    const { compressed, content } = messageOf(size);
    const [kept, lent] = [true, false].map((isKept) => inflater.inflate(compressed, noLimit, isKept));
    expect(lent).toEqual(content);
    receive(inflater, size, 77);
    expect(kept).toEqual(content);
    expect(lent).not.toEqual(content);
    inflater.close();
  });
});
