/** Runs one client through the faults of a lane: controls the wire, and starts, instructs and kills the server. */
import { Child } from "./child.mjs";
import { floodOf, isStuck } from "./faults.mjs";
import { burstCount, floodCounts } from "./messages.mjs";
import { Wire } from "./wire.mjs";

const tickMs = 10;
const messagesPerTick = 5;
const openLimitMs = 20_000;
const endLimitMs = 10_000;
const drainLimitMs = 60_000;
/** Interval and timeout of the client's heartbeat (200 ms), plus a margin for a busy machine, in milliseconds. */
const silenceLimitMs = 200 + 1_000;

export class FaultDriver {
  #folder;
  #sabotage;
  #wire;
  /** @type {Child} */
  #client;
  /** @type {Child} */
  #server;
  /** @type {string[]} */
  #problems = [];
  #isOpen = false;
  /** Number of open connections that have ended. */
  #endCount = 0;
  /** @type {import("./faults.mjs").Fault[]} */
  #attempts = [];
  /** @type {Map<string, number>} */
  #done = new Map();
  #cutCount = 0;
  #cutAt = 0;
  #slowestSilenceMs = 0;
  #floodCount = 0;
  #lane = { name: "", head: 0, bursts: /** @type {[number, number][]} */ ([]), query: "" };

  constructor({ folder, sabotage }) {
    this.#folder = folder;
    this.#sabotage = sabotage;
    this.#wire = new Wire(() => {
      this.#cutCount++;
      this.#cutAt = performance.now();
    });
  }

  async start() {
    await this.#wire.listen();
    await this.#startServer();
    this.#client = new Child("client.mjs", {
      execArgv: ["--expose-gc"],
      onMessage: (message) => this.#onClient(message),
    });
  }

  close() {
    this.#wire.close();
  }

  measure() {
    return this.#client.ask({ do: "measure" }, "measured", 10_000);
  }

  /** @param {import("./faults.mjs").FaultGroup[]} groups */
  async runLane(plan, groups) {
    const began = performance.now();
    this.#begin(plan);
    this.#client.send({ do: "open", serverPort: this.#wire.serverPort, ...plan });
    await this.#client.next("begun", openLimitMs);
    const ticking = setInterval(() => this.#advance(messagesPerTick), tickMs);
    try {
      for (const group of groups) await this.#runGroup(group);
      await this.#until(() => this.#isSettled(), openLimitMs, "the last connection");
    } finally {
      clearInterval(ticking);
    }
    const { sent } = await this.#client.ask({ do: "stop" }, "stopped", endLimitMs);
    await this.#drain();
    const result = await this.#client.ask({ do: "close" }, "closed", drainLimitMs);
    if (result.counts.resets > 0)
      this.#problems.push(`missing messages were abandoned: ${result.counts.resets} resets`);
    return {
      ...result,
      sent,
      head: this.#lane.head,
      done: this.#done,
      floods: this.#floodCount,
      problems: [...this.#problems, ...result.problems],
      slowestSilenceMs: this.#slowestSilenceMs,
      seconds: Math.round((performance.now() - began) / 1_000),
    };
  }

  #begin({ name, isAcknowledged }) {
    this.#problems = [];
    this.#done = new Map();
    this.#slowestSilenceMs = 0;
    this.#floodCount = 0;
    const query = `lane=${name}${isAcknowledged ? "&acknowledges" : ""}`;
    this.#lane = { name, head: 0, bursts: [], query };
  }

  async #runGroup({ link, attempts }) {
    for (let attempt = 1; ; attempt++) {
      await this.#until(() => this.#isSettled(), openLimitMs, "a connection");
      await sleep(link.settleMs);
      if (!this.#isSettled()) continue;
      this.#attempts.push(...attempts.splice(0));
      if (await this.#force(link)) break;
      // The connection ended for another reason before the fault.
      if (attempt === 10) throw new Error(`no connection lasted long enough for the fault ${link.kind}`);
    }
    this.#count(link.kind);
  }

  #isSettled() {
    return (
      this.#isOpen &&
      this.#attempts.length === 0 &&
      this.#wire.nextCut === undefined &&
      !this.#wire.link?.isOver
    );
  }

  /** @returns {Promise<boolean>} true if the fault ended the connection */
  async #force(fault) {
    const before = this.#endCount;
    const cutsBefore = this.#cutCount;
    const isCut = fault.kind === "reset" || fault.kind === "silent";
    if (isCut) this.#wire.link?.cut({ direction: fault.direction, after: fault.offset, how: howOf(fault) });
    const flood = floodOf(fault);
    this.#burst(flood);
    if (fault.kind === "restart") await this.#restartServer(fault);
    else if (!isCut) this.#server.send({ do: "close", code: Number(fault.kind) });
    await this.#until(() => this.#endCount > before, endLimitMs, `the end by ${fault.kind}`);
    const wasForced = !isCut || this.#cutCount > cutsBefore;
    if (flood !== undefined && wasForced) this.#floodCount++;
    if (fault.kind === "silent" && wasForced) this.#checkSilence(performance.now() - this.#cutAt);
    return wasForced;
  }

  #checkSilence(ms) {
    this.#slowestSilenceMs = Math.max(this.#slowestSilenceMs, ms);
    if (ms > silenceLimitMs)
      this.#problems.push(`a silent connection was detected after ${Math.round(ms)} ms`);
  }

  /** Sends more bytes in both directions than pass before any cut. @param {number | undefined} flood */
  #burst(flood) {
    const { head } = this.#lane;
    this.#lane.bursts.push([head + 1, head + burstCount]);
    this.#advance(burstCount);
    const { least, most } = floodCounts;
    const count = flood === undefined ? burstCount : Math.round(least + flood * (most - least));
    this.#client.send({ do: "burst", count });
  }

  #advance(count) {
    this.#lane.head += count;
    this.#sendHead();
  }

  #sendHead() {
    const { name, head, bursts } = this.#lane;
    this.#server.send({ do: "head", lane: name, head, bursts });
  }

  #count(kind) {
    this.#done.set(kind, (this.#done.get(kind) ?? 0) + 1);
  }

  #onClient(message) {
    switch (message.type) {
      case "open":
        this.#isOpen = true;
        break;
      case "ended":
        this.#isOpen = false;
        this.#endCount++;
        break;
      case "attempt":
        this.#client.send({ do: "url", question: message.question, url: this.#nextUrl() });
        break;
      case "failed":
        this.#problems.push(message.error);
        break;
    }
  }

  #nextUrl() {
    const { ports } = this.#wire;
    const fault = this.#attempts.shift();
    const good = `ws://127.0.0.1:${ports.good}/?${this.#lane.query}`;
    if (fault === undefined) return good;
    this.#count(fault.kind);
    switch (fault.kind) {
      case "tls":
        return `wss://127.0.0.1:${ports.tls}/`;
      case "503":
        this.#wire.retryAfter = fault.choice < 0.05 ? 1 : 0;
        return `ws://127.0.0.1:${ports[503]}/`;
      case "refused":
        return `ws://127.0.0.1:${ports.refused}/`;
      default:
        this.#wire.nextCut = { direction: fault.direction, after: fault.offset, how: "reset" };
        return good;
    }
  }

  async #startServer() {
    this.#server = new Child("server.mjs");
    const order = {
      do: "start",
      folder: this.#folder,
      sabotage: this.#sabotage,
      port: this.#wire.serverPort,
    };
    const { port } = await this.#server.ask(order, "listening", openLimitMs);
    this.#wire.serverPort = port;
    this.#sendHead();
  }

  async #restartServer(fault) {
    // Restart while part of the burst is in flight.
    await sleep(fault.choice * 8);
    await this.#server.end(fault.choice < 0.5 ? "SIGKILL" : "SIGTERM");
    await this.#startServer();
  }

  /** Waits until all sent messages have arrived. No fault is active any more. */
  async #drain() {
    await this.#until(
      async () => {
        const { received } = await this.#client.ask({ do: "progress" }, "progress", endLimitMs);
        return received >= this.#lane.head;
      },
      drainLimitMs,
      "all that was sent to the client",
      50,
    );
    // Gives late acknowledgements time to arrive; the closing handshake delivers the rest.
    await sleep(300);
  }

  async #until(isTrue, limitMs, what, everyMs = 2) {
    const limit = performance.now() + limitMs;
    while (!(await isTrue())) {
      if (performance.now() > limit)
        throw new Error(`waited ${limitMs} ms for ${what}; ${this.#problems.join("; ")}`);
      await sleep(everyMs);
    }
  }
}

function howOf(fault) {
  if (fault.kind === "reset") return "reset";
  return isStuck(fault) ? "stuck" : "swallow";
}

function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
