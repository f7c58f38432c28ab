/**
 * Connects a scripted server to a virtual peer in memory. It does not simulate latency.
 */
import type { Runtime } from "../runtime/runtime.js";
import type { ByteStream, ByteStreamHandler } from "./byte-stream.js";
import type { VirtualPeer } from "./virtual-peer.js";

/** Bytes that the virtual kernel accepts while the server does not read. */
const kernelBufferSize = 64 * 1024;

/** The server's end of a virtual transport. It uses the time of the virtual runtime. */
export class MemoryStream implements ByteStream {
  handler!: ByteStreamHandler;
  readonly #peer: VirtualPeer;
  readonly #runtime: Runtime;
  #isReading = true;
  /** True if reading continues at the end of the tick. */
  #isContinuing = false;
  readonly #buffered: (() => void)[] = [];

  constructor(peer: VirtualPeer, runtime: Runtime) {
    this.#peer = peer;
    this.#runtime = runtime;
    peer.onData = (bytes) => this.#emit(() => this.handler.onData(bytes));
    peer.onEnd = () => this.#emit(() => this.handler.onEnd());
    peer.onClose = () => this.handler.onClose();
  }

  write(bytes: Buffer, onSent: () => void): void {
    this.#peer.send(bytes);
    this.#runtime.defer(onSent);
  }

  end(): void {
    this.#peer.end();
  }

  reset(): void {
    this.#peer.reset();
  }

  stopReading(): void {
    this.#isContinuing = false;
    if (!this.#isReading) return;
    this.#isReading = false;
    this.#peer.takesWrites = false;
    this.#peer.room = kernelBufferSize;
  }

  goOnReading(): void {
    this.#isContinuing = true;
    this.#runtime.defer(() => this.#emitBuffered());
    this.#peer.takesWrites = true;
    this.#peer.take();
  }

  /** A callback may stop reading. The remaining callbacks then stay in the queue. */
  #emitBuffered(): void {
    if (!this.#isContinuing) return;
    this.#isContinuing = false;
    this.#isReading = true;
    for (let emit = this.#nextBuffered(); emit !== undefined; emit = this.#nextBuffered()) emit();
  }

  #nextBuffered(): (() => void) | undefined {
    return this.#isReading ? this.#buffered.shift() : undefined;
  }

  wait(ms: number, callback: () => void): () => void {
    const timer = this.#runtime.setTimer(ms, callback);
    return () => timer.clear();
  }

  #emit(emit: () => void): void {
    if (this.#isReading && this.#buffered.length === 0) emit();
    else this.#buffered.push(emit);
  }
}
