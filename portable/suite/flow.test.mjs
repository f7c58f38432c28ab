// Back-pressure in both directions, and the ways to receive.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { raw } from "jetsocket";
import { hold, next, rejection, sending, withClient } from "./support/client.mjs";
import { binary, close, text } from "./support/frames.mjs";
import { test } from "./support/test.mjs";

const count = (messages) => Array.from({ length: messages }, (_, index) => text(`m${index}`));

/** A server that reads nothing until `release` is called, and then counts the received bytes. */
function stalled() {
  let release;
  const released = new Promise((resolve) => (release = resolve));
  const script = async (peer) => {
    await peer.accept();
    peer.pause();
    await released;
    peer.resume();
    await peer.untilClose();
    peer.close(1000);
  };
  return { script, release };
}

test("send() waits while the server does not read", async () => {
  const { script, release } = stalled();
  await withClient(
    script,
    async (ws) => {
      await ws.connect();
      const chunk = Buffer.alloc(256 * 1024);
      let isDone = false;
      const all = (async () => {
        for (let index = 0; index < 64; index++) await ws.send(chunk, { compress: false });
        isDone = true;
      })();
      await new Promise((resolve) => setTimeout(resolve, 200));
      assert.equal(isDone, false);
      assert.ok(ws.bufferedAmount > 0);
      release();
      await all;
      await ws.close();
      assert.equal(ws.bufferedAmount, 0);
    },
    { compress: false },
  );
});

test("trySend() says whether the queue is full", async () => {
  const { script, release } = stalled();
  await withClient(
    script,
    async (ws) => {
      await ws.connect();
      const chunk = Buffer.alloc(256 * 1024);
      const results = new Set();
      for (let index = 0; index < 100; index++) {
        const result = ws.trySend(chunk);
        results.add(typeof result === "string" ? result : JSON.stringify(result));
      }
      assert.ok(results.size >= 2, [...results].join());
      const drained = next(ws, "drain");
      release();
      await drained;
    },
    { compress: false, maxBufferedAmount: 16 * 1024 * 1024 },
  );
});

test("flush() resolves when everything is written", async () => {
  await withClient(hold, async (ws) => {
    await ws.connect();
    void ws.send(Buffer.alloc(2_000_000), { compress: false });
    await ws.flush();
    assert.equal(ws.bufferedAmount, 0);
    await ws.close();
  });
});

test("a program that does not read stops the server", async () => {
  let written = 0;
  const script = async (peer) => {
    await peer.accept();
    const chunk = binary(Buffer.alloc(64 * 1024));
    for (let index = 0; index < 1_000; index++) peer.write(chunk);
    written = 1_000;
    await peer.untilClose();
  };
  await withClient(
    script,
    async (ws) => {
      const first = ws.recv();
      await ws.connect();
      assert.equal((await first).length, 65_536);
      await new Promise((resolve) => setTimeout(resolve, 300));
      const { payloadBytesReceived } = ws.stats();
      assert.ok(payloadBytesReceived < 40 * 1024 * 1024, String(payloadBytesReceived));
      for (let index = 1; index < 1_000; index++) await ws.recv();
      assert.equal(written, 1_000);
    },
    { buffer: 10 },
  );
});

for (const [overflow, expected] of [
  ["dropOldest", ["m7", "m8", "m9"]],
  ["dropNewest", ["m1", "m2", "m3"]],
]) {
  test(`buffer.overflow ${overflow} keeps three of nine messages`, async () => {
    await withClient(
      sending([Buffer.concat(count(10)), close(1000)]),
      async (ws) => {
        let dropped = 0;
        ws.on("dropped", () => dropped++);
        const closed = next(ws, "closed");
        const first = ws.recv();
        await ws.connect();
        assert.equal(await first, "m0");
        await closed;
        const kept = [];
        for await (const message of ws) kept.push(message);
        assert.deepEqual(kept, expected);
        assert.equal(dropped, 6);
      },
      { buffer: { capacity: 3, overflow } },
    );
  });
}

test("listeners get each message", async () => {
  await withClient(sending([...count(100), close(1000)]), async (ws) => {
    const messages = [];
    ws.on("message", ({ data }) => messages.push(data));
    const closed = next(ws, "closed");
    await ws.connect();
    await closed;
    assert.equal(messages.length, 100);
    assert.equal(messages[99], "m99");
  });
});

test("batches() gives arrays in order", async () => {
  await withClient(sending([Buffer.concat(count(500)), close(1000)]), async (ws) => {
    await ws.connect();
    const messages = [];
    for await (const batch of ws.batches()) messages.push(...batch);
    assert.equal(messages.length, 500);
    assert.equal(messages[499], "m499");
  });
});

test("recv({ match }) takes the first message that matches", async () => {
  await withClient(sending([...count(5)]), async (ws) => {
    await ws.connect();
    assert.equal(await ws.recv({ match: (message) => message === "m3" }), "m3");
    assert.equal(await ws.recv(), "m0");
  });
});

test("recv() with a timeout rejects", async () => {
  await withClient(hold, async (ws) => {
    await ws.connect();
    assert.equal((await rejection(ws.recv({ timeout: 30 }))).code, "TIMEOUT");
  });
});

test("recv() with a signal rejects with the reason", async () => {
  await withClient(hold, async (ws) => {
    await ws.connect();
    const controller = new AbortController();
    const receiving = rejection(ws.recv({ signal: controller.signal }));
    controller.abort(new Error("stop"));
    assert.match(String((await receiving).message), /stop/);
  });
});

test("raw delivers each text as a string", async () => {
  await withClient(
    sending([text('{"a":1}')]),
    async (ws) => {
      await ws.connect();
      assert.equal(await ws.recv(), '{"a":1}');
    },
    { ...raw },
  );
});

test("borrowed messages are views of the received bytes", async () => {
  await withClient(sending([binary("abc"), close(1000)]), async (ws) => {
    const seen = [];
    ws.on("rawMessage", ({ data }) => seen.push(Buffer.from(data).toString()), { borrowed: true });
    const closed = next(ws, "closed");
    await ws.connect();
    await closed;
    assert.deepEqual(seen, ["abc"]);
  });
});

test("stats() counts messages and bytes", async () => {
  await withClient(sending([...count(10)]), async (ws) => {
    await ws.connect();
    for (let index = 0; index < 10; index++) await ws.recv();
    await ws.send("x");
    await ws.flush();
    const stats = ws.stats();
    assert.equal(stats.messagesReceived, 10);
    assert.equal(stats.messagesSent, 1);
  });
});

test("100 clients in one process receive their own messages", async () => {
  const script = async (peer, number) => {
    await peer.accept();
    peer.write(text(`for ${number}`));
    await peer.untilClose();
  };
  await Promise.all(
    Array.from({ length: 100 }, () =>
      withClient(script, async (ws) => {
        await ws.connect();
        assert.equal(await ws.recv(), "for 1");
      }),
    ),
  );
});
