/** Records why a client must stop. It does not stop anything itself. */
export class StopReasons {
  /** `close()` or `terminate()` was called. */
  isClosed = false;
  /** `terminate()` was called. */
  isTerminated = false;
  /** The option `signal` was aborted. */
  isAborted = false;
  /** The signal of the only pending `connect()` was aborted. */
  isGivenUp = false;
  /** The timeout of the only pending `connect()` has expired. */
  isTimedOut = false;
  /** A `connect()` was rejected by its own timeout or signal, so its caller already knows that the client ends. */
  isEndReported = false;

  /** True if the client must end and must not connect again. */
  get isStopping(): boolean {
    return this.isClosed || this.isAborted || this.isGivenUp || this.isTimedOut;
  }

  /** Resets the reasons for another run of the client. An aborted signal remains aborted. */
  begin(): void {
    this.isClosed = false;
    this.isTerminated = false;
    this.isGivenUp = false;
    this.isTimedOut = false;
    this.isEndReported = false;
  }
}
