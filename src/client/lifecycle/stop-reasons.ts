/** What the user wants of the life that goes on. */
export class StopReasons {
  /** `close()` or `terminate()` was called. */
  isClosed = false;
  /** It is to end at once. */
  isTerminated = false;
  /** The option `signal` was aborted. */
  isAborted = false;
  /** The signal of the only `connect()` that waited was aborted. */
  isGivenUp = false;
  /** The timeout of the only `connect()` that waited has passed. */
  isTimedOut = false;
  /** A `connect()` has rejected already, by its own timeout or signal: somebody knows of the end. */
  isEndReported = false;

  /** The life is to end, whatever comes. */
  get isStopping(): boolean {
    return this.isClosed || this.isAborted || this.isGivenUp || this.isTimedOut;
  }

  /** Another life begins. An aborted signal stays aborted. */
  begin(): void {
    this.isClosed = false;
    this.isTerminated = false;
    this.isGivenUp = false;
    this.isTimedOut = false;
    this.isEndReported = false;
  }
}
