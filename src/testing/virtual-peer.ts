/**
 * A virtual transport and its other end, in memory. It does not create events on its own: a server controls the peer.
 */
import { isIP } from "node:net";
import type { Transport, TransportHandler, TransportPhase, TransportTarget } from "../runtime/transport.js";

interface RefusedWrite {
  readonly bytes: Uint8Array;
  readonly onWritten: () => void;
  taken: number;
}

/** The dependencies of a peer. */
export interface VirtualPeerContext {
  /** Queues `event` for the network phase of the event loop. */
  readonly post: (event: () => void) => void;
  /** Whether {@link VirtualPeer.received} is kept. If it is, the read buffer is overwritten after each read. */
  readonly isRecording: boolean;
  readonly onClosed: () => void;
}

/**
 * The server's end of a virtual transport. The attempt stays pending until {@link accept} or {@link refuse} is called.
 * The other side is notified of a call in a later event, never synchronously.
 */
export class VirtualPeer {
  readonly target: TransportTarget;
  /** The client's end of the transport. */
  readonly transport: Transport = {
    write: (bytes, onWritten) => this.#acceptWrite(bytes, onWritten),
    end: () => {
      if (this.#hasEnded || this.#isOver()) return;
      this.#hasEnded = true;
      if (this.#write === undefined) this.#deliverEnd();
    },
    destroy: () => {
      if (this.#isOver()) return;
      this.#isDestroyed = true;
      this.#context.post(() => {
        this.#close(undefined);
        this.onDestroy?.();
      });
    },
    pause: () => void (this.#isPaused = true),
    resume: () => {
      this.#isPaused = false;
      this.#read();
    },
    ref: () => void (this.#isRef = true),
    unref: () => void (this.#isRef = false),
  };
  /** While `false`, a write larger than {@link room} is refused. The write then waits for {@link take}. */
  takesWrites = true;
  /**
   * Number of bytes that are still accepted while {@link takesWrites} is `false`, like the free space of a kernel
   * buffer.
   */
  room = 0;
  /** Called with bytes that the client wrote. */
  onData: ((bytes: Buffer) => void) | undefined;
  /** Called when the client ends its side of the stream. */
  onEnd: (() => void) | undefined;
  /** Called after the client destroyed the transport. */
  onDestroy: (() => void) | undefined;
  /** Called when the transport is closed, by either side. */
  onClose: (() => void) | undefined;
  readonly #handler: TransportHandler;
  readonly #context: VirtualPeerContext;
  readonly #phases: TransportPhase[];
  readonly #received: Uint8Array[] = [];
  /** Events that the client has not received yet. */
  readonly #inbound: (() => void)[] = [];
  #write: RefusedWrite | undefined;
  #isReading = false;
  #isOpen = false;
  #isPaused = false;
  #isRef = true;
  #hasEnded = false;
  #peerHasEnded = false;
  #isReset = false;
  #isDestroyed = false;
  #isClosed = false;

  constructor(target: TransportTarget, handler: TransportHandler, context: VirtualPeerContext) {
    this.target = target;
    this.#handler = handler;
    this.#context = context;
    this.#phases = phasesOf(target);
    context.post(() => this.#enter(this.#phases[0]));
  }

  /** All bytes that the client has written; empty without `isRecording`. */
  get received(): Buffer {
    return Buffer.concat(this.#received);
  }

  /** Number of bytes of the refused write that {@link take} has not accepted yet. */
  get waitingBytes(): number {
    return this.#write === undefined ? 0 : this.#write.bytes.length - this.#write.taken;
  }

  get isDestroyed(): boolean {
    return this.#isDestroyed;
  }

  /** Whether the transport called `onClose` of its handler. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Whether the transport would keep the process alive. */
  get isHeld(): boolean {
    return this.#isRef && !this.#isClosed;
  }

  /** Advances the attempt to `phase` and stays in this phase. */
  reach(phase: TransportPhase): void {
    this.#context.post(() => this.#enter(phase));
  }

  /** Opens the connection. */
  accept(): void {
    this.#context.post(() => {
      this.#enter(this.#phases.at(-1));
      if (this.#isOver() || this.#isOpen) return;
      this.#isOpen = true;
      this.#handler.onOpen();
      this.#read();
    });
  }

  /** Fails the attempt in its current phase. */
  refuse(error: Error = systemError("connect", "ECONNREFUSED")): void {
    this.#context.post(() => this.#close(error));
  }

  /** Sends `bytes` to the client. The client receives them in one read if they fit into its buffer. */
  send(bytes: Uint8Array | string): void {
    const copy = Buffer.from(bytes);
    this.#queueInbound(() => this.#readBytes(copy));
  }

  /** Ends this side of the stream after the sent bytes. */
  end(): void {
    this.#queueInbound(() => {
      this.#peerHasEnded = true;
      this.#handler.onEnd();
      this.#closeWhenBothEnded();
    });
  }

  /** Resets the connection after the bytes that were sent before. A later write of the client fails at once. */
  reset(error: Error = systemError("read", "ECONNRESET")): void {
    this.#isReset = true;
    this.#queueInbound(() => this.#close(error));
  }

  /** Accepts up to `length` bytes of the refused write. */
  take(length: number = Infinity): void {
    this.#context.post(() => {
      const write = this.#write;
      if (write === undefined || this.#isOver()) return;
      const piece = write.bytes.subarray(write.taken, write.taken + length);
      write.taken += piece.length;
      this.#deliver(piece);
      if (write.taken < write.bytes.length) return;
      this.#write = undefined;
      if (this.#hasEnded) this.#deliverEnd();
      write.onWritten();
    });
  }

  #isOver(): boolean {
    return this.#isDestroyed || this.#isClosed;
  }

  /** Reports the phases up to `phase` that were not reported before. */
  #enter(phase: TransportPhase | undefined): void {
    while (phase !== undefined && this.#phases.includes(phase) && !this.#isOver())
      this.#handler.onPhase(this.#phases.shift()!);
  }

  #close(error: Error | undefined): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#context.onClosed();
    this.#context.post(() => this.onClose?.());
    this.#handler.onClose(this.#isDestroyed ? undefined : error);
  }

  #queueInbound(event: () => void): void {
    if (this.#isOver()) return;
    this.#inbound.push(event);
    this.#read();
  }

  /** Delivers one read per event, as a socket does. */
  #read(): void {
    if (this.#isReading || this.#inbound.length === 0) return;
    this.#isReading = true;
    this.#context.post(() => {
      this.#isReading = false;
      if (!this.#isOpen || this.#isPaused || this.#isOver()) return;
      this.#inbound.shift()?.();
      this.#read();
    });
  }

  #readBytes(bytes: Buffer): void {
    const { readBuffer } = this.target;
    const length = bytes.copy(readBuffer);
    if (length < bytes.length) this.#inbound.unshift(() => this.#readBytes(bytes.subarray(length)));
    if (length > 0) this.#handler.onData(readBuffer, length);
    // The bytes of the read are overwritten. A client that keeps the bytes without a copy then fails its test.
    if (this.#context.isRecording) readBuffer.fill(0xdd, 0, length);
  }

  #deliver(bytes: Uint8Array): void {
    const copy = Buffer.from(bytes);
    if (this.#context.isRecording) this.#received.push(copy);
    this.#context.post(() => this.onData?.(copy));
  }

  #deliverEnd(): void {
    this.#context.post(() => this.onEnd?.());
    this.#closeWhenBothEnded();
  }

  #closeWhenBothEnded(): void {
    if (this.#peerHasEnded && this.#hasEnded && this.#write === undefined)
      this.#context.post(() => this.#close(undefined));
  }

  #acceptWrite(bytes: Uint8Array, onWritten: () => void): boolean {
    if (!this.#isOpen || this.#isOver()) return false;
    if (this.#isReset) {
      this.#context.post(() => this.#close(systemError("write", "EPIPE")));
      return false;
    }
    if (!this.takesWrites) {
      if (bytes.length > this.room) {
        this.#write = { bytes, onWritten, taken: 0 };
        return false;
      }
      this.room -= bytes.length;
    }
    this.#deliver(bytes);
    return true;
  }
}

function phasesOf({ host, socketPath, isSecure }: TransportTarget): TransportPhase[] {
  const phases: TransportPhase[] = socketPath === undefined && isIP(host) === 0 ? ["dns", "tcp"] : ["tcp"];
  return isSecure ? [...phases, "tls"] : phases;
}

/** Returns an error like those of Node.js for system calls, with `code` and `syscall`. */
export function systemError(syscall: string, code: string): Error {
  return Object.assign(new Error(`${syscall} ${code}`), { code, syscall });
}
