import type { Cursors } from "../../src/options/layer-options.js";
import type { ReplayRequest } from "../../src/buffer/message-stream.js";
import { defaultStream, type ReplayPolicy, type ReplayPort } from "../../src/buffer/replay-port.js";
import { Replay } from "../../src/buffer/replay.js";
import type { Sequence } from "../../src/buffer/sequence-window.js";

/** A test message. */
export interface Numbered {
  readonly id: Sequence | null | undefined;
  readonly stream?: string | number;
  readonly epoch?: Sequence;
  /** Bytes that the message counts for while it is buffered. Default 1. */
  readonly bytes?: number;
}

export type Policy = Partial<ReplayPolicy<Numbered>>;

/** A replay engine whose calls of the port are written to a log. */
export class ReplayScene {
  readonly log: string[] = [];
  readonly requests: ReplayRequest<Numbered>[] = [];
  readonly replay: Replay<Numbered, Numbered>;
  connection: number = 1;
  now: number = 0;
  /** The time at which the timer is due. */
  nextAt: number = Infinity;
  /** Called after each log entry, like a listener of the application. */
  onEntry: ((entry: string) => void) | undefined;

  constructor(policy: Policy = {}) {
    const port: ReplayPort<Numbered> = {
      sizeOf: ({ bytes = 1 }) => bytes,
      deliver: (message) => this.#writeMessage(message),
      onGap: (stream, expected, received) => this.#write(`${prefix(stream)}gap ${expected}..${received}`),
      onRecovered: (stream, count) => this.#write(`${prefix(stream)}recovered ${count}`),
      onReset: (stream) => this.#write(`${prefix(stream)}reset`),
      onError: (error) => this.#write(`error ${error instanceof Error ? error.message : String(error)}`),
      startReplay: (request) => {
        this.requests.push(request);
        this.#write(`request ${describe(request.cursors)} on ${request.connection}`);
      },
      onNextAt: (at) => {
        this.nextAt = at;
        this.#write(`timer ${at}`);
      },
      onOverlapCaughtUp: () => this.#write("caught up"),
      onOverlapFull: () => this.#write("full"),
    };
    this.replay = new Replay<Numbered, Numbered>(
      {
        sequence: ({ id }) => id,
        isNext: undefined,
        streamOf: undefined,
        epochOf: undefined,
        window: 1_000,
        hasReplay: false,
        maxWaiting: 10_000,
        maxBytes: 4 * 1024 * 1024,
        maxStreams: 10_000,
        recoveryTimeout: 10_000,
        cursors: undefined,
        ...policy,
      },
      port,
    );
  }

  #writeMessage({ id, stream }: Numbered): void {
    this.#write(`${prefix(stream)}${id}`);
  }

  #write(entry: string): void {
    this.log.push(entry);
    this.onEntry?.(entry);
  }

  /** Messages arrive on the current connection. */
  receive(...messages: readonly (Sequence | Numbered)[]): this {
    return this.receiveOn(this.connection, ...messages);
  }

  receiveOn(connection: number, ...messages: readonly (Sequence | Numbered)[]): this {
    for (const message of messages.map(numbered)) {
      const position = this.replay.locate(message, connection);
      if (position === undefined) this.#writeMessage(message);
      else this.replay.receive(message, position, connection, this.now);
    }
    return this;
  }

  /**
   * Passes a message that `onReplay` returned.
   * @returns `false` if no more messages are needed.
   */
  give(request: ReplayRequest<Numbered>, message: Numbered): boolean {
    return this.replay.onReplayed(request, message, message, this.now);
  }

  /** Passes all messages that `onReplay` returned, and ends the request. */
  returned(request: ReplayRequest<Numbered>, ...messages: readonly (Sequence | Numbered)[]): this {
    for (const message of messages) this.give(request, numbered(message));
    this.replay.onReplayReturned(request, this.now);
    return this;
  }

  inBand(request: ReplayRequest<Numbered>): this {
    this.replay.onReplayInBand(request, this.now);
    return this;
  }

  /** Advances the time and calls the timer whenever it is due. */
  wait(ms: number): this {
    const until = this.now + ms;
    while (this.nextAt <= until) {
      this.now = Math.max(this.now, this.nextAt);
      this.nextAt = Infinity;
      this.replay.onTimer(this.now);
    }
    this.now = until;
    return this;
  }

  /** The connection ends and the next one opens. */
  reconnect(): this {
    this.replay.onConnectionEnd(this.connection);
    this.replay.onConnection(++this.connection, this.now);
    return this;
  }

  /** Returns the entries since the last call, without timers. */
  takeLog(): string[] {
    return this.log.splice(0).filter((entry) => !entry.startsWith("timer"));
  }

  get lastRequest(): ReplayRequest<Numbered> {
    return this.requests.at(-1)!;
  }
}

function numbered(message: Sequence | Numbered): Numbered {
  return typeof message === "object" ? message : { id: message };
}

function prefix(stream: string | number | undefined): string {
  return stream === undefined || stream === defaultStream ? "" : `${stream}:`;
}

function describe(cursors: Cursors): string {
  return Object.entries(cursors)
    .map(
      ([stream, { sequence, epoch }]) =>
        `${prefix(stream)}${sequence}${epoch === undefined ? "" : `@${epoch}`}`,
    )
    .join(",");
}
