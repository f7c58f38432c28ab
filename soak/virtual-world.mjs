/** The clients, servers and clock of one run of the virtual soak. It does not judge the result (virtual.mjs). */
import { Resources } from "jetsocket/protocol";
import { VirtualRuntime } from "jetsocket/testing";
import { SeededRandom } from "./random.mjs";
import { VirtualFaults } from "./virtual-faults.mjs";
import { VirtualLane } from "./virtual-lane.mjs";
import { planFaults } from "./virtual-plan.mjs";
import { VirtualService } from "./virtual-service.mjs";
import { Trace } from "./virtual-trace.mjs";

const hour = 3_600;
const rotationHours = 23;
/** Share of the rotations during which one of the two open connections is reset. */
const brokenRotationShare = 0.5;
const settleSeconds = 600;
const stepMs = 1_000;
/** Without recent events, promises settle once in this many steps, otherwise at every step. */
const quietSteps = 10;
/** Messages per batch of the client without faults and its server, while nothing happens. */
const quietBatch = 5;
/** 2026-01-01, for a `Retry-After` that is a date. */
const wallStart = 1_767_225_600_000;

/**
 * @typedef {object} WorldOptions
 * @property {number} seed
 * @property {number} days
 * @property {"lost" | "doubled" | "order" | "trace"} [sabotage]
 * @property {string} [tracePath]
 */

/** Two clients and their servers in one virtual time: one with many faults, one with only rotations by age. */
export class VirtualWorld {
  #options;
  #runtime;
  #trace;
  #random;
  #resources;
  /** @type {Map<string, VirtualService>} */
  #services = new Map();
  /** @type {{ name: string, lane: VirtualLane, service: VirtualService, faults: VirtualFaults, batch: number, owed: number }[]} */
  #lanes = [];
  #plan;
  #planned = 0;
  #rotationsAsked = 0;
  #brokenRotations = 0;
  #steps = 0;
  #hasEnded = false;

  /** @param {WorldOptions} options */
  constructor(options) {
    const { seed, days, tracePath } = options;
    this.#options = options;
    this.#runtime = new VirtualRuntime({
      seed,
      wallStart,
      server: { serve: (peer) => this.#services.get(peer.target.host)?.serve(peer) },
    });
    this.#trace = new Trace(() => this.#runtime.now(), tracePath);
    this.#random = new SeededRandom(seed + 1);
    this.#resources = new Resources({ fillRandom: (bytes) => this.#runtime.fillRandom(bytes) });
    this.#plan = planFaults(seed, Math.round(days * 24));
    this.#add("storm", 1, undefined);
    this.#add("age", quietBatch, rotationHours * hour * 1_000);
  }

  async run() {
    const seconds = Math.round(this.#options.days * 24) * hour;
    const connecting = this.#lanes.map(({ lane }) => lane.connect());
    await this.#runtime.advanceAsync(stepMs);
    await Promise.all(connecting);
    for (let second = 0; second < seconds; second++) {
      this.#performDue(second);
      if (second % (rotationHours * hour) === hour / 2 && second > hour) this.#rotationsAsked++;
      await this.#step();
    }
    if (this.#options.sabotage === "trace") this.#trace.write("sabotage");
    this.#hasEnded = true;
    for (let second = 0; second < settleSeconds; second++) await this.#step();
    await this.#end();
    return this.#result(seconds);
  }

  /**
   * @param {string} name
   * @param {number} batch - Without recent events, this many messages are sent at once, every `batch` seconds.
   * @param {number | undefined} maxConnectionAge
   */
  #add(name, batch, maxConnectionAge) {
    const { seed, days, sabotage } = this.#options;
    const runtime = this.#runtime;
    const trace = (line) => this.#trace.write(`${name} ${line}`);
    const wrong = sabotage === undefined || sabotage === "trace" ? undefined : sabotage;
    const at = Math.round(days * 24 * hour * 0.6);
    const laneRandom = new SeededRandom(seed * 31 + this.#lanes.length);
    const world = { name, runtime, trace, random: laneRandom, sabotage: wrong && { kind: wrong, at } };
    const service = new VirtualService({
      ...world,
      resources: this.#resources,
      onAttempt: () => this.#onAttempt(entry),
    });
    const lane = new VirtualLane({ ...world, service, maxConnectionAge });
    const entry = { name, batch, owed: 0, lane, service, faults: new VirtualFaults(runtime, service, lane) };
    this.#services.set(`${name}.soak.test`, service);
    this.#lanes.push(entry);
  }

  #onAttempt({ lane, service, faults }) {
    lane.beBusy();
    faults.checkAttempt();
    const isRotation = lane.isConnected;
    if (!isRotation || this.#hasEnded || !this.#random.chance(brokenRotationShare)) return;
    const choice = this.#random.next();
    this.#runtime.setTimer(this.#random.integer(1, 2_000), () => {
      if (service.links.size < 2) return;
      this.#brokenRotations++;
      faults.resetOneOf(service.links, choice);
    });
  }

  #performDue(second) {
    const storm = this.#lanes[0];
    const next = this.#plan[this.#planned];
    if (next !== undefined && next.at <= second && storm.faults.perform(next)) this.#planned++;
    else if (this.#rotationsAsked > 0 && storm.lane.isConnected) {
      this.#rotationsAsked--;
      storm.lane.rotate();
    }
  }

  async #step() {
    let isBusy = this.#steps++ % quietSteps === 0;
    for (const entry of this.#lanes) {
      const isLaneBusy = entry.lane.busyUntil > this.#runtime.now();
      isBusy ||= isLaneBusy;
      entry.owed++;
      if (isLaneBusy || this.#hasEnded || entry.owed >= entry.batch) this.#send(entry);
    }
    if (isBusy) await this.#runtime.advanceAsync(stepMs);
    else this.#runtime.advance(stepMs);
  }

  /** Sends one message per elapsed second in each direction. */
  #send(entry) {
    for (; entry.owed > 0; entry.owed--) {
      entry.service.produce();
      entry.lane.send();
    }
  }

  async #end() {
    for (const { service } of this.#lanes) service.flush();
    await this.#runtime.advanceAsync(60_000);
    const closing = this.#lanes.map(({ lane }) => lane.close());
    await this.#runtime.advanceAsync(60_000);
    await Promise.all(closing);
    for (const { lane, service } of this.#lanes) {
      service.up.finish(lane.sent);
      lane.down.finish(service.head);
    }
  }

  #result(seconds) {
    return {
      seconds,
      lanes: this.#lanes,
      faults: this.#lanes[0].faults.counts,
      brokenRotations: this.#brokenRotations,
      isHeld: this.#runtime.isHeld,
      lines: this.#trace.lines,
      hash: this.#trace.end(),
    };
  }
}
