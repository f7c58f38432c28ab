// Stop reasons of a client, for tests that need only a few of them.
import { StopReasons } from "../../src/client/lifecycle/stop-reasons.js";

export function stopReasonsWith(
  ...reasons: readonly ("isClosed" | "isAborted" | "isGivenUp" | "isTimedOut")[]
): StopReasons {
  return Object.assign(new StopReasons(), Object.fromEntries(reasons.map((reason) => [reason, true])));
}
