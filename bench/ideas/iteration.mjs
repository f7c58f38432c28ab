// Compares ways to deliver 100 messages that arrived in one read.
import { compare } from "./harness.mjs";

const perRead = 100;
const messages = Array.from({ length: perRead }, (_, at) => `message ${at}`);
let seen = 0;
const use = (message) => {
  seen += message.length;
};

/** Returns an async iterator over the results of `take`. Each step is a settled promise. */
function iterate(take) {
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    next() {
      const value = take();
      return Promise.resolve(value === undefined ? { value, done: true } : { value, done: false });
    },
  };
}

function source(times) {
  let given = 0;
  return () => (given === times ? undefined : messages[given++ % perRead]);
}

function batches(times) {
  let given = 0;
  return () => {
    if (given === times) return undefined;
    const batch = messages.slice(0, Math.min(perRead, times - given));
    given += batch.length;
    return batch;
  };
}

await compare("A message handed out", {
  "": {
    "to a handler": (times) => {
      for (let count = 0; count < times; count++) use(messages[count % perRead]);
      return seen;
    },
    "batches, for await": async (times) => {
      for await (const batch of iterate(batches(times))) for (const message of batch) use(message);
      return seen;
    },
    "for await": async (times) => {
      for await (const message of iterate(source(times))) use(message);
      return seen;
    },
    "await recv()": async (times) => {
      const take = source(times);
      const receive = () => Promise.resolve(take());
      for (let count = 0; count < times; count++) use(await receive());
      return seen;
    },
    "async generator": async (times) => {
      async function* generate() {
        const take = source(times);
        for (let message = take(); message !== undefined; message = take()) yield message;
      }
      for await (const message of generate()) use(message);
      return seen;
    },
  },
});
