// permessage-deflate (RFC 7692), with the zlib of the runtime at the server.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import zlib from "node:zlib";
import { next, rejection, sending, take, withClient } from "./support/client.mjs";
import { binary, more, opcodes, text } from "./support/frames.mjs";
import { test } from "./support/test.mjs";

const flush = { finishFlush: zlib.constants.Z_SYNC_FLUSH };
const rsv1 = { rsv: 0x40 };

function deflate(data, options = {}) {
  return zlib.deflateRawSync(Buffer.from(data), { ...flush, ...options }).subarray(0, -4);
}

function inflate(data) {
  return zlib.inflateRawSync(Buffer.concat([data, Buffer.of(0, 0, 0xff, 0xff)]), flush);
}

const deflateField = (answer) => `Sec-WebSocket-Extensions: ${answer}`;

/** The server accepts compression and sends these frames. The client returns its first messages. */
async function received(frames, count) {
  const answer = "permessage-deflate";
  return withClient(sending(frames, deflateField(answer)), async (ws) => {
    await ws.connect();
    assert.equal(ws.extensions, answer);
    return take(ws, count);
  });
}

for (const size of [0, 1, 100, 1_000, 20_000, 200_000]) {
  test(`inflates a text of ${size} bytes`, async () => {
    const value = "abcdefghij".repeat(Math.ceil(size / 10)).slice(0, size);
    assert.deepEqual(await received([text(deflate(value), rsv1)], 1), [value]);
  });

  test(`inflates ${size} bytes that hardly compress`, async () => {
    let state = 1;
    const bytes = Buffer.from(
      Array.from({ length: size }, () => (state = (state * 48_271) % 2_147_483_647) & 255),
    );
    const [message] = await received([binary(deflate(bytes), rsv1)], 1);
    assert.ok(message.equals(bytes));
  });

  test(`deflates a text of ${size} bytes if it is long enough`, async () => {
    const value = '{"price":1.25}'.repeat(Math.ceil(size / 14)).slice(0, size);
    let got;
    const script = async (peer) => {
      await peer.accept("Sec-WebSocket-Extensions: permessage-deflate");
      got = await peer.frame();
      peer.close(1000);
    };
    await withClient(script, async (ws) => {
      const closed = next(ws, "closed");
      await ws.connect();
      await ws.send(value);
      await closed;
    });
    assert.equal(got.rsv, size >= 128 ? 0x40 : 0);
    const payload = got.rsv === 0 ? got.payload : inflate(got.payload);
    assert.equal(payload.toString(), value);
  });
}

test("inflates messages that refer to earlier messages", async () => {
  const stream = zlib.createDeflateRaw();
  const chunks = [];
  stream.on("data", (chunk) => chunks.push(chunk));
  const frames = [];
  for (let index = 0; index < 50; index++) {
    stream.write(`message ${index} with the same words as the others`);
    await new Promise((resolve) => stream.flush(zlib.constants.Z_SYNC_FLUSH, resolve));
    frames.push(text(Buffer.concat(chunks.splice(0)).subarray(0, -4), rsv1));
  }
  const messages = await received(frames, 50);
  assert.equal(messages[49], "message 49 with the same words as the others");
});

test("inflates a fragmented message", async () => {
  const bytes = deflate("a fragmented and compressed text");
  const frames = [text(bytes.subarray(0, 5), { ...rsv1, isFinal: false }), more(bytes.subarray(5))];
  assert.deepEqual(await received(frames, 1), ["a fragmented and compressed text"]);
});

test("receives compressed and uncompressed messages", async () => {
  assert.deepEqual(await received([text("plain"), text(deflate("small"), rsv1), text("again")], 3), [
    "plain",
    "small",
    "again",
  ]);
});

test("inflates a message that ends with a final block", async () => {
  assert.deepEqual(await received([text(zlib.deflateRawSync(Buffer.from("final")), rsv1), text("x")], 2), [
    "final",
    "x",
  ]);
});

for (const answer of [
  "permessage-deflate; server_no_context_takeover",
  "permessage-deflate; client_no_context_takeover",
  "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
  "permessage-deflate; client_max_window_bits=9",
]) {
  test(`sends and receives with ${answer}`, async () => {
    const values = Array.from({ length: 5 }, (_, index) => `${index} `.repeat(200));
    const got = [];
    const script = async (peer) => {
      await peer.accept(deflateField(answer));
      const inflater = zlib.createInflateRaw();
      inflater.on("data", (chunk) => got.push(chunk));
      for (let index = 0; index < values.length; index++) {
        const { payload } = await peer.frame();
        if (answer.includes("client_no")) got.push(inflate(payload));
        else inflater.write(Buffer.concat([payload, Buffer.of(0, 0, 0xff, 0xff)]));
        peer.write(text(deflate(values[index]), rsv1));
      }
      await peer.untilClose();
      if (!answer.includes("client_no")) await new Promise((resolve) => inflater.flush(resolve));
      peer.close(1000);
    };
    await withClient(script, async (ws) => {
      await ws.connect();
      for (const value of values) {
        await ws.send(value);
        assert.equal(await ws.recv(), value);
      }
      await ws.close();
    });
    assert.equal(Buffer.concat(got).toString(), values.join(""));
  });
}

test("compress: false offers nothing", async () => {
  const script = async (peer) => {
    await peer.accept();
    await peer.untilClose();
  };
  await withClient(
    script,
    async (ws, server) => {
      await ws.connect();
      assert.equal(server.peers[0].field("Sec-WebSocket-Extensions"), undefined);
      assert.equal(ws.extensions, "");
    },
    { compress: false },
  );
});

test("an answer with an unknown parameter is refused", async () => {
  const script = async (peer) => {
    await peer.accept("Sec-WebSocket-Extensions: permessage-deflate; nonsense");
    await peer.untilEnd();
  };
  await withClient(script, async (ws) => {
    assert.equal((await rejection(ws.connect())).code, "EXTENSION_MISMATCH");
  });
});

for (const [name, payload, code] of [
  ["data that is not DEFLATE", Buffer.of(0xff, 0xff, 0xff, 0xff), 1007],
  ["data that ends within a block", deflate("a text that is cut off").subarray(0, 6), 1007],
  ["text that is not UTF-8 after inflating", deflate(Buffer.of(0xff, 0xfe)), 1007],
  ["a bomb", deflate(Buffer.alloc(3_000_000)), 1009],
]) {
  test(`closes with ${code} after ${name}`, async () => {
    const script = async (peer) => {
      await peer.accept("Sec-WebSocket-Extensions: permessage-deflate");
      peer.write(text(payload, rsv1));
      await peer.untilClose();
      peer.end();
    };
    await withClient(
      script,
      async (ws) => {
        const closed = next(ws, "closed");
        await ws.connect();
        assert.equal((await closed).report.codeSent, code);
      },
      { maxMessageSize: 1_000_000 },
    );
  });
}

test("compress can be chosen for one message", async () => {
  const got = [];
  const script = async (peer) => {
    await peer.accept("Sec-WebSocket-Extensions: permessage-deflate");
    for (let count = 0; count < 2; count++) got.push(await peer.frame());
    peer.close(1000);
  };
  await withClient(script, async (ws) => {
    const closed = next(ws, "closed");
    await ws.connect();
    await ws.send("x".repeat(1_000), { compress: false });
    await ws.send("short", { compress: true });
    await closed;
  });
  assert.deepEqual(
    got.map(({ rsv, opcode }) => [rsv, opcode]),
    [
      [0, opcodes.text],
      [0x40, opcodes.text],
    ],
  );
});
