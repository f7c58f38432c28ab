import type { FrameObserver, Resources } from "../../protocol/index.js";
import { LiveConnection } from "../connection/live-connection.js";
import type { LiveHandler } from "../connection/live-handler.js";
import { type AcceptedHandshake, Opening, type OpeningTimes } from "../connection/opening.js";
import { TimeoutError } from "../errors.js";
import type { CloseReport, Phase } from "../events/close-report.js";
import type { ResolvedOptions } from "../options/resolve-options.js";
import type { ResolvedLayers } from "../options/resolve-layers.js";
import type { Timer } from "../runtime/runtime.js";
import type { TransportTarget } from "../transport/transport.js";
import { toError } from "../transport/transport-error.js";
import { type PreparedRequest, prepareRequest, type RequestSource } from "./request.js";

export interface AttemptHandler {
  /** The url is known: the attempt dials. */
  onDialling(url: string): void;
  /** The connection is open. Its messages come when this has returned. */
  onOpen(live: LiveConnection, accepted: AcceptedHandshake, times: OpeningTimes): void;
  /** The attempt has failed; nothing of it is left. */
  onFailed(phase: Phase, error: Error | undefined): void;
}

/** The options that concern one connection. */
export type ConnectionOptions = Omit<
  ResolvedOptions<never, never>,
  "serializer" | "deserializer" | keyof ResolvedLayers<never, never>
>;

export interface AttemptPlan {
  readonly source: RequestSource;
  readonly options: ConnectionOptions;
  readonly resources: Resources;
  readonly attempt: number;
  /** Is shown every frame of the connection. */
  readonly observer: FrameObserver | undefined;
}

/** One attempt: asks the providers, dials, and hands over the open connection. */
export class Attempt {
  readonly #plan: AttemptPlan;
  readonly #handler: AttemptHandler;
  readonly #liveHandler: LiveHandler;
  readonly #controller = new AbortController();
  #deadline: Timer | undefined;
  #opening: Opening | undefined;
  #isOver = false;
  #isReferenced = true;

  constructor(plan: AttemptPlan, handler: AttemptHandler, liveHandler: LiveHandler) {
    this.#plan = plan;
    this.#handler = handler;
    this.#liveHandler = liveHandler;
  }

  /**
   * Begins; a provider function may give the attempt up from inside this call.
   * @param lastReport - How the connection or attempt before this one has ended.
   */
  start(lastReport: CloseReport | undefined): void {
    // Not kept: reports would hold the attempts before them, by the stacks of their errors, and so on to the first.
    if (!this.#isOver) void this.#run(lastReport);
  }

  /** Gives the attempt up. `onFailed` comes with `reason`, at once or when the socket is gone. */
  abandon(reason?: Error): void {
    if (this.#opening !== undefined) this.#opening.abandon(reason);
    else this.#fail("provider", reason);
  }

  ref(): void {
    this.#isReferenced = true;
    this.#deadline?.ref();
    this.#opening?.ref();
  }

  unref(): void {
    this.#isReferenced = false;
    this.#deadline?.unref();
    this.#opening?.unref();
  }

  async #run(lastReport: CloseReport | undefined): Promise<void> {
    const { source, options, resources, attempt } = this.#plan;
    const timeoutMs = options.connectTimeout;
    this.#deadline = options.runtime.setTimer(timeoutMs, () => {
      const message = `A function given for url, headers or subprotocols was not done in ${timeoutMs} ms (connectTimeout).`;
      this.#fail("provider", new TimeoutError(message, { operation: "connect", timeoutMs }));
    });
    if (!this.#isReferenced) this.#deadline.unref();
    try {
      const context = { attempt, lastReport, signal: this.#controller.signal };
      const request = await prepareRequest(source, context, resources.fillRandom);
      if (!this.#isOver) this.#dial(request);
    } catch (error) {
      this.#fail("provider", toError(error, "A function given for url, headers or subprotocols"));
    }
  }

  #dial({ uri, handshake }: PreparedRequest): void {
    const { options, resources } = this.#plan;
    this.#deadline?.clear();
    this.#handler.onDialling(uri.display);
    // A listener of that event may have closed the client.
    if (this.#isOver) return;
    const { runtime, connectTimeout } = options;
    const { tls, lookup, localAddress, socketPath, noDelay, keepAlive, createConnection } = options;
    const target: TransportTarget = {
      ...{ tls, lookup, localAddress, socketPath, noDelay, keepAlive, createConnection },
      ...{ url: uri.href, host: uri.host, port: uri.port, isSecure: uri.isSecure },
      signal: this.#controller.signal,
      readBuffer: resources.readBuffer,
    };
    this.#opening = new Opening(
      { runtime, target, handshake, timeout: connectTimeout },
      {
        onAccepted: (accepted, transport, times) => {
          this.#isOver = true;
          const { extension } = accepted;
          const live = new LiveConnection({
            transport,
            runtime,
            resources,
            extension,
            settings: options,
            handler: this.#liveHandler,
            observer: this.#plan.observer,
          });
          this.#handler.onOpen(live, accepted, times);
          return live;
        },
        onFailed: (phase, error) => this.#fail(phase, error),
      },
    );
    if (!this.#isReferenced) this.#opening.unref();
  }

  #fail(phase: Phase, error: Error | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#deadline?.clear();
    this.#controller.abort();
    this.#handler.onFailed(phase, error);
  }
}
