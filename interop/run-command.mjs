// Runs a command and returns its output.
import { execFile } from "node:child_process";
import { promisify } from "node:util";

const execute = promisify(execFile);

/**
 * Runs a command until it exits and returns its output. The error of a failed command contains its output.
 *
 * @param {string} file
 * @param {readonly string[]} args
 * @param {{ cwd?: string, timeout?: number }} [options] - `timeout` in milliseconds, two minutes by default.
 * @returns {Promise<string>}
 */
export async function runCommand(file, args, { cwd, timeout = 120_000 } = {}) {
  try {
    const { stdout } = await execute(file, args, { cwd, timeout, maxBuffer: 16 * 1024 * 1024 });
    return stdout;
  } catch (error) {
    const printed = [error.stdout, error.stderr].filter(Boolean).join("\n").trim();
    throw new Error(`${file} ${args.join(" ")} failed: ${printed || error.message}`, { cause: error });
  }
}
