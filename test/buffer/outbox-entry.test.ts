import { expect, it } from "vitest";
import { OutboxEntry } from "../../src/buffer/outbox-entry.js";

it("OutboxEntry is untracked at first and has no id and no key", () => {
  const message = { text: "hello" };
  const entry = new OutboxEntry(message, 5);
  expect(entry.message).toBe(message);
  expect(entry).toMatchObject({
    size: 5,
    state: "untracked",
    id: undefined,
    key: undefined,
    isResent: false,
  });
});
