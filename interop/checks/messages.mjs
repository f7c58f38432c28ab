// Checks of text, binary, fragmented and many messages, without compression.
import { deepStrictEqual as same, ok, strictEqual as equal } from "node:assert";
import { patternBytes, phraseText, textOfSize, tradeText } from "../payloads.mjs";
import { eventOf } from "../check-context.mjs";

const receiveTimeout = 5_000;
const mebibyte = 1024 * 1024;

/** Connects without compression, so that the payload bytes are sent unchanged. */
const plain = { to: "plainPort" };

export const messageChecks = [
  { name: "text", run: (context) => echoTexts(context, ["plain", phraseText(9), "x", ""]) },
  { name: "binary", run: (context) => echoBinary(context, [0, 1, 125, 126, 127, 65_535, 65_536]) },
  { name: "JSON by default", run: echoValues },
  { name: "text of 1 MiB", run: (context) => echoTexts(context, [textOfSize(mebibyte)]) },
  { name: "binary of 1 MiB", run: (context) => echoBinary(context, [mebibyte]) },
  {
    name: "text in fragments with a ping between them",
    run: (context) => receiveFragments(context, "text", 20),
  },
  {
    name: "binary in fragments with a ping between them",
    run: (context) => receiveFragments(context, "binary", 300_000),
  },
  { name: "2,000 messages at once, for await", run: receiveBurst },
];

async function echoTexts(context, texts) {
  const { ws } = await context.openRaw("/echo", plain);
  for (const text of texts) {
    await ws.sendRaw(text);
    equal(await ws.recv({ timeout: receiveTimeout }), text);
  }
}

async function echoBinary(context, sizes) {
  const { ws } = await context.openRaw("/echo", plain);
  for (const size of sizes) {
    const bytes = patternBytes(size);
    await ws.sendRaw(bytes);
    const received = await ws.recv({ timeout: receiveTimeout });
    ok(Buffer.isBuffer(received), `a Buffer is expected, ${typeof received} came`);
    ok(received.equals(bytes), `${size} bytes came back changed, ${received.length} of them`);
  }
}

async function echoValues(context) {
  const { ws } = await context.open("/echo", plain);
  const value = {
    type: "subscribe",
    channels: ["trades", "books"],
    note: phraseText(2),
    limit: 10.5,
    since: null,
  };
  await ws.send(value);
  same(await ws.recv({ timeout: receiveTimeout }), value);
}

async function receiveFragments(context, kind, count) {
  const connection = await context.client("/fragments", {
    ...plain,
    query: { kind, count, parts: 7 },
    client: { deserializer: (data) => data },
  });
  const ping = eventOf(connection.ws, "ping");
  await connection.ws.connect();
  const received = await connection.ws.recv({ timeout: receiveTimeout });
  if (kind === "text") equal(received, phraseText(count));
  else ok(received.equals(patternBytes(count)), "the received message differs from the sent one");
  equal(String((await ping).payload), "between");
}

async function receiveBurst(context) {
  const count = 2_000;
  const { ws } = await context.open("/burst", { ...plain, query: { count } });
  let sequence = 0;
  for await (const trade of ws) {
    same(trade, JSON.parse(tradeText(sequence)));
    if (++sequence === count) break;
  }
  equal(sequence, count);
}
