// Runs vitest with `--detectAsyncLeaks` and the given arguments, and fails if a test leaves a timer, server or other
// handle open: vitest itself lists the leaks and ends with exit code 0.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";

const vitest = fileURLToPath(new URL("./vitest.mjs", import.meta.resolve("vitest/package.json")));
const child = spawn(process.execPath, [vitest, "run", "--detectAsyncLeaks", ...process.argv.slice(2)], {
  stdio: ["inherit", "pipe", "pipe"],
});

// vitest prints the number of leaks to stdout, and each leak to stderr.
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
  // The reader of a Blob is not counted: Node has no call to end it, only the garbage collector does.
  const blobReaders = stripVTControlCharacters(printed.stderr).match(/^BLOBREADER leaking in /gm) ?? [];
  const count = Number(leaks?.[1] ?? 0) - blobReaders.length;
  if (count > 0) console.error(`Failed: ${count} timers, servers or other handles were left open.`);
  if (signal !== null) console.error(`Failed: vitest was ended by ${signal}.`);
  process.exitCode = count > 0 ? 1 : (code ?? 1);
});
