// A test fixture for clients that reconnect over virtual transports, and helpers for numbered messages.
import { constants, inflateRawSync } from "node:zlib";
import type { EventName, WebSocket } from "../../src/index.js";
import type { Message, Options } from "../support/scene.js";
import { VirtualLink } from "../support/virtual-link.js";
import { type Opened, VirtualScene } from "../support/virtual-scene.js";
import { closeFrame, opcodes, textFrame } from "../support/wire.js";

/** Reconnects one second after a loss. */
export const backoff = { base: 1_000, multiplier: 1, jitter: false } as const;

const layerEvents = [
  ...(["connected", "disconnected", "reconnecting", "reconnected", "gap", "recovered", "reset"] as const),
  ...(["rotated", "dropped", "error", "closed"] as const),
] satisfies EventName[];

/** A client that reconnects, with its peers scripted by the test, one connection after the other. */
export class LayerScene extends VirtualScene {
  /** Opens a client that is connected and will reconnect. */
  async openClient(options: Options = {}): Promise<Opened> {
    return this.open({ reconnect: true, backoff, ...options });
  }

  /** The server's end of the next connection, after the request has arrived. */
  async nextDial(ms = 1_000): Promise<VirtualLink> {
    await this.pass(ms);
    const peer = this.clock.peers.at(-1)!;
    const link = new VirtualLink(peer);
    peer.accept();
    await this.pass();
    return link;
  }

  /** The next connection after a loss, open. */
  async nextLink(ms = 1_000): Promise<VirtualLink> {
    const link = await this.nextDial(ms);
    link.answer();
    await this.pass();
    return link;
  }

  /** Breaks the connection. */
  async cut(link: VirtualLink): Promise<void> {
    link.peer.reset();
    await this.pass();
  }

  /** Breaks a connection that is not read: only a write detects it. */
  async cutUnread(link: VirtualLink, ws: Opened["ws"]): Promise<void> {
    link.peer.reset();
    void ws.ping();
    await this.pass();
  }

  /** The second connection of a requested rotation, open. */
  async second(): Promise<VirtualLink> {
    return this.nextLink(0);
  }

  /** Answers the client's Close and ends the stream, as a server does. */
  async answerClose(link: VirtualLink, code = 1000): Promise<void> {
    link.send(closeFrame(code));
    link.peer.end();
    await this.pass();
  }
}

/** Records the events of a client as text. */
export function storyOf(ws: WebSocket<Message, string | Uint8Array>): string[] {
  const story: string[] = [];
  for (const name of layerEvents)
    ws.on(name, (event) => void story.push([name, ...wordsOf(event as Record<string, unknown>)].join(" ")));
  return story;
}

function wordsOf(event: Record<string, unknown>): string[] {
  const names = ["stream", "expected", "received", "count", "direction", "cause"];
  return names.filter((name) => name in event).map((name) => String(event[name]));
}

/** The payloads of a link's data frames as text, without handshake and control frames. */
export function textsOf(link: VirtualLink): string[] {
  return link.frames
    .filter(({ opcode }) => opcode <= opcodes.binary)
    .map(({ payload }) => payload.toString());
}

/** The same for a link that negotiated `client_no_context_takeover`. */
export function inflatedOf(link: VirtualLink): string[] {
  return link.frames
    .filter(({ opcode }) => opcode <= opcodes.binary)
    .map(({ payload, rsv1 }) => (rsv1 ? inflated(payload) : payload).toString());
}

/** Decompresses a message (RFC 7692 7.2.2). */
function inflated(payload: Buffer): Buffer {
  const whole = Buffer.concat([payload, Buffer.from([0, 0, 0xff, 0xff])]);
  return inflateRawSync(whole, { finishFlush: constants.Z_SYNC_FLUSH });
}

/** The code and reason of the client's Close, or `undefined` when it has not sent one. */
export function closeOf(link: VirtualLink): string | undefined {
  const close = link.frames.find(({ opcode }) => opcode === opcodes.close);
  return close && `${close.payload.readUInt16BE(0)} ${close.payload.subarray(2).toString()}`.trim();
}

/** Numbered messages of one stream, `from` to `to`. */
export function numbered(from: number, to: number = from, stream = "default"): Buffer[] {
  return Array.from({ length: to - from + 1 }, (_, index) => textFrame(`${stream}:${from + index}`));
}

/** Options that parse these messages. */
export const sequence = (message: Message): number => Number(String(message).split(":")[1]);
export const streamOf = (message: Message): string => String(message).split(":")[0]!;

export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

/** The current state of a promise: "waits", "resolved" or the class name of the rejection. */
export async function settled(promise: Promise<unknown>): Promise<string> {
  let state = "waits";
  promise.then(
    () => (state = "resolved"),
    (error: unknown) => (state = (error as Error).constructor.name),
  );
  await new Promise((resolve) => setImmediate(resolve));
  return state;
}
