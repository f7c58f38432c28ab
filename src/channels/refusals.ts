/** Decides what follows a refusal of a channel, by the option `onRefused`. It does not subscribe. */
import type { Runtime } from "../index.js";
import { ChannelError } from "./errors.js";
import { isThenable } from "./listeners.js";
import type { ResolvedChannels } from "./resolve-options.js";
import type { Topic } from "./topic.js";

export interface RefusalsHost {
  readonly runtime: Runtime;
  /** True if the application still has a handle of the channel. */
  isCurrent(topic: Topic): boolean;
  giveUp(topic: Topic, error: ChannelError): void;
  reportError(error: unknown): void;
}

export class Refusals {
  readonly #options: Pick<ResolvedChannels, "onRefused" | "backoff" | "ackTimeout">;
  readonly #host: RefusalsHost;

  constructor(options: Pick<ResolvedChannels, "onRefused" | "backoff" | "ackTimeout">, host: RefusalsHost) {
    this.#options = options;
    this.#host = host;
  }

  onRefused(topic: Topic, error: ChannelError): void {
    topic.attempt++;
    const { onRefused } = this.#options;
    if (typeof onRefused !== "function") {
      this.#apply(topic, error, onRefused);
      return;
    }
    topic.undecided = error;
    void this.#ask(topic, error, onRefused);
  }

  async #ask(
    topic: Topic,
    error: ChannelError,
    onRefused: Exclude<ResolvedChannels["onRefused"], string>,
  ): Promise<void> {
    let decision: unknown;
    try {
      const answer: unknown = onRefused({ channel: topic.name, attempt: topic.attempt, error });
      decision = isThenable(answer) ? await this.#untilTimeout(answer) : answer;
      if (!isDecision(decision))
        throw new TypeError('It must return "giveUp", "retry" or milliseconds from 0 on, within ackTimeout.');
    } catch (cause) {
      const message = "The option onRefused failed, so the channel is given up. See the cause of this error.";
      const { name: channel } = topic;
      this.#host.reportError(new ChannelError(message, { code: "CHANNEL_FUNCTION_FAILED", channel, cause }));
      decision = "giveUp";
    }
    if (topic.undecided !== error) return;
    topic.undecided = undefined;
    if (this.#host.isCurrent(topic)) this.#apply(topic, error, decision as "giveUp" | "retry" | number);
  }

  /** Resolves with `undefined` if the promise does not settle in time. */
  #untilTimeout(answer: PromiseLike<unknown>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const timer = this.#host.runtime.setTimer(this.#options.ackTimeout, () => resolve(undefined));
      timer.unref();
      answer.then(
        (value) => {
          timer.clear();
          resolve(value);
        },
        (reason: unknown) => {
          timer.clear();
          reject(reason);
        },
      );
    });
  }

  #apply(topic: Topic, error: ChannelError, decision: "giveUp" | "retry" | number): void {
    if (decision === "giveUp") {
      this.#host.giveUp(topic, error);
      return;
    }
    const { runtime } = this.#host;
    const { base, cap } = this.#options.backoff;
    const longest = Math.min(base * 2 ** (topic.attempt - 1), cap);
    const delay = decision === "retry" ? longest * (1 - runtime.random() / 2) : decision;
    topic.cancelRetry();
    topic.retryTimer = runtime.setTimer(delay, () => {
      topic.retryTimer = undefined;
      topic.link.update(topic.name);
    });
    topic.retryTimer.unref();
  }
}

function isDecision(value: unknown): boolean {
  return (
    value === "giveUp" || value === "retry" || (typeof value === "number" && value >= 0 && value < Infinity)
  );
}
