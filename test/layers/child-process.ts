// Runs programs in a process of their own, for tests of memory and of a blocked event loop.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { onTestFinished } from "vitest";
import { transpilePackage } from "../support/transpiled-package.js";

/**
 * Transpiles the package to JavaScript for a plain Node process. Returns the URL of its entry point, valid
 * until the test ends.
 */
export function transpiledEntryPoint(): string {
  const folder = mkdtempSync(join(tmpdir(), "jetsocket-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  transpilePackage(folder);
  return pathToFileURL(join(folder, "src/index.js")).href;
}

/**
 * Runs a program in its own process until it exits. `onLine` receives each line that it prints. Returns the
 * error output.
 *
 * @param variables - Added to the environment.
 */
export async function runProgram(
  source: string,
  onLine: (line: string) => void,
  variables: Readonly<Record<string, string>> = {},
): Promise<string> {
  const options = { timeout: 25_000, env: { ...process.env, ...variables } };
  const child = spawn(process.execPath, ["--input-type=module", "--eval", source], options);
  let rest = "";
  let errors = "";
  child.stderr.on("data", (text: Buffer) => (errors += String(text)));
  child.stdout.on("data", (text: Buffer) => {
    const lines = (rest + String(text)).split("\n");
    rest = lines.pop()!;
    for (const line of lines) onLine(line);
  });
  await new Promise((resolve) => child.on("close", resolve));
  return errors;
}
