// Compares ways to call a listener with a message.
import { AsyncResource } from "node:async_hooks";
import { EventEmitter } from "node:events";
import { compare, repeat } from "./harness.mjs";

let seen = 0;
const listener = ({ data }) => {
  seen += data.length;
  return seen;
};
const data = "x".repeat(128);
const emitter = new EventEmitter();
emitter.on("message", listener);
const target = new EventTarget();
target.addEventListener("message", listener);
const context = new AsyncResource("LISTENER");
const listeners = [{ listener, context }];

class MessageEvent extends Event {
  constructor(value) {
    super("message");
    this.data = value;
  }
}

await compare("A message told", {
  "to one listener": {
    "plain call": repeat(() => listener({ data })),
    runInAsyncScope: repeat(() => {
      for (const entry of listeners) entry.context.runInAsyncScope(entry.listener, undefined, { data });
    }),
    EventEmitter: repeat(() => emitter.emit("message", { data })),
    EventTarget: repeat(() => target.dispatchEvent(new MessageEvent(data))),
  },
});
