/** The process under test: runs one client per lane, one lane after another. It writes a journal and checks nothing. */
import { getEventListeners } from "node:events";
import { get } from "node:http";
import { join } from "node:path";
import { WebSocket } from "jetsocket";
import { JournalWriter } from "./journal-writer.mjs";
import { burstSize, isIntact, makeMessage } from "./messages.mjs";
import { measure } from "./measure.mjs";

const tickMs = 10;
const messagesPerTick = 5;

/** @type {Map<number, (answer: any) => void>} */
const asked = new Map();
let lastQuestion = 0;
/** @type {Lane | undefined} */
let lane;

/** Asks the parent for the URL of the next attempt. */
function askForUrl() {
  const question = ++lastQuestion;
  process.send?.({ type: "attempt", question });
  return new Promise((resolve) => asked.set(question, resolve));
}

class Lane {
  /** The highest number passed to `send()`. */
  sent = 0;
  /** The highest number received. */
  received = 0;
  counts = {
    opened: 0,
    attempts: 0,
    gaps: 0,
    resets: 0,
    recovered: 0,
    dropped: 0,
    failedSends: 0,
    closed: 0,
  };
  /** @type {string[]} */
  problems = [];
  /** @type {import("./journal.mjs").LinkEnd[]} */
  ends = [];
  /** Number of reports by verdict. @type {Record<string, number>} */
  verdicts = {};
  #plan;
  #ws;
  #journal;
  #timer;
  /** True if the outbox was empty at the last burst, so that all messages so far were passed to the connection. */
  #isClear = false;
  /** Value of `sent` when the connection started to end. */
  #sentBeforeEnd = 0;
  #controller = new AbortController();
  #reading;

  constructor(plan) {
    this.#plan = plan;
    this.#journal = new JournalWriter(join(plan.folder, `down-${plan.name}.log`), plan.sabotage);
    this.#ws = new WebSocket(askForUrl, this.#options());
    this.#listen();
    if (plan.reads === "handler") this.#ws.on("message", ({ data }) => this.#onMessage(data));
  }

  async open() {
    await this.#ws.connect();
    if (this.#plan.reads === "iterator") this.#reading = this.#read();
    this.#timer = setInterval(() => this.send(messagesPerTick), tickMs);
  }

  send(count, size) {
    for (let index = 0; index < count; index++) {
      this.#ws.send(makeMessage("id", ++this.sent, size)).catch((error) => {
        this.counts.failedSends++;
        this.#reportProblem(`send failed: ${error}`);
      });
    }
  }

  burst(count) {
    this.#isClear = this.#ws.state === "connected" && this.#ws.stats().outboxMessages === 0;
    this.send(count, burstSize);
  }

  stopSending() {
    clearInterval(this.#timer);
  }

  async close() {
    await this.#ws.flush({ timeout: 10_000 });
    await this.#ws.close();
    await this.#reading;
    this.#journal.close();
    const { sent, received, counts, problems, ends, verdicts } = this;
    const abortListeners = getEventListeners(this.#controller.signal, "abort").length;
    if (abortListeners > 0) problems.push(`${abortListeners} listeners are left on the signal`);
    if (counts.closed !== 1) problems.push(`the event closed was emitted ${counts.closed} times`);
    return { sent, received, counts, problems, ends, verdicts, stats: this.#ws.stats() };
  }

  #options() {
    const { isAcknowledged, replays, compress } = this.#plan;
    return {
      signal: this.#controller.signal,
      compress,
      connectTimeout: 2_000,
      closeTimeout: 2_000,
      backoff: { base: 5, cap: 50, floor: 1, resetAfter: 30 },
      heartbeat: { interval: 100, timeout: 100 },
      outbox: {
        capacity: 1_000_000,
        maxBytes: 2 ** 30,
        ...(isAcknowledged && { idOf: (sent) => sent.id, acknowledges: (received) => received.acknowledged }),
      },
      replay: {
        sequence: (message) => message.seq,
        onReplay: replays === "inBand" ? repeatInBand : (cursors) => this.#fetchMissed(cursors),
        window: 20_000,
        cursors: { default: { sequence: 0 } },
      },
    };
  }

  #listen() {
    const ws = this.#ws;
    const { counts, verdicts } = this;
    const countReport = (report) => {
      const kind = `${report.verdict}${report.codeReceived === undefined ? "" : ` ${report.codeReceived}`}`;
      verdicts[kind] = (verdicts[kind] ?? 0) + 1;
    };
    const onOpen = () => {
      counts.opened++;
      process.send?.({ type: "open" });
    };
    ws.on("connecting", () => counts.attempts++);
    ws.on("connected", onOpen);
    ws.on("reconnected", onOpen);
    ws.on("stateChange", ({ from }) => {
      if (from === "connected") this.#sentBeforeEnd = this.sent;
    });
    ws.on("disconnected", ({ report }) => {
      this.ends.push(this.#endOf(report));
      process.send?.({
        type: "ended",
        verdict: report.verdict,
        ageMs: report.ageMs,
        lastReceivedMs: report.lastReceivedMs,
      });
    });
    ws.on("reconnecting", ({ report, delayMs }) => {
      countReport(report);
      if (!(delayMs >= 0 && delayMs <= 1_000 + 50 + 5))
        this.#reportProblem(`delayMs ${delayMs} out of bounds`);
    });
    ws.on("gap", () => counts.gaps++);
    ws.on("reset", () => counts.resets++);
    ws.on("recovered", ({ count }) => (counts.recovered += count));
    ws.on("dropped", ({ direction, message, cause }) => {
      // Messages sent by onReplay belong to one connection and are dropped with it.
      if (String(message).startsWith('{"resumeAfter"')) return;
      counts.dropped++;
      this.#reportProblem(`dropped ${direction}: ${cause}`);
    });
    ws.on("error", ({ error, isFatal }) => {
      if (isFatal) this.#reportProblem(`fatal: ${error.stack}`);
      else if (error instanceof TypeError || error instanceof RangeError)
        this.#reportProblem(`error: ${error.stack}`);
    });
    ws.on("closed", () => counts.closed++);
  }

  /** @returns {import("./journal.mjs").LinkEnd} */
  #endOf({ messagesUnsent: unsent, messagesUncertain: uncertain }) {
    // With acknowledgement, the outbox also keeps sent messages.
    if (this.#plan.isAcknowledged) return { given: this.sent, unsent, uncertain };
    const kept = this.#ws.stats().outboxMessages;
    const sentLater = this.sent - this.#sentBeforeEnd;
    if (this.#isClear && kept !== unsent + sentLater)
      this.#reportProblem(
        `the report has ${unsent} unsent, ${sentLater} were sent later, but the outbox has ${kept}`,
      );
    this.#isClear = false;
    return { given: this.sent - (kept - unsent), unsent, uncertain };
  }

  #reportProblem(problem) {
    if (this.problems.length < 20) this.problems.push(problem);
  }

  async #read() {
    for await (const message of this.#ws) this.#onMessage(message);
  }

  #onMessage(message) {
    if (message.seq === undefined) return;
    this.received = Math.max(this.received, message.seq);
    this.#journal.write(message.seq, isIntact(message.seq, message.fill));
  }

  /** Requests missed messages over HTTP; repeats the request while the server is down. */
  async #fetchMissed(cursors) {
    const url = `http://127.0.0.1:${this.#plan.serverPort}/?lane=${this.#plan.name}&after=${cursors.default.sequence}`;
    for (let attempt = 1; ; attempt++) {
      try {
        return JSON.parse(await fetchText(url));
      } catch (error) {
        if (attempt === 40) throw error;
        await new Promise((resolve) => setTimeout(resolve, 25));
      }
    }
  }
}

/** Asks the server to send missed messages again on the connection. */
async function repeatInBand(cursors, connection) {
  await connection.send({ resumeAfter: cursors.default.sequence });
}

function fetchText(url) {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: false, timeout: 2_000 }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part) => (text += part));
      response.on("end", () => resolve(text));
      response.on("error", reject);
    });
    request.on("timeout", () => request.destroy(new Error("no answer")));
    request.on("error", reject);
  });
}

const orders = {
  url: ({ question, url }) => {
    asked.get(question)?.(url);
    asked.delete(question);
  },
  open: (plan) => {
    lane = new Lane(plan);
    lane.open().then(
      () => process.send?.({ type: "begun" }),
      (error) => process.send?.({ type: "failed", error: String(error?.stack) }),
    );
  },
  burst: ({ count }) => lane?.burst(count),
  stop: () => {
    lane?.stopSending();
    process.send?.({ type: "stopped", sent: lane?.sent });
  },
  progress: () => process.send?.({ type: "progress", received: lane?.received }),
  close: () => {
    const closing = lane;
    lane = undefined;
    closing?.close().then(
      (result) => process.send?.({ type: "closed", ...result }),
      (error) => process.send?.({ type: "failed", error: String(error?.stack) }),
    );
  },
  measure: async () => process.send?.({ type: "measured", ...(await measure()) }),
};

process.on("message", (/** @type {any} */ order) => orders[order.do](order));
process.on("disconnect", () => process.exit());
for (const event of ["unhandledRejection", "uncaughtException", "warning"]) {
  process.on(event, (error) =>
    process.send?.({ type: "failed", error: `${event}: ${error?.stack ?? error}` }),
  );
}
