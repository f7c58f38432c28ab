import { expect } from "vitest";
import type { AgreedExtension, CloseFrame, Resources } from "../../protocol/index.js";
import type { ConnectionEnd } from "../../src/connection/connection-end.js";
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

/** A connection that is open, over a virtual transport whose peer is played by hand. */
export class LiveScene implements LiveHandler {
  readonly clock: VirtualRuntime = new VirtualRuntime();
  readonly counting: CountingRuntime = createCountingRuntime(this.clock);
  readonly live: LiveConnection;
  readonly peer: VirtualPeer;
  readonly transport: Transport;
  readonly resources: Resources = testResources();
  /** Everything that it tells, but for its end. */
  readonly told: unknown[] = [];
  readonly messages: (string | Buffer)[] = [];
  readonly ends: ConnectionEnd[] = [];
  readonly writes: Buffer[] = [];
  /** How long messages took from their sending to the kernel. */
  readonly samples: number[] = [];
  isLending = false;
  /** Our side of the stream has ended. */
  hasEnded = false;
  /** The test's own part of a message, from inside the call. */
  onMessageCall: ((data: string | Buffer) => void) | undefined;
  /** The test's own part of the last messages, from inside the call. */
  onLastMessagesCall: (() => void) | undefined;

  constructor({ extension, ...settings }: LiveSceneOptions = {}) {
    const { runtime } = this.counting;
    const target: TransportTarget = {
      ...{ url: "ws://feed.test/", host: "10.0.0.1", port: 80, isSecure: false },
      ...{ noDelay: true, keepAlive: false, signal: new AbortController().signal },
      readBuffer: Buffer.alloc(65_536),
    };
    this.transport = runtime.openTransport(target, {
      onPhase: () => undefined,
      onOpen: () => undefined,
      onData: (bytes, length) => this.live.receive(bytes, 0, length),
      onEnd: () => this.live.streamEnded(),
      onClose: (error) => this.live.streamClosed(error),
    });
    this.peer = this.clock.peers[0]!;
    this.peer.onData = (bytes) => this.writes.push(bytes);
    this.peer.onEnd = () => (this.hasEnded = true);
    this.peer.accept();
    this.clock.advance(0);
    this.live = new LiveConnection({
      transport: this.transport,
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
    this.told.push(["borrowed", bytes.toString(), isBinary]);
    return true;
  }

  onPing(payload: Buffer): void {
    this.told.push(["ping", payload.toString()]);
  }

  onPong(payload: Buffer, latencyMs: number | undefined): void {
    this.told.push(["pong", payload.toString(), latencyMs]);
  }

  onClosing({ code, reason }: CloseFrame, initiatedBy: "us" | "peer"): void {
    this.told.push(["closing", code, reason, initiatedBy]);
  }

  onDrain(): void {
    this.told.push("drain");
  }

  onRefused(error: unknown): void {
    this.told.push(["refused", error]);
  }

  onWithdrawn(token: unknown): void {
    this.told.push(["withdrawn", token]);
  }

  onSampled(duration: number): void {
    this.samples.push(duration);
  }

  onLastMessages(): boolean {
    this.onLastMessagesCall?.();
    return false;
  }

  onLeftoverFailed(): void {
    throw new Error("No message is kept beyond the end.");
  }

  onEnd(end: ConnectionEnd): void {
    this.ends.push(end);
    this.live.settle(new Error("gone"));
  }

  /** Sends bytes to it, and lets them come. */
  receive(...frames: readonly Uint8Array[]): void {
    this.peer.send(Buffer.concat(frames));
    this.clock.advance(0);
  }

  /** Every whole frame that it has sent. */
  get frames(): ReadFrame[] {
    return readFrames(this.peer.received);
  }

  get sentTexts(): string[] {
    return this.frames.map(({ payload }) => payload.toString());
  }

  /** How it has ended, at the latest within `ms` milliseconds; nothing of it is left. */
  endWithin(ms: number): ConnectionEnd {
    this.clock.advance(ms);
    expect(this.ends.length).toBe(1);
    this.counting.assertIdle();
    return this.ends[0]!;
  }
}
