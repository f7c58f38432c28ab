// Checks that a failed attempt is reported in the same way by every call and event.
import { expect } from "vitest";
import type { Phase, Verdict } from "../../src/index.js";
import type { RecordedClient } from "../support/scene.js";

/** The events of a failed attempt, in order. */
export const failedStory: readonly string[] = [
  "to connecting",
  "connecting",
  "error!",
  "to failed",
  "closed",
];

export interface ExpectedFailure {
  readonly verdict: Verdict;
  readonly phase: Phase;
  readonly code?: string;
  readonly isRetryable?: boolean;
  readonly initiatedBy?: "us" | "peer" | "network";
}

/** Connects and returns the error, after checking that every promise and event reports this same error. */
export async function failureOf(
  client: RecordedClient,
  expected: ExpectedFailure,
  story: readonly string[] = failedStory,
): Promise<Error> {
  const { ws } = client;
  const receiving = ws.recv().catch((error: unknown) => error);
  const running = ws.run().catch((error: unknown) => error);
  const error = await ws.connect().then(
    () => expect.unreachable("It connected."),
    (reason: unknown) => reason,
  );
  const { report } = await client.event("closed");
  const { code, ...facts } = expected;
  expect(report).toMatchObject({
    wasClean: false,
    codeSent: undefined,
    codeReceived: undefined,
    error,
    ...facts,
  });
  if (code !== undefined) expect(error).toMatchObject({ code });
  expect(await receiving).toBe(error);
  expect(await running).toBe(error);
  expect(client.fatalError).toBe(error);
  expect(client.story).toEqual(story);
  expect(error).toMatchObject({ report });
  return error as Error;
}
