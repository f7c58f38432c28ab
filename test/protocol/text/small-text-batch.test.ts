import { describe, expect, it } from "vitest";
import { SmallTextBatch, type SmallTextSink } from "../../../protocol/text/small-text-batch.js";
import { isByteLengthSlow } from "../../../protocol/text/utf8.js";
import { textFrame } from "../../support/wire.js";

const maxPayloadSize = isByteLengthSlow ? 256 : 1024;

/** A sink that only answers whether a batch is possible. It receives no messages. */
class BatchSink implements SmallTextSink {
  readonly isLending = false;
  /** The sizes with which it was asked. */
  readonly asked: number[] = [];
  mayTake = true;

  mayTakeBatch(maxSize: number): boolean {
    this.asked.push(maxSize);
    return this.mayTake;
  }

  onSmallText(): never {
    return expect.unreachable();
  }

  onLentText(): never {
    return expect.unreachable();
  }
}

/** A batch with its sink. */
class Scene {
  readonly batch = new SmallTextBatch();
  readonly sink = new BatchSink();

  find(bytes: Buffer, start = 0, end = bytes.length): string | undefined {
    return this.batch.find(bytes, start, end, this.sink);
  }
}

function framesOf(...texts: readonly string[]): Buffer {
  return Buffer.concat(texts.map((text) => textFrame(text)));
}

const ascii = framesOf("first", "second");
const other = framesOf("first", "zwölf");

describe("a batch of ASCII texts", () => {
  it("is returned with one character per byte, including the frame headers", () => {
    const scene = new Scene();
    expect(scene.find(ascii)).toBe("\x81\x05first\x81\x06second");
    expect(scene.batch.scanner.end).toBe(ascii.length);
  });

  it("starts and ends at the given positions", () => {
    const bytes = Buffer.concat([Buffer.from("before"), ascii, framesOf("third")]);
    const [start, end] = [6, 6 + ascii.length];
    expect(new Scene().find(bytes, start, end)).toBe(ascii.toString("latin1"));
    expect(new Scene().find(bytes, start, end - 1)).toBeUndefined();
  });

  it("ends before the first frame of another kind", () => {
    const bytes = Buffer.concat([ascii, Buffer.from([0x89, 0]), framesOf("third")]);
    expect(new Scene().find(bytes)).toBe(ascii.toString("latin1"));
  });

  it.each([126, 127, 128, 255, 256])("may have headers of four bytes, for payloads of %i bytes", (size) => {
    const bytes = framesOf("a".repeat(size), "b".repeat(size));
    expect(new Scene().find(bytes)).toBe(bytes.toString("latin1"));
  });

  it("may contain every ASCII character", () => {
    const all = String.fromCharCode(...Array.from({ length: 128 }, (_, code) => code));
    const bytes = framesOf(all.slice(0, 64), all.slice(64));
    expect(new Scene().find(bytes)).toBe(bytes.toString("latin1"));
  });
});

describe("no batch", () => {
  it("is found in a single message", () => {
    const scene = new Scene();
    expect(scene.find(framesOf("only one"))).toBeUndefined();
    // A single message does not count as a batch that was not ASCII.
    expect(scene.find(ascii)).toBeDefined();
  });

  it("is looked for if the sink does not take one", () => {
    const scene = new Scene();
    scene.sink.mayTake = false;
    expect(scene.find(ascii)).toBeUndefined();
    expect(scene.sink.asked).toEqual([maxPayloadSize]);
    expect(scene.batch.scanner.end).toBe(0);
  });

  it.each([
    [maxPayloadSize, true],
    [maxPayloadSize + 1, false],
  ])("contains payloads of more than the largest size: %i bytes, found %s", (size, isFound) => {
    const bytes = framesOf("a".repeat(size), "b".repeat(size));
    expect(new Scene().find(bytes) !== undefined).toBe(isFound);
  });

  it.each([
    ["the first message", framesOf("zwölf", "first")],
    ["the last message", other],
    ["a message with a header of four bytes", framesOf("a".repeat(200), `${"a".repeat(200)}é`)],
    ["a byte that is not UTF-8", Buffer.concat([framesOf("a"), textFrame(Buffer.from([0x80]))])],
  ])("is returned with non-ASCII characters in %s", (_, bytes) => {
    expect(new Scene().find(bytes)).toBeUndefined();
  });
});

describe("after a batch that was not ASCII", () => {
  it("the next 256 messages are decoded one by one", () => {
    const scene = new Scene();
    expect(scene.find(other)).toBeUndefined();
    const found = Array.from({ length: 257 }, () => scene.find(ascii) !== undefined);
    expect(found.indexOf(true)).toBe(256);
    expect(scene.find(ascii)).toBeDefined();
  });

  it("messages that the sink does not take do not count", () => {
    const scene = new Scene();
    scene.find(other);
    scene.sink.mayTake = false;
    for (let count = 0; count < 256; count++) scene.find(ascii);
    scene.sink.mayTake = true;
    expect(scene.find(ascii)).toBeUndefined();
  });

  it("another one starts the count again", () => {
    const scene = new Scene();
    scene.find(other);
    for (let count = 0; count < 256; count++) scene.find(other);
    expect(scene.find(other)).toBeUndefined();
    const found = Array.from({ length: 257 }, () => scene.find(ascii) !== undefined);
    expect(found.indexOf(true)).toBe(256);
  });

  it("other connections are not affected", () => {
    new Scene().find(other);
    expect(new Scene().find(ascii)).toBeDefined();
  });
});
