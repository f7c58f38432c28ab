// Records the calls of a transport, and reports calls that break the rules of the transport interface.
import type { Transport, TransportHandler, TransportPhase } from "../../src/runtime/transport.js";

type Call = "phase" | "open" | "data" | "end" | "close";

/**
 * Records the calls of a transport and checks the rules of its port: one call at a time, none during a call to
 * the transport, none after `onClose`. It copies the bytes and overwrites the borrowed ones when the call ends.
 */
export class RecordingHandler implements TransportHandler {
  /** Every call in order; consecutive calls of onData are one entry. */
  readonly calls: string[] = [];
  readonly phases: TransportPhase[] = [];
  readonly reads: Buffer[] = [];
  readonly faults: string[] = [];
  error: Error | undefined;
  /** Called inside each handler call. */
  onCall: ((call: Call) => void) | undefined;
  #isBusy = false;
  #isClosed = false;
  #wake: (() => void)[] = [];

  get received(): string {
    return Buffer.concat(this.reads).toString("latin1");
  }

  get receivedLength(): number {
    return this.reads.reduce((sum, { length }) => sum + length, 0);
  }

  onPhase(phase: TransportPhase): void {
    this.phases.push(phase);
    this.#record("phase", phase);
  }

  onOpen(): void {
    this.#record("open");
  }

  onData(bytes: Buffer, length: number): void {
    this.reads.push(Buffer.from(bytes.subarray(0, length)));
    this.#record("data");
    bytes.fill(0xdd, 0, length);
  }

  onEnd(): void {
    this.#record("end");
  }

  onClose(error: Error | undefined): void {
    this.error = error;
    this.#record("close");
    this.#isClosed = true;
  }

  /** Wraps the transport, so that calls of the handler during a call to the transport are recorded as faults. */
  watch(transport: Transport): Transport {
    const during = <T>(run: () => T): T => {
      const wasBusy = this.#isBusy;
      this.#isBusy = true;
      try {
        return run();
      } finally {
        this.#isBusy = wasBusy;
      }
    };
    return {
      get addresses() {
        return transport.addresses ?? [];
      },
      get tls() {
        return transport.tls;
      },
      write: (bytes, onWritten) =>
        during(() =>
          transport.write(bytes, () => {
            this.#check("onWritten");
            onWritten();
          }),
        ),
      end: () => during(() => transport.end()),
      destroy: () => during(() => transport.destroy()),
      pause: () => during(() => transport.pause()),
      resume: () => during(() => transport.resume()),
      ref: () => during(() => transport.ref()),
      unref: () => during(() => transport.unref()),
    };
  }

  /** Resolves when `isTrue` returns true; checked after each call. */
  async until(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) {
      if (this.#isClosed) throw new Error(`Closed first: ${this.calls.join(" ")}`, { cause: this.error });
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  async untilCall(call: string): Promise<void> {
    await this.until(() => this.calls.includes(call));
  }

  #record(call: Call, detail: string = call): void {
    this.#check(call);
    if (call !== "data" || this.calls.at(-1) !== "data") this.calls.push(detail);
    this.onCall?.(call);
    for (const wake of this.#wake.splice(0)) wake();
  }

  #check(call: string): void {
    if (this.#isBusy) this.faults.push(`${call} during a call to the transport`);
    if (this.#isClosed) this.faults.push(`${call} after close`);
  }
}
