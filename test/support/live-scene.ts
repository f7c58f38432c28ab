// A test fixture for LiveConnection. It starts after the handshake, and has no client, reconnect or heartbeat.
import { expect } from "vitest";
import type { AgreedExtension, CloseFrame, Resources } from "../../protocol/index.js";
import type { ConnectionEnd } from "../../src/connection/connection-end.js";
import { ConnectionInput } from "../../src/connection/connection-input.js";
import { LiveConnection } from "../../src/connection/live-connection.js";
import type { ConnectionSettings, LiveHandler } from "../../src/connection/live-handler.js";
import type { Transport, TransportTarget } from "../../src/runtime/transport.js";
import { createCountingRuntime, type CountingRuntime } from "./counting-runtime.js";
import { testResources } from "./protocol-end.js";
import type { VirtualPeer } from "./virtual-peer.js";
import { VirtualRuntime } from "./virtual-runtime.js";
import { type ReadFrame, readFrames } from "./wire.js";

const defaults: ConnectionSettings = {
  closeTimeout: 5_000,
  messageTimeout: 120_000,
  maxMessageSize: 1_000_000,
  maxFrameSize: 1_000_000,
  compressionThreshold: 128,
  autoPong: true,
  highWaterMark: 100_000,
  lowWaterMark: 50_000,
  maxBufferedAmount: 1_000_000,
};

export interface LiveSceneOptions extends Partial<ConnectionSettings> {
  readonly extension?: AgreedExtension;
}

/** An open connection over a virtual transport, with a peer that the test controls. */
export class LiveScene implements LiveHandler {
  readonly clock: VirtualRuntime = new VirtualRuntime();
  readonly counting: CountingRuntime = createCountingRuntime(this.clock);
  readonly live: LiveConnection;
  readonly peer: VirtualPeer;
  readonly transport: Transport;
  readonly resources: Resources = testResources();
  /** Every handler call except `onMessage`, `onSampled` and `onEnd`. */
  readonly recorded: unknown[] = [];
  readonly messages: (string | Buffer)[] = [];
  readonly ends: ConnectionEnd[] = [];
  readonly writes: Buffer[] = [];
  /** Times of messages from send to the write, in milliseconds. */
  readonly samples: number[] = [];
  isLending = false;
  /** True when the client has ended its side of the stream. */
  hasEnded = false;
  /** Called inside onMessage(). */
  onMessageCall: ((data: string | Buffer) => void) | undefined;
  /** Called inside onLastMessages(). */
  onLastMessagesCall: (() => void) | undefined;

  constructor({ extension, ...settings }: LiveSceneOptions = {}) {
    const { runtime } = this.counting;
    const target: TransportTarget = {
      ...{ url: "ws://feed.test/", host: "10.0.0.1", port: 80, isSecure: false },
      ...{ noDelay: true, keepAlive: false, signal: new AbortController().signal },
      readBuffer: Buffer.alloc(65_536),
    };
    const ignore = (): void => undefined;
    const input = new ConnectionInput({
      ...{ onPhase: ignore, onOpen: ignore, onData: ignore, onEnd: ignore, onClose: ignore },
    });
    this.transport = runtime.openTransport(target, input);
    this.peer = this.clock.peers[0]!;
    this.peer.onData = (bytes) => this.writes.push(bytes);
    this.peer.onEnd = () => (this.hasEnded = true);
    this.peer.accept();
    this.clock.advance(0);
    this.live = new LiveConnection({
      transport: this.transport,
      input,
      runtime,
      resources: this.resources,
      extension,
      settings: { ...defaults, ...settings },
      handler: this,
    });
  }

  onMessage(data: string | Buffer): void {
    this.messages.push(data);
    this.onMessageCall?.(data);
  }

  onBorrowed(bytes: Buffer, isBinary: boolean): boolean {
    this.recorded.push(["borrowed", bytes.toString(), isBinary]);
    return true;
  }

  onPing(payload: Buffer): void {
    this.recorded.push(["ping", payload.toString()]);
  }

  onPong(payload: Buffer, latencyMs: number | undefined): void {
    this.recorded.push(["pong", payload.toString(), latencyMs]);
  }

  onClosing({ code, reason }: CloseFrame, initiatedBy: "us" | "peer"): void {
    this.recorded.push(["closing", code, reason, initiatedBy]);
  }

  onDrain(): void {
    this.recorded.push("drain");
  }

  onError(error: unknown): void {
    this.recorded.push(["error", error]);
  }

  onWithdrawn(token: unknown): void {
    this.recorded.push(["withdrawn", token]);
  }

  onSampled(duration: number): void {
    this.samples.push(duration);
  }

  onLastMessages(): boolean {
    this.onLastMessagesCall?.();
    return false;
  }

  onEnd(end: ConnectionEnd): void {
    this.ends.push(end);
    this.live.settle(new Error("gone"));
  }

  /** Sends bytes to the connection, and lets them arrive. */
  receive(...frames: readonly Uint8Array[]): void {
    this.peer.send(Buffer.concat(frames));
    this.clock.advance(0);
  }

  /** Every complete frame that the connection has sent. */
  get frames(): ReadFrame[] {
    return readFrames(this.peer.received);
  }

  get sentTexts(): string[] {
    return this.frames.map(({ payload }) => payload.toString());
  }

  /** Returns how the connection ended within `ms` milliseconds. Checks that no resources are left. */
  endWithin(ms: number): ConnectionEnd {
    this.clock.advance(ms);
    expect(this.ends.length).toBe(1);
    this.counting.assertIdle();
    return this.ends[0]!;
  }
}
