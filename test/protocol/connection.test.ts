import { constants } from "node:buffer";
import { describe, expect, it } from "vitest";
import { ProtocolConnection, type ProtocolHandler } from "../../protocol/connection.js";
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

/** Returns the payloads of the Close frames among the queued frames. */
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

const failure = new ProtocolError("caused by the test", { code: "TEST", closeCode: 1008 });

describe.each(["client", "server"] as const)("ProtocolConnection of a %s", (role) => {
  const mask = role === "server";
  const begin = (): ProtocolEnd => new ProtocolEnd({ role });

  it.each(boundaryLengths)("delivers messages of %d bytes at every split", (size) => {
    const text = "x".repeat(size);
    expectAtEverySplit(textFrame(text, { mask }), begin, [message(text)]);
    const bytes = bytesOf(size);
    expectAtEverySplit(binaryFrame(bytes, { mask }), begin, [message(bytes)]);
  });

  it("delivers all frames in order, at every split", () => {
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

  it("handles each opcode with all values of FIN and RSV as RFC 6455 5.2 requires, at every split", () => {
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

  /** The expected calls for an empty frame that is followed by a final continuation with the payload "rest". */
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

  it("fails if the peer masks like this role", () => {
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
    ["126 in a Close frame", closeFrame(1000, "x".repeat(124), { mask }), "CONTROL_FRAME_TOO_BIG"],
  ])("fails on a length of %s", (_what, bytes, code) => {
    const input = Buffer.concat([textFrame("fine", { mask }), bytes]);
    expectAtEverySplit(input, begin, [message("fine"), ["failure", code, 1002]]);
  });

  it("writes frames with the masking of its role", () => {
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

it("a failure is announced before its Close frame, and the handler may send or abandon", () => {
  for (const isAbandoned of [false, true]) {
    const log: string[] = [];
    const handler: ProtocolHandler = {
      ...{ onMessage: () => undefined, onPing: () => undefined, onPong: () => undefined },
      ...{ onClose: () => undefined, onEnd: () => undefined, onFailure: () => void log.push("failure") },
      onFailing: () => {
        log.push("failing");
        if (isAbandoned) connection.abandon();
        else connection.text("last");
      },
    };
    const connection = new ProtocolConnection({ role: "server", handler, resources: testResources() });
    connection.receive(frame({ opcode: 3, mask: true }));
    expect(log).toEqual(isAbandoned ? ["failing"] : ["failing", "failure"]);
    const output = connection.take() ?? Buffer.alloc(0);
    expect(
      output.equals(isAbandoned ? Buffer.alloc(0) : Buffer.concat([textFrame("last"), closeFrame(1002)])),
    ).toBe(true);
  }
});

describe("the closing handshake", () => {
  it("answers the peer's Close frame with its code, without its reason", () => {
    const end = newClient();
    feed(end, closeFrame(4321, "because"));
    expect(end.calls).toEqual([["close", 4321, "because"]]);
    expect(end.connection.state).toBe("closed");
    expect(end.connection.closeReceived).toEqual({ code: 4321, reason: "because" });
    expect(end.connection.closeSent).toEqual({ code: 4321, reason: "" });
    expect(closesOf(end)).toEqual([closePayload(4321)]);
  });

  it("answers an empty Close frame with an empty one", () => {
    const end = newClient();
    feed(end, closeFrame());
    expect(end.calls).toEqual([["close", 1005, ""]]);
    expect(end.connection.closeSent).toEqual({ code: 1005, reason: "" });
    expect(closesOf(end)).toEqual([Buffer.alloc(0)]);
  });

  it("ends with the peer's Close frame if this end starts it, and frames before that are delivered", () => {
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
    // RFC 6455 5.5.1: no frame follows our Close frame, neither a pong nor a second Close frame.
    expect(readFrames(end.drain()).map(({ opcode }) => opcode)).toEqual([opcodes.close]);
  });

  it("sends the Close frame after everything queued before", () => {
    const { connection, calls } = newClient();
    connection.text("a");
    connection.binary(bytesOf(100_000));
    connection.close(1001, "bye");
    const read = readFrames(drain(connection));
    expect(read.map(({ opcode }) => opcode)).toEqual([1, 2, 8]);
    expect(read[2]!.payload).toEqual(closePayload(1001, "bye"));
    expect(calls).toEqual([]);
  });

  it("sends an empty Close frame without a code, even with a reason", () => {
    const end = newClient();
    end.connection.close(undefined, "ignored");
    expect(end.connection.closeSent).toEqual({ code: 1005, reason: "" });
    expect(closesOf(end)).toEqual([Buffer.alloc(0)]);
  });

  it("starts only once", () => {
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

  it("accepts every close code that may be sent, in both directions, and no other", () => {
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

  it("rejects a reason of more than 123 bytes", () => {
    const { connection } = newClient();
    expect(() => connection.close(1000, "€".repeat(41) + "x")).toThrow(RangeError);
    expect([connection.state, connection.hasOutput]).toEqual(["open", false]);
    connection.close(1000, "€".repeat(41));
    expect(connection.state).toBe("closing");
  });

  it.each([
    ["a number", 5],
    ["null", null],
    ["bytes, which Buffer.byteLength accepts", Buffer.from("bye")],
    ["an ArrayBuffer", new ArrayBuffer(3)],
  ])("rejects a reason that is %s, and changes nothing", (_what, reason) => {
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
    ["a code that must not be sent", closePayload(1005), "INVALID_CLOSE", 1002],
    ["an invalid reason", closePayload(1000, Buffer.from([0xc0, 0xaf])), "INVALID_UTF8", 1007],
  ])("fails on a Close frame with %s, at every split", (_what, payload, code, closeCode) => {
    const input = Buffer.concat([textFrame("a"), frame({ opcode: 8, payload }), textFrame("b")]);
    expectAtEverySplit(input, newClient, [message("a"), ["failure", code, closeCode]]);
    const end = newClient();
    feed(end, input);
    expect([end.connection.state, end.connection.closeReceived]).toEqual(["failed", undefined]);
    expect(closesOf(end)).toEqual([closePayload(closeCode)]);
  });

  it("is completed by a Close frame inside a fragmented message", () => {
    const [first] = fragments(opcodes.text, ["a", "b"]);
    expectAtEverySplit(Buffer.concat([first!, closeFrame(1000)]), newClient, [["close", 1000, ""]]);
  });

  it("discards input after the peer's Close frame, at every split", () => {
    const input = Buffer.concat([
      closeFrame(1000),
      textFrame("a"),
      closeFrame(1001),
      Buffer.from([0xff, 0xff]),
    ]);
    expectAtEverySplit(input, newClient, [["close", 1000, ""]]);
  });
});

describe("a failure", () => {
  it("sends a Close frame with the error's code after everything queued, and discards further input", () => {
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

  it("can be caused by fail(), once", () => {
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
  ])("with the close code %s, which may not be sent, throws and changes nothing", (closeCode) => {
    const end = newClient();
    const unsendable = new ProtocolError("caused by a caller", {
      code: "TEST",
      closeCode: closeCode as number,
    });
    expect(() => end.connection.fail(unsendable)).toThrow(RangeError);
    expect(() => end.connection.fail(unsendable)).toThrow(`The close code ${closeCode} may not be sent`);
    expect([end.connection.state, end.connection.closeSent]).toEqual(["open", undefined]);
    expect([end.connection.hasOutput, end.connection.bufferedSize, end.calls]).toEqual([false, 0, []]);
    // The connection still works and can fail later.
    feed(end, textFrame("a"));
    end.connection.text("b");
    end.connection.fail(failure);
    expect(end.calls).toEqual([message("a"), ["failure", "TEST", 1008]]);
    expect(closesOf(end)).toEqual([closePayload(1008)]);
  });

  it("sends every close code that may be sent, and an empty Close frame for 1005", () => {
    for (const closeCode of [1000, 1003, 1007, 1014, 3000, 4999, 1005]) {
      const end = newClient();
      end.connection.fail(new ProtocolError("caused by a caller", { code: "TEST", closeCode }));
      expect(end.connection.state).toBe("failed");
      expect(closesOf(end)).toEqual([closeCode === 1005 ? Buffer.alloc(0) : closePayload(closeCode)]);
    }
  });

  it("can be caused by fail() inside a handler, and nothing more is delivered", () => {
    const end = newClient();
    end.onCall = () => end.connection.fail(failure);
    feed(end, textFrame("a"), textFrame("b"));
    expect(end.calls).toEqual([message("a"), ["failure", "TEST", 1008]]);
  });

  it("is final even if its handler calls resume()", () => {
    const end = newClient();
    end.onCall = () => end.connection.resume();
    feed(end, textFrame("a"), frame({ opcode: 5 }), textFrame("b"));
    expect(end.calls).toEqual([message("a"), ["failure", "UNKNOWN_OPCODE", 1002]]);
  });

  it("sends no second Close frame after the one of this end", () => {
    const end = newClient();
    end.connection.close(1000);
    feed(end, textFrame("a"), frame({ opcode: 5 }));
    expect(end.calls).toEqual([message("a"), ["failure", "UNKNOWN_OPCODE", 1002]]);
    expect(end.connection.state).toBe("failed");
    expect(end.connection.closeSent).toEqual({ code: 1000, reason: "" });
    expect(closesOf(end)).toEqual([closePayload(1000)]);
  });

  it.each(badUtf8)("is reported at the invalid byte (%s) of an incomplete frame", (_what, bad, badAt) => {
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
    [
      "a frame of 64 MiB and one byte, by default,",
      {},
      [frame({ opcode: 2, announced: 64 * 1024 * 1024 + 1 })],
    ],
  ])("is reported at the header of %s that is too large", (_what, limits, frames) => {
    const input = Buffer.concat([textFrame("before"), ...frames]);
    const begin = (): ProtocolEnd => new ProtocolEnd(limits);
    expectAtEverySplit(input, begin, [message("before"), ["failure", "MESSAGE_TOO_BIG", 1009]]);
  });

  it("is not reported for a message and a frame of exactly the maximum size", () => {
    const begin = (): ProtocolEnd => new ProtocolEnd({ maxMessageSize: 100 });
    expectAtEverySplit(binaryFrame(bytesOf(100)), begin, [message(bytesOf(100))]);
  });
});

describe("pings and pongs", () => {
  it("answers a ping with its payload before onPing is called", () => {
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

  it("does not answer pings without autoPong", () => {
    const end = new ProtocolEnd({ autoPong: false });
    feed(end, pingFrame("by hand"));
    expect(end.connection.hasOutput).toBe(false);
    end.connection.pong(Buffer.from("by hand"));
    expect(readFrames(end.drain())).toMatchObject([{ opcode: 10, payload: Buffer.from("by hand") }]);
  });

  it("passes payloads that the handler may keep and change", () => {
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

  it("ping() returns the number of messages before the ping", () => {
    const { connection } = newClient();
    expect(connection.ping()).toBe(0);
    connection.text("a");
    expect(connection.ping(Buffer.from("p"))).toBe(1);
    connection.take();
    connection.text("b");
    expect(connection.ping(new Uint8Array(125))).toBe(1);
  });

  it("ping() and pong() reject a payload of more than 125 bytes", () => {
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

  it("counts queued, taken and written messages", () => {
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

  it("returns the messages that were not taken, also after abandon()", () => {
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

  it("copies the bytes of binary messages", () => {
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

  it("is named by the property extensions, which is empty without an extension", () => {
    expect(extended().end.connection.extensions).toBe("x-invert");
    expect(newClient().connection.extensions).toBe("");
  });

  it.each([
    ["by default below 128 bytes", undefined, undefined, 127, false],
    ["by default from 128 bytes on", undefined, undefined, 128, true],
    ["below the threshold", 10, undefined, 9, false],
    ["at the threshold", 10, undefined, 10, true],
    ["with a threshold of 0", 0, undefined, 0, true],
    ["with compress: true", 1000, true, 0, true],
    ["with compress: false", 0, false, 5000, false],
  ])("is used %s: threshold %s, compress %s, %d bytes: %s", (_when, threshold, compress, size, isUsed) => {
    const { end, extension } = extended(threshold);
    const options = compress === undefined ? undefined : { compress };
    // The threshold applies to bytes: each of these characters has two.
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

  it("is required for the option compress to have an effect", () => {
    const { connection } = newClient();
    connection.text("x".repeat(500), { compress: true });
    connection.binary(bytesOf(500), { compress: true });
    expect(readFrames(drain(connection)).map(({ rsv1 }) => rsv1)).toEqual([false, false]);
  });

  it("decodes frames with RSV1, and the size limit applies to the decoded message", () => {
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
    ["throws an ordinary error", new Error("broken")],
    ["throws a string", "broken"],
    ["names a close code that may not be sent", new ProtocolError("x", { code: "X", closeCode: 1006 })],
  ])("fails the connection if it %s", (_what, thrown) => {
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

  it("fails the connection if it detects corrupt data", () => {
    const { end } = extended();
    feed(end, textFrame(Buffer.from([0xee]), { rsv1: true }), textFrame("behind"));
    expect(end.calls).toEqual([["failure", "CORRUPT", 1007]]);
    expect(closesOf(end)).toEqual([closePayload(1007)]);
  });

  it("does not change the messages that takeUnsent returns", () => {
    const { end } = extended(0);
    const bytes = bytesOf(5);
    end.connection.text("a\ud800");
    end.connection.binary(bytes);
    bytes.fill(0);
    end.connection.text("plain", { compress: false });
    expect(end.connection.takeUnsent()).toEqual(["a\ud800", bytesOf(5), "plain"]);
  });

  it("is closed after the last possible message, and not before", () => {
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

describe("pause()", () => {
  const input = Buffer.concat([
    textFrame("1"),
    pingFrame("2"),
    binaryFrame(bytesOf(3)),
    textFrame("4"),
    closeFrame(1000),
  ]);
  const all = [message("1"), ["ping", "2"], message(bytesOf(3)), message("4"), ["close", 1000, ""]];

  it("inside a handler stops before the next frame, and resume() continues in order, at every split", () => {
    const begin = (): Pick<ProtocolEnd, "calls" | "receive"> => {
      const end = newClient();
      end.onCall = () => end.connection.pause();
      let callCount = 0;
      return {
        calls: end.calls,
        receive: (bytes, from, to) => {
          end.receive(bytes, from, to);
          for (let before = -1; before < end.calls.length;) {
            if (end.calls.length > callCount + 1)
              throw new Error("The handler was called more than once before the pause.");
            callCount = before = end.calls.length;
            end.connection.resume();
            if (end.calls.length === callCount) break;
          }
        },
      };
    };
    expectAtEverySplit(input, begin, all as ProtocolEnd["calls"]);
  });

  it("outside a handler buffers everything that arrives, at every split", () => {
    const begin = (): Pick<ProtocolEnd, "calls" | "receive"> => {
      const end = newClient();
      let received = 0;
      end.connection.pause();
      return {
        calls: end.calls,
        receive: (bytes, from, to) => {
          end.receive(bytes, from, to);
          received += to - from;
          if (end.calls.length > 0) throw new Error("The handler was called while paused.");
          if (received === input.length) end.connection.resume();
        },
      };
    };
    expectAtEverySplit(input, begin, all as ProtocolEnd["calls"]);
  });

  it("buffers the rest of an incomplete frame", () => {
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

  it("has no effect if the same handler calls resume()", () => {
    const end = newClient();
    end.onCall = () => {
      end.connection.pause();
      end.connection.resume();
    };
    feed(end, input);
    expect(end.calls).toEqual(all);
  });

  it("inside a handler that resume() calls stops delivery again", () => {
    const end = newClient();
    end.onCall = () => end.connection.pause();
    feed(end, input);
    for (let count = 1; count <= 5; count++) {
      expect(end.calls).toEqual(all.slice(0, count));
      end.connection.resume();
    }
    expect(end.calls).toEqual(all);
  });

  it("delays the end until everything before it is delivered", () => {
    const end = newClient();
    end.onCall = () => end.connection.pause();
    feed(end, textFrame("1"), textFrame("2"));
    end.connection.receiveEnd();
    expect(end.calls).toEqual([message("1")]);
    end.connection.resume();
    expect(end.calls).toEqual([message("1"), message("2"), ["end"]]);
  });

  it("is not needed when a handler calls receiveEnd(): the end is still delivered last", () => {
    const end = newClient();
    end.onCall = ([kind]) => {
      if (kind === "message") end.connection.receiveEnd();
    };
    feed(end, textFrame("1"), pingFrame("2"));
    expect(end.calls).toEqual([message("1"), ["ping", "2"], ["end"]]);
  });

  it("does not keep buffered bytes when the connection fails or is abandoned", () => {
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

  it("does not delay the end if the buffered bytes are discarded", () => {
    const end = newClient();
    end.connection.pause();
    feed(end, textFrame("kept"));
    end.connection.fail(failure);
    end.connection.receiveEnd();
    expect(end.calls).toEqual([["failure", "TEST", 1008], ["end"]]);
  });

  it("after the last frame of a read buffers the next reads in order", () => {
    const end = newClient();
    end.onCall = () => end.connection.pause();
    feed(end, textFrame("1"));
    end.onCall = undefined;
    feed(end, textFrame("2").subarray(0, 2));
    feed(end, textFrame("2").subarray(2), textFrame("3"));
    end.connection.resume();
    expect(end.calls).toEqual([message("1"), message("2"), message("3")]);
  });

  it("costs time in proportion to the number of bytes when each resume() delivers one message", () => {
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

describe("a handler", () => {
  it("that calls receive() gets the new bytes after those that are left", () => {
    const end = newClient();
    end.onCall = ([kind, content]) => {
      if (kind === "message" && content === "1") feed(end, textFrame("3"), pingFrame("4"));
    };
    feed(end, textFrame("1"), textFrame("2"));
    expect(end.calls).toEqual([message("1"), message("2"), message("3"), ["ping", "4"]]);
  });

  it("that pauses and calls receive() gets the new bytes after the buffered ones", () => {
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

  it("may call receive() any number of times without growing the stack", () => {
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

  it("may send and close, with immediate effect", () => {
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

  it("that calls abandon() gets nothing more", () => {
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

  /** Creates a connection whose handler throws in each recorded call of these kinds. */
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

  it("makes receive() throw, and later calls deliver the rest in order, at every split", () => {
    const begin = (): Pick<ProtocolEnd, "calls" | "receive"> => {
      const end = throwing("message", "ping", "pong", "close");
      const attempt = (run: () => void): boolean => {
        const before = end.calls.length;
        try {
          run();
        } catch (error) {
          if (!(error instanceof Thrown)) throw error;
          if (end.calls.length !== before + 1)
            throw new Error("The handler was called more than once.", { cause: error });
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

  it("receives the rest with the next bytes", () => {
    const end = throwing("ping");
    expect(() => feed(end, textFrame("1"), pingFrame("2"), textFrame("3"))).toThrow(Thrown);
    expect(end.calls).toEqual([message("1"), ["ping", "2"]]);
    feed(end, textFrame("4"));
    expect(end.calls).toEqual([message("1"), ["ping", "2"], message("3"), message("4")]);
    expect(readFrames(end.drain()).map(({ opcode }) => opcode)).toEqual([opcodes.pong]);
  });

  it("receives the rest with the end of the stream", () => {
    const end = throwing("ping");
    expect(() => feed(end, pingFrame("1"), pingFrame("2"), textFrame("3"))).toThrow(Thrown);
    expect(() => end.connection.receiveEnd()).toThrow(Thrown);
    end.connection.receiveEnd();
    expect(end.calls).toEqual([["ping", "1"], ["ping", "2"], message("3"), ["end"]]);
  });

  it("receives nothing more after it threw in onFailure or onClose", () => {
    for (const [kind, bytes] of [
      ["failure", frame({ opcode: 3 })],
      ["close", closeFrame(1000)],
    ] as const) {
      const end = throwing(kind);
      expect(() => feed(end, bytes, textFrame("behind"))).toThrow(Thrown);
      feed(end, textFrame("behind"));
      end.connection.receiveEnd();
      expect(end.calls.map(([name]) => name)).toEqual([kind, "end"]);
      expect(closesOf(end)).toHaveLength(1);
    }
  });

  it("receives the end once, even if it threw", () => {
    const end = throwing("end");
    expect(() => end.connection.receiveEnd()).toThrow(Thrown);
    end.connection.receiveEnd();
    end.connection.resume();
    expect(end.calls).toEqual([["end"]]);
  });
});

describe("the end of the stream", () => {
  it("is reported once, also inside a message", () => {
    const end = newClient();
    feed(end, textFrame("1"), textFrame("cut").subarray(0, 3));
    end.connection.receiveEnd();
    end.connection.receiveEnd();
    expect(end.calls).toEqual([message("1"), ["end"]]);
    expect([end.connection.state, end.connection.isInsideMessage]).toEqual(["open", true]);
  });

  it("is reported after the peer's Close frame", () => {
    const end = newClient();
    feed(end, closeFrame(1000));
    end.connection.receiveEnd();
    expect(end.calls).toEqual([["close", 1000, ""], ["end"]]);
  });

  it("is not reported after abandon(), nor is anything else", () => {
    const end = newClient();
    end.connection.abandon();
    feed(end, textFrame("1"));
    end.connection.receiveEnd();
    end.connection.fail(failure);
    end.connection.close(1000);
    expect(end.calls).toEqual([]);
    expect([end.connection.state, end.connection.closeSent]).toEqual(["closed", undefined]);
  });

  it("keeps the state of a failed connection", () => {
    const end = newClient();
    end.connection.fail(failure);
    end.connection.abandon();
    expect(end.connection.state).toBe("failed");
  });
});

describe("the progress of incomplete input", () => {
  function statusOf({ connection }: ProtocolEnd): unknown {
    return [connection.isInsideMessage, connection.unfinishedSize, connection.beganCount];
  }

  it("is shown from the first byte of a header to the last byte of a message", () => {
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

  it("includes an incomplete control frame", () => {
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
  ])("is over, and its memory released, after %s", (_what, run) => {
    const end = newClient();
    feed(end, textFrame("a", { isFinal: false }), pingFrame());
    expect(statusOf(end)).toEqual([true, 1, 1]);
    run(end);
    expect(statusOf(end)).toEqual([false, 0, 1]);
  });
});

describe("options", () => {
  it.each(["maxMessageSize", "maxFrameSize"])("reject a %s that is not a valid size", (name) => {
    for (const size of [0, -1, 1.5, NaN, Infinity, constants.MAX_STRING_LENGTH + 1]) {
      const attempt = (): unknown => new ProtocolEnd({ [name]: size });
      expect(attempt).toThrow(RangeError);
      expect(attempt).toThrow(`${name} is ${size}: it must be a whole number of bytes from 1 to`);
    }
    for (const size of [1, constants.MAX_STRING_LENGTH])
      expect(() => new ProtocolEnd({ [name]: size })).not.toThrow();
  });

  it("are checked before the extension is opened", () => {
    const extension = { header: "", open: (): never => expect.unreachable() };
    expect(() => new ProtocolEnd({ extension, maxMessageSize: 0 })).toThrow(RangeError);
  });

  it("may share resources between connections", () => {
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
