/** One client of the virtual soak: sends numbered messages, traces its events and records problems. */
import { WebSocket } from "jetsocket";
import { isIntact, makeMessage } from "./messages.mjs";
import { StreamChecker } from "./virtual-checker.mjs";
import { burstSize, sizeOf } from "./virtual-plan.mjs";

const interval = 30_000;
const timeout = 20_000;
/** Longer than any silence. The time without a connection does not count. */
const recoveryTimeout = 120_000;
/** For this time after any event except a message, promises settle at every step of the clock. */
const busyMs = 5_000;
const mostProblems = 20;

/** A client of the built package, with its counts and problems. */
export class VirtualLane {
  /** The highest number passed to `send()`. */
  sent = 0;
  down;
  /** Until this time, promises settle between the steps of the clock. */
  busyUntil = 0;
  counts = {
    opened: 0,
    reconnects: 0,
    gaps: 0,
    recovered: 0,
    resets: 0,
    dropped: 0,
    rotations: 0,
    silences: 0,
    closed: 0,
  };
  /** Number of ended connections and attempts by verdict. @type {Record<string, number>} */
  verdicts = {};
  /** @type {string[]} */
  problems = [];
  longestSilenceMs = 0;
  #name;
  #ws;
  #runtime;
  #service;
  #random;
  #trace;
  /** When the current connection fell silent. @type {number | undefined} */
  #silentAt;

  /**
   * @param {object} world
   * @param {string} world.name
   * @param {import("jetsocket/testing").VirtualRuntime} world.runtime
   * @param {import("./virtual-service.mjs").VirtualService} world.service
   * @param {import("./random.mjs").SeededRandom} world.random
   * @param {(line: string) => void} world.trace
   * @param {number | undefined} world.maxConnectionAge
   * @param {any} world.sabotage
   */
  constructor({ name, runtime, service, random, trace, maxConnectionAge, sabotage }) {
    this.#name = name;
    this.#runtime = runtime;
    this.#service = service;
    this.#random = random;
    this.#trace = trace;
    this.down = new StreamChecker({ sabotage });
    this.#ws = new WebSocket(`wss://${name}.soak.test/feed`, this.#options(maxConnectionAge));
    this.#listen();
  }

  get isConnected() {
    return this.#ws.state === "connected";
  }

  connect() {
    return this.#ws.connect();
  }

  /** Sends one message in sixteen with `send()` and the others with `trySend()`. */
  send(isLarge = false) {
    this.sent++;
    const message = makeMessage("id", this.sent, isLarge ? burstSize : sizeOf(this.sent));
    if (this.sent % 16 === 0) {
      this.#ws.send(message).catch((error) => this.reportProblem(`send failed: ${error}`));
    } else if (this.#ws.trySend(message) === "dropped") {
      this.reportProblem(`trySend dropped ${this.sent}`);
    }
  }

  rotate() {
    this.beBusy();
    this.#ws.rotate("drawn").catch((error) => this.#trace(`rotate failed ${error.code}`));
  }

  /** Called when the current connection falls silent. */
  onSilence() {
    this.counts.silences++;
    this.#silentAt = this.#runtime.now();
  }

  /** Lets promises settle at every step for the next `busyMs`. */
  beBusy() {
    this.busyUntil = this.#runtime.now() + busyMs;
  }

  async close() {
    await this.#ws.flush();
    await this.#ws.close();
  }

  /** @param {string} problem */
  reportProblem(problem) {
    const text = `${this.#name}, ${(this.#runtime.now() / 1_000).toFixed(3)} s: ${problem}`;
    if (this.problems.length < mostProblems) this.problems.push(text);
  }

  #options(maxConnectionAge) {
    return {
      runtime: this.#runtime,
      compress: false,
      maxConnectionAge,
      heartbeat: { interval, timeout },
      outbox: {
        capacity: 20_000,
        maxBytes: 64 * 1024 * 1024,
        idOf: (sent) => sent.id,
        acknowledges: (received) => this.#acknowledgedBy(received),
      },
      onConnection: (connection) => connection.send({ subscribe: true }),
      replay: {
        sequence: (message) => message.seq,
        onReplay: (cursors, connection) => this.#replay(cursors.default.sequence, connection),
        window: 5_000,
        recoveryTimeout,
        cursors: { default: { sequence: 0 } },
      },
    };
  }

  #acknowledgedBy({ acknowledged }) {
    if (acknowledged === undefined) return undefined;
    this.#service.onAckKnown(acknowledged.at(-1));
    return acknowledged;
  }

  /** Requests missed messages on the connection, or returns them: at once, later, or one by one. */
  async #replay(after, connection) {
    this.beBusy();
    const choice = this.#random.integer(0, 3);
    if (choice === 0) {
      await connection.send({ resumeAfter: after });
      return undefined;
    }
    if (choice > 1) await this.#wait(this.#random.integer(1, 3_000));
    while (this.#service.isDown) await this.#wait(250);
    const messages = this.#service.messagesAfter(after);
    return choice === 3 ? oneByOne(messages) : messages;
  }

  #wait(ms) {
    this.beBusy();
    return new Promise((resolve) => this.#runtime.setTimer(ms, resolve));
  }

  #listen() {
    const { counts } = this;
    const ws = this.#ws;
    ws.on("message", ({ data }) => this.#onMessage(data));
    this.#on("connecting", ({ attempt }) => attempt);
    this.#on("connected", () => void counts.opened++);
    this.#on("reconnected", ({ attempt, downtimeMs }) => {
      counts.reconnects++;
      return `${attempt} ${downtimeMs}`;
    });
    this.#on("disconnected", ({ report }) => this.#onDisconnected(report));
    this.#on("reconnecting", ({ attempt, delayMs, report }) => {
      const kind =
        report.codeReceived === undefined ? report.verdict : `${report.verdict} ${report.codeReceived}`;
      this.verdicts[kind] = (this.verdicts[kind] ?? 0) + 1;
      return `${attempt} ${delayMs} ${kind}`;
    });
    this.#on("gap", ({ expected, received }) => {
      counts.gaps++;
      return `${expected} ${received}`;
    });
    this.#on("recovered", ({ count }) => {
      counts.recovered += count;
      return count;
    });
    this.#on("reset", () => void counts.resets++);
    this.#on("rotated", ({ overlapMs, duplicates }) => {
      counts.rotations++;
      // The silent connection has been replaced, so the heartbeat need not detect it.
      this.#silentAt = undefined;
      return `${overlapMs} ${duplicates}`;
    });
    this.#on("dropped", ({ direction, cause }) => {
      counts.dropped++;
      this.reportProblem(`dropped ${direction}: ${cause}`);
      return `${direction} ${cause}`;
    });
    this.#on("error", ({ error, isFatal }) => this.#onError(error, isFatal));
    this.#on("closed", () => void counts.closed++);
    this.#on("stateChange", ({ from, to }) => `${from} ${to}`);
    this.#on("closing", ({ code, initiatedBy }) => `${code} ${initiatedBy}`);
    for (const name of ["paused", "resumed", "drain"]) this.#on(name, () => undefined);
    ws.on("pong", ({ latencyMs }) => this.#trace(`pong ${latencyMs}`));
  }

  /**
   * @param {string} name
   * @param {(event: any) => unknown} describe - Returns the text for the trace.
   */
  #on(name, describe) {
    this.#ws.on(name, (event) => {
      this.beBusy();
      this.#trace(`${name} ${describe(event) ?? ""}`);
    });
  }

  #onDisconnected(report) {
    if (this.#silentAt !== undefined) {
      const silenceMs = this.#runtime.now() - this.#silentAt;
      this.#silentAt = undefined;
      this.longestSilenceMs = Math.max(this.longestSilenceMs, silenceMs);
      if (silenceMs > interval + timeout + 1)
        this.reportProblem(`a silence was detected after ${silenceMs} ms`);
      if (report.verdict !== "heartbeat-timeout") this.reportProblem(`a silence ended as ${report.verdict}`);
    }
    return `${report.verdict} ${report.messagesUnsent} ${report.messagesUncertain} ${report.ageMs}`;
  }

  #onError(error, isFatal) {
    if (isFatal) this.reportProblem(`fatal: ${error.stack}`);
    else if (error instanceof TypeError || error instanceof RangeError) this.reportProblem(error.stack);
    return `${error.code} ${error.message}`;
  }

  #onMessage(message) {
    if (message.seq === undefined) return;
    this.#trace(`message ${message.seq}`);
    this.down.take(message.seq, isIntact(message.seq, message.fill));
  }
}

async function* oneByOne(messages) {
  for (const message of messages) yield message;
}
