// Measures the cost of timing each message.
import { createHistogram } from "node:perf_hooks";
import { compare, repeat } from "./harness.mjs";

const native = createHistogram();
/** Like the histogram of the package: 32 buckets per power of two, found from the bits of the number. */
const counts = new Uint32Array(64 * 32);
let sample = 1;

function record(microseconds) {
  const power = 31 - Math.clz32(microseconds | 32);
  counts[(power << 5) | ((microseconds >>> (power - 5)) & 31)]++;
  return counts;
}

function nextSample() {
  sample = (Math.imul(sample, 1_103_515_245) + 12_345) & 0xf_ffff;
  return sample + 1;
}

await compare("For each message", {
  "a reading": {
    "performance.now()": repeat(() => performance.now()),
    "Date.now()": repeat(() => Date.now()),
    "process.hrtime.bigint()": repeat(() => process.hrtime.bigint()),
  },
});
await compare("For each message", {
  "a sample": {
    none: repeat(() => nextSample()),
    "into buckets of our own": repeat(() => record(nextSample())),
    "createHistogram().record": repeat(() => native.record(nextSample())),
  },
});
