import { deflateRawSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { JetSocketError, ProtocolError } from "../../protocol/errors.js";
import { createCodecFactory } from "../../protocol/extensions/permessage-deflate/codec-factory.js";
import { deflateOffer } from "../../protocol/extensions/permessage-deflate/permessage-deflate.js";
import { Resources } from "../../protocol/resources.js";
import { expectAtEverySplit, expectSame, feedPieces } from "../support/feed.js";
import { inverted, InvertingExtension } from "../support/inverting-extension.js";
import { message, ProtocolEnd, steadyRandom, testResources, type Recorded } from "../support/protocol-end.js";
import { badUtf8 } from "../support/utf8-table.js";
import {
  binaryFrame,
  boundaryLengths,
  closeFrame,
  deflated,
  fragments,
  opcodes,
  pingFrame,
  textFrame,
} from "../support/wire.js";

type Options = ConstructorParameters<typeof ProtocolEnd>[0];

/** Accepts lent messages, records them like delivered ones, and counts them. */
class BorrowingEnd extends ProtocolEnd {
  lentCount = 0;
  /** Decides which messages are declined, because the handler keeps them. */
  isKept: (bytes: Buffer) => boolean = () => false;
  /** Called for each accepted message. */
  onLent: ((bytes: Buffer, isBinary: boolean) => void) | undefined;

  constructor(options: Options = {}) {
    super(options);
    this.connection.isLending = true;
  }

  onBorrowed(bytes: Buffer, isBinary: boolean): boolean {
    if (this.isKept(bytes)) return false;
    this.lentCount++;
    this.calls.push(message(isBinary ? Buffer.from(bytes) : bytes.toString()));
    this.onLent?.(bytes, isBinary);
    return true;
  }
}

const borrowing = (): BorrowingEnd => new BorrowingEnd();

function catchError(call: () => void): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  return undefined;
}

/** Returns lines of 1001 bytes. Each line contains non-ASCII characters. */
function longText(lines: number): string {
  return "é".repeat(500).concat("\n").repeat(lines);
}

/** Returns texts, and the bytes of their consecutive frames. */
function run(count: number): { readonly texts: string[]; readonly bytes: Buffer } {
  const texts = Array.from({ length: count }, (_, index) => `text ${index} ${"x".repeat(index % 200)}`);
  return { texts, bytes: Buffer.concat(texts.map((text) => textFrame(text))) };
}

describe("a lent message", () => {
  it.each(boundaryLengths)("of %i bytes equals the sent one, at every split", (size) => {
    const binary = Buffer.from(Array.from({ length: size }, (_, index) => (index * 7) & 255));
    const text = "x".repeat(Math.max(size - 2, 0)) + (size >= 2 ? "é" : "y".repeat(size));
    expectAtEverySplit(textFrame(text), borrowing, [message(text)]);
    expectAtEverySplit(binaryFrame(binary), borrowing, [message(binary)]);
  });

  it("may arrive in fragments with a ping between them, at every split", () => {
    const [first, ...rest] = fragments(opcodes.text, ["caf", Buffer.of(0xc3), Buffer.of(0xa9, 0x21), ""]);
    const binary = fragments(opcodes.binary, ["", "one", "two"]);
    const input = Buffer.concat([first!, pingFrame("p"), ...rest, ...binary]);
    const expected = [["ping", "p"] as const, message("café!"), message(Buffer.from("onetwo"))];
    expectAtEverySplit<Recorded>(input, borrowing, expected);
  });

  it("may arrive compressed, at every split", () => {
    const begin = (): BorrowingEnd => new BorrowingEnd({ extension: deflateOffer({}).agree([]) });
    const options = { rsv1: true };
    const [text, binary] = ["né ".repeat(50), Buffer.from("bytes ".repeat(50))];
    const input = Buffer.concat([
      textFrame(deflated(text), options),
      binaryFrame(deflated(binary), options),
      ...fragments(opcodes.text, [deflated(text).subarray(0, 3), deflated(text).subarray(3)], options),
    ]);
    expectAtEverySplit(input, begin, [message(text), message(binary), message(text)]);
  });

  it.each([
    ["in one read", [5_000_000]],
    ["in reads of 64 KiB", [65_536]],
    ["in reads whose size is not a power of two", [100_001]],
  ])("may be larger than the scratch memory: %s", (_, [step]) => {
    const end = borrowing();
    const bytes = Buffer.alloc(3_000_000, "0123456789abcdef!");
    const text = bytes.toString("latin1");
    const input = Buffer.concat([binaryFrame(bytes), textFrame(text), binaryFrame(bytes.subarray(0, 1e6))]);
    const pieces: Buffer[] = [];
    for (let at = 0; at < input.length; at += step!) pieces.push(input.subarray(at, at + step!));
    feedPieces(pieces, end.receive);
    expectSame(end.calls, [message(bytes), message(text), message(bytes.subarray(0, 1e6))]);
    expect(end.lentCount).toBe(3);
  });

  it("is a view of the read if it is complete there", () => {
    const frames = [textFrame("a"), textFrame("b"), textFrame(longText(2)), binaryFrame(Buffer.alloc(5000))];
    const read = Buffer.concat(frames);
    const end = borrowing();
    const starts: number[] = [];
    end.onLent = (bytes) => {
      expect(bytes.buffer).toBe(read.buffer);
      starts.push(bytes.byteOffset - read.byteOffset + bytes.length);
    };
    end.connection.receive(read);
    const ends = frames.map((_, index) => Buffer.concat(frames.slice(0, index + 1)).length);
    expect(starts).toEqual(ends);
  });

  it("may be overwritten by the handler without changing later messages", () => {
    const end = new BorrowingEnd({ extension: deflateOffer({}).agree([]) });
    end.onLent = (bytes) => void bytes.fill(0xff);
    const { texts, bytes } = run(300);
    const same = "said once, and said again ".repeat(20);
    const packed = textFrame(deflated(same), { rsv1: true });
    const again = textFrame(afterwards(same), { rsv1: true });
    const cut = binaryFrame(Buffer.alloc(5000, 7));
    const input = Buffer.concat([bytes, packed, again, cut]);
    end.connection.receive(input.subarray(0, input.length - 4000));
    end.connection.receive(input.subarray(input.length - 4000));
    expect(end.calls).toEqual([
      ...texts.map((text) => message(text)),
      ...[message(same), message(same), message(Buffer.alloc(5000, 7))],
    ]);
  });

  it("is included in beganCount and leaves unfinishedSize at 0", () => {
    const end = borrowing();
    const { bytes } = run(100);
    end.connection.receive(Buffer.concat([bytes, textFrame("last"), binaryFrame(Buffer.alloc(3))]));
    expect(end.connection.beganCount).toBe(102);
    expect([end.connection.isInsideMessage, end.connection.unfinishedSize]).toEqual([false, 0]);
  });

  it("is unmasked on a server", () => {
    const end = new BorrowingEnd({ role: "server" });
    end.connection.receive(
      Buffer.concat([textFrame("one", { mask: true }), textFrame("two", { mask: true })]),
    );
    expect(end.calls).toEqual([message("one"), message("two")]);
    expect(end.lentCount).toBe(2);
  });
});

/** Compresses the text with references to `before` in the compression context. */
function afterwards(before: string): Buffer {
  const dictionary = Buffer.from(before);
  const bytes = deflateRawSync(before, { dictionary, finishFlush: 2 });
  return bytes.subarray(0, bytes.length - 4);
}

describe("text that is not UTF-8 (RFC 6455 8.1)", () => {
  it.each(badUtf8)("fails the connection and is not lent: %s", (_, given) => {
    const bytes = Buffer.from(given);
    expectAtEverySplit<Recorded>(
      Buffer.concat([textFrame("ok"), textFrame(bytes), textFrame("no")]),
      borrowing,
      [message("ok"), ["failure", "INVALID_UTF8", 1007]],
    );
    const pieces = fragments(opcodes.text, [bytes.subarray(0, 1), bytes.subarray(1), ""]);
    const end = borrowing();
    end.connection.receive(Buffer.concat(pieces));
    expect(end.calls).toEqual([["failure", "INVALID_UTF8", 1007]]);
  });

  it("fails the connection after a run of valid texts, and when it was compressed", () => {
    const { texts, bytes } = run(20);
    const end = borrowing();
    end.connection.receive(Buffer.concat([bytes, textFrame(Buffer.of(0x61, 0xff)), bytes]));
    expect(end.calls).toEqual([...texts.map((text) => message(text)), ["failure", "INVALID_UTF8", 1007]]);
    const extended = new BorrowingEnd({ extension: new InvertingExtension() });
    extended.connection.receive(textFrame(inverted(Buffer.of(0xff)), { rsv1: true }));
    expect(extended.calls).toEqual([["failure", "INVALID_UTF8", 1007]]);
  });

  it("is not checked in binary messages", () => {
    const end = borrowing();
    end.connection.receive(binaryFrame(Buffer.of(0xff)));
    expect(end.calls).toEqual([message(Buffer.of(0xff))]);
  });
});

describe("limits", () => {
  it.each(["text", "binary"] as const)("apply to lent %s messages", (kind) => {
    const end = new BorrowingEnd({ maxMessageSize: 10 });
    const frameOf = kind === "text" ? textFrame : binaryFrame;
    end.connection.receive(Buffer.concat([frameOf(Buffer.alloc(10, 97)), frameOf(Buffer.alloc(11, 97))]));
    expect(end.lentCount).toBe(1);
    expect(end.calls.at(-1)).toEqual(["failure", "MESSAGE_TOO_BIG", 1009]);
  });
});

const small = run(100);
const smallBinaries = small.texts.map((text) => Buffer.from(text));
const long = longText(3);
const packed = { rsv1: true };

/** Each way in which messages can arrive, with the expected calls of the handler. */
const kinds: readonly (readonly [name: string, frames: readonly Buffer[], expected: readonly Recorded[]])[] =
  [
    ["small texts", [small.bytes], small.texts.map((text) => message(text))],
    ["small binary messages", smallBinaries.map((one) => binaryFrame(one)), smallBinaries.map(message)],
    ["text with non-ASCII characters", [textFrame("é"), textFrame(long)], [message("é"), message(long)]],
    ["binary", [binaryFrame(Buffer.alloc(9000, 5))], [message(Buffer.alloc(9000, 5))]],
    ["text in fragments", fragments(opcodes.text, ["a", long]), [message(`a${long}`)]],
    ["binary in fragments", fragments(opcodes.binary, ["a", "b"]), [message(Buffer.from("ab"))]],
    ["compressed text", [textFrame(inverted("packed"), packed)], [message("packed")]],
    ["compressed binary", [binaryFrame(inverted("packed"), packed)], [message(Buffer.from("packed"))]],
  ];

const extended = (): BorrowingEnd => new BorrowingEnd({ extension: new InvertingExtension() });

describe.each(kinds)("a handler that is lent %s", (_, frames, expected) => {
  const input = Buffer.concat([...frames, textFrame("behind"), binaryFrame(Buffer.from("last"))]);
  const all = [...expected, message("behind"), message(Buffer.from("last"))];

  /** Runs the check with the whole input in one read, and with small reads that split messages. */
  function feeds(check: (feed: (end: BorrowingEnd) => void) => void): void {
    for (const step of [input.length, 700]) {
      check((end) => {
        for (let at = 0; at < input.length; at += step)
          end.connection.receive(Buffer.from(input.subarray(at, at + step)));
      });
    }
  }

  it("receives each message once", () => {
    feeds((feed) => {
      const end = extended();
      feed(end);
      expect(end.calls).toEqual(all);
      expect(end.lentCount).toBe(all.length);
    });
  });

  it("may decline any message and receives it by onMessage() instead", () => {
    feeds((feed) => {
      const end = extended();
      let count = 0;
      end.isKept = () => count++ % 2 === 0;
      feed(end);
      expect(end.calls).toEqual(all);
      expect(end.lentCount).toBe(Math.floor(all.length / 2));
    });
  });

  it("receives declined binary messages in memory of their own", () => {
    feeds((feed) => {
      const end = extended();
      end.isKept = () => true;
      feed(end);
      const own = end.calls.flatMap((call) => (call[0] === "message" ? [call[1]] : []));
      expect(own).toEqual(all.map((call) => call[1]));
      for (const data of own) if (typeof data !== "string") expect(data.buffer).not.toBe(input.buffer);
    });
  });

  it("may pause, and receives the next messages on resume()", () => {
    feeds((feed) => {
      const end = extended();
      end.onLent = () => end.connection.pause();
      feed(end);
      expect(end.calls).toEqual(all.slice(0, 1));
      for (let count = 2; count <= all.length; count++) {
        end.connection.resume();
        expect(end.calls).toEqual(all.slice(0, count));
      }
      end.connection.resume();
      expect(end.calls).toEqual(all);
    });
  });

  it("may throw, and receives the next messages by the next call of receive()", () => {
    const end = extended();
    let hasThrown = false;
    end.onLent = () => {
      if (hasThrown) return;
      hasThrown = true;
      throw new Error("thrown by a handler");
    };
    expect(() => end.connection.receive(input)).toThrow("thrown by a handler");
    expect(end.calls).toEqual(all.slice(0, 1));
    end.connection.receive(pingFrame("p"));
    expect(end.calls).toEqual([...all, ["ping", "p"]]);
    expect(end.connection.unfinishedSize).toBe(0);
  });

  it("may switch isLending on and off", () => {
    feeds((feed) => {
      const end = extended();
      let count = 0;
      end.onLent = () => void (end.connection.isLending = false);
      end.onCall = () => void (end.connection.isLending = ++count % 3 === 0);
      feed(end);
      expect(end.calls).toEqual(all);
      expect(end.lentCount).toBeGreaterThan(0);
      expect(end.lentCount).toBeLessThan(Math.max(all.length, 2));
    });
  });

  it.each(["fail", "abandon"] as const)(
    "may end the connection by %s(), and receives nothing more",
    (how) => {
      feeds((feed) => {
        const end = extended();
        end.onLent = () => {
          if (how === "abandon") end.connection.abandon();
          else end.connection.fail(new ProtocolError("enough", { code: "ENOUGH", closeCode: 1008 }));
        };
        feed(end);
        const messages = end.calls.filter(([kind]) => kind === "message");
        expect(messages).toEqual(all.slice(0, 1));
      });
    },
  );

  it("may send the lent bytes back", () => {
    feeds((feed) => {
      const end = extended();
      end.onLent = (bytes, isBinary) => {
        if (isBinary) end.connection.binary(bytes);
        else end.connection.text(bytes.toString());
      };
      feed(end);
      const peer = new ProtocolEnd({ role: "server", extension: new InvertingExtension() });
      peer.connection.receive(end.drain());
      expect(peer.calls).toEqual(all);
    });
  });
});

describe("large messages on several connections at once", () => {
  const bytesOf = (seed: number): Buffer => Buffer.alloc(200_000, `some ${seed} text `);
  const stepOf = (input: Buffer, index: number): Buffer =>
    input.subarray(index * 30_000, (index + 1) * 30_000);

  it.each([
    ["all borrow", () => undefined],
    ["one stops borrowing halfway", (ends: BorrowingEnd[]) => (ends[0]!.connection.isLending = false)],
    ["one starts borrowing halfway", (ends: BorrowingEnd[]) => (ends[2]!.connection.isLending = true)],
    ["one is abandoned halfway", (ends: BorrowingEnd[]) => ends.shift()!.connection.abandon()],
  ])("do not affect each other: %s", (_, change) => {
    const resources = testResources();
    const ends = [1, 2, 3].map(() => new BorrowingEnd({ resources }));
    ends[2]!.connection.isLending = false;
    const seeds = new Map(ends.map((end, index) => [end, index]));
    const inputOf = (end: BorrowingEnd): Buffer => {
      const bytes = bytesOf(seeds.get(end)!);
      return Buffer.concat([binaryFrame(bytes), textFrame(bytes), binaryFrame(bytes)]);
    };
    for (let index = 0; index < 21; index++) {
      if (index === 3) change(ends);
      for (const end of ends) end.connection.receive(stepOf(inputOf(end), index));
    }
    for (const end of ends) {
      const bytes = bytesOf(seeds.get(end)!);
      expectSame(end.calls, [message(bytes), message(bytes.toString()), message(bytes)]);
    }
    // The shared buffer is free again.
    expect(resources.spare.borrow(200_000)).toBeDefined();
  });
});

describe("a handler that lets other connections receive and then declines its lent message", () => {
  const sizes = [50, 3000, 200_000, 1_500_000];
  const ways = ["whole", "in fragments", "in reads of 700 bytes"] as const;
  const forms = ["text", "binary", "compressed text", "compressed binary"] as const;

  /** Returns a payload that differs for each seed and does not compress to a few bytes. */
  function payloadOf(size: number, seed: number): Buffer {
    const payload = Buffer.allocUnsafe(size);
    for (let at = 0; at < size; at++) payload[at] = 97 + ((at * at + at * seed + seed) % 23);
    return payload;
  }

  function inputOf(payload: Buffer, form: (typeof forms)[number], way: (typeof ways)[number]): Buffer {
    const isCompressed = form.startsWith("compressed");
    const opcode = form.endsWith("text") ? opcodes.text : opcodes.binary;
    const wire = isCompressed ? deflated(payload) : payload;
    const middle = Math.ceil(wire.length / 2);
    const pieces = way === "in fragments" ? [wire.subarray(0, middle), wire.subarray(middle)] : [wire];
    return Buffer.concat(fragments(opcode, pieces, { rsv1: isCompressed }));
  }

  function receive(end: BorrowingEnd, input: Buffer, way: (typeof ways)[number]): void {
    const step = way === "in reads of 700 bytes" ? Math.max(700, Math.ceil(input.length / 20)) : input.length;
    for (let at = 0; at < input.length; at += step) {
      const read = Buffer.from(input.subarray(at, at + step));
      end.connection.receive(read);
      read.fill(0xee);
    }
  }

  describe.each(["handle", "dictionary"] as const)("with the codecs %s", (name) => {
    const cases = forms.flatMap((form) => ways.map((way) => [form, way] as const));

    it.each(cases)("receives its own message, like the other connections: %s, %s", (form, way) => {
      for (const size of sizes) {
        for (const other of [size, 2000]) {
          const resources = new Resources({ fillRandom: steadyRandom(), codecs: createCodecFactory(name) });
          const ends = [1, 2, 3].map(
            () => new BorrowingEnd({ resources, extension: deflateOffer({}).agree([]) }),
          );
          const payloads = ends.map((_, seed) => payloadOf(seed === 0 ? size : other, seed + 1));
          // Each handler lets the next connection receive, so that calls are nested three deep.
          for (const [index, end] of ends.entries()) {
            end.isKept = () => {
              const next = ends[index + 1];
              if (next !== undefined) receive(next, inputOf(payloads[index + 1]!, form, way), way);
              return true;
            };
          }
          for (let count = 0; count < 2; count++) {
            receive(ends[0]!, inputOf(payloads[0]!, form, way), way);
            for (const [index, end] of ends.entries()) {
              const payload = payloads[index]!;
              const own = message(form.endsWith("text") ? payload.toString() : payload);
              expectSame(end.calls.splice(0), [own], `${form}, ${way}, ${size}, ${other}, ${index}`);
            }
          }
          expect(resources.spare.borrow(200_000)).toBeDefined();
        }
      }
    });
  });

  it("receives its own message although another connection was lent messages in the same memory", () => {
    const resources = testResources();
    const [first, second] = [1, 2].map(
      () => new BorrowingEnd({ resources, extension: deflateOffer({}).agree([]) }),
    ) as [BorrowingEnd, BorrowingEnd];
    first.isKept = (bytes) => {
      const before = Buffer.from(bytes);
      for (const seed of [2, 3])
        second.connection.receive(inputOf(payloadOf(2000, seed), "compressed text", "whole"));
      // The lent bytes are only valid until another connection receives.
      expect(bytes.equals(before)).toBe(false);
      return true;
    };
    first.connection.receive(inputOf(payloadOf(2000, 1), "compressed text", "whole"));
    expect(first.calls).toEqual([message(payloadOf(2000, 1).toString())]);
    expect(second.calls).toEqual([2, 3].map((seed) => message(payloadOf(2000, seed).toString())));
    expect(second.lentCount).toBe(2);
  });

  it("causes an error if the other connection received bytes in the same memory", () => {
    const resources = testResources();
    const { readBuffer } = resources;
    const read = (end: BorrowingEnd, frames: Buffer): void =>
      end.connection.receive(readBuffer, 0, frames.copy(readBuffer));
    for (const [what, frameOf] of [
      ["text", textFrame],
      ["binary", binaryFrame],
    ] as const) {
      const [first, second] = [new BorrowingEnd({ resources }), new BorrowingEnd({ resources })];
      first.isKept = () => {
        read(second, frameOf(Buffer.from("another's")));
        return true;
      };
      expect(() => read(first, frameOf(Buffer.from("its own"))), what).toThrow(JetSocketError);
      expect(first.calls).toEqual([]);
      expect(second.calls).toEqual([message(what === "text" ? "another's" : Buffer.from("another's"))]);
      // The next read works as usual.
      first.isKept = () => true;
      read(first, frameOf(Buffer.from("the next")));
      expect(first.calls).toEqual([message(what === "text" ? "the next" : Buffer.from("the next"))]);
    }
  });

  it.each([
    ["another connection that is paused", "paused"],
    ["another connection that has failed", "failed"],
    ["the same connection", "same"],
  ] as const)("causes an error if %s received bytes in the same memory", (_, which) => {
    const resources = testResources();
    const { readBuffer } = resources;
    const read = (end: BorrowingEnd, frames: Buffer): void =>
      end.connection.receive(readBuffer, 0, frames.copy(readBuffer));
    const [first, second] = [new BorrowingEnd({ resources }), new BorrowingEnd({ resources })];
    if (which === "paused") second.connection.pause();
    if (which === "failed")
      second.connection.fail(new ProtocolError("stop", { code: "STOP", closeCode: 1008 }));
    let count = 0;
    first.isKept = () => {
      if (count++ === 0) read(which === "same" ? first : second, textFrame("another's"));
      return true;
    };
    const error: unknown = catchError(() => read(first, textFrame("its own")));
    expect(error).toMatchObject({ code: "LENT_MESSAGE_OVERWRITTEN" });
    expect(first.calls).toEqual([]);
  });

  it("receives its own message if the other connection received no bytes", () => {
    const resources = testResources();
    const [first, second] = [new BorrowingEnd({ resources }), new BorrowingEnd({ resources })];
    const memory = textFrame("its own");
    first.isKept = () => {
      second.connection.receive(memory, 3, 3);
      return true;
    };
    first.connection.receive(memory);
    expect(first.calls).toEqual([message("its own")]);
  });

  it("receives its own message if the other bytes are in a different part of the same memory", () => {
    const resources = testResources();
    const [first, second] = [new BorrowingEnd({ resources }), new BorrowingEnd({ resources })];
    const [one, other] = [textFrame("its own"), textFrame("another's")];
    const memory = Buffer.concat([one, other]);
    first.isKept = () => {
      second.connection.receive(memory, one.length, memory.length);
      return true;
    };
    first.connection.receive(memory, 0, one.length);
    expect([first.calls, second.calls]).toEqual([[message("its own")], [message("another's")]]);
  });

  it("may catch an error of a nested call, and later loans work as usual", () => {
    const resources = testResources();
    const [first, second] = [1, 2].map(
      () => new BorrowingEnd({ resources, extension: deflateOffer({}).agree([]) }),
    ) as [BorrowingEnd, BorrowingEnd];
    second.isKept = () => {
      throw new Error("thrown by a handler");
    };
    const input = (seed: number): Buffer => inputOf(payloadOf(2000, seed), "compressed binary", "whole");
    first.isKept = () => {
      expect(() => second.connection.receive(input(2))).toThrow("thrown by a handler");
      return true;
    };
    first.connection.receive(input(1));
    second.isKept = () => true;
    second.connection.receive(input(3));
    expect(first.calls).toEqual([message(payloadOf(2000, 1))]);
    expect(second.calls).toEqual([message(payloadOf(2000, 3))]);
  });
});

describe("isLending", () => {
  it("is false by default, and stays false without a handler for lent messages", () => {
    const end = new ProtocolEnd();
    end.connection.isLending = true;
    expect(end.connection.isLending).toBe(false);
    end.connection.receive(textFrame("a"));
    expect(end.calls).toEqual([message("a")]);
  });

  it("does not affect control frames", () => {
    const end = borrowing();
    end.connection.receive(Buffer.concat([pingFrame("p"), closeFrame(1000, "bye")]));
    expect(end.calls).toEqual([
      ["ping", "p"],
      ["close", 1000, "bye"],
    ]);
  });

  it("makes the extension decode binary messages into shared memory", () => {
    const extension = new InvertingExtension();
    const end = new BorrowingEnd({ extension });
    end.connection.receive(binaryFrame(inverted("a"), packed));
    end.connection.isLending = false;
    end.connection.receive(binaryFrame(inverted("b"), packed));
    expect(extension.decoded.map(({ isKept }) => isKept)).toEqual([false, true]);
  });
});
