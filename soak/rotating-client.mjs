/** A process with a client whose connection is replaced every second. */
import { join } from "node:path";
import { WebSocket } from "jetsocket";
import { JournalWriter } from "./journal-writer.mjs";
import { isIntact, makeMessage } from "./messages.mjs";

const rotationMs = 1_000;

/** @type {RotatingClient} */
let client;

class RotatingClient {
  sent = 0;
  received = 0;
  counts = { gaps: 0, resets: 0, rotations: 0, duplicates: 0, disconnects: 0, longestOverlapMs: 0 };
  /** @type {string[]} */
  problems = [];
  #ws;
  #journal;
  #timers = [];

  constructor({ folder, port, name, by, mode, query }) {
    this.#journal = new JournalWriter(join(folder, `down-${name}.log`), undefined);
    this.#ws = new WebSocket(`ws://127.0.0.1:${port}/?lane=${name}${query}`, {
      ...(by === "age" && { maxConnectionAge: rotationMs }),
      rotation: { mode },
      outbox: { capacity: 100_000, maxBytes: 2 ** 28 },
      replay: {
        sequence: (message) => message.seq,
        onReplay: async (cursors, connection) => {
          await connection.send({ resumeAfter: cursors.default.sequence });
        },
        cursors: { default: { sequence: 0 } },
      },
    });
    this.#listen();
    if (by === "call") this.#timers.push(setInterval(() => this.#rotate(), rotationMs));
  }

  async open() {
    await this.#ws.connect();
    const began = performance.now();
    this.#timers.push(setInterval(() => this.#sendUntil(performance.now() - began), 1));
  }

  async close(head) {
    for (const timer of this.#timers) clearInterval(timer);
    const limit = performance.now() + 10_000;
    while (this.received < head && performance.now() < limit)
      await new Promise((resolve) => setTimeout(resolve, 20));
    await this.#ws.flush();
    // Copied before close(), so that our own end is not counted as a disconnect.
    const counts = { ...this.counts };
    await this.#ws.close();
    return { sent: this.sent, counts, problems: this.problems };
  }

  #listen() {
    const { counts } = this;
    this.#ws.on("message", ({ data }) => {
      this.received = Math.max(this.received, data.seq);
      this.#journal.write(data.seq, isIntact(data.seq, data.fill));
    });
    this.#ws.on("gap", () => counts.gaps++);
    this.#ws.on("reset", () => counts.resets++);
    this.#ws.on("rotated", ({ overlapMs, duplicates }) => {
      counts.rotations++;
      counts.duplicates += duplicates;
      counts.longestOverlapMs = Math.max(counts.longestOverlapMs, overlapMs);
    });
    this.#ws.on("disconnected", () => counts.disconnects++);
    this.#ws.on("error", ({ error }) => this.#reportProblem(String(error.stack)));
    this.#ws.on("dropped", ({ direction, cause }) => this.#reportProblem(`dropped ${direction}: ${cause}`));
  }

  #rotate() {
    this.#ws.rotate("soak").catch((error) => this.#reportProblem(`rotate(): ${error}`));
  }

  #sendUntil(count) {
    while (this.sent < count) {
      this.#ws.send(makeMessage("id", ++this.sent)).catch((error) => this.#reportProblem(`send(): ${error}`));
    }
  }

  #reportProblem(problem) {
    if (this.problems.length < 20) this.problems.push(problem);
  }
}

process.on("message", (/** @type {any} */ order) => {
  const isOpening = order.do === "open";
  if (isOpening) client = new RotatingClient(order);
  const work = isOpening ? client.open() : client.close(order.head);
  work.then(
    (result) => process.send?.({ type: isOpening ? "begun" : "closed", ...result }),
    (error) => process.send?.({ type: "failed", error: String(error.stack) }),
  );
});
process.on("disconnect", () => process.exit());
