import { describe, expect, it } from "vitest";
import { ProtocolConnection, type ProtocolHandler } from "../../protocol/index.js";
import { testResources } from "../support/protocol-end.js";
import { binaryFrame, closeFrame, frame, opcodes, pingFrame, pongFrame, textFrame } from "../support/wire.js";

/** Creates a connection and records the calls of its handler. */
function create(): { protocol: ProtocolConnection; reported: string[] } {
  const reported: string[] = [];
  const handler: ProtocolHandler = {
    onMessage: (data) => reported.push(`message ${data.toString()}`),
    onPing: (payload) => reported.push(`ping ${payload.toString()}`),
    onPong: (payload) => reported.push(`pong ${payload.toString()}`),
    onClose: (code, reason) => reported.push(`close ${code} ${reason}`),
    onFailure: ({ code }) => reported.push(`failure ${code}`),
    onEnd: () => reported.push("end"),
  };
  return {
    protocol: new ProtocolConnection({ role: "client", handler, resources: testResources() }),
    reported,
  };
}

/** Pauses before the byte at `at`. Returns the calls before the pause, by endPaused(), and by resume(). */
function splitAt(bytes: Buffer, at: number): { before: string[]; atEnd: string[]; later: string[] } {
  const { protocol, reported } = create();
  protocol.receive(bytes.subarray(0, at));
  const before = reported.splice(0);
  protocol.pause();
  protocol.receive(bytes.subarray(at));
  expect([reported, protocol.isKeeping]).toEqual([[], at < bytes.length]);
  protocol.endPaused();
  const atEnd = reported.splice(0);
  protocol.resume();
  return { before, atEnd, later: reported };
}

describe("endPaused() with buffered bytes", () => {
  const frames = [
    textFrame("one"),
    pingFrame("p1"),
    textFrame("tw", { isFinal: false }),
    pongFrame("p2"),
    frame({ opcode: opcodes.continuation, payload: Buffer.from("o") }),
    binaryFrame(Buffer.from("three".repeat(60))),
    closeFrame(1001, "bye"),
    textFrame("behind the Close"),
  ];
  const bytes = Buffer.concat(frames);
  const all = [
    "message one",
    "ping p1",
    "pong p2",
    "message two",
    `message ${"three".repeat(60)}`,
    "close 1001 bye",
  ];
  const isMessage = (entry: string): boolean => entry.startsWith("message");

  it("delivers control frames at once and messages on resume(), wherever the pause begins", () => {
    const closeEnd = bytes.length - frames.at(-1)!.length;
    for (let at = 0; at < closeEnd; at++) {
      const { before, atEnd, later } = splitAt(bytes, at);
      expect(atEnd.filter(isMessage)).toEqual([]);
      expect(later.filter((entry) => !isMessage(entry))).toEqual(["end"]);
      expect(later.at(-1)).toBe("end");
      expect([...before, ...atEnd, ...later].filter(isMessage)).toEqual(all.filter(isMessage));
      expect([...before, ...atEnd].filter((entry) => !isMessage(entry))).toEqual(
        all.filter((entry) => !isMessage(entry)),
      );
    }
  });

  it("reports the end after the messages that resume() delivers", () => {
    const { protocol, reported } = create();
    protocol.pause();
    protocol.receive(Buffer.concat([textFrame("1"), textFrame("2")]));
    protocol.endPaused();
    expect(reported).toEqual([]);
    protocol.resume();
    expect(reported).toEqual(["message 1", "message 2", "end"]);
  });

  it("does not send answers to the buffered frames", () => {
    const { protocol } = create();
    protocol.pause();
    protocol.receive(Buffer.concat([pingFrame("p"), closeFrame(1000)]));
    protocol.endPaused();
    protocol.resume();
    expect([protocol.hasOutput, protocol.closeReceived?.code]).toEqual([false, 1000]);
  });

  it.each<[string, Buffer, string]>([
    ["a frame that violates RFC 6455 5", Buffer.of(0x83, 0), "failure UNKNOWN_OPCODE"],
    [
      "a Close frame with a payload of one byte",
      frame({ opcode: opcodes.close, payload: Buffer.of(3) }),
      "failure",
    ],
  ])("reports %s as a failure at once, and delivers the messages before it later", (_, wrong, failure) => {
    const { protocol, reported } = create();
    protocol.pause();
    protocol.receive(Buffer.concat([textFrame("1"), wrong, textFrame("2"), closeFrame(1000)]));
    protocol.endPaused();
    expect(reported).toEqual([expect.stringContaining(failure.split(" ")[0]!)]);
    protocol.resume();
    expect(reported.slice(1)).toEqual(["message 1", "end"]);
    expect(protocol.state).toBe("failed");
  });

  it("reports an invalid message as a failure when it is decoded", () => {
    const { protocol, reported } = create();
    protocol.pause();
    protocol.receive(Buffer.concat([textFrame("1"), textFrame(Buffer.of(0xff)), textFrame("2")]));
    protocol.endPaused();
    expect(reported).toEqual([]);
    protocol.resume();
    expect(reported).toEqual(["message 1", "failure INVALID_UTF8", "end"]);
  });

  it("delivers nothing after abandon()", () => {
    const { protocol, reported } = create();
    protocol.pause();
    protocol.receive(textFrame("1"));
    protocol.endPaused();
    protocol.abandon();
    protocol.resume();
    expect(reported).toEqual([]);
  });
});
