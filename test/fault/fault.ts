// The type of one fault of verdicts.test.ts and the values that many faults share.
import type { CloseReport, Phase, Verdict } from "../../src/index.js";
import { type InMemory, playInMemory } from "./fault-worlds.js";

/** A fault, the function that runs it, and the expected fields of its close report. */
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
  /** Expected code of `report.error`; undefined if no error is expected. */
  readonly errorCode?: string;
}

export const byPeer = { initiatedBy: "peer", phase: "closing", isRetryable: true } as const;
export const byUs = { initiatedBy: "us", phase: "closing", isRetryable: false } as const;
export const byNetwork = { initiatedBy: "network", isRetryable: true } as const;

export function inMemory(given: InMemory): () => Promise<CloseReport> {
  return () => playInMemory(given);
}
