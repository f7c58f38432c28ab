// Compares decoding small texts of one read one by one with decoding all of them in one call and slicing the result.
import { compare, sizeName } from "./harness.mjs";

/** Size limit as in the package: a retained message retains the string from which it was sliced. */
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
        // Equal lengths prove that all bytes are ASCII, because a character above 0x7f takes two bytes in UTF-8.
        if (Buffer.byteLength(run) !== run.length) throw new Error("not ASCII");
        for (const [start, end] of ranges) length += run.slice(start, end).length;
      }
      return length;
    },
  };
}
await compare("A text", rows);

/** Returns the heap bytes per retained message if one message of each run is retained. */
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
