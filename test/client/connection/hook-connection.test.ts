import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HookConnection, type HookSender } from "../../../src/client/connection/hook-connection.js";
import { BufferOverflowError, TimeoutError } from "../../../src/errors.js";
import type { SetupRecvOptions } from "../../../src/options/setup-connection.js";
import { createCountingRuntime, type CountingRuntime } from "../../support/counting-runtime.js";
import { never } from "../../support/never.js";
import { VirtualRuntime } from "../../support/virtual-runtime.js";

const sender: HookSender<string, string> = {
  ...{ url: "ws://feed.test/", subprotocol: "chat", extensions: "" },
  send: () => never(),
  sendRaw: () => never(),
  ping: () => never(),
};

let clock: VirtualRuntime;
let counting: CountingRuntime;
let hook: HookConnection<string, string>;
/** What was told of its bound. */
let full: boolean[];
let decodedCount: number;

beforeEach(() => {
  clock = new VirtualRuntime();
  counting = createCountingRuntime(clock);
  full = [];
  decodedCount = 0;
  hook = create(true);
});

afterEach(() => {
  hook.end("over");
  counting.assertIdle();
});

function create(isBuffering: boolean): HookConnection<string, string> {
  return new HookConnection(
    {
      ...{ sender, runtime: counting.runtime, maxBytes: 10, isBuffering },
      deserializer: (data, isBinary) => {
        decodedCount++;
        if (data === "bad") throw new Error("no good");
        return isBinary ? `bytes ${data.toString()}` : (data as string);
      },
    },
    { onFull: (isFull) => full.push(isFull) },
  );
}

/** @returns Which of them the hook keeps from the client, for now or for good. */
function receive(...messages: readonly (string | Buffer)[]): boolean[] {
  return messages.map((data) => hook.receive({ data, size: data.length, at: clock.now() }));
}

const recv = (options?: SetupRecvOptions<string>): Promise<unknown> =>
  stateOf(hook.publicConnection.recv(options));
const named = (name: string): SetupRecvOptions<string> => ({ match: (message) => message === name });

async function stateOf(promise: Promise<unknown>): Promise<unknown> {
  const pending = {};
  await new Promise((resolve) => setImmediate(resolve));
  return Promise.race([promise, Promise.resolve(pending)]).then(
    (value) => (value === pending ? "waits" : value),
    (error: unknown) => error,
  );
}

const left = (): unknown[] => hook.release().map(({ data }) => data);

describe("what a hook is given", () => {
  it("is the connection as it sends, and cannot be changed", () => {
    const { recv: _recv, ...given } = hook.publicConnection;
    expect(given).toEqual(sender);
    expect(Object.isFrozen(hook.publicConnection)).toBe(true);
  });
});

describe("recv() while the hook runs", () => {
  it("gives what waits, then what comes, in order", async () => {
    expect(receive("1", "2")).toEqual([true, true]);
    const reading = [
      hook.publicConnection.recv(),
      hook.publicConnection.recv(),
      hook.publicConnection.recv(),
      hook.publicConnection.recv(),
    ];
    receive("3", Buffer.from("4"));
    expect(await Promise.all(reading)).toEqual(["1", "2", "3", "bytes 4"]);
    expect(left()).toEqual([]);
  });

  it("by match takes the first that fits, and the others keep their place", async () => {
    receive("1", "ok", "2");
    expect(await recv(named("ok"))).toBe("ok");
    const waiting = hook.publicConnection.recv(named("welcome"));
    receive("3", "welcome", "4");
    expect(await waiting).toBe("welcome");
    expect([await recv(), left()]).toEqual(["1", ["2", "3", "4"]]);
  });

  it("gives a message to the first call that takes it", async () => {
    const waiting = [
      hook.publicConnection.recv(named("b")),
      hook.publicConnection.recv(named("a")),
      hook.publicConnection.recv(),
    ];
    receive("a", "c", "b");
    expect(await Promise.all(waiting)).toEqual(["b", "a", "c"]);
  });

  it("does not decode what nobody waits for", () => {
    receive("1", "bad");
    expect(decodedCount).toBe(0);
  });

  it("leaves what cannot be decoded to the client", async () => {
    const waiting = hook.publicConnection.recv();
    receive("bad", "1");
    expect(await waiting).toBe("1");
    receive("2");
    expect([await recv(), left()]).toEqual(["2", ["bad"]]);
  });

  it("rejects where match throws, and the message goes to the next that takes it", async () => {
    const match = (): never => {
      throw new Error("oops");
    };
    const waiting = [hook.publicConnection.recv({ match }), hook.publicConnection.recv()];
    receive("1");
    expect(await Promise.all(waiting.map(stateOf))).toEqual([new Error("oops"), "1"]);
    receive("2");
    expect([await recv({ match }), left()]).toEqual([new Error("oops"), ["2"]]);
  });

  it("loses no message where a match ends other calls", async () => {
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

  it("may be given up, and takes nothing then", async () => {
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
    expect(left()).toEqual(["1"]);
  });

  it.each([
    [{ timeout: -1 }, /"timeout"/],
    [{ match: 5 }, /"match"/],
    [{ limit: 5 }, /"limit".*match, signal, timeout/],
  ])("rejects the options %j", async (options, words) => {
    const error = await recv(options as never);
    expect(error).toBeInstanceOf(TypeError);
    expect((error as Error).message).toMatch(words);
  });
});

describe("the bound", () => {
  it("stops the reading while nobody waits, until enough is taken", async () => {
    receive("12345", "67890");
    expect(full).toEqual([]);
    receive("x");
    expect(full).toEqual([true]);
    expect(await recv()).toBe("12345");
    expect(full).toEqual([true, false]);
  });

  it("is told once, whatever comes still", () => {
    receive("12345", "67890", "x", "y");
    expect(full).toEqual([true]);
  });

  it("rejects the calls that wait for something else, and those to come", async () => {
    const waiting = [hook.publicConnection.recv(named("ok")), hook.publicConnection.recv(named("ready"))];
    receive("12345", "67890", "x");
    const states = await Promise.all(waiting.map(stateOf));
    for (const state of [...states, await recv(named("ok"))]) {
      expect(state).toBeInstanceOf(BufferOverflowError);
      expect((state as Error).message).toMatch(/^More than 10 bytes \(maxMessageSize\)/);
    }
    expect(full).toEqual([true]);
    expect(await recv()).toBe("12345");
  });

  it("does not count what a call takes", async () => {
    const waiting = hook.publicConnection.recv();
    receive("x".repeat(50), "12345");
    expect([await waiting, full]).toEqual(["x".repeat(50), []]);
  });

  it("is no more once the hook is done", async () => {
    receive("12345", "67890", "x");
    expect(left()).toEqual(["12345", "67890", "x"]);
    // Its owner lets the reading go on, behind these.
    expect(full).toEqual([true]);
    const waiting = hook.publicConnection.recv(named("ok"));
    receive("x".repeat(50), "ok");
    expect([await waiting, full]).toEqual(["ok", [true]]);
  });
});

describe("when the hook is done", () => {
  it("what it has not taken is given once, as it came", () => {
    clock.advance(5);
    const bytes = Buffer.from("2");
    receive("1", bytes);
    expect(hook.release()).toEqual([
      { data: "1", size: 1, at: 5 },
      { data: bytes, size: 1, at: 5 },
    ]);
    expect([hook.release(), full]).toEqual([[], []]);
  });

  it("only messages that a call waits for are kept from the client", async () => {
    expect(hook.wantsMessages).toBe(true);
    hook.release();
    expect([hook.wantsMessages, receive("1")]).toEqual([false, [false]]);
    const waiting = hook.publicConnection.recv(named("2"));
    expect([hook.wantsMessages, receive("1", "2", "2")]).toEqual([true, [false, true, false]]);
    expect([await waiting, hook.wantsMessages]).toEqual(["2", false]);
  });
});

describe("without a hook", () => {
  it("nothing is held", async () => {
    hook = create(false);
    expect([hook.wantsMessages, receive("1"), hook.release()]).toEqual([false, [false], []]);
    const waiting = hook.publicConnection.recv();
    expect(receive("bad", "2")).toEqual([false, true]);
    expect(await waiting).toBe("2");
  });
});

describe("the end of the connection", () => {
  it("rejects the calls that wait, and those to come", async () => {
    const waiting = [hook.publicConnection.recv({ timeout: 50 }), hook.publicConnection.recv(named("ok"))];
    hook.end("gone");
    expect(await Promise.all(waiting.map(stateOf))).toEqual(["gone", "gone"]);
    expect([await recv(), counting.openTimers]).toEqual(["gone", 0]);
  });

  it("leaves what had come before", async () => {
    receive("1");
    hook.end("gone");
    expect([await recv(), await recv()]).toEqual(["1", "gone"]);
  });
});
