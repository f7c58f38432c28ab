// Measures how much a handler that needs few messages saves by not decoding the others.
import { isUtf8 } from "node:buffer";
import { compare, repeat, sizeName } from "./harness.mjs";

const rows = {};
for (const size of [32, 128, 1024, 16 * 1024, 64 * 1024]) {
  const start = 1000;
  const end = start + size;
  const read = Buffer.alloc(size + 2 * start, '{"symbol":"BTC-USD","price":"64000.25"},');
  const wanted = read[start + 12];
  const decode = size < 512 ? () => read.utf8Slice(start, end) : () => read.latin1Slice(start, end);
  rows[sizeName(size)] = {
    string: repeat(decode),
    "string, looked at": repeat(() => decode().charCodeAt(12) === wanted),
    "view, isUtf8, looked at": repeat(() => {
      const view = read.subarray(start, end);
      return isUtf8(view) && view[12] === wanted;
    }),
    "view, looked at": repeat(() => read.subarray(start, end)[12] === wanted),
    "no view": repeat(() => read[start + 12] === wanted),
    "copy of its own": repeat(() => Buffer.from(read.subarray(start, end))),
  };
}
await compare("A text that is not wanted", rows);
