import { readFile } from "node:fs/promises";
import { dirname, join, normalize } from "node:path";
import { describe, expect, inject, it } from "vitest";

const { files, installed } = inject("packed");
const pages = files.filter((file) => file.endsWith(".md"));

/** The targets of the links of a page: inline ones, images, and definitions. Code is left out. */
function targetsIn(page: string): string[] {
  const text = page.replace(/^```[\s\S]*?^```/gm, "").replace(/`[^`\n]*`/g, "");
  const inline = [...text.matchAll(/\]\(\s*<?([^)\s>]+)>?[^)]*\)/g)];
  const definitions = [...text.matchAll(/^\[[^\]]+\]:\s*<?(\S+?)>?\s*$/gm)];
  return [...inline, ...definitions].map(([, target]) => target!);
}

/** The anchors that GitHub and npm give the headings of a page. */
function anchorsIn(page: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading] of page.replace(/^```[\s\S]*?^```/gm, "").matchAll(/^#+ (.*)$/gm)) {
    const anchor = heading!
      .toLowerCase()
      .replace(/[^\w\- ]/g, "")
      .replaceAll(" ", "-");
    let unique = anchor;
    for (let count = 1; anchors.has(unique); count++) unique = `${anchor}-${count}`;
    anchors.add(unique);
  }
  return anchors;
}

/** What is wrong with a link of a page; `undefined` where nothing is. */
async function faultOf(page: string, target: string): Promise<string | undefined> {
  if (/^[a-z][a-z\d+.-]*:/i.test(target)) return undefined;
  const [path, anchor] = target.split("#");
  const file = path === "" ? page : normalize(join(dirname(page), path!));
  if (!files.includes(file)) return `${target}: ${file} is not in the package`;
  if (anchor === undefined || !file.endsWith(".md")) return undefined;
  const anchors = anchorsIn(await readFile(join(installed, file), "utf8"));
  return anchors.has(anchor) ? undefined : `${target}: ${file} has no such heading`;
}

describe("the links of the package", () => {
  it("are those of the README, the changes, the guide and the examples", () => {
    expect(pages).toEqual(
      expect.arrayContaining(["README.md", "CHANGELOG.md", "docs/README.md", "examples/README.md"]),
    );
  });

  it.each(pages)("lead to a file and a heading that are in the package: %s", async (page) => {
    const targets = targetsIn(await readFile(join(installed, page), "utf8"));
    const faults = await Promise.all(targets.map((target) => faultOf(page, target)));
    expect(faults.filter((fault) => fault !== undefined)).toEqual([]);
  });

  it("are found", async () => {
    const targets = targetsIn(await readFile(join(installed, "README.md"), "utf8"));
    expect(targets.length).toBeGreaterThan(20);
    expect(targets).toContain("docs/README.md");
  });
});
