import { Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Dialling } from "../support/dialling.js";

let dialling: Dialling;

beforeEach(() => {
  dialling = new Dialling();
});

afterEach(async () => {
  vi.restoreAllMocks();
  await dialling.finish();
});

describe("openUnix", () => {
  it("connects by path, and does not set TCP options", async () => {
    const setNoDelay = vi.spyOn(Socket.prototype, "setNoDelay");
    const setKeepAlive = vi.spyOn(Socket.prototype, "setKeepAlive");
    const server = await dialling.listen({ isLocal: true });
    const { handler } = dialling.dial({
      host: "feed.test",
      socketPath: server.path,
      keepAlive: 1_000,
      localAddress: "192.0.2.1",
    });
    await handler.untilCall("open");
    expect(handler.calls).toEqual(["tcp", "open"]);
    expect(setNoDelay).not.toHaveBeenCalled();
    expect(setKeepAlive).not.toHaveBeenCalled();
  });

  it("reports a path without a socket", async () => {
    const { handler } = dialling.dial({ socketPath: "/nowhere/at/all.sock" });
    expect(handler.calls).toEqual([]);
    await handler.untilCall("close");
    expect(handler.calls).toEqual(["tcp", "close"]);
    expect(handler.error).toMatchObject({ code: "ENOENT", address: "/nowhere/at/all.sock" });
  });

  it("reports a path that is too long", async () => {
    const { handler } = dialling.dial({ socketPath: "/a".repeat(5_000) });
    await handler.untilCall("close");
    expect(handler.calls).toEqual(["tcp", "close"]);
    expect(handler.error).toBeInstanceOf(Error);
  });
});
