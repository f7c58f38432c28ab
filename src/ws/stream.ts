/** Wraps a WebSocket in a stream. It does not open or configure the WebSocket. */
import type { EventEmitter } from "node:events";
import { Duplex, type DuplexOptions } from "node:stream";
import { nodeRuntime } from "../index.js";
import type { RawData, SendCallback } from "./types.js";

/** What the stream uses of a WebSocket. */
export interface StreamedSocket extends EventEmitter {
  readonly readyState: number;
  readonly CONNECTING: 0;
  readonly CLOSED: 3;
  readonly isPaused: boolean;
  send(data: Buffer, callback: SendCallback): void;
  pause(): void;
  resume(): void;
  close(): void;
  terminate(): void;
}

/**
 * Returns a stream that reads the messages of a WebSocket and sends what is written. Each written chunk is a binary
 * message, unless `decodeStrings` is `false` and the chunk is a string. Reading is paused while the buffer of the
 * stream is full, and a write is complete when its message was passed to the kernel.
 *
 * @param socket - A WebSocket that is connecting or open.
 * @param options - The options of the Duplex. `readableObjectMode: true` keeps the messages apart, and text as strings.
 */
export function createWebSocketStream(socket: StreamedSocket, options?: DuplexOptions): Duplex {
  return new WebSocketStream(socket, options);
}

class WebSocketStream extends Duplex {
  readonly #socket: StreamedSocket;
  /** False after an error of the WebSocket, which closes itself with a Close frame. */
  #mayTerminate = true;

  constructor(socket: StreamedSocket, options: DuplexOptions = {}) {
    super({
      ...options,
      ...{ autoDestroy: false, emitClose: false, objectMode: false, writableObjectMode: false },
    });
    this.#socket = socket;
    socket.on("message", (data: RawData, isBinary: boolean) => {
      const chunk: unknown = !isBinary && this.readableObjectMode ? (data as Buffer).toString() : data;
      if (!this.push(chunk)) socket.pause();
    });
    socket.once("error", (error: Error) => {
      if (this.destroyed) return;
      this.#mayTerminate = false;
      this.destroy(error);
    });
    socket.once("close", () => {
      if (!this.destroyed) this.push(null);
    });
    this.on("end", () => {
      if (!this.destroyed && this.writableFinished) this.destroy();
    });
    this.on("error", this.#onError);
  }

  /** An error that no other listener handles must not be lost. */
  readonly #onError = (error: Error): void => {
    this.off("error", this.#onError);
    this.destroy();
    if (this.listenerCount("error") === 0) this.emit("error", error);
  };

  override _read(): void {
    if (this.#socket.isPaused) this.#socket.resume();
  }

  override _write(chunk: unknown, encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    const socket = this.#socket;
    if (socket.readyState === socket.CONNECTING)
      socket.once("open", () => this._write(chunk, encoding, callback));
    else socket.send(chunk as Buffer, callback);
  }

  override _final(callback: (error?: Error | null) => void): void {
    const socket = this.#socket;
    const finish = (): void => {
      callback();
      if (this.readableEnded) this.destroy();
    };
    if (socket.readyState === socket.CONNECTING) {
      socket.once("open", () => this._final(callback));
    } else if (socket.readyState === socket.CLOSED) {
      finish();
    } else {
      // Before the listener that ends the reading side.
      socket.prependOnceListener("close", finish);
      socket.close();
    }
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    const socket = this.#socket;
    const emitClose = (): void => nodeRuntime.defer(() => this.emit("close"));
    if (socket.readyState === socket.CLOSED) {
      callback(error);
      emitClose();
      return;
    }
    let isDone = false;
    const done = (reason: Error | null): void => {
      if (!isDone) callback(reason);
      isDone = true;
    };
    socket.once("error", done);
    socket.once("close", () => {
      done(error);
      emitClose();
    });
    if (this.#mayTerminate) socket.terminate();
  }
}
