// Small texts that came with one read: each decoded by a call of its own, or all by one call and then cut out.
import { compare, sizeName } from "./harness.mjs";

/** As the product does: what a kept message holds on to is the string that it was cut from. */
const runSize = 8 * 1024;
const headerSize = 4;

const rows = {};
for (const size of [32, 128, 512, 1024]) {
  const bytes = Buffer.alloc(runSize, "x");
  const ranges = [];
  for (let at = 0; at + headerSize + size <= runSize; at += headerSize + size) {
    ranges.push([at + headerSize, at + headerSize + size]);
  }
  const each = (decode) => (times) => {
    let length = 0;
    for (let count = 0; count < times;) {
      for (let at = 0; at < ranges.length && count < times; at++, count++)
        length += decode(...ranges[at]).length;
    }
    return length;
  };
  rows[sizeName(size)] = {
    "utf8Slice each": each((start, end) => bytes.utf8Slice(start, end)),
    "latin1Slice each": each((start, end) => bytes.latin1Slice(start, end)),
    "one latin1Slice, checked, cut": (times) => {
      let length = 0;
      for (let count = 0; count < times; count += ranges.length) {
        const run = bytes.latin1Slice(0, runSize);
        // In UTF-8 a byte above 0x7f would take two: so it is seen that all of it is ASCII.
        if (Buffer.byteLength(run) !== run.length) throw new Error("not ASCII");
        for (const [start, end] of ranges) length += run.slice(start, end).length;
      }
      return length;
    },
  };
}
await compare("A text", rows);

/** Bytes of heap that a kept message takes, when one of each run is kept. */
function pinned(keep) {
  const bytes = Buffer.alloc(runSize, "x");
  const count = 2000;
  globalThis.gc();
  const before = process.memoryUsage().heapUsed;
  const kept = [];
  for (let at = 0; at < count; at++) kept.push(keep(bytes));
  globalThis.gc();
  const size = (process.memoryUsage().heapUsed - before) / kept.length;
  return Math.round(size).toLocaleString("en-US");
}

if (globalThis.gc === undefined) console.log("\nWhat a kept text holds on to: run with --expose-gc");
else {
  const one = pinned((bytes) => bytes.latin1Slice(4, 132));
  const cut = pinned((bytes) => bytes.latin1Slice(0, runSize).slice(4, 132));
  console.log(`\nA kept text of 128 B, one of each run: ${one} B of heap by itself, ${cut} B cut from a run`);
}
