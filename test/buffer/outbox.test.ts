import { describe, expect, it } from "vitest";
import { Outbox } from "../../src/buffer/outbox.js";
import { OutboxEntry } from "../../src/buffer/outbox-entry.js";
import type { OutboxDecision, OutboxPolicy } from "../../src/buffer/outbox-policy.js";
import { BufferOverflowError, type JetSocketError } from "../../src/errors.js";
import { measureCpuTime } from "../support/cpu-time.js";
import type { TestMessage } from "./outbox-model.js";

type Entry = OutboxEntry<string>;
type Policy = OutboxPolicy<TestMessage, readonly string[]>;

const acknowledgement: Pick<Policy, "idOf" | "acknowledges"> = {
  idOf: ({ id }) => id,
  acknowledges: (ids) => ids,
};

const defaults: Policy = {
  capacity: 1_000,
  maxBytes: 4 * 1024 * 1024,
  ttl: undefined,
  overflow: "error",
  perSecond: undefined,
  keyOf: ({ key }) => key,
  idOf: undefined,
  acknowledges: undefined,
};

/** An outbox with a log of all drops and errors, controlled by message names. */
class Scene {
  readonly log: string[] = [];
  readonly errors: JetSocketError[] = [];
  readonly entries = new Map<string, Entry>();
  readonly outbox: Outbox<TestMessage, readonly string[], string>;
  now = 0;
  onDropped: ((name: string) => void) | undefined;

  constructor(policy: Partial<Policy> = {}) {
    this.outbox = new Outbox(
      { ...defaults, ...policy },
      {
        onDropped: (name, cause) => {
          this.log.push(`${name} ${cause}`);
          this.onDropped?.(name);
        },
        onError: (error) => this.errors.push(error),
        isAccepting: () => true,
      },
    );
  }

  /** The name is also the id. The letters before its digits are the key. */
  send(
    name: string,
    { size = 1, id = name }: { size?: number; id?: string | undefined } = {},
  ): OutboxDecision {
    const entry = new OutboxEntry(name, size);
    this.entries.set(name, entry);
    const key = /^[a-z]+(?=\d)/.exec(name)?.[0];
    return this.outbox.send(entry, { name, size, id, key }, this.now);
  }

  sendAll(...names: readonly string[]): OutboxDecision[] {
    return names.map((name) => this.send(name));
  }

  /** Takes all messages that may be sent now. */
  take(): string[] {
    const names: string[] = [];
    let entry = this.outbox.next(this.now);
    for (; entry !== undefined; entry = this.outbox.next(this.now)) names.push(entry.message);
    return names;
  }

  open(): string[] {
    this.outbox.open();
    return this.take();
  }

  lost(...unsent: readonly string[]): void {
    this.outbox.connectionLost(
      unsent.map((name) => this.entries.get(name) ?? new OutboxEntry(name, 1)),
      this.now,
    );
  }
}

describe("Outbox without acknowledgements", () => {
  it("stores messages while disconnected, and sends them in order before newer ones", () => {
    const scene = new Scene();
    expect(scene.sendAll("a", "b")).toEqual(["queued", "queued"]);
    expect([scene.outbox.length, scene.outbox.bytes, scene.outbox.waitingCount]).toEqual([2, 2, 2]);
    expect(scene.take()).toEqual([]);
    scene.outbox.open();
    expect([scene.outbox.isClear, scene.send("c")]).toEqual([false, "queued"]);
    expect(scene.take()).toEqual(["a", "b", "c"]);
    expect([scene.outbox.isClear, scene.send("d"), scene.outbox.length]).toEqual([true, "write", 0]);
    expect(scene.log).toEqual([]);
  });

  it("drops many messages at once in linear time", () => {
    const scene = new Scene({ capacity: 120_000, ttl: 10 });
    for (let index = 0; index < 120_000; index++) scene.send(`m${index}`);
    scene.now = 10;
    const cpuTime = measureCpuTime();
    scene.outbox.next(scene.now);
    scene.send("late");
    expect(cpuTime()).toBeLessThan(1_000);
    expect([scene.log.length, scene.log.at(-1)]).toEqual([120_000, "m119999 expired"]);
  });

  it("is not clear before the first connection and after the last one", () => {
    const scene = new Scene();
    expect(scene.outbox.isClear).toBe(false);
    scene.open();
    expect(scene.outbox.isClear).toBe(true);
    scene.lost();
    expect(scene.outbox.isClear).toBe(false);
  });

  it("queues messages that return from a connection before those that wait", () => {
    const scene = new Scene();
    scene.sendAll("a", "b", "c");
    scene.open();
    scene.send("d");
    scene.lost("b", "c", "d", "direct");
    scene.send("e");
    expect(scene.open()).toEqual(["b", "c", "d", "direct", "e"]);
  });

  it("sends a message again only if it returned from the connection", () => {
    const scene = new Scene();
    scene.sendAll("a", "b");
    scene.open();
    scene.lost("b");
    expect(scene.open()).toEqual(["b"]);
    scene.lost();
    expect(scene.open()).toEqual([]);
  });

  it("stores returned messages beyond its limits, and drops newer messages instead", () => {
    const scene = new Scene({ capacity: 2, overflow: "dropOldest" });
    scene.open();
    scene.lost("a", "b", "c");
    expect(scene.send("d")).toBe("dropped");
    expect(scene.log).toEqual(["d overflow"]);
    scene.outbox.open();
    expect(scene.outbox.next(0)?.message).toBe("a");
    expect(scene.send("e")).toBe("queued");
    expect(scene.log).toEqual(["d overflow", "b overflow"]);
    expect(scene.take()).toEqual(["c", "e"]);
  });

  it.each(["error", "dropOldest", "conflate"] as const)(
    "accepts one message of any size, with overflow %s",
    (overflow) => {
      const scene = new Scene({ maxBytes: 10, overflow });
      expect(scene.send("large", { size: 50 })).toBe("queued");
      expect(scene.send("small")).toBe(overflow === "error" ? "refused" : "queued");
      expect(scene.log).toEqual(overflow === "error" ? [] : ["large overflow"]);
    },
  );

  it.each([
    ["messages", { capacity: 2 }],
    ["bytes", { maxBytes: 2 }],
  ])("refuses the newest message when it is full (%s)", (_, bounds) => {
    const scene = new Scene(bounds);
    expect(scene.sendAll("a", "b", "c")).toEqual(["queued", "queued", "refused"]);
    const error = scene.outbox.overflowError();
    expect(error).toBeInstanceOf(BufferOverflowError);
    expect(error.message).toContain("the outbox holds 2 messages of 2 bytes;");
    expect(scene.log).toEqual([]);
    expect(scene.open()).toEqual(["a", "b"]);
  });

  it("drops as many old messages as a large message needs", () => {
    const scene = new Scene({ maxBytes: 4, overflow: "dropOldest" });
    scene.sendAll("a", "b", "c", "d");
    expect(scene.send("large", { size: 2 })).toBe("queued");
    expect(scene.log).toEqual(["a overflow", "b overflow"]);
    expect(scene.open()).toEqual(["c", "d", "large"]);
  });

  it("replaces an older message with the same key at its position", () => {
    const scene = new Scene({ overflow: "conflate" });
    scene.sendAll("a1", "b1", "c1", "b2", "plain", "a2");
    expect(scene.log).toEqual(["b1 overflow"]);
    expect(scene.open()).toEqual(["a1", "b2", "c1", "plain", "a2"]);
  });

  it("does not replace a message that was sent or returned", () => {
    const scene = new Scene({ overflow: "conflate" });
    scene.send("a1");
    scene.open();
    scene.lost("a1");
    scene.sendAll("a2", "a3");
    expect(scene.log).toEqual(["a2 overflow"]);
    expect(scene.open()).toEqual(["a1", "a3"]);
  });

  it("does not replace a returned message after others have expired", () => {
    const scene = new Scene({ overflow: "conflate", perSecond: 1, ttl: 100 });
    scene.sendAll("a0", "b1");
    scene.now = 50;
    scene.send("a1");
    expect(scene.open()).toEqual(["a1"]);
    scene.lost("a1");
    scene.now = 100;
    scene.send("a2");
    expect(scene.log).toEqual(["a0 overflow", "b1 expired"]);
    scene.outbox.beginClosing();
    expect(scene.open()).toEqual(["a1", "a2"]);
  });

  it("finds a message that expires after a replaced one", () => {
    const scene = new Scene({ overflow: "conflate", ttl: 100 });
    scene.sendAll("a1", "b1");
    scene.now = 50;
    scene.send("a2");
    scene.now = 100;
    expect([scene.open(), scene.log]).toEqual([["a2"], ["a1 overflow", "b1 expired"]]);
  });

  it("drops the oldest message if a replacement does not fit or the key is new", () => {
    const scene = new Scene({ overflow: "conflate", capacity: 2, maxBytes: 4 });
    scene.sendAll("a1", "b1");
    expect(scene.send("b2", { size: 4 })).toBe("queued");
    expect(scene.log).toEqual(["a1 overflow", "b1 overflow"]);
    expect(scene.send("b3", { size: 5 })).toBe("queued");
    scene.send("c1");
    expect(scene.log.slice(2)).toEqual(["b2 overflow", "b3 overflow"]);
    expect(scene.open()).toEqual(["c1"]);
  });

  it("replaces no message if keyOf is not set", () => {
    const scene = new Scene({ overflow: "conflate", keyOf: undefined });
    scene.sendAll("a1", "a2");
    expect(scene.open()).toEqual(["a1", "a2"]);
  });

  it("keeps a message for its time to live, and reports its expiry to the millisecond", () => {
    const scene = new Scene({ ttl: 100 });
    expect(scene.outbox.nextAt).toBe(Infinity);
    scene.send("a");
    scene.now = 40;
    scene.send("b");
    expect(scene.outbox.nextAt).toBe(100);
    scene.now = 99;
    expect([scene.take(), scene.log]).toEqual([[], []]);
    scene.now = 100;
    expect([scene.take(), scene.log]).toEqual([[], ["a expired"]]);
    expect(scene.outbox.nextAt).toBe(140);
    scene.now = 200;
    expect([scene.open(), scene.log]).toEqual([[], ["a expired", "b expired"]]);
    expect(scene.outbox.nextAt).toBe(Infinity);
  });

  describe("additional memory of the messages", () => {
    const bounds = { capacity: Infinity, maxBytes: 10_000, freeOverhead: 5_000 };

    const messageOf = (name: string): TestMessage => ({ name, size: 1, id: name, key: undefined });

    function sendMany(scene: Scene, count: number): OutboxDecision[] {
      return Array.from({ length: count }, (_, index) =>
        scene.outbox.send(new OutboxEntry(`${index}`, 1, 1_000), messageOf(`${index}`), scene.now),
      );
    }

    it("counts against maxBytes beyond the free amount", () => {
      const scene = new Scene(bounds);
      const answers = sendMany(scene, 20);
      expect(answers.filter((answer) => answer === "queued")).toHaveLength(14);
      expect([scene.outbox.bytes, scene.outbox.load]).toEqual([14, 9_014]);
      expect(scene.outbox.overflowError().message).toMatch(
        /^A message was refused: the outbox holds 14 messages of 14 bytes \(9014 bytes of memory\)/,
      );
      scene.open();
      expect(scene.outbox.load).toBe(0);
    });

    it("causes the oldest messages to be dropped", () => {
      const scene = new Scene({ ...bounds, overflow: "dropOldest" });
      expect(sendMany(scene, 20).every((answer) => answer === "queued")).toBe(true);
      expect(scene.log).toEqual(Array.from({ length: 6 }, (_, index) => `${index} overflow`));
    });

    it("is also counted for unacknowledged messages", () => {
      const scene = new Scene({ ...bounds, ...acknowledgement });
      scene.open();
      expect(sendMany(scene, 20).filter((answer) => answer === "write")).toHaveLength(10);
      scene.outbox.received(Array.from({ length: 20 }, (_, index) => `${index}`));
      expect(scene.outbox.load).toBe(0);
    });
  });

  it("removes expired messages before it refuses a new one", () => {
    const scene = new Scene({ ttl: 100, capacity: 1 });
    scene.send("a");
    scene.now = 100;
    expect(scene.send("b")).toBe("queued");
    expect(scene.log).toEqual(["a expired"]);
  });

  it("counts the time to live from the call of send(), even if the message returns several times", () => {
    const scene = new Scene({ ttl: 100 });
    scene.send("a");
    for (scene.now = 30; scene.now < 100; scene.now += 30) {
      expect(scene.open()).toEqual(["a"]);
      scene.lost("a");
      expect(scene.outbox.nextAt).toBe(100);
    }
    scene.now = 100;
    expect([scene.open(), scene.log]).toEqual([[], ["a expired"]]);
  });

  it("also counts the time to live from send() for a message that was written at once", () => {
    const scene = new Scene({ ttl: 100 });
    scene.open();
    expect(scene.send("a")).toBe("write");
    scene.now = 99;
    scene.lost("a");
    expect(scene.outbox.nextAt).toBe(100);
    scene.now = 100;
    expect([scene.open(), scene.log]).toEqual([[], ["a expired"]]);
  });

  it("finds messages that expire before and after a returned one", () => {
    const scene = new Scene({ ttl: 100, perSecond: 1 });
    scene.send("a");
    scene.now = 10;
    scene.send("b");
    expect(scene.open()).toEqual(["a"]);
    scene.lost("a");
    scene.now = 100;
    scene.send("c");
    expect(scene.log).toEqual(["a expired"]);
    scene.now = 110;
    expect([scene.take(), scene.log]).toEqual([[], ["a expired", "b expired"]]);
    expect(scene.outbox.nextAt).toBe(200);
  });

  it("releases at most `perSecond` messages per second, and all of them at once when it closes", () => {
    const scene = new Scene({ perSecond: 4 });
    scene.sendAll("a", "b", "c", "d");
    expect(scene.outbox.nextAt).toBe(Infinity);
    scene.outbox.open();
    expect(scene.outbox.nextAt).toBe(-Infinity);
    expect([scene.take(), scene.outbox.nextAt]).toEqual([["a"], 250]);
    scene.now = 250;
    expect([scene.take(), scene.outbox.nextAt]).toEqual([["b"], 500]);
    scene.outbox.beginClosing();
    expect([scene.outbox.nextAt, scene.take(), scene.outbox.nextAt]).toEqual([
      -Infinity,
      ["c", "d"],
      Infinity,
    ]);
    scene.outbox.end();
    scene.send("e");
    expect(scene.open()).toEqual([]);
  });

  it("queues newer messages while the writer moves, and continues if the writer does not move", () => {
    const scene = new Scene();
    scene.open();
    scene.outbox.pause();
    expect([scene.send("a"), scene.take(), scene.outbox.nextAt]).toEqual(["queued", [], Infinity]);
    scene.outbox.resume();
    expect(scene.take()).toEqual(["a"]);
    scene.outbox.pause();
    scene.send("b");
    scene.lost("a");
    expect(scene.open()).toEqual(["a", "b"]);
  });

  it("removes a message that its caller withdraws", () => {
    const scene = new Scene();
    scene.sendAll("a", "b", "c");
    scene.outbox.withdraw(scene.entries.get("b")!);
    expect([scene.outbox.length, scene.outbox.bytes]).toEqual([2, 2]);
    expect(scene.open()).toEqual(["a", "c"]);
    scene.outbox.withdraw(scene.entries.get("c")!);
    expect(scene.log).toEqual([]);
  });

  it.each([
    ["closed", []],
    ["unsent", ["unsent" as const]],
  ])("reports each message at the end, with the cause %s", (cause, args) => {
    const scene = new Scene();
    scene.sendAll("a", "b");
    scene.outbox.end(...args);
    expect(scene.log).toEqual([`a ${cause}`, `b ${cause}`]);
    expect([scene.outbox.length, scene.open()]).toEqual([0, []]);
  });

  it("ignores received messages", () => {
    const scene = new Scene();
    scene.send("a");
    scene.outbox.received(["a"]);
    expect(scene.open()).toEqual(["a"]);
  });
});

describe("Outbox with acknowledgements", () => {
  it("stores sent messages until they are acknowledged", () => {
    const scene = new Scene({ ...acknowledgement });
    scene.open();
    expect(scene.outbox.isClear).toBe(false);
    expect(scene.sendAll("a", "b", "c")).toEqual(["write", "write", "write"]);
    expect([scene.outbox.length, scene.outbox.waitingCount, scene.outbox.nextAt]).toEqual([3, 0, Infinity]);
    scene.outbox.received(["b"]);
    scene.lost();
    expect([scene.outbox.length, scene.outbox.waitingCount, scene.open()]).toEqual([2, 2, ["a", "c"]]);
    scene.outbox.received(["a", "nothing", "c"]);
    scene.outbox.received(["c"]);
    expect([scene.outbox.length, scene.outbox.bytes]).toEqual([0, 0]);
    scene.lost();
    expect([scene.open(), scene.log]).toEqual([[], []]);
  });

  it("sends unacknowledged messages first, then unsent ones, then newer ones", () => {
    const scene = new Scene({ ...acknowledgement, perSecond: 1_000_000 });
    scene.open();
    scene.sendAll("a", "b", "c", "d");
    scene.lost("c", "d");
    scene.send("e");
    expect(scene.open()).toEqual(["a", "b", "c", "d", "e"]);
    // A message that returns from the second connection may have been delivered by the first one.
    scene.lost("b", "c", "d", "e");
    scene.send("f");
    expect(scene.open()).toEqual(["a", "b", "c", "d", "e", "f"]);
  });

  it("returns messages with and without an id in the order of the calls", () => {
    const scene = new Scene({
      ...acknowledgement,
      idOf: ({ name }) => (/[xy]/.test(name) ? null : name),
    });
    scene.open();
    scene.sendAll("a", "x", "b", "y", "c");
    expect(scene.outbox.length).toBe(3);
    scene.lost("x", "b", "y", "c");
    expect(scene.open()).toEqual(["a", "x", "b", "y", "c"]);
    scene.lost();
    expect(scene.open()).toEqual(["a", "b", "c"]);
    expect(scene.errors).toEqual([]);
  });

  it("settles a message that returned and was then withdrawn", () => {
    const scene = new Scene({ ...acknowledgement });
    scene.open();
    scene.sendAll("a", "b", "c");
    scene.lost("a", "b", "c");
    scene.outbox.withdraw(scene.entries.get("b")!);
    expect(scene.open()).toEqual(["a", "c"]);
    scene.lost("c");
    scene.outbox.withdraw(scene.entries.get("c")!);
    expect(scene.open()).toEqual(["a"]);
    scene.lost();
    expect([scene.outbox.length, scene.open()]).toEqual([1, ["a"]]);
  });

  it("does not send an acknowledged message again, even if the old connection delivered the acknowledgement", () => {
    const scene = new Scene({ ...acknowledgement });
    scene.open();
    scene.sendAll("a", "b");
    scene.outbox.pause();
    scene.send("c");
    expect(scene.open()).toEqual(["a", "b", "c"]);
    scene.outbox.received(["a"]);
    scene.lost("a", "b", "c");
    expect(scene.open()).toEqual(["b", "c"]);
    scene.lost();
    scene.outbox.received(["b"]);
    expect(scene.open()).toEqual(["c"]);
  });

  it("ignores an acknowledgement of a message that was never sent", () => {
    const scene = new Scene({ ...acknowledgement });
    scene.send("a");
    scene.outbox.received(["a"]);
    scene.open();
    scene.lost("a");
    scene.outbox.received(["a"]);
    expect(scene.open()).toEqual(["a"]);
  });

  it("counts unacknowledged messages against its limits", () => {
    const scene = new Scene({ ...acknowledgement, capacity: 2 });
    scene.open();
    expect(scene.sendAll("a", "b", "c")).toEqual(["write", "write", "refused"]);
    const { message } = scene.outbox.overflowError();
    expect(message).toContain("2 messages of 2 bytes, of which 2 are sent and not acknowledged;");
    scene.outbox.received(["a"]);
    expect(scene.send("c")).toBe("write");
    scene.lost();
    expect(scene.open()).toEqual(["b", "c"]);
  });

  it("drops the oldest unacknowledged message first", () => {
    const scene = new Scene({ ...acknowledgement, capacity: 2, overflow: "dropOldest" });
    scene.open();
    expect(scene.sendAll("a", "b", "c")).toEqual(["write", "write", "write"]);
    scene.lost("c");
    expect(scene.sendAll("d", "e")).toEqual(["queued", "queued"]);
    expect(scene.log).toEqual(["a overflow", "b overflow", "c overflow"]);
    expect(scene.open()).toEqual(["d", "e"]);
  });

  it("expires messages that wait to be sent again, but not those that wait for an acknowledgement", () => {
    const scene = new Scene({ ...acknowledgement, ttl: 100 });
    scene.open();
    scene.send("a");
    scene.now = 5_000;
    expect([scene.take(), scene.log]).toEqual([[], []]);
    scene.lost();
    expect(scene.outbox.nextAt).toBe(100);
    expect([scene.open(), scene.log]).toEqual([[], ["a expired"]]);
    scene.send("b");
    for (scene.now = 5_050; scene.now < 5_100; scene.now += 20) {
      scene.lost();
      expect(scene.open()).toEqual(["b"]);
    }
    scene.lost();
    scene.now = 5_100;
    expect([scene.open(), scene.log]).toEqual([[], ["a expired", "b expired"]]);
  });

  it("sends the second of two messages with the same id at most once, and reports an error", () => {
    const scene = new Scene({ ...acknowledgement });
    scene.open();
    scene.sendAll("a");
    expect(scene.send("again", { id: "a" })).toBe("write");
    expect(scene.errors.map(({ message }) => message)).toEqual([
      "Another message with the id a is not acknowledged yet: this message is sent at most once.",
    ]);
    scene.lost();
    expect(scene.open()).toEqual(["a"]);
    scene.outbox.received(["a"]);
    expect(scene.send("later", { id: "a" })).toBe("write");
    expect([scene.outbox.length, scene.errors.length]).toEqual([1, 1]);
  });

  it("releases the id of a refused, expired, dropped or withdrawn message", () => {
    const scene = new Scene({ ...acknowledgement, capacity: 1, ttl: 100 });
    scene.send("a", { id: "one" });
    scene.send("b", { id: "two" });
    scene.now = 100;
    expect(scene.send("c", { id: "one" })).toBe("queued");
    scene.outbox.withdraw(scene.entries.get("c")!);
    expect(scene.send("d", { id: "two" })).toBe("queued");
    scene.outbox.end();
    expect(scene.send("e", { id: "two" })).toBe("queued");
    expect([scene.errors, scene.log]).toEqual([[], ["a expired", "d closed"]]);
  });

  it("removes a withdrawn message that is not written, but keeps one that may have been sent", () => {
    const scene = new Scene({ ...acknowledgement });
    scene.open();
    scene.sendAll("a", "b");
    scene.outbox.withdraw(scene.entries.get("a")!);
    scene.lost();
    scene.outbox.withdraw(scene.entries.get("b")!);
    expect(scene.open()).toEqual(["b"]);
    scene.outbox.withdraw(scene.entries.get("b")!);
    scene.lost("b");
    expect([scene.open(), scene.log]).toEqual([["b"], []]);
  });

  it("reports each unacknowledged message at the end, in the order of the calls", () => {
    const scene = new Scene({ ...acknowledgement, perSecond: 1 });
    scene.open();
    scene.sendAll("a", "b");
    scene.lost("b");
    scene.send("c");
    expect(scene.open()).toEqual(["a"]);
    scene.outbox.end();
    expect(scene.log).toEqual(["a closed", "b closed", "c closed"]);
    expect([scene.outbox.length, scene.outbox.bytes, scene.open()]).toEqual([0, 0, []]);
  });

  it("loses no message when a function throws", () => {
    const throwError = (): never => {
      throw new RangeError("not today");
    };
    const scene = new Scene({
      overflow: "conflate",
      keyOf: throwError,
      idOf: throwError,
      acknowledges: throwError,
    });
    scene.sendAll("a1", "a2");
    expect(scene.open()).toEqual(["a1", "a2"]);
    expect(scene.errors.map(({ message }) => message.split(" ")[0])).toEqual([
      "outbox.idOf",
      "outbox.keyOf",
      "outbox.idOf",
      "outbox.keyOf",
    ]);
    expect(scene.errors[0]?.cause).toBeInstanceOf(RangeError);
  });

  it("keeps all messages unacknowledged when `acknowledges` throws", () => {
    const scene = new Scene({
      ...acknowledgement,
      acknowledges: () => {
        throw new Error("what is this?");
      },
    });
    scene.open();
    scene.send("a");
    scene.outbox.received(["a"]);
    expect([scene.outbox.length, scene.errors.length]).toEqual([1, 1]);
  });
});

describe("Outbox that is called from onDropped", () => {
  it("behaves as if the outer call had finished", () => {
    const scene = new Scene({ capacity: 2, overflow: "dropOldest" });
    scene.onDropped = (name) => {
      if (name === "a") scene.send("inner");
    };
    scene.sendAll("a", "b", "c");
    expect(scene.log).toEqual(["a overflow", "b overflow"]);
    expect(scene.open()).toEqual(["c", "inner"]);
  });

  it("may be ended", () => {
    const scene = new Scene({ ttl: 10, ...acknowledgement });
    scene.onDropped = () => scene.outbox.end();
    scene.sendAll("a", "b");
    scene.now = 10;
    expect([scene.take(), scene.outbox.length]).toEqual([[], 0]);
    expect(scene.log).toEqual(["a expired", "b expired"]);
  });
});
