import { describe, expect, it } from "vitest";
import { ProtocolConnection, type ProtocolHandler } from "../../protocol/index.js";
import { testResources } from "../support/protocol-end.js";
import { binaryFrame, closeFrame, frame, opcodes, pingFrame, pongFrame, textFrame } from "../support/wire.js";

/** A connection of which everything that it tells is written down. */
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
  return { protocol: new ProtocolConnection({ role: "client", handler, resources: testResources() }), reported };
}

/** What is told by the end of the stream, and by the end of the pause, where the pause begins at this byte. */
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

describe("the end of the stream while a pause keeps bytes", () => {
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

  it("tells control frames at once and messages when reading goes on, wherever the pause begins", () => {
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

  it("is told after the messages where a new pause stops them", () => {
    const { protocol, reported } = create();
    protocol.pause();
    protocol.receive(Buffer.concat([textFrame("1"), textFrame("2")]));
    protocol.endPaused();
    expect(reported).toEqual([]);
    protocol.resume();
    expect(reported).toEqual(["message 1", "message 2", "end"]);
  });

  it("answers nothing, and keeps what waits to be sent as it is", () => {
    const { protocol } = create();
    protocol.pause();
    protocol.receive(Buffer.concat([pingFrame("p"), closeFrame(1000)]));
    protocol.endPaused();
    protocol.resume();
    expect([protocol.hasOutput, protocol.closeReceived?.code]).toEqual([false, 1000]);
  });

  it.each<[string, Buffer, string]>([
    ["a frame that breaks RFC 6455 5", Buffer.of(0x83, 0), "failure RESERVED_OPCODE"],
    ["a Close whose payload is one byte", frame({ opcode: opcodes.close, payload: Buffer.of(3) }), "failure"],
  ])("tells %s as a failure at once, and the messages before it later", (_, wrong, failure) => {
    const { protocol, reported } = create();
    protocol.pause();
    protocol.receive(Buffer.concat([textFrame("1"), wrong, textFrame("2"), closeFrame(1000)]));
    protocol.endPaused();
    expect(reported).toEqual([expect.stringContaining(failure.split(" ")[0]!)]);
    protocol.resume();
    expect(reported.slice(1)).toEqual(["message 1", "end"]);
    expect(protocol.state).toBe("failed");
  });

  it("tells a message that is wrong as a failure when it is decoded", () => {
    const { protocol, reported } = create();
    protocol.pause();
    protocol.receive(Buffer.concat([textFrame("1"), textFrame(Buffer.of(0xff)), textFrame("2")]));
    protocol.endPaused();
    expect(reported).toEqual([]);
    protocol.resume();
    expect(reported).toEqual(["message 1", "failure INVALID_UTF8", "end"]);
  });

  it("may be forgotten", () => {
    const { protocol, reported } = create();
    protocol.pause();
    protocol.receive(textFrame("1"));
    protocol.endPaused();
    protocol.abandon();
    protocol.resume();
    expect(reported).toEqual([]);
  });
});
