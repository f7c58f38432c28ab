// Measures the CPU time of this process for tests of algorithmic cost.

/**
 * Starts to measure CPU time. Unlike a clock, it does not count the time of other processes.
 * @returns A function that returns the CPU time since the start, in milliseconds.
 */
export function measureCpuTime(): () => number {
  const before = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1_000;
  };
}
