// Runs every fault and compares its close report. Prints a table of all verdicts.
import { afterAll, describe, expect, it } from "vitest";
import type { CloseReport, Verdict } from "../../src/index.js";
import type { Fault } from "./fault.js";
import { playInMemory } from "./fault-worlds.js";
import { networkFaults } from "./network-faults.js";
import { ownEnds } from "./own-ends.js";
import { serverFaults } from "./server-faults.js";

const faults: readonly Fault[] = [...serverFaults, ...networkFaults, ...ownEnds];

/** All verdicts except "proxy". The type check fails if the union changes and this list does not. */
const verdicts: Readonly<Record<Exclude<Verdict, "proxy">, true>> = {
  ...{ normal: true, "going-away": true, "server-restart": true, "server-error": true },
  ...{ "rate-limited": true, auth: true, policy: true, "not-found": true, "handshake-rejected": true },
  ...{ "protocol-error": true, "too-big": true, "name-not-found": true, refused: true },
  ...{ "connect-timeout": true, tls: true, "setup-failed": true, "network-lost": true, "idle-cut": true },
  ...{ "heartbeat-timeout": true, "local-stall": true, rotated: true, aborted: true },
  ...{ "closed-by-us": true, "closed-by-peer": true },
};

const recorded: { readonly fault: Fault; readonly report: CloseReport }[] = [];

afterAll(() => {
  const header = ["fault", "verdict", "initiatedBy", "phase", "codes", "HTTP", "retry", "error"];
  const rows = recorded.map(({ fault, report }) => [
    fault.name,
    report.verdict,
    report.initiatedBy,
    report.phase,
    `${report.codeSent ?? "-"}/${report.codeReceived ?? "-"}`,
    `${report.statusCode ?? "-"}`,
    report.isRetryable ? "yes" : "no",
    report.error?.code ?? "-",
  ]);
  const widths = header.map((name, column) =>
    Math.max(name.length, ...rows.map((row) => row[column]!.length)),
  );
  const lines = [header, widths.map((width) => "-".repeat(width)), ...rows].map(
    (row) => `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(" | ")} |`,
  );
  process.stdout.write(`\n${lines.join("\n")}\n`);
});

const sentences = /^[A-Z].*[.!?]$/s;

describe("the close report of a fault", () => {
  it.each(faults.map((fault) => [fault.name, fault] as const))("%s", async (_name, fault) => {
    const report = await fault.play();
    recorded.push({ fault, report });
    const { verdict, initiatedBy, phase, isRetryable } = fault;
    expect({
      ...{ verdict: report.verdict, initiatedBy: report.initiatedBy, phase: report.phase },
      ...{ codeSent: report.codeSent, codeReceived: report.codeReceived, statusCode: report.statusCode },
      ...{ isRetryable: report.isRetryable, errorCode: report.error?.code },
    }).toEqual({
      ...{ verdict, initiatedBy, phase, isRetryable },
      ...{ codeSent: fault.codeSent, codeReceived: fault.codeReceived, statusCode: fault.statusCode },
      errorCode: fault.errorCode,
    });
    expect(report.advice).toMatch(sentences);
    if (report.error !== undefined) expect(report.error.message).toMatch(sentences);
    expect(report.wasClean).toBe(report.codeSent !== undefined && report.codeReceived !== undefined);
    expect(JSON.stringify([report.url, report.error?.message, report.events])).not.toContain("secret");
    expect(Object.isFrozen(report)).toBe(true);
  });

  it("covers every verdict except proxy", () => {
    expect(new Set(recorded.map(({ report }) => report.verdict))).toEqual(new Set(Object.keys(verdicts)));
  });
});

describe("the other fields of a close report", () => {
  it("count unanswered pings, and the advice names the option if no ping was ever answered", async () => {
    const report = await playInMemory({
      options: { heartbeat: { interval: 1_000, timeout: 2_500 } },
      script: (connection) => {
        connection.accept();
        connection.answerPings(false);
      },
      act: ({ pass }) => pass(4_000),
    });
    expect(report).toMatchObject({ verdict: "heartbeat-timeout", unansweredPings: 3, loopLagMs: 0 });
    expect(report.advice).toMatch(/heartbeat\.ping.*heartbeat\.isPong/);
  });

  it("give the lag of a blocked event loop, which is not counted as silence of the peer", async () => {
    const report = await playInMemory({
      options: { heartbeat: { interval: 1_000, timeout: 500 } },
      act: async ({ server, pass, stall }) => {
        stall(5_000);
        await pass(3_000);
        server.connections[0]?.reset();
      },
    });
    expect(report).toMatchObject({ verdict: "network-lost", unansweredPings: 0 });
    expect(report.loopLagMs).toBeGreaterThan(3_500);
    expect(report.loopLagMs).toBeLessThanOrEqual(5_000);
  });

  it("give the times and the counts of messages", async () => {
    const report = await playInMemory({
      script: async (connection) => {
        connection.accept();
        connection.stopReading();
        await connection.delay(1_500);
        connection.send("one");
      },
      act: async ({ ws, server, pass }) => {
        void ws.sendRaw(Buffer.alloc(1_000_000));
        void ws.send("queued");
        await pass(900);
        server.connections[0]?.reset();
      },
    });
    expect(report).toMatchObject({
      ...{ verdict: "network-lost", ageMs: 1_900, lastReceivedMs: 400, pausedMs: 0 },
      ...{ messagesUnsent: 1, messagesUncertain: 1, wasClean: false, reason: "" },
    });
    expect(report.events.map(({ name }) => name)).toContain("connected");
  });
});
