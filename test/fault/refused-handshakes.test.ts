// Responses that the client must reject: invalid 101s, bytes that are not HTTP, other statuses, oversized headers.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HandshakeError, type Verdict } from "../../src/index.js";
import { turns } from "../support/dialling.js";
import { type Options, Scene, type RecordedClient } from "../support/scene.js";
import { acceptFor, type PeerRequest, type PeerSocket, switching } from "../support/scripted-peer.js";
import { textFrame } from "../support/wire.js";

let scene: Scene;

beforeEach(() => {
  scene = new Scene();
});

afterEach(() => scene.finish());

const theStory = ["to connecting", "connecting", "error!", "to failed", "closed"];

interface Dialled {
  readonly client: RecordedClient;
  readonly peer: PeerSocket;
  readonly request: PeerRequest;
  readonly failed: Promise<unknown>;
}

async function dial(options: Options = {}): Promise<Dialled> {
  const server = await scene.listen();
  const client = scene.watch(server.url, options);
  const failed = client.ws.connect().then(
    () => expect.unreachable("It connected."),
    (error: unknown) => error,
  );
  const peer = (await server.client()).endWithClient();
  return { client, peer, request: await peer.request(), failed };
}

/** Returns the error, after checking that every promise and event reports it. */
async function handshakeErrorOf(
  { client, peer, failed }: Dialled,
  verdict: Verdict,
): Promise<HandshakeError> {
  const error = await failed;
  const { report } = await client.event("closed");
  await peer.untilGone();
  expect(error).toBeInstanceOf(HandshakeError);
  expect(client.fatalError).toBe(error);
  expect(client.story).toEqual(theStory);
  expect(report).toMatchObject({ verdict, phase: "http", initiatedBy: "peer", error, wasClean: false });
  expect(client.ws.lastReport).toBe(report);
  expect(client.ws.state).toBe("failed");
  await expect(client.ws.recv()).rejects.toBe(error);
  return error as HandshakeError;
}

type Answer = (request: PeerRequest) => string;

/** A 101 response with exactly these header lines. */
const upgrade =
  (...lines: string[]): Answer =>
  (request) =>
    ["HTTP/1.1 101 Switching Protocols", ...lines, "", ""]
      .join("\r\n")
      .replace("$accept", acceptFor(request));

const valid = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Accept: $accept"];
const without = (name: string): string[] => valid.filter((line) => !line.startsWith(name));
const extension = (value: string): Answer => upgrade(...valid, `Sec-WebSocket-Extensions: ${value}`);

const faulty: [name: string, code: string, answer: Answer, options?: Options][] = [
  ["no Upgrade", "INVALID_UPGRADE", upgrade(...without("Upgrade"))],
  ["another Upgrade", "INVALID_UPGRADE", upgrade(...without("Upgrade"), "Upgrade: h2c")],
  ["an Upgrade with a version", "INVALID_UPGRADE", upgrade(...without("Upgrade"), "Upgrade: websocket/13")],
  ["two Upgrades", "INVALID_UPGRADE", upgrade(...valid, "Upgrade: h2c")],
  ["no Connection", "INVALID_CONNECTION", upgrade(...without("Connection"))],
  ["another Connection", "INVALID_CONNECTION", upgrade(...without("Connection"), "Connection: keep-alive")],
  ["no Accept", "INVALID_ACCEPT", upgrade(...without("Sec-WebSocket-Accept"))],
  ["the Accept of another key", "INVALID_ACCEPT", upgrade(...valid).bind(undefined, otherKey())],
  [
    "an Accept in lower case",
    "INVALID_ACCEPT",
    (request) => switching(request).replace(acceptFor(request), acceptFor(request).toLowerCase()),
  ],
  ["two Accepts", "INVALID_ACCEPT", upgrade(...valid, "Sec-WebSocket-Accept: $accept")],
  [
    "a subprotocol although none was offered",
    "SUBPROTOCOL_MISMATCH",
    upgrade(...valid, "Sec-WebSocket-Protocol: chat"),
  ],
  [
    "a subprotocol that was not offered",
    "SUBPROTOCOL_MISMATCH",
    upgrade(...valid, "Sec-WebSocket-Protocol: chat"),
    { subprotocols: ["superchat", "Chat"] },
  ],
  [
    "two subprotocols",
    "SUBPROTOCOL_MISMATCH",
    upgrade(...valid, "Sec-WebSocket-Protocol: a", "Sec-WebSocket-Protocol: b"),
    { subprotocols: ["a", "b"] },
  ],
  [
    "a list of subprotocols",
    "SUBPROTOCOL_MISMATCH",
    upgrade(...valid, "Sec-WebSocket-Protocol: a, b"),
    { subprotocols: ["a", "b"] },
  ],
  ["an extension that was not offered", "EXTENSION_MISMATCH", extension("permessage-bzip2")],
  [
    "compression although none was offered",
    "EXTENSION_MISMATCH",
    extension("permessage-deflate"),
    { compress: false },
  ],
  ["compression twice", "EXTENSION_MISMATCH", extension("permessage-deflate, permessage-deflate")],
  ["an unknown parameter", "EXTENSION_MISMATCH", extension("permessage-deflate; speed=9")],
  [
    "a parameter twice",
    "EXTENSION_MISMATCH",
    extension("permessage-deflate; server_no_context_takeover; server_no_context_takeover"),
  ],
  ["a window of 16 bits", "EXTENSION_MISMATCH", extension("permessage-deflate; client_max_window_bits=16")],
  ["a window of 7 bits", "EXTENSION_MISMATCH", extension("permessage-deflate; server_max_window_bits=7")],
  ["a window of 010 bits", "EXTENSION_MISMATCH", extension("permessage-deflate; server_max_window_bits=010")],
  ["a window of no bits", "EXTENSION_MISMATCH", extension("permessage-deflate; client_max_window_bits")],
  [
    "a larger window than requested",
    "EXTENSION_MISMATCH",
    extension("permessage-deflate; server_max_window_bits=12"),
    { compress: { serverWindowBits: 10 } },
  ],
  [
    "no parameter for the window that was requested",
    "EXTENSION_MISMATCH",
    extension("permessage-deflate"),
    { compress: { serverWindowBits: 10 } },
  ],
  [
    "context takeover although no takeover was requested",
    "EXTENSION_MISMATCH",
    extension("permessage-deflate"),
    { compress: { serverNoContextTakeover: true } },
  ],
  ["extensions that break the grammar", "INVALID_EXTENSIONS", extension("permessage-deflate;; x")],
  ["an empty list of extensions", "INVALID_EXTENSIONS", extension("")],
  ["HTTP/1.0", "MALFORMED_RESPONSE", (request) => switching(request).replace("HTTP/1.1", "HTTP/1.0")],
];

function otherKey(): PeerRequest {
  const [head, requestLine] = ["", ""];
  return { head, requestLine, fields: [], field: () => "AAAAAAAAAAAAAAAAAAAAAA==" };
}

describe("a 101 with", () => {
  it.each(faulty)("%s causes a HandshakeError", async (_name, code, answer, options) => {
    const dialled = await dial(options);
    const answered = answer(dialled.request);
    // Frames after an invalid 101 are ignored.
    dialled.peer.send(answered, textFrame("never"));
    const error = await handshakeErrorOf(dialled, "handshake-rejected");
    expect(error).toMatchObject({ code, statusCode: 101 });
    expect(error.body).toHaveLength(0);
    const lines = answered.split("\r\n").slice(1, -2);
    expect(error.headers.map(([name, value]) => `${name}: ${value}`.trim())).toEqual(
      lines.map((line) => line.trim()),
    );
    expect(dialled.client.ws.stats()).toMatchObject({ connectCount: 0, messagesReceived: 0 });
  });
});

const noHttp: [name: string, answer: Answer][] = [
  ["a line of another protocol", () => "SSH-2.0-OpenSSH_9.2\r\n"],
  ["frames without a handshake", () => textFrame("hello").toString("latin1")],
  ["HTTP/2", () => "HTTP/2 101 Switching Protocols\r\n\r\n"],
  ["a status of two digits", () => "HTTP/1.1 10 Huh\r\n\r\n"],
  ["a lone line feed", (request) => switching(request).replaceAll("\r\n", "\n")],
  ["a lone carriage return", (request) => switching(request, ["A: b\rc"])],
  ["a NUL", (request) => switching(request, ["A: b\0c"])],
  ["a folded line", (request) => switching(request, ["A: b", " c"])],
  ["a space before the colon", (request) => switching(request, ["A : b"])],
  ["a line without a colon", (request) => switching(request, ["A"])],
  ["a TLS alert", () => "\x15\x03\x01\x00\x02\x02\x16"],
];

describe("a response that is not HTTP", () => {
  it.each(noHttp)("causes a HandshakeError: %s", async (_name, answer) => {
    const dialled = await dial();
    dialled.peer.send(answer(dialled.request));
    const error = await handshakeErrorOf(dialled, "handshake-rejected");
    expect(error).toMatchObject({ code: "MALFORMED_RESPONSE", statusCode: undefined, headers: [] });
  });

  it("causes an error that mentions TLS if the bytes look like TLS", async () => {
    const dialled = await dial();
    dialled.peer.send("\x15\x03\x01\x00\x02\x02\x16");
    expect((await handshakeErrorOf(dialled, "handshake-rejected")).message).toContain("wss:");
  });
});

const statuses: [statusCode: number, verdict: Verdict, isRetryable: boolean][] = [
  [200, "handshake-rejected", true],
  [204, "handshake-rejected", true],
  [302, "handshake-rejected", true],
  [304, "handshake-rejected", true],
  [400, "handshake-rejected", true],
  [401, "auth", false],
  [403, "auth", false],
  [404, "not-found", false],
  [410, "not-found", false],
  [426, "handshake-rejected", true],
  [429, "rate-limited", true],
  [500, "server-error", true],
  [503, "server-error", true],
  [599, "server-error", true],
];

const bodies: [how: string, lines: string[], wire: string[], isEnded?: boolean][] = [
  ["a length", ["Content-Length: 11"], ["not ", "tonight"]],
  ["a length, followed by more bytes", ["Content-Length: 11"], ["not tonight and not tomorrow"]],
  ["chunks", ["Transfer-Encoding: chunked"], ["4\r\nnot \r\n", "7;x=y\r\nton", "ight\r\n0\r\n\r\n"]],
  ["the end of the stream", [], ["not ", "tonight"], true],
  ["a length, with an early end of the stream", ["Content-Length: 500"], ["not tonight"], true],
  ["chunks, with an early end of the stream", ["Transfer-Encoding: chunked"], ["ff\r\nnot tonight"], true],
];

describe.each(statuses)("a status of %i", (statusCode, verdict, isRetryable) => {
  const hasBody = statusCode !== 204 && statusCode !== 304;

  it.each(bodies)(
    "with a body delimited by %s causes a HandshakeError",
    async (_how, lines, wire, isEnded) => {
      const dialled = await dial();
      const { peer, client } = dialled;
      const fields = ["X-Trace: 1", "Retry-After: 7", "x-trace: 2", ...lines];
      peer.send([`HTTP/1.1 ${statusCode} Whatever`, ...fields, "", ""].join("\r\n"));
      for (const piece of wire) peer.send(piece);
      if (isEnded === true) peer.end();
      const error = await handshakeErrorOf(dialled, verdict);
      expect(error).toMatchObject({ code: "UNEXPECTED_STATUS", statusCode });
      expect(error.headers.map(([name, value]) => `${name}: ${value}`)).toEqual(fields);
      expect(error.body.toString()).toBe(hasBody ? "not tonight" : "");
      expect(error.message).toContain(String(statusCode));
      const { report } = await client.event("closed");
      expect(report).toMatchObject({ statusCode, headers: error.headers, isRetryable });
    },
  );
});

describe("a rejected handshake", () => {
  it("reports the first 64 KiB of a body that never ends", async () => {
    const dialled = await dial();
    const { peer } = dialled;
    peer.send("HTTP/1.1 503 Busy\r\n\r\n");
    const more = (): void => {
      while (peer.socket.writable && peer.socket.write("x".repeat(10_000)));
    };
    peer.socket.on("drain", more);
    more();
    const error = await handshakeErrorOf(dialled, "server-error");
    expect(error.body).toHaveLength(64 * 1024);
  });

  it("does not wait for an empty body", async () => {
    const dialled = await dial();
    dialled.peer.send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");
    expect((await handshakeErrorOf(dialled, "auth")).body).toHaveLength(0);
  });

  it("may follow interim responses", async () => {
    const dialled = await dial();
    dialled.peer.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n");
    dialled.peer.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
    expect(await handshakeErrorOf(dialled, "auth")).toMatchObject({ statusCode: 403 });
  });

  it("is the result of endless interim responses", async () => {
    const dialled = await dial();
    dialled.peer.send("HTTP/1.1 102 Processing\r\n\r\n".repeat(20));
    const error = await handshakeErrorOf(dialled, "handshake-rejected");
    expect(error.code).toBe("TOO_MANY_INTERIM_RESPONSES");
  });

  it("reports the location of a redirect without its credentials and does not follow it", async () => {
    const elsewhere = await scene.listen();
    const dialled = await dial();
    dialled.peer.send(
      `HTTP/1.1 302 Found\r\nLocation: ws://user:secret@127.0.0.1:${elsewhere.port}/\r\nContent-Length: 0\r\n\r\n`,
    );
    const error = await handshakeErrorOf(dialled, "handshake-rejected");
    expect(error.message).toContain(`ws://127.0.0.1:${elsewhere.port}/`);
    expect(error.message).not.toContain("secret");
    expect(elsewhere.connectionCount).toBe(0);
  });

  it("allows another connect()", async () => {
    const server = await scene.listen();
    const client = scene.watch(server.url);
    const first = client.ws.connect();
    const refusing = await server.client();
    await refusing.request();
    refusing.send("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
    await expect(first).rejects.toMatchObject({ statusCode: 503 });
    const second = client.ws.connect();
    const peer = await server.client();
    await peer.accept({ followedBy: [textFrame("at last")] });
    await second;
    expect(await client.ws.recv()).toBe("at last");
    expect(client.story.filter((name) => name === "closed")).toHaveLength(1);
  });
});

const oversized: [name: string, head: string][] = [
  [
    "a header section over 16 KiB",
    `HTTP/1.1 101 Switching Protocols\r\n${`A: ${"x".repeat(1_000)}\r\n`.repeat(17)}`,
  ],
  ["one line over 16 KiB", `HTTP/1.1 101 Switching Protocols\r\nA: ${"x".repeat(17_000)}`],
  ["a status line over 16 KiB", `HTTP/1.1 200 ${"x".repeat(17_000)}`],
  ["101 fields", `HTTP/1.1 101 Switching Protocols\r\n${"A: b\r\n".repeat(101)}`],
  ["101 fields of a refusal", `HTTP/1.1 401 Unauthorized\r\n${"A: b\r\n".repeat(101)}\r\n`],
];

describe("a response with", () => {
  it.each(oversized)("%s causes a HandshakeError, and the socket is destroyed", async (_name, head) => {
    const dialled = await dial();
    dialled.peer.send(head);
    const error = await handshakeErrorOf(dialled, "handshake-rejected");
    expect(error.code).toBe("HEADERS_TOO_LARGE");
  });

  it("an endless header section in small pieces causes a HandshakeError", async () => {
    const dialled = await dial();
    const { peer } = dialled;
    peer.send("HTTP/1.1 101 Switching Protocols\r\nA: ");
    while (peer.socket.writable && dialled.client.ws.state === "connecting") {
      peer.send("x".repeat(100));
      await turns(1);
    }
    expect((await handshakeErrorOf(dialled, "handshake-rejected")).code).toBe("HEADERS_TOO_LARGE");
  });
});
