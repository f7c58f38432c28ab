// Compares ways to copy a small binary message into a slab of 8 KiB and to return a view of it. Reading the `buffer` of
// a Buffer is a runtime call, which `subarray` and `copy` make each time. Consecutive messages can be copied 8 KiB at
// once, headers included.
import { compare, repeat, sizeName } from "./harness.mjs";

const slabSize = 8 * 1024;
const BufferView = Buffer[Symbol.species];

/** Returns a function that reserves `size` bytes and returns their offset. Calls `onSlab` with each new slab. */
function slabs(onSlab) {
  let used = slabSize;
  return (size) => {
    if (used + size > slabSize) {
      onSlab(Buffer.allocUnsafeSlow(slabSize));
      used = 0;
    }
    const start = used;
    used = start + size;
    return start;
  };
}

const rows = {};
for (const size of [32, 128, 1024, 3072]) {
  const start = 1000;
  const end = start + size;
  const read = Buffer.alloc(1024 * 1024, 1);
  const readMemory = read.buffer;
  let slab;
  let memory;
  const reserve = slabs((fresh) => {
    slab = fresh;
    memory = fresh.buffer;
  });
  const headerSize = size < 126 ? 2 : 4;
  const perRun = Math.floor(slabSize / (headerSize + size));
  const runSize = perRun * (headerSize + size);
  let next = perRun;
  let run;
  rows[sizeName(size)] = {
    "subarray and copy": repeat(() => {
      const at = reserve(size);
      const target = slab.subarray(at, at + size);
      read.copy(target, 0, start, end);
      return target;
    }),
    "memory known": repeat(() => {
      const at = reserve(size);
      const target = new BufferView(memory, at, size);
      target.set(new Uint8Array(readMemory, start, size));
      return target;
    }),
    "a run of them": repeat(() => {
      if (next === perRun) {
        const copy = Buffer.allocUnsafeSlow(runSize);
        copy.set(new Uint8Array(readMemory, start, runSize));
        run = copy.buffer;
        next = 0;
      }
      return new BufferView(run, next++ * (headerSize + size) + headerSize, size);
    }),
    "memory of its own": repeat(() => {
      const target = Buffer.allocUnsafeSlow(size);
      read.copy(target, 0, start, end);
      return target;
    }),
    "subarray alone": repeat(() => read.subarray(start, end)),
    "view alone": repeat(() => new BufferView(readMemory, start, size)),
  };
}
await compare("A message copied", rows);
