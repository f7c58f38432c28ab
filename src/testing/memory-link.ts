import type { Runtime } from "../runtime/runtime.js";
import type { Link, LinkHandler } from "./link.js";
import type { VirtualPeer } from "./virtual-peer.js";

/** What a virtual kernel takes of a server that does not read. */
const kernelRoom = 64 * 1024;

/** The server's end of a virtual transport; its time is the runtime's. */
export class MemoryLink implements Link {
  handler!: LinkHandler;
  readonly #peer: VirtualPeer;
  readonly #runtime: Runtime;
  #isReading = true;
  #held: (() => void)[] = [];

  constructor(peer: VirtualPeer, runtime: Runtime) {
    this.#peer = peer;
    this.#runtime = runtime;
    peer.onData = (bytes) => this.#tell(() => this.handler.onData(bytes));
    peer.onEnd = () => this.#tell(() => this.handler.onEnd());
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
    this.#isReading = false;
    this.#peer.takesWrites = false;
    this.#peer.room = kernelRoom;
  }

  continueReading(): void {
    this.#runtime.defer(() => {
      const held = this.#held;
      this.#held = [];
      this.#isReading = true;
      for (const tell of held) tell();
    });
    this.#peer.takesWrites = true;
    this.#peer.take();
  }

  wait(ms: number, callback: () => void): () => void {
    const timer = this.#runtime.setTimer(ms, callback);
    return () => timer.clear();
  }

  #tell(tell: () => void): void {
    if (this.#isReading) tell();
    else this.#held.push(tell);
  }
}
