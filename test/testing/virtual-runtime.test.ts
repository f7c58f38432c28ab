import { beforeEach, describe, expect, it, vi } from "vitest";
import { WebSocket } from "../../src/index.js";
import { ScriptedServer } from "../../src/testing/index.js";
import type { TransportTarget } from "../../src/runtime/transport.js";
import { createCountingRuntime } from "../support/counting-runtime.js";
import { RecordingHandler } from "../support/recording-handler.js";
import type { VirtualPeer } from "../support/virtual-peer.js";
import { VirtualRuntime } from "../support/virtual-runtime.js";

let runtime: VirtualRuntime;
let log: string[];

beforeEach(() => {
  runtime = new VirtualRuntime();
  log = [];
});

function record(what: string): () => void {
  return () => log.push(`${runtime.now()}: ${what}`);
}

describe("the time of a VirtualRuntime", () => {
  it("advances only on request, and fires timers in order", () => {
    runtime.setTimer(20, record("c"));
    runtime.setTimer(10, record("a"));
    runtime.setTimer(10, record("b"));
    runtime.advance(9);
    expect(log).toEqual([]);
    runtime.advance(1);
    expect(log).toEqual(["10: a", "10: b"]);
    runtime.advance(100);
    expect(log).toEqual(["10: a", "10: b", "20: c"]);
    expect(runtime.now()).toBe(110);
  });

  it("fires timers that were set by timers", () => {
    runtime.setTimer(10, () => {
      record("first")();
      runtime.setTimer(5, record("second"));
    });
    runtime.advance(20);
    expect(log).toEqual(["10: first", "15: second"]);
  });

  it("does not fire a cleared timer, and knows whether a timer would keep the process alive", () => {
    const timer = runtime.setTimer(10, record("never"));
    expect(runtime.isHeld).toBe(true);
    timer.unref();
    expect(runtime.isHeld).toBe(false);
    timer.ref();
    expect(runtime.isHeld).toBe(true);
    timer.clear();
    timer.clear();
    expect(runtime.isHeld).toBe(false);
    runtime.advance(20);
    expect(log).toEqual([]);
  });

  it("accepts very long and infinite delays", () => {
    runtime.setTimer(Infinity, record("never"));
    runtime.setTimer(2 ** 40, record("late"));
    runtime.advance(2 ** 41);
    expect(log).toEqual([`${2 ** 40}: late`]);
  });

  it("runs a round in the order of Node.js: timers, network, afterTurn, with deferred callbacks in between", () => {
    runtime.afterTurn(record("turn"));
    runtime.defer(() => {
      record("deferred")();
      runtime.defer(record("deferred again"));
    });
    runtime.setTimer(0, () => {
      record("timer")();
      runtime.afterTurn(record("turn of the timer"));
      runtime.defer(record("deferred by the timer"));
    });
    runtime.advance(0);
    expect(log).toEqual(["0: deferred", "0: deferred again", "0: turn"]);
    runtime.advance(1);
    expect(log.slice(3)).toEqual(["1: timer", "1: deferred by the timer", "1: turn of the timer"]);
  });

  it("can pass while nothing runs: late timers fire before network events", () => {
    const { handler, peer } = open();
    handler.onCall = record("read");
    runtime.setTimer(10, () => {
      record("timer")();
      runtime.afterTurn(record("turn"));
    });
    peer.send("bytes");
    runtime.stall(25);
    runtime.advance(0);
    expect(log).toEqual(["25: timer", "25: read", "25: turn"]);
  });

  it("includes a wall clock that can be set", () => {
    runtime = new VirtualRuntime({ wallStart: 1_000 });
    runtime.advance(5);
    expect(runtime.wallNow()).toBe(1_005);
    runtime.shiftWallClock(-500);
    expect([runtime.wallNow(), runtime.now()]).toEqual([505, 5]);
  });

  it("lets promises settle between two timers", async () => {
    runtime.setTimer(10, () => {
      void Promise.resolve()
        .then(() => Promise.resolve())
        .then(() => runtime.setTimer(5, record("set by a promise")));
    });
    runtime.setTimer(20, record("later"));
    await runtime.advanceAsync(20);
    expect(log).toEqual(["15: set by a promise", "20: later"]);
    await runtime.advanceAsync(0);
  });

  it.each(["defer", "afterTurn"] as const)(
    "rethrows the error of a callback of %s(), and keeps the remaining callbacks",
    (schedule) => {
      runtime[schedule](() => {
        runtime[schedule](record("added"));
        throw new Error("thrown by a callback");
      });
      runtime[schedule](record("second"));
      expect(() => runtime.advance(0)).toThrow("thrown by a callback");
      expect(log).toEqual([]);
      runtime.advance(0);
      expect(log).toEqual(["0: second", "0: added"]);
    },
  );

  it("throws if callbacks schedule each other without end", () => {
    const again = (): void => runtime.afterTurn(again);
    again();
    expect(() => runtime.advance(0)).toThrow("Not idle after");
  });
});

describe("the randomness of a VirtualRuntime", () => {
  it("depends only on the seed", () => {
    const draw = (seed: number): unknown => {
      const seeded = new VirtualRuntime({ seed });
      const bytes = new Uint8Array(64);
      seeded.fillRandom(bytes);
      return [seeded.random(), [...bytes]];
    };
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
    expect(draw(0)).not.toEqual(draw(1));
  });

  it("is uniform in [0, 1)", () => {
    const drawn = Array.from({ length: 1_000 }, () => runtime.random());
    const mean = drawn.reduce((sum, number) => sum + number, 0) / drawn.length;
    expect(mean).toBeGreaterThan(0.45);
    expect(mean).toBeLessThan(0.55);
    expect(drawn.every((number) => number >= 0 && number < 1)).toBe(true);
  });
});

interface Dialled {
  readonly handler: RecordingHandler;
  readonly transport: ReturnType<RecordingHandler["watch"]>;
  readonly peer: VirtualPeer;
}

function dial(given: Partial<TransportTarget> = {}): Dialled {
  const handler = new RecordingHandler();
  const target: TransportTarget = {
    url: "ws://feed.test/",
    host: "feed.test",
    port: 80,
    isSecure: false,
    noDelay: true,
    keepAlive: false,
    signal: new AbortController().signal,
    readBuffer: Buffer.alloc(8),
    ...given,
  };
  const transport = handler.watch(runtime.openTransport(target, handler));
  return { handler, transport, peer: runtime.peers.at(-1)! };
}

/** Dials, and lets the peer accept. */
function open(): Dialled {
  const dialled = dial();
  dialled.peer.accept();
  runtime.advance(0);
  return dialled;
}

function sent(peer: VirtualPeer): string {
  return peer.received.toString();
}

describe("the network of a VirtualRuntime", () => {
  it("stays in the first phase until the peer continues", () => {
    const { handler, peer } = dial({ isSecure: true });
    expect(handler.calls).toEqual([]);
    runtime.advance(60_000);
    expect(handler.calls).toEqual(["dns"]);
    peer.reach("tcp");
    runtime.advance(60_000);
    expect(handler.calls).toEqual(["dns", "tcp"]);
    peer.accept();
    expect(handler.calls).toEqual(["dns", "tcp"]);
    runtime.advance(0);
    expect(handler.calls).toEqual(["dns", "tcp", "tls", "open"]);
  });

  it.each([
    [{ host: "127.0.0.1" }, ["tcp", "open"]],
    [{ socketPath: "/run/feed" }, ["tcp", "open"]],
    [{ host: "::1", isSecure: true }, ["tcp", "tls", "open"]],
  ])("reports the phases of %o", (given, calls) => {
    runtime = new VirtualRuntime({ server: { serve: (peer) => peer.accept() } });
    const { handler } = dial(given);
    runtime.advance(0);
    expect(handler.calls).toEqual(calls);
  });

  it("refuses a connection in its current phase", () => {
    const { handler, peer } = dial();
    peer.reach("tcp");
    peer.refuse();
    peer.accept();
    runtime.advance(0);
    expect(handler.calls).toEqual(["dns", "tcp", "close"]);
    expect(handler.error).toMatchObject({ code: "ECONNREFUSED" });
    expect(runtime.isHeld).toBe(false);
  });

  it("transfers bytes in both directions, one read per send, and closes after both sides ended", () => {
    const { handler, transport, peer } = open();
    peer.onData = (bytes) => {
      peer.send(bytes);
      peer.send("and more than fits");
    };
    peer.onEnd = () => peer.end();
    const segment = Buffer.from("echo");
    expect(transport.write(segment, () => expect.unreachable())).toBe(true);
    segment.fill(0);
    transport.end();
    transport.end();
    runtime.advance(0);
    expect(sent(peer)).toBe("echo");
    expect(handler.reads.map(String)).toEqual(["echo", "and more", " than fi", "ts"]);
    expect(handler.calls).toEqual(["dns", "tcp", "open", "data", "end", "close"]);
    expect(handler.error).toBeUndefined();
    expect(peer.isClosed).toBe(true);
  });

  it("delivers nothing while paused, even if paused inside onData", () => {
    const { handler, transport, peer } = open();
    handler.onCall = (call) => {
      if (call === "data") transport.pause();
    };
    peer.send("one");
    peer.send("two");
    peer.end();
    runtime.advance(0);
    expect(handler.received).toBe("one");
    transport.resume();
    expect(handler.received).toBe("one");
    runtime.advance(0);
    expect(handler.received).toBe("onetwo");
    expect(handler.calls).not.toContain("end");
    transport.resume();
    runtime.advance(0);
    expect(handler.calls.at(-1)).toBe("end");
  });

  it("refuses a write and accepts its bytes in pieces", () => {
    const { transport, peer } = open();
    const onWritten = vi.fn();
    peer.takesWrites = false;
    expect(transport.write(Buffer.from("slowly"), onWritten)).toBe(false);
    transport.end();
    peer.take(2);
    runtime.advance(0);
    expect([sent(peer), peer.waitingBytes]).toEqual(["sl", 4]);
    expect(onWritten).not.toHaveBeenCalled();
    peer.onEnd = record("end");
    peer.take();
    expect(onWritten).not.toHaveBeenCalled();
    runtime.advance(0);
    peer.take();
    runtime.advance(0);
    expect([sent(peer), peer.waitingBytes]).toEqual(["slowly", 0]);
    expect(onWritten).toHaveBeenCalledTimes(1);
    expect(log).toEqual(["0: end"]);
  });

  it("resets after the sent data, or at the next write", () => {
    const first = open();
    first.peer.send("before");
    first.peer.reset();
    runtime.advance(0);
    expect(first.handler.calls.slice(-2)).toEqual(["data", "close"]);
    expect(first.handler.error).toMatchObject({ code: "ECONNRESET" });

    const second = open();
    second.transport.pause();
    second.peer.send("before");
    second.peer.reset();
    runtime.advance(0);
    expect(second.handler.calls.at(-1)).toBe("open");
    expect(second.transport.write(Buffer.from("x"), () => expect.unreachable())).toBe(false);
    expect(second.handler.calls.at(-1)).toBe("open");
    runtime.advance(0);
    expect(second.handler.error).toMatchObject({ code: "EPIPE" });
  });

  it.each(["dialling", "open"])("reports only the close after destroy() while %s", (when) => {
    const { handler, transport, peer } = when === "open" ? open() : dial();
    runtime.advance(0);
    const before = handler.calls.length;
    peer.accept();
    peer.send("late");
    peer.end();
    peer.onDestroy = record("destroyed");
    transport.destroy();
    transport.destroy();
    expect(peer.isDestroyed).toBe(true);
    runtime.advance(0);
    expect(handler.calls.slice(before)).toEqual(["close"]);
    expect(handler.error).toBeUndefined();
    expect(log).toEqual(["0: destroyed"]);
    expect(transport.write(Buffer.from("x"), () => expect.unreachable())).toBe(false);
  });

  it("keeps the process alive while a transport is open and not unref'd", () => {
    const { transport } = open();
    expect(runtime.isHeld).toBe(true);
    transport.unref();
    expect(runtime.isHeld).toBe(false);
    transport.ref();
    expect(runtime.isHeld).toBe(true);
    transport.destroy();
    runtime.advance(0);
    expect(runtime.isHeld).toBe(false);
  });

  it("follows the rules of the transport port in a long exchange", () => {
    runtime = new VirtualRuntime({
      server: {
        serve: (peer) => {
          peer.accept();
          peer.onData = (bytes) => peer.send(bytes);
        },
      },
    });
    const { handler, transport } = dial();
    handler.onCall = (call) => {
      if (call === "open" || (call === "data" && handler.reads.length < 100)) {
        transport.write(Buffer.from("ping"), () => undefined);
      }
      if (handler.reads.length === 100) transport.destroy();
    };
    runtime.advance(0);
    expect(handler.reads).toHaveLength(100);
    expect(handler.calls.at(-1)).toBe("close");
    expect(handler.faults).toEqual([]);
  });
});

describe("createCountingRuntime", () => {
  it("names pending timers, transports and callbacks, and nothing once they are done", () => {
    const counting = createCountingRuntime(runtime);
    const handler = new RecordingHandler();
    counting.assertIdle();
    const { target } = dial().peer;
    const transport = counting.runtime.openTransport(target, handler);
    const timer = counting.runtime.setTimer(10, () => undefined);
    counting.runtime.setTimer(5, () => undefined);
    counting.runtime.defer(() => undefined);
    counting.runtime.afterTurn(() => undefined);
    expect(counting).toMatchObject({ openTransports: 1, openTimers: 2, pendingDefers: 1, pendingTurns: 1 });
    expect(() => counting.assertIdle()).toThrow("Still in use: 1 transports, 2 timers, 1 defers, 1 turns");
    runtime.advance(5);
    expect(() => counting.assertIdle()).toThrow("Still in use: 1 transports, 1 timers");
    timer.unref();
    timer.ref();
    timer.clear();
    timer.clear();
    transport.destroy();
    runtime.advance(0);
    counting.assertIdle();
    expect([counting.runtime.now(), counting.runtime.wallNow()]).toEqual([5, 5]);
    expect(counting.runtime.random()).toBeLessThan(1);
    counting.runtime.fillRandom(new Uint8Array(1));
  });
});

describe("wrong use", () => {
  it.each([undefined, -1, NaN, "10"])("of advance(), stall() and advanceAsync() throws: %j", async (ms) => {
    const message = /^The time to advance must be milliseconds from 0 on, not /;
    expect(() => runtime.advance(ms as never)).toThrow(message);
    expect(() => runtime.stall(ms as never)).toThrow(message);
    await expect(runtime.advanceAsync(ms as never)).rejects.toThrow(message);
    expect(runtime.now()).toBe(0);
  });

  it("of the constructors throws", () => {
    expect(() => new VirtualRuntime({ sever: 1 } as never)).toThrow('Unknown option "sever"');
    expect(() => new ScriptedServer({ onConnect: () => undefined } as never)).toThrow(
      'Unknown option "onConnect"',
    );
    const message = "onConnection is required";
    expect(() => new ScriptedServer({} as never)).toThrow(message);
    expect(() => new ScriptedServer({ onConnection: 5 } as never)).toThrow(message);
    expect(() => new ScriptedServer({ onConnection: () => undefined, onOpen: 5 } as never)).toThrow(message);
    expect(() => new ScriptedServer((() => undefined) as never)).toThrow("must be an object, not function");
    expect(() => Reflect.construct(ScriptedServer, []) as unknown).toThrow(
      "must be an object, not undefined",
    );
  });

  it("of accept() throws: a second call on one connection", async () => {
    const errors: unknown[] = [];
    const server = new ScriptedServer({
      onConnection: (connection) => {
        connection.accept();
        connection.accept();
      },
      onError: (error) => errors.push(error),
    });
    const virtual = new VirtualRuntime({ server });
    const ws = new WebSocket("ws://feed.test/", { runtime: virtual });
    ws.on("error", () => undefined);
    void ws.connect();
    await virtual.advanceAsync(10);
    ws.terminate();
    await virtual.advanceAsync(10);
    expect(errors).toEqual([new Error("The connection was accepted already.")]);
  });
});
