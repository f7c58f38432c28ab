/** One channel of a feed: its handles, and the wait before a retry. It does not subscribe. */
import type { CloseReport, Timer } from "../index.js";
import type { ChannelEventMap, ChannelState } from "./channel-state.js";

/** The client on which a channel is placed. */
export interface TopicLink {
  add(topic: Topic): void;
  remove(topic: Topic): void;
  update(name: string): void;
}

export class Topic {
  readonly name: string;
  link: TopicLink;
  /** The number of refusals since the channel was last accepted. */
  attempt = 0;
  /** The refusal about which the application decides now. */
  undecided: object | undefined;
  retryTimer: Timer | undefined;
  readonly #handles = new Set<ChannelState>();
  /** The handles. `add` and `remove` discard the array, so a listener may open and close handles during a loop over it. */
  #list: readonly ChannelState[] | undefined;
  #isAccepted = false;

  constructor(name: string, link: TopicLink) {
    this.name = name;
    this.link = link;
  }

  get isWanted(): boolean {
    return this.retryTimer === undefined && this.undecided === undefined;
  }

  get handles(): readonly ChannelState[] {
    return (this.#list ??= [...this.#handles]);
  }

  get isEmpty(): boolean {
    return this.#handles.size === 0;
  }

  /** True if the server has accepted the channel on an open connection. */
  get isAccepted(): boolean {
    return this.#isAccepted;
  }

  add(handle: ChannelState): void {
    this.#handles.add(handle);
    this.#list = undefined;
    handle.setReady(this.#isAccepted);
  }

  /** @returns `false` if the topic does not have the handle. */
  remove(handle: ChannelState): boolean {
    this.#list = undefined;
    return this.#handles.delete(handle);
  }

  deliver(message: unknown, size: number): void {
    for (const handle of this.handles) handle.deliver(message, size);
  }

  emit<Name extends "gap" | "recovered" | "reset">(name: Name, event: ChannelEventMap<unknown>[Name]): void {
    for (const handle of this.handles) handle.emit(name, event);
  }

  onAccepted(): void {
    // The server may accept a channel late that it seemed to have refused.
    this.cancelRetry();
    this.undecided = undefined;
    this.attempt = 0;
    this.#isAccepted = true;
    for (const handle of this.handles) handle.setReady(true);
  }

  /** @param report - The end of the connection; `undefined` after a refusal. */
  onLost(report: CloseReport | undefined): void {
    this.#isAccepted = false;
    for (const handle of this.handles) handle.setReady(false, report);
  }

  /** Ends all handles. */
  end(error: Error | undefined): void {
    this.cancelRetry();
    const { handles } = this;
    this.#handles.clear();
    this.#list = undefined;
    for (const handle of handles) handle.end(error);
  }

  cancelRetry(): void {
    this.retryTimer?.clear();
    this.retryTimer = undefined;
  }
}
