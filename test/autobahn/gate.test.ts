// Comparison of Autobahn results with the pinned verdicts.
import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const gate = new URL("../../autobahn/gate.mjs", import.meta.url).pathname;

const pinned = {
  "1.1.1": { behavior: "OK", behaviorClose: "OK" },
  "6.4.1": { behavior: "OK", behaviorClose: "OK" },
  "7.1.6": { behavior: "INFORMATIONAL", behaviorClose: "INFORMATIONAL" },
  "12.1.10": { behavior: "OK", behaviorClose: "OK" },
};

const run = {
  agent: "jetsocket",
  entry: "jetsocket",
  version: "1.2.3",
  suite: "autobahntestsuite 25.10.1",
  server: "Python 2.7",
  lanes: 2,
  patterns: ["*"],
  started: "2025-01-01T00:00:00.000Z",
  durationMs: 492_000,
  unfinished: [] as { id: string; why: string }[],
  problems: [] as string[],
  notes: {},
};

describe("the gate", () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "jetsocket-gate-"));
    await mkdir(join(folder, "cases"));
    await write("expected.json", { cases: pinned });
    await write("run.json", run);
    for (const [id, verdicts] of Object.entries(pinned)) await writeResult(id, verdicts);
  });

  afterEach(() => rm(folder, { recursive: true, force: true }));

  const write = (name: string, value: unknown): Promise<void> =>
    writeFile(join(folder, name), JSON.stringify(value));

  const fileOf = (id: string): string => `cases/jetsocket_case_${id.replaceAll(".", "_")}.json`;

  const writeResult = (id: string, more: object): Promise<void> =>
    write(fileOf(id), {
      id,
      agent: "jetsocket",
      result: "as seen",
      resultClose: "closed | so",
      remoteCloseCode: 1000,
      duration: 1_500,
      ...more,
    });

  const runGate = (): { status: number | null; lines: string[]; stderr: string } => {
    const args = [gate, "--report", folder, "--expected", join(folder, "expected.json")];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
    return { status, lines: stdout.trim().split("\n"), stderr };
  };

  const summary = async (): Promise<unknown> =>
    JSON.parse(await readFile(join(folder, "summary.json"), "utf8"));

  it("passes when every verdict equals the pinned one", async () => {
    expect(runGate()).toEqual({
      status: 0,
      stderr: "",
      lines: ["autobahn: 4 cases, 3 OK, 1 INFORMATIONAL, 0 failed, close: 4 as pinned, in 8 min 12 s"],
    });
    expect(await summary()).toEqual({ passed: 4, failed: 0, skipped: 0 });
    const page = await readFile(join(folder, "index.md"), "utf8");
    expect(page).toContain("| 12 Compression: payloads and sizes | 1 | 1 | 0 | 0 | 1.5 s |");
    expect(page).toContain("## Deviations from the pinned verdicts\n\nNone.");
  });

  it("fails when one pinned verdict is changed, and names the case", async () => {
    await write("expected.json", {
      cases: { ...pinned, "6.4.1": { behavior: "NON-STRICT", behaviorClose: "OK" } },
    });
    const { status, lines } = runGate();
    expect(status).toBe(1);
    expect(lines).toEqual([
      "autobahn: 6.4.1 behaviour OK, pinned NON-STRICT (as seen)",
      "autobahn: 4 cases, 3 OK, 1 INFORMATIONAL, 1 failed, close: 4 as pinned, in 8 min 12 s",
    ]);
    expect(await summary()).toEqual({ passed: 3, failed: 1, skipped: 0 });
  });

  it("fails when one pinned verdict on the close is changed", async () => {
    await write("expected.json", {
      cases: { ...pinned, "7.1.6": { behavior: "INFORMATIONAL", behaviorClose: "OK" } },
    });
    const { status, lines } = runGate();
    expect(status).toBe(1);
    expect(lines[0]).toBe("autobahn: 7.1.6 close INFORMATIONAL, pinned OK (closed | so)");
    expect(lines.at(-1)).toContain("1 failed, close: 3 as pinned");
    expect(await readFile(join(folder, "index.md"), "utf8")).toContain("(closed \\| so)");
  });

  it("fails when one result file is deleted", async () => {
    await rm(join(folder, fileOf("12.1.10")));
    const { status, lines } = runGate();
    expect(status).toBe(1);
    expect(lines).toEqual([
      "autobahn: 12.1.10 did not run: there is no result of it",
      "autobahn: 4 cases, 2 OK, 1 INFORMATIONAL, 1 DID NOT RUN, 1 failed, close: 3 as pinned, in 8 min 12 s",
    ]);
    expect(await summary()).toEqual({ passed: 3, failed: 1, skipped: 0 });
  });

  it.each([
    ["is truncated", (): Promise<void> => writeFile(join(folder, fileOf("1.1.1")), '{"id": "1.1.1"')],
    [
      "describes another case",
      (): Promise<void> => writeResult("1.1.1", { id: "1.1.2", ...pinned["1.1.1"] }),
    ],
    [
      "describes another client",
      (): Promise<void> => writeResult("1.1.1", { agent: "other", ...pinned["1.1.1"] }),
    ],
  ])("takes a result that %s for none", async (_, damage) => {
    await damage();
    const { status, lines } = runGate();
    expect(status).toBe(1);
    expect(lines[0]).toBe("autobahn: 1.1.1 did not run: there is no result of it");
  });

  it.each(["NON-STRICT", "FAILED", "UNIMPLEMENTED", "OK, or so"])(
    "fails on the verdict %s",
    async (behavior) => {
      await writeResult("1.1.1", { behavior, behaviorClose: "OK" });
      const { status, lines } = runGate();
      expect(status).toBe(1);
      expect(lines[0]).toBe(`autobahn: 1.1.1 behaviour ${behavior}, pinned OK (as seen)`);
    },
  );

  it("fails on a case that did not end, regardless of its verdict", async () => {
    await write("run.json", { ...run, unfinished: [{ id: "6.4.1", why: "no progress in 120 s" }] });
    const { status, lines } = runGate();
    expect(status).toBe(1);
    expect(lines[0]).toBe("autobahn: 6.4.1 did not end: no progress in 120 s");
  });

  it("fails on a problem that belongs to no case", async () => {
    await write("run.json", { ...run, problems: ["the server ended by SIGKILL"] });
    const { status, lines } = runGate();
    expect(status).toBe(1);
    expect(lines).toEqual([
      "autobahn: the server ended by SIGKILL",
      "autobahn: 4 cases, 3 OK, 1 INFORMATIONAL, 1 failed, close: 4 as pinned, in 8 min 12 s",
    ]);
  });

  it("checks only the selected cases", async () => {
    await write("run.json", { ...run, patterns: ["6.*", "7.1.6"], durationMs: 5_400 });
    await rm(join(folder, fileOf("1.1.1")));
    const { status, lines } = runGate();
    expect(status).toBe(0);
    expect(lines).toEqual(["autobahn: 2 cases, 1 OK, 1 INFORMATIONAL, 0 failed, close: 2 as pinned, in 5 s"]);
  });

  it("fails if there is no run to check", async () => {
    await rm(join(folder, "run.json"));
    const { status, stderr } = runGate();
    expect(status).toBe(1);
    expect(stderr).toContain("run.json");
  });
});

describe("the pinned verdicts", () => {
  it("are 514 OK and 3 INFORMATIONAL, also for the close", async () => {
    const file = new URL("../../autobahn/expected-results.json", import.meta.url);
    const { cases } = JSON.parse(await readFile(file, "utf8")) as { cases: typeof pinned };
    const informational = Object.entries(cases)
      .filter(([, { behavior }]) => behavior === "INFORMATIONAL")
      .map(([id]) => id);
    expect(informational).toEqual(["7.1.6", "7.13.1", "7.13.2"]);
    expect(Object.values(cases).filter(({ behavior }) => behavior === "OK")).toHaveLength(514);
    for (const { behavior, behaviorClose } of Object.values(cases)) expect(behaviorClose).toBe(behavior);
  });
});
