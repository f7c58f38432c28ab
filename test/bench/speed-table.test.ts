// Checks that the speed table of the README matches bench/RESULTS.md.
import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";

interface SpeedTable {
  withSpeedTable(page: string, results: string): string;
}

const root = new URL("../../", import.meta.url);
const textOf = (name: string): Promise<string> => readFile(new URL(name, root), "utf8");
const load = async (): Promise<SpeedTable> =>
  (await import(new URL("tools/speed-table.mjs", root).href)) as SpeedTable;

describe("the table of figures in the README", () => {
  it("has the figures of bench/RESULTS.md (if not, run: node tools/speed-table.mjs)", async () => {
    const { withSpeedTable } = await load();
    const page = await textOf("README.md");
    expect(withSpeedTable(page, await textOf("bench/RESULTS.md"))).toBe(page);
  });

  it("is updated when a figure changes", async () => {
    const { withSpeedTable } = await load();
    const [page, results] = [await textOf("README.md"), await textOf("bench/RESULTS.md")];
    const changed = results.replace(/^(\| recv-text-128B +\|[^|]+\|) [\d.]+/m, "$1 9.87");
    expect(changed).not.toBe(results);
    expect(withSpeedTable(page, changed)).toMatch(/^\| receive text of 128 B, .*\| 9\.87 /m);
  });

  it("is rejected for a page without its marker comments and for results without a scenario", async () => {
    const { withSpeedTable } = await load();
    const results = await textOf("bench/RESULTS.md");
    expect(() => withSpeedTable("# JetSocket\n", results)).toThrow("comments");
    const page = await textOf("README.md");
    expect(() => withSpeedTable(page, results.replace(/^\| connect .*\n/gm, ""))).toThrow("scenario connect");
  });
});
