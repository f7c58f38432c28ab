import { constants } from "node:buffer";
import { describe, expect, it } from "vitest";
import type { ProtocolConnection } from "../../protocol/connection.js";
import { InvalidStateError, ProtocolError } from "../../protocol/errors.js";
import { expectAtEverySplit, feedPieces } from "../support/feed.js";
import { inverted, InvertingExtension } from "../support/inverting-extension.js";
import { drain, message, ProtocolEnd, testResources } from "../support/protocol-end.js";
import { badUtf8 } from "../support/utf8-table.js";
import {
  binaryFrame,
  boundaryLengths,
  closeFrame,
  closePayload,
  fragments,
  frame,
  opcodes,
  pingFrame,
  pongFrame,
  readFrames,
  textFrame,
} from "../support/wire.js";

/** The Close frames that a connection has for the wire, each with its payload. */
function closesOf(end: ProtocolEnd): Buffer[] {
  return readFrames(end.drain()).flatMap(({ opcode, payload }) =>
    opcode === opcodes.close ? [payload] : [],
  );
}

function feed(end: ProtocolEnd, ...frames: Uint8Array[]): void {
  feedPieces([Buffer.concat(frames)], end.receive);
}

function bytesOf(size: number): Buffer {
  return Buffer.from(Array.from({ length: size }, (_, index) => (index * 7) & 255));
}

const failure = new ProtocolError("told by the test", { code: "TEST", closeCode: 1008 });

describe.each(["client", "server"] as const)("a %s", (role) => {
  const mask = role === "server";
  const begin = (): ProtocolEnd => new ProtocolEnd({ role });

  it.each(boundaryLengths)("is told messages of %d bytes at every split", (size) => {
    const text = "x".repeat(size);
    expectAtEverySplit(textFrame(text, { mask }), begin, [message(text)]);
    const bytes = bytesOf(size);
    expectAtEverySplit(binaryFrame(bytes, { mask }), begin, [message(bytes)]);
  });

  it("is told everything in the order of the bytes, at every split", () => {
    const [first, second] = fragments(opcodes.text, ["Gr\u00fc", "\u00dfe"], { mask });
    const input = Buffer.concat([
      ...[textFrame("", { mask }), pingFrame("p", { mask }), first!, pongFrame("q", { mask }), second!],
      ...[pingFrame("", { mask }), binaryFrame(bytesOf(130), { mask }), closeFrame(3001, "bye €", { mask })],
    ]);
    expectAtEverySplit(input, begin, [
      message(""),
      ["ping", "p"],
      ["pong", "q"],
      message("Grüße"),
      ["ping", ""],
      message(bytesOf(130)),
      ["close", 3001, "bye €"],
    ]);
  });

  it("takes each opcode with each FIN and RSV as RFC 6455 5.2 says, at every split", () => {
    for (let opcode = 0; opcode < 16; opcode++) {
      for (let flags = 0; flags < 16; flags++) {
        const isFinal = (flags & 8) !== 0;
        const parts = { rsv1: (flags & 4) !== 0, rsv2: (flags & 2) !== 0, rsv3: (flags & 1) !== 0 };
        const input = Buffer.concat([
          frame({ opcode, isFinal, mask, ...parts }),
          frame({ opcode: opcodes.continuation, mask, payload: "rest" }),
        ]);
        expectAtEverySplit(input, begin, expectedOf(opcode, flags));
      }
    }
  });

  /** What an empty frame and a final continuation with "rest" behind it come to. */
  function expectedOf(opcode: number, flags: number): ProtocolEnd["calls"] {
    const [isFinal, hasRsv] = [(flags & 8) !== 0, (flags & 7) !== 0];
    const isFor = (code: string): ProtocolEnd["calls"] => [["failure", code, 1002]];
    const [rsv2Or3, isControl] = [(flags & 3) !== 0, opcode >= 8];
    if (rsv2Or3) return isFor("UNEXPECTED_RSV");
    if ((opcode > 2 && opcode < 8) || opcode > 10) return isFor("UNKNOWN_OPCODE");
    if (isControl && !isFinal) return isFor("FRAGMENTED_CONTROL_FRAME");
    if (isControl && hasRsv) return isFor("UNEXPECTED_RSV");
    if (opcode === opcodes.continuation) return isFor("UNEXPECTED_CONTINUATION");
    if (hasRsv) return isFor("UNEXPECTED_RSV");
    if (opcode === opcodes.close) return [["close", 1005, ""]];
    const orphan = isFor("UNEXPECTED_CONTINUATION");
    if (opcode === opcodes.ping) return [["ping", ""], ...orphan];
    if (opcode === opcodes.pong) return [["pong", ""], ...orphan];
    const rest = opcode === opcodes.text ? "rest" : Buffer.from("rest");
    return isFinal ? [message(opcode === opcodes.text ? "" : Buffer.alloc(0)), ...orphan] : [message(rest)];
  }

  it("fails where the peer masks as its own role would", () => {
    const input = Buffer.concat([textFrame("fine", { mask }), textFrame("wrong", { mask: !mask })]);
    expectAtEverySplit(input, begin, [message("fine"), ["failure", "WRONG_MASKING", 1002]]);
  });

  it.each([
    [
      "125 in 16 bits",
      frame({ opcode: 1, payload: "x".repeat(125), lengthBits: 16, mask }),
      "INVALID_LENGTH",
    ],
    [
      "126 in 64 bits",
      frame({ opcode: 1, payload: "x".repeat(126), lengthBits: 64, mask }),
      "INVALID_LENGTH",
    ],
    ["2^63", frame({ opcode: 1, announced: 2n ** 63n, mask }), "INVALID_LENGTH"],
    ["2^63 in a ping", frame({ opcode: 9, announced: 2n ** 63n, mask }), "CONTROL_FRAME_TOO_BIG"],
    ["126 in a Close", closeFrame(1000, "x".repeat(124), { mask }), "CONTROL_FRAME_TOO_BIG"],
  ])("fails on a length of %s", (_what, bytes, code) => {
    const input = Buffer.concat([textFrame("fine", { mask }), bytes]);
    expectAtEverySplit(input, begin, [message("fine"), ["failure", code, 1002]]);
  });

  it("writes frames of its own role", () => {
    const { connection } = new ProtocolEnd({ role });
    connection.text("text");
    connection.binary(bytesOf(3));
    connection.ping();
    connection.pong();
    connection.close(1000);
    const read = readFrames(drain(connection));
    expect(read.map(({ opcode }) => opcode)).toEqual([1, 2, 9, 10, 8]);
    expect(read.every(({ isMasked }) => isMasked === (role === "client"))).toBe(true);
  });
});

const newClient = (): ProtocolEnd => new ProtocolEnd();

describe("the closing handshake", () => {
  it("of the peer is answered by its code, without its reason", () => {
    const end = newClient();
    feed(end, closeFrame(4321, "because"));
    expect(end.calls).toEqual([["close", 4321, "because"]]);
    expect(end.connection.state).toBe("closed");
    expect(end.connection.closeReceived).toEqual({ code: 4321, reason: "because" });
    expect(end.connection.closeSent).toEqual({ code: 4321, reason: "" });
    expect(closesOf(end)).toEqual([closePayload(4321)]);
  });

  it("of the peer is answered empty where it is empty", () => {
    const end = newClient();
    feed(end, closeFrame());
    expect(end.calls).toEqual([["close", 1005, ""]]);
    expect(end.connection.closeSent).toEqual({ code: 1005, reason: "" });
    expect(closesOf(end)).toEqual([Buffer.alloc(0)]);
  });

  it("of ours ends with the peer's Close, and all that comes between is told", () => {
    const end = newClient();
    end.connection.close(1000, "done");
    expect([end.connection.state, end.connection.closeReceived]).toEqual(["closing", undefined]);
    expect(end.connection.closeSent).toEqual({ code: 1000, reason: "done" });
    feed(
      end,
      textFrame("late"),
      pingFrame("p"),
      pongFrame("q"),
      binaryFrame(bytesOf(3)),
      closeFrame(1000, "too"),
    );
    expect(end.calls).toEqual([
      message("late"),
      ["ping", "p"],
      ["pong", "q"],
      message(bytesOf(3)),
      ["close", 1000, "too"],
    ]);
    expect(end.connection.state).toBe("closed");
    // RFC 6455 5.5.1: nothing goes behind our Close, neither a pong nor a second Close.
    expect(readFrames(end.drain()).map(({ opcode }) => opcode)).toEqual([opcodes.close]);
  });

  it("goes behind all that was sent before", () => {
    const { connection, calls } = newClient();
    connection.text("a");
    connection.binary(bytesOf(100_000));
    connection.close(1001, "bye");
    const read = readFrames(drain(connection));
    expect(read.map(({ opcode }) => opcode)).toEqual([1, 2, 8]);
    expect(read[2]!.payload).toEqual(closePayload(1001, "bye"));
    expect(calls).toEqual([]);
  });

  it("is empty without a code, whatever the reason", () => {
    const end = newClient();
    end.connection.close(undefined, "ignored");
    expect(end.connection.closeSent).toEqual({ code: 1005, reason: "" });
    expect(closesOf(end)).toEqual([Buffer.alloc(0)]);
  });

  it("is started once", () => {
    const end = newClient();
    end.connection.close(1000, "first");
    end.connection.close(1001, "second");
    end.connection.close();
    expect(closesOf(end)).toEqual([closePayload(1000, "first")]);
    feed(end, closeFrame(1000));
    end.connection.close(1002);
    end.connection.fail(failure);
    expect(end.calls).toEqual([["close", 1000, ""]]);
    expect(end.drain()).toHaveLength(0);
    expect(end.connection.closeSent).toEqual({ code: 1000, reason: "first" });
  });

  it("takes every close code that may be sent, from both sides, and no other", () => {
    for (let code = 0; code <= 5000; code += code < 3100 ? 1 : 47) {
      const isSendable =
        (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code < 5000);
      const receiver = newClient();
      feed(receiver, closeFrame(code));
      const sender = newClient();
      if (isSendable) {
        expect(receiver.calls).toEqual([["close", code, ""]]);
        sender.connection.close(code);
        expect(closesOf(sender)).toEqual([closePayload(code)]);
      } else {
        expect(receiver.calls).toEqual([["failure", "INVALID_CLOSE", 1002]]);
        expect(() => sender.connection.close(code)).toThrow(RangeError);
        expect(sender.connection.state).toBe("open");
      }
    }
  });

  it("refuses a reason of more than 123 bytes", () => {
    const { connection } = newClient();
    expect(() => connection.close(1000, "€".repeat(41) + "x")).toThrow(RangeError);
    expect([connection.state, connection.hasOutput]).toEqual(["open", false]);
    connection.close(1000, "€".repeat(41));
    expect(connection.state).toBe("closing");
  });

  it.each([
    ["a number", 5],
    ["null", null],
    ["bytes, which Buffer.byteLength measures without complaint", Buffer.from("bye")],
    ["an ArrayBuffer", new ArrayBuffer(3)],
  ])("refuses a reason that is %s, and changes nothing", (_what, reason) => {
    const end = newClient();
    expect(() => end.connection.close(1000, reason as unknown as string)).toThrow(TypeError);
    expect([end.connection.state, end.connection.closeSent, end.connection.hasOutput]).toEqual([
      ...["open", undefined, false],
    ]);
    end.connection.close(1000, "bye");
    expect(closesOf(end)).toEqual([closePayload(1000, "bye")]);
  });

  it.each([
    ["one byte", Buffer.from([3]), "INVALID_CLOSE", 1002],
    ["a code that is never on the wire", closePayload(1005), "INVALID_CLOSE", 1002],
    ["a bad reason", closePayload(1000, Buffer.from([0xc0, 0xaf])), "INVALID_UTF8", 1007],
  ])("fails on a Close with %s, at every split", (_what, payload, code, closeCode) => {
    const input = Buffer.concat([textFrame("a"), frame({ opcode: 8, payload }), textFrame("b")]);
    expectAtEverySplit(input, newClient, [message("a"), ["failure", code, closeCode]]);
    const end = newClient();
    feed(end, input);
    expect([end.connection.state, end.connection.closeReceived]).toEqual(["failed", undefined]);
    expect(closesOf(end)).toEqual([closePayload(closeCode)]);
  });

  it("ends inside a fragmented message too", () => {
    const [first] = fragments(opcodes.text, ["a", "b"]);
    expectAtEverySplit(Buffer.concat([first!, closeFrame(1000)]), newClient, [["close", 1000, ""]]);
  });

  it("discards what comes behind the peer's Close, at every split", () => {
    const input = Buffer.concat([
      closeFrame(1000),
      textFrame("a"),
      closeFrame(1001),
      Buffer.from([0xff, 0xff]),
    ]);
    expectAtEverySplit(input, newClient, [["close", 1000, ""]]);
  });
});

describe("failing", () => {
  it("sends a Close with the error's code behind all that was accepted, and discards the rest", () => {
    const end = newClient();
    end.connection.text("accepted");
    feed(end, textFrame("a"), frame({ opcode: 5 }), textFrame("b"));
    feed(end, textFrame("c"), closeFrame(1000));
    end.connection.receiveEnd();
    expect(end.calls).toEqual([message("a"), ["failure", "UNKNOWN_OPCODE", 1002], ["end"]]);
    expect(end.errors[0]).toBeInstanceOf(ProtocolError);
    expect([end.connection.state, end.connection.closeSent]).toEqual(["failed", { code: 1002, reason: "" }]);
    const read = readFrames(end.drain());
    expect(read.map(({ opcode }) => opcode)).toEqual([1, 8]);
    expect(read[1]!.payload).toEqual(closePayload(1002));
  });

  it("can be asked for from outside, once", () => {
    const end = newClient();
    end.connection.fail(failure);
    end.connection.fail(failure);
    end.connection.close(1000);
    expect(end.calls).toEqual([["failure", "TEST", 1008]]);
    expect(end.errors).toEqual([failure]);
    expect(closesOf(end)).toEqual([closePayload(1008)]);
  });

  it.each([
    999,
    1004,
    1006,
    1015,
    1016,
    2999,
    5000,
    65_536,
    70_000,
    -1,
    1002.5,
    NaN,
    Infinity,
    "1002",
    undefined,
  ])("with the close code %s, which a Close frame may not carry, throws and changes nothing", (closeCode) => {
    const end = newClient();
    const unsendable = new ProtocolError("of a caller", { code: "TEST", closeCode: closeCode as number });
    expect(() => end.connection.fail(unsendable)).toThrow(RangeError);
    expect(() => end.connection.fail(unsendable)).toThrow(`The close code ${closeCode} may not be sent`);
    expect([end.connection.state, end.connection.closeSent]).toEqual(["open", undefined]);
    expect([end.connection.hasOutput, end.connection.bufferedSize, end.calls]).toEqual([false, 0, []]);
    // The connection works as before, and can still fail.
    feed(end, textFrame("a"));
    end.connection.text("b");
    end.connection.fail(failure);
    expect(end.calls).toEqual([message("a"), ["failure", "TEST", 1008]]);
    expect(closesOf(end)).toEqual([closePayload(1008)]);
  });

  it("sends every close code that may be sent, and an empty Close for 1005", () => {
    for (const closeCode of [1000, 1003, 1007, 1014, 3000, 4999, 1005]) {
      const end = newClient();
      end.connection.fail(new ProtocolError("of a caller", { code: "TEST", closeCode }));
      expect(end.connection.state).toBe("failed");
      expect(closesOf(end)).toEqual([closeCode === 1005 ? Buffer.alloc(0) : closePayload(closeCode)]);
    }
  });

  it("can be asked for from inside a handler, and nothing more is told", () => {
    const end = newClient();
    end.onCall = () => end.connection.fail(failure);
    feed(end, textFrame("a"), textFrame("b"));
    expect(end.calls).toEqual([message("a"), ["failure", "TEST", 1008]]);
  });

  it("stays so though its handler resumes", () => {
    const end = newClient();
    end.onCall = () => end.connection.resume();
    feed(end, textFrame("a"), frame({ opcode: 5 }), textFrame("b"));
    expect(end.calls).toEqual([message("a"), ["failure", "UNKNOWN_OPCODE", 1002]]);
  });

  it("sends no second Close after ours", () => {
    const end = newClient();
    end.connection.close(1000);
    feed(end, textFrame("a"), frame({ opcode: 5 }));
    expect(end.calls).toEqual([message("a"), ["failure", "UNKNOWN_OPCODE", 1002]]);
    expect(end.connection.state).toBe("failed");
    expect(end.connection.closeSent).toEqual({ code: 1000, reason: "" });
    expect(closesOf(end)).toEqual([closePayload(1000)]);
  });

  it.each(badUtf8)("comes at the bad byte (%s) of a frame that is partly here", (_what, bad, badAt) => {
    const input = textFrame(Buffer.from([...Buffer.from("fine"), ...bad, ...Buffer.alloc(500, "a")]));
    const end = newClient();
    const upToBad = 4 + 4 + badAt;
    end.receive(input, 0, upToBad);
    expect(end.calls).toEqual([]);
    end.receive(input, upToBad, upToBad + 1);
    expect(end.calls).toEqual([["failure", "INVALID_UTF8", 1007]]);
    expectAtEverySplit(Buffer.concat([pingFrame("1"), input]), newClient, [
      ["ping", "1"],
      ["failure", "INVALID_UTF8", 1007],
    ]);
  });

  it.each([
    ["a frame", { maxFrameSize: 100 }, [frame({ opcode: 2, announced: 101 })]],
    ["a message", { maxMessageSize: 100 }, [frame({ opcode: 1, announced: 101 })]],
    [
      "fragments",
      { maxMessageSize: 100 },
      [binaryFrame(bytesOf(60), { isFinal: false }), frame({ opcode: 0, announced: 41 })],
    ],
    ["64 MiB and a byte", {}, [frame({ opcode: 2, announced: 64 * 1024 * 1024 + 1 })]],
  ])("comes at the header of %s that is too large", (_what, limits, frames) => {
    const input = Buffer.concat([textFrame("before"), ...frames]);
    const begin = (): ProtocolEnd => new ProtocolEnd(limits);
    expectAtEverySplit(input, begin, [message("before"), ["failure", "MESSAGE_TOO_BIG", 1009]]);
  });

  it("does not come for a message and a frame as large as the limits", () => {
    const begin = (): ProtocolEnd => new ProtocolEnd({ maxMessageSize: 100 });
    expectAtEverySplit(binaryFrame(bytesOf(100)), begin, [message(bytesOf(100))]);
  });
});

describe("pings", () => {
  it("are answered by their payload before the handler is told", () => {
    const end = newClient();
    const ready: boolean[] = [];
    end.onCall = () => ready.push(end.connection.hasOutput);
    feed(end, pingFrame("x".repeat(125)), pingFrame());
    expect(ready).toEqual([true, true]);
    expect(readFrames(end.drain()).map(({ opcode, payload }) => [opcode, payload.length])).toEqual([
      [10, 125],
      [10, 0],
    ]);
  });

  it("are not answered without autoPong", () => {
    const end = new ProtocolEnd({ autoPong: false });
    feed(end, pingFrame("by hand"));
    expect(end.connection.hasOutput).toBe(false);
    end.connection.pong(Buffer.from("by hand"));
    expect(readFrames(end.drain())).toMatchObject([{ opcode: 10, payload: Buffer.from("by hand") }]);
  });

  it("give the handler a payload of its own", () => {
    const kept: Buffer[] = [];
    const end = newClient();
    end.onPing = (payload) => {
      kept.push(payload);
      payload.fill("x");
    };
    end.onPong = (payload) => kept.push(payload);
    feed(end, pingFrame("ping"), pongFrame("pong"));
    feed(end, pingFrame("next"));
    expect(kept.map(String)).toEqual(["xxxx", "pong", "xxxx"]);
    expect(readFrames(end.drain()).map(({ payload }) => payload.toString())).toEqual(["ping", "next"]);
  });

  it("of ours tell how many messages stand before them", () => {
    const { connection } = newClient();
    expect(connection.ping()).toBe(0);
    connection.text("a");
    expect(connection.ping(Buffer.from("p"))).toBe(1);
    connection.take();
    connection.text("b");
    expect(connection.ping(new Uint8Array(125))).toBe(1);
  });

  it("and pongs of ours carry at most 125 bytes", () => {
    const { connection } = newClient();
    const large = new Uint8Array(126);
    expect(() => connection.ping(large)).toThrow(
      new RangeError("A ping or pong carries at most 125 bytes, not 126."),
    );
    expect(() => connection.pong(large)).toThrow(RangeError);
    expect(connection.hasOutput).toBe(false);
    connection.pong(new Uint8Array(125));
    expect(readFrames(drain(connection))[0]!.payload).toHaveLength(125);
  });
});

describe("sending", () => {
  const sends: [string, (connection: ProtocolConnection) => unknown][] = [
    ["text", (connection) => connection.text("a")],
    ["binary", (connection) => connection.binary(bytesOf(1))],
    ["ping", (connection) => connection.ping()],
    ["pong", (connection) => connection.pong()],
  ];

  const ends: [string, (end: ProtocolEnd) => void, string][] = [
    ["our Close", (end) => end.connection.close(1000), "closing"],
    ["the peer's Close", (end) => feed(end, closeFrame(1000)), "closed"],
    ["a failure", (end) => end.connection.fail(failure), "failed"],
    ["the end of the stream", (end) => end.connection.abandon(), "closed"],
  ];

  it.each(
    ends.flatMap(([what, run, state]) => sends.map(([name, send]) => ({ name, what, run, state, send }))),
  )("$name after $what is an InvalidStateError", ({ run, state, send }) => {
    const end = newClient();
    run(end);
    const before = end.connection.bufferedSize;
    const attempt = (): unknown => send(end.connection);
    expect(attempt).toThrow(InvalidStateError);
    expect(attempt).toThrow(expect.objectContaining({ code: "INVALID_STATE", state }));
    expect(end.connection.bufferedSize).toBe(before);
  });

  it("counts what was given, handed out and written", () => {
    const { connection } = newClient();
    const status = (): unknown => [
      connection.framedCount,
      connection.handedCount,
      connection.writtenCount,
      connection.bufferedSize,
      connection.hasOutput,
    ];
    expect(status()).toEqual([0, 0, 0, 0, false]);
    connection.text("abc");
    connection.binary(bytesOf(2));
    connection.ping();
    expect(status()).toEqual([2, 0, 0, 9 + 8 + 6, true]);
    connection.take();
    expect(status()).toEqual([2, 2, 0, 23, false]);
    connection.written();
    expect(status()).toEqual([2, 2, 2, 0, false]);
  });

  it("gives back what was not taken, also when the stream is gone", () => {
    const { connection } = newClient();
    connection.text("in flight");
    connection.take();
    connection.text("a");
    connection.binary(bytesOf(3));
    connection.close(1000);
    connection.abandon();
    expect(connection.takeUnsent()).toEqual(["a", bytesOf(3)]);
    expect([connection.bufferedSize, connection.hasOutput]).toEqual([15, false]);
    connection.written();
    expect(connection.bufferedSize).toBe(0);
  });

  it("copies the bytes that it is given", () => {
    const { connection } = newClient();
    const bytes = bytesOf(300);
    connection.binary(bytes);
    bytes.fill(0);
    expect(readFrames(drain(connection))[0]!.payload).toEqual(bytesOf(300));
  });
});

describe("an extension", () => {
  interface Extended {
    readonly end: ProtocolEnd;
    readonly extension: InvertingExtension;
  }

  function extended(compressionThreshold?: number): Extended {
    const extension = new InvertingExtension();
    return { end: new ProtocolEnd({ extension, compressionThreshold }), extension };
  }

  it("is named, and its absence too", () => {
    expect(extended().end.connection.extensions).toBe("x-invert");
    expect(newClient().connection.extensions).toBe("");
  });

  it.each([
    ["by default below 128 bytes", undefined, undefined, 127, false],
    ["by default from 128 bytes on", undefined, undefined, 128, true],
    ["below the threshold", 10, undefined, 9, false],
    ["at the threshold", 10, undefined, 10, true],
    ["with a threshold of 0", 0, undefined, 0, true],
    ["where it is asked for", 1000, true, 0, true],
    ["where it is refused", 0, false, 5000, false],
  ])("is used %s: threshold %s, compress %s, %d bytes: %s", (_when, threshold, compress, size, isUsed) => {
    const { end, extension } = extended(threshold);
    const options = compress === undefined ? undefined : { compress };
    // The threshold is one of bytes: each of these characters has two.
    const text = "é".repeat(size >> 1) + "x".repeat(size & 1);
    end.connection.text(text, options);
    end.connection.binary(bytesOf(size), options);
    const [first, second] = readFrames(end.drain());
    expect([first!.rsv1, second!.rsv1]).toEqual([isUsed, isUsed]);
    expect(extension.encodedCount).toBe(isUsed ? 2 : 0);
    expect([first!.opcode, second!.opcode]).toEqual([1, 2]);
    expect(first!.payload).toEqual(isUsed ? inverted(text) : Buffer.from(text));
    expect(second!.payload).toEqual(isUsed ? inverted(bytesOf(size)) : bytesOf(size));
  });

  it("that is not there changes nothing", () => {
    const { connection } = newClient();
    connection.text("x".repeat(500), { compress: true });
    connection.binary(bytesOf(500), { compress: true });
    expect(readFrames(drain(connection)).map(({ rsv1 }) => rsv1)).toEqual([false, false]);
  });

  it("decodes what came with RSV1, and its bound is that of a message", () => {
    const begin = (): ProtocolEnd =>
      new ProtocolEnd({ extension: new InvertingExtension(), maxMessageSize: 100 });
    const rsv1 = { rsv1: true };
    const input = Buffer.concat([
      textFrame(inverted("é"), rsv1),
      textFrame("plain"),
      binaryFrame(bytesOf(110), rsv1),
    ]);
    expectAtEverySplit(input, begin, [message("é"), message("plain"), ["failure", "MESSAGE_TOO_BIG", 1009]]);
    const announced = frame({ opcode: 2, announced: 111, rsv1: true });
    expectAtEverySplit(announced, begin, [["failure", "MESSAGE_TOO_BIG", 1009]]);
  });

  it.each([
    ["throws an error of its own", new Error("broken")],
    ["throws no error", "broken"],
    ["names a close code that may not be sent", new ProtocolError("x", { code: "X", closeCode: 1006 })],
  ])("fails the connection where it %s", (_what, thrown) => {
    class Broken extends InvertingExtension {
      override decode(): Buffer {
        throw thrown as Error;
      }

      decodePieces(): Buffer {
        throw thrown as Error;
      }
    }
    const large = ["b".repeat(1024 * 1024), "c"];
    for (const frames of [[textFrame("b", { rsv1: true })], fragments(opcodes.text, large, { rsv1: true })]) {
      const end = new ProtocolEnd({ extension: new Broken() });
      feed(end, textFrame("a"), ...frames, textFrame("c"));
      expect(end.calls).toEqual([message("a"), ["failure", "EXTENSION_FAILED", 1011]]);
      expect(end.errors[0]!.cause).toBe(thrown);
      expect(closesOf(end)).toEqual([closePayload(1011)]);
    }
  });

  it("fails the connection where it finds the data corrupt", () => {
    const { end } = extended();
    feed(end, textFrame(Buffer.from([0xee]), { rsv1: true }), textFrame("behind"));
    expect(end.calls).toEqual([["failure", "CORRUPT", 1007]]);
    expect(closesOf(end)).toEqual([closePayload(1007)]);
  });

  it("gives back the messages before they were encoded", () => {
    const { end } = extended(0);
    const bytes = bytesOf(5);
    end.connection.text("a\ud800");
    end.connection.binary(bytes);
    bytes.fill(0);
    end.connection.text("plain", { compress: false });
    expect(end.connection.takeUnsent()).toEqual(["a\ud800", bytesOf(5), "plain"]);
  });

  it("is closed with the last message that can come, and not before", () => {
    const { end, extension } = extended();
    end.connection.close(1000);
    expect(extension.isClosed).toBe(false);
    feed(end, textFrame(inverted("late"), { rsv1: true }), closeFrame(1000));
    expect(end.calls).toEqual([message("late"), ["close", 1000, ""]]);
    expect(extension.isClosed).toBe(true);
  });

  it.each<[string, (end: ProtocolEnd) => void]>([
    ["a failure", (end) => end.connection.fail(failure)],
    ["the peer's Close", (end) => feed(end, closeFrame())],
    ["the end of the stream", (end) => end.connection.abandon()],
  ])("is closed by %s", (_what, run) => {
    const { end, extension } = extended();
    run(end);
    expect(extension.isClosed).toBe(true);
    end.connection.abandon();
  });
});

describe("pause", () => {
  const input = Buffer.concat([
    textFrame("1"),
    pingFrame("2"),
    binaryFrame(bytesOf(3)),
    textFrame("4"),
    closeFrame(1000),
  ]);
  const all = [message("1"), ["ping", "2"], message(bytesOf(3)), message("4"), ["close", 1000, ""]];

  it("from inside a handler stops before the next frame, and resume goes on in order, at every split", () => {
    const begin = (): Pick<ProtocolEnd, "calls" | "receive"> => {
      const end = newClient();
      end.onCall = () => end.connection.pause();
      let told = 0;
      return {
        calls: end.calls,
        receive: (bytes, from, to) => {
          end.receive(bytes, from, to);
          for (let before = -1; before < end.calls.length;) {
            if (end.calls.length > told + 1) throw new Error("More than one call came before the pause.");
            told = before = end.calls.length;
            end.connection.resume();
            if (end.calls.length === told) break;
          }
        },
      };
    };
    expectAtEverySplit(input, begin, all as ProtocolEnd["calls"]);
  });

  it("from outside keeps all that comes, at every split", () => {
    const begin = (): Pick<ProtocolEnd, "calls" | "receive"> => {
      const end = newClient();
      let received = 0;
      end.connection.pause();
      return {
        calls: end.calls,
        receive: (bytes, from, to) => {
          end.receive(bytes, from, to);
          received += to - from;
          if (end.calls.length > 0) throw new Error("Something was told while paused.");
          if (received === input.length) end.connection.resume();
        },
      };
    };
    expectAtEverySplit(input, begin, all as ProtocolEnd["calls"]);
  });

  it("leaves a frame that is half here to be completed", () => {
    const end = newClient();
    const bytes = textFrame("x".repeat(300));
    end.receive(bytes, 0, 100);
    end.connection.pause();
    end.receive(bytes, 100, 200);
    expect(end.connection.unfinishedSize).toBe(96);
    end.connection.resume();
    expect(end.connection.unfinishedSize).toBe(196);
    end.receive(bytes, 200, bytes.length);
    expect(end.calls).toEqual([message("x".repeat(300))]);
  });

  it("and resume inside one handler change nothing", () => {
    const end = newClient();
    end.onCall = () => {
      end.connection.pause();
      end.connection.resume();
    };
    feed(end, input);
    expect(end.calls).toEqual(all);
  });

  it("inside what resume tells holds again", () => {
    const end = newClient();
    end.onCall = () => end.connection.pause();
    feed(end, input);
    for (let count = 1; count <= 5; count++) {
      expect(end.calls).toEqual(all.slice(0, count));
      end.connection.resume();
    }
    expect(end.calls).toEqual(all);
  });

  it("holds the end back until all before it is told", () => {
    const end = newClient();
    end.onCall = () => end.connection.pause();
    feed(end, textFrame("1"), textFrame("2"));
    end.connection.receiveEnd();
    expect(end.calls).toEqual([message("1")]);
    end.connection.resume();
    expect(end.calls).toEqual([message("1"), message("2"), ["end"]]);
  });

  it("with the end from inside a handler tells it last", () => {
    const end = newClient();
    end.onCall = ([kind]) => {
      if (kind === "message") end.connection.receiveEnd();
    };
    feed(end, textFrame("1"), pingFrame("2"));
    expect(end.calls).toEqual([message("1"), ["ping", "2"], ["end"]]);
  });

  it("discards what was kept when the connection fails or ends", () => {
    for (const stop of ["fail", "abandon"] as const) {
      const end = newClient();
      end.connection.pause();
      feed(end, textFrame("kept"));
      if (stop === "fail") end.connection.fail(failure);
      else end.connection.abandon();
      end.connection.resume();
      feed(end, textFrame("later"));
      end.connection.resume();
      expect(end.calls).toEqual(stop === "fail" ? [["failure", "TEST", 1008]] : []);
    }
  });

  it("does not hold the end back when what was kept is discarded", () => {
    const end = newClient();
    end.connection.pause();
    feed(end, textFrame("kept"));
    end.connection.fail(failure);
    end.connection.receiveEnd();
    expect(end.calls).toEqual([["failure", "TEST", 1008], ["end"]]);
  });

  it("behind the last frame of a read keeps what comes next, in order", () => {
    const end = newClient();
    end.onCall = () => end.connection.pause();
    feed(end, textFrame("1"));
    end.onCall = undefined;
    feed(end, textFrame("2").subarray(0, 2));
    feed(end, textFrame("2").subarray(2), textFrame("3"));
    end.connection.resume();
    expect(end.calls).toEqual([message("1"), message("2"), message("3")]);
  });

  it("costs nothing but time in proportion to the bytes when one message is told for each resume", () => {
    const end = newClient();
    let count = 0;
    end.onMessage = () => {
      count++;
      end.connection.pause();
    };
    const frames = Buffer.alloc(4 * 262_144, textFrame("ab"));
    end.receive(frames, 0, frames.length);
    while (count < 262_144) end.connection.resume();
    expect(count).toBe(262_144);
  });
});

describe("calls from inside a handler", () => {
  it("that receive are told after what stands before them", () => {
    const end = newClient();
    end.onCall = ([kind, content]) => {
      if (kind === "message" && content === "1") feed(end, textFrame("3"), pingFrame("4"));
    };
    feed(end, textFrame("1"), textFrame("2"));
    expect(end.calls).toEqual([message("1"), message("2"), message("3"), ["ping", "4"]]);
  });

  it("that receive after a pause are told after what was kept", () => {
    const end = newClient();
    end.onCall = ([kind, content]) => {
      if (kind !== "message" || content !== "1") return;
      end.connection.pause();
      feed(end, textFrame("3"));
    };
    feed(end, textFrame("1"), textFrame("2"));
    expect(end.calls).toEqual([message("1")]);
    feed(end, textFrame("4"));
    end.connection.resume();
    expect(end.calls).toEqual(["1", "2", "3", "4"].map((text) => message(text)));
  });

  it("that receive need no stack, however many there are", () => {
    const end = newClient();
    const rounds = 50_000;
    let count = 0;
    const bytes = textFrame("again");
    end.onMessage = () => {
      count++;
      if (count < rounds) end.receive(bytes, 0, bytes.length);
    };
    end.receive(bytes, 0, bytes.length);
    expect(count).toBe(rounds);
  });

  it("that close or send work on the spot", () => {
    const end = newClient();
    end.onCall = ([kind, content]) => {
      if (kind !== "message" || end.connection.state !== "open") return;
      end.connection.text(`got ${String(content)}`);
      end.connection.close(1000);
    };
    feed(end, textFrame("1"), textFrame("2"), closeFrame(1000));
    expect(end.calls).toEqual([message("1"), message("2"), ["close", 1000, ""]]);
    expect(readFrames(end.drain()).map(({ opcode }) => opcode)).toEqual([1, 8]);
  });

  it("that abandon the connection end it there", () => {
    const end = newClient();
    end.onCall = () => end.connection.abandon();
    feed(end, textFrame("1"), textFrame("2"));
    end.connection.receiveEnd();
    expect(end.calls).toEqual([message("1")]);
    expect(end.connection.state).toBe("closed");
  });
});

describe("a handler that throws", () => {
  class Thrown extends Error {}

  /** Throws from each call of these kinds, after it was written down. */
  function throwing(...kinds: string[]): ProtocolEnd {
    const end = newClient();
    end.onCall = ([kind]) => {
      if (kinds.includes(kind)) throw new Thrown(kind);
    };
    return end;
  }

  const input = Buffer.concat([
    ...[
      textFrame("1"),
      pingFrame("2"),
      pongFrame("3"),
      ...fragments(opcodes.text, ["4", "5"]),
      closeFrame(1000),
    ],
  ]);
  const all = [message("1"), ["ping", "2"], ["pong", "3"], message("45"), ["close", 1000, ""]];

  it("throws out of receive, and the rest is told afterwards, in order, at every split", () => {
    const begin = (): Pick<ProtocolEnd, "calls" | "receive"> => {
      const end = throwing("message", "ping", "pong", "close");
      const attempt = (run: () => void): boolean => {
        const before = end.calls.length;
        try {
          run();
        } catch (error) {
          if (!(error instanceof Thrown)) throw error;
          if (end.calls.length !== before + 1)
            throw new Error("More was told than what threw.", { cause: error });
          return true;
        }
        return false;
      };
      return {
        calls: end.calls,
        receive: (bytes, from, to) => {
          if (!attempt(() => end.receive(bytes, from, to))) return;
          while (attempt(() => end.connection.resume()));
        },
      };
    };
    expectAtEverySplit(input, begin, all as ProtocolEnd["calls"]);
  });

  it("is told the rest with the next bytes", () => {
    const end = throwing("ping");
    expect(() => feed(end, textFrame("1"), pingFrame("2"), textFrame("3"))).toThrow(Thrown);
    expect(end.calls).toEqual([message("1"), ["ping", "2"]]);
    feed(end, textFrame("4"));
    expect(end.calls).toEqual([message("1"), ["ping", "2"], message("3"), message("4")]);
    expect(readFrames(end.drain()).map(({ opcode }) => opcode)).toEqual([opcodes.pong]);
  });

  it("is told the rest with the end", () => {
    const end = throwing("ping");
    expect(() => feed(end, pingFrame("1"), pingFrame("2"), textFrame("3"))).toThrow(Thrown);
    expect(() => end.connection.receiveEnd()).toThrow(Thrown);
    end.connection.receiveEnd();
    expect(end.calls).toEqual([["ping", "1"], ["ping", "2"], message("3"), ["end"]]);
  });

  it("is told nothing more after a failure or Close that threw", () => {
    for (const [kind, bytes] of [
      ["failure", frame({ opcode: 3 })],
      ["close", closeFrame(1000)],
    ] as const) {
      const end = throwing(kind);
      expect(() => feed(end, bytes, textFrame("behind"))).toThrow(Thrown);
      feed(end, textFrame("behind"));
      end.connection.receiveEnd();
      expect(end.calls.map(([told]) => told)).toEqual([kind, "end"]);
      expect(closesOf(end)).toHaveLength(1);
    }
  });

  it("is told of the end once, though it threw", () => {
    const end = throwing("end");
    expect(() => end.connection.receiveEnd()).toThrow(Thrown);
    end.connection.receiveEnd();
    end.connection.resume();
    expect(end.calls).toEqual([["end"]]);
  });
});

describe("the end of the stream", () => {
  it("is told once, also inside a message", () => {
    const end = newClient();
    feed(end, textFrame("1"), textFrame("cut").subarray(0, 3));
    end.connection.receiveEnd();
    end.connection.receiveEnd();
    expect(end.calls).toEqual([message("1"), ["end"]]);
    expect([end.connection.state, end.connection.isInsideMessage]).toEqual(["open", true]);
  });

  it("is told behind the peer's Close", () => {
    const end = newClient();
    feed(end, closeFrame(1000));
    end.connection.receiveEnd();
    expect(end.calls).toEqual([["close", 1000, ""], ["end"]]);
  });

  it("is not told once the connection was abandoned, which tells nothing", () => {
    const end = newClient();
    end.connection.abandon();
    feed(end, textFrame("1"));
    end.connection.receiveEnd();
    end.connection.fail(failure);
    end.connection.close(1000);
    expect(end.calls).toEqual([]);
    expect([end.connection.state, end.connection.closeSent]).toEqual(["closed", undefined]);
  });

  it("leaves a failure a failure", () => {
    const end = newClient();
    end.connection.fail(failure);
    end.connection.abandon();
    expect(end.connection.state).toBe("failed");
  });
});

describe("what it tells of what is not whole", () => {
  function statusOf({ connection }: ProtocolEnd): unknown {
    return [connection.isInsideMessage, connection.unfinishedSize, connection.beganCount];
  }

  it("goes from the first byte of a header to the last of a message", () => {
    const end = newClient();
    const bytes = Buffer.concat(fragments(opcodes.binary, [bytesOf(200), bytesOf(3)]));
    expect(statusOf(end)).toEqual([false, 0, 0]);
    end.receive(bytes, 0, 3);
    expect(statusOf(end)).toEqual([true, 3, 0]);
    end.receive(bytes, 3, 4);
    expect(statusOf(end)).toEqual([true, 0, 1]);
    end.receive(bytes, 4, 204);
    expect(statusOf(end)).toEqual([true, 200, 1]);
    end.receive(bytes, 204, 205);
    expect(statusOf(end)).toEqual([true, 201, 1]);
    end.receive(bytes, 205, bytes.length);
    expect(statusOf(end)).toEqual([false, 0, 1]);
  });

  it("knows of a control frame that is cut off", () => {
    const end = newClient();
    const bytes = pingFrame("12345");
    end.receive(bytes, 0, 2);
    expect(statusOf(end)).toEqual([true, 0, 0]);
    end.receive(bytes, 2, 4);
    expect(statusOf(end)).toEqual([true, 2, 0]);
    end.receive(bytes, 4, 7);
    expect(statusOf(end)).toEqual([false, 0, 0]);
  });

  it.each<[string, (end: ProtocolEnd) => void]>([
    ["a failure", (end) => end.connection.fail(failure)],
    ["the peer's Close", (end) => feed(end, closeFrame())],
    ["the end of the stream", (end) => end.connection.abandon()],
  ])("is over, and its memory given back, with %s", (_what, run) => {
    const end = newClient();
    feed(end, textFrame("a", { isFinal: false }), pingFrame());
    expect(statusOf(end)).toEqual([true, 1, 1]);
    run(end);
    expect(statusOf(end)).toEqual([false, 0, 1]);
  });
});

describe("options", () => {
  it.each(["maxMessageSize", "maxFrameSize"])("refuse a %s that is no size", (name) => {
    for (const size of [0, -1, 1.5, NaN, Infinity, constants.MAX_STRING_LENGTH + 1]) {
      const attempt = (): unknown => new ProtocolEnd({ [name]: size });
      expect(attempt).toThrow(RangeError);
      expect(attempt).toThrow(`${name} is ${size}: it takes a whole number of bytes from 1 to`);
    }
    for (const size of [1, constants.MAX_STRING_LENGTH])
      expect(() => new ProtocolEnd({ [name]: size })).not.toThrow();
  });

  it("open no extension where they are wrong", () => {
    const extension = { header: "", open: (): never => expect.unreachable() };
    expect(() => new ProtocolEnd({ extension, maxMessageSize: 0 })).toThrow(RangeError);
  });

  it("share resources between connections", () => {
    const resources = testResources();
    const [first, second] = [new ProtocolEnd({ resources }), new ProtocolEnd({ resources })];
    first.connection.text("first");
    second.connection.text("second");
    const bytes = first.connection.take()!;
    expect(readFrames(second.drain())[0]!.payload.toString()).toBe("second");
    second.connection.binary(bytesOf(70_000));
    second.drain();
    expect(readFrames(bytes)[0]!.payload.toString()).toBe("first");
  });
});
