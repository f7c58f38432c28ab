import { describe, expect, it } from "vitest";
import { parseProxy, Socks5Tunnel, type TunnelStep } from "../../../protocol/index.js";

const plain = "socks5://proxy.test";
const withPassword = "socks5://user:pass@proxy.test";

function tunnelTo(host = "feed.test", url = plain, port = 443): Socks5Tunnel {
  return new Socks5Tunnel({ host, port }, parseProxy(url));
}

/** Passes each answer to the tunnel. @returns the last step; bytes to write as hex. */
function play(tunnel: Socks5Tunnel, ...answers: readonly (readonly number[])[]): unknown {
  let step: TunnelStep | undefined;
  for (const answer of answers) step = tunnel.receive(Buffer.from(answer));
  if (step?.kind === "write") return step.bytes.toString("hex");
  return step?.kind === "rejected" ? step.error.code : step?.kind;
}

const accepted = [5, 0, 0, 1, 0, 0, 0, 0, 0, 0];

describe("the greeting", () => {
  it("offers a password only if there is one", () => {
    expect(tunnelTo().request.toString("hex")).toBe("050100");
    expect(tunnelTo("a", withPassword).request.toString("hex")).toBe("05020002");
  });
});

describe("the request", () => {
  it.each([
    ["feed.test", "0501000309666565642e7465737401bb"],
    ["10.0.0.1", "050100010a00000101bb"],
    ["2001:db8::1", "0501000420010db800000000000000000000000101bb"],
    ["::1", "050100040000000000000000000000000000000101bb"],
    ["::", "050100040000000000000000000000000000000001bb"],
    ["1:2:3:4:5:6:7:8", "050100040001000200030004000500060007000801bb"],
    ["1:2:3:4:5:6:7::", "050100040001000200030004000500060007000001bb"],
  ])("for %s leaves the name to the proxy", (host, hex) => {
    expect(play(tunnelTo(host), [5, 0])).toBe(hex);
  });

  it("is refused for a name that does not fit", () => {
    expect(play(tunnelTo("a".repeat(255)), [5, 0])).toMatch(/^05010003ff/);
    expect(play(tunnelTo("a".repeat(256)), [5, 0])).toBe("PROXY_REFUSED");
  });
});

describe("the password", () => {
  it("is sent if the proxy asks for it", () => {
    const tunnel = tunnelTo("a", withPassword);
    expect(play(tunnel, [5, 2])).toBe("01047573657204" + Buffer.from("pass").toString("hex"));
    expect(play(tunnel, [1, 0])).toBe("050100030161" + "01bb");
    expect(play(tunnel, accepted)).toBe("open");
  });

  it("is not sent if the proxy does not ask for it", () => {
    expect(play(tunnelTo("a", withPassword), [5, 0])).toBe("05010003016101bb");
  });

  it.each([
    [
      withPassword,
      [
        [5, 2],
        [1, 1],
      ],
      "PROXY_AUTHENTICATION",
    ],
    [withPassword, [[5, 0xff]], "PROXY_AUTHENTICATION"],
    [plain, [[5, 0xff]], "PROXY_AUTHENTICATION"],
    [plain, [[5, 2]], "PROXY_MALFORMED"],
  ])("%s: the answers %j give %s", (url, answers, code) => {
    expect(play(tunnelTo("a", url), ...answers)).toBe(code);
  });
});

describe("the reply", () => {
  it.each([
    [accepted],
    [[5, 0, 0, 3, 2, 97, 98, 0, 0]],
    [[5, 0, 0, 3, 0, 0, 0]],
    [[5, 0, 0, 4, ...Array<number>(18).fill(0)]],
  ])("opens the tunnel, also byte by byte: %j", (reply) => {
    expect(play(tunnelTo(), [5, 0], reply)).toBe("open");
    const tunnel = tunnelTo();
    play(tunnel, [5], [0]);
    for (const byte of reply.slice(0, -1)) expect(play(tunnel, [byte])).toBeUndefined();
    expect(play(tunnel, [reply.at(-1)!])).toBe("open");
  });

  it.each([
    [1, "general failure"],
    [2, "not allowed by the rules"],
    [5, "refused by the target"],
    [9, "unknown reply"],
    [255, "unknown reply"],
  ])("%i refuses: %s", (reply, text) => {
    const tunnel = tunnelTo();
    play(tunnel, [5, 0]);
    const step = tunnel.receive(Buffer.of(5, reply));
    expect(step?.kind === "rejected" && step.error).toMatchObject({
      ...{ code: "PROXY_REFUSED", socksCode: reply, statusCode: undefined },
      message: expect.stringContaining(text) as string,
    });
  });
});

it.each([
  ["HTTP instead of SOCKS", [[0x48, 0x54]], "PROXY_MALFORMED"],
  ["a whole HTTP response instead of SOCKS", [[0x48, 0x54, 0x54, 0x50]], "PROXY_MALFORMED"],
  [
    "another version in the reply",
    [
      [5, 0],
      [4, 0],
    ],
    "PROXY_MALFORMED",
  ],
  [
    "an unknown type of address",
    [
      [5, 0],
      [5, 0, 0, 2, 0],
    ],
    "PROXY_MALFORMED",
  ],
  ["bytes after the method", [[5, 0, 1]], "PROXY_EARLY_DATA"],
  [
    "bytes after the reply",
    [
      [5, 0],
      [...accepted, 1],
    ],
    "PROXY_EARLY_DATA",
  ],
])("refuses %s", (_what, answers, code) => {
  expect(play(tunnelTo(), ...answers)).toBe(code);
});
