// A client connection without a socket. It records the calls of its owner.
import type { ClientConnection } from "../../src/client/connection/client-connection.js";

/** `Live` is the fake of its open connection. */
export class FakeConnection<Live> {
  readonly name: string;
  number = 0;
  isReady = false;
  live: Live | undefined;
  protected readonly log: string[];

  /** @param log - Receives one line for each call. */
  constructor(name: string, log: string[]) {
    this.name = name;
    this.log = log;
  }

  /** The connection has completed its opening handshake and its setup. */
  open(number: number, live: Live): Live {
    this.number = number;
    this.isReady = true;
    this.live = live;
    return live;
  }

  pause(reason: string): void {
    this.log.push(`${this.name} pauses ${reason}`);
  }

  resume(reason: string): void {
    this.log.push(`${this.name} resumes ${reason}`);
  }

  /** The same object, as the type that the code under test expects. */
  get client(): ClientConnection {
    return this as unknown as ClientConnection;
  }
}
