import { expect, it } from "vitest";
import { FlushCalls, type FlushCallsHost } from "../../../src/client/sending/flush-calls.js";
import type { LiveConnection } from "../../../src/connection/live-connection.js";
import { turns } from "../../support/dialling.js";
import { VirtualRuntime } from "../../support/virtual-runtime.js";

/** A connection that finishes its writes, or breaks, when the test calls `settle()`. */
class Writer {
  readonly #settle: (() => void)[] = [];
  flushCount = 0;
  isBroken = false;

  flush(): Promise<void> {
    this.flushCount++;
    return new Promise((resolve, reject) => {
      this.#settle.push(() => (this.isBroken ? reject(new Error("broken")) : resolve()));
    });
  }

  async settle(): Promise<void> {
    for (const settle of this.#settle.splice(0)) settle();
    await turns(2);
  }

  readonly queue = this;

  get live(): LiveConnection {
    return this as unknown as LiveConnection;
  }
}

class Scene {
  readonly host: { -readonly [Name in keyof FlushCallsHost]: FlushCallsHost[Name] } = {
    live: undefined,
    waitingCount: 0,
    returnCount: 0,
  };
  readonly clock = new VirtualRuntime();
  readonly calls: FlushCalls = new FlushCalls(this.clock, this.host);
  readonly log: string[] = [];

  flush(name: string, timeout?: number): void {
    this.calls.add(this.host.live, { timeout }).then(
      () => this.log.push(name),
      (error: unknown) => this.log.push(`${name} ${(error as Error).name}`),
    );
  }
}

it("waits for the outbox, then for the connection that accepted its messages", async () => {
  const scene = new Scene();
  const writer = new Writer();
  scene.host.waitingCount = 1;
  scene.flush("a");
  scene.host.live = writer.live;
  scene.flush("b");
  scene.calls.proceed();
  expect(writer.flushCount).toBe(0);
  scene.host.waitingCount = 0;
  scene.calls.proceed();
  scene.calls.proceed();
  scene.flush("c");
  expect([writer.flushCount, scene.log]).toEqual([2, []]);
  await writer.settle();
  expect(scene.log).toEqual(["a", "b", "c"]);
});

it.each([
  ["another connection has already accepted them", true, false],
  ["another connection accepts them later", false, false],
  ["another connection accepts them later, and the first one has broken", false, true],
])("waits again if messages are returned: %s", async (_, hasMoved, isBroken) => {
  const scene = new Scene();
  const [first, second] = [new Writer(), new Writer()];
  scene.host.live = first.live;
  scene.flush("a");
  scene.host.returnCount++;
  scene.host.live = hasMoved ? second.live : undefined;
  scene.calls.proceed();
  first.isBroken = isBroken;
  await first.settle();
  expect([second.flushCount, scene.log]).toEqual([hasMoved ? 1 : 0, []]);
  scene.host.live = second.live;
  scene.calls.proceed();
  await second.settle();
  expect([second.flushCount, scene.log]).toEqual([1, ["a"]]);
});

it("removes all pending calls, without those that a timeout has ended", async () => {
  const scene = new Scene();
  const writer = new Writer();
  scene.flush("outbox", 10);
  scene.flush("also outbox");
  scene.host.live = writer.live;
  scene.flush("writer", 10);
  scene.flush("also writer");
  scene.clock.advance(10);
  await turns(2);
  expect(scene.log).toEqual(["outbox TimeoutError", "writer TimeoutError"]);
  const waits = scene.calls.takeAll();
  expect(waits).toHaveLength(2);
  for (const wait of waits) wait.reject(new Error("over"));
  await writer.settle();
  scene.calls.proceed();
  expect([writer.flushCount, scene.log.slice(2)]).toEqual([2, ["also writer Error", "also outbox Error"]]);
});
