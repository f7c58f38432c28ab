import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { root } from "./packed.js";

const tool = join(root, "tools/detect-leaks.mjs");

/** Runs one of the planted test files in a vitest of its own. */
function runFixture(name: string): { status: number | null; stdout: string; stderr: string } {
  const own = Object.entries(process.env).filter(([key]) => !/^(VITEST|FORCE_COLOR$)/.test(key));
  const env = { ...Object.fromEntries(own), NO_COLOR: "1" };
  const words = [tool, "--root", join(root, "test/package/fixtures"), name];
  return spawnSync(process.execPath, words, { cwd: root, env, encoding: "utf8", timeout: 60_000 });
}

describe("the run of the tests", () => {
  it("fails where a test leaves something behind, although every test passed", () => {
    const { status, stdout, stderr } = runFixture("leaky");
    expect(stdout).toMatch(/Tests\s+1 passed/);
    expect(stdout).toMatch(/Leaks\s+2 leaks/);
    expect(stderr).toContain("2 timers, servers or other handles were left behind");
    expect(status).toBe(1);
  });

  it("passes where nothing is left", () => {
    const { status, stdout } = runFixture("tidy");
    expect(stdout).toMatch(/Tests\s+1 passed/);
    expect(status).toBe(0);
  });

  it("passes where the reader of a Blob is left, which the garbage collector ends", () => {
    const { status, stdout, stderr } = runFixture("blob");
    expect(stdout).toMatch(/Leaks\s+1 leak/);
    expect(stderr).toContain("BLOBREADER leaking in ");
    expect(status).toBe(0);
  });

  it("fails where a test fails", () => {
    const { status, stdout } = runFixture("failing");
    expect(stdout).toMatch(/Tests\s+1 failed/);
    expect(status).toBe(1);
  });
});
