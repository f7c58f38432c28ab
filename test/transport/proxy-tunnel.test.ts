import type { Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseProxy, ProxyError } from "../../protocol/index.js";
import { Dialling, type Dialled } from "../support/dialling.js";

let dialling: Dialling;

beforeEach(() => {
  dialling = new Dialling();
});

afterEach(() => dialling.finish());

/** Dials through a proxy that treats each connection as `script` says. */
async function through(kind: "http" | "socks5", script: (socket: Socket) => void): Promise<Dialled> {
  const server = await dialling.listen();
  server.play((socket) => {
    socket.on("error", () => undefined).resume();
    script(socket);
  });
  const uri = parseProxy(`${kind}://user:pass@127.0.0.1:${server.port}`);
  return dialling.dial({ host: "feed.test", proxy: { uri, headers: [] } });
}

async function errorOf(kind: "http" | "socks5", script: (socket: Socket) => void): Promise<unknown> {
  const { handler } = await through(kind, script);
  await handler.untilCall("close");
  expect(handler.calls).toEqual(["proxy", "close"]);
  expect(handler.error).toBeInstanceOf(ProxyError);
  return handler.error;
}

const opening = "HTTP/1.1 200 OK\r\n\r\n";

describe("a hostile proxy", () => {
  it.each([
    ["data after its 200", "PROXY_EARLY_DATA", `${opening}x`],
    ["a head without an end", "PROXY_MALFORMED", `HTTP/1.1 200 OK\r\n${"a: b\r\n".repeat(5_000)}`],
    ["a line without an end", "PROXY_MALFORMED", "H".repeat(70_000)],
    ["an answer in another protocol", "PROXY_MALFORMED", "220 smtp.test ESMTP\r\n"],
    ["407", "PROXY_AUTHENTICATION", "HTTP/1.1 407 Again\r\n\r\n"],
    ["interim responses without an end", "PROXY_MALFORMED", "HTTP/1.1 100 x\r\n\r\n".repeat(100)],
  ])("may send %s", async (_what, code, answer) => {
    expect(await errorOf("http", (socket) => socket.write(answer))).toMatchObject({ code });
  });

  it.each(Array.from(opening.slice(0, -1), (_, index) => index))(
    "may end the connection after %i bytes of its answer",
    async (index) => {
      const error = await errorOf("http", (socket) => socket.end(opening.slice(0, index)));
      expect(error).toMatchObject({ code: "PROXY_CLOSED" });
    },
  );

  it.each(Array.from(opening.slice(0, -1), (_, index) => index))(
    "may reset the connection after %i bytes of its answer",
    async (index) => {
      const error = await errorOf("http", (socket) => {
        if (index === 0) socket.once("data", () => socket.resetAndDestroy());
        else socket.write(opening.slice(0, index), () => setImmediate(() => socket.resetAndDestroy()));
      });
      expect(error).toMatchObject({ code: "PROXY_CLOSED" });
    },
  );

  it.each([
    ...[[], [5]],
    ...[
      [5, 2],
      [5, 2, 1],
    ],
    ...Array.from({ length: 10 }, (_, index) => [5, 2, 1, 0, ...[5, 0, 0, 1, 0, 0, 0, 0, 0].slice(0, index)]),
  ])("may end a SOCKS5 handshake after %j", async (...sent: number[]) => {
    const answers = [sent.slice(0, 2), sent.slice(2, 4), sent.slice(4)];
    const error = await errorOf("socks5", (socket) => {
      socket.on("data", () => {
        const next = Buffer.from(answers.shift() ?? []);
        if (answers.length === 0 || next.length < 2) socket.end(next);
        else socket.write(next);
      });
    });
    expect((error as ProxyError).code).toBe("PROXY_CLOSED");
  });

  it("may send garbage in the tunnel, which reaches the client as data", async () => {
    const { handler } = await through("http", (socket) => {
      socket.once("data", () => {
        socket.write(opening);
        setImmediate(() => setTimeout(() => socket.end("garbage"), 10));
      });
    });
    await handler.untilCall("end");
    expect(handler.calls).toEqual(["proxy", "open", "data", "end"]);
    expect(handler.received).toBe("garbage");
  });

  it("may stay silent until the transport is destroyed", async () => {
    const { handler, transport } = await through("http", () => undefined);
    await handler.untilCall("proxy");
    await new Promise((resolve) => setTimeout(resolve, 20));
    transport.destroy();
    await handler.untilCall("close");
    expect(handler.error).toBeUndefined();
  });
});

it("a proxy that does not answer at its port is named, without credentials", async () => {
  const uri = parseProxy("http://user:secret@127.0.0.1:1");
  const { handler } = dialling.dial({ host: "feed.test", proxy: { uri, headers: [] } });
  await handler.untilCall("close");
  expect(handler.error).toMatchObject({
    code: "PROXY_UNREACHABLE",
    message: "The proxy http://127.0.0.1:1 could not be reached: connect ECONNREFUSED 127.0.0.1:1",
    cause: { code: "ECONNREFUSED" },
  });
});
