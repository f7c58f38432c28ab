// Runs vitest with the arguments given, shows what it prints, and fails where it found a leak:
// vitest itself names the leaks of `--detectAsyncLeaks` and then ends with exit code 0.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";

const vitest = fileURLToPath(new URL("./vitest.mjs", import.meta.resolve("vitest/package.json")));
const child = spawn(process.execPath, [vitest, "run", "--detectAsyncLeaks", ...process.argv.slice(2)], {
  stdio: ["inherit", "pipe", "pipe"],
});

// The sum stands in the one, the leaks themselves in the other.
const printed = { stdout: "", stderr: "" };
for (const name of ["stdout", "stderr"]) {
  child[name].setEncoding("utf8");
  child[name].on("data", (text) => {
    process[name].write(text);
    printed[name] += text;
  });
}

child.on("close", (code, signal) => {
  const leaks = /^\s*Leaks\s+(\d+)/m.exec(stripVTControlCharacters(printed.stdout));
  // Node ends the reader of a Blob when it collects it as garbage, and shows no other way to.
  const blobReaders = stripVTControlCharacters(printed.stderr).match(/^BLOBREADER leaking in /gm) ?? [];
  const count = Number(leaks?.[1] ?? 0) - blobReaders.length;
  if (count > 0) console.error(`Failed: ${count} timers, servers or other handles were left behind.`);
  if (signal !== null) console.error(`Failed: vitest was ended by ${signal}.`);
  process.exitCode = count > 0 ? 1 : (code ?? 1);
});
