// One lane of the conformance run, with a fake testee instead of the client.
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { load } from "./load.js";

interface CaseQueue {
  readonly unfinished: { id: string; why: string }[];
  readonly problems: string[];
  readonly finished: number;
  take(): { id: string; number: number } | undefined;
  addUnfinished(id: string, why: string): void;
}

interface Modules {
  CaseQueue: new (ids: readonly string[]) => CaseQueue;
  runLane(lane: object): Promise<{ taken: number; notes: Record<string, string> }>;
}

/** Fails in case 1, never answers in case 2, exits in case 3, and answers the other cases at once. */
const testee = `
process.on("message", (job) => {
  if (job.type === "count") process.send({ type: "done", value: 4 });
  else if (job.number === 1) process.send({ type: "done", error: "a bad frame" });
  else if (job.number === 3) { process.stderr.write("out of luck"); process.exitCode = 7; process.disconnect(); }
  else if (job.number !== 2) process.send({ type: "done" });
});
process.send({ type: "done", value: process.argv[2] });
`;

describe("a lane", () => {
  let folder: string;
  let modules: Modules;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "jetsocket-lane-"));
    await mkdir(join(folder, "node_modules"));
    await writeFile(join(folder, "testee.mjs"), testee);
    modules = { ...(await load<Modules>("queue.mjs")), ...(await load<Modules>("lane.mjs")) };
  });

  afterEach(() => rm(folder, { recursive: true, force: true }));

  const lane = (queue: CaseQueue, url = `file://${folder}/node_modules/jetsocket/index.js`): object => ({
    // This testee reports its first argument, the server URL, as the path of the package that it loaded.
    server: { url, child: { isOver: false } },
    installed: { folder, file: join(folder, "testee.mjs") },
    agent: "jetsocket",
    queue,
    limits: { idleMs: 500, jobMs: 5_000 },
  });

  it("continues after a case without progress and after a case that ends the testee", async () => {
    const queue = new modules.CaseQueue(["1.1", "1.2", "1.3", "1.4"]);
    const { taken, notes } = await modules.runLane(lane(queue));
    expect(queue.unfinished).toEqual([
      { id: "1.3", why: "the testee ended with code 7: out of luck" },
      { id: "1.2", why: "no progress in 0.5 s" },
    ]);
    expect(queue.problems).toEqual([]);
    expect(queue.finished).toBe(2);
    expect(taken).toBe(4);
    expect(notes).toEqual({ "1.1": "a bad frame" });
  });

  it("rejects a suite with another number of cases", async () => {
    const queue = new modules.CaseQueue(["1.1"]);
    await expect(modules.runLane(lane(queue))).rejects.toThrow(
      "the suite has 4 of these cases, and 1 verdicts",
    );
  });

  it("rejects a testee that did not load the packed package", async () => {
    const queue = new modules.CaseQueue(["1.1", "1.2", "1.3", "1.4"]);
    await expect(modules.runLane(lane(queue, "file:///elsewhere/dist/index.js"))).rejects.toThrow(
      "the testee loaded file:///elsewhere/dist/index.js, not the packed package",
    );
  });

  it("assigns no more cases after five that did not end", () => {
    const queue = new modules.CaseQueue(["1", "2", "3", "4", "5", "6", "7"]);
    for (let failures = 0; failures < 5; failures++) {
      const next = queue.take();
      queue.addUnfinished(String(next?.id), "no progress");
    }
    expect(queue.take()).toBeUndefined();
    expect(queue.problems).toEqual(["5 cases did not end, so the rest was not tried"]);
  });
});
