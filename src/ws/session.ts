/**
 * The life of one WebSocket: attempts, redirects, the open connection and its end. It emits the events. It does not check
 * the arguments of methods.
 */
import { type CloseReport, HandshakeError, nodeRuntime, unmasked } from "../index.js";
import { type Address, readAddress } from "./address.js";
import { received } from "./data.js";
import { attemptError, frameError } from "./errors.js";
import { Link, type LinkHandler } from "./link.js";
import { nodeHttp } from "./node-modules.js";
import type { Settings } from "./options.js";
import { addAuthorization, type Fields, locationOf, Redirects } from "./redirects.js";
import { Request, Response } from "./response.js";
import { callSafely, throwLater } from "./send-callbacks.js";
import type { BinaryType } from "./types.js";

export const readyStates = ["CONNECTING", "OPEN", "CLOSING", "CLOSED"] as const;
export type ReadyState = 0 | 1 | 2 | 3;
export const connecting = 0;
export const open = 1;
export const closing = 2;
export const closed = 3;

/** Emits the events. */
export interface SessionEmitter {
  emit(name: string, ...values: unknown[]): boolean;
  listenerCount(name: string): number;
}

/** The code of a connection that ended without a Close frame. */
const abnormal = 1006;

export class Session implements LinkHandler {
  readonly #emitter: SessionEmitter;
  readonly #settings: Settings;
  readonly #protocols: readonly string[];
  readonly #fields: Fields;
  readonly #redirects: Redirects;
  #link: Link;
  /**
   * Events that wait for a later turn of the event loop: those that follow the event `open` in the same turn, and
   * without `allowSynchronousEvents` all of them. Reading is paused meanwhile.
   */
  readonly #waiting: (() => void)[] = [];
  #hasOpened = false;
  #isTerminated = false;
  /** True if the end was reported, or is about to be. Events of the connection are ignored. */
  #isOver = false;
  address: Address;
  readyState: ReadyState = connecting;
  binaryType: BinaryType = "nodebuffer";
  isPaused: boolean = false;
  subprotocol: string = "";
  extension: string = "";
  /** True if one Close frame was sent and one was received. */
  wasClean: boolean = false;

  /** @throws TypeError for an option that cannot be used. */
  constructor(emitter: SessionEmitter, address: Address, protocols: readonly string[], settings: Settings) {
    this.#emitter = emitter;
    this.#settings = settings;
    this.#protocols = protocols;
    this.#fields = new Map(settings.headers);
    this.#redirects = new Redirects(address, settings.maxRedirects);
    this.address = address;
    addAuthorization(this.#fields, address.auth ?? settings.auth);
    this.#link = this.#dial(this.#fields);
  }

  #dial(fields: Fields): Link {
    return new Link({ address: this.address, protocols: this.#protocols, fields }, this.#settings, this);
  }

  /** The connection, if messages can be sent. */
  get link(): Link {
    return this.#link;
  }

  #emit(name: string, ...values: unknown[]): void {
    callSafely(() => this.#emitter.emit(name, ...values));
  }

  close(code: number | null, reason: string): void {
    this.readyState = closing;
    this.#link.close(code, reason);
  }

  /** Ends the connection, or the attempt to open one, without a closing handshake. */
  terminate(): void {
    if (this.readyState === connecting) {
      this.abort(new Error("WebSocket was closed before the connection was established"));
    } else {
      this.readyState = closing;
      this.#isTerminated = true;
      this.#link.terminate();
    }
  }

  /** Ends the attempt. The events follow in the next tick. */
  abort(error: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.readyState = closing;
    this.#link.terminate();
    nodeRuntime.defer(() => this.#end(error, abnormal, ""));
  }

  setPaused(isPaused: boolean): void {
    this.isPaused = isPaused;
    if (isPaused) this.#link.pause();
    else if (this.#waiting.length === 0) this.#link.resume();
  }

  // The link calls the following methods.

  get isUpgradeWatched(): boolean {
    return this.#emitter.listenerCount("upgrade") > 0;
  }

  onUpgrade(response: Response): void {
    if (!this.#isOver) this.#emit("upgrade", response);
  }

  onOpen(): void {
    if (this.#isOver) return;
    const { subprotocol, extension } = this.#link;
    if (this.#protocols.length > 0 && subprotocol === "") {
      this.abort(new Error("Server sent no subprotocol"));
      return;
    }
    this.subprotocol = subprotocol;
    this.extension = extension;
    this.#hasOpened = true;
    this.readyState = open;
    // A program that awaits the event `open` can then add its listeners before the first message.
    this.#wait(() => undefined);
    this.#emit("open");
  }

  onMessage(data: string | Buffer, isBinary: boolean): void {
    if (this.#isTerminated) return;
    if (this.#isImmediate()) this.#emitMessage(data, isBinary);
    else
      this.#wait(() => {
        if (!this.#isTerminated) this.#emitMessage(data, isBinary);
      });
  }

  #emitMessage(data: string | Buffer, isBinary: boolean): void {
    // Without a function per message.
    try {
      this.#emitter.emit("message", received(data, isBinary, this.binaryType), isBinary);
    } catch (thrown) {
      throwLater(thrown);
    }
  }

  onPing(payload: Buffer): void {
    this.#deliver(() => this.#emit("ping", payload));
  }

  onPong(payload: Buffer): void {
    this.#deliver(() => this.#emit("pong", payload));
  }

  /** The messages before a violation of the protocol are emitted while the application can still answer them. */
  onFailing(): void {
    if (!this.isPaused) for (const action of this.#waiting.splice(0)) action();
  }

  onClosing(): void {
    const close = (): void => {
      if (this.readyState === open) this.readyState = closing;
    };
    // The messages that arrived before the Close frame are emitted first.
    if (this.#waiting.length > 0) this.#waiting.push(close);
    else close();
  }

  onEnd(report: CloseReport): void {
    if (this.#isOver) return;
    if (this.#hasOpened) {
      this.#isOver = true;
      this.onClosing();
      const error = frameError(report);
      const { codeReceived, reasonReceived = "", wasClean } = unmasked(report);
      const isClosed = codeReceived !== undefined && error === undefined;
      this.wasClean = wasClean && isClosed;
      // The connection may end during a call of the application.
      nodeRuntime.defer(() =>
        this.#deliver(() =>
          this.#end(error, isClosed ? codeReceived : abnormal, isClosed ? reasonReceived : ""),
        ),
      );
      return;
    }
    const location = this.#redirects.isOn ? locationOf(report.error) : undefined;
    if (location !== undefined) this.#redirect(location);
    else if (!this.#showResponse(report.error)) this.#fail(this.#attemptError(report));
  }

  #attemptError(report: CloseReport): Error {
    const hasSubprotocols = this.#protocols.length > 0;
    return attemptError(report, { hasSubprotocols, hasExtensions: this.#settings.engine.compress !== false });
  }

  #isImmediate(): boolean {
    return this.#waiting.length === 0 && this.#settings.isSynchronous;
  }

  #deliver(action: () => void): void {
    if (this.#isImmediate()) action();
    else this.#wait(action);
  }

  #wait(action: () => void): void {
    if (this.#waiting.push(action) > 1) return;
    this.#link.pause();
    nodeRuntime.afterTurn(() => this.#deliverNext());
  }

  #deliverNext(): void {
    do {
      this.#waiting[0]?.();
      this.#waiting.shift();
    } while (this.#settings.isSynchronous && this.#waiting.length > 0);
    if (this.#waiting.length > 0) nodeRuntime.afterTurn(() => this.#deliverNext());
    else if (!this.isPaused) this.#link.resume();
  }

  #fail(error: Error): void {
    this.#isOver = true;
    this.readyState = closing;
    this.#end(error, abnormal, "");
  }

  #end(error: Error | undefined, code: number, reason: string): void {
    if (this.readyState !== closed) this.readyState = closing;
    if (error !== undefined) this.#emit("error", error);
    this.readyState = closed;
    this.#emit("close", code, Buffer.from(reason));
  }

  #redirect(location: string): void {
    try {
      this.#redirects.count();
      this.address = readAddress(location, this.address.href);
    } catch (error) {
      this.#fail(error as Error);
      return;
    }
    addAuthorization(this.#fields, this.address.auth);
    const fields = new Map(this.#fields);
    const isWatched = this.#emitter.listenerCount("redirect") > 0;
    // A listener decides itself which header fields the next host receives.
    if (!isWatched) this.#redirects.removeCredentials(fields, this.address);
    let destroyed: Error | undefined;
    const request = new Request(this.address.url, fields, (error) => {
      destroyed = error;
    });
    this.#emit("redirect", this.address.href, request);
    if (this.#isOver) return;
    try {
      if (destroyed !== undefined) throw destroyed;
      this.#link = this.#dial(fields);
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  /** Emits `unexpected-response`. The listener then has to end the attempt. */
  #showResponse(error: Error | undefined): boolean {
    const isResponse = error instanceof HandshakeError && error.code === "UNEXPECTED_STATUS";
    if (!isResponse || this.#emitter.listenerCount("unexpected-response") === 0) return false;
    const { statusCode = 0, headers, body } = error;
    const message = nodeHttp().STATUS_CODES[statusCode] ?? "";
    const response = new Response(statusCode, message, unmasked(headers), unmasked(body));
    const request = new Request(this.address.url, new Map(this.#fields), () => response.destroy());
    this.#emit("unexpected-response", request, response);
    return true;
  }
}
