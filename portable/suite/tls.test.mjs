// TLS: certificates, details and resumption.
import assert from "node:assert/strict";
import { rejection, next, plain, withClient } from "./support/client.mjs";
import { text } from "./support/frames.mjs";
import { certificate } from "./support/server.mjs";
import { test } from "./support/test.mjs";

const ca = certificate.cert;
const secure = { isSecure: true };
const hold = async (peer) => {
  await peer.accept();
  peer.write(text("hello"));
  await peer.untilClose();
  peer.close(1000);
};

test("connects to a server with a known authority", async () => {
  await withClient(
    hold,
    async (ws) => {
      await ws.connect();
      assert.equal(await ws.recv(), "hello");
      await ws.close();
    },
    { tls: { ca } },
    secure,
  );
});

test("refuses a certificate of an unknown authority", async () => {
  await withClient(
    hold,
    async (ws) => {
      const error = await rejection(ws.connect());
      assert.equal(ws.lastReport.verdict, "tls");
      assert.ok(error instanceof Error);
    },
    {},
    secure,
  );
});

test("refuses a certificate for another name", async () => {
  await withClient(
    hold,
    async (ws) => {
      await rejection(ws.connect());
      assert.equal(ws.lastReport.verdict, "tls");
    },
    { tls: { ca, servername: "other.test" } },
    secure,
  );
});

test("connects with rejectUnauthorized: false", async () => {
  await withClient(
    hold,
    async (ws) => {
      await ws.connect();
      assert.equal(await ws.recv(), "hello");
    },
    { tls: { rejectUnauthorized: false } },
    secure,
  );
});

test("checkServerIdentity can refuse", async () => {
  await withClient(
    hold,
    async (ws) => {
      await rejection(ws.connect());
      assert.equal(ws.lastReport.verdict, "tls");
    },
    { tls: { ca, checkServerIdentity: () => new Error("wrong pin") } },
    secure,
  );
});

for (const version of ["TLSv1.2", "TLSv1.3"]) {
  test(`speaks ${version}, and reports it`, async () => {
    await withClient(
      hold,
      async (ws) => {
        const connected = next(ws, "connected");
        await ws.connect();
        const { tls } = await connected;
        assert.equal(tls.protocol, version);
        assert.equal(await ws.recv(), "hello");
      },
      { tls: { ca, minVersion: version, maxVersion: version } },
      secure,
    );
  });
}

test("connects again over TLS", async () => {
  const script = async (peer, number) => {
    await peer.accept();
    peer.write(text(`connection ${number}`));
    if (number === 1) {
      await peer.frame();
      peer.reset();
    } else await peer.untilClose();
  };
  await withClient(
    script,
    async (ws) => {
      await ws.connect();
      assert.equal(await ws.recv(), "connection 1");
      await ws.send("next");
      assert.equal(await ws.recv(), "connection 2");
    },
    { ...plain, tls: { ca }, reconnect: true, backoff: { floor: 1, base: 1, cap: 5 } },
    secure,
  );
});

test("a plain server on the port is reported", async () => {
  const script = async (peer) => {
    await peer.frame().catch(() => {});
  };
  const plainServer = async (peer) => {
    peer.write("HTTP/1.1 400 Bad Request\r\n\r\n");
    peer.end();
    await script(peer);
  };
  await withClient(plainServer, async (_ws, server) => {
    const { WebSocket } = await import("jetsocket");
    const ws = new WebSocket(server.url.replace("ws:", "wss:"), plain);
    await rejection(ws.connect());
    assert.equal(ws.lastReport.phase, "tls");
  });
});

test("a large message crosses TLS in both directions", async () => {
  const value = "0123456789abcdef".repeat(100_000);
  const script = async (peer) => {
    await peer.accept();
    const { payload } = await peer.frame();
    peer.write(text(payload));
    await peer.untilClose();
  };
  await withClient(
    script,
    async (ws) => {
      await ws.connect();
      await ws.send(value);
      assert.equal((await ws.recv()).length, value.length);
    },
    { tls: { ca }, compress: false },
    secure,
  );
});
