import { describe, expect, it } from "vitest";
import { nodeRuntime, type Runtime, type Transport, type TransportHandler } from "../../src/index.js";
import { cookiesFor, storingCookies } from "../../src/whatwg/cookies.js";
import { cutsOf } from "../support/feed.js";

const page = new URL("https://site.test/");
let hosts = 0;

/** A connection to a host of its own whose server sends `pieces`. Returns the cookies of the next request. */
function cookiesAfter(pieces: readonly string[], location: URL = page, scheme = "wss"): unknown {
  const log: string[] = [];
  let handler: TransportHandler | undefined;
  const runtime: Runtime = {
    ...nodeRuntime,
    openTransport: (_, given) => {
      handler = given;
      return {} as Transport;
    },
  };
  const url = new URL(`${scheme}://n${++hosts}.site.test/feed`);
  const received: TransportHandler = {
    onPhase: (phase) => log.push(phase),
    onOpen: () => log.push("open"),
    onData: (bytes, length) => log.push(bytes.toString("latin1", 0, length)),
    onEnd: () => log.push("end"),
    onClose: (error) => log.push(String(error)),
  };
  const target = { url: url.href } as Parameters<Runtime["openTransport"]>[0];
  storingCookies(runtime).openTransport(target, received);
  handler!.onPhase("tls");
  handler!.onOpen();
  for (const piece of pieces)
    handler!.onData(Buffer.from(`${piece}rest of the buffer`, "latin1"), piece.length);
  handler!.onEnd();
  handler!.onClose(undefined);
  expect(log).toEqual(["tls", "open", ...pieces, "end", "undefined"]);
  return cookiesFor(url, location, nodeRuntime);
}

const head = "HTTP/1.1 101 Switching Protocols\r\nSet-Cookie: a=1\r\nX: y\r\nset-cookie:b=2; Path=/\r\n\r\n";

describe("the cookies of a response", () => {
  it("are stored, with the bytes in every split", () => {
    expect(cookiesAfter([head])).toBe("a=1; b=2");
    for (const cut of cutsOf(head.length))
      expect(cookiesAfter([head.slice(0, cut), head.slice(cut)]), String(cut)).toBe("a=1; b=2");
    expect(cookiesAfter(Array.from(head))).toBe("a=1; b=2");
  });

  it("are stored after interim responses and the answer of a proxy", () => {
    const proxy = "HTTP/1.1 200 OK\r\nSet-Cookie: p=1\r\n\r\n";
    const hints = "HTTP/1.1 103 Early Hints\r\nSet-Cookie: h=1\r\n\r\n";
    expect(cookiesAfter([proxy, hints + head])).toBe("a=1; b=2");
  });

  it("are not read from other responses, messages and long heads", () => {
    expect(cookiesAfter([head.replace("101", "401")])).toBeUndefined();
    expect(cookiesAfter([head.replace(/Set-Cookie/gi, "Cookie"), `\r\n\r\n${head}`])).toBeUndefined();
    expect(cookiesAfter(["x".repeat(20_000), `\r\n\r\n${head}`])).toBeUndefined();
  });

  it("are sent by programs of the same site, and by others if they allow it", () => {
    for (const host of ["https://site.test/", "https://site.test:8443/a"])
      expect(cookiesAfter([head], new URL(host)), host).toBe("a=1; b=2");
    for (const url of ["https://other.test/", "https://te.test/", "http://site.test/", "about:blank"])
      expect(cookiesAfter([head], new URL(url)), url).toBeUndefined();
    expect(
      cookiesAfter([head.replace("a=1", "a=1; SameSite=None; Secure")], new URL("https://other.test/")),
    ).toBe("a=1");
    expect(cookiesAfter([head], new URL("http://other.test/"), "ws")).toBe("a=1; b=2");
  });
});

it("the runtime that stores cookies is the same for each runtime, and passes all calls on", () => {
  const storing = storingCookies(nodeRuntime);
  expect(storingCookies(nodeRuntime)).toBe(storing);
  expect(Object.keys(storing).sort()).toEqual(Object.keys(nodeRuntime).sort());
  const log: unknown[] = [];
  const recorder = Object.fromEntries(
    Object.keys(nodeRuntime).map((name) => [
      name,
      (...given: unknown[]) => (log.push([name, ...given]), name),
    ]),
  ) as unknown as Runtime;
  const recording = storingCookies(recorder);
  const [callback, bytes] = [(): void => undefined, new Uint8Array(1)];
  expect([recording.now(), recording.wallNow(), recording.random()]).toEqual(["now", "wallNow", "random"]);
  expect(recording.setTimer(5, callback)).toBe("setTimer");
  recording.defer(callback);
  recording.afterTurn(callback);
  recording.fillRandom(bytes);
  expect(log.slice(3)).toEqual([
    ...[["setTimer", 5, callback] as const, ["defer", callback] as const],
    ...[["afterTurn", callback] as const, ["fillRandom", bytes] as const],
  ]);
});
