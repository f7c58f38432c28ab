import { beforeEach, describe, expect, it } from "vitest";
import { MessageTokens } from "../../src/connection/message-tokens.js";

let tokens: MessageTokens;

beforeEach(() => {
  tokens = new MessageTokens();
});

/** Messages of these positions are added; none has left. */
function add(...positions: readonly number[]): void {
  for (const position of positions) tokens.add(position, `token ${position}`);
}

describe("the messages that did not leave", () => {
  it("are the last that were framed, each with its token", () => {
    add(1, 2, 3, 4);
    expect(tokens.match(["c", "d"], 4)).toEqual([
      { data: "c", token: "token 3" },
      { data: "d", token: "token 4" },
    ]);
  });

  it("may have none", () => {
    add(1, 3);
    expect(tokens.match(["a", "b", "c", "d"], 4)).toEqual([
      { data: "a", token: "token 1" },
      { data: "b", token: undefined },
      { data: "c", token: "token 3" },
      { data: "d", token: undefined },
    ]);
  });

  it("may be none", () => {
    add(1, 2);
    expect(tokens.match([], 2)).toEqual([]);
  });

  it("may have a token that is a falsy value", () => {
    for (const [index, token] of [0, "", null, false].entries()) tokens.add(index + 1, token);
    expect(tokens.match(["a", "b", "c", "d"], 4).map(({ token }) => token)).toEqual([0, "", null, false]);
  });

  it("are forgotten then, and the count goes on behind those that left", () => {
    add(1, 2, 3);
    tokens.match(["b", "c"], 3);
    expect(tokens.match(["b", "c"], 3).map(({ token }) => token)).toEqual([undefined, undefined]);
    tokens.add(2, "another");
    expect(tokens.match(["x"], 2)).toEqual([{ data: "x", token: "another" }]);
  });
});

describe("the messages that have left", () => {
  it.each([1, 63, 64, 127, 128, 129, 1_000])("are forgotten, and the others are not: behind %i", (count) => {
    for (let position = 1; position <= count + 2; position++) {
      tokens.add(position, `token ${position}`);
      tokens.forget(Math.min(position - 1, count));
    }
    const unsent = tokens.match(Array<string>(count + 2).fill("x"), count + 2);
    const kept = unsent.map(({ token }) => token).filter((token) => token !== undefined);
    expect(kept).toEqual([`token ${count + 1}`, `token ${count + 2}`]);
  });
});

it("knows how many messages that have left are not acknowledged, also of those that were given up", () => {
  const tokens = new MessageTokens();
  const receipts = Array.from({ length: 1_000 }, () => ({ isAcknowledged: false, isGivenUp: false }));
  for (const [index, receipt] of receipts.entries()) tokens.add(2 * index + 1, { receipt });
  tokens.add(2_001, "without one");
  expect([tokens.unacknowledgedCount, tokens.receiptsUpTo(2_001), tokens.length]).toEqual([0, 1_000, 1_001]);
  tokens.forget(999);
  expect([tokens.unacknowledgedCount, tokens.receiptsUpTo(999), tokens.receiptsUpTo(1_001)]).toEqual([
    500, 500, 501,
  ]);
  for (const receipt of receipts.slice(0, 300)) receipt.isAcknowledged = true;
  for (const receipt of receipts.slice(300, 400)) receipt.isGivenUp = true;
  expect(tokens.unacknowledgedCount).toBe(200);
  tokens.forget(2_001);
  for (const receipt of receipts.slice(400)) receipt.isAcknowledged = true;
  expect([tokens.unacknowledgedCount, tokens.receiptsUpTo(2_001), tokens.length]).toEqual([100, 1_000, 0]);
});
