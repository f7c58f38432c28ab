import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HookConnection } from "../../../src/client/connection/hook-connection.js";
import { BufferOverflowError, TimeoutError } from "../../../src/errors.js";
import type { SetupRecvOptions } from "../../../src/options/setup-connection.js";
import { createCountingRuntime, type CountingRuntime } from "../../support/counting-runtime.js";
import { pendingSender } from "../../support/never.js";
import { stateOf } from "../../support/state-of.js";
import { VirtualRuntime } from "../../support/virtual-runtime.js";

let clock: VirtualRuntime;
let counting: CountingRuntime;
let hook: HookConnection;
/** The arguments of all `onFull` calls. */
let fullChanges: boolean[];
let decodedCount: number;

beforeEach(() => {
  clock = new VirtualRuntime();
  counting = createCountingRuntime(clock);
  fullChanges = [];
  decodedCount = 0;
  hook = create(true);
});

afterEach(() => {
  hook.end("over");
  counting.assertIdle();
});

function create(isBuffering: boolean): HookConnection {
  return new HookConnection({
    ...{ sender: pendingSender, runtime: counting.runtime, maxBytes: 10, isBuffering },
    deserializer: (data, isBinary) => {
      decodedCount++;
      if (data === "bad") throw new Error("no good");
      return isBinary ? `bytes ${data.toString()}` : data;
    },
    onFull: (isFull) => void fullChanges.push(isFull),
  });
}

/** Passes messages to the hook. @returns for each message whether the hook buffered or consumed it. */
function receive(...messages: readonly (string | Buffer)[]): boolean[] {
  return messages.map((data) => hook.receive({ data, size: data.length, at: clock.now() }));
}

const recv = (options?: SetupRecvOptions<unknown>): Promise<unknown> =>
  stateOf(hook.publicConnection.recv(options));
const named = (name: string): SetupRecvOptions<unknown> => ({ match: (message) => message === name });

const releasedData = (): unknown[] => hook.release().map(({ data }) => data);

describe("publicConnection", () => {
  it("contains the sending methods and is frozen", () => {
    const { recv: _recv, ended: _ended, ...given } = hook.publicConnection;
    expect(given).toEqual(pendingSender);
    expect(Object.isFrozen(hook.publicConnection)).toBe(true);
  });

  it("aborts one signal when the connection ends, with the error of the end as reason", () => {
    const { ended } = hook.publicConnection;
    const error = new Error("the end");
    const seen: unknown[] = [];
    ended.addEventListener("abort", () => seen.push(ended.reason));
    expect(ended.aborted).toBe(false);
    hook.end(error);
    expect(seen).toEqual([error]);
    expect(hook.publicConnection.ended).toBe(ended);
  });

  it("has a signal that is already aborted if it is first read after the end", () => {
    const error = new Error("the end");
    hook.end(error);
    const { ended } = hook.publicConnection;
    expect([ended.aborted, ended.reason]).toEqual([true, error]);
  });
});

describe("recv() while the hook runs", () => {
  it("returns buffered messages, then new messages, in order", async () => {
    expect(receive("1", "2")).toEqual([true, true]);
    const reading = [
      hook.publicConnection.recv(),
      hook.publicConnection.recv(),
      hook.publicConnection.recv(),
      hook.publicConnection.recv(),
    ];
    receive("3", Buffer.from("4"));
    expect(await Promise.all(reading)).toEqual(["1", "2", "3", "bytes 4"]);
    expect(releasedData()).toEqual([]);
  });

  it("returns the first message that matches, and keeps the order of the others", async () => {
    receive("1", "ok", "2");
    expect(await recv(named("ok"))).toBe("ok");
    const waiting = hook.publicConnection.recv(named("welcome"));
    receive("3", "welcome", "4");
    expect(await waiting).toBe("welcome");
    expect([await recv(), releasedData()]).toEqual(["1", ["2", "3", "4"]]);
  });

  it("resolves the first call whose match accepts the message", async () => {
    const waiting = [
      hook.publicConnection.recv(named("b")),
      hook.publicConnection.recv(named("a")),
      hook.publicConnection.recv(),
    ];
    receive("a", "c", "b");
    expect(await Promise.all(waiting)).toEqual(["b", "a", "c"]);
  });

  it("does not decode messages while no call waits", () => {
    receive("1", "bad");
    expect(decodedCount).toBe(0);
  });

  it("skips messages that cannot be decoded, and leaves them to the client", async () => {
    const waiting = hook.publicConnection.recv();
    receive("bad", "1");
    expect(await waiting).toBe("1");
    receive("2");
    expect([await recv(), releasedData()]).toEqual(["2", ["bad"]]);
  });

  it("are decoded once, also if the deserializer throws and every recv() examines them", async () => {
    receive("bad", "1", "2");
    expect([await recv(named("2")), await recv(named("1")), await recv()]).toEqual(["2", "1", "waits"]);
    expect(decodedCount).toBe(3);
  });

  it("rejects when match throws, and offers the message to the next call", async () => {
    const match = (): never => {
      throw new Error("oops");
    };
    const waiting = [hook.publicConnection.recv({ match }), hook.publicConnection.recv()];
    receive("1");
    expect(await Promise.all(waiting.map(stateOf))).toEqual([new Error("oops"), "1"]);
    receive("2");
    expect([await recv({ match }), releasedData()]).toEqual([new Error("oops"), ["2"]]);
  });

  it("loses no message when a match function reads another message", async () => {
    receive("1", "2", "3", "4");
    const inner: Promise<unknown>[] = [];
    const match = (message: unknown): boolean => {
      if (message === "2" && inner.length === 0) inner.push(hook.publicConnection.recv());
      return message === "2";
    };
    expect(await recv({ match })).toBe("2");
    expect(await Promise.all(inner)).toEqual(["1"]);
    expect(releasedData()).toEqual(["3", "4"]);
  });

  it("continues with the other messages when a match function reads the message itself", async () => {
    receive("1", "2", "2");
    const inner: Promise<unknown>[] = [];
    const match = (message: unknown): boolean => {
      if (message === "2" && inner.length === 0) inner.push(hook.publicConnection.recv(named("2")));
      return message === "2";
    };
    expect(await recv({ match })).toBe("2");
    expect(await Promise.all(inner)).toEqual(["2"]);
    expect(releasedData()).toEqual(["1"]);
  });

  it("finds no message after a match function has released the buffer", async () => {
    receive("1");
    const match = (): boolean => hook.release().length > 0;
    const waiting = hook.publicConnection.recv({ match });
    hook.end("over");
    expect(await stateOf(waiting)).toBe("over");
  });

  it("loses no message when a match function ends other calls", async () => {
    const controllers = [new AbortController(), new AbortController()];
    const match = (): boolean => {
      for (const controller of controllers) controller.abort("stop");
      return true;
    };
    const calls = [
      hook.publicConnection.recv({ match, signal: controllers[0]!.signal }),
      hook.publicConnection.recv({ signal: controllers[1]!.signal }),
      hook.publicConnection.recv(),
    ];
    receive("1");
    expect(await Promise.all(calls.map(stateOf))).toEqual(["stop", "stop", "1"]);
  });

  it("consumes no message after its timeout or signal ended it", async () => {
    const controller = new AbortController();
    const waiting = [
      hook.publicConnection.recv({ timeout: 50 }),
      hook.publicConnection.recv({ signal: controller.signal }),
    ];
    clock.advance(50);
    controller.abort("stop");
    receive("1");
    expect(await Promise.all(waiting.map(stateOf))).toEqual([expect.any(TimeoutError), "stop"]);
    expect(await recv({ signal: controller.signal })).toBe("stop");
    expect(releasedData()).toEqual(["1"]);
  });

  it.each([
    [{ timeout: -1 }, /"timeout"/],
    [{ match: 5 }, /"match"/],
    [{ limit: 5 }, /"limit".*signal, timeout, match/],
  ])("rejects with a TypeError for the options %j", async (options, words) => {
    const error = await recv(options as never);
    expect(error).toBeInstanceOf(TypeError);
    expect((error as Error).message).toMatch(words);
  });
});

describe("the limit maxBytes", () => {
  it("pauses reading when the buffer exceeds it, until enough messages are consumed", async () => {
    receive("12345", "67890");
    expect(fullChanges).toEqual([]);
    receive("x");
    expect(fullChanges).toEqual([true]);
    expect(await recv()).toBe("12345");
    expect(fullChanges).toEqual([true, false]);
  });

  it("is reported once, even if more messages arrive", () => {
    receive("12345", "67890", "x", "y");
    expect(fullChanges).toEqual([true]);
  });

  it("rejects pending calls that match no buffered message, and later calls", async () => {
    const waiting = [hook.publicConnection.recv(named("ok")), hook.publicConnection.recv(named("ready"))];
    receive("12345", "67890", "x");
    const states = await Promise.all(waiting.map(stateOf));
    for (const state of [...states, await recv(named("ok"))]) {
      expect(state).toBeInstanceOf(BufferOverflowError);
      expect((state as Error).message).toMatch(/^More than 10 bytes \(maxMessageSize\)/);
    }
    expect(fullChanges).toEqual([true]);
    expect(await recv()).toBe("12345");
  });

  it("does not count messages that a call consumes on arrival", async () => {
    const waiting = hook.publicConnection.recv();
    receive("x".repeat(50), "12345");
    expect([await waiting, fullChanges]).toEqual(["x".repeat(50), []]);
  });

  it("no longer applies after the hook has completed", async () => {
    receive("12345", "67890", "x");
    expect(releasedData()).toEqual(["12345", "67890", "x"]);
    // The owner resumes reading after it has delivered these messages.
    expect(fullChanges).toEqual([true]);
    const waiting = hook.publicConnection.recv(named("ok"));
    receive("x".repeat(50), "ok");
    expect([await waiting, fullChanges]).toEqual(["ok", [true]]);
  });
});

describe("release()", () => {
  it("returns the unconsumed messages once, undecoded", () => {
    clock.advance(5);
    const bytes = Buffer.from("2");
    receive("1", bytes);
    expect(hook.release()).toEqual([
      { data: "1", size: 1, at: 5 },
      { data: bytes, size: 1, at: 5 },
    ]);
    expect([hook.release(), fullChanges]).toEqual([[], []]);
  });

  it("ends the buffering, so that only messages for a waiting call are kept from the client", async () => {
    expect(hook.wantsMessages).toBe(true);
    hook.release();
    expect([hook.wantsMessages, receive("1")]).toEqual([false, [false]]);
    const waiting = hook.publicConnection.recv(named("2"));
    expect([hook.wantsMessages, receive("1", "2", "2")]).toEqual([true, [false, true, false]]);
    expect([await waiting, hook.wantsMessages]).toEqual(["2", false]);
  });
});

describe("without a hook", () => {
  it("buffers no messages", async () => {
    hook = create(false);
    expect([hook.wantsMessages, receive("1"), hook.release()]).toEqual([false, [false], []]);
    const waiting = hook.publicConnection.recv();
    expect(receive("bad", "2")).toEqual([false, true]);
    expect(await waiting).toBe("2");
  });
});

describe("end()", () => {
  it("rejects pending and later calls", async () => {
    const waiting = [hook.publicConnection.recv({ timeout: 50 }), hook.publicConnection.recv(named("ok"))];
    hook.end("gone");
    expect(await Promise.all(waiting.map(stateOf))).toEqual(["gone", "gone"]);
    expect([await recv(), counting.openTimers]).toEqual(["gone", 0]);
  });

  it("leaves the messages that were buffered before", async () => {
    receive("1");
    hook.end("gone");
    expect([await recv(), await recv()]).toEqual(["1", "gone"]);
  });
});
