// Attempts that fail in each phase: provider, DNS, TCP, TLS and the HTTP response.
import type { LookupFunction } from "node:net";
import { Duplex } from "node:stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ConnectionError, HandshakeError } from "../../src/index.js";
import { type Options, Scene } from "../support/scene.js";
import { failureOf } from "./failing.js";
import { createTlsCertificate } from "../support/tls-certificate.js";

let scene: Scene;

beforeEach(() => {
  scene = new Scene();
});

afterEach(() => scene.finish());

const notFound: LookupFunction = (hostname, _options, callback) => {
  const error = Object.assign(new Error(`getaddrinfo ENOTFOUND ${hostname}`), { code: "ENOTFOUND" });
  setImmediate(callback, error, "");
};

/** Resolves every name to 127.0.0.1. */
const loopback: LookupFunction = (_hostname, _options, callback) =>
  setImmediate(callback, null, [{ address: "127.0.0.1", family: 4 }]);

describe("a port without a listening server", () => {
  it("is a ConnectionError in the phase tcp", async () => {
    const server = await scene.listen();
    const { url } = server;
    await server.close();
    const client = scene.watch(url);
    const error = await failureOf(client, { verdict: "refused", phase: "tcp", code: "ECONNREFUSED" });
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error.message).toContain(url);
    expect(error.cause).toMatchObject({ code: "ECONNREFUSED" });
  });

  it("is a ConnectionError for a Unix socket too", async () => {
    const server = await scene.listen({ isLocal: true });
    await server.close();
    const client = scene.watch("ws://localhost/", { socketPath: server.path });
    const error = await failureOf(client, { verdict: "refused", phase: "tcp", code: "ENOENT" });
    expect(error).toBeInstanceOf(ConnectionError);
  });
});

describe("a name that does not resolve", () => {
  it("is a ConnectionError in the phase dns", async () => {
    const client = scene.watch("ws://nowhere.invalid/", { lookup: notFound });
    const expected = {
      verdict: "name-not-found",
      phase: "dns",
      code: "ENOTFOUND",
      isRetryable: true,
    } as const;
    const error = await failureOf(client, expected);
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error.message).toContain("nowhere.invalid");
  });
});

describe("a lookup function", () => {
  const lookups: [name: string, lookup: (...args: never[]) => void][] = [
    [
      "that fails with a string",
      (_host, _options, callback: (error: unknown) => void) => callback("no such name"),
    ],
    [
      "that throws a string",
      () => {
        throw JSON.parse('"no such name"');
      },
    ],
  ];

  it.each(lookups)("%s fails the attempt with an Error", async (_name, lookup) => {
    const client = scene.watch("ws://nowhere.invalid/", { lookup: lookup as unknown as LookupFunction });
    const error = await failureOf(client, { verdict: "name-not-found", phase: "dns" });
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error.message).toContain("no such name");
    expect(error.cause).toBeInstanceOf(Error);
  });
});

describe("TLS", () => {
  const secure = async (tls: Options["tls"], certificate = createTlsCertificate(), host = "localhost") => {
    const server = await scene.listen({ isSecure: true, certificate });
    return scene.watch(`wss://${host}:${server.port}/`, { lookup: loopback, tls });
  };

  it("fails with an untrusted certificate", async () => {
    const client = await secure(undefined);
    const error = await failureOf(client, { verdict: "tls", phase: "tls", isRetryable: false });
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error).toMatchObject({ code: "DEPTH_ZERO_SELF_SIGNED_CERT" });
  });

  it("fails with a certificate for another host name", async () => {
    const certificate = createTlsCertificate({ hosts: ["other.example"] });
    const client = await secure({ ca: certificate.cert }, certificate);
    const expected = { verdict: "tls", phase: "tls", isRetryable: false } as const;
    expect(await failureOf(client, expected)).toMatchObject({ code: "ERR_TLS_CERT_ALTNAME_INVALID" });
  });

  it("fails with an expired certificate", async () => {
    const certificate = createTlsCertificate({ notBefore: new Date(0), notAfter: new Date(86_400_000) });
    const client = await secure({ ca: certificate.cert }, certificate);
    const expected = { verdict: "tls", phase: "tls", isRetryable: false } as const;
    expect(await failureOf(client, expected)).toMatchObject({ code: "CERT_HAS_EXPIRED" });
  });

  it.each([
    ["minVersion", { minVersion: "SSLv9" as never }],
    ["key", { key: "no key", cert: "no certificate" }],
    ["ciphers", { ciphers: "NONE" }],
  ])("fails with an invalid option tls.%s, and the error names the option tls", async (_name, tls) => {
    const client = await secure(tls);
    const error = await failureOf(client, { verdict: "tls", phase: "tls" });
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error.message).toContain("the option tls");
  });

  it("fails with a server that does not use TLS", async () => {
    const server = await scene.listen();
    const client = scene.watch(server.url.replace("ws:", "wss:"));
    const failing = failureOf(client, { verdict: "tls", phase: "tls", isRetryable: true });
    (await server.client()).endWithClient().send("HTTP/1.1 400 Bad Request\r\n\r\n");
    expect(await failing).toBeInstanceOf(ConnectionError);
  });

  it.each(["end", "reset"] as const)("fails when the server interrupts the handshake by %s", async (how) => {
    const server = await scene.listen();
    const client = scene.watch(server.url.replace("ws:", "wss:"));
    const failing = failureOf(client, {
      verdict: "tls",
      phase: "tls",
      isRetryable: true,
      code: "ECONNRESET",
    });
    const peer = (await server.client()).endWithClient();
    await peer.until(() => peer.receivedSize > 0);
    peer[how]();
    expect(await failing).toBeInstanceOf(ConnectionError);
  });

  it("fails after the handshake when the server requires a client certificate", async () => {
    const certificate = createTlsCertificate();
    const server = await scene.listen({ isSecure: true, certificate, clientCa: createTlsCertificate().cert });
    const client = scene.watch(server.url, { tls: { ca: certificate.cert } });
    const error = await failureOf(client, { verdict: "tls", phase: "http", isRetryable: false });
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error.message).toContain("certificate required");
  });

  it("is not used for ws:, and the error suggests wss:", async () => {
    const server = await scene.listen({ isSecure: true });
    const client = scene.watch(server.url.replace("wss:", "ws:"));
    const error = await client.ws.connect().catch((reason: unknown) => reason as Error);
    expect(error).toBeInstanceOf(HandshakeError);
    expect((error as Error).message).toContain("wss:");
  });
});

describe("a peer that ends the connection", () => {
  const answers: [when: string, answer: string][] = [
    ["before any bytes", ""],
    ["in the middle of the status line", "HTTP/1.1 10"],
    ["in the middle of the header section", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: webso"],
    ["before the empty line", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"],
  ];

  it.each(answers)("%s causes a HandshakeError", async (_when, answer) => {
    const server = await scene.listen();
    const client = scene.watch(server.url);
    const expected = {
      verdict: "network-lost",
      phase: "http",
      code: "CONNECTION_ENDED",
      isRetryable: true,
    } as const;
    const failing = failureOf(client, expected);
    const peer = await server.client();
    await peer.request();
    peer.send(answer);
    peer.end();
    expect(await failing).toBeInstanceOf(HandshakeError);
    await peer.untilGone();
  });

  it.each(answers)("with a RST %s causes a ConnectionError", async (_when, answer) => {
    const server = await scene.listen();
    const client = scene.watch(server.url);
    const failing = failureOf(client, { verdict: "network-lost", phase: "http", code: "ECONNRESET" });
    const peer = await server.client();
    await peer.request();
    peer.send(answer);
    // libuv reports a RST that arrives together with data as an end, so the RST is sent separately.
    await scene.untilRead(answer.length);
    peer.reset();
    expect(await failing).toBeInstanceOf(ConnectionError);
  });
});

describe("a provider function", () => {
  const story = ["to connecting", "error!", "to failed", "closed"];
  const fault = new Error("the vault is shut");
  const providers: [name: string, url: () => string | Promise<string>, options: Options][] = [
    [
      "url that throws",
      () => {
        throw fault;
      },
      {},
    ],
    ["url that rejects", () => Promise.reject(fault), {}],
    [
      "headers that throws",
      () => "ws://127.0.0.1/",
      {
        headers: () => {
          throw fault;
        },
      },
    ],
    ["headers that rejects", () => "ws://127.0.0.1/", { headers: () => Promise.reject(fault) }],
    ["subprotocols that rejects", () => "ws://127.0.0.1/", { subprotocols: () => Promise.reject(fault) }],
  ];

  it.each(providers)("%s fails the attempt", async (_name, url, options) => {
    const client = scene.watch(url, options);
    const error = await failureOf(
      client,
      { verdict: "setup-failed", phase: "provider", isRetryable: true },
      story,
    );
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error.cause).toBe(fault);
  });

  it("that rejects after another one has thrown causes no unhandled rejection", async () => {
    let rejectUrl: ((reason: Error) => void) | undefined;
    const url = new Promise<string>((_resolve, reject) => (rejectUrl = reject));
    const client = scene.watch(() => url, {
      headers: () => {
        throw fault;
      },
    });
    const error = await failureOf(client, { verdict: "setup-failed", phase: "provider" }, story);
    expect(error.cause).toBe(fault);
    rejectUrl?.(new Error("too late"));
  });

  const wrong: [name: string, url: string, options: Options][] = [
    ["a url with a fragment", "ws://127.0.0.1/#x", {}],
    ["a url with a line feed", "ws://127.0.0.1/\n", {}],
    ["a header with a line feed", "ws://127.0.0.1/", { headers: () => ({ A: "b\r\nC: d" }) }],
    ["a header with a NUL in its name", "ws://127.0.0.1/", { headers: () => [["A\0", "b"]] }],
    ["a subprotocol with a comma", "ws://127.0.0.1/", { subprotocols: () => ["a,b"] }],
  ];

  it.each(wrong)(
    "that returns %s fails the attempt before a connection is opened",
    async (_name, url, options) => {
      const client = scene.watch(() => url, options);
      const error = await failureOf(client, { verdict: "setup-failed", phase: "provider" }, story);
      expect(error.cause).toBeInstanceOf(TypeError);
    },
  );
});

describe("createConnection", () => {
  const fault = new Error("no line");
  const bad: [name: string, options: Options, message: RegExp][] = [
    [
      "that throws",
      {
        createConnection: () => {
          throw fault;
        },
      },
      /no line/,
    ],
    ["that rejects", { createConnection: () => Promise.reject(fault) }, /no line/],
    ["that returns no stream", { createConnection: () => JSON.parse("{}") as Duplex }, /Duplex/],
    ["that returns a destroyed stream", { createConnection: () => new Duplex().destroy() }, /closed/],
  ];

  it.each(bad)("%s fails the attempt", async (_name, options, message) => {
    const client = scene.watch("ws://127.0.0.1/", options);
    const error = await failureOf(client, { verdict: "setup-failed", phase: "provider" });
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error.message).toMatch(message);
  });
});
