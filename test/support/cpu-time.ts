/**
 * Starts to measure CPU time, which unlike a clock does not count what else the machine does.
 *
 * @returns A function that gives the milliseconds of CPU time since.
 */
export function measureCpuTime(): () => number {
  const before = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1_000;
  };
}
