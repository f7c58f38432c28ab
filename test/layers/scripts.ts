// Server scripts and backoff options that several test files share.
import type { BackoffOptions } from "../../src/index.js";
import type { Script } from "./stage.js";

export const day: number = 86_400_000;
/** Delays without randomness. */
export const steady: BackoffOptions = { base: 1_000, multiplier: 2, cap: 8_000, jitter: false };

/** Runs the scripts one after the other, and the last one for all later connections. */
export function inSequence(...scripts: readonly Script[]): Script {
  return (connection, n) => scripts[Math.min(n, scripts.length) - 1]!(connection, n);
}

/** Breaks each connection after `ms` milliseconds. */
export function breaking(ms: number): Script {
  return async (connection) => {
    connection.accept();
    await connection.delay(ms);
    connection.reset();
  };
}

export function refusing(status: number, headers: Record<string, string> = {}): Script {
  return (connection) => connection.reject(status, { headers });
}

export function closing(code: number, ms: number = 0): Script {
  return async (connection) => {
    connection.accept();
    await connection.delay(ms);
    connection.close(code);
  };
}

export const drop: Script = (connection) => connection.reset();

/** A promise that rejects with any value, which need not be an Error. */
export function rejectedWith(reason: unknown): Promise<never> {
  return Promise.reject(reason);
}

/** Sends these messages in the same write as the 101. */
export function sending(...messages: readonly string[]): Script {
  return (connection) => {
    connection.inOneWrite(() => {
      connection.accept();
      for (const message of messages) connection.send(message);
    });
  };
}
