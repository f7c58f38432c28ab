import { Opcode, type Role, zeroBytes } from "./constants.js";
import { Fifo } from "./fifo.js";
import { firstByteOf, payloadSizeIn } from "./frame-header.js";
import { type FrameObserver, observeWritten } from "./frame-observer.js";
import type { FrameWriter } from "./frame-writer.js";
import type { Resources } from "./resources.js";
import { SegmentChain } from "./segment-chain.js";
import type { Segment } from "./segment-pool.js";
import { readUnsentFrames, type UnsentFrames } from "./unsent-messages.js";

/** From so many bytes of pongs that wait on, only the newest ping is answered. */
const maxQueuedPongBytes = 16 * 1024;

/** A compressed message as it was given, and the bytes of memory that it takes. */
interface Original {
  readonly data: string | Buffer;
  readonly memory: number;
}

/**
 * What waits for the wire, and in which order it leaves: messages as they came, and pings and pongs between
 * two frames of them, never behind all.
 */
export class OutputBuffer {
  readonly #role: Role;
  readonly #resources: Resources;
  readonly #writer: FrameWriter;
  readonly #observer: FrameObserver | undefined;
  readonly #messages: SegmentChain;
  /** From the first control frame on that finds messages before it. */
  #controls: SegmentChain | undefined;
  /** The compressed messages whose frames have not left, as they were given; from the first one on. */
  #originals: Fifo<Original> | undefined;
  #originalSize = 0;
  /** What the I/O layer holds while the kernel takes it; the segments go back once all of it is written. */
  #inFlight: Buffer | undefined;
  #inFlightSegments: Segment | undefined;
  /** The segment whose front is in flight while the rest of it still waits. */
  #splitSegment: Segment | undefined;
  /** Messages that {@link abandon} has copied out, until they are taken. */
  #abandonedMessages: (string | Buffer)[] | undefined;
  #size = 0;
  #payloadSize: number = zeroBytes;
  #framedCount = 0;
  #dequeuedCount = 0;
  #writtenCount = 0;
  #queuedPongBytes = 0;
  #latestPong: Buffer | undefined;
  /** `true` once {@link abandon} or {@link takeUnsent} has dropped the rest of a message that was half out. */
  #isTruncated = false;

  constructor(role: Role, resources: Resources, observer?: FrameObserver) {
    this.#role = role;
    this.#resources = resources;
    this.#writer = resources.writerFor(role);
    this.#observer = observer;
    this.#messages = new SegmentChain(resources.segments);
  }

  /** The bytes that the kernel has not taken, framing included. */
  get size(): number {
    return this.#size;
  }

  /** The memory of compressed messages whose frames have not left: they are kept as they were given. */
  get originalSize(): number {
    return this.#originalSize;
  }

  /** `true` where {@link take} has something to give. */
  get isReady(): boolean {
    return this.#inFlight === undefined && !(this.#messages.isEmpty && this.#hasNoControls());
  }

  /** How many messages were given to be sent. */
  get framedCount(): number {
    return this.#framedCount;
  }

  /** How many of them {@link take} has handed out, one that is handed out in part included. */
  get handedCount(): number {
    return this.#dequeuedCount + (this.#isAtFrameStart() && !this.#isTruncated ? 0 : 1);
  }

  /** `true` where the next byte of the messages begins a frame, or none waits. */
  #isAtFrameStart(): boolean {
    const next = this.#messages.first;
    return next === undefined || next.start === next.firstFrame;
  }

  /** How many of them the kernel has, to their last byte. */
  get writtenCount(): number {
    return this.#writtenCount;
  }

  /** The bytes of all messages that were given to be sent, before compression. */
  get payloadSize(): number {
    return this.#payloadSize + 0;
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

  /** @param original - The message before it was encoded; kept until its frame leaves. */
  writeEncoded(opcode: Opcode, encoded: Uint8Array, original: string | Buffer): void {
    const first = firstByteOf(opcode, true);
    const segment = this.#writer.writeBytes(this.#messages, first, encoded);
    segment.compressedCount++;
    const payloadSize = byteLengthOf(original);
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

  /** Gives how many messages stand before the ping for sure. */
  writePing(payload: Uint8Array): number {
    const count = this.#isBacklogged() ? this.handedCount : this.#framedCount;
    this.#writeControl(Opcode.ping, payload);
    return count;
  }

  writePong(payload: Uint8Array): void {
    if (this.#queuedPongBytes >= maxQueuedPongBytes) {
      // RFC 6455 5.5.3: where many pings wait, the pong of the most recent one is enough.
      this.#latestPong = Buffer.from(payload);
      return;
    }
    this.#queuedPongBytes += this.#writer.frameSize(payload.length);
    this.#writeControl(Opcode.pong, payload);
  }

  /** The last frame: behind every message (RFC 6455 5.5.1), and no pong comes after it. */
  writeClose(payload: Uint8Array): void {
    if (this.#latestPong !== undefined) this.#writeControl(Opcode.pong, this.#latestPong);
    this.#latestPong = undefined;
    this.#writeControlInto(this.#messages, Opcode.close, payload);
  }

  /** While nothing waits, the order of the calls holds and all leaves in one write. */
  #isBacklogged(): boolean {
    return this.#inFlight !== undefined || this.#messages.length > 1 || !this.#hasNoControls();
  }

  #hasNoControls(): boolean {
    return this.#controls === undefined || this.#controls.isEmpty;
  }

  #writeControl(opcode: Opcode, payload: Uint8Array): void {
    this.#writeControlInto(this.#isBacklogged() ? this.#controlChain() : this.#messages, opcode, payload);
  }

  #controlChain(): SegmentChain {
    this.#controls ??= new SegmentChain(this.#resources.segments);
    return this.#controls;
  }

  #writeControlInto(chain: SegmentChain, opcode: Opcode, payload: Uint8Array): void {
    const first = firstByteOf(opcode, false);
    this.#writer.writeBytes(chain, first, payload);
    this.#size += this.#writer.frameSize(payload.length);
    if (this.#observer !== undefined) observeWritten(this.#observer, first, payload);
  }

  /**
   * The next bytes for the wire; `undefined` where there are none or the last have not been written.
   * They stay as they are until {@link written}.
   *
   * @param maxSize - At most so many, or 64 KiB if that is more.
   */
  take(maxSize: number = 0): Buffer | undefined {
    if (!this.isReady) return undefined;
    const next = this.#messages.first;
    if (this.#hasNoControls()) return this.#takeMessages(maxSize);
    if (this.#isAtFrameStart()) return this.#takeSegments(this.#controls!.shift()!);
    const segment = next!;
    if (segment.firstFrame === -1) return this.#takeMessages(0);
    // The control frames wait only for the end of the frame that is half out.
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
      if (segment.compressedCount > 0) this.#dropOriginals(segment.compressedCount);
    }
    return this.#takeSegments(first);
  }

  #dropOriginals(count: number): void {
    this.#originals!.drop(count, ({ memory }) => {
      this.#originalSize -= memory;
    });
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
   * The kernel has finished with what {@link take} gave last: its memory is used again. Does nothing where nothing is
   * in flight. After {@link abandon} it is to be called once the stream is closed.
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
   * The stream is gone: the memory of all that waits is used again. The messages among it are kept for
   * {@link takeUnsent} and {@link takeBack}, and {@link size} counts them until then.
   */
  abandon(): void {
    if (this.#messages.isEmpty && this.#hasNoControls()) return;
    const messages = this.#dropQueued();
    this.#abandonedMessages = this.#abandonedMessages === undefined ? messages : [...this.#abandonedMessages, ...messages];
  }

  /** Drops what waits, and gives the messages of which not a byte was handed out. */
  takeUnsent(): (string | Buffer)[] {
    const messages = [...this.#takeAbandonedMessages(), ...this.#dropQueued()];
    this.#recountSize();
    return messages;
  }

  #takeAbandonedMessages(): (string | Buffer)[] {
    const messages = this.#abandonedMessages ?? [];
    this.#abandonedMessages = undefined;
    return messages;
  }

  #dropQueued(): (string | Buffer)[] {
    this.#isTruncated ||= !this.#isAtFrameStart();
    const { messages, partialFrame, emptied } = this.#readQueued();
    this.#releaseUnsent(partialFrame);
    this.#releaseUnsent(emptied);
    for (let one = this.#controls?.shift(); one !== undefined; one = this.#controls?.shift())
      this.#releaseUnsent([one]);
    return messages;
  }

  #readQueued(): UnsentFrames {
    const originals = this.#originals?.takeAll().map(({ data }) => data) ?? [];
    this.#originalSize = 0;
    return readUnsentFrames(this.#messages, this.#role, originals);
  }

  /** Returns segments to the pool whose bytes do not leave; they do not count as sent. */
  #releaseUnsent(segments: readonly Segment[]): void {
    for (const segment of segments) {
      segment.clear();
      // The kernel still reads the front of this one: it returns when that is written.
      if (segment === this.#splitSegment) this.#inFlightSegments = segment;
      else this.#resources.segments.release(segment);
    }
  }

  /**
   * Gives the messages of which not a byte was handed out, as if they had never been given to be sent; all else
   * that waits keeps its order. A ping that has waited behind some of them now stands behind fewer.
   */
  takeBack(): (string | Buffer)[] {
    const { messages: waiting, controls, partialFrame, emptied } = this.#readQueued();
    const messages = [...this.#takeAbandonedMessages(), ...waiting];
    this.#releaseUnsent(emptied);
    for (const segment of partialFrame) this.#messages.append(segment);
    for (const { first, payload } of controls) this.#writer.writeBytes(this.#messages, first, payload);
    this.#framedCount -= messages.length;
    for (const message of messages) this.#payloadSize -= byteLengthOf(message);
    this.#recountSize();
    return messages;
  }

  #recountSize(): void {
    this.#size = (this.#inFlight?.length ?? 0) + this.#messages.size + (this.#controls?.size ?? 0);
  }
}

function byteLengthOf(message: string | Buffer): number {
  return typeof message === "string" ? Buffer.byteLength(message) : message.length;
}
