/**
 * One attempt to connect and its connection: creates the client with the translated options, and passes on its events.
 * It does not emit events of the class, and does not follow redirects.
 */
import type { LookupFunction } from "node:net";
import type { ConnectionOptions } from "node:tls";
import {
  type BorrowedMessage,
  type CloseReport,
  type EventMap,
  nodeRuntime,
  WebSocket as JetSocket,
  type WebSocketOptions,
} from "../index.js";
import type { Address } from "./address.js";
import { createSocket, type Route, routeThrough } from "./agent.js";
import type { Settings } from "./options.js";
import { type FieldValue, readHead, type Response } from "./response.js";
import { Tap, tappedRuntime } from "./tap.js";
import type { ConnectionTarget } from "./types.js";

export interface LinkHandler {
  /** True if `onUpgrade` is of use. */
  readonly isUpgradeWatched: boolean;
  /** The server has answered with the status 101. The response is not checked yet. */
  onUpgrade(response: Response): void;
  onOpen(): void;
  /** @param data - A string or its bytes for text. */
  onMessage(data: string | Buffer, isBinary: boolean): void;
  onPing(payload: Buffer): void;
  onPong(payload: Buffer): void;
  /** The peer has violated the protocol, and the connection is about to fail. */
  onFailing(): void;
  /** The closing handshake has begun. */
  onClosing(): void;
  /** The attempt has failed, or the connection is closed. */
  onEnd(report: CloseReport): void;
}

/** What an attempt sends. */
export interface LinkRequest {
  readonly address: Address;
  readonly protocols: readonly string[];
  readonly fields: ReadonlyMap<string, readonly [name: string, value: FieldValue]>;
}

const ignore = (): void => undefined;

// The sizes from which the kind of the listener for messages matters, by the benchmarks `recv-text` and `recv-binary`.
const largeText = 256;
const largeBinary = 4096;

/**
 * Listens to the messages of a client. A large text is cheaper as a borrowed view, because it is not decoded and encoded
 * again. Large binary data is cheaper without, because it is not copied. So the last large message decides.
 */
class MessageListener {
  readonly #client: Pick<JetSocket, "on" | "off">;
  readonly #handler: Pick<LinkHandler, "onMessage">;
  #isBorrowing = false;
  #isSwitching = false;

  constructor(client: Pick<JetSocket, "on" | "off">, handler: Pick<LinkHandler, "onMessage">) {
    this.#client = client;
    this.#handler = handler;
    client.on("rawMessage", this.#onOwned);
  }

  readonly #onOwned = ({ data, isBinary }: EventMap<unknown>["rawMessage"]): void => {
    if (!isBinary && data.length >= largeText) this.#switch();
    this.#handler.onMessage(data, isBinary);
  };

  readonly #onBorrowed = ({ data, isBinary }: BorrowedMessage): void => {
    if (isBinary && data.length >= largeBinary) this.#switch();
    this.#handler.onMessage(Buffer.from(data), isBinary);
  };

  /** In the next tick, because a listener that is added during an event would receive this event too. */
  #switch(): void {
    if (this.#isSwitching) return;
    this.#isSwitching = true;
    nodeRuntime.defer(() => {
      this.#isSwitching = false;
      this.#isBorrowing = !this.#isBorrowing;
      this.#client.off("rawMessage", this.#isBorrowing ? this.#onOwned : this.#onBorrowed);
      if (this.#isBorrowing) this.#client.on("rawMessage", this.#onBorrowed, { borrowed: true });
      else this.#client.on("rawMessage", this.#onOwned);
    });
  }
}

export class Link {
  readonly #client: JetSocket<unknown, string | Uint8Array>;
  readonly #tap: Tap;

  /** @throws TypeError for an option that cannot be used. */
  constructor(request: LinkRequest, settings: Settings, handler: LinkHandler) {
    const { address, protocols, fields } = request;
    const { lookup: search, ...engine } = settings.engine;
    const route = routeOf(request, settings);
    const { lookup: routeLookup, tls: routeTls, ...otherRoute } = route;
    const tls: ConnectionOptions = { ...settings.tls, ...routeTls };
    const socketPath = address.socketPath ?? settings.socketPath;
    // The stream of this connection is found by this function, so no other connection may have it.
    const lookup: LookupFunction = (...parameters) => (routeLookup ?? search)!(...parameters);
    this.#client = new JetSocket(address.url, {
      ...engine,
      ...otherRoute,
      lookup,
      runtime: tappedRuntime,
      subprotocols: protocols,
      headers: Object.fromEntries(fields.values()),
      ...(address.isSecure && Object.keys(tls).length > 0 ? { tls } : {}),
      ...(socketPath === undefined ? {} : { socketPath }),
    } satisfies WebSocketOptions<unknown, string | Uint8Array>);
    this.#tap = new Tap(lookup, (head) => {
      if (handler.isUpgradeWatched) handler.onUpgrade(readHead(head));
    });
    this.#listen(handler);
    this.#client.connect().catch(ignore);
  }

  #listen(handler: LinkHandler): void {
    new MessageListener(this.#client, handler);
    this.#client
      .on("connected", () => handler.onOpen())
      .on("ping", ({ payload }) => handler.onPing(payload))
      .on("pong", ({ payload }) => handler.onPong(payload))
      .on("failing", () => handler.onFailing())
      .on("closing", () => handler.onClosing())
      .on("closed", ({ report }) => handler.onEnd(report))
      // The report of `closed` contains the error.
      .on("error", ignore);
  }

  get subprotocol(): string {
    return this.#client.subprotocol;
  }

  /** The name of the extension in use, or an empty string. */
  get extension(): string {
    return this.#client.extensions.split(";", 1)[0]!.trim();
  }

  get bufferedAmount(): number {
    return this.#client.bufferedAmount;
  }

  /** @returns `false` if the connection is closing, so the message is not sent. */
  send(data: string | Uint8Array, isCompressed: boolean): boolean {
    return this.#client.trySend(data, isCompressed ? undefined : { compress: false }) !== "dropped";
  }

  sendBlob(blob: Blob, isBinary: boolean, isCompressed: boolean): void {
    const compress = isCompressed ? {} : { compress: false };
    this.#client.sendRaw(blob, { ...compress, binary: isBinary }).catch(ignore);
  }

  ping(payload: Uint8Array): void {
    this.#client.ping({ payload }).catch(ignore);
  }

  pong(payload: Uint8Array): void {
    this.#client.pong(payload).catch(ignore);
  }

  /** Resolves when the messages so far were passed to the kernel. */
  flush(): Promise<void> {
    return this.#client.flush();
  }

  close(code: number | null, reason: string): void {
    this.#client.close(code, reason).catch(ignore);
  }

  terminate(): void {
    this.#client.terminate();
  }

  /** Pauses the socket, and the messages that were read and not decompressed yet. */
  pause(): void {
    this.#tap.pause();
    this.#client.pauseMessages(true);
  }

  resume(): void {
    this.#tap.resume();
    this.#client.pauseMessages(false);
  }

  ref(): void {
    this.#client.ref();
  }

  unref(): void {
    this.#client.unref();
  }
}

function routeOf(request: LinkRequest, settings: Settings): Route {
  const { agent, createConnection } = settings;
  const target = targetOf(request, settings);
  if (agent !== undefined && agent !== null && agent !== false)
    return routeThrough(agent, target, request.address.url);
  return createConnection === undefined
    ? {}
    : { createConnection: () => createSocket(createConnection, target) };
}

function targetOf({ address, fields }: LinkRequest, { tls, engine, socketPath }: Settings): ConnectionTarget {
  const { url, isSecure } = address;
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const isName = !/^[\d.]+$|:/.test(host);
  return {
    ...tls,
    ...(isSecure && isName ? { servername: tls.servername ?? host } : {}),
    ...{ host, port: Number(url.port || (isSecure ? 443 : 80)), path: address.socketPath ?? socketPath },
    ...{ lookup: engine.lookup, localAddress: engine.localAddress },
    ...{ headers: Object.fromEntries(fields.values()), secureEndpoint: isSecure },
  };
}
