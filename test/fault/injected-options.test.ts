// Rejection of options that could inject bytes into the request.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { connect, WebSocket } from "../../src/index.js";
import { turns } from "../support/dialling.js";
import { type Options, Scene } from "../support/scene.js";
import type { ScriptedPeer } from "../support/scripted-peer.js";

let scene: Scene;
let server: ScriptedPeer;

beforeEach(async () => {
  scene = new Scene();
  server = await scene.listen();
});

afterEach(() => scene.finish());

const controls = [
  ["CR", "\r"],
  ["LF", "\n"],
  ["CR LF", "\r\n"],
  ["NUL", "\0"],
  ["DEL", "\x7f"],
] as const;

type Case = [name: string, url: (base: string) => string | URL, options: Options];
const asIs = (base: string): string => base;

const injected: Case[] = controls.flatMap(([name, text]): Case[] => [
  [`${name} in the path`, (base) => `${base}/a${text}b`, {}],
  [`${name} in the query`, (base) => `${base}?a=${text}b`, {}],
  [`${name} in the host`, (base) => base.replace("127", `127${text}`), {}],
  [`${name} in the password`, (base) => base.replace("//", `//user:pass${text}word@`), {}],
  [`${name} after the url`, (base) => `${base}${text}`, {}],
  [`${name} in a header name`, asIs, { headers: { [`A${text}B`]: "x" } }],
  [`${name} in a header value`, asIs, { headers: { A: `x${text}Evil: yes` } }],
  [`${name} in a repeated header value`, asIs, { headers: { A: ["fine", `x${text}y`] } }],
  [`${name} in a pair`, asIs, { headers: [["A", `x${text}y`]] }],
  [`${name} in Host`, asIs, { headers: { Host: `a${text}b` } }],
  [`${name} in a subprotocol`, asIs, { subprotocols: `a${text}b` }],
  [`${name} in the second subprotocol`, asIs, { subprotocols: ["a", `b${text}c`] }],
]);

const badTokens: Case[] = [
  ["a fragment", (base) => `${base}#x`, {}],
  ["an empty fragment", (base) => `${base}#`, {}],
  ["a fragment in a URL", (base) => new URL(`${base}#x`), {}],
  ["another scheme", (base) => base.replace("ws:", "ftp:"), {}],
  ["no scheme", (base) => base.replace("ws:", ""), {}],
  ["no host", () => "ws:///feed", {}],
  ["a space in the url", (base) => `${base}/a b`, {}],
  ["an invalid port", () => "ws://127.0.0.1:99999/", {}],
  ["an empty header name", asIs, { headers: { "": "x" } }],
  ["a space in a header name", asIs, { headers: { "A B": "x" } }],
  ["a colon in a header name", asIs, { headers: { "A:": "x" } }],
  ["a header value beyond latin1", asIs, { headers: { A: "€" } }],
  ["a header value that is not a string", asIs, { headers: { A: 1 as unknown as string } }],
  ["a header pair of three items", asIs, { headers: [["A", "b", "c"]] as unknown as [string, string][] }],
  ...["Upgrade", "Connection", "Sec-WebSocket-Key", "sec-websocket-version", "Sec-WebSocket-Extensions"].map(
    (name): Case => [`the header ${name}`, asIs, { headers: { [name]: "x" } }],
  ),
  ...["Content-Length", "Transfer-Encoding"].map((name): Case => [
    `the header ${name}`,
    asIs,
    { headers: { [name]: "0" } },
  ]),
  [
    "two Host headers",
    asIs,
    {
      headers: [
        ["Host", "a"],
        ["host", "b"],
      ],
    },
  ],
  ["an empty subprotocol", asIs, { subprotocols: "" }],
  ["a comma in a subprotocol", asIs, { subprotocols: "a, b" }],
  ["a space in a subprotocol", asIs, { subprotocols: "a b" }],
  ["a subprotocol beyond ASCII", asIs, { subprotocols: "é" }],
  ["a subprotocol twice", asIs, { subprotocols: ["a", "a"] }],
  ["a subprotocol that is not a string", asIs, { subprotocols: [1] as unknown as string[] }],
];

describe("an invalid url or option", () => {
  it.each([...injected, ...badTokens])(
    "%s causes a TypeError before any byte is sent",
    async (_name, url, options) => {
      const given = { runtime: scene.counting.runtime, ...options };
      const target = url(server.url.slice(0, -"/feed".length));
      expect(() => new WebSocket(target, given)).toThrow(TypeError);
      await expect(connect(target, given)).rejects.toBeInstanceOf(TypeError);
      await turns(3);
      expect(server.connectionCount).toBe(0);
    },
  );

  it("causes an error without credentials", () => {
    const messages: string[] = [];
    const attempts: [string, Options][] = [
      ["ws://user:hunter2@127.0.0.1/#x", {}],
      ["ws://127.0.0.1/?token=hunter2#x", {}],
      ["ws://127.0.0.1/", { headers: { Authorization: "hunter2\r\n" } }],
      ["ws://127.0.0.1/", { subprotocols: "hunter2 " }],
    ];
    for (const [url, options] of attempts) {
      try {
        new WebSocket(url, options);
      } catch (error) {
        messages.push((error as Error).message);
      }
    }
    expect(messages).toHaveLength(attempts.length);
    expect(messages.join("\n")).not.toContain("hunter2");
  });
});
