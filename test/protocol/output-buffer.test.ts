import { beforeEach, describe, expect, it } from "vitest";
import type { FrameObserver, ObservedFrame } from "../../protocol/frame-observer.js";
import { OutputBuffer } from "../../protocol/output-buffer.js";
import type { Resources } from "../../protocol/resources.js";
import { drain, testResources } from "../support/protocol-end.js";
import { closePayload, opcodes, type ReadFrame, readFrames } from "../support/wire.js";

const segmentSize = 65536;
const names = new Map<number, string>(Object.entries(opcodes).map(([name, opcode]) => [opcode, name]));

function bytesOf(size: number, seed = 0): Buffer {
  return Buffer.from(Array.from({ length: size }, (_, index) => (index * 7 + (index >>> 8) + seed) & 255));
}

/** Describes a frame, for example `text a`, `ping 1` or `binary (70000)`. */
function describeFrame({ opcode, payload }: ReadFrame): string {
  const content = payload.length > 40 ? `(${payload.length})` : payload.toString("latin1");
  return `${names.get(opcode)} ${content}`.trim();
}

function framesOf(bytes: Uint8Array): string[] {
  return readFrames(bytes).map(describeFrame);
}

let resources: Resources;
let output: OutputBuffer;

beforeEach(() => {
  resources = testResources();
  output = new OutputBuffer("client", resources);
});

/** Takes the next bytes without reporting them as written, like a kernel that has not accepted them yet. */
function takeOne(): Buffer {
  const bytes = output.take();
  if (bytes === undefined) throw new Error("There are no bytes to take.");
  return bytes;
}

function counts(): unknown {
  return {
    framed: output.framedCount,
    handed: output.handedCount,
    written: output.writtenCount,
    size: output.size,
  };
}

const text = (content: string): void => output.writeText(content);
const ping = (content = ""): number => output.writePing(Buffer.from(content));
const pong = (content = ""): void => output.writePong(Buffer.from(content));
const close = (): void => output.writeClose(closePayload(1000, "bye"));

describe("take and written", () => {
  it("have no effect at first", () => {
    expect(output.isReady).toBe(false);
    expect(output.take()).toBeUndefined();
    expect(counts()).toEqual({ framed: 0, handed: 0, written: 0, size: 0 });
  });

  it("return one piece of bytes at a time, which stays unchanged until it is written", () => {
    text("a");
    const first = takeOne();
    const before = Buffer.from(first);
    expect(output.isReady).toBe(false);
    expect(output.take()).toBeUndefined();
    text("b");
    output.writeBinary(bytesOf(200_000));
    expect(output.take()).toBeUndefined();
    expect(first).toEqual(before);
    output.written();
    expect(output.isReady).toBe(true);
    expect(framesOf(before)).toEqual(["text a"]);
    expect(framesOf(drain(output))).toEqual(["text b", "binary (200000)"]);
    expect(output.isReady).toBe(false);
  });

  it("return all frames of a tick in one piece", () => {
    for (let count = 0; count < 1000; count++) text(String(count));
    ping("p");
    close();
    const frames = framesOf(takeOne());
    expect(frames).toEqual([
      ...Array.from({ length: 1000 }, (_, count) => `text ${count}`),
      "ping p",
      "close \x03\xe8bye",
    ]);
  });

  it("return at most 64 KiB by default", () => {
    output.writeBinary(bytesOf(300_000));
    const pieces: number[] = [];
    for (let bytes = output.take(); bytes !== undefined; bytes = output.take()) {
      pieces.push(bytes.length);
      output.written();
    }
    expect(pieces).toEqual([segmentSize, segmentSize, segmentSize, segmentSize, 300_014 - 4 * segmentSize]);
  });

  it("keep the order of messages across segments", () => {
    const sizes = [10, 65_500, 40, 65_522, 65_523, 3, 131_072, 0, 70_000];
    for (const [index, size] of sizes.entries()) output.writeBinary(bytesOf(size, index));
    const read = readFrames(drain(output));
    expect(read.map(({ payload }) => payload.length)).toEqual(sizes);
    expect(read.every(({ payload }, index) => payload.equals(bytesOf(sizes[index]!, index)))).toBe(true);
  });
});

describe("the counters", () => {
  it("follow a message until it is written", () => {
    text("abc");
    expect(counts()).toEqual({ framed: 1, handed: 0, written: 0, size: 9 });
    takeOne();
    expect(counts()).toEqual({ framed: 1, handed: 1, written: 0, size: 9 });
    text("");
    expect(counts()).toEqual({ framed: 2, handed: 1, written: 0, size: 15 });
    output.written();
    expect(counts()).toEqual({ framed: 2, handed: 1, written: 1, size: 6 });
    drain(output);
    expect(counts()).toEqual({ framed: 2, handed: 2, written: 2, size: 0 });
  });

  it("include control frames only in the size", () => {
    ping("1");
    pong();
    close();
    expect(counts()).toEqual({ framed: 0, handed: 0, written: 0, size: 7 + 6 + 11 });
    takeOne();
    ping("2");
    expect(counts()).toEqual({ framed: 0, handed: 0, written: 0, size: 7 + 6 + 11 + 7 });
    output.written();
    drain(output);
    expect(counts()).toEqual({ framed: 0, handed: 0, written: 0, size: 0 });
  });

  it("include a partly taken message in handedCount, and in writtenCount once its end is written", () => {
    output.writeBinary(bytesOf(150_000));
    text("behind");
    const size = 150_014 + 12;
    takeOne();
    expect(counts()).toEqual({ framed: 2, handed: 1, written: 0, size });
    output.written();
    expect(counts()).toEqual({ framed: 2, handed: 1, written: 0, size: size - segmentSize });
    takeOne();
    output.written();
    expect(counts()).toEqual({ framed: 2, handed: 1, written: 0, size: size - 2 * segmentSize });
    takeOne();
    expect(counts()).toEqual({ framed: 2, handed: 2, written: 0, size: size - 2 * segmentSize });
    output.written();
    expect(counts()).toEqual({ framed: 2, handed: 2, written: 2, size: 0 });
  });

  it("are correct for a message that ends at the end of a segment", () => {
    output.writeBinary(bytesOf(2 * segmentSize - 14));
    text("next");
    takeOne();
    output.written();
    takeOne();
    output.written();
    expect(counts()).toEqual({ framed: 2, handed: 1, written: 1, size: 10 });
  });
});

describe("control frames", () => {
  it("stay in the order of the calls if nothing is queued before", () => {
    text("a");
    ping("1");
    text("b");
    pong("2");
    text("c");
    expect(framesOf(drain(output))).toEqual(["text a", "ping 1", "text b", "pong 2", "text c"]);
  });

  it("precede messages that are queued during a write", () => {
    text("in flight");
    takeOne();
    text("a");
    text("b");
    ping("1");
    text("c");
    pong("2");
    output.written();
    expect(framesOf(drain(output))).toEqual(["ping 1", "pong 2", "text a", "text b", "text c"]);
  });

  it("precede messages in more than one segment", () => {
    output.writeBinary(bytesOf(60_000));
    output.writeBinary(bytesOf(60_000));
    ping("1");
    expect(framesOf(drain(output))).toEqual(["ping 1", "binary (60000)", "binary (60000)"]);
  });

  it("follow the end of a partly sent frame, over any number of segments", () => {
    output.writeBinary(bytesOf(150_000));
    text("behind");
    const pieces = [Buffer.from(takeOne())];
    ping("1");
    output.written();
    pieces.push(Buffer.from(takeOne()));
    ping("2");
    output.written();
    pieces.push(Buffer.from(takeOne()));
    output.written();
    expect(framesOf(Buffer.concat(pieces))).toEqual(["binary (150000)"]);
    expect(counts()).toEqual({ framed: 2, handed: 1, written: 1, size: 7 + 7 + 12 });
    expect(framesOf(takeOne())).toEqual(["ping 1", "ping 2"]);
    output.written();
    expect(framesOf(drain(output))).toEqual(["text behind"]);
    expect(counts()).toEqual({ framed: 2, handed: 2, written: 2, size: 0 });
  });

  it("keep their order if they are queued between two writes", () => {
    text("in flight");
    takeOne();
    text("a");
    pong("1");
    output.written();
    ping("2");
    pong("3");
    expect(framesOf(drain(output))).toEqual(["pong 1", "ping 2", "pong 3", "text a"]);
  });

  it("follow the end of a partly sent frame that ends with its segment", () => {
    output.writeBinary(bytesOf(2 * segmentSize - 14));
    text("behind");
    const first = Buffer.from(takeOne());
    ping("1");
    output.written();
    expect(framesOf(Buffer.concat([first, takeOne()]))).toEqual([`binary (${2 * segmentSize - 14})`]);
    output.written();
    expect(framesOf(drain(output))).toEqual(["ping 1", "text behind"]);
  });

  it("allow messages to be written to a segment that is partly sent", () => {
    output.writeBinary(bytesOf(70_000));
    const pieces = [Buffer.from(takeOne())];
    ping("1");
    text("a");
    output.written();
    const tail = takeOne();
    const before = Buffer.from(tail);
    text("b");
    expect(tail).toEqual(before);
    pieces.push(before);
    output.written();
    expect(framesOf(Buffer.concat(pieces))).toEqual(["binary (70000)"]);
    expect(framesOf(drain(output))).toEqual(["ping 1", "text a", "text b"]);
    expect(counts()).toEqual({ framed: 3, handed: 3, written: 3, size: 0 });
  });

  it("let writePing() return the number of messages that certainly precede the ping", () => {
    expect(ping()).toBe(0);
    text("a");
    text("b");
    expect(ping()).toBe(2);
    takeOne();
    text("c");
    expect(ping()).toBe(2);
    output.written();
    drain(output);
    expect(ping()).toBe(3);
    drain(output);
    output.writeBinary(bytesOf(150_000));
    text("d");
    expect(ping()).toBe(3);
    drain(output);
    output.writeBinary(bytesOf(150_000));
    text("e");
    takeOne();
    expect(ping()).toBe(6);
  });
});

describe("the Close frame", () => {
  it("follows all messages, pings and pongs", () => {
    text("in flight");
    takeOne();
    text("a");
    ping("1");
    output.writeBinary(bytesOf(100_000));
    pong("2");
    close();
    output.written();
    expect(framesOf(drain(output))).toEqual([
      "ping 1",
      "pong 2",
      "text a",
      "binary (100000)",
      "close \x03\xe8bye",
    ]);
    expect(output.size).toBe(0);
  });

  it("follows the queued frames if a message is partly sent", () => {
    output.writeBinary(bytesOf(100_000));
    const first = Buffer.from(takeOne());
    pong("1");
    close();
    output.written();
    const rest = drain(output);
    expect(framesOf(Buffer.concat([first, rest]))).toEqual([
      "binary (100000)",
      "pong 1",
      "close \x03\xe8bye",
    ]);
  });
});

describe("a flood of pings", () => {
  const pongSize = 6 + 10;
  const name = (index: number): string => String(index).padStart(10, "0");

  /** Answers `count` pings of one read. */
  function flood(count: number, from = 0): void {
    for (let index = from; index < from + count; index++) pong(name(index));
  }

  function answeredBy(bytes: Uint8Array): number[] {
    return readFrames(bytes).map(({ payload }) => Number(payload.toString()));
  }

  it("is answered completely up to 16 KiB of queued pongs, and then by the newest pong only", () => {
    flood(16_384 / pongSize);
    expect(output.size).toBe(16_384);
    flood(5000, 5000);
    expect(output.size).toBe(16_384);
    const expected = [...Array(1024).keys(), 9999];
    expect(answeredBy(drain(output))).toEqual(expected);
    expect(output.size).toBe(0);
  });

  it("is answered in the same way during a write that the kernel does not accept", () => {
    text("in flight");
    takeOne();
    flood(100_000);
    expect(output.size).toBe(15 + 16_384);
    output.written();
    expect(answeredBy(drain(output))).toEqual([...Array(1024).keys(), 99_999]);
  });

  it("is answered in the same way after a partly sent frame", () => {
    output.writeBinary(bytesOf(400_000));
    const taken: Buffer[] = [];
    for (let round = 1; round <= 6; round++) {
      taken.push(Buffer.from(takeOne()));
      flood(3000, round * 10_000);
      output.written();
    }
    const pongs = output.size - (400_014 - 6 * segmentSize);
    expect(pongs).toBe(16_384);
    taken.push(drain(output));
    const read = readFrames(Buffer.concat(taken));
    expect(describeFrame(read[0]!)).toBe("binary (400000)");
    expect(read).toHaveLength(1 + 1024 + 1);
    expect(describeFrame(read.at(-1)!)).toBe(`pong ${name(62_999)}`);
  });

  it("is answered in the same way several times, each time by the newest pong", () => {
    for (let round = 1; round <= 5; round++) {
      flood(3000, round * 10_000);
      const answered = answeredBy(drain(output));
      expect(answered).toHaveLength(1025);
      expect(answered.at(-1)).toBe(round * 10_000 + 2999);
    }
  });

  it("is answered while the pongs of the previous flood are in flight", () => {
    flood(3000);
    const first = answeredBy(takeOne());
    expect(first).toEqual([...Array(1024).keys()]);
    flood(3000, 3000);
    output.written();
    const rest = answeredBy(drain(output));
    expect(rest[0]).toBe(2999);
    expect(rest.at(-1)).toBe(5999);
    expect(rest.length).toBeLessThanOrEqual(1 + 1024 + 1);
  });

  it("is answered before a Close frame, also by the newest pong, and not after it", () => {
    flood(3000);
    close();
    expect(readFrames(takeOne()).map(describeFrame).slice(-3)).toEqual([
      `pong ${name(1023)}`,
      `pong ${name(2999)}`,
      "close \x03\xe8bye",
    ]);
    output.written();
    expect(output.isReady).toBe(false);
  });

  it("is answered with a copy of the newest payload", () => {
    flood(2000);
    const lent = Buffer.from("newest");
    output.writePong(lent);
    lent.fill("x");
    expect(framesOf(drain(output)).at(-1)).toBe("pong newest");
  });

  it("is limited by the pongs that are still queued", () => {
    for (let index = 0; index < 3000; index++) {
      pong(name(index));
      if (index % 100 === 0) drain(output);
    }
    expect(answeredBy(drain(output)).at(-1)).toBe(2999);
    for (let index = 0; index < 2000; index++) ping(name(index));
    pong("answered");
    expect(framesOf(drain(output)).filter((words) => words === "pong answered")).toHaveLength(1);
  });
});

describe("segments", () => {
  it("are released when they are written, and are not used twice at the same time", () => {
    const seen = new Set<ArrayBufferLike>();
    for (let round = 0; round < 40; round++) {
      for (let count = 0; count < 3; count++) output.writeBinary(bytesOf(60_000, round));
      ping();
      for (let bytes = output.take(); bytes !== undefined; bytes = output.take()) {
        seen.add(bytes.buffer);
        output.written();
      }
    }
    // Four segments, and the wide memory that replaces them after 1 MiB was sent.
    expect(seen.size).toBeLessThanOrEqual(5);
    const free = Array.from({ length: 20 }, () => resources.segments.acquire());
    expect(new Set(free).size).toBe(20);
  });

  it("are not shared by two outputs of the same pool at the same time", () => {
    const other = new OutputBuffer("client", resources);
    text("mine");
    const mine = takeOne();
    const before = Buffer.from(mine);
    other.writeText("theirs");
    drain(other);
    other.writeBinary(bytesOf(200_000));
    drain(other);
    expect(mine).toEqual(before);
    output.written();
    other.writeText("again");
    expect(framesOf(drain(other))).toEqual(["text again"]);
  });

  it("are not released while a part of them is in flight", () => {
    const other = new OutputBuffer("client", resources);
    output.writeBinary(bytesOf(70_000));
    takeOne();
    ping("1");
    text("behind");
    output.written();
    const tail = takeOne();
    const before = Buffer.from(tail);
    other.writeBinary(bytesOf(300_000, 9));
    output.takeUnsent();
    other.writeBinary(bytesOf(300_000, 9));
    drain(other);
    expect(tail.equals(before)).toBe(true);
    output.written();
    expect(output.size).toBe(0);
  });
});

describe.each(["client", "server"] as const)("the segments of a %s with unsent output", (role) => {
  /** Sends enough bytes that the pool allocates its wide memory. All its segments are free afterwards. */
  beforeEach(() => {
    output = new OutputBuffer(role, resources);
    for (let count = 0; count < 20; count++) output.writeBinary(Buffer.alloc(60_000));
    drain(output);
    expect(freeWide()).toBe(16);
  });

  function freeWide(): number {
    const segments = Array.from({ length: 16 }, () => resources.segments.acquire());
    const wide = segments.filter(({ index }) => index !== -1);
    for (const segment of wide) resources.segments.release(segment);
    return new Set(wide).size;
  }

  /** Queues messages in four segments and control frames. With `isBegun`, a message before them is partly sent. */
  function fill(isBegun: boolean): void {
    if (isBegun) {
      output.writeBinary(bytesOf(70_000));
      takeOne();
    }
    output.writeBinary(bytesOf(200_000));
    text("behind");
    output.writeEncoded(opcodes.text, bytesOf(100), "compressed");
    ping("1");
    pong("2");
    close();
  }

  it.each([
    ["takeUnsent", false],
    ["takeUnsent", true],
    ["abandon", false],
    ["abandon", true],
    ["takeBack", false],
    ["takeBack", true],
  ] as const)("return to the pool by %s; a write is in flight: %s", (how, isBegun) => {
    fill(isBegun);
    expect(freeWide()).toBeLessThan(14);
    output[how]();
    const inUse = 16 - freeWide();
    // One segment is in flight. After takeBack(), control frames and the Close frame are still queued.
    expect(inUse).toBe((isBegun ? 1 : 0) + (how === "takeBack" ? 2 : 0));
    if (isBegun) output.written();
    if (how === "takeBack") drain(output);
    expect(freeWide()).toBe(16);
    output.written();
    output.takeUnsent();
    output.abandon();
    expect(freeWide()).toBe(16);
  });

  it.each(["takeUnsent", "abandon", "takeBack"] as const)(
    "do not change on %s while their front is in flight and their rest is queued",
    (how) => {
      output.writeBinary(bytesOf(70_000));
      takeOne();
      text("behind");
      ping();
      output.written();
      const front = takeOne();
      const before = Buffer.from(front);
      output[how]();
      const other = new OutputBuffer(role, resources);
      for (let count = 0; count < 20; count++) other.writeBinary(bytesOf(60_000, 9));
      expect(front.equals(before)).toBe(true);
      drain(other);
      output.written();
      drain(output);
      expect(freeWide()).toBe(16);
    },
  );

  it("are all available again after 16 such connections were abandoned", () => {
    for (let count = 0; count < 16; count++) {
      const one = new OutputBuffer(role, resources);
      one.writeBinary(bytesOf(60_000));
      one.writeText("unsent");
      one.abandon();
    }
    expect(freeWide()).toBe(16);
  });

  it("are released by abandon(), which keeps the messages for takeUnsent() and takeBack()", () => {
    for (const how of ["takeUnsent", "takeBack"] as const) {
      output = new OutputBuffer(role, resources);
      fill(true);
      const { size, handedCount } = output;
      output.abandon();
      expect([output.size, output.handedCount, output.isReady]).toEqual([size, handedCount, false]);
      expect(output[how]().map((message) => message.length)).toEqual([200_000, 6, 10]);
      expect(output[how]()).toEqual([]);
      output.written();
      expect([output.size, output.isReady]).toEqual([0, false]);
    }
  });
});

describe.each(["client", "server"] as const)("takeUnsent at a %s", (role) => {
  beforeEach(() => {
    output = new OutputBuffer(role, resources);
  });

  const large = bytesOf(200_000);

  it("returns everything if nothing was taken, and nothing the second time", () => {
    text("a");
    ping("1");
    output.writeBinary(Buffer.from([1, 2, 3]));
    output.writeEncoded(opcodes.text, Buffer.from("???"), "compressed");
    output.writeBinary(large);
    output.writeText("x".repeat(70_000) + "é");
    text("");
    output.writeBinary(Buffer.alloc(0));
    close();
    const unsent = output.takeUnsent();
    expect(unsent.filter((_, index) => index !== 3)).toEqual([
      "a",
      Buffer.from([1, 2, 3]),
      "compressed",
      "x".repeat(70_000) + "é",
      "",
      Buffer.alloc(0),
    ]);
    expect(large.equals(unsent[3] as Buffer)).toBe(true);
    expect(counts()).toEqual({ framed: 7, handed: 0, written: 0, size: 0 });
    expect(output.take()).toBeUndefined();
    expect(output.takeUnsent()).toEqual([]);
  });

  it.each([
    ["nothing is taken", 0, ["large", "a", "b", "c"]],
    ["a part of the first is taken", 1, ["a", "b", "c"]],
    ["all but the end of the first is taken", 3, ["a", "b", "c"]],
    ["the end of the first and a part of the third are taken", 4, ["c"]],
    ["everything is taken", 5, []],
  ])("returns the messages of which no byte was taken: %s", (_what, takenCount, names) => {
    output.writeBinary(large);
    text("a");
    output.writeEncoded(opcodes.binary, bytesOf(100_000), Buffer.from("b"));
    text("c");
    for (let count = 0; count < takenCount; count++) {
      takeOne();
      output.written();
    }
    const { handedCount } = output;
    const unsent = output.takeUnsent();
    expect(unsent.map((data) => (data.length === large.length ? "large" : data.toString()))).toEqual(names);
    expect([output.handedCount, output.framedCount, output.size]).toEqual([handedCount, 4, 0]);
    expect(handedCount).toBe(4 - names.length);
  });

  it("does not affect bytes in flight, whose size is counted until they are written", () => {
    text("in flight");
    const bytes = takeOne();
    const before = Buffer.from(bytes);
    text("waits");
    ping();
    expect(output.takeUnsent()).toEqual(["waits"]);
    expect(counts()).toEqual({ framed: 2, handed: 1, written: 0, size: before.length });
    expect(bytes).toEqual(before);
    output.written();
    expect(counts()).toEqual({ framed: 2, handed: 1, written: 1, size: 0 });
    expect(output.isReady).toBe(false);
  });

  it("counts a partly sent message as handed, and never as written", () => {
    output.writeBinary(large);
    text("behind");
    takeOne();
    expect(output.takeUnsent()).toEqual(["behind"]);
    expect(output.takeUnsent()).toEqual([]);
    expect(counts()).toEqual({ framed: 2, handed: 1, written: 0, size: segmentSize });
    output.written();
    expect(counts()).toEqual({ framed: 2, handed: 1, written: 0, size: 0 });
  });

  it("returns the messages after a frame that delayed control frames", () => {
    output.writeBinary(bytesOf(70_000));
    output.writeEncoded(opcodes.text, bytesOf(20), "compressed");
    text("plain");
    takeOne();
    ping("1");
    output.written();
    takeOne();
    expect(output.takeUnsent()).toEqual(["compressed", "plain"]);
    output.written();
    expect(counts()).toEqual({ framed: 3, handed: 1, written: 1, size: 0 });
  });

  it("does not return a compressed message once its first byte is taken", () => {
    output.writeEncoded(opcodes.text, bytesOf(70_000), "first");
    output.writeEncoded(opcodes.text, bytesOf(10), "second");
    output.writeEncoded(opcodes.text, bytesOf(70_000), "third");
    takeOne();
    output.written();
    expect(output.takeUnsent()).toEqual(["second", "third"]);
  });
});

describe.each(["client", "server"] as const)("takeBack at a %s", (role) => {
  beforeEach(() => {
    output = new OutputBuffer(role, resources);
  });

  const large = bytesOf(200_000);

  it("returns everything if nothing was taken, and later messages are sent", () => {
    text("a");
    output.writeEncoded(opcodes.text, Buffer.from("???"), "compressed");
    output.writeBinary(large);
    expect(output.takeBack()).toEqual(["a", "compressed", large]);
    expect(counts()).toEqual({ framed: 0, handed: 0, written: 0, size: 0 });
    expect(output.isReady).toBe(false);
    expect(output.takeBack()).toEqual([]);
    output.writeEncoded(opcodes.text, Buffer.from("!!!"), "encoded later");
    text("later");
    expect(output.framedCount).toBe(2);
    expect(framesOf(drain(output))).toEqual(["text !!!", "text later"]);
    expect(counts()).toEqual({ framed: 2, handed: 2, written: 2, size: 0 });
    expect(output.takeBack()).toEqual([]);
  });

  it.each([0, 1, 2, 3, 4])(
    "does not remove the rest of a message of which %d pieces were sent",
    (takenCount) => {
      output.writeBinary(large);
      text("a");
      output.writeEncoded(opcodes.binary, bytesOf(100_000), Buffer.from("b"));
      text("c");
      const taken: Buffer[] = [];
      for (let count = 0; count < takenCount; count++) {
        taken.push(Buffer.from(takeOne()));
        output.written();
      }
      const { handedCount } = output;
      const back = output.takeBack();
      expect(back).toHaveLength(4 - handedCount);
      expect([output.framedCount, output.handedCount]).toEqual([handedCount, handedCount]);
      close();
      const { size } = output;
      const rest = drain(output);
      expect(rest.length).toBe(size);
      const frames = framesOf(Buffer.concat([...taken, rest]));
      expect(frames).toEqual([
        ...["binary (200000)", "text a", "binary (100000)", "text c"].slice(0, handedCount),
        "close \x03\xe8bye",
      ]);
      expect(counts()).toEqual({ framed: handedCount, handed: handedCount, written: handedCount, size: 0 });
    },
  );

  it("does not affect bytes in flight, control frames and the Close frame", () => {
    text("in flight");
    const flight = Buffer.from(takeOne());
    text("waits");
    ping("1");
    pong("2");
    close();
    expect(output.takeBack()).toEqual(["waits"]);
    expect(counts()).toEqual({
      framed: 1,
      handed: 1,
      written: 0,
      size: flight.length + 2 * (role === "client" ? 7 : 3) + (role === "client" ? 11 : 7),
    });
    output.written();
    const rest = drain(output);
    expect(framesOf(Buffer.concat([flight, rest]))).toEqual([
      "text in flight",
      "ping 1",
      "pong 2",
      "close \x03\xe8bye",
    ]);
    expect(readFrames(rest).every(({ isMasked }) => isMasked === (role === "client"))).toBe(true);
  });

  it("keeps the control frames between the messages", () => {
    text("a");
    ping("1");
    text("b");
    pong("2");
    close();
    expect(output.takeBack()).toEqual(["a", "b"]);
    expect(framesOf(drain(output))).toEqual(["ping 1", "pong 2", "close \x03\xe8bye"]);
  });

  it("keeps the newest pong of a flood of pings", () => {
    for (let index = 0; index < 9000; index++) pong(String(index).padStart(10, "0"));
    text("a");
    expect(output.takeBack()).toEqual(["a"]);
    expect(framesOf(drain(output)).at(-1)).toBe("pong 0000008999");
  });

  it("keeps control frames after the end of the partly sent message", () => {
    output.writeBinary(large);
    text("behind");
    const first = Buffer.from(takeOne());
    ping("1");
    expect(output.takeBack()).toEqual(["behind"]);
    text("new");
    output.written();
    expect(framesOf(Buffer.concat([first, drain(output)]))).toEqual([
      "binary (200000)",
      "ping 1",
      "text new",
    ]);
    expect(counts()).toEqual({ framed: 2, handed: 2, written: 2, size: 0 });
  });

  it("does not change bytes in flight whose segment contains more frames", () => {
    output.writeBinary(bytesOf(70_000));
    text("behind");
    takeOne();
    ping("1");
    output.written();
    const tail = takeOne();
    const before = Buffer.from(tail);
    expect(output.takeBack()).toEqual(["behind"]);
    output.writeBinary(bytesOf(300_000, 9));
    const other = new OutputBuffer(role, resources);
    other.writeBinary(bytesOf(300_000, 9));
    drain(other);
    expect(tail.equals(before)).toBe(true);
    output.written();
    expect(framesOf(drain(output))).toEqual(["ping 1", "binary (300000)"]);
  });

  it("leaves no messages for takeUnsent(), and the reverse", () => {
    output.writeBinary(large);
    text("a");
    takeOne();
    expect(output.takeBack()).toEqual(["a"]);
    expect(output.takeUnsent()).toEqual([]);
    expect(output.takeBack()).toEqual([]);
    expect(counts()).toEqual({ framed: 1, handed: 1, written: 0, size: segmentSize });
  });
});

describe.each(["client", "server"] as const)("the observer of a %s", (role) => {
  class Observer implements FrameObserver {
    isActive = true;
    excerptSize = 0;
    readonly seen: [string, ObservedFrame][] = [];

    onFrame(direction: "in" | "out", frame: ObservedFrame): void {
      this.seen.push([direction, frame]);
    }
  }

  it("receives each written frame once", () => {
    const observer = new Observer();
    observer.excerptSize = 4;
    output = new OutputBuffer(role, resources, observer);
    text("aé😀");
    text("abc😀");
    output.writeBinary(bytesOf(200_000));
    output.writeEncoded(opcodes.text, Buffer.from("encoded"), "original");
    ping("12345");
    pong();
    output.takeBack();
    close();
    drain(output);
    const plain = { isFinal: true, isCompressed: false };
    expect(observer.seen).toEqual(
      [
        { opcode: 1, ...plain, payloadSize: 7, excerpt: Buffer.from("aé😀").subarray(0, 4) },
        { opcode: 1, ...plain, payloadSize: 7, excerpt: Buffer.from("abc😀").subarray(0, 4) },
        { opcode: 2, ...plain, payloadSize: 200_000, excerpt: bytesOf(4) },
        { opcode: 1, isFinal: true, isCompressed: true, payloadSize: 7, excerpt: Buffer.from("enco") },
        { opcode: 9, ...plain, payloadSize: 5, excerpt: Buffer.from("1234") },
        { opcode: 10, ...plain, payloadSize: 0, excerpt: Buffer.alloc(0) },
        { opcode: 8, ...plain, payloadSize: 5, excerpt: closePayload(1000, "bye").subarray(0, 4) },
      ].map((frame) => ["out", frame]),
    );
  });

  it("receives copies, and nothing while it is inactive", () => {
    const observer = new Observer();
    observer.isActive = false;
    output = new OutputBuffer(role, resources, observer);
    text("a");
    ping();
    expect(observer.seen).toEqual([]);
    observer.isActive = true;
    text("b");
    expect(observer.seen.map(([, { excerpt }]) => excerpt)).toEqual([Buffer.alloc(0)]);
    observer.excerptSize = 10;
    const lent = Buffer.from("lent");
    output.writeBinary(lent);
    lent.fill("x");
    expect(observer.seen[1]![1].excerpt.toString()).toBe("lent");
  });

  it("may send inside its call", () => {
    const observer = new Observer();
    output = new OutputBuffer(role, resources, observer);
    observer.onFrame = (): void => {
      if (output.framedCount === 1) text("second");
    };
    text("first");
    expect(counts()).toMatchObject({ framed: 2, handed: 0 });
    expect(framesOf(drain(output))).toEqual(["text first", "text second"]);
  });
});

it("RSV1 is set on encoded messages, and a server does not mask", () => {
  output = new OutputBuffer("server", resources);
  output.writeEncoded(opcodes.text, Buffer.from("encoded"), "original");
  text("plain");
  pong();
  close();
  const read = readFrames(drain(output));
  expect(read.map(({ rsv1 }) => rsv1)).toEqual([true, false, false, false]);
  expect(read.some(({ isMasked }) => isMasked)).toBe(false);
  expect(read[0]!.payload.toString()).toBe("encoded");
});
