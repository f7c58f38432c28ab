// Reconnecting, the outbox, the heartbeat and replay, with real timers.
import assert from "node:assert/strict";
import { hold, next, plain, rejection, withClient } from "./support/client.mjs";
import { opcodes, ping, pong, text } from "./support/frames.mjs";
import { test } from "./support/test.mjs";

const fast = { ...plain, reconnect: true, backoff: { floor: 1, base: 1, cap: 5 } };

for (const [name, end] of [
  ["a reset", (peer) => peer.reset()],
  ["an end of the stream", (peer) => peer.end()],
  ["a Close frame with 1001", (peer) => peer.close(1001)],
  ["a Close frame with 1000", (peer) => peer.close(1000)],
  [
    "invalid bytes",
    (peer) => {
      peer.write(new Uint8Array([0xff]));
      peer.end();
    },
  ],
]) {
  test(`connects again after ${name}`, async () => {
    const script = async (peer, number) => {
      await peer.accept();
      peer.write(text(`connection ${number}`));
      if (number < 3) {
        await peer.frame();
        end(peer);
      } else await peer.untilClose();
    };
    await withClient(
      script,
      async (ws) => {
        const losses = [];
        ws.on("disconnected", ({ report }) => losses.push(report.verdict));
        await ws.connect();
        const messages = [];
        for await (const message of ws) {
          messages.push(message);
          if (messages.length === 3) break;
          await ws.send("next").catch(() => {});
        }
        assert.deepEqual(messages, ["connection 1", "connection 2", "connection 3"]);
        assert.equal(losses.length, 2);
      },
      fast,
    );
  });
}

/** A server that resets the first connection. */
async function resetFirst(peer, number) {
  await peer.accept();
  if (number === 1) peer.reset();
  else await peer.untilClose();
}

test("reconnected has the attempt and the downtime", async () => {
  await withClient(
    resetFirst,
    async (ws) => {
      const again = next(ws, "reconnected");
      await ws.connect();
      const { attempt, downtimeMs } = await again;
      assert.equal(attempt, 1);
      assert.ok(downtimeMs >= 0);
    },
    fast,
  );
});

test("onConnection runs on each connection", async () => {
  const got = [];
  const script = async (peer, number) => {
    await peer.accept();
    got.push((await peer.frame()).payload.toString());
    if (number === 1) peer.reset();
    else {
      peer.write(text("done"));
      await peer.untilClose();
    }
  };
  await withClient(
    script,
    async (ws) => {
      await ws.connect();
      assert.equal(await ws.recv(), "done");
    },
    { ...fast, onConnection: (connection) => connection.send("subscribe") },
  );
  assert.deepEqual(got, ["subscribe", "subscribe"]);
});

test("onConnection can wait for an answer", async () => {
  const script = async (peer) => {
    await peer.accept();
    await peer.frame();
    peer.write(text("ok"), text("first"));
    await peer.untilClose();
  };
  await withClient(
    script,
    async (ws) => {
      await ws.connect();
      assert.equal(await ws.recv(), "first");
    },
    {
      ...fast,
      onConnection: async (connection) => {
        await connection.send("login");
        assert.equal(await connection.recv(), "ok");
      },
    },
  );
});

test("headers are requested for each attempt", async () => {
  let calls = 0;
  await withClient(
    resetFirst,
    async (ws, server) => {
      const again = next(ws, "reconnected");
      await ws.connect();
      await again;
      assert.deepEqual(
        server.peers.map((peer) => peer.field("X-Token")),
        ["t1", "t2"],
      );
    },
    { ...fast, headers: () => ({ "X-Token": `t${++calls}` }) },
  );
});

for (const status of [401, 404]) {
  test(`the status ${status} of the first attempt is fatal`, async () => {
    const script = async (peer) => {
      await peer.request();
      peer.write(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\n\r\n`);
      peer.end();
    };
    await withClient(
      script,
      async (ws) => {
        assert.equal((await rejection(ws.connect())).statusCode, status);
        assert.equal(ws.state, "failed");
      },
      fast,
    );
  });
}

test("retryInitial retries the first attempt", async () => {
  const script = async (peer, number) => {
    if (number < 3) return peer.reset();
    return hold(peer);
  };
  await withClient(
    script,
    async (ws) => {
      await ws.connect();
      assert.equal(ws.state, "connected");
    },
    { ...fast, retryInitial: true },
  );
});

test("maxAttempts ends the client", async () => {
  const script = async (peer, number) => {
    if (number > 1) return peer.reset();
    await peer.accept();
    peer.reset();
  };
  await withClient(
    script,
    async (ws) => {
      const closed = next(ws, "closed");
      await ws.connect();
      await closed;
      assert.equal(ws.state, "failed");
    },
    { ...fast, backoff: { ...fast.backoff, maxAttempts: 3 } },
  );
});

test("shouldReconnect decides", async () => {
  const script = async (peer) => {
    await peer.accept();
    peer.close(4000);
  };
  await withClient(
    script,
    async (ws) => {
      const closed = next(ws, "closed");
      await ws.connect();
      assert.equal((await closed).report.codeReceived, 4000);
    },
    { ...fast, shouldReconnect: (report) => report.codeReceived !== 4000 },
  );
});

test("reconnect() replaces the connection", async () => {
  await withClient(
    hold,
    async (ws, server) => {
      await ws.connect();
      await ws.reconnect();
      assert.equal(server.peers.length, 2);
      assert.equal(ws.state, "connected");
    },
    fast,
  );
});

test("rotate() replaces the connection", async () => {
  await withClient(
    hold,
    async (ws, server) => {
      await ws.connect();
      await ws.rotate();
      assert.equal(server.peers.length, 2);
    },
    fast,
  );
});

test("the outbox keeps messages while there is no connection", async () => {
  const got = [];
  const script = async (peer, number) => {
    await peer.accept();
    if (number === 1) return peer.reset();
    while (got.length < 3) got.push((await peer.frame()).payload.toString());
    peer.write(text("all"));
    await peer.untilClose();
  };
  await withClient(
    script,
    async (ws) => {
      const lost = next(ws, "disconnected");
      await ws.connect();
      await lost;
      for (const value of ["a", "b", "c"]) await ws.send(value);
      assert.equal(await ws.recv(), "all");
    },
    { ...fast, outbox: 10 },
  );
  assert.deepEqual(got, ["a", "b", "c"]);
});

test("unacknowledged messages are sent again", async () => {
  const got = [];
  const script = async (peer, number) => {
    await peer.accept();
    got.push(JSON.parse((await peer.frame()).payload).id);
    if (number === 1) return peer.reset();
    peer.write(text('{"ack":7}'));
    await peer.untilClose();
  };
  await withClient(
    script,
    async (ws) => {
      await ws.connect();
      await ws.send({ id: 7 });
      assert.deepEqual(await ws.recv(), { ack: 7 });
    },
    { ...fast, outbox: { capacity: 10, idOf: ({ id }) => id, acknowledges: ({ ack }) => ack } },
  );
  assert.deepEqual(got, [7, 7]);
});

test("ping() measures a round trip", async () => {
  const script = async (peer) => {
    await peer.accept();
    const { opcode, payload } = await peer.frame();
    assert.equal(opcode, opcodes.ping);
    peer.write(pong(payload));
    await peer.untilClose();
  };
  await withClient(script, async (ws) => {
    await ws.connect();
    const ms = await ws.ping();
    assert.ok(ms >= 0 && ms < 5_000);
  });
});

test("the heartbeat sends pings", async () => {
  let pings = 0;
  const script = async (peer) => {
    await peer.accept();
    while (pings < 3) {
      const { opcode, payload } = await peer.frame();
      if (opcode === opcodes.ping) pings++;
      peer.write(pong(payload));
    }
    peer.write(text("three"));
    await peer.untilClose();
  };
  await withClient(
    script,
    async (ws) => {
      await ws.connect();
      assert.equal(await ws.recv(), "three");
    },
    { heartbeat: { interval: 20, timeout: 5_000 } },
  );
  assert.equal(pings, 3);
});

test("the heartbeat ends a dead connection, and the client connects again", async () => {
  const script = async (peer, number) => {
    await peer.accept();
    if (number === 1) return peer.untilEnd();
    return hold(peer);
  };
  await withClient(
    script,
    async (ws) => {
      const lost = next(ws, "disconnected");
      const again = next(ws, "reconnected");
      await ws.connect();
      assert.equal((await lost).report.verdict, "heartbeat-timeout");
      await again;
    },
    { ...fast, heartbeat: { interval: 20, timeout: 50 } },
  );
});

test("application pings are answered by messages that are not delivered", async () => {
  const script = async (peer) => {
    await peer.accept();
    for (let count = 0; count < 3; count++) {
      await peer.frame();
      peer.write(text('{"op":"pong"}'));
    }
    peer.write(text("data"));
    await peer.untilClose();
  };
  await withClient(
    script,
    async (ws) => {
      await ws.connect();
      assert.equal(await ws.recv(), "data");
    },
    {
      heartbeat: {
        interval: 20,
        timeout: 5_000,
        ping: () => ({ op: "ping" }),
        isPong: (m) => m?.op === "pong",
      },
    },
  );
});

test("pings of the server keep arriving while the client sends", async () => {
  let pongs = 0;
  const script = async (peer) => {
    await peer.accept();
    for (let count = 0; count < 10; count++) peer.write(ping(String(count)));
    while (pongs < 10) if ((await peer.frame()).opcode === opcodes.pong) pongs++;
    peer.close(1000);
  };
  await withClient(script, async (ws) => {
    const closed = next(ws, "closed");
    await ws.connect();
    for (let count = 0; count < 100; count++) void ws.send("x".repeat(1_000)).catch(() => {});
    await closed;
  });
  assert.equal(pongs, 10);
});

const sequence = ({ id }) => id;
const numbered = (...ids) => ids.map((id) => text(JSON.stringify({ id })));

/** Connects and receives numbered messages up to `last`. After `middle`, asks the server to go on. */
async function idsUntil(ws, middle, last) {
  await ws.connect();
  const ids = [];
  for await (const { id } of ws) {
    ids.push(id);
    if (id === middle) await ws.send("next");
    if (id === last) break;
  }
  return ids;
}

test("replay removes duplicates across connections", async () => {
  const script = async (peer, number) => {
    await peer.accept();
    if (number === 1) {
      peer.write(...numbered(1, 2, 2, 3));
      await peer.frame();
      peer.reset();
    } else {
      peer.write(...numbered(2, 3, 4));
      await peer.untilClose();
    }
  };
  await withClient(
    script,
    async (ws) => {
      const ids = await idsUntil(ws, 3, 4);
      assert.deepEqual(ids, [1, 2, 3, 4]);
      assert.deepEqual(ws.cursors(), { default: { sequence: 4 } });
    },
    { ...fast, replay: { sequence } },
  );
});

test("replay requests missing messages and puts them in order", async () => {
  const script = async (peer, number) => {
    await peer.accept();
    if (number === 1) {
      peer.write(...numbered(1, 2));
      await peer.frame();
      return peer.reset();
    }
    const { after } = JSON.parse((await peer.frame()).payload);
    peer.write(...numbered(5), text(JSON.stringify({ missed: [after + 1, after + 2] })));
    await peer.untilClose();
  };
  await withClient(
    script,
    async (ws) => {
      const ids = await idsUntil(ws, 2, 5);
      assert.deepEqual(ids, [1, 2, 3, 4, 5]);
    },
    {
      ...fast,
      replay: {
        sequence,
        onReplay: async (cursors, connection) => {
          if (cursors.default === undefined) return [];
          await connection.send({ after: cursors.default.sequence });
          const { missed } = await connection.recv({ match: (message) => "missed" in message });
          return missed.map((id) => ({ id }));
        },
      },
    },
  );
});

test("a gap that cannot be filled is reported", async () => {
  const script = async (peer) => {
    await peer.accept();
    peer.write(...numbered(1, 2, 5));
    await peer.untilClose();
  };
  await withClient(
    script,
    async (ws) => {
      const gap = next(ws, "gap");
      await ws.connect();
      void ws.recv();
      const { expected, received } = await gap;
      assert.deepEqual([expected, received], [3, 5]);
    },
    { ...fast, replay: { sequence } },
  );
});
