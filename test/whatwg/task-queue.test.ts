import { expect, it } from "vitest";
import { nodeRuntime } from "../../src/index.js";
import { TaskQueue } from "../../src/whatwg/task-queue.js";

function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

it("tasks run in order, after the call, each with its promise reactions", async () => {
  const log: unknown[] = [];
  const queue = new TaskQueue<number>(nodeRuntime, (task) => {
    log.push(task);
    // Each reaction starts another one.
    let chain = Promise.resolve();
    for (let depth = 0; depth < 10; depth++) chain = chain.then(() => undefined);
    void chain.then(() => log.push(`after ${task}`));
    if (task === 1) queue.add(4);
  });
  for (const task of [1, 2, 3]) queue.add(task);
  expect(log).toEqual([]);
  await settle();
  expect(log).toEqual([1, "after 1", 2, "after 2", 3, "after 3", 4, "after 4"]);
  queue.add(5);
  await settle();
  expect(log.slice(8)).toEqual([5, "after 5"]);
});

it("a task runs after the promise reactions of the task that adds it", async () => {
  const log: string[] = [];
  const queue = new TaskQueue<string>(nodeRuntime, (task) => void log.push(task));
  // Node runs deferred calls before promise reactions if the task is not a promise reaction itself.
  setImmediate(() => {
    queue.add("task");
    let chain = Promise.resolve();
    for (let depth = 0; depth < 10; depth++) chain = chain.then(() => undefined);
    void chain.then(() => log.push("reaction"));
  });
  await settle();
  await settle();
  expect(log).toEqual(["reaction", "task"]);
});

it("flush() runs all tasks at once, and tasks that are added later run once", async () => {
  const log: string[] = [];
  const queue = new TaskQueue<string>(nodeRuntime, (task) => {
    log.push(task);
    if (task === "a") queue.add("c");
  });
  queue.add("a");
  queue.add("b");
  queue.flush();
  expect(log).toEqual(["a", "b", "c"]);
  queue.flush();
  queue.add("d");
  await settle();
  expect(log).toEqual(["a", "b", "c", "d"]);
});

it("many tasks run before the next turn of the event loop", async () => {
  let count = 0;
  const queue = new TaskQueue<number>(nodeRuntime, () => {
    count++;
  });
  for (let added = 0; added < 10_000; added++) queue.add(added);
  await settle();
  expect(count).toBe(10_000);
});

it("the first task of a read runs after the read, and each further task after the promise reactions of the last", async () => {
  const log: unknown[] = [];
  const queue = new TaskQueue<number>(nodeRuntime, (task) => {
    log.push(task);
    let chain = Promise.resolve();
    for (let depth = 0; depth < 10; depth++) chain = chain.then(() => undefined);
    void chain.then(() => log.push(`after ${task}`));
    process.nextTick(() => log.push(`tick of ${task}`));
  });
  setImmediate(() => {
    for (const task of [1, 2, 3]) queue.addRead(task);
    log.push("read");
  });
  await settle();
  await settle();
  expect(log).toEqual([
    ...["read", 1, "after 1", "tick of 1", 2],
    ...["tick of 2", "after 2", 3, "tick of 3", "after 3"],
  ]);
});

it("a task that is added between two reads is not overtaken", async () => {
  const log: string[] = [];
  const queue = new TaskQueue<string>(nodeRuntime, (task) => void log.push(task));
  queue.add("open");
  queue.addRead("message");
  queue.add("close");
  await settle();
  expect(log).toEqual(["open", "message", "close"]);
});

it("flush() after a read leaves nothing to run", async () => {
  const log: string[] = [];
  const queue = new TaskQueue<string>(nodeRuntime, (task) => void log.push(task));
  queue.addRead("a");
  queue.flush();
  await settle();
  expect(log).toEqual(["a"]);
});

it("a task that throws, or flushes the queue, does not stop or repeat others", async () => {
  const log: string[] = [];
  const thrown: unknown[] = [];
  const defer = (run: () => void): void =>
    nodeRuntime.defer(() => {
      try {
        run();
      } catch (error) {
        thrown.push(error);
      }
    });
  const queue = new TaskQueue<string>({ defer }, (task) => {
    log.push(task);
    if (task === "throw") throw new Error("thrown");
    if (task === "flush") queue.flush();
  });
  for (const task of ["throw", "a", "flush", "b"]) queue.add(task);
  await settle();
  queue.add("c");
  await settle();
  expect(log).toEqual(["throw", "a", "flush", "b", "c"]);
  expect(thrown).toHaveLength(1);
});
