// Measures what the option `schema` adds to the cost of a received message: a schema written by hand, strict and lenient,
// next to a listener without a schema, for texts of 128 B. The bytes are pushed into a stream in memory, so the cost of the
// kernel is not included.
import { Duplex } from "node:stream";
import { WebSocket } from "../../dist/index.js";
import { ServerHandshake } from "../../dist/protocol.js";
import { compare } from "./harness.mjs";

const perPush = 500;
const message = (padding) =>
  JSON.stringify({ symbol: "ABC", price: 64_000.25, padding: "x".repeat(padding) });
const text = message(128 - message(0).length);
/** An unmasked text frame with a length of 16 bits. */
const frame = Buffer.concat([
  Buffer.from([0x81, 126, text.length >> 8, text.length & 255]),
  Buffer.from(text),
]);
const bytes = Buffer.concat(Array.from({ length: perPush }, () => frame));
let seen = 0;

function stream() {
  const handshake = new ServerHandshake();
  let isOpen = false;
  return new Duplex({
    read() {},
    write(chunk, _encoding, done) {
      if (!isOpen && handshake.receive(chunk) !== undefined) {
        isOpen = true;
        this.push(handshake.accept({}).response);
      }
      done();
    },
  });
}

/** Opens a client. @returns a run that receives all messages `times` times. */
async function open(options) {
  const socket = stream();
  const ws = new WebSocket("ws://feed.test/", {
    createConnection: () => socket,
    heartbeat: false,
    ...options,
  });
  ws.on("message", ({ data }) => {
    if (data.price > 0) seen++;
  });
  await ws.connect();
  return async (times) => {
    for (let count = 0; count < times; count++) {
      const target = seen + perPush;
      socket.push(bytes);
      while (seen < target) await new Promise(setImmediate);
    }
  };
}

const issues = [{ message: "is no trade" }];
const schema = {
  "~standard": {
    version: 1,
    vendor: "bench",
    validate: (value) =>
      typeof value.symbol === "string" && typeof value.price === "number" ? { value } : { issues },
  },
};

await compare(`${perPush} received texts of 128 B, with JSON.parse`, {
  "": {
    "no schema": await open({}),
    "schema, strict": await open({ schema }),
    "schema, lenient": await open({ schema, schemaMode: "lenient" }),
  },
});
process.exit();
