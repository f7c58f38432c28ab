// A pending promise for hooks that hang.
import { afterEach } from "vitest";

const releases: (() => void)[] = [];

/** A promise that does not settle during its test. It resolves after the test, so that nothing stays pending. */
export function never<Value>(): Promise<Value> {
  return new Promise((resolve) => releases.push(resolve as () => void));
}

afterEach(() => {
  for (const release of releases.splice(0)) release();
});
