// Prepares the virtual environment of the Python servers.
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { runCommand } from "./run-command.mjs";

const folder = fileURLToPath(new URL(".venv", import.meta.url));
const requirements = fileURLToPath(new URL("requirements.txt", import.meta.url));
const python =
  process.platform === "win32" ? join(folder, "Scripts", "python.exe") : join(folder, "bin", "python");
const stampFile = join(folder, "complete");
const installTimeout = 300_000;

/**
 * Creates the virtual environment of the Python servers, or reuses one that an earlier run completed with the same
 * requirements and the same Python.
 *
 * @returns {Promise<string>} The path of its interpreter.
 */
export async function preparePython() {
  const version = await runCommand("python3", ["--version"]);
  const stamp = createHash("sha256")
    .update(version)
    .update(await readFile(requirements))
    .digest("hex");
  if ((await readFile(stampFile, "utf8").catch(() => "")) === stamp) return python;
  await runCommand("python3", ["-m", "venv", "--clear", folder]);
  await runCommand(
    python,
    ["-m", "pip", "install", "--disable-pip-version-check", "--quiet", "-r", requirements],
    {
      timeout: installTimeout,
    },
  );
  // The stamp is written last, so that an incomplete environment is created again.
  await writeFile(stampFile, stamp);
  return python;
}
