import type { CloseReport, Phase, Verdict } from "../../src/index.js";
import { type InMemory, playInMemory } from "./fault-worlds.js";

/** A fault, how it is played, and what the report of it is to say. */
export interface Fault {
  readonly name: string;
  readonly play: () => Promise<CloseReport>;
  readonly verdict: Verdict;
  readonly initiatedBy: CloseReport["initiatedBy"];
  readonly phase: Phase;
  readonly isRetryable: boolean;
  readonly codeSent?: number;
  readonly codeReceived?: number;
  readonly statusCode?: number;
  /** The code of `report.error`; without one there is no error. */
  readonly errorCode?: string;
}

export const byPeer = { initiatedBy: "peer", phase: "closing", isRetryable: true } as const;
export const byUs = { initiatedBy: "us", phase: "closing", isRetryable: false } as const;
export const byNetwork = { initiatedBy: "network", isRetryable: true } as const;

export function inMemory(given: InMemory): () => Promise<CloseReport> {
  return () => playInMemory(given);
}
