// Looks for secrets in everything that a client shows, when an attempt or a connection ends in each phase.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { buildSync } from "esbuild";
import { describe, expect, it, onTestFinished } from "vitest";
import * as jetsocket from "../../src/index.js";
import { runProgram, transpiledEntryPoint } from "../layers/child-process.js";
import { formsOf, secrets } from "./secret-places.js";
import { run, scenarios } from "./secret-scenarios.js";

/** The places whose secrets occur in a text. */
function leaksIn(text: string): string[] {
  return Object.entries(secrets)
    .filter(([, secret]) => formsOf(secret).some((form) => text.includes(form)))
    .map(([place]) => place);
}

describe("no secret is shown anywhere", () => {
  it.each(scenarios)("after $name (phase: $phase)", async (scenario) => {
    const { surfaces, phase } = await run(jetsocket, scenario);
    const leaks = [...surfaces].flatMap(([surface, text]) =>
      leaksIn(text).map((place) => `${place} in ${surface}: ${excerptOf(text, place)}`),
    );
    expect(leaks).toEqual([]);
    expect(phase).toBe(scenario.phase);
    expect(surfaces.size).toBeGreaterThan(3);
  });

  it("in the log of NODE_DEBUG and in the warnings of a process", async () => {
    const folder = mkdtempSync(join(tmpdir(), "jetsocket-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const entryPoints = [join(import.meta.dirname, "secret-scenarios.ts")];
    const outfile = join(folder, "scenarios.mjs");
    buildSync({ entryPoints, outfile, bundle: true, platform: "node", format: "esm", target: "node20" });
    const program = `
      import * as jetsocket from ${JSON.stringify(transpiledEntryPoint())};
      import { run, scenarios } from ${JSON.stringify(pathToFileURL(outfile).href)};
      for (const scenario of scenarios) await run(jetsocket, scenario);
      console.log("done " + scenarios.length);`;
    const printed: string[] = [];
    const log = await runProgram(program, (line) => void printed.push(line), { NODE_DEBUG: "jetsocket" });
    expect(printed).toEqual([`done ${scenarios.length}`]);
    for (const event of ["open connection=", "close verdict=", "in text", "out text", "4401"])
      expect(log).toContain(event);
    const lines = log.split("\n").filter((line) => leaksIn(line).length > 0);
    expect(lines).toEqual([]);
  });
});

describe("the search for secrets", () => {
  it("finds at least 36 secrets if the option redact shows everything", async () => {
    const found = new Set<string>();
    for (const scenario of scenarios) {
      const { surfaces } = await run(jetsocket, scenario, { redact: (text) => text });
      for (const text of surfaces.values()) for (const place of leaksIn(text)) found.add(place);
    }
    expect([...found].length).toBeGreaterThanOrEqual(36);
  });
});

function excerptOf(text: string, place: string): string {
  const secret = secrets[place as keyof typeof secrets];
  const at = Math.max(...formsOf(secret).map((form) => text.indexOf(form)));
  return text.slice(Math.max(0, at - 80), at + 40);
}
