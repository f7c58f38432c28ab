// Checks the links of the pages in the packed package.
import { readFile } from "node:fs/promises";
import { dirname, join, normalize } from "node:path";
import { describe, expect, inject, it } from "vitest";

const { files, installed } = inject("packed");
const pages = files.filter((file) => file.endsWith(".md"));

/** Returns the link targets of a page (inline links, images and definitions), without those in code. */
function targetsIn(page: string): string[] {
  const text = page.replace(/^```[\s\S]*?^```/gm, "").replace(/`[^`\n]*`/g, "");
  const inline = [...text.matchAll(/\]\(\s*<?([^)\s>]+)>?[^)]*\)/g)];
  const definitions = [...text.matchAll(/^\[[^\]]+\]:\s*<?(\S+?)>?\s*$/gm)];
  return [...inline, ...definitions].map(([, target]) => target!);
}

/** Returns the anchors that GitHub and npm generate for the headings of a page. */
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

/** Returns the problem of a link, or `undefined` if the link is valid. */
async function faultOf(page: string, target: string): Promise<string | undefined> {
  if (/^[a-z][a-z\d+.-]*:/i.test(target)) return undefined;
  const [path, anchor] = target.split("#");
  const file = path === "" ? page : normalize(join(dirname(page), path!));
  if (!files.includes(file)) return `${target}: ${file} is not in the package`;
  if (anchor === undefined || !file.endsWith(".md")) return undefined;
  const anchors = anchorsIn(await readFile(join(installed, file), "utf8"));
  return anchors.has(anchor) ? undefined : `${target}: ${file} has no such heading`;
}

describe("the pages of the package", () => {
  it("are the README, the changelog, the guide and the pages of the examples", () => {
    expect(pages).toEqual(
      expect.arrayContaining(["README.md", "CHANGELOG.md", "docs/README.md", "examples/README.md"]),
    );
  });

  it.each(pages)("link only to files and headings in the package: %s", async (page) => {
    const targets = targetsIn(await readFile(join(installed, page), "utf8"));
    const faults = await Promise.all(targets.map((target) => faultOf(page, target)));
    expect(faults.filter((fault) => fault !== undefined)).toEqual([]);
  });

  it("include a README with more than 20 links, which the check finds", async () => {
    const targets = targetsIn(await readFile(join(installed, "README.md"), "utf8"));
    expect(targets.length).toBeGreaterThan(20);
    expect(targets).toContain("docs/README.md");
  });
});
