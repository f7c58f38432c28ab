/**
 * Entry point of the soak:
 * `node soak/run.mjs [--short] [--seed N] [--faults N] [--sabotage lost|doubled|order]`, or one of
 * `--failures`, `--slow`, `--rotation` (these two with `--seconds N`), `--virtual`. Needs a built package.
 */
import { existsSync } from "node:fs";
import { parseArgs } from "node:util";
import { endChildren } from "./child.mjs";

const { values } = parseArgs({
  options: {
    short: { type: "boolean" },
    seed: { type: "string" },
    faults: { type: "string" },
    sabotage: { type: "string" },
    failures: { type: "boolean" },
    slow: { type: "boolean" },
    rotation: { type: "boolean" },
    virtual: { type: "boolean" },
    seconds: { type: "string" },
    only: { type: "string" },
    days: { type: "string" },
    twice: { type: "boolean" },
    trace: { type: "string" },
  },
});

for (const [signal, code] of Object.entries({ SIGINT: 130, SIGTERM: 143, SIGHUP: 129 })) {
  process.once(signal, () => void endChildren().finally(() => process.exit(code)));
}

try {
  process.exitCode = (await run()) ? 0 : 1;
} catch (error) {
  console.error(`soak: FAILED: ${/** @type {Error} */ (error).stack}`);
  process.exitCode = 1;
} finally {
  await endChildren();
}

async function run() {
  const seconds = Number(values.seconds ?? 60);
  const seed = Number(values.seed ?? 1 + Math.floor(Math.random() * 1e6));
  if (values.failures) return (await import("./failures.mjs")).runFailures({ seed });
  if (values.slow) return (await import("./slow.mjs")).runSlow({ seconds, only: values.only });
  if (values.rotation) return (await import("./rotation.mjs")).runRotation({ seconds });
  if (values.virtual) return runVirtual(seed);
  const faults = Number(values.faults ?? (values.short ? 200 : 2_000));
  const sabotage = sabotageOf(values.sabotage);
  return (await import("./main-soak.mjs")).runMainSoak({ seed, faults, sabotage });
}

async function runVirtual(seed) {
  const file = new URL("virtual.mjs", import.meta.url);
  if (!existsSync(file)) throw new Error("--virtual needs soak/virtual.mjs, which does not exist");
  const { runVirtualSoak } = await import(file.href);
  const { twice, trace, sabotage } = values;
  const days = values.days === undefined ? undefined : Number(values.days);
  return runVirtualSoak({ seed, days, twice, trace, sabotage });
}

/** @param {string | undefined} given */
function sabotageOf(given) {
  if (given === undefined || given === "lost" || given === "doubled" || given === "order") return given;
  throw new Error(`--sabotage takes lost, doubled or order, not "${given}"`);
}
