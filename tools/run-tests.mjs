// Runs vitest with the arguments given, shows what it prints, and fails where it found a leak:
// vitest itself names the leaks of `--detectAsyncLeaks` and then ends with exit code 0.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";

const vitest = fileURLToPath(new URL("./vitest.mjs", import.meta.resolve("vitest/package.json")));
const child = spawn(process.execPath, [vitest, "run", "--detectAsyncLeaks", ...process.argv.slice(2)], {
  stdio: ["inherit", "pipe", "inherit"],
});

let printed = "";
child.stdout.setEncoding("utf8");
child.stdout.on("data", (text) => {
  process.stdout.write(text);
  printed += text;
});

child.on("close", (code, signal) => {
  const text = stripVTControlCharacters(printed);
  const leaks = /^\s*Leaks\s+(\d+)/m.exec(text);
  // Node ends the reader of a Blob when it collects it as garbage, and shows no other way to.
  const blobReaders = text.match(/^BLOBREADER leaking in /gm) ?? [];
  const count = Number(leaks?.[1] ?? 0) - blobReaders.length;
  if (count > 0) console.error(`Failed: ${count} timers, servers or other handles were left behind.`);
  if (signal !== null) console.error(`Failed: vitest was ended by ${signal}.`);
  process.exitCode = count > 0 ? 1 : (code ?? 1);
});
