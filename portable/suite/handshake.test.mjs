// The opening handshake (RFC 6455 4).
import assert from "node:assert/strict";
import { ConnectionError, HandshakeError, TimeoutError, WebSocket } from "jetsocket";
import { hold, next, plain, rejection, withClient } from "./support/client.mjs";
import { text } from "./support/frames.mjs";
import { serve } from "./support/server.mjs";
import { test } from "./support/test.mjs";

/** Connects to a server that answers with these lines, and returns the error. */
async function refused(...lines) {
  const script = async (peer) => {
    await peer.request();
    peer.write(`${lines.join("\r\n")}\r\n\r\n`);
    peer.end();
  };
  return withClient(script, (ws) => rejection(ws.connect()));
}

test("sends the fields of RFC 6455 4.1", async () => {
  await withClient(hold, async (ws, server) => {
    await ws.connect();
    const [peer] = server.peers;
    assert.match(peer.head, /^GET \/ HTTP\/1\.1\r\n/);
    assert.equal(peer.field("Host"), `127.0.0.1:${server.port}`);
    assert.equal(peer.field("Upgrade").toLowerCase(), "websocket");
    assert.equal(peer.field("Connection"), "Upgrade");
    assert.equal(peer.field("Sec-WebSocket-Version"), "13");
    assert.equal(atob(peer.field("Sec-WebSocket-Key")).length, 16);
    assert.match(peer.field("Sec-WebSocket-Extensions"), /^permessage-deflate/);
  });
});

test("sends path, query, user name and headers", async () => {
  const server = await serve(hold);
  const url = `ws://user:pass@127.0.0.1:${server.port}/a/b?c=d%20e`;
  const ws = new WebSocket(url, {
    ...plain,
    headers: new Headers({ "X-Key": "k" }),
    insecureCredentials: "allow",
  });
  await ws.connect();
  const [peer] = server.peers;
  assert.match(peer.head, /^GET \/a\/b\?c=d%20e HTTP\/1\.1\r\n/);
  assert.equal(peer.field("Authorization"), `Basic ${btoa("user:pass")}`);
  assert.equal(peer.field("X-Key"), "k");
  ws.terminate();
  await server.close();
});

test("offers subprotocols and reports the chosen one", async () => {
  const script = async (peer) => {
    await peer.accept("Sec-WebSocket-Protocol: b");
    await peer.untilClose();
  };
  await withClient(
    script,
    async (ws, server) => {
      await ws.connect();
      assert.equal(server.peers[0].field("Sec-WebSocket-Protocol"), "a, b");
      assert.equal(ws.subprotocol, "b");
    },
    { subprotocols: ["a", "b"] },
  );
});

test("calls functions for headers and subprotocols", async () => {
  await withClient(
    async (peer) => {
      await peer.accept("Sec-WebSocket-Protocol: p");
      await peer.untilClose();
    },
    async (ws, server) => {
      await ws.connect();
      assert.equal(server.peers[0].field("X-Attempt"), "1");
    },
    { headers: async ({ attempt }) => ({ "X-Attempt": String(attempt) }), subprotocols: () => "p" },
  );
});

test("messages in the chunk of the response are delivered", async () => {
  const script = async (peer) => {
    await peer.accept();
    peer.write(text("early"));
    await peer.untilClose();
  };
  await withClient(script, async (ws) => {
    await ws.connect();
    assert.equal(await ws.recv(), "early");
  });
});

test("a subprotocol that was not offered is refused", async () => {
  const script = async (peer) => {
    await peer.accept("Sec-WebSocket-Protocol: other");
    await peer.untilEnd();
  };
  await withClient(script, async (ws) => {
    assert.equal((await rejection(ws.connect())).code, "SUBPROTOCOL_MISMATCH");
  });
});

for (const status of [200, 301, 400, 401, 403, 404, 429, 500, 503]) {
  test(`the status ${status} is refused`, async () => {
    const error = await refused(`HTTP/1.1 ${status} Status`, "X-Reason: r", "Content-Length: 0");
    assert.ok(error instanceof HandshakeError);
    assert.deepEqual([error.code, error.statusCode], ["UNEXPECTED_STATUS", status]);
    assert.deepEqual([...error.headers[0]], ["X-Reason", "r"]);
  });
}

test("a wrong Sec-WebSocket-Accept is refused", async () => {
  const error = await refused(
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
  );
  assert.equal(error.code, "INVALID_ACCEPT");
});

test("a 101 without Upgrade is refused", async () => {
  const error = await refused("HTTP/1.1 101 Switching Protocols", "Connection: Upgrade");
  assert.equal(error.code, "INVALID_UPGRADE");
});

test("an answer that is not HTTP is refused", async () => {
  assert.equal((await refused("SSH-2.0-x")).code, "MALFORMED_RESPONSE");
});

test("an end of the stream instead of an answer is reported", async () => {
  const script = async (peer) => {
    await peer.request();
    peer.end();
  };
  await withClient(script, async (ws) => {
    assert.equal((await rejection(ws.connect())).code, "CONNECTION_ENDED");
  });
});

test("a server that does not answer causes a timeout", async () => {
  const script = async (peer) => {
    await peer.untilEnd();
  };
  await withClient(
    script,
    async (ws) => {
      assert.ok((await rejection(ws.connect())) instanceof TimeoutError);
    },
    { connectTimeout: 100 },
  );
});

test("a port without a server causes ECONNREFUSED", async () => {
  const server = await serve(hold);
  await server.close();
  const ws = new WebSocket(server.url, plain);
  const error = await rejection(ws.connect());
  assert.ok(error instanceof ConnectionError);
  assert.equal(error.code, "ECONNREFUSED");
});

test("a redirect is followed if followRedirects allows it", async () => {
  const script = async (peer, number) => {
    if (number === 2) return hold(peer);
    await peer.request();
    peer.write("HTTP/1.1 302 Found\r\nLocation: /moved\r\nContent-Length: 0\r\n\r\n");
  };
  await withClient(
    script,
    async (ws, server) => {
      await ws.connect();
      assert.match(server.peers[1].head, /^GET \/moved /);
    },
    { followRedirects: 1 },
  );
});

for (const [name, url, options] of [
  ["an http url without a host", "http://", {}],
  ["another scheme", "ftp://h", {}],
  ["an unknown option", "ws://h", { nonsense: true }],
  ["a subprotocol that is no token", "ws://h", { subprotocols: "a b" }],
  ["a header with a line break", "ws://h", { headers: { a: "b\r\nc" } }],
]) {
  test(`the constructor refuses ${name}`, () => {
    assert.throws(() => new WebSocket(url, options), TypeError);
  });
}

test("the events connecting and connected name url and extensions", async () => {
  await withClient(hold, async (ws, server) => {
    const connecting = next(ws, "connecting");
    const connected = next(ws, "connected");
    await ws.connect();
    assert.equal((await connecting).url, server.url);
    const { url, subprotocol, extensions } = await connected;
    assert.deepEqual([url, subprotocol, extensions], [server.url, "", ""]);
  });
});
