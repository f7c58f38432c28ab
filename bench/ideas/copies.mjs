// A small binary message is copied into a slab of 8 KiB, and handed out as a view of it. To ask a buffer for its
// memory is a call of the runtime, which `subarray` and `copy` make each time. Of messages that follow each other 8 KiB are
// copied at once, headers and all.
import { compare, repeat, sizeName } from "./harness.mjs";

const slabSize = 8 * 1024;
const BufferView = Buffer[Symbol.species];

/** A function that says where the next so many bytes go; `onSlab` is told of each slab. */
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
