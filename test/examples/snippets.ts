import { readdirSync, readFileSync } from "node:fs";
import { root } from "./run-program.js";

/** A block of code in a page. */
export interface Snippet {
  /** The page and its line, as in `docs/errors.md:30`. */
  readonly place: string;
  /** `js` is run, `ts` is compiled alone. */
  readonly language: "js" | "ts";
  readonly code: string;
  /** What it prints, where the page says so: the `text` block behind it. */
  readonly output: string | undefined;
}

/** The pages whose snippets are tried. */
export const pages: readonly string[] = ["README.md", ...guidePages()];

function guidePages(): string[] {
  const names = ["README", "connecting", "reconnecting", "heartbeat", "sending", "receiving", "replay"];
  names.push("rotation", "closing", "statistics", "compression", "performance");
  names.push("errors", "limits", "protocol-by-hand", "runtime", "testing");
  const designPages = readdirSync(`${root}/docs/design`).map((file) => `docs/design/${file}`);
  return [...names.map((name) => `docs/${name}.md`), ...designPages];
}

export function readPage(page: string): string {
  return readFileSync(`${root}/${page}`, "utf8");
}

const block = /^```(js|ts)\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?/gms;

/** The snippets of a page, in their order. */
export function snippetsOf(page: string): Snippet[] {
  const text = readPage(page);
  return [...text.matchAll(block)].map(({ 1: language, 2: code, 3: output, index }) => ({
    place: `${page}:${text.slice(0, index).split("\n").length}`,
    language: language as Snippet["language"],
    code: code!,
    output,
  }));
}

/** The rows below a heading of a page: the words in backquotes of each row's first column. */
export function namesInTable(page: string, heading: string): string[] {
  const [, section] = readPage(page).split(new RegExp(`^## ${heading}$`, "m"));
  const rows = section!
    .split(/^## /m)[0]!
    .split("\n")
    .filter((line) => line.startsWith("|"));
  return rows.flatMap((row) =>
    [...row.split(/(?<!\\)\|/)[1]!.matchAll(/`([^`]+)`/g)].map((match) => match[1]!),
  );
}
