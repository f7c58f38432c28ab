// Measures the effect of one technique in the whole client: compares the built package with a copy without it, in the
// scenarios that it should speed up. Takes about a minute: `node bench/ideas/without.mjs wide-mask`.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { addOtherBuild, otherBuild } from "../clients/index.mjs";
import { machine } from "../machine.mjs";
import { measureScenario } from "../measure.mjs";
import { scenarioNamed } from "../scenarios/index.mjs";
import { packageVariable, takeSnapshot } from "../snapshot.mjs";
import { median, pairedRatios, spread } from "../statistics.mjs";
import { print } from "./harness.mjs";

const rounds = 9;

/** For each technique: the replacement in `dist/protocol.js` or `file` that disables it, and the affected scenarios. */
const techniques = {
  "wide-mask": {
    code: ["globalThis.WebAssembly", "undefined"],
    scenarios: ["send-text-128B", "send-text-1KiB", "send-binary-64KiB", "send-binary-1MiB"],
  },
  "large-writes": {
    file: "index.js",
    code: ["maxWriteSize = 256 * 1024", "maxWriteSize = 64 * 1024"],
    scenarios: ["send-binary-64KiB", "send-binary-1MiB", "send-tick-binary-1MiB"],
  },
  "text-run": {
    code: ["!sink.mayTakeBatch(maxPayloadSize)", "true"],
    scenarios: ["recv-text-32B", "recv-text-128B", "recv-text-1KiB"],
  },
  "single-message-ticks": {
    file: "index.js",
    code: ["this.#singleMessageTicks < minSingleMessageTicks ?", "true ?"],
    scenarios: ["send-tick-text-128B", "send-tick-text-1KiB", "round-trip-128B"],
  },
  "binary-batch": {
    code: ["!sink.mayTakeBatch(maxBinaryPayloadSize)", "true"],
    scenarios: ["recv-binary-32B", "recv-binary-128B", "recv-binary-512B"],
  },
  "wide-utf8": {
    code: ["size <= maxWasmTextSize", "size <= 0"],
    scenarios: ["recv-utf8-1KiB", "recv-utf8-64KiB"],
  },
  transcode: {
    code: ["isSliceSlow = ", "isSliceSlow = false && "],
    scenarios: ["recv-utf8-1KiB", "recv-utf8-64KiB"],
  },
  "large-reads": {
    code: ["readBufferSize = 1024 * 1024", "readBufferSize = 64 * 1024"],
    scenarios: ["recv-text-128B", "recv-binary-64KiB", "recv-binary-1MiB"],
  },
  "held-buffer": {
    code: ["this.#newestLarge[0] = bytes", "void 0"],
    scenarios: ["recv-binary-64KiB", "recv-binary-1MiB"],
  },
  "kept-handle": {
    code: ["HandleBackend.open(streams, maxHandles) ?? ", ""],
    scenarios: ["recv-compressed-200B", "recv-compressed-16KiB", "send-compressed-200B"],
  },
  "wide-inflate": {
    code: ["minInflatedSize = 512 * 1024", "minInflatedSize = Infinity"],
    scenarios: ["recv-compressed-16KiB"],
  },
};

const technique = techniques[process.argv[2]];
if (technique === undefined) throw new RangeError(`give one of ${Object.keys(techniques).join(", ")}`);

const root = fileURLToPath(new URL("../..", import.meta.url));
const without = takeSnapshot(root);
const file = `dist/${technique.file ?? "protocol.js"}`;
const entry = new URL(file, without[packageVariable]);
const code = readFileSync(entry, "utf8");
const changed = code.replace(...technique.code);
if (changed === code) throw new Error(`${file} has no "${technique.code[0]}": build it, or mend this script`);
writeFileSync(entry, changed);
addOtherBuild(without);
Object.assign(process.env, takeSnapshot(root));

console.log(`${machine()}; us of CPU per message, ${rounds} rounds; ratio: median (least to greatest)`);
const table = [["", "with", "without", "times less with it"]];
for (const name of technique.scenarios) {
  const { rounds: results } = await measureScenario(
    scenarioNamed(name),
    ["jetsocket", otherBuild],
    () => rounds,
  );
  const [mine, others] = [results.jetsocket, results[otherBuild]];
  const costs = [mine, others].map((list) => median(list.map(({ cost }) => cost)).toPrecision(3));
  const ratios = pairedRatios(mine, others);
  const [least, greatest] = spread(ratios).map((ratio) => ratio.toFixed(2));
  table.push([name, ...costs, `${median(ratios).toFixed(2)} (${least} to ${greatest})`]);
}
print(table);
