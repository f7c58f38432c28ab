// Checks of permessage-deflate. They measure the bytes on the wire to detect whether messages are compressed.
import { equal as alike, match, ok, strictEqual as equal } from "node:assert";
import { phraseText, textOfSize, tradeText } from "../payloads.mjs";

const receiveTimeout = 5_000;
const mebibyte = 1024 * 1024;
const count = 500;
/** A message has 196 bytes, about 155 if compressed alone, and far fewer with the context of earlier messages. */
const mostBytesWithContext = 60 * count;
const leastBytesWithoutContext = 100 * count;
const mostBytesWithoutContext = 185 * count;

export const compressionChecks = [
  { name: "compression: text of 1 MiB", run: compressLargeText },
  { name: "compression: 500 small messages, context kept", run: compressWithContext },
  { name: "compression: no context takeover", run: compressWithoutContext },
  { name: "compression: windows of 10 bits", run: compressInSmallWindow },
  { name: "compression: message in fragments", run: receiveCompressedFragments },
  {
    name: "compression off by the client",
    run: (context) => expectNone(context, { client: { compress: false } }),
  },
  { name: "compression off by the server", run: (context) => expectNone(context, { to: "plainPort" }) },
];

async function openCompressed(context, path, options) {
  const connection = await context.openRaw(path, { isMetered: true, ...options });
  match(connection.extensions, /^permessage-deflate\b/, "the client did not negotiate permessage-deflate");
  const { compression } = await connection.serverReport("open");
  equal(compression, true, "the server did not negotiate permessage-deflate");
  return connection;
}

async function compressLargeText(context) {
  const { ws, meter } = await openCompressed(context, "/echo");
  const text = textOfSize(mebibyte);
  await ws.sendRaw(text);
  alike(await ws.recv({ timeout: receiveTimeout }), text);
  ok(meter.sent < mebibyte / 10, `${meter.sent} bytes were sent for 1 MiB of repeated text`);
  ok(meter.received < mebibyte / 10, `${meter.received} bytes were received for 1 MiB of repeated text`);
}

async function echoTrades({ ws }) {
  for (let sequence = 0; sequence < count; sequence++) await ws.sendRaw(tradeText(sequence));
  for (let sequence = 0; sequence < count; sequence++) {
    equal(await ws.recv({ timeout: receiveTimeout }), tradeText(sequence));
  }
}

async function compressWithContext(context) {
  const connection = await openCompressed(context, "/echo");
  await echoTrades(connection);
  const { sent, received } = connection.meter;
  ok(sent < mostBytesWithContext, `${sent} bytes sent for ${count} messages: the context is not kept`);
  ok(
    received < mostBytesWithContext,
    `${received} bytes received for ${count} messages: the context is not kept`,
  );
}

async function compressWithoutContext(context) {
  const compress = { noContextTakeover: true, serverNoContextTakeover: true };
  const connection = await openCompressed(context, "/echo", { client: { compress } });
  match(connection.extensions, /; server_no_context_takeover\b/);
  await echoTrades(connection);
  const { sent, received } = connection.meter;
  ok(sent < mostBytesWithoutContext, `${sent} bytes sent for ${count} messages: they are not compressed`);
  ok(
    received < mostBytesWithoutContext,
    `${received} bytes received for ${count} messages: they are not compressed`,
  );
  // RFC 7692 7.1.1.2: a server need not confirm this hint. Without confirmation the client may keep its context.
  if (connection.extensions.includes("client_no_context_takeover")) {
    ok(sent > leastBytesWithoutContext, `${sent} bytes sent for ${count} messages: a context is kept`);
  }
  ok(
    received > leastBytesWithoutContext,
    `${received} bytes received for ${count} messages: a context is kept`,
  );
}

async function compressInSmallWindow(context) {
  const compress = { windowBits: 10, serverWindowBits: 10 };
  const connection = await openCompressed(context, "/echo", { client: { compress } });
  match(connection.extensions, /; server_max_window_bits=10\b/);
  await echoTrades(connection);
  const text = textOfSize(mebibyte);
  await connection.ws.sendRaw(text);
  alike(await connection.ws.recv({ timeout: receiveTimeout }), text);
}

async function receiveCompressedFragments(context) {
  const query = { kind: "text", count: 5_000, parts: 7 };
  const { ws, meter } = await openCompressed(context, "/fragments", { query });
  const text = phraseText(query.count);
  alike(await ws.recv({ timeout: receiveTimeout }), text);
  // Some bytes may have arrived before the meter was reset, so only an upper bound is checked.
  if (context.traits.compressesFragments) ok(meter.received < 10_000, `${meter.received} bytes received`);
}

async function expectNone(context, options) {
  const { ws, meter, extensions, serverReport } = await context.openRaw("/echo", {
    isMetered: true,
    ...options,
  });
  equal(extensions, "");
  equal((await serverReport("open")).compression, false);
  const text = textOfSize(mebibyte);
  await ws.sendRaw(text);
  alike(await ws.recv({ timeout: receiveTimeout }), text);
  ok(meter.sent > mebibyte, `only ${meter.sent} bytes were sent for 1 MiB`);
  ok(meter.received > mebibyte, `only ${meter.received} bytes were received for 1 MiB`);
}
