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

/** `text a`, `ping 1`, `binary (70000)`: a frame as a word or two. */
function wordsOf({ opcode, payload }: ReadFrame): string {
  const content = payload.length > 40 ? `(${payload.length})` : payload.toString("latin1");
  return `${names.get(opcode)} ${content}`.trim();
}

function framesOf(bytes: Uint8Array): string[] {
  return readFrames(bytes).map(wordsOf);
}

let resources: Resources;
let output: OutputBuffer;

beforeEach(() => {
  resources = testResources();
  output = new OutputBuffer("client", resources);
});

/** What a kernel holds that has not said yet that it took it. */
function takeOne(): Buffer {
  const bytes = output.take();
  if (bytes === undefined) throw new Error("Nothing is there to take.");
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
  it("have nothing at the beginning", () => {
    expect(output.isReady).toBe(false);
    expect(output.take()).toBeUndefined();
    expect(counts()).toEqual({ framed: 0, handed: 0, written: 0, size: 0 });
  });

  it("give one stretch of bytes at a time, which stays as it is", () => {
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

  it("give all of a tick in one", () => {
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

  it("give at most 64 KiB", () => {
    output.writeBinary(bytesOf(300_000));
    const pieces: number[] = [];
    for (let bytes = output.take(); bytes !== undefined; bytes = output.take()) {
      pieces.push(bytes.length);
      output.written();
    }
    expect(pieces).toEqual([segmentSize, segmentSize, segmentSize, segmentSize, 300_014 - 4 * segmentSize]);
  });

  it("keep the order of messages over segments", () => {
    const sizes = [10, 65_500, 40, 65_522, 65_523, 3, 131_072, 0, 70_000];
    for (const [index, size] of sizes.entries()) output.writeBinary(bytesOf(size, index));
    const read = readFrames(drain(output));
    expect(read.map(({ payload }) => payload.length)).toEqual(sizes);
    expect(read.every(({ payload }, index) => payload.equals(bytesOf(sizes[index]!, index)))).toBe(true);
  });
});

describe("the counters", () => {
  it("follow a message from the call to the kernel", () => {
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

  it("count no control frame but by its bytes", () => {
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

  it("count a message that is handed out in part as handed, and as written once its end is", () => {
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

  it("count a message that fills its segments to the last byte", () => {
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
  it("stay in the order of the calls where nothing waits", () => {
    text("a");
    ping("1");
    text("b");
    pong("2");
    text("c");
    expect(framesOf(drain(output))).toEqual(["text a", "ping 1", "text b", "pong 2", "text c"]);
  });

  it("go before what waits behind a write", () => {
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

  it("go before what more than one segment holds", () => {
    output.writeBinary(bytesOf(60_000));
    output.writeBinary(bytesOf(60_000));
    ping("1");
    expect(framesOf(drain(output))).toEqual(["ping 1", "binary (60000)", "binary (60000)"]);
  });

  it("wait for the end of a frame that is half out, over as many segments as it takes", () => {
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

  it("keep their order when they come between two writes", () => {
    text("in flight");
    takeOne();
    text("a");
    pong("1");
    output.written();
    ping("2");
    pong("3");
    expect(framesOf(drain(output))).toEqual(["pong 1", "ping 2", "pong 3", "text a"]);
  });

  it("wait for the end of a frame that ends with its segment", () => {
    output.writeBinary(bytesOf(2 * segmentSize - 14));
    text("behind");
    const first = Buffer.from(takeOne());
    ping("1");
    output.written();
    expect(framesOf(Buffer.concat([first, takeOne()]))).toEqual([`binary (${2 * segmentSize - 14})`]);
    output.written();
    expect(framesOf(drain(output))).toEqual(["ping 1", "text behind"]);
  });

  it("let messages be written meanwhile into the segment that is half out", () => {
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

  it("tell how many messages stand before a ping for sure", () => {
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

describe("Close", () => {
  it("goes behind all messages, and pings and pongs go before it", () => {
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

  it("is behind what waits when it is half out", () => {
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

  /** Answers so many pings, as they come in one read. */
  function flood(count: number, from = 0): void {
    for (let index = from; index < from + count; index++) pong(name(index));
  }

  function answeredBy(bytes: Uint8Array): number[] {
    return readFrames(bytes).map(({ payload }) => Number(payload.toString()));
  }

  it("is answered in full while less than 16 KiB of pongs wait, and beyond that by the newest", () => {
    flood(16_384 / pongSize);
    expect(output.size).toBe(16_384);
    flood(5000, 5000);
    expect(output.size).toBe(16_384);
    const expected = [...Array(1024).keys(), 9999];
    expect(answeredBy(drain(output))).toEqual(expected);
    expect(output.size).toBe(0);
  });

  it("is answered so behind a write that the kernel refuses", () => {
    text("in flight");
    takeOne();
    flood(100_000);
    expect(output.size).toBe(15 + 16_384);
    output.written();
    expect(answeredBy(drain(output))).toEqual([...Array(1024).keys(), 99_999]);
  });

  it("is answered so behind a frame that is half out", () => {
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
    expect(wordsOf(read[0]!)).toBe("binary (400000)");
    expect(read).toHaveLength(1 + 1024 + 1);
    expect(wordsOf(read.at(-1)!)).toBe(`pong ${name(62_999)}`);
  });

  it("is answered so again and again, and each time by the newest", () => {
    for (let round = 1; round <= 5; round++) {
      flood(3000, round * 10_000);
      const answered = answeredBy(drain(output));
      expect(answered).toHaveLength(1025);
      expect(answered.at(-1)).toBe(round * 10_000 + 2999);
    }
  });

  it("is answered while the pongs of the last flood are in flight", () => {
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

  it("is answered before a Close, by the newest too, and by nothing behind it", () => {
    flood(3000);
    close();
    expect(readFrames(takeOne()).map(wordsOf).slice(-3)).toEqual([
      `pong ${name(1023)}`,
      `pong ${name(2999)}`,
      "close \x03\xe8bye",
    ]);
    output.written();
    expect(output.isReady).toBe(false);
  });

  it("keeps the payload of the newest though its memory is used again", () => {
    flood(2000);
    const lent = Buffer.from("newest");
    output.writePong(lent);
    lent.fill("x");
    expect(framesOf(drain(output)).at(-1)).toBe("pong newest");
  });

  it("counts only pongs that wait", () => {
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
  it("go back to the pool when they are written, and are not handed out twice", () => {
    const seen = new Set<ArrayBufferLike>();
    for (let round = 0; round < 40; round++) {
      for (let count = 0; count < 3; count++) output.writeBinary(bytesOf(60_000, round));
      ping();
      for (let bytes = output.take(); bytes !== undefined; bytes = output.take()) {
        seen.add(bytes.buffer);
        output.written();
      }
    }
    // Four of them, and the memory that takes their place once much is sent.
    expect(seen.size).toBeLessThanOrEqual(5);
    const free = Array.from({ length: 20 }, () => resources.segments.acquire());
    expect(new Set(free).size).toBe(20);
  });

  it("are not shared by two outputs of the same pool while one of them holds them", () => {
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

  it("are held while a part of them is in flight", () => {
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

describe.each(["client", "server"] as const)("the segments of a %s that ends with unsent output", (role) => {
  /** Enough is sent that the pool has its wide segments, all of which are free then. */
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

  /** Messages in four segments, a message that is half out in front where `isBegun`, and control frames beside them. */
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
    const held = 16 - freeWide();
    // The write in flight; takeBack leaves the Close and the other control frames to be sent.
    expect(held).toBe((isBegun ? 1 : 0) + (how === "takeBack" ? 2 : 0));
    if (isBegun) output.written();
    if (how === "takeBack") drain(output);
    expect(freeWide()).toBe(16);
    output.written();
    output.takeUnsent();
    output.abandon();
    expect(freeWide()).toBe(16);
  });

  it.each(["takeUnsent", "abandon", "takeBack"] as const)(
    "stay as they are by %s while the front of one is in flight and its rest waits",
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

  it("leave 16 such connections behind them without a longer way for others", () => {
    for (let count = 0; count < 16; count++) {
      const one = new OutputBuffer(role, resources);
      one.writeBinary(bytesOf(60_000));
      one.writeText("unsent");
      one.abandon();
    }
    expect(freeWide()).toBe(16);
  });

  it("leave the messages that abandon has copied out to takeUnsent, and to takeBack", () => {
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

  it("gives everything where nothing was taken, and nothing the second time", () => {
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
    ["a part of the first is", 1, ["a", "b", "c"]],
    ["all but the end of the first is", 3, ["a", "b", "c"]],
    ["a part of the third is, which begins with the end of the first", 4, ["c"]],
    ["all is", 5, []],
  ])("gives the messages of which no byte was handed out: %s", (_what, takenCount, names) => {
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

  it("leaves what is in flight, and its size, until it is written", () => {
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

  it("counts a message that is half out as handed, and never as written", () => {
    output.writeBinary(large);
    text("behind");
    takeOne();
    expect(output.takeUnsent()).toEqual(["behind"]);
    expect(output.takeUnsent()).toEqual([]);
    expect(counts()).toEqual({ framed: 2, handed: 1, written: 0, size: segmentSize });
    output.written();
    expect(counts()).toEqual({ framed: 2, handed: 1, written: 0, size: 0 });
  });

  it("gives what is behind a frame that control frames have waited for", () => {
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

  it("forgets the original of a compressed message once its first byte is handed out", () => {
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

  it("gives everything where nothing was taken, and what comes later is sent", () => {
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

  it.each([0, 1, 2, 3, 4])("lets the rest of a message go on of which %d pieces are out", (takenCount) => {
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
  });

  it("lets what is in flight be, and control frames and a Close go on in their order", () => {
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

  it("keeps the control frames that stand between the messages", () => {
    text("a");
    ping("1");
    text("b");
    pong("2");
    close();
    expect(output.takeBack()).toEqual(["a", "b"]);
    expect(framesOf(drain(output))).toEqual(["ping 1", "pong 2", "close \x03\xe8bye"]);
  });

  it("keeps the pong that stands for a flood of pings", () => {
    for (let index = 0; index < 9000; index++) pong(String(index).padStart(10, "0"));
    text("a");
    expect(output.takeBack()).toEqual(["a"]);
    expect(framesOf(drain(output)).at(-1)).toBe("pong 0000008999");
  });

  it("lets control frames wait for the end of the message that is half out", () => {
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

  it("leaves alone the memory of what is in flight out of a segment that holds more", () => {
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

  it("leaves nothing for takeUnsent, nor the other way round", () => {
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

  it("is told of each frame that is written, once", () => {
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

  it("gets copies, and nothing while it is not active", () => {
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

  it("may send from inside a call", () => {
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

it("writes RSV1 on what is encoded, and a server masks nothing", () => {
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
