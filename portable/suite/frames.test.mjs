// Received and sent frames (RFC 6455 5).
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { next, sending, take, withClient } from "./support/client.mjs";
import { binary, close, frame, more, opcodes, ping, pong, text } from "./support/frames.mjs";
import { test } from "./support/test.mjs";

const lengths = [0, 1, 125, 126, 127, 65_535, 65_536];

/** The server sends these bytes after the handshake. The client returns its first messages. */
async function received(frames, count = 1) {
  return withClient(sending(frames), async (ws) => {
    await ws.connect();
    return take(ws, count);
  });
}

/** The server returns the first message that the client sends. */
async function sent(value, send = (ws) => ws.send(value)) {
  let got;
  const script = async (peer) => {
    await peer.accept();
    got = await peer.frame();
    peer.close(1000);
  };
  return withClient(script, async (ws) => {
    const closed = next(ws, "closed");
    await ws.connect();
    await send(ws);
    await closed;
    return got;
  });
}

for (const length of lengths) {
  test(`receives a text of ${length} bytes`, async () => {
    assert.deepEqual(await received([text("a".repeat(length))]), ["a".repeat(length)]);
  });

  test(`receives ${length} binary bytes`, async () => {
    const payload = Buffer.from(Array.from({ length }, (_, index) => index % 251));
    const [message] = await received([binary(payload)]);
    assert.ok(Buffer.isBuffer(message));
    assert.ok(message.equals(payload));
  });

  test(`sends a text of ${length} bytes`, async () => {
    const { opcode, isFinal, isMasked, payload } = await sent("b".repeat(length));
    assert.deepEqual([opcode, isFinal, isMasked], [opcodes.text, true, true]);
    assert.equal(payload.toString(), "b".repeat(length));
  });

  test(`sends ${length} binary bytes`, async () => {
    const bytes = Buffer.from(Array.from({ length }, (_, index) => (index * 7) % 256));
    const { opcode, payload } = await sent(bytes);
    assert.equal(opcode, opcodes.binary);
    assert.ok(payload.equals(bytes));
  });
}

test("receives a text with characters of one to four bytes", async () => {
  assert.deepEqual(await received([text("aé€😀")]), ["aé€😀"]);
});

test("receives a long text with characters of three bytes", async () => {
  const value = "€".repeat(50_000);
  assert.deepEqual(await received([text(value)]), [value]);
});

test("sends a text with characters of one to four bytes", async () => {
  assert.equal((await sent("aé€😀")).payload.toString(), "aé€😀");
});

test("sends an object as JSON, and parses received JSON", async () => {
  assert.deepEqual(JSON.parse((await sent({ a: [1, "é"] })).payload), { a: [1, "é"] });
  assert.deepEqual(await received([text('{"a":[1,"é"]}')]), [{ a: [1, "é"] }]);
});

test("sends an ArrayBuffer, a view of an array and a Blob as binary messages", async () => {
  assert.deepEqual([...(await sent(new Uint8Array([1, 2, 3]).buffer)).payload], [1, 2, 3]);
  assert.deepEqual([...(await sent(new Uint16Array([258]))).payload], [2, 1]);
  const blob = new Blob([Buffer.of(4, 5)]);
  assert.deepEqual([...(await sent(blob, (ws) => ws.sendRaw(blob))).payload], [4, 5]);
});

for (const size of [1, 2, 3, 7]) {
  test(`receives frames in chunks of ${size} bytes`, async () => {
    const bytes = Buffer.concat([text("hello"), binary(Buffer.alloc(200, 1)), text("é€😀")]);
    const script = async (peer) => {
      await peer.accept();
      for (let at = 0; at < bytes.length; at += size) {
        peer.write(bytes.subarray(at, at + size));
        await new Promise((resolve) => setImmediate(resolve));
      }
      await peer.untilClose();
    };
    await withClient(script, async (ws) => {
      await ws.connect();
      assert.equal(await ws.recv(), "hello");
      assert.equal((await ws.recv()).length, 200);
      assert.equal(await ws.recv(), "é€😀");
    });
  });
}

test("receives many messages in one chunk in their order", async () => {
  const values = Array.from({ length: 900 }, (_, index) => `message ${index}`);
  assert.deepEqual(await received([Buffer.concat(values.map((value) => text(value)))], 900), values);
});

test("joins the fragments of a message", async () => {
  const bytes = [text("ab", { isFinal: false }), more("cd", { isFinal: false }), more("ef")];
  assert.deepEqual(await received(bytes), ["abcdef"]);
});

test("joins empty fragments", async () => {
  const bytes = [binary("", { isFinal: false }), more("", { isFinal: false }), more("x"), text("next")];
  const messages = await received(bytes, 2);
  assert.deepEqual([...messages[0]], [120]);
  assert.equal(messages[1], "next");
});

test("joins a character that two fragments share", async () => {
  const bytes = Buffer.from("€");
  assert.deepEqual(
    await received([text(bytes.subarray(0, 1), { isFinal: false }), more(bytes.subarray(1))]),
    ["€"],
  );
});

test("receives a ping between two fragments", async () => {
  let answer;
  const script = async (peer) => {
    await peer.accept();
    peer.write(text("a", { isFinal: false }), ping("p"), more("b"));
    answer = await peer.frame();
    peer.close(1000);
  };
  await withClient(script, async (ws) => {
    await ws.connect();
    assert.equal(await ws.recv(), "ab");
    await next(ws, "closed");
  });
  assert.deepEqual([answer.opcode, answer.payload.toString()], [opcodes.pong, "p"]);
});

for (const size of [0, 1, 125]) {
  test(`answers a ping of ${size} bytes`, async () => {
    let answer;
    const script = async (peer) => {
      await peer.accept();
      peer.write(ping("p".repeat(size)));
      answer = await peer.frame();
      peer.close(1000);
    };
    await withClient(script, async (ws) => {
      const closed = next(ws, "closed");
      await ws.connect();
      await closed;
    });
    assert.equal(answer.opcode, opcodes.pong);
    assert.equal(answer.payload.toString(), "p".repeat(size));
  });
}

test("ignores a pong that answers no ping", async () => {
  assert.deepEqual(await received([pong("?"), text("next")]), ["next"]);
});

const invalid = [
  ["RSV1 without an extension", text("a", { rsv: 0x40 }), 1002],
  ["RSV2", text("a", { rsv: 0x20 }), 1002],
  ["RSV3", binary("a", { rsv: 0x10 }), 1002],
  ...[3, 7, 11, 15].map((opcode) => [`the opcode ${opcode}`, frame(opcode, "a"), 1002]),
  ["a masked frame", text("a", { mask: true }), 1002],
  ["a fragmented ping", ping("a", { isFinal: false }), 1002],
  ["a ping of 126 bytes", ping("a".repeat(126)), 1002],
  ["a Close frame of 126 bytes", frame(opcodes.close, Buffer.alloc(126, 0x03)), 1002],
  ["a continuation without a start", more("a"), 1002],
  ["a text within a fragmented text", Buffer.concat([text("a", { isFinal: false }), text("b")]), 1002],
  ["a length with the highest bit", text("", { length: 1n << 63n }), 1002],
  ["a length in 16 bits that fits into 7", text("a", { lengthBits: 16 }), 1002],
  ["a length in 64 bits that fits into 16", text("a".repeat(126), { lengthBits: 64 }), 1002],
  ["a Close frame of one byte", frame(opcodes.close, Buffer.of(3)), 1002],
  ...[0, 999, 1004, 1005, 1006, 1015, 2999, 5000].map((code) => [
    `the close code ${code}`,
    close(code),
    1002,
  ]),
  ["a close reason that is not UTF-8", frame(opcodes.close, Buffer.of(3, 0xe8, 0xff)), 1007],
  ["the byte 0xff in a text", text(Buffer.of(97, 0xff)), 1007],
  ["a text that ends within a character", text(Buffer.of(0xe2, 0x82)), 1007],
  ["an overlong form of a slash", text(Buffer.of(0xc0, 0xaf)), 1007],
  ["a surrogate in UTF-8", text(Buffer.of(0xed, 0xa0, 0x80)), 1007],
  ["a character above U+10FFFF", text(Buffer.of(0xf4, 0x90, 0x80, 0x80)), 1007],
  ["a message above maxMessageSize", binary(Buffer.alloc(1_001)), 1009],
];

for (const [name, bytes, code] of invalid) {
  test(`closes with ${code} after ${name}`, async () => {
    let closing;
    const script = async (peer) => {
      await peer.accept();
      peer.write(text("before"), bytes);
      closing = await peer.untilClose();
      peer.end();
    };
    await withClient(
      script,
      async (ws) => {
        const closed = next(ws, "closed");
        await ws.connect();
        assert.equal(await ws.recv(), "before");
        const { report } = await closed;
        assert.equal(report.codeSent, code);
        assert.equal(report.wasClean, false);
      },
      { maxMessageSize: 1_000 },
    );
    assert.equal(closing.code, code);
  });
}
