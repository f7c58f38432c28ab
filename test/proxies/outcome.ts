// Connects through a proxy and returns what a user of the client observes. It does not judge it.
import { inspect } from "node:util";
import { type CloseReport, JetSocketError, ProxyError } from "../../src/index.js";
import { credentials } from "./proxy-process.js";
import type { Clients } from "./fleet.js";

export interface Outcome {
  /** `echo`, or the code of the error. */
  readonly result: string;
  /** The name of the class of the error; `undefined` for an echo. */
  readonly error: string | undefined;
  readonly message: string;
  readonly phase: string;
  readonly verdict: string;
  readonly advice: string;
  readonly isRetryable: boolean;
  /** The status of an HTTP proxy that opened no tunnel. */
  readonly statusCode: number | undefined;
  /** The reply of a SOCKS5 proxy that opened no tunnel. */
  readonly socksCode: number | undefined;
  /** The ports of the addresses that were dialled. */
  readonly ports: readonly number[];
}

/** Connects, exchanges one message and closes. */
export async function observe(
  clients: Clients,
  ...[url, options]: Parameters<Clients["connect"]>
): Promise<Outcome> {
  try {
    const ws = await clients.connect(url, options);
    await ws.send("through");
    const echo = await ws.recv();
    await ws.close();
    return outcomeOf(ws.lastReport!, echo === "through" ? "echo" : String(echo));
  } catch (error) {
    if (!(error instanceof JetSocketError)) throw error;
    checkSecrets(error);
    return outcomeOf(error.report as CloseReport, error.code, error);
  }
}

/** @throws Error if an error shows the credentials of a proxy. */
function checkSecrets(error: JetSocketError): void {
  const shown = inspect(error, { depth: 9 }) + JSON.stringify(error.report) + String(error.stack);
  const { user, password } = credentials;
  const encoded = Buffer.from(`${user}:${password}`).toString("base64");
  for (const secret of [password, encodeURIComponent(password), encoded, "gu3ss"])
    if (shown.includes(secret)) throw new Error(`The error shows ${secret}.`, { cause: error });
}

function outcomeOf(report: CloseReport, result: string, error?: JetSocketError): Outcome {
  const { phase, verdict, advice, isRetryable, addresses } = report;
  const { statusCode, socksCode }: Partial<ProxyError> = error instanceof ProxyError ? error : {};
  return {
    ...{ result, phase, verdict, advice, isRetryable, statusCode, socksCode },
    ...{ error: error?.name, message: error?.message ?? "", ports: addresses.map(({ port }) => port) },
  };
}

export const outcomeTitles: readonly string[] = ["result", "phase", "answer", "verdict", "retry", "advice"];

/** The cells of a row below {@link outcomeTitles}. */
export function cellsOf(outcome: Outcome): readonly string[] {
  const { result, phase, verdict, statusCode, socksCode, isRetryable, advice } = outcome;
  if (result === "echo") return [result, "", "", "", "", ""];
  const answer = socksCode === undefined ? String(statusCode ?? "") : `reply ${socksCode}`;
  return [result, phase, answer, verdict, isRetryable ? "yes" : "no", advice];
}
