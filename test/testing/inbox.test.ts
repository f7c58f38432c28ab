import { describe, expect, it, vi } from "vitest";
import { JetSocketError } from "../../src/errors.js";
import { ClientGoneError, MessageInbox } from "../../src/testing/inbox.js";

describe("MessageInbox", () => {
  it("returns the messages in the order in which they were added", async () => {
    const inbox = new MessageInbox();
    const binary = Buffer.from([1]);
    for (const message of ["first", binary, "third"]) inbox.add(message);
    expect([await inbox.take(), await inbox.take(), await inbox.take()]).toEqual(["first", binary, "third"]);
  });

  it("returns an empty message like any other", async () => {
    const inbox = new MessageInbox();
    inbox.add("");
    inbox.end(new ClientGoneError());
    expect(await inbox.take()).toBe("");
  });

  it("resolves waiting calls in the order in which they were made, one message each", async () => {
    const inbox = new MessageInbox();
    const waiting = [inbox.take(), inbox.take()];
    for (const message of ["first", "second", "third"]) inbox.add(message);
    expect(await Promise.all(waiting)).toEqual(["first", "second"]);
    expect(await inbox.take()).toBe("third");
  });

  it("returns the messages that were added before the end, then rejects each call", async () => {
    const inbox = new MessageInbox();
    inbox.add("last");
    const error = new ClientGoneError();
    inbox.end(error);
    expect(await inbox.take()).toBe("last");
    await expect(inbox.take()).rejects.toBe(error);
    await expect(inbox.take()).rejects.toBe(error);
  });

  it("rejects all waiting calls at its end", async () => {
    const inbox = new MessageInbox();
    const waiting = [inbox.take(), inbox.take()];
    const error = new ClientGoneError();
    inbox.end(error);
    const results = await Promise.allSettled(waiting);
    expect(results).toEqual([
      { status: "rejected", reason: error },
      { status: "rejected", reason: error },
    ]);
  });

  it("returns a message that is added after its end to the next call", async () => {
    const inbox = new MessageInbox();
    const waiting = inbox.take();
    inbox.end(new ClientGoneError());
    inbox.add("late");
    await expect(waiting).rejects.toBeInstanceOf(ClientGoneError);
    expect(await inbox.take()).toBe("late");
  });

  it("keeps the error of its first end", async () => {
    const inbox = new MessageInbox();
    const first = new Error("the first");
    inbox.end(first);
    inbox.end(new ClientGoneError());
    await expect(inbox.take()).rejects.toBe(first);
  });
});

describe("ClientGoneError", () => {
  it("has a name, a code and a message", () => {
    const error = new ClientGoneError();
    expect(error).toBeInstanceOf(JetSocketError);
    expect(error).toMatchObject({ name: "ClientGoneError", code: "CLIENT_GONE" });
    expect(error.message).not.toBe("");
  });

  it("is recognised when another copy of the module created it", async () => {
    vi.resetModules();
    const other = await import("../../src/testing/inbox.js");
    expect(other.ClientGoneError).not.toBe(ClientGoneError);
    expect(new other.ClientGoneError()).toBeInstanceOf(ClientGoneError);
    expect(new JetSocketError("", { code: "CLIENT_GONE" })).not.toBeInstanceOf(ClientGoneError);
  });
});
