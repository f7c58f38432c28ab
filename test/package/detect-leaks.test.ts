// Checks that tools/detect-leaks.mjs fails a test run that leaves timers or servers open.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { root } from "./packed.js";

const tool = join(root, "tools/detect-leaks.mjs");

/** Runs one of the fixture test files in a separate vitest process. */
function runFixture(name: string): { status: number | null; stdout: string; stderr: string } {
  const own = Object.entries(process.env).filter(([key]) => !/^(VITEST|FORCE_COLOR$)/.test(key));
  const env = { ...Object.fromEntries(own), NO_COLOR: "1" };
  const args = [tool, "--root", join(root, "test/package/fixtures"), name];
  return spawnSync(process.execPath, args, { cwd: root, env, encoding: "utf8", timeout: 60_000 });
}

describe("detect-leaks", () => {
  it("fails the run if a test leaves resources open, although every test passed", () => {
    const { status, stdout, stderr } = runFixture("leaky");
    expect(stdout).toMatch(/Tests\s+1 passed/);
    expect(stdout).toMatch(/Leaks\s+2 leaks/);
    expect(stderr).toContain("2 timers, servers or other handles were left open");
    expect(status).toBe(1);
  });

  it("passes if no resource is left open", () => {
    const { status, stdout } = runFixture("tidy");
    expect(stdout).toMatch(/Tests\s+1 passed/);
    expect(status).toBe(0);
  });

  it("passes if only the reader of a Blob is left open, because the garbage collector ends it", () => {
    const { status, stdout, stderr } = runFixture("blob");
    expect(stdout).toMatch(/Leaks\s+1 leak/);
    expect(stderr).toContain("BLOBREADER leaking in ");
    expect(status).toBe(0);
  });

  it("fails if a test fails", () => {
    const { status, stdout } = runFixture("failing");
    expect(stdout).toMatch(/Tests\s+1 failed/);
    expect(status).toBe(1);
  });
});
