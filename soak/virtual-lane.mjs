import { WebSocket } from "jetsocket";
import { isWhole, makeMessage } from "./messages.mjs";
import { StreamChecker } from "./virtual-checker.mjs";
import { burstSize, sizeOf } from "./virtual-plan.mjs";

const interval = 30_000;
const timeout = 20_000;
/** Longer than a silence lasts; the time without a connection does not count. */
const recoveryTimeout = 120_000;
/** After anything but a message a client is given so long in which its promises settle at each step. */
const busyMs = 5_000;
const mostProblems = 20;

/** One client of the built package, and what it tells. */
export class VirtualLane {
  /** The highest number that was given to `send()`. */
  sent = 0;
  down;
  /** Until then the clock moves in steps between which promises settle. */
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
  /** Ends of connections and attempts by their verdict. @type {Record<string, number>} */
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
  /** When a link fell silent that the client stands on. @type {number | undefined} */
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

  /** Sends one in sixteen by the call that waits, the others by the one that does not. */
  send(isLarge = false) {
    this.sent++;
    const message = makeMessage("id", this.sent, isLarge ? burstSize : sizeOf(this.sent));
    if (this.sent % 16 === 0) {
      this.#ws.send(message).catch((error) => this.tellProblem(`send failed: ${error}`));
    } else if (this.#ws.trySend(message) === "dropped") {
      this.tellProblem(`trySend dropped ${this.sent}`);
    }
  }

  rotate() {
    this.beBusy();
    this.#ws.rotate("drawn").catch((error) => this.#trace(`rotate failed ${error.code}`));
  }

  /** The link that the client stands on has fallen silent. */
  onSilence() {
    this.counts.silences++;
    this.#silentAt = this.#runtime.now();
  }

  /** Gives promises a turn at each step of the time that follows. */
  beBusy() {
    this.busyUntil = this.#runtime.now() + busyMs;
  }

  async close() {
    await this.#ws.flush();
    await this.#ws.close();
  }

  /** @param {string} problem */
  tellProblem(problem) {
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

  /** What is missed comes again on the connection, or is given back: at once, later, or one by one. */
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
      // What was silent is replaced, and nobody has to find it any more.
      this.#silentAt = undefined;
      return `${overlapMs} ${duplicates}`;
    });
    this.#on("dropped", ({ direction, cause }) => {
      counts.dropped++;
      this.tellProblem(`dropped ${direction}: ${cause}`);
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
   * @param {(event: any) => unknown} tell - Gives what the trace says of it.
   */
  #on(name, tell) {
    this.#ws.on(name, (event) => {
      this.beBusy();
      this.#trace(`${name} ${tell(event) ?? ""}`);
    });
  }

  #onDisconnected(report) {
    if (this.#silentAt !== undefined) {
      const silenceMs = this.#runtime.now() - this.#silentAt;
      this.#silentAt = undefined;
      this.longestSilenceMs = Math.max(this.longestSilenceMs, silenceMs);
      if (silenceMs > interval + timeout + 1) this.tellProblem(`a silence was found after ${silenceMs} ms`);
      if (report.verdict !== "heartbeat-timeout") this.tellProblem(`a silence ended as ${report.verdict}`);
    }
    return `${report.verdict} ${report.messagesUnsent} ${report.messagesUncertain} ${report.ageMs}`;
  }

  #onError(error, isFatal) {
    if (isFatal) this.tellProblem(`fatal: ${error.stack}`);
    else if (error instanceof TypeError || error instanceof RangeError) this.tellProblem(error.stack);
    return `${error.code} ${error.message}`;
  }

  #onMessage(message) {
    if (message.seq === undefined) return;
    this.#trace(`message ${message.seq}`);
    this.down.take(message.seq, isWhole(message.seq, message.fill));
  }
}

async function* oneByOne(messages) {
  for (const message of messages) yield message;
}
