import type { ConnectionOptions } from "node:tls";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ServerCertificate } from "../../src/events/tls-details.js";
import type { TlsSession, TransportTarget } from "../../src/runtime/transport.js";
import { sessionSlot } from "../../src/transport/tls-sessions.js";

const day = 86_400_000;
const start = Date.parse("2030-01-01T00:00:00Z");

beforeEach(() => vi.useFakeTimers({ now: start, toFake: ["Date"] }));
afterEach(() => vi.useRealTimers());

let sessions: TlsSession[];

beforeEach(() => {
  sessions = [];
});

const tls: ConnectionOptions = Object.freeze({ ca: ["one", "two"], minVersion: "TLSv1.2" });

function slotOf(given: Partial<TransportTarget> = {}, options: ConnectionOptions = tls) {
  const target = { host: "feed.test", port: 443, tlsSessions: sessions, ...given } as TransportTarget;
  return sessionSlot(target, options);
}

function certificate(validTo = "Jan  1 00:00:00 2040 GMT"): ServerCertificate {
  return { subject: {}, issuer: {}, validFrom: "Jan  1 00:00:00 2029 GMT", validTo, fingerprint256: "00" };
}

function keep(name: string, given?: Partial<TransportTarget>, validTo?: string): void {
  slotOf(given)!.keep(Buffer.from(name), certificate(validTo), false);
}

/** The name of the session that an attempt would resume. */
function offered(given?: Partial<TransportTarget>, options?: ConnectionOptions): string | undefined {
  return slotOf(given, options)?.offered?.ticket.toString();
}

describe("a kept session", () => {
  it("is offered to the same server with the same options", () => {
    expect(offered()).toBeUndefined();
    keep("first");
    expect(offered()).toBe("first");
    expect(offered({}, { ...tls })).toBe("first");
    expect(offered({}, { ca: ["one", "two"], minVersion: "TLSv1.2" })).toBe("first");
  });

  it.each<[string, Partial<TransportTarget>, ConnectionOptions?]>([
    ["another host", { host: "other.test" }],
    ["another port", { port: 444 }],
    ["a Unix socket", { socketPath: "/feed" }],
    ["another client", { tlsSessions: [] }],
    ["another server name", {}, { ...tls, servername: "other.test" }],
    ["fewer authorities", {}, { ...tls, ca: ["one"] }],
    ["other authorities", {}, { ...tls, ca: ["one", "other"] }],
    ["no options", {}, {}],
  ])("is not offered with %s", (_what, given, options) => {
    keep("first");
    expect(offered(given, options)).toBeUndefined();
  });

  it.each<[string, ConnectionOptions, (options: ConnectionOptions) => unknown]>([
    ["an array", { ca: ["one", "two"] }, ({ ca }) => (ca as string[]).pop()],
    ["bytes", { ca: Buffer.from("one") }, ({ ca }) => (ca as Buffer).write("two")],
    ["bytes in an array", { ca: [Buffer.from("one")] }, ({ ca }) => (ca as Buffer[])[0]!.write("two")],
    [
      "an object in an array",
      { key: [{ pem: "one", passphrase: "a" }] },
      ({ key }) => Object.assign((key as object[])[0]!, { pem: "two" }),
    ],
  ])("is not offered after %s of the options has changed in place", (_what, options, change) => {
    slotOf({}, options)!.keep(Buffer.from("first"), certificate(), false);
    expect(offered({}, options)).toBe("first");
    change(options);
    expect(offered({}, options)).toBeUndefined();
  });

  it("is copied out of the memory that it shares", () => {
    keep("first");
    expect(sessions[0]!.ticket.buffer.byteLength).toBe(5);
  });

  it("is replaced by a newer one", () => {
    keep("first");
    keep("second");
    expect(offered()).toBe("second");
    expect(sessions).toHaveLength(1);
  });

  it("is one of at most four, of which the oldest is removed first", () => {
    for (let port = 1; port <= 5; port++) keep(`port ${port}`, { port });
    expect(sessions).toHaveLength(4);
    expect([1, 2, 3, 4, 5].map((port) => offered({ port }))).toEqual([
      undefined,
      "port 2",
      "port 3",
      "port 4",
      "port 5",
    ]);
  });

  it("is not offered after seven days", () => {
    keep("first");
    vi.setSystemTime(start + 7 * day - 1);
    expect(offered()).toBe("first");
    vi.setSystemTime(start + 7 * day);
    expect(offered()).toBeUndefined();
  });

  it("is not offered after seven days even if resumed connections have replaced it", () => {
    keep("first");
    vi.setSystemTime(start + 6 * day);
    slotOf()!.keep(Buffer.from("second"), certificate(), true);
    expect(offered()).toBe("second");
    vi.setSystemTime(start + 7 * day);
    expect(offered()).toBeUndefined();
  });

  it("is not offered after its certificate has expired", () => {
    keep("first", {}, "Jan  2 00:00:00 2030 GMT");
    keep("other", { port: 1 });
    vi.setSystemTime(start + day - 1);
    expect(offered()).toBe("first");
    vi.setSystemTime(start + day);
    expect(offered()).toBeUndefined();
    expect(offered({ port: 1 })).toBe("other");
  });

  it("is removed by forget(), but not if a newer one has replaced it", () => {
    keep("first");
    const failing = slotOf()!;
    keep("second");
    failing.forget();
    expect(offered()).toBe("second");
    slotOf()!.forget();
    expect(sessions).toEqual([]);
    slotOf()!.forget();
    expect(sessions).toEqual([]);
  });
});

describe("sessionSlot()", () => {
  it.each<[string, Partial<TransportTarget>, ConnectionOptions?]>([
    ["the client has no sessions", { tlsSessions: undefined }],
    ["checkServerIdentity is given", {}, { checkServerIdentity: () => undefined }],
    ["pskCallback is given", {}, { pskCallback: () => null }],
    ["session is given", {}, { session: Buffer.alloc(1) }],
    ["socket is given", {}, { socket: {} as never }],
  ])("returns nothing if %s", (_what, given, options) => {
    expect(slotOf(given, options)).toBeUndefined();
  });
});
