/** The server of one client of the virtual soak. It checks the numbers that it receives. */
import { isIntact, makeMessage } from "./messages.mjs";
import { StreamChecker } from "./virtual-checker.mjs";
import { burstSize, sizeOf } from "./virtual-plan.mjs";
import { VirtualLink } from "./virtual-link.mjs";

/** The sizes of burst messages are kept for this many newest numbers. The client never lags by more. */
const keptNumbers = 100_000;
const millisecondsPerMinute = 60_000;

/**
 * The server of one client. It numbers its messages even without a connection, repeats them on request, and
 * acknowledges received messages. `nextAttempts` sets in advance how it treats the next attempts.
 */
export class VirtualService {
  /** The number of the newest message. */
  head = 0;
  up;
  /** Connections with a subscription. @type {Set<VirtualLink>} */
  live = new Set();
  /** Every connection after its opening handshake, dead ones included. @type {Set<VirtualLink>} */
  links = new Set();
  /** Handlers of the next attempts, one per attempt. @type {((peer: any, link: () => VirtualLink) => void)[]} */
  nextAttempts = [];
  isDown = false;
  /** True if the next number is skipped on the wire. */
  isSkipping = false;
  counts = { connections: 0, inBand: 0, returned: 0, cutsInside: 0 };
  #runtime;
  #resources;
  #trace;
  #random;
  #onAttempt;
  /** @type {Map<number, number>} */
  #sizes = new Map();
  /** Acknowledgements of each connection that wait for its next message. @type {Map<VirtualLink, number[]>} */
  #acknowledged = new Map();
  /** The highest acknowledgement that the client has received, and its value at the last two full minutes. */
  #ackKnown = 0;
  #ackFloor = 0;
  #ackNext = 0;
  #ackTurnAt = millisecondsPerMinute;

  /**
   * @param {object} world
   * @param {import("jetsocket/testing").VirtualRuntime} world.runtime
   * @param {import("jetsocket/protocol").Resources} world.resources
   * @param {(line: string) => void} world.trace
   * @param {import("./random.mjs").SeededRandom} world.random
   * @param {() => void} world.onAttempt
   * @param {any} world.sabotage
   */
  constructor({ runtime, resources, trace, random, onAttempt, sabotage }) {
    this.#runtime = runtime;
    this.#resources = resources;
    this.#trace = trace;
    this.#random = random;
    this.#onAttempt = onAttempt;
    this.up = new StreamChecker({ mayRepeatFrom: () => this.#ackFloor + 1, sabotage });
  }

  /** @param {import("jetsocket/testing").VirtualPeer} peer */
  serve(peer) {
    this.#onAttempt();
    const number = ++this.counts.connections;
    const accept = () => {
      const link = new VirtualLink(peer, this.#resources, (line) => this.#trace(`${number} ${line}`));
      this.#open(link);
      peer.accept();
      return link;
    };
    if (this.isDown) {
      refuse(peer);
      return;
    }
    const next = this.nextAttempts.shift();
    if (next === undefined) accept();
    else next(peer, accept);
  }

  /**
   * Numbers a message and sends it to all subscribers.
   * @param {boolean} isLarge
   */
  produce(isLarge = false) {
    const number = ++this.head;
    if (isLarge) {
      this.#sizes.set(number, burstSize);
      for (const old of this.#sizes.keys()) {
        if (old >= number - keptNumbers) break;
        this.#sizes.delete(old);
      }
    }
    if (this.isSkipping) {
      this.isSkipping = false;
      return;
    }
    if (this.live.size === 0) return;
    const text = JSON.stringify(this.messageOf(number));
    for (const link of this.live) {
      const acknowledged = this.#acknowledged.get(link);
      this.#acknowledged.delete(link);
      if (acknowledged === undefined) link.send(text);
      else link.send(`${text.slice(0, -1)},"acknowledged":[${acknowledged}]}`);
    }
  }

  /** @param {number} number */
  messageOf(number) {
    return makeMessage("seq", number, this.#sizes.get(number) ?? sizeOf(number));
  }

  /** Returns all messages after `after`. @param {number} after */
  messagesAfter(after) {
    this.counts.returned++;
    const messages = [];
    for (let number = after + 1; number <= this.head; number++) messages.push(this.messageOf(number));
    return messages;
  }

  /** Sends the acknowledgements that wait for the next message. */
  flush() {
    for (const [link, acknowledged] of this.#acknowledged) {
      sendAcknowledgement(link, acknowledged);
    }
    this.#acknowledged.clear();
  }

  /** Called when the client has received an acknowledgement. @param {number} number */
  onAckKnown(number) {
    if (number > this.#ackKnown) this.#ackKnown = number;
    if (this.#runtime.now() < this.#ackTurnAt) return;
    this.#ackTurnAt = this.#runtime.now() + millisecondsPerMinute;
    this.#ackFloor = this.#ackNext;
    this.#ackNext = this.#ackKnown;
  }

  /** @param {VirtualLink} link */
  #open(link) {
    link.onMessage = (message) => this.#onMessage(link, message);
    link.onOpen = () => this.links.add(link);
    link.onCutInside = () => void this.counts.cutsInside++;
    link.onGone = () => {
      this.links.delete(link);
      this.live.delete(link);
      this.#acknowledged.delete(link);
    };
  }

  /**
   * @param {VirtualLink} link
   * @param {any} message
   */
  #onMessage(link, message) {
    if (message.subscribe === true) {
      this.live.add(link);
      link.send(JSON.stringify({ subscribed: true }));
    } else if (message.resumeAfter !== undefined) {
      this.#repeat(link, message.resumeAfter);
    } else {
      this.up.take(message.id, isIntact(message.id, message.fill));
      this.#acknowledge(link, message.id);
    }
  }

  /** Sends one acknowledgement in eight at once, and the others with the next message. */
  #acknowledge(link, id) {
    const waiting = this.#acknowledged.get(link);
    if (this.#random.chance(1 / 8)) {
      this.#acknowledged.delete(link);
      sendAcknowledgement(link, [...(waiting ?? []), id]);
    } else if (waiting === undefined) {
      this.#acknowledged.set(link, [id]);
    } else {
      waiting.push(id);
    }
  }

  #repeat(link, after) {
    this.counts.inBand++;
    for (let number = after + 1; number <= this.head; number++)
      link.send(JSON.stringify(this.messageOf(number)));
  }
}

/**
 * @param {VirtualLink} link
 * @param {number[]} acknowledged
 */
function sendAcknowledgement(link, acknowledged) {
  link.send(JSON.stringify({ acknowledged }));
}

/** @param {import("jetsocket/testing").VirtualPeer} peer */
export function refuse(peer) {
  peer.reach("tcp");
  peer.refuse();
}
