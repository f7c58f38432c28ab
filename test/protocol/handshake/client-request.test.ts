import { describe, expect, it } from "vitest";
import type { HeaderField } from "../../../protocol/errors.js";
import {
  type ClientRequestOptions,
  withKey,
  writeClientRequest,
} from "../../../protocol/handshake/client-request.js";
import { parseUri } from "../../../protocol/uri.js";
import { measureCpuTime } from "../../support/cpu-time.js";
import { levelOffer } from "./stand-in-extension.js";

const key = "dGhlIHNhbXBsZSBub25jZQ==";

function write(url: string, options: Partial<ClientRequestOptions> = {}): string {
  return writeClientRequest({ uri: parseUri(url), ...options }, key).toString("latin1");
}

const lines = (...texts: string[]): string => `${texts.join("\r\n")}\r\n\r\n`;

describe("writeClientRequest", () => {
  it("writes only the header fields that RFC 6455 requires", () => {
    expect(write("ws://server.example.com/chat?a=b")).toBe(
      lines(
        "GET /chat?a=b HTTP/1.1",
        "Host: server.example.com",
        "Upgrade: websocket",
        "Connection: Upgrade",
        `Sec-WebSocket-Key: ${key}`,
        "Sec-WebSocket-Version: 13",
      ),
    );
  });

  it("writes the user's fields after its own, in their order and spelling, with repeats", () => {
    const headers: HeaderField[] = [
      ["x-b", "2"],
      ["Cookie", "a=b"],
      ["X-A", "1"],
      ["cookie", "c=\u00e9"],
      ["Origin", "https://o"],
    ];
    const offers = [levelOffer("one"), levelOffer("two", "9")];
    expect(write("wss://u:p@[::1]:81/", { headers, offers, subprotocols: ["b", "A"] })).toBe(
      lines(
        "GET / HTTP/1.1",
        "Host: [::1]:81",
        "Upgrade: websocket",
        "Connection: Upgrade",
        `Sec-WebSocket-Key: ${key}`,
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Protocol: b, A",
        "Sec-WebSocket-Extensions: one; level=1, two; level=9",
        "Authorization: Basic dTpw",
        "x-b: 2",
        "Cookie: a=b",
        "X-A: 1",
        "cookie: c=\u00e9",
        "Origin: https://o",
      ),
    );
  });

  it("sends the user's Host instead of the url's", () => {
    const headers: HeaderField[] = [
      ["X-A", "1"],
      ["host", "other.example"],
    ];
    const text = write("ws://h/", { headers });
    expect(text.startsWith("GET / HTTP/1.1\r\nhost: other.example\r\nUpgrade:")).toBe(true);
    expect(text.endsWith("X-A: 1\r\n\r\n")).toBe(true);
    expect(text.match(/^host:/gim)).toHaveLength(1);
  });

  it("sends the user's Authorization instead of the url's credentials", () => {
    const text = write("ws://u:p@h/", { headers: [["authorization", "Bearer x"]] });
    expect(text).toContain("authorization: Bearer x\r\n");
    expect(text).not.toContain("Basic");
  });

  it.each<[string, Partial<ClientRequestOptions>, string]>([
    ["a reserved header", { headers: [["Upgrade", "x"]] }, '"Upgrade" is not allowed'],
    ["a header with a line end", { headers: [["X", "hunter2\r\nY: z"]] }, '"X" has a control character'],
    [
      "two Host headers",
      {
        headers: [
          ["Host", "a"],
          ["host", "b"],
        ],
      },
      '"Host" is given more than once',
    ],
    ["a Host with a line end", { headers: [["Host", "a\r\nY: z"]] }, '"Host" has a control character'],
    ["an empty subprotocol", { subprotocols: ["a", ""] }, "Subprotocol 2 of 2 is not a token"],
    ["a subprotocol with a line end", { subprotocols: ["hunter2\r\n"] }, "Subprotocol 1 of 1 is not a token"],
    ["a subprotocol with a comma", { subprotocols: ["a,b"] }, "is not a token"],
    ["a subprotocol that is not a string", { subprotocols: [7 as unknown as string] }, "is not a token"],
    ["a repeated subprotocol", { subprotocols: ["a", "b", "a"] }, "Subprotocol 3 of 3 repeats"],
    [
      "an offer with a line end",
      { offers: [{ ...levelOffer("a"), header: "a\r\nX: y" }] },
      '"Sec-WebSocket-Extensions"',
    ],
    ["a url host with a line end", { uri: { ...parseUri("ws://h"), hostHeader: "h\r\nX: y" } }, '"Host"'],
    ["a resource without a slash", { uri: { ...parseUri("ws://h"), resource: "p" } }, "resource"],
    ["a resource with a space", { uri: { ...parseUri("ws://h"), resource: "/a HTTP/1.1" } }, "resource"],
    ["a resource with a line end", { uri: { ...parseUri("ws://h"), resource: "/\r\n" } }, "resource"],
  ])("throws for %s", (_what, request, message) => {
    const run = (): unknown => write("ws://h/", request);
    expect(run).toThrow(TypeError);
    expect(run).toThrow(message);
    expect(run).not.toThrow("hunter2");
  });
});

describe("writeClientRequest with many subprotocols", () => {
  const count = 100_000;
  const names = Array.from({ length: count }, (_, index) => `v${index}.example`);

  /** A comparison of each name with all previous ones would take 30 s. */
  it("checks them in linear time", () => {
    const cpuTime = measureCpuTime();
    expect(write("ws://h/", { subprotocols: names })).toContain(names.join(", "));
    expect(() => write("ws://h/", { subprotocols: [...names, names[0]!] })).toThrow(
      `Subprotocol ${count + 1} of ${count + 1} repeats an earlier one.`,
    );
    expect(cpuTime()).toBeLessThan(3_000);
  });
});

describe("withKey", () => {
  const options: ClientRequestOptions = {
    uri: parseUri("ws://h/Sec-WebSocket-Key:%20x"),
    headers: [
      ["Host", "Sec-WebSocket-Key: x"],
      ["X-Note", "Sec-WebSocket-Key: x"],
    ],
    ...{ subprotocols: ["chat"], offers: [levelOffer("ext")] },
  };
  const otherKey = "A".repeat(22) + "==";

  it("returns the same request with another key, even if other fields contain the name of the key field", () => {
    const request = writeClientRequest(options, key);
    expect(withKey(request, otherKey)).toEqual(writeClientRequest(options, otherKey));
    expect(withKey(withKey(request, otherKey), key)).toEqual(request);
  });

  it("does not change the given request", () => {
    const request = writeClientRequest(options, key);
    withKey(request, otherKey);
    expect(request).toEqual(writeClientRequest(options, key));
  });
});
