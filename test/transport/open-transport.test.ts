import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { TransportTarget } from "../../src/runtime/transport.js";
import { Dialling } from "../support/dialling.js";
import type { RawServer } from "../support/raw-server.js";

let dialling: Dialling;

beforeEach(() => {
  dialling = new Dialling();
});

afterEach(() => dialling.finish());

describe("openTransport", () => {
  it.each<[string, string[], (tcp: RawServer, unix: RawServer) => Partial<TransportTarget>]>([
    ["TCP for host and port", ["tcp", "open"], ({ port }) => ({ port })],
    ["a Unix socket if socketPath is set", ["tcp", "open"], (_tcp, { path }) => ({ socketPath: path })],
    [
      "createConnection if it is set, without adding TLS",
      ["tcp", "open"],
      ({ port }) => ({
        createConnection: () => connect(port, "127.0.0.1"),
        socketPath: "/nowhere",
        isSecure: true,
      }),
    ],
  ])("uses %s", async (_what, calls, target) => {
    const tcp = await dialling.listen();
    const unix = await dialling.listen({ isLocal: true });
    const { handler } = dialling.dial(target(tcp, unix));
    await handler.untilCall("open");
    expect(handler.calls).toEqual(calls);
  });

  it("uses TLS for a secure url", async () => {
    const { port, certificate } = await dialling.listen({ isSecure: true });
    const { handler } = dialling.dial({ port, isSecure: true, tls: { ca: certificate.cert } });
    await handler.untilCall("open");
    expect(handler.calls).toEqual(["tcp", "tls", "open"]);
  });
});
