// The closing handshake, and the other ends of a connection (RFC 6455 7).
import assert from "node:assert/strict";
import { WebSocket } from "jetsocket";
import { next, plain, rejection, withClient } from "./support/client.mjs";
import { close, text } from "./support/frames.mjs";
import { serve } from "./support/server.mjs";
import { test } from "./support/test.mjs";

const echoClose = async (peer) => {
  await peer.accept();
  const closing = await peer.untilClose();
  peer.close(closing.code === 1005 ? undefined : closing.code, closing.reason);
};
const closeWith = (code, reason) => async (peer) => {
  await peer.accept();
  peer.close(code, reason);
};

for (const code of [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4999]) {
  test(`receives the close code ${code}`, async () => {
    await withClient(closeWith(code, "because"), async (ws) => {
      const closed = next(ws, "closed");
      await ws.connect();
      const { report } = await closed;
      assert.deepEqual(
        [report.codeReceived, report.reason, report.initiatedBy, report.wasClean],
        [code, "because", "peer", true],
      );
    });
  });
}

test("receives a Close frame without a code", async () => {
  await withClient(closeWith(undefined), async (ws) => {
    const closed = next(ws, "closed");
    await ws.connect();
    assert.equal((await closed).report.codeReceived, 1005);
  });
});

for (const [code, reason] of [
  [1000, ""],
  [3001, "r"],
  [4000, "é".repeat(61)],
]) {
  test(`close() sends ${code} and a reason of ${reason.length} characters`, async () => {
    let closing;
    const script = async (peer) => {
      await peer.accept();
      closing = await peer.untilClose();
      peer.close(closing.code, closing.reason);
    };
    await withClient(script, async (ws) => {
      await ws.connect();
      await ws.close(code, reason);
      assert.equal(ws.state, "closed");
      assert.deepEqual([ws.lastReport.codeSent, ws.lastReport.initiatedBy], [code, "us"]);
    });
    assert.deepEqual(closing, { code, reason });
  });
}

for (const [code, reason] of [
  [1005, ""],
  [999, ""],
  [1000, "x".repeat(124)],
]) {
  test(`close(${code}) with a reason of ${reason.length} bytes is refused`, async () => {
    await withClient(echoClose, async (ws) => {
      await ws.connect();
      const error = await rejection(Promise.resolve().then(() => ws.close(code, reason)));
      assert.ok(error instanceof Error);
      assert.equal(ws.state, "connected");
    });
  });
}

test("close() twice gives one end", async () => {
  await withClient(echoClose, async (ws) => {
    let ends = 0;
    ws.on("closed", () => ends++);
    await ws.connect();
    await Promise.all([ws.close(), ws.close()]);
    assert.equal(ends, 1);
  });
});

test("close() ends without an answer after closeTimeout", async () => {
  const script = async (peer) => {
    await peer.accept();
    await peer.untilEnd();
  };
  await withClient(
    script,
    async (ws) => {
      await ws.connect();
      await ws.close();
      assert.equal(ws.state, "closed");
      assert.equal(ws.lastReport.wasClean, false);
    },
    { closeTimeout: 100 },
  );
});

test("messages before the Close frame are delivered", async () => {
  const script = async (peer) => {
    await peer.accept();
    peer.write(text("a"), text("b"), close(1000));
    peer.end();
  };
  await withClient(script, async (ws) => {
    await ws.connect();
    const messages = [];
    for await (const message of ws) messages.push(message);
    assert.deepEqual(messages, ["a", "b"]);
  });
});

test("messages that were sent before close() arrive", async () => {
  const got = [];
  const script = async (peer) => {
    await peer.accept();
    for (let found = await peer.frame(); found.opcode === 1; found = await peer.frame())
      got.push(found.payload.toString());
    peer.close(1000);
  };
  await withClient(script, async (ws) => {
    await ws.connect();
    for (let index = 0; index < 100; index++) void ws.send(`m${index}`);
    await ws.close();
  });
  assert.equal(got.length, 100);
  assert.equal(got[99], "m99");
});

test("an end of the stream without a Close frame is reported", async () => {
  const script = async (peer) => {
    await peer.accept();
    peer.end();
  };
  await withClient(script, async (ws) => {
    const closed = next(ws, "closed");
    await ws.connect();
    const { report } = await closed;
    assert.equal(report.codeReceived, undefined);
    assert.equal(report.wasClean, false);
    assert.equal(report.phase, "open");
  });
});

test("a reset of the connection is reported", async () => {
  const script = async (peer) => {
    await peer.accept();
    await peer.frame();
    peer.reset();
  };
  await withClient(script, async (ws) => {
    const closed = next(ws, "closed");
    await ws.connect();
    await ws.send("now");
    const { report } = await closed;
    assert.equal(report.wasClean, false);
    assert.equal(report.phase, "open");
  });
});

test("terminate() ends at once", async () => {
  await withClient(echoClose, async (ws, server) => {
    await ws.connect();
    const closed = next(ws, "closed");
    ws.terminate();
    await closed;
    await server.peers[0].untilEnd();
    assert.equal(ws.state, "closed");
  });
});

test("an abort closes the client", async () => {
  const controller = new AbortController();
  await withClient(
    echoClose,
    async (ws) => {
      await ws.connect();
      const closed = next(ws, "closed");
      controller.abort();
      await closed;
      assert.equal(ws.state, "closed");
    },
    { signal: controller.signal },
  );
});

test("close() while connecting ends the attempt", async () => {
  const silent = async (peer) => {
    await peer.request();
    await peer.untilEnd();
  };
  await withClient(silent, async (ws) => {
    const connecting = rejection(ws.connect());
    await next(ws, "connecting");
    await ws.close();
    assert.ok((await connecting) instanceof Error);
    assert.equal(ws.state, "closed");
  });
});

test("send() after the end is refused", async () => {
  await withClient(echoClose, async (ws) => {
    await ws.connect();
    await ws.close();
    assert.equal((await rejection(ws.send("late"))).code, "INVALID_STATE");
  });
});

test("recv() after the end rejects with the reason", async () => {
  await withClient(closeWith(4001, "bye"), async (ws) => {
    await ws.connect();
    const error = await rejection(ws.recv());
    assert.ok(error instanceof Error);
  });
});

test("await using closes the client", async () => {
  const server = await serve(echoClose);
  const ws = new WebSocket(server.url, plain);
  await ws.connect();
  await ws[Symbol.asyncDispose]();
  assert.equal(ws.state, "closed");
  await server.close();
});
