// A byte stream for tests of the scripted server. It does not transfer bytes.
import type { ByteStream, ByteStreamHandler } from "../../src/testing/byte-stream.js";

interface Wait {
  readonly ms: number;
  readonly callback: () => void;
}

/** A stream that records its calls. The test decides when a write is complete and when a wait is over. */
export class RecordingStream implements ByteStream {
  /** Set by the code under test. */
  handler!: ByteStreamHandler;
  /** The written bytes as latin1, and the names of the other calls in parentheses. */
  readonly calls: string[] = [];
  /** The waits that are neither over nor cancelled. */
  readonly waits: Set<Wait> = new Set();
  #onSent: (() => void) | undefined;

  write(bytes: Buffer, onSent: () => void): void {
    if (this.#onSent !== undefined) throw new Error("A write before the previous one was complete.");
    this.calls.push(bytes.toString("latin1"));
    this.#onSent = onSent;
  }

  /** Completes the current write. */
  complete(): void {
    const onSent = this.#onSent;
    if (onSent === undefined) throw new Error("There is no write to complete.");
    this.#onSent = undefined;
    onSent();
  }

  /** Completes the current write and all that follow. Returns all calls. */
  completeAll(): readonly string[] {
    while (this.#onSent !== undefined) this.complete();
    return this.calls;
  }

  end(): void {
    this.calls.push("(end)");
  }

  reset(): void {
    this.calls.push("(reset)");
  }

  stopReading(): void {
    this.calls.push("(stopReading)");
  }

  goOnReading(): void {
    this.calls.push("(goOnReading)");
  }

  wait(ms: number, callback: () => void): () => void {
    const wait = { ms, callback };
    this.waits.add(wait);
    return () => this.waits.delete(wait);
  }

  /** Ends all waits. */
  pass(): void {
    for (const wait of [...this.waits]) {
      this.waits.delete(wait);
      wait.callback();
    }
  }
}
