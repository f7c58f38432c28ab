// Measures what channels add to the cost of a received message: a listener of one of 500 channels next to a listener of
// the client, for texts of 128 B. The bytes are pushed into a stream in memory, so the cost of the kernel is not included.
import { Duplex } from "node:stream";
import { channels } from "../../dist/channels.js";
import { WebSocket } from "../../dist/index.js";
import { ServerHandshake } from "../../dist/protocol.js";
import { compare } from "./harness.mjs";

const perPush = 500;
const message = (channel, padding) =>
  JSON.stringify({ channel: `c${channel}`, price: 64_000.25, padding: "x".repeat(padding) });
const texts = Array.from({ length: perPush }, (_, channel) => {
  const { length } = message(channel, 0);
  return message(channel, 128 - length);
});
/** Unmasked text frames with a length of 16 bits. */
const framesOf = (all) =>
  Buffer.concat(
    all.flatMap((text) => [Buffer.from([0x81, 126, text.length >> 8, text.length & 255]), Buffer.from(text)]),
  );
const bytes = framesOf(texts);
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

/** Opens a client, and returns its stream and a run that receives all messages `times` times. */
async function open(listen, options = {}) {
  const socket = stream();
  const ws = new WebSocket("ws://feed.test/", {
    createConnection: () => socket,
    heartbeat: false,
    ...options,
  });
  listen(ws);
  await ws.connect();
  const run = async (times) => {
    for (let count = 0; count < times; count++) {
      const target = seen + perPush;
      socket.push(bytes);
      while (seen < target) await new Promise(setImmediate);
    }
  };
  return { socket, run };
}

const listener = ({ data }) => {
  if (data.price > 0) seen++;
};

/** @param {boolean | undefined} isAcknowledged - `undefined`: the feed expects no acknowledgements. */
async function withFeed(isAcknowledged) {
  const feed = channels({
    channelOf: ({ channel }) => channel,
    subscribe: (names) => ({ subscribe: names }),
    unsubscribe: (names) => ({ unsubscribe: names }),
    isAck: isAcknowledged === undefined ? undefined : ({ ack }) => ack,
    ackTimeout: 1_000_000,
  });
  const { socket, run } = await open((ws) => feed.attach(ws), { onConnection: feed.onConnection });
  for (let channel = 0; channel < perPush; channel++) feed.open(`c${channel}`).on("message", listener);
  await new Promise(setImmediate);
  const names = Array.from({ length: perPush }, (_, channel) => `c${channel}`);
  if (isAcknowledged) socket.push(framesOf([JSON.stringify({ ack: names })]));
  await new Promise(setImmediate);
  return run;
}

const { run: plain } = await open((ws) => ws.on("message", listener));
await compare(`${perPush} received texts of 128 B, with JSON.parse`, {
  "": {
    "listener of the client": plain,
    "listeners of channels": await withFeed(undefined),
    "with isAck": await withFeed(true),
    "while acknowledgements are expected": await withFeed(false),
  },
});
process.exit();
