// Measures importing a client.
import { importsOf } from "../clients/index.mjs";

/**
 * Measures the CPU time of all threads and the memory of importing a client in this fresh process.
 *
 * @param {string} moduleName
 */
export async function measure(moduleName) {
  const modules = await importsOf(moduleName);
  const memory = process.memoryUsage.rss();
  const begun = process.cpuUsage();
  for (const module of modules) await import(module);
  const { user, system } = process.cpuUsage(begun);
  const mebibyte = 1024 * 1024;
  return { cost: (user + system) / 1000, more: (process.memoryUsage.rss() - memory) / mebibyte };
}
