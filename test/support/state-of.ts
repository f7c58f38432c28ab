// The state of a promise, for tests that expect a call to wait. It does not settle the promise.

/** Waits for one turn of the event loop. Returns "waits", the value of the promise, or its error. */
export async function stateOf(promise: Promise<unknown>): Promise<unknown> {
  const pending = {};
  await new Promise((resolve) => setImmediate(resolve));
  return Promise.race([promise, Promise.resolve(pending)]).then(
    (value) => (value === pending ? "waits" : value),
    (error: unknown) => error,
  );
}
