// Records the warnings of the process. They are not printed.
import { onTestFinished, vi } from "vitest";

/** Replaces `process.emitWarning()` until the test is finished. Returns the arguments of each call. */
export function recordWarnings(): unknown[][] {
  const spy = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
  onTestFinished(() => spy.mockRestore());
  return spy.mock.calls;
}
