import { describe, expect, it } from "vitest";
import { Backlog } from "../../protocol/backlog.js";
import { SpareBuffer } from "../../protocol/spare-buffer.js";

const large = 40 * 1024;
let spare: SpareBuffer;

function create(): Backlog {
  spare = new SpareBuffer(2 * large);
  return new Backlog(spare);
}

const filled = (size: number, byte: number): Buffer => Buffer.alloc(size, byte);

/** Returns all buffered bytes, taken chunk by chunk. */
function drain(backlog: Backlog): Buffer {
  const chunks: Buffer[] = [];
  for (let chunk = backlog.take(); chunk !== undefined; chunk = backlog.take()) {
    chunks.push(Buffer.from(chunk));
    backlog.putBack(chunk.subarray(chunk.length), true);
  }
  return Buffer.concat(chunks);
}

function isSpareBorrowed(): boolean {
  const buffer = spare.borrow(large);
  spare.release(buffer);
  return buffer === undefined;
}

describe.each([
  ["small reads", 10],
  ["large reads", large],
])("Backlog with %s", (_what, size) => {
  it("keeps copies of the bytes in order", () => {
    const backlog = create();
    expect(backlog.isEmpty).toBe(true);
    for (const byte of [1, 2]) {
      const bytes = filled(size, byte);
      backlog.append(bytes);
      bytes.fill(9);
    }
    expect(backlog.isEmpty).toBe(false);
    expect(drain(backlog)).toEqual(Buffer.concat([filled(size, 1), filled(size, 2)]));
    expect(backlog.isEmpty).toBe(true);
    expect(isSpareBorrowed()).toBe(false);
  });

  it("puts unparsed bytes back before bytes that arrived in the meantime", () => {
    const backlog = create();
    backlog.append(filled(size, 1));
    const taken = backlog.take()!;
    backlog.append(filled(size, 2));
    backlog.putBack(taken.subarray(1), true);
    expect(drain(backlog)).toEqual(Buffer.concat([filled(size - 1, 1), filled(size, 2)]));
    expect(isSpareBorrowed()).toBe(false);
  });

  it("copies bytes of the caller that are put back", () => {
    const backlog = create();
    const lent = filled(size, 3);
    backlog.putBack(lent, false);
    lent.fill(9);
    expect(backlog.take()).toEqual(filled(size, 3));
  });
});

it("fills the free space of a chunk before it starts another one", () => {
  const backlog = create();
  backlog.append(filled(1, 1));
  for (let count = 0; count < 1024; count++) backlog.append(filled(1, 2));
  expect(backlog.take()).toEqual(filled(1, 1));
  backlog.putBack(Buffer.alloc(0), true);
  expect(backlog.take()).toEqual(filled(1024, 2));
});

it("keeps the unparsed rest of a read before bytes that arrived inside the handler", () => {
  const backlog = create();
  backlog.append(filled(10, 2));
  backlog.putBack(filled(10, 1), false);
  backlog.append(filled(10, 3));
  expect(drain(backlog)).toEqual(Buffer.concat([filled(10, 1), filled(10, 2), filled(10, 3)]));
});

it("borrows the spare buffer until all of its bytes are parsed", () => {
  const backlog = create();
  backlog.append(filled(large, 1));
  for (let left = large; left > 0; left -= large / 4) {
    const taken = backlog.take()!;
    expect([taken.length, isSpareBorrowed()]).toEqual([left, true]);
    backlog.putBack(taken.subarray(large / 4), true);
  }
  expect([backlog.isEmpty, isSpareBorrowed()]).toEqual([true, false]);
});

it("releases the spare buffer on clear()", () => {
  const backlog = create();
  backlog.append(filled(large, 1));
  backlog.clear();
  expect([backlog.isEmpty, backlog.take(), isSpareBorrowed()]).toEqual([true, undefined, false]);
});
