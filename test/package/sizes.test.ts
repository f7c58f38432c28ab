// Checks that `npm run size` detects a larger entry point.
import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { root } from "./packed.js";

type Sizes = Record<string, number>;

const tool = join(root, "tools/sizes.mjs");

describe("npm run size", () => {
  let folder: string;
  let file: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "jetsocket-sizes-"));
    file = join(folder, "sizes.json");
  });

  afterEach(() => rm(folder, { recursive: true, force: true }));

  const run = (...more: string[]): ReturnType<typeof spawnSync> =>
    spawnSync(process.execPath, [tool, "--recorded", file, ...more], { encoding: "utf8" });
  const recorded = async (): Promise<Sizes> => JSON.parse(await readFile(file, "utf8")) as Sizes;

  it("records the sizes of the entry points, and passes with what it recorded", async () => {
    expect(run("--record").status).toBe(0);
    expect(Object.keys(await recorded())).toEqual([
      ...["{ connect }", "jetsocket/ws"],
      ...["jetsocket/protocol", "{ WebSocket } of jetsocket/whatwg", "jetsocket/testing"],
      ...["jetsocket/channels", "jetsocket/pool", "jetsocket/presets"],
    ]);
    const { status, stdout } = run();
    expect(stdout).not.toContain("FAIL");
    expect(status).toBe(0);
  });

  it.each([
    ["passes with an entry that is 1 % larger", 1.009, 0],
    ["fails with an entry that is more than 1 % larger", 1.02, 1],
  ])("%s", async (_name, growth, expected) => {
    run("--record");
    const sizes = await recorded();
    sizes["jetsocket/protocol"] = Math.round(sizes["jetsocket/protocol"]! / growth);
    await writeFile(file, JSON.stringify(sizes));
    const { status, stdout } = run();
    expect(status).toBe(expected);
    expect(String(stdout).match(/FAIL .*/g) ?? []).toHaveLength(expected);
  });

  it("fails with an entry that has no recorded size", async () => {
    await writeFile(file, "{}");
    const { status, stderr } = run();
    expect(status).toBe(1);
    expect(stderr).toContain("npm run size -- --record");
  });
});
