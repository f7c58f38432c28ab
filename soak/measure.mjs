/** Measures the handles, listeners and memory of a process. Needs `--expose-gc`. */

export async function measure() {
  // Closed handles disappear only in later turns of the event loop.
  for (let turn = 0; turn < 5; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    globalThis.gc?.();
  }
  /** @type {Record<string, number>} */
  const handles = {};
  for (const name of process.getActiveResourcesInfo()) handles[name] = (handles[name] ?? 0) + 1;
  // The timer of the wait above may still be listed although it has fired.
  delete handles.Timeout;
  const listeners = process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0);
  const { heapUsed, external, arrayBuffers, rss } = process.memoryUsage();
  return { handles, listeners, heapUsed, external, arrayBuffers, rss };
}

/**
 * Returns the handles, listeners and memory that exist at the end but not at the start.
 * @param {Awaited<ReturnType<typeof measure>>} start
 * @param {Awaited<ReturnType<typeof measure>>} end
 * @param {number} mostGrowth - Allowed growth of the heap in bytes.
 */
export function findLeaks(start, end, mostGrowth) {
  const problems = [];
  for (const [name, count] of Object.entries(end.handles)) {
    const before = start.handles[name] ?? 0;
    if (count > before) problems.push(`${count - before} more of ${name} open than at the start`);
  }
  if (end.listeners > start.listeners) problems.push(`${end.listeners - start.listeners} more listeners`);
  const growth = end.heapUsed - start.heapUsed;
  if (growth > mostGrowth) problems.push(`the heap grew by ${growth} bytes`);
  const outside = end.external - start.external;
  if (outside > mostGrowth) problems.push(`memory outside of the heap grew by ${outside} bytes`);
  return problems;
}
