// Checks that code under test handles its rejections.
import { afterEach, beforeEach, expect } from "vitest";

/** Call this once per file. Each test then fails if it causes an unhandled rejection. */
export function forbidUnhandledRejections(): void {
  let unhandled: unknown[];
  const onUnhandled = (reason: unknown): void => void unhandled.push(reason);

  beforeEach(() => {
    unhandled = [];
    process.on("unhandledRejection", onUnhandled);
  });

  afterEach(async () => {
    await new Promise((resolve) => setImmediate(resolve));
    process.off("unhandledRejection", onUnhandled);
    expect(unhandled).toEqual([]);
  });
}
