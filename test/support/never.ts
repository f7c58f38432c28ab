import { afterEach } from "vitest";

const releases: (() => void)[] = [];

/** A promise that does not settle while its test runs; afterwards it does, so that nothing is left behind. */
export function never<Value>(): Promise<Value> {
  return new Promise((resolve) => releases.push(resolve as () => void));
}

afterEach(() => {
  for (const release of releases.splice(0)) release();
});
