// Compares codecs with context takeover (RFC 7692 7.1.1): one that keeps the zlib handle, and one that uses only public
// calls. Both inflate with WebAssembly of the package where that is faster. The codecs are those of `dist/`.
import { constants, createInflateRaw, deflateRawSync, inflateRawSync } from "node:zlib";
import { createCodecFactory } from "../../dist/protocol.js";
import { messagesOf } from "../payloads.mjs";
import { compare, sizeName } from "./harness.mjs";

/** The bytes that RFC 7692 7.2.1 removes from the end of each message. */
const tail = Buffer.of(0, 0, 0xff, 0xff);
const settings = { windowBits: 15, keepsContext: true, level: -1, memLevel: 8 };
const fillings = {
  "kept handle": createCodecFactory("handle"),
  "public calls": createCodecFactory("dictionary"),
};

const inflating = {};
const deflating = {};
for (const size of [200, 2 * 1024, 16 * 1024]) {
  const messages = messagesOf({ size, content: "feed" });
  const deflater = fillings["kept handle"].deflater(settings);
  const compressed = messages.map((message) => Buffer.from(deflater.deflate(message)));
  const window = Buffer.concat(messages).subarray(0, 32 * 1024);
  const tailed = Buffer.concat([compressed[1], tail]);
  inflating[sizeName(size)] = {
    ...eachFilling((factory) => inflateAll(factory, compressed)),
    "zlib, given 32 KiB": (times) => {
      const options = { windowBits: 15, dictionary: window, finishFlush: constants.Z_SYNC_FLUSH };
      for (let count = 0; count < times; count++) inflateRawSync(tailed, options);
    },
    "asynchronous stream": inflateByStream(compressed),
  };
  deflating[sizeName(size)] = {
    ...eachFilling((factory) => deflateAll(factory, messages)),
    "zlib, without context": (times) => {
      for (let count = 0; count < times; count++) {
        deflateRawSync(messages[count % messages.length], { finishFlush: constants.Z_SYNC_FLUSH });
      }
    },
  };
}
// WebAssembly is used after 512 KiB, and V8 optimizes it after some megabytes, so each codec is warmed up first.
for (const factory of Object.values(fillings)) warmUp(factory);
await compare("A message inflated", inflating);
await compare("A message deflated", deflating);

function eachFilling(runOf) {
  return Object.fromEntries(Object.entries(fillings).map(([name, factory]) => [name, runOf(factory)]));
}

/** Starts with a new inflater at each first message, because the messages depend on the earlier ones. */
function inflateAll(factory, compressed) {
  let inflater;
  let next = 0;
  return (times) => {
    for (let count = 0; count < times; count++) {
      if (next === 0) {
        inflater?.close();
        inflater = factory.inflater(settings);
      }
      inflater.inflate(compressed[next], 1024 * 1024, false);
      next = (next + 1) % compressed.length;
    }
  };
}

function deflateAll(factory, messages) {
  const deflater = factory.deflater(settings);
  let next = 0;
  return (times) => {
    for (let count = 0; count < times; count++) {
      deflater.deflate(messages[next]);
      next = (next + 1) % messages.length;
    }
  };
}

function warmUp(factory) {
  const deflater = factory.deflater(settings);
  const compressed = messagesOf({ size: 16 * 1024, content: "feed" }).map((message) =>
    Buffer.from(deflater.deflate(message)),
  );
  inflateAll(factory, compressed)(2000);
}

/** The usual way with streams: write the message and its tail, and wait for all output. */
function inflateByStream(compressed) {
  let stream;
  let next = 0;
  return async (times) => {
    for (let count = 0; count < times; count++) {
      if (next === 0) {
        stream?.close();
        stream = createInflateRaw({ windowBits: 15 }).resume();
      }
      stream.write(compressed[next]);
      stream.write(tail);
      await new Promise((resolve) => stream.flush(constants.Z_SYNC_FLUSH, resolve));
      next = (next + 1) % compressed.length;
    }
  };
}
