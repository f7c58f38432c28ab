// Runs ProtocolConnection without sockets, and records the calls of its handler.
import {
  ProtocolConnection,
  type ProtocolConnectionOptions,
  type ProtocolHandler,
} from "../../protocol/connection.js";
import type { ProtocolError } from "../../protocol/errors.js";
import { Resources } from "../../protocol/resources.js";
import type { Feed } from "./feed.js";

/** The calls of a ProtocolHandler, as tuples that can be compared. */
export type Recorded =
  | readonly ["message", string | Buffer, size: number]
  | readonly ["ping" | "pong", string]
  | readonly ["close", code: number, reason: string]
  | readonly ["failure", code: string, closeCode: number]
  | readonly ["end"];

/** The recorded call of onMessage() for `data`. */
export function message(data: string | Uint8Array): Recorded {
  if (typeof data === "string") return ["message", data, Buffer.byteLength(data)];
  return ["message", Buffer.from(data), data.length];
}

/** Pseudo-random bytes that are the same in every run. */
export function steadyRandom(seed = 1): (bytes: Uint8Array) => void {
  let state = seed;
  return (bytes) => {
    for (let at = 0; at < bytes.length; at++) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
      bytes[at] = state >>> 24;
    }
  };
}

export function testResources(): Resources {
  return new Resources({ fillRandom: steadyRandom() });
}

/** One end of a connection that records the calls of its handler. */
export class ProtocolEnd implements ProtocolHandler {
  readonly connection: ProtocolConnection;
  readonly calls: Recorded[] = [];
  readonly errors: ProtocolError[] = [];
  /** Called inside each handler call. */
  onCall: ((recorded: Recorded) => void) | undefined;

  constructor(options: Partial<Omit<ProtocolConnectionOptions, "handler">> = {}) {
    this.connection = new ProtocolConnection({
      role: "client",
      resources: testResources(),
      ...options,
      handler: this,
    });
  }

  readonly receive: Feed = (bytes, start, end) => this.connection.receive(bytes, start, end);

  onMessage(data: string | Buffer, size: number): void {
    this.#record(["message", data, size]);
  }

  onPing(payload: Buffer): void {
    this.#record(["ping", payload.toString("latin1")]);
  }

  onPong(payload: Buffer): void {
    this.#record(["pong", payload.toString("latin1")]);
  }

  onClose(code: number, reason: string): void {
    this.#record(["close", code, reason]);
  }

  onFailure(error: ProtocolError): void {
    this.errors.push(error);
    this.#record(["failure", error.code, error.closeCode]);
  }

  onEnd(): void {
    this.#record(["end"]);
  }

  #record(recorded: Recorded): void {
    this.calls.push(recorded);
    this.onCall?.(recorded);
  }

  /** Takes all output for the wire. */
  drain(): Buffer {
    return drain(this.connection);
  }
}

/** An object that returns its output piece by piece: a connection, or its output buffer. */
export interface Drainable {
  take(): Buffer | undefined;
  written(): void;
}

/** Takes all output, as a socket does whose writes always complete. */
export function drain(source: Drainable): Buffer {
  const pieces: Buffer[] = [];
  for (let bytes = source.take(); bytes !== undefined; bytes = source.take()) {
    pieces.push(Buffer.from(bytes));
    source.written();
  }
  return Buffer.concat(pieces);
}
