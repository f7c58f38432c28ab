import { JetSocketError } from "../../errors.js";

/**
 * Where `connect()` or `run()` was called. The error that rejects the call is made later, in an event of the socket, so its
 * own stack does not show the call.
 */
export class CallSite {
  readonly #operation: string;
  declare readonly stack: unknown;

  /** Made in the public function, which is the first frame. */
  constructor(operation: "connect" | "run") {
    this.#operation = operation;
    // The frames become text when they are read: most calls succeed, and theirs are never read.
    Error.captureStackTrace(this, CallSite);
    // Unread frames keep the objects of their functions alive, and run() may wait for weeks.
    if (operation === "run") Reflect.get(this, "stack");
  }

  /**
   * Appends the advice, where the message does not contain it, and the frames of the call to the stack of `error`. Its message,
   * code and cause, and the object itself, stay the same. An error that is not of this package stays as it is.
   */
  appendTo(error: unknown): void {
    if (!(error instanceof JetSocketError) || typeof error.stack !== "string") return;
    const { stack, report } = error;
    const lines = [stack];
    if (report !== undefined && !stack.includes(report.advice)) lines.push(`    Advice: ${report.advice}`);
    lines.push(`    ${this.#operation}() was called:`, ...this.#frames());
    // Returns false, and throws nothing, for an error that is frozen.
    Reflect.set(error, "stack", lines.join("\n"));
  }

  #frames(): string[] {
    // Whoever sets Error.prepareStackTrace decides what a stack is.
    if (typeof this.stack !== "string") return [];
    return this.stack.split("\n").filter((line) => /^\s+at /.test(line));
  }
}
