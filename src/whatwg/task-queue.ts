// Runs tasks one by one, as an event loop does: all promise reactions of a task run before the next task. It does not
// know what a task does.
import type { Runtime } from "../index.js";

/** Its reactions cost half as much time as `queueMicrotask()`. */
const settled: Promise<void> = Promise.resolve();

/** A queue of tasks. A task never runs during the call that adds it. */
export class TaskQueue<Task> {
  readonly #runtime: Pick<Runtime, "defer">;
  readonly #perform: (task: Task) => void;
  #tasks: Task[] = [];
  #next = 0;

  constructor(runtime: Pick<Runtime, "defer">, perform: (task: Task) => void) {
    this.#runtime = runtime;
    this.#perform = perform;
  }

  add(task: Task): void {
    if (this.#tasks.push(task) === 1) this.#schedule();
  }

  /**
   * Adds a task during a read from the network. The program has not run in this turn of the event loop, so that the first
   * task does not wait for promise reactions of the program. Waiting would take a twentieth of the time to receive a
   * message that arrives alone (`recv-single-128B`).
   */
  addRead(task: Task): void {
    if (this.#tasks.push(task) === 1) void settled.then(this.#run);
  }

  /** Runs all tasks now, without the promise reactions between them. */
  flush(): void {
    while (this.#next < this.#tasks.length) this.#perform(this.#tasks[this.#next++]!);
    this.#tasks = [];
    this.#next = 0;
  }

  readonly #run = (): void => {
    // `flush` may have run the tasks.
    if (this.#tasks.length === 0) return;
    // The task may flush the queue, so that the queue must not contain the task any more.
    const task = this.#tasks[this.#next++]!;
    try {
      this.#perform(task);
    } finally {
      // Only now, because `add` starts the queue if it is empty.
      if (this.#next < this.#tasks.length) this.#schedule();
      else this.#tasks = [];
      if (this.#tasks.length === 0) this.#next = 0;
    }
  };

  /**
   * `defer` alone would run the task before the promise reactions of the current task. After one reaction, it runs the
   * task when no further reaction is left.
   */
  #schedule(): void {
    void settled.then(this.#continue);
  }

  readonly #continue = (): void => this.#runtime.defer(this.#run);
}
