import type { BackoffOptions } from "../../src/index.js";
import type { Script } from "./stage.js";

export const day: number = 86_400_000;
/** Waits that can be told in advance. */
export const steady: BackoffOptions = { base: 1_000, multiplier: 2, cap: 8_000, jitter: false };

/** Plays one script after the other, the last one for all that come later. */
export function inTurn(...scripts: readonly Script[]): Script {
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

/** A promise that has failed with whatever JavaScript lets one fail with. */
export function failedWith(reason: unknown): Promise<never> {
  return Promise.reject(reason);
}

/** Sends these at once behind the 101. */
export function telling(...messages: readonly string[]): Script {
  return (connection) => {
    connection.inOneWrite(() => {
      connection.accept();
      for (const message of messages) connection.send(message);
    });
  };
}
