// Counts received messages. It does not set a time limit: the parent does.
/** Returns a function to call per message, and a promise that resolves with the number of messages when it is reached. */
export function counter(target) {
  let count = 0;
  let resolve;
  const reached = new Promise((done) => (resolve = done));
  return { reached, add: () => ++count === target && resolve(count) };
}
