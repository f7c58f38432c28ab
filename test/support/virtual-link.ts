// The server side of tests with virtual transports, without code from `protocol/`. It does not answer on its own.
import { createHash } from "node:crypto";
import type { VirtualPeer } from "./virtual-peer.js";
import { type ReadFrame, readFrames } from "./wire.js";

export interface Answer {
  /** Lines to add to the 101, such as `Sec-WebSocket-Protocol: chat`. */
  readonly fields?: readonly string[];
  /** Bytes that follow the 101 in the same read. */
  readonly followedBy?: readonly Uint8Array[];
}

/** The server's end of a virtual transport. It builds handshakes and frames, and lists the client's writes. */
export class VirtualLink {
  readonly peer: VirtualPeer;
  /** One entry per write after the handshake, or per part of a write that the peer accepted later. */
  readonly writes: Buffer[] = [];
  #hasEnded = false;
  #headSize = 0;

  constructor(peer: VirtualPeer) {
    this.peer = peer;
    peer.onData = (bytes) => {
      if (this.#headSize === 0) this.#headSize = bytes.length;
      else this.writes.push(bytes);
    };
    peer.onEnd = () => (this.#hasEnded = true);
  }

  /** True when the client has ended its side of the stream. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** The complete head of the request. */
  get head(): string {
    const head = this.peer.received.toString("latin1");
    return head.slice(0, head.indexOf("\r\n\r\n") + 4);
  }

  /** The values of the request's fields with this name, in order. */
  fields(name: string): string[] {
    const lines = this.head.split("\r\n").slice(1);
    const begins = `${name.toLowerCase()}:`;
    return lines
      .filter((line) => line.toLowerCase().startsWith(begins))
      .map((line) => line.slice(begins.length).trim());
  }

  /** Sends a valid 101, and the bytes that follow it. */
  answer({ fields = [], followedBy = [] }: Answer = {}): void {
    const [key = ""] = this.fields("Sec-WebSocket-Key");
    const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
    const lines = ["Upgrade: websocket", "Connection: Upgrade", `Sec-WebSocket-Accept: ${accept}`, ...fields];
    const head = Buffer.from(["HTTP/1.1 101 Switching Protocols", ...lines, "", ""].join("\r\n"));
    this.peer.send(Buffer.concat([head, ...followedBy]));
  }

  /** Every complete frame received so far. */
  get frames(): ReadFrame[] {
    return readFrames(Buffer.concat(this.writes));
  }

  /** The payloads of the frames as text. */
  get texts(): string[] {
    return this.frames.map(({ payload }) => payload.toString());
  }

  send(...frames: readonly Uint8Array[]): void {
    this.peer.send(Buffer.concat(frames));
  }
}
