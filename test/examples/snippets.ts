// Finds the code blocks and the tables of names in the pages of the documentation.
import { readdirSync, readFileSync } from "node:fs";
import { root } from "./run-program.js";

/** A code block in a page. */
export interface Snippet {
  /** The page and the line, for example `docs/errors.md:30`. */
  readonly place: string;
  /** `js` is compiled and run; `ts` is only compiled. */
  readonly language: "js" | "ts";
  readonly code: string;
  /** The expected output: the `text` block after the code, if there is one. */
  readonly output: string | undefined;
}

/** The pages whose snippets are tested. */
export const pages: readonly string[] = ["README.md", ...guidePages()];

function guidePages(): string[] {
  const names = [
    "README",
    "connecting",
    "proxies",
    "tls",
    "ws",
    "reconnecting",
    "heartbeat",
    "sending",
    "receiving",
    "replay",
  ];
  names.push("rotation", "closing", "statistics", "compression", "performance");
  names.push("channels", "requests", "pool", "schema", "presets");
  names.push("errors", "limits", "protocol-by-hand", "runtime", "testing", "secrets", "whatwg");
  names.push("from-ws", "from-reconnecting-websocket", "from-undici", "from-python", "recipes");
  const designPages = readdirSync(`${root}/docs/design`).map((file) => `docs/design/${file}`);
  return [...names.map((name) => `docs/${name}.md`), ...designPages];
}

export function readPage(page: string): string {
  return readFileSync(`${root}/${page}`, "utf8");
}

const block = /^```(js|ts)\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?/gms;

/** Returns the snippets of a page, in order. */
export function snippetsOf(page: string): Snippet[] {
  const text = readPage(page);
  return [...text.matchAll(block)].map(({ 1: language, 2: code, 3: output, index }) => ({
    place: `${page}:${text.slice(0, index).split("\n").length}`,
    language: language as Snippet["language"],
    code: code!,
    output,
  }));
}

/** Returns the names in backquotes in the first column of the table below `heading`. */
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
