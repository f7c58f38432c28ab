import { beforeEach, describe, expect, it } from "vitest";
import { MessageTokens } from "../../src/connection/message-tokens.js";

let tokens: MessageTokens;

beforeEach(() => {
  tokens = new MessageTokens();
});

/** Adds messages with these positions. None is written. */
function add(...positions: readonly number[]): void {
  for (const position of positions) tokens.add(position, `token ${position}`);
}

describe("MessageTokens", () => {
  describe("match()", () => {
    it("returns the last framed messages, each with its token", () => {
      add(1, 2, 3, 4);
      expect(tokens.match(["c", "d"], 4)).toEqual([
        { data: "c", token: "token 3" },
        { data: "d", token: "token 4" },
      ]);
    });

    it("returns undefined for a message without a token", () => {
      add(1, 3);
      expect(tokens.match(["a", "b", "c", "d"], 4)).toEqual([
        { data: "a", token: "token 1" },
        { data: "b", token: undefined },
        { data: "c", token: "token 3" },
        { data: "d", token: undefined },
      ]);
    });

    it("returns nothing if every message was written", () => {
      add(1, 2);
      expect(tokens.match([], 2)).toEqual([]);
    });

    it("supports falsy tokens", () => {
      for (const [index, token] of [0, "", null, false].entries()) tokens.add(index + 1, token);
      expect(tokens.match(["a", "b", "c", "d"], 4).map(({ token }) => token)).toEqual([0, "", null, false]);
    });

    it("removes the tokens of the returned messages, so that their positions can be reused", () => {
      add(1, 2, 3);
      tokens.match(["b", "c"], 3);
      expect(tokens.match(["b", "c"], 3).map(({ token }) => token)).toEqual([undefined, undefined]);
      tokens.add(2, "another");
      expect(tokens.match(["x"], 2)).toEqual([{ data: "x", token: "another" }]);
    });
  });

  describe("forget()", () => {
    it.each([1, 63, 64, 127, 128, 129, 1_000])(
      "removes the tokens of the first %i messages and keeps the others",
      (count) => {
        for (let position = 1; position <= count + 2; position++) {
          tokens.add(position, `token ${position}`);
          tokens.forget(Math.min(position - 1, count));
        }
        const unsent = tokens.match(Array<string>(count + 2).fill("x"), count + 2);
        const kept = unsent.map(({ token }) => token).filter((token) => token !== undefined);
        expect(kept).toEqual([`token ${count + 1}`, `token ${count + 2}`]);
      },
    );
  });

  it("counts the written messages that are not acknowledged, including those that were given up", () => {
    const tokens = new MessageTokens();
    const receipts = Array.from({ length: 1_000 }, () => ({ isAcknowledged: false, isGivenUp: false }));
    for (const [index, receipt] of receipts.entries()) tokens.add(2 * index + 1, { receipt });
    tokens.add(2_001, "without one");
    expect([tokens.unacknowledgedCount, tokens.receiptsUpTo(2_001), tokens.length]).toEqual([
      0, 1_000, 1_001,
    ]);
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
});
