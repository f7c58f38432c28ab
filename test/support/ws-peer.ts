// A server for one connection that a test scripts byte by byte, and the record of what a client of it emits.
import { createHash } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";

export interface FrameOptions {
  readonly fin?: boolean;
  /** Bits of the first byte: 0x40 for RSV1. */
  readonly rsv?: number;
  readonly masked?: boolean;
}

/** Encodes a frame of a server. */
export function serverFrame(opcode: number, payload: Buffer | string, options: FrameOptions = {}): Buffer {
  const { fin = true, rsv = 0, masked = false } = options;
  const body = Buffer.from(payload);
  const size = body.length;
  const long = size > 125 ? (size > 65_535 ? 127 : 126) : size;
  const head = Buffer.alloc(2 + (long === 127 ? 8 : long === 126 ? 2 : 0));
  head[0] = (fin ? 0x80 : 0) | rsv | opcode;
  head[1] = (masked ? 0x80 : 0) | long;
  if (long === 126) head.writeUInt16BE(size, 2);
  if (long === 127) head.writeBigUInt64BE(BigInt(size), 2);
  return Buffer.concat([head, masked ? Buffer.alloc(4) : Buffer.alloc(0), body]);
}

/** Encodes a Close frame. */
export function closeFrame(code?: number, reason: Buffer | string = ""): Buffer {
  if (code === undefined) return serverFrame(8, "");
  const head = Buffer.alloc(2);
  head.writeUInt16BE(code);
  return serverFrame(8, Buffer.concat([head, Buffer.from(reason)]));
}

export interface ClientFrame {
  readonly opcode: number;
  readonly fin: boolean;
  readonly rsv: number;
  readonly payload: Buffer;
}

/** The server's side of one connection. */
export class Peer {
  readonly socket: Socket;
  readonly frames: ClientFrame[] = [];
  head: string = "";
  #bytes: Buffer = Buffer.alloc(0);
  #isRequested = false;
  #onInput: (() => void) | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (bytes: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, bytes]);
      this.#parse();
      this.#onInput?.();
    });
    for (const name of ["end", "close", "error"]) socket.on(name, () => this.#onInput?.());
  }

  #parse(): void {
    if (!this.#isRequested) {
      const end = this.#bytes.indexOf("\r\n\r\n");
      if (end === -1) return;
      this.head = this.#bytes.toString("latin1", 0, end);
      this.#bytes = this.#bytes.subarray(end + 4);
      this.#isRequested = true;
    }
    for (let frame; (frame = takeFrame(this.#bytes)) !== undefined;) {
      this.#bytes = this.#bytes.subarray(frame.size);
      this.frames.push(frame.frame);
    }
  }

  async #until(isDone: () => boolean): Promise<void> {
    while (!isDone() && !this.socket.destroyed && !this.socket.readableEnded)
      await new Promise<void>((resolve) => (this.#onInput = resolve));
  }

  /** Waits for the request. */
  async request(): Promise<string> {
    await this.#until(() => this.#isRequested);
    return this.head;
  }

  /** Waits for the request, and answers it. Further lines replace those of the same name. */
  async accept(...lines: readonly string[]): Promise<void> {
    const head = await this.request();
    this.socket.write(acceptance(head, lines));
  }

  /** Waits until the client has sent `count` frames, or has ended the stream. */
  async received(count: number): Promise<void> {
    await this.#until(() => this.frames.length >= count);
  }

  /** Waits until the client has ended the stream. */
  async ended(): Promise<void> {
    await this.#until(() => false);
  }

  write(...bytes: readonly (Buffer | string)[]): void {
    this.socket.write(Buffer.concat(bytes.map((one) => Buffer.from(one))));
  }
}

/** Returns the response that accepts a request. */
export function acceptance(head: string, lines: readonly string[] = []): string {
  const key = /sec-websocket-key: (.*)/i.exec(head)?.[1] ?? "";
  const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  const nameOf = (line: string): string => line.split(":", 1)[0]!.toLowerCase();
  const ordinary = ["Upgrade: websocket", "Connection: Upgrade", `Sec-WebSocket-Accept: ${accept}`];
  const kept = ordinary.filter((line) => !lines.some((other) => nameOf(other) === nameOf(line)));
  return ["HTTP/1.1 101 Switching Protocols", ...kept, ...lines.filter((line) => !line.endsWith(":"))]
    .concat("", "")
    .join("\r\n");
}

function takeFrame(bytes: Buffer): { readonly frame: ClientFrame; readonly size: number } | undefined {
  if (bytes.length < 2) return undefined;
  const short = bytes[1]! & 0x7f;
  const extended = short === 127 ? 8 : short === 126 ? 2 : 0;
  const isMasked = (bytes[1]! & 0x80) !== 0;
  const start = 2 + extended + (isMasked ? 4 : 0);
  if (bytes.length < start) return undefined;
  const length =
    extended === 8 ? Number(bytes.readBigUInt64BE(2)) : extended === 2 ? bytes.readUInt16BE(2) : short;
  if (bytes.length < start + length) return undefined;
  const payload = Buffer.from(bytes.subarray(start, start + length));
  if (isMasked) for (let at = 0; at < length; at++) payload[at]! ^= bytes[start - 4 + (at & 3)]!;
  const first = bytes[0]!;
  return {
    frame: { opcode: first & 0xf, fin: (first & 0x80) !== 0, rsv: first & 0x70, payload },
    size: start + length,
  };
}

/** A server that passes each of its connections to a script. */
export class PeerServer {
  readonly server: Server;
  readonly peers: Peer[] = [];

  constructor(script: (peer: Peer, index: number) => void | Promise<void>) {
    this.server = createServer({ allowHalfOpen: true }, (socket) => {
      const peer = new Peer(socket);
      this.peers.push(peer);
      void script(peer, this.peers.length - 1);
    });
  }

  async listen(path?: string): Promise<number> {
    if (path === undefined) this.server.listen(0, "127.0.0.1");
    else this.server.listen(path);
    await once(this.server, "listening");
    return path === undefined ? (this.server.address() as AddressInfo).port : 0;
  }

  async close(): Promise<void> {
    for (const { socket } of this.peers) socket.destroy();
    this.server.close();
    await once(this.server, "close");
  }
}
