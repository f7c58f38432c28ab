import { isIP } from "node:net";
import type { Transport, TransportHandler, TransportPhase, TransportTarget } from "../runtime/transport.js";

interface RefusedWrite {
  readonly bytes: Uint8Array;
  readonly onWritten: () => void;
  taken: number;
}

type Inbound = Buffer | "end" | { readonly error: Error };

/** What a peer takes from its network. */
export interface VirtualPeerContext {
  /** Runs `event` with the next events of the network. */
  readonly post: (event: () => void) => void;
  /** Whether {@link VirtualPeer.received} is kept, and what was read is overwritten. */
  readonly isRecording: boolean;
  readonly onClosed: () => void;
}

/**
 * The other end of a virtual transport, which a server plays. It answers nothing by itself: until {@link accept} or
 * {@link refuse} the attempt hangs. All that it does, and all that is done to it, is told in a later event.
 */
export class VirtualPeer {
  readonly target: TransportTarget;
  /** What the client holds. */
  readonly transport: Transport;
  /** While false, a write that {@link room} does not take whole is refused and waits for {@link take}. */
  takesWrites = true;
  /** How many more bytes are taken while {@link takesWrites} is false, as the kernel takes some that nobody reads. */
  room = 0;
  onData: ((bytes: Buffer) => void) | undefined;
  onEnd: (() => void) | undefined;
  /** The transport was destroyed. */
  onDestroy: (() => void) | undefined;
  /** The transport is gone, whoever ended it. */
  onClose: (() => void) | undefined;
  readonly #handler: TransportHandler;
  readonly #context: VirtualPeerContext;
  readonly #phases: TransportPhase[];
  readonly #received: Uint8Array[] = [];
  readonly #inbound: Inbound[] = [];
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
    this.transport = this.#createTransport();
    context.post(() => this.#enter(this.#phases[0]));
  }

  /** All that it has taken so far, with `isRecording`. */
  get received(): Buffer {
    return Buffer.concat(this.#received);
  }

  /** Bytes of a refused write that it has not taken. */
  get waitingBytes(): number {
    return this.#write === undefined ? 0 : this.#write.bytes.length - this.#write.taken;
  }

  get isDestroyed(): boolean {
    return this.#isDestroyed;
  }

  /** The transport has told its `onClose`. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Whether the transport would keep a process alive. */
  get isHeld(): boolean {
    return this.#isRef && !this.#isClosed;
  }

  /** Gets as far as `phase`, and stays there. */
  reach(phase: TransportPhase): void {
    this.#context.post(() => this.#enter(phase));
  }

  accept(): void {
    this.#context.post(() => {
      this.#enter(this.#phases.at(-1));
      if (this.#isOver() || this.#isOpen) return;
      this.#isOpen = true;
      this.#handler.onOpen();
      this.#read();
    });
  }

  /** Fails the attempt in the phase that it has reached. */
  refuse(error: Error = systemError("connect", "ECONNREFUSED")): void {
    this.#context.post(() => this.#close(error));
  }

  /** Sends `bytes`, which come in one read where they fit into the buffer. */
  send(bytes: Uint8Array | string): void {
    this.#bring(Buffer.from(bytes));
  }

  /** Ends this side of the stream, behind what was sent. */
  end(): void {
    this.#bring("end");
  }

  /** Breaks the connection, behind what was sent; a write from now on finds it broken at once. */
  reset(error: Error = systemError("read", "ECONNRESET")): void {
    this.#isReset = true;
    this.#bring({ error });
  }

  /** Takes up to `length` bytes of the refused write. */
  take(length: number = Infinity): void {
    this.#context.post(() => {
      const write = this.#write;
      if (write === undefined || this.#isOver()) return;
      const piece = write.bytes.subarray(write.taken, write.taken + length);
      write.taken += piece.length;
      this.#give(piece);
      if (write.taken < write.bytes.length) return;
      this.#write = undefined;
      if (this.#hasEnded) this.#giveEnd();
      write.onWritten();
    });
  }

  #isOver(): boolean {
    return this.#isDestroyed || this.#isClosed;
  }

  /** Tells the phases up to and with `phase` that were not told before. */
  #enter(phase: TransportPhase | undefined): void {
    while (phase !== undefined && this.#phases.includes(phase) && !this.#isOver()) {
      const next = this.#phases.shift();
      if (next !== undefined) this.#handler.onPhase(next);
    }
  }

  #close(error: Error | undefined): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#context.onClosed();
    this.#context.post(() => this.onClose?.());
    this.#handler.onClose(this.#isDestroyed ? undefined : error);
  }

  #bring(what: Inbound): void {
    if (this.#isOver()) return;
    this.#inbound.push(what);
    this.#read();
  }

  /** Reads once per event, as a socket does. */
  #read(): void {
    if (this.#isReading || this.#inbound.length === 0) return;
    this.#isReading = true;
    this.#context.post(() => {
      this.#isReading = false;
      if (!this.#isOpen || this.#isPaused || this.#isOver()) return;
      const next = this.#inbound.shift();
      if (Buffer.isBuffer(next)) this.#readBytes(next);
      else if (next === "end") this.#readEnd();
      else if (next !== undefined) this.#close(next.error);
      this.#read();
    });
  }

  #readBytes(bytes: Buffer): void {
    const { readBuffer } = this.target;
    const length = bytes.copy(readBuffer);
    if (length < bytes.length) this.#inbound.unshift(bytes.subarray(length));
    if (length > 0) this.#handler.onData(readBuffer, length);
    // Whoever keeps the bytes without a copy shall notice.
    if (this.#context.isRecording) readBuffer.fill(0xdd, 0, length);
  }

  #readEnd(): void {
    this.#peerHasEnded = true;
    this.#handler.onEnd();
    this.#closeWhenBothEnded();
  }

  #give(bytes: Uint8Array): void {
    const copy = Buffer.from(bytes);
    if (this.#context.isRecording) this.#received.push(copy);
    this.#context.post(() => this.onData?.(copy));
  }

  #giveEnd(): void {
    this.#context.post(() => this.onEnd?.());
    this.#closeWhenBothEnded();
  }

  #closeWhenBothEnded(): void {
    if (this.#peerHasEnded && this.#hasEnded && this.#write === undefined)
      this.#context.post(() => this.#close(undefined));
  }

  #createTransport(): Transport {
    return {
      write: (bytes, onWritten) => this.#takeWrite(bytes, onWritten),
      end: () => {
        if (this.#hasEnded || this.#isOver()) return;
        this.#hasEnded = true;
        if (this.#write === undefined) this.#giveEnd();
      },
      destroy: () => {
        if (this.#isOver()) return;
        this.#isDestroyed = true;
        this.#context.post(() => {
          this.#close(undefined);
          this.onDestroy?.();
        });
      },
      pause: () => {
        this.#isPaused = true;
      },
      resume: () => {
        this.#isPaused = false;
        this.#read();
      },
      ref: () => {
        this.#isRef = true;
      },
      unref: () => {
        this.#isRef = false;
      },
    };
  }

  #takeWrite(bytes: Uint8Array, onWritten: () => void): boolean {
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
    this.#give(bytes);
    return true;
  }
}

function phasesOf({ host, socketPath, isSecure }: TransportTarget): TransportPhase[] {
  const phases: TransportPhase[] = socketPath === undefined && isIP(host) === 0 ? ["dns", "tcp"] : ["tcp"];
  return isSecure ? [...phases, "tls"] : phases;
}

/** An error as the system gives it, with its `code`. */
export function systemError(syscall: string, code: string): Error {
  return Object.assign(new Error(`${syscall} ${code}`), { code, syscall });
}
