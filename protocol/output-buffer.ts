// The queue of the frames to send. It determines the order of the frames. It does not write to a socket: the caller
// takes the bytes, writes the bytes and reports the end of the write.
import { Opcode, type Role } from "./constants.js";
import { Fifo } from "./fifo.js";
import { firstByteOf, payloadSizeIn } from "./frame-header.js";
import { type FrameObserver, observeWritten } from "./frame-observer.js";
import type { FrameWriter } from "./frame-writer.js";
import type { Resources } from "./resources.js";
import { SegmentChain } from "./segment-chain.js";
import type { Segment } from "./segment-pool.js";
import { readUnsentFrames, type UnsentFrames } from "./unsent-messages.js";

/** While at least this number of bytes of pongs is queued, only the newest ping is answered. */
const maxQueuedPongBytes = 16 * 1024;

/** The uncompressed form of a compressed message, with its memory in bytes. */
interface Original {
  readonly data: string | Buffer;
  readonly memory: number;
}

/**
 * Queues the frames of one connection. Messages are sent in the order of the calls. A ping or pong is sent before the
 * queued messages, but never inside a partly sent message.
 */
export class OutputBuffer {
  readonly #role: Role;
  readonly #resources: Resources;
  readonly #writer: FrameWriter;
  readonly #observer: FrameObserver | undefined;
  readonly #messages: SegmentChain;
  /** The control frames to send before the queued messages. Created when the first of these frames is queued. */
  #controls: SegmentChain | undefined;
  /** The uncompressed forms of the queued compressed messages. Created by the first compressed message. */
  #originals: Fifo<Original> | undefined;
  /** The bytes that {@link take} returned last. `undefined` after {@link written}. */
  #inFlight: Buffer | undefined;
  /** The segments that contain the bytes in flight. They are released when all these bytes are written. */
  #inFlightSegments: Segment | undefined;
  /** A segment whose first bytes are in flight while its other bytes are still queued. */
  #splitSegment: Segment | undefined;
  /** The unsent messages at the time of {@link abandon}. Kept until the caller takes these messages. */
  #abandonedMessages: (string | Buffer)[] | undefined;
  #size = 0;
  #originalSize = 0;
  #payloadSize = 0;
  #framedCount = 0;
  #writtenCount = 0;
  #dequeuedCount = 0;
  #queuedPongBytes = 0;
  #latestPong: Buffer | undefined;
  /** Whether {@link abandon} or {@link takeUnsent} has discarded the rest of a partly sent message. */
  #isTruncated = false;

  constructor(role: Role, resources: Resources, observer?: FrameObserver) {
    this.#role = role;
    this.#resources = resources;
    this.#writer = resources.writerFor(role);
    this.#observer = observer;
    this.#messages = new SegmentChain(resources.segments);
  }

  /** Number of bytes, including frame headers, that are queued or in flight. */
  get size(): number {
    return this.#size;
  }

  /** Memory in bytes that the uncompressed forms of the queued compressed messages use. */
  get originalSize(): number {
    return this.#originalSize;
  }

  /** Total size in bytes of all messages queued so far, before compression. */
  get payloadSize(): number {
    return this.#payloadSize;
  }

  /** Number of messages queued so far. */
  get framedCount(): number {
    return this.#framedCount;
  }

  /** Number of messages of which all bytes are written. */
  get writtenCount(): number {
    return this.#writtenCount;
  }

  /** `true` if the next call of {@link take} returns bytes. */
  get isReady(): boolean {
    return this.#inFlight === undefined && !(this.#messages.isEmpty && this.#hasNoControls());
  }

  /** Number of messages of which {@link take} has returned at least the first byte. */
  get handedCount(): number {
    return this.#dequeuedCount + (this.#isAtFrameStart() && !this.#isTruncated ? 0 : 1);
  }

  /** `true` if the queued messages begin with the first byte of a frame, or if no message is queued. */
  #isAtFrameStart(): boolean {
    const next = this.#messages.first;
    return next === undefined || next.start === next.firstFrame;
  }

  writeText(text: string): void {
    const frameSize = this.#writer.writeText(this.#messages, text);
    this.#countMessage(frameSize, payloadSizeIn(frameSize, this.#role === "client"));
    if (this.#observer !== undefined) observeWritten(this.#observer, firstByteOf(Opcode.text, false), text);
  }

  writeBinary(payload: Uint8Array): void {
    const first = firstByteOf(Opcode.binary, false);
    this.#writer.writeBytes(this.#messages, first, payload);
    this.#countMessage(this.#writer.frameSize(payload.length), payload.length);
    if (this.#observer !== undefined) observeWritten(this.#observer, first, payload);
  }

  /** @param original - The message before compression. It is kept until {@link take} returns the frame. */
  writeEncoded(opcode: Opcode, encoded: Uint8Array, original: string | Buffer): void {
    const first = firstByteOf(opcode, true);
    const segment = this.#writer.writeBytes(this.#messages, first, encoded);
    segment.compressedCount++;
    const payloadSize = Buffer.byteLength(original);
    const memory = typeof original === "string" ? Math.max(payloadSize, 2 * original.length) : payloadSize;
    (this.#originals ??= new Fifo()).push({ data: original, memory });
    this.#originalSize += memory;
    this.#countMessage(this.#writer.frameSize(encoded.length), payloadSize);
    if (this.#observer !== undefined) observeWritten(this.#observer, first, encoded);
  }

  #countMessage(frameSize: number, payloadSize: number): void {
    this.#messages.last!.messageCount++;
    this.#payloadSize += payloadSize;
    this.#framedCount++;
    this.#size += frameSize;
  }

  /** Queues a ping. Returns the number of messages that certainly precede the ping on the wire. */
  writePing(payload: Uint8Array): number {
    const count = this.#isBacklogged() ? this.handedCount : this.#framedCount;
    this.#writeControl(Opcode.ping, payload);
    return count;
  }

  writePong(payload: Uint8Array): void {
    if (this.#queuedPongBytes >= maxQueuedPongBytes) {
      // RFC 6455 5.5.3: if several pings are not answered yet, a pong for the most recent ping is enough.
      this.#latestPong = Buffer.from(payload);
      return;
    }
    this.#queuedPongBytes += this.#writer.frameSize(payload.length);
    this.#writeControl(Opcode.pong, payload);
  }

  /** Queues the Close frame after all messages and pongs, as the last frame (RFC 6455 5.5.1). */
  writeClose(payload: Uint8Array): void {
    if (this.#latestPong !== undefined) this.#writeControl(Opcode.pong, this.#latestPong);
    this.#latestPong = undefined;
    this.#writeControlInto(this.#messages, Opcode.close, payload);
  }

  /** Whether queued messages could delay a control frame. If not, one write sends all frames in their order. */
  #isBacklogged(): boolean {
    return this.#inFlight !== undefined || this.#messages.length > 1 || !this.#hasNoControls();
  }

  #hasNoControls(): boolean {
    return this.#controls === undefined || this.#controls.isEmpty;
  }

  #writeControl(opcode: Opcode, payload: Uint8Array): void {
    const isBacklogged = this.#isBacklogged();
    if (isBacklogged) this.#controls ??= new SegmentChain(this.#resources.segments);
    this.#writeControlInto(isBacklogged ? this.#controls! : this.#messages, opcode, payload);
  }

  #writeControlInto(chain: SegmentChain, opcode: Opcode, payload: Uint8Array): void {
    const first = firstByteOf(opcode, false);
    this.#writer.writeBytes(chain, first, payload);
    this.#size += this.#writer.frameSize(payload.length);
    if (this.#observer !== undefined) observeWritten(this.#observer, first, payload);
  }

  /**
   * Returns the next bytes to write. The bytes stay unchanged until {@link written} is called. Returns `undefined` if
   * nothing is queued, or if the last bytes are still in flight.
   *
   * @param maxSize - Maximum number of bytes to return. Up to 64 KiB are returned even if `maxSize` is smaller.
   */
  take(maxSize: number = 0): Buffer | undefined {
    if (!this.isReady) return undefined;
    if (this.#hasNoControls()) return this.#takeMessages(maxSize);
    if (this.#isAtFrameStart()) return this.#takeSegments(this.#controls!.shift()!);
    const segment = this.#messages.first!;
    if (segment.firstFrame === -1) return this.#takeMessages(0);
    // A control frame cannot be sent inside another frame. The rest of the partly sent frame is sent first.
    this.#inFlight = segment.view(segment.start, segment.firstFrame);
    segment.start = segment.firstFrame;
    segment.messageCount--;
    this.#splitSegment = segment;
    this.#dequeuedCount++;
    return this.#inFlight;
  }

  #takeMessages(maxSize: number): Buffer {
    const first = this.#messages.shiftContiguous(maxSize)!;
    for (let segment: Segment | undefined = first; segment !== undefined; segment = segment.next) {
      this.#dequeuedCount += segment.messageCount;
      if (segment.compressedCount === 0) continue;
      this.#originals!.drop(segment.compressedCount, ({ memory }) => {
        this.#originalSize -= memory;
      });
    }
    return this.#takeSegments(first);
  }

  #takeSegments(first: Segment): Buffer {
    let { end } = first;
    for (let next = first.next; next !== undefined; next = next.next) end += next.end;
    this.#inFlightSegments = first;
    this.#inFlight = first.view(first.start, end);
    if (this.#hasNoControls()) this.#allowPongs();
    return this.#inFlight;
  }

  #allowPongs(): void {
    this.#queuedPongBytes = 0;
    const pong = this.#latestPong;
    this.#latestPong = undefined;
    if (pong !== undefined) this.writePong(pong);
  }

  /**
   * Releases the bytes that {@link take} returned last. Has no effect if nothing is in flight. After {@link abandon},
   * the caller must call this method when the stream is closed.
   */
  written(): void {
    if (this.#inFlight === undefined) return;
    this.#size -= this.#inFlight.length;
    this.#writtenCount = this.#dequeuedCount;
    this.#inFlight = undefined;
    this.#splitSegment = undefined;
    let segment = this.#inFlightSegments;
    this.#inFlightSegments = undefined;
    while (segment !== undefined) {
      const { next } = segment;
      segment.next = undefined;
      this.#resources.segments.release(segment);
      segment = next;
    }
  }

  /**
   * Releases the memory of all queued frames, because the stream is closed. Keeps the unsent messages until
   * {@link takeUnsent} or {@link takeBack} returns them. {@link size} includes these messages until then.
   */
  abandon(): void {
    if (!this.#messages.isEmpty || !this.#hasNoControls()) this.#abandonedMessages = this.#dropQueued();
  }

  /** Discards all queued frames. Returns the messages of which {@link take} has not returned any byte. */
  takeUnsent(): (string | Buffer)[] {
    const messages = this.#dropQueued();
    this.#recountSize();
    return messages;
  }

  #dropQueued(): (string | Buffer)[] {
    this.#isTruncated ||= !this.#isAtFrameStart();
    const { messages, partialFrame, emptied } = this.#readQueued();
    this.#releaseUnsent(partialFrame);
    this.#releaseUnsent(emptied);
    while (!this.#hasNoControls()) this.#releaseUnsent([this.#controls!.shift()!]);
    return messages;
  }

  #readQueued(): UnsentFrames {
    const originals = this.#originals?.takeAll().map(({ data }) => data) ?? [];
    this.#originalSize = 0;
    const unsent = readUnsentFrames(this.#messages, this.#role, originals);
    const messages = [...(this.#abandonedMessages ?? []), ...unsent.messages];
    this.#abandonedMessages = undefined;
    return { ...unsent, messages };
  }

  /** Returns segments to the pool. The pool does not count the bytes of these segments as sent. */
  #releaseUnsent(segments: readonly Segment[]): void {
    for (const segment of segments) {
      segment.clear();
      // The first bytes of this segment are still in flight. `written` releases the segment.
      if (segment === this.#splitSegment) this.#inFlightSegments = segment;
      else this.#resources.segments.release(segment);
    }
  }

  /**
   * Removes and returns the messages of which {@link take} has not returned any byte. The counts then do not include
   * these messages any more. All other frames stay queued in order. A count that {@link writePing} returned earlier may
   * then be too high.
   */
  takeBack(): (string | Buffer)[] {
    const { messages, controls, partialFrame, emptied } = this.#readQueued();
    this.#releaseUnsent(emptied);
    for (const segment of partialFrame) this.#messages.append(segment);
    for (const { first, payload } of controls) this.#writer.writeBytes(this.#messages, first, payload);
    this.#framedCount -= messages.length;
    for (const message of messages) this.#payloadSize -= Buffer.byteLength(message);
    this.#recountSize();
    return messages;
  }

  #recountSize(): void {
    this.#size = (this.#inFlight?.length ?? 0) + this.#messages.size + (this.#controls?.size ?? 0);
  }
}
