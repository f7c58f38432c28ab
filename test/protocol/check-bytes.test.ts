import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { message, ProtocolEnd } from "../support/protocol-end.js";
import { binaryFrame, opcodes, readFrames } from "../support/wire.js";

const calls: readonly ("binary" | "ping" | "pong" | "receive")[] = ["binary", "ping", "pong", "receive"];

const wrong: [what: string, value: unknown][] = [
  ["an ArrayBuffer", new ArrayBuffer(2)],
  ["an ArrayBuffer of another realm", runInNewContext("new ArrayBuffer(2)")],
  ["a typed array of wider elements", Uint16Array.of(1, 2)],
  ["a DataView", new DataView(new ArrayBuffer(2))],
  ["an array", [1, 2]],
  ["a string", "text"],
];

describe("an argument that is not an array of bytes", () => {
  it.each(calls.flatMap((call) => wrong.map(([what, value]) => [call, what, value] as const)))(
    "is rejected by %s(): %s",
    (call, _what, value) => {
      const { connection } = new ProtocolEnd();
      expect(() => connection[call](value as Uint8Array)).toThrow(TypeError);
      expect(connection.bufferedSize).toBe(0);
    },
  );
});

describe("a Uint8Array of another realm", () => {
  const foreign = runInNewContext("(bytes) => Uint8Array.from(bytes)") as (bytes: Uint8Array) => Uint8Array;

  it.each([
    ["binary", opcodes.binary],
    ["ping", opcodes.ping],
    ["pong", opcodes.pong],
  ] as const)("are sent as they are by %s()", (call, opcode) => {
    const end = new ProtocolEnd();
    const bytes = foreign(Uint8Array.of(1, 2, 3));
    expect(bytes).not.toBeInstanceOf(Uint8Array);
    end.connection[call](bytes);
    expect(readFrames(end.drain())).toMatchObject([{ opcode, payload: Buffer.of(1, 2, 3) }]);
  });

  it("is received", () => {
    const end = new ProtocolEnd();
    end.connection.receive(foreign(binaryFrame(Buffer.of(1, 2, 3))));
    expect(end.calls).toEqual([message(Buffer.of(1, 2, 3))]);
  });
});
