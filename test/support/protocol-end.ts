import {
  ProtocolConnection,
  type ProtocolConnectionOptions,
  type ProtocolHandler,
} from "../../protocol/connection.js";
import type { ProtocolError } from "../../protocol/errors.js";
import { Resources } from "../../protocol/resources.js";
import type { Feed } from "./feed.js";

/** What a connection tells, as a list that can be compared. */
export type Told =
  | readonly ["message", string | Buffer, size: number]
  | readonly ["ping" | "pong", string]
  | readonly ["close", code: number, reason: string]
  | readonly ["failure", code: string, closeCode: number]
  | readonly ["end"];

/** The message that a handler is told. */
export function message(data: string | Uint8Array): Told {
  if (typeof data === "string") return ["message", data, Buffer.byteLength(data)];
  return ["message", Buffer.from(data), data.length];
}

/** Random bytes that are the same in every run. */
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

/** One end of a connection that writes down what it is told. */
export class ProtocolEnd implements ProtocolHandler {
  readonly connection: ProtocolConnection;
  readonly calls: Told[] = [];
  readonly errors: ProtocolError[] = [];
  /** The test's own part of each call, from inside it. */
  onCall: ((told: Told) => void) | undefined;

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
    this.#tell(["message", data, size]);
  }

  onPing(payload: Buffer): void {
    this.#tell(["ping", payload.toString("latin1")]);
  }

  onPong(payload: Buffer): void {
    this.#tell(["pong", payload.toString("latin1")]);
  }

  onClose(code: number, reason: string): void {
    this.#tell(["close", code, reason]);
  }

  onFailure(error: ProtocolError): void {
    this.errors.push(error);
    this.#tell(["failure", error.code, error.closeCode]);
  }

  onEnd(): void {
    this.#tell(["end"]);
  }

  #tell(told: Told): void {
    this.calls.push(told);
    this.onCall?.(told);
  }

  /** Everything that it has for the wire. */
  drain(): Buffer {
    return drain(this.connection);
  }
}

/** What gives its bytes for the wire piece by piece: a connection, or its output alone. */
export interface Drainable {
  take(): Buffer | undefined;
  written(): void;
}

/** Takes everything that is there for the wire, as a socket does that never refuses. */
export function drain(source: Drainable): Buffer {
  const pieces: Buffer[] = [];
  for (let bytes = source.take(); bytes !== undefined; bytes = source.take()) {
    pieces.push(Buffer.from(bytes));
    source.written();
  }
  return Buffer.concat(pieces);
}
