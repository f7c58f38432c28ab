/** Causes the faults of the virtual soak that virtual-plan.mjs has planned. It does not judge the result. */
import { burstSize } from "./virtual-plan.mjs";
import { refuse } from "./virtual-service.mjs";

const tlsCodes = [
  "ECONNRESET",
  "CERT_HAS_EXPIRED",
  "ERR_SSL_WRONG_VERSION_NUMBER",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
];
const earlyShare = 0.15;
/** Upper bound of the size of an opening handshake in one direction, in bytes. */
const handshakeBytes = 400;
const mostRetryAfterSeconds = 90;
const mostDowntimeMs = 60_000;

/** Applies the faults of a plan to a lane and its service, and counts those that took effect. */
export class VirtualFaults {
  /** @type {Record<string, number>} */
  counts = {};
  #runtime;
  #service;
  #lane;
  /** Time before which the client must not connect, from the last Retry-After, in milliseconds. */
  #notBefore = 0;

  /**
   * @param {import("jetsocket/testing").VirtualRuntime} runtime
   * @param {import("./virtual-service.mjs").VirtualService} service
   * @param {import("./virtual-lane.mjs").VirtualLane} lane
   */
  constructor(runtime, service, lane) {
    this.#runtime = runtime;
    this.#service = service;
    this.#lane = lane;
  }

  /** Called for each attempt: checks that it respects Retry-After. */
  checkAttempt() {
    const early = this.#notBefore - this.#runtime.now();
    if (early > 0) this.#lane.reportProblem(`an attempt started ${early} ms before Retry-After`);
    this.#notBefore = 0;
  }

  /**
   * @param {import("./virtual-plan.mjs").Fault} fault
   * @returns {boolean} `false` if there is no suitable connection
   */
  perform(fault) {
    const link = [...this.#service.live].findLast(({ isOpen }) => isOpen);
    if (link === undefined || link.isDoomed || !this.#lane.isConnected) return false;
    this.#lane.beBusy();
    const { kind, choice } = fault;
    if (kind === "reset" && choice < earlyShare) this.#resetEarly(link, fault);
    else if (kind === "reset") this.#cut(link, fault, () => this.#count(kind, link.reset()));
    else if (kind === "silent") this.#cut(link, fault, () => this.#silence(link, choice));
    else if (kind === "restart") this.#restart(fault);
    else if (kind === "skip") this.#skip();
    else if (kind === "503" || kind === "tls" || kind === "refused") this.#failAttempts(link, fault);
    else this.#close(link, fault);
    return true;
  }

  /** Resets one of the two connections during a rotation. */
  resetOneOf(links, choice) {
    const open = [...links].filter(({ isOpen }) => isOpen);
    open[Math.floor(choice * open.length)]?.reset();
  }

  #count(kind) {
    this.counts[kind] = (this.counts[kind] ?? 0) + 1;
  }

  /** Calls `act` after `offset` bytes of a burst of both sides. */
  #cut(link, { direction, offset, burst }, act) {
    link.cutAfter(direction, offset, act);
    this.#burst(burst);
  }

  #burst(count) {
    for (let index = 0; index < count; index++) {
      this.#service.produce(true);
      this.#lane.send(true);
    }
  }

  #resetEarly(link, { direction, offset }) {
    link.reset();
    this.#service.nextAttempts.push((_peer, accept) => {
      const early = accept();
      early.cutAfter(direction, 1 + (offset % handshakeBytes), () => this.#count("reset", early.reset()));
    });
  }

  #silence(link, choice) {
    this.#count("silent");
    link.fallSilent(choice < 0.5 ? Infinity : Math.floor((choice - 0.5) * 32 * burstSize));
    this.#lane.onSilence();
  }

  #close(link, { kind, burst }) {
    this.#count(kind);
    this.#burst(burst);
    link.close(Number(kind));
    this.#burst(burst);
  }

  /** Resets or ends all connections inside a frame, and refuses new ones for a while. */
  #restart(fault) {
    this.#count("restart");
    this.#service.isDown = true;
    for (const link of this.#service.links) {
      if (!link.isOpen) continue;
      link.cutAfter(fault.direction, fault.offset, () => (fault.choice < 0.5 ? link.reset() : link.end()));
    }
    this.#burst(fault.burst);
    this.#runtime.setTimer(1_000 + fault.choice * mostDowntimeMs, () => {
      this.#lane.beBusy();
      this.#service.isDown = false;
    });
  }

  #skip() {
    this.#count("skip");
    this.#service.isSkipping = true;
  }

  /** Resets the connection and lets the next one to three attempts fail. */
  #failAttempts(link, fault) {
    const { kind, choice } = fault;
    this.#cut(link, fault, () => link.reset());
    const times = kind === "503" ? 1 : 1 + Math.floor(choice * 3);
    for (let time = 0; time < times; time++) {
      this.#service.nextAttempts.push((peer, accept) => {
        if (time === 0) this.#count(kind);
        if (kind === "503") this.#answerUnavailable(accept(), choice);
        else if (kind === "refused") refuse(peer);
        else failTls(peer, tlsCodes[Math.floor(choice * tlsCodes.length)]);
      });
    }
  }

  /** Answers with 503 and `Retry-After`, in seconds or as a date, which has no milliseconds. */
  #answerUnavailable(link, choice) {
    const seconds = 1 + Math.floor(choice * mostRetryAfterSeconds);
    const at = this.#runtime.now() + seconds * 1_000;
    const isDate = seconds % 2 === 0;
    this.#notBefore = isDate ? at - 1_000 : at;
    const date = new Date(this.#runtime.wallNow() + seconds * 1_000).toUTCString();
    link.rejectWith(503, [["Retry-After", isDate ? date : String(seconds)]]);
  }
}

function failTls(peer, code) {
  peer.reach("tls");
  peer.refuse(Object.assign(new Error(`TLS: ${code}`), { code }));
}
