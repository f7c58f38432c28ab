import type { Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { acceptKey } from "../../protocol/handshake/accept-key.js";
import { RawServer } from "../support/raw-server.js";
import { deflated, frame, type FrameParts, opcodes } from "../support/wire.js";
import { runProgram, transpiledEntryPoint } from "./child-process.js";

const mib = 1024 * 1024;
const size = 64 * mib;

let server: RawServer;

beforeEach(async () => {
  server = await new RawServer({}).listen();
});

afterEach(() => server.close());

/** Answers the opening handshake, and writes `input` once the client has sent a message. */
function serve(input: Buffer, header: string): void {
  server.play((socket: Socket) => {
    let request: string | undefined = "";
    socket.on("data", (bytes: Buffer) => {
      if (request === undefined) {
        socket.write(input);
        return;
      }
      request += bytes.toString("latin1");
      const [, key] = /Sec-WebSocket-Key: (\S+)[^]*\r\n\r\n/.exec(request) ?? [];
      if (key === undefined) return;
      request = undefined;
      const fields = `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptKey(key)}\r\n${header}`;
      socket.write(`HTTP/1.1 101 Switching Protocols\r\n${fields}\r\n`);
    });
  });
}

/** Receives one text, and prints by how many MiB the peak memory of its process exceeded its idle memory. */
const program = (entryPoint: string, port: number): string => `
  import { readFileSync } from "node:fs";
  import { connect } from ${JSON.stringify(entryPoint)};
  const memory = (name) => Number(new RegExp(name + ":\\\\s+(\\\\d+)").exec(readFileSync("/proc/self/status", "utf8"))[1]);
  const ws = await connect("ws://127.0.0.1:${port}/", { deserializer: (text) => text, reconnect: false });
  const idle = memory("VmRSS");
  await ws.sendRaw("go");
  const text = await ws.recv();
  const peak = memory("VmHWM");
  ws.terminate();
  console.log(JSON.stringify({ peak: (peak - idle) / 1024, length: text.length, end: text.slice(-3) }));
`;

const unit = Buffer.from("äöüß 日本語テキスト één ".repeat(100));
const payload = Buffer.alloc(size - (size % unit.length), unit);

/** A frame around a large payload, which is copied as a whole and not byte by byte. */
function frameOf(bytes: Buffer, parts: Omit<FrameParts, "announced" | "payload">): Buffer {
  return Buffer.concat([frame({ ...parts, announced: bytes.length }), bytes]);
}

function inOneFrame(bytes: Buffer, isCompressed: boolean): Buffer {
  return frameOf(bytes, { opcode: opcodes.text, rsv1: isCompressed });
}

function inFragments(bytes: Buffer, isCompressed: boolean): Buffer {
  const step = 100_000;
  const frames: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += step) {
    const opcode = at === 0 ? opcodes.text : opcodes.continuation;
    const isFinal = at + step >= bytes.length;
    frames.push(frameOf(bytes.subarray(at, at + step), { opcode, isFinal, rsv1: isCompressed && at === 0 }));
  }
  return Buffer.concat(frames);
}

/** Only Linux reports the peak memory of a process. */
describe.runIf(process.platform === "linux")("a text of 64 MiB of two- and three-byte characters", () => {
  const packed = (): Buffer => deflated(payload);

  it.each([
    ["in one frame", false, () => inOneFrame(payload, false)],
    ["in fragments", false, () => inFragments(payload, false)],
    ["compressed in one frame", true, () => inOneFrame(packed(), true)],
    ["compressed in fragments", true, () => inFragments(packed(), true)],
  ] as const)(
    "needs at most 200 MiB at its peak: %s",
    async (what, isCompressed, input) => {
      serve(input(), isCompressed ? "Sec-WebSocket-Extensions: permessage-deflate\r\n" : "");
      const lines: string[] = [];
      const errors = await runProgram(program(transpiledEntryPoint(), server.port), (line) =>
        lines.push(line),
      );
      expect(errors).toBe("");
      const { peak, length, end } = JSON.parse(lines[0]!) as { peak: number; length: number; end: string };
      expect([length, end]).toEqual([payload.toString().length, "én "]);
      console.info(`64 MiB of text ${what}: ${Math.round(peak)} MiB above the process at rest`);
      expect(peak).toBeLessThanOrEqual(200);
    },
    60_000,
  );
});
