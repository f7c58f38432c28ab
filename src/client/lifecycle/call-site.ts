/** Records where `connect()` or `run()` was called, and appends that call to the stack of a later error. */
import { JetSocketError } from "../../errors.js";

/**
 * The stack of one call. The error that rejects the call is created later, in a socket event, so its own stack does not
 * contain the call.
 */
export class CallSite {
  readonly #operation: string;
  declare readonly stack: unknown;

  /** Call this constructor directly in the public function: that function is then the first frame of the stack. */
  constructor(operation: "connect" | "run") {
    this.#operation = operation;
    // V8 formats a stack when it is first read. Most calls succeed, so their stacks are never read.
    Error.captureStackTrace(this, CallSite);
    // Reading the stack formats it. Unformatted stack frames would keep the objects of their functions alive while
    // `run()` waits, possibly for weeks.
    if (operation === "run") Reflect.get(this, "stack");
  }

  /**
   * Appends the frames of the call to the stack of `error`. If `error` has a report, also appends the advice of the
   * report, unless the stack already contains the advice. An error of another package is not changed.
   */
  appendTo(error: unknown): void {
    if (!(error instanceof JetSocketError) || typeof error.stack !== "string") return;
    const { stack, report } = error;
    const lines = [stack];
    if (report !== undefined && !stack.includes(report.advice)) lines.push(`    Advice: ${report.advice}`);
    lines.push(`    ${this.#operation}() was called:`, ...this.#frames());
    // Unlike an assignment, Reflect.set does not throw if the error is frozen.
    Reflect.set(error, "stack", lines.join("\n"));
  }

  #frames(): string[] {
    // A custom Error.prepareStackTrace may return any value.
    if (typeof this.stack !== "string") return [];
    return this.stack.split("\n").filter((line) => /^\s+at /.test(line));
  }
}
