import { beforeEach, describe, expect, it } from "vitest";
import { Leftovers } from "../../../src/client/receiving/leftovers.js";
import type { LiveConnection } from "../../../src/connection/live-connection.js";

let isPaused: boolean;
let calls: string[];
let leftovers: Leftovers;
/** Called with each delivered message. */
let onMessage: (message: string) => void;

beforeEach(() => {
  isPaused = false;
  calls = [];
  onMessage = () => undefined;
  leftovers = new Leftovers({
    isPaused: () => isPaused,
    onDelivered: () => calls.push("delivered"),
  });
});

/** An ended connection whose undecoded messages are given. */
class Ended {
  readonly #messages: string[];
  #isPaused = false;

  constructor(...messages: readonly string[]) {
    this.#messages = [...messages];
  }

  get hasLeftover(): boolean {
    return this.#messages.length > 0;
  }

  resumeLeftover(): void {
    this.#isPaused = false;
    while (this.#canDeliver()) {
      const message = this.#messages.shift()!;
      calls.push(message);
      onMessage(message);
    }
  }

  #canDeliver(): boolean {
    return !this.#isPaused && this.hasLeftover;
  }

  pauseLeftover(): void {
    this.#isPaused = true;
  }

  dropLeftover(): void {
    for (const message of this.#messages.splice(0)) calls.push(`drop ${message}`);
  }

  get live(): LiveConnection {
    return this as unknown as LiveConnection;
  }
}

function add(...messages: readonly string[]): Ended {
  const ended = new Ended(...messages);
  leftovers.add(ended.live);
  return ended;
}

const act = (name: string) => (): void => void calls.push(name);

/** Pauses reading after `message`, as a full inbox does. */
function pauseAfter(message: string): void {
  onMessage = (received) => {
    if (received !== message) return;
    isPaused = true;
    leftovers.pause();
  };
}

describe("add()", () => {
  it("queues a connection that has messages", () => {
    expect(leftovers.isPending).toBe(false);
    add("a");
    expect(leftovers.isPending).toBe(true);
  });

  it("ignores a connection without messages, and an attempt that never opened", () => {
    add();
    leftovers.add(undefined);
    expect(leftovers.isPending).toBe(false);
  });

  it("queues a connection once", () => {
    const ended = add("a");
    leftovers.after(() => calls.push(leftovers.isPending ? "pending" : "empty"));
    leftovers.add(ended.live);
    leftovers.deliver();
    expect(calls).toEqual(["a", "empty", "delivered"]);
  });
});

describe("after()", () => {
  it("calls the action immediately if nothing is queued", () => {
    leftovers.after(act("now"));
    expect(calls).toEqual(["now"]);
  });

  it("calls the action after the messages that precede it and before those that follow it", () => {
    add("a", "b");
    leftovers.after(act("between"));
    add("c");
    expect(calls).toEqual([]);
    leftovers.deliver();
    expect(calls).toEqual(["a", "b", "between", "c", "delivered"]);
  });

  it("runs an action that another action queues, after the rest of the queue", () => {
    add("a");
    leftovers.after(() => {
      calls.push("outer");
      leftovers.after(act("inner"));
    });
    add("b");
    leftovers.deliver();
    expect(calls).toEqual(["a", "outer", "b", "inner", "delivered"]);
  });
});

describe("deliver()", () => {
  it("does nothing and reports nothing if nothing is queued", () => {
    leftovers.deliver();
    expect(calls).toEqual([]);
  });

  it("waits while reading is paused", () => {
    isPaused = true;
    add("a");
    leftovers.after(act("action"));
    leftovers.deliver();
    expect([calls, leftovers.isPending]).toEqual([[], true]);
    isPaused = false;
    leftovers.deliver();
    expect([calls, leftovers.isPending]).toEqual([["a", "action", "delivered"], false]);
  });

  it("stops when a message pauses reading, and continues with the next message of the same connection", () => {
    add("a", "b");
    leftovers.after(act("action"));
    pauseAfter("a");
    leftovers.deliver();
    expect(calls).toEqual(["a"]);
    isPaused = false;
    leftovers.deliver();
    expect(calls).toEqual(["a", "b", "action", "delivered"]);
  });

  it("does not run an action while the last message of a connection paused reading", () => {
    add("a");
    leftovers.after(act("action"));
    pauseAfter("a");
    leftovers.deliver();
    expect([calls, leftovers.isPending]).toEqual([["a"], true]);
  });

  it("ignores a call during a delivery", () => {
    add("a", "b");
    add("c");
    onMessage = () => leftovers.deliver();
    leftovers.deliver();
    expect(calls).toEqual(["a", "b", "c", "delivered"]);
  });

  it("delivers the messages of a connection that is added during the delivery", () => {
    add("a");
    onMessage = (message) => {
      if (message === "a") add("b");
    };
    leftovers.deliver();
    expect(calls).toEqual(["a", "b", "delivered"]);
  });

  it("continues with what is queued after a listener discarded the queue", () => {
    add("a", "b");
    leftovers.after(act("action"));
    onMessage = (message) => {
      if (message !== "a") return;
      leftovers.discard();
      add("c");
    };
    leftovers.deliver();
    expect(calls).toEqual(["a", "drop b", "action", "c", "delivered"]);
  });
});

describe("pause()", () => {
  it("does nothing if an action is next, or nothing is queued", () => {
    leftovers.pause();
    add("a");
    leftovers.after(() => {
      leftovers.pause();
      calls.push("action");
    });
    add("b");
    leftovers.deliver();
    expect(calls).toEqual(["a", "action", "b", "delivered"]);
  });
});

describe("discard()", () => {
  it("drops all messages first, then calls the actions in order, and reports the end once", () => {
    add("a");
    leftovers.after(act("first"));
    add("b");
    leftovers.after(act("second"));
    leftovers.discard();
    expect(calls).toEqual(["drop a", "drop b", "first", "second", "delivered"]);
    expect(leftovers.isPending).toBe(false);
  });

  it("reports the end if nothing is queued", () => {
    leftovers.discard();
    expect(calls).toEqual(["delivered"]);
  });

  it("reports the end of an interrupted delivery once", () => {
    add("a", "b");
    onMessage = () => leftovers.discard();
    leftovers.deliver();
    expect(calls).toEqual(["a", "drop b", "delivered"]);
  });
});

describe("flush()", () => {
  it("delivers all messages, and calls the actions", () => {
    add("a", "b");
    leftovers.after(act("action"));
    leftovers.flush();
    expect(calls).toEqual(["a", "b", "action", "delivered"]);
  });

  it("discards the rest if it is called during a delivery", () => {
    add("a", "b");
    leftovers.after(act("action"));
    onMessage = () => leftovers.flush();
    leftovers.deliver();
    expect(calls).toEqual(["a", "drop b", "action", "delivered"]);
  });

  it("discards the messages that a pause keeps from being delivered", () => {
    isPaused = true;
    add("a");
    leftovers.flush();
    expect([calls, leftovers.isPending]).toEqual([["drop a", "delivered"], false]);
  });
});
