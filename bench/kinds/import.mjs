import { importsOf } from "../clients/index.mjs";

/**
 * CPU time, all threads, and memory that the import of a client takes in this fresh process.
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
