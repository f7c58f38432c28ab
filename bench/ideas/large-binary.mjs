// Compares copies of a large message into new memory. If V8 collects all earlier copies at once, the memory returns to
// the system, and each new copy causes page faults. Holding the newest copy keeps the memory in the process.
import { compare, print, repeat, sizeName } from "./harness.mjs";

const held = [];
const rows = {};
const faults = [["", "nothing held", "newest held", "one buffer"]];
for (const size of [16 * 1024, 64 * 1024, 256 * 1024, 1024 * 1024, 4 * 1024 * 1024]) {
  const source = Buffer.alloc(size, 1);
  const reused = Buffer.allocUnsafeSlow(size);
  const copyTo = (target) => {
    target.set(source);
    return target.length;
  };
  const copyFresh = repeat(() => copyTo(Buffer.allocUnsafeSlow(size)));
  const ways = {
    "nothing held": (times) => {
      held.length = 0;
      return copyFresh(times);
    },
    "newest held": repeat(() => copyTo((held[0] = Buffer.allocUnsafeSlow(size)))),
    "one buffer": repeat(() => copyTo(reused)),
  };
  rows[sizeName(size)] = ways;
  faults.push([sizeName(size), ...Object.values(ways).map(faultsOf)]);
}
await compare("A message copied", rows);
console.log("\nPage faults of a message:");
print(faults);

function faultsOf(run) {
  const times = 100;
  held.length = 0;
  run(times);
  const before = process.resourceUsage().minorPageFault;
  run(times);
  return ((process.resourceUsage().minorPageFault - before) / times).toFixed(1);
}
