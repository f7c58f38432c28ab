import { describe, expect, it } from "vitest";
import { JetSocketError } from "../../protocol/errors.js";
import { type ActiveRead, Loans } from "../../protocol/loans.js";

describe("a loan", () => {
  it("refers to the given bytes and has no copy at first", () => {
    const bytes = Buffer.from("message");
    const loan = new Loans().begin(bytes);
    expect(loan.bytes).toBe(bytes);
    expect(loan.copy).toBeUndefined();
    expect(loan.outer).toBeUndefined();
  });

  it("has a copy in memory of its own after copyActiveLoans()", () => {
    const loans = new Loans();
    const memory = Buffer.from("--message--");
    const loan = loans.begin(memory.subarray(2, 9));
    loans.copyActiveLoans();
    memory.fill("x");
    expect(loan.copy).toEqual(Buffer.from("message"));
  });

  it("is not copied after its end", () => {
    const loans = new Loans();
    const loan = loans.begin(Buffer.from("message"));
    loans.end(loan);
    loans.copyActiveLoans();
    expect(loan.copy).toBeUndefined();
  });

  it("is copied together with the loans around it", () => {
    const loans = new Loans();
    const all = ["first", "second", "third"].map((text) => loans.begin(Buffer.from(text)));
    loans.copyActiveLoans();
    expect(all.map(({ copy }) => copy?.toString())).toEqual(["first", "second", "third"]);
  });

  it("is copied only once", () => {
    const loans = new Loans();
    const outer = loans.begin(Buffer.from("outer"));
    loans.copyActiveLoans();
    const { copy } = outer;
    outer.bytes.fill("x");
    loans.copyActiveLoans();
    const inner = loans.begin(Buffer.from("inner"));
    loans.copyActiveLoans();
    expect(outer.copy).toBe(copy);
    expect(outer.copy?.toString()).toBe("outer");
    expect(inner.copy?.toString()).toBe("inner");
  });

  it("is active again after a nested loan ended", () => {
    const loans = new Loans();
    const outer = loans.begin(Buffer.from("outer"));
    const inner = loans.begin(Buffer.from("inner"));
    expect(inner.outer).toBe(outer);
    loans.end(inner);
    loans.copyActiveLoans();
    expect([inner.copy, outer.copy?.toString()]).toEqual([undefined, "outer"]);
  });
});

describe("copyActiveLoans()", () => {
  it("does nothing if nothing is lent", () => {
    expect(() => new Loans().copyActiveLoans()).not.toThrow();
  });
});

const memory = Buffer.alloc(100);

function readOf(start: number, end: number, bytes: Buffer = memory): ActiveRead {
  return { bytes, start, end, isOverwritten: false, outer: undefined };
}

/** Begins `outer`, then runs all of `inner` inside it, and returns whether `outer` may still decline its message. */
function mayDecline(outer: ActiveRead, inner: ActiveRead): boolean {
  const loans = new Loans();
  loans.beginRead(outer);
  loans.beginRead(inner);
  loans.endRead(inner);
  try {
    loans.checkRead();
    return true;
  } catch {
    return false;
  }
}

describe("checkRead()", () => {
  it("accepts that no call of receive is active", () => {
    expect(() => new Loans().checkRead()).not.toThrow();
  });

  it("accepts a read without nested reads", () => {
    const loans = new Loans();
    loans.beginRead(readOf(0, 10));
    expect(() => loans.checkRead()).not.toThrow();
  });

  it("throws after a nested read of the same bytes, with a code and the solution", () => {
    const loans = new Loans();
    loans.beginRead(readOf(0, 10));
    const inner = readOf(0, 10);
    loans.beginRead(inner);
    loans.endRead(inner);
    expect(() => loans.checkRead()).toThrow(JetSocketError);
    expect(() => loans.checkRead()).toThrow(
      expect.objectContaining({
        code: "LENT_MESSAGE_OVERWRITTEN",
        message:
          "A handler declined a lent message after another connection had received bytes into the same memory. " +
          "The message is lost. Call receive() inside a handler only with separate memory, or copy the message first.",
      }),
    );
  });

  it.each([
    ["ends where the outer one starts", readOf(10, 20), readOf(0, 10), true],
    ["ends one byte later", readOf(10, 20), readOf(0, 11), false],
    ["starts where the outer one ends", readOf(10, 20), readOf(20, 30), true],
    ["starts one byte earlier", readOf(10, 20), readOf(19, 30), false],
    ["is inside the outer one", readOf(10, 20), readOf(14, 15), false],
    ["contains the outer one", readOf(10, 20), readOf(0, 100), false],
  ])("compares the ranges: a nested read that %s", (_, outer, inner, expected) => {
    expect(mayDecline(outer, inner)).toBe(expected);
  });

  it.each([
    ["touch", readOf(0, 10, memory.subarray(40)), readOf(0, 40), true],
    ["overlap by one byte", readOf(0, 10, memory.subarray(40)), readOf(0, 41), false],
    ["touch at the other end", readOf(0, 10), readOf(0, 40, memory.subarray(10)), true],
    ["overlap at the other end", readOf(0, 11), readOf(0, 40, memory.subarray(10)), false],
    ["have equal indexes at different offsets", readOf(0, 10), readOf(0, 10, memory.subarray(10)), true],
  ])("considers the offsets of two views of the same memory: they %s", (_, outer, inner, expected) => {
    expect(mayDecline(outer, inner)).toBe(expected);
  });

  it("accepts a nested read of other memory at the same position", () => {
    expect(mayDecline(readOf(0, 10), readOf(0, 10, Buffer.alloc(100)))).toBe(true);
  });

  it("accepts a decline in the nested read, which was not overwritten", () => {
    const loans = new Loans();
    loans.beginRead(readOf(0, 10));
    loans.beginRead(readOf(0, 10));
    expect(() => loans.checkRead()).not.toThrow();
  });

  it("throws for each outer read that was overwritten, also with a read of other memory between them", () => {
    const loans = new Loans();
    const reads = [readOf(0, 10), readOf(0, 10, Buffer.alloc(100)), readOf(5, 15)] as const;
    for (const read of reads) loans.beginRead(read);
    expect(reads.map(({ isOverwritten }) => isOverwritten)).toEqual([true, false, false]);
    loans.endRead(reads[2]);
    expect(() => loans.checkRead()).not.toThrow();
    loans.endRead(reads[1]);
    expect(() => loans.checkRead()).toThrow(JetSocketError);
  });

  it("accepts the next read of a connection whose previous read was overwritten", () => {
    const loans = new Loans();
    const [outer, inner] = [readOf(0, 10), readOf(0, 10)];
    loans.beginRead(outer);
    loans.beginRead(inner);
    loans.endRead(inner);
    loans.endRead(outer);
    loans.beginRead(outer);
    expect(() => loans.checkRead()).not.toThrow();
    expect(outer.outer).toBeUndefined();
  });

  it("does not refer to an outer read after the end of the nested one", () => {
    const loans = new Loans();
    const [outer, inner] = [readOf(0, 10), readOf(0, 10)];
    loans.beginRead(outer);
    loans.beginRead(inner);
    expect(inner.outer).toBe(outer);
    loans.endRead(inner);
    expect(inner.outer).toBeUndefined();
    loans.endRead(outer);
    loans.beginRead(inner);
    expect(() => loans.checkRead()).not.toThrow();
  });
});
