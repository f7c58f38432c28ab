// Prints 50 random comments of protocol/ and src/ and 50 random sentences of README.md and docs/, with their locations.
// A reader then checks whether each can be understood by itself. The same seed and the same tree give the same output.
//
//   node tools/draw-sentences.mjs --seed 7 [--count 50] [--paths src/buffer,docs/closing.md]
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import ts from "typescript";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    count: { type: "string", default: "50" },
    paths: { type: "string", default: "protocol,src,README.md,docs" },
  },
});

/** Returns a pseudo-random generator of numbers in [0, 1) (mulberry32). */
function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function filesIn(path, extension) {
  if (!statSync(path).isDirectory()) return path.endsWith(extension) ? [path] : [];
  const names = readdirSync(path, { recursive: true }).map((name) => join(path, name));
  return names.filter((name) => name.endsWith(extension) && statSync(name).isFile()).sort();
}

/** Returns the comments of a source file. Consecutive `//` lines are one comment. */
function commentsOf(file) {
  const text = readFileSync(file, "utf8");
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const ranges = new Map();
  const visit = (node) => {
    const leading = ts.getLeadingCommentRanges(text, node.pos) ?? [];
    const trailing = ts.getTrailingCommentRanges(text, node.end) ?? [];
    for (const range of [...leading, ...trailing]) ranges.set(range.pos, range);
    node.getChildren(source).forEach(visit);
  };
  visit(source);
  const comments = [];
  let last;
  for (const { pos, end } of [...ranges.values()].sort((one, other) => one.pos - other.pos)) {
    const isNext =
      last !== undefined && /^\n[ ]*$/.test(text.slice(last.end, pos)) && text.startsWith("//", pos);
    if (isNext) last.end = end;
    else comments.push((last = { pos, end }));
  }
  return comments.map(({ pos, end }) => ({
    place: `${file}:${source.getLineAndCharacterOfPosition(pos).line + 1}`,
    text: text
      .slice(pos, end)
      .replace(/^\/\*\*?|\*\/$/g, "")
      .replace(/^\s*(\/\/|\*)/gm, "")
      .replace(/\s+/g, " ")
      .trim(),
  }));
}

/** Returns the sentences of a page, without its code blocks. */
function sentencesOf(file) {
  const prose = readFileSync(file, "utf8").replace(/^```[\s\S]*?^```/gm, (code) =>
    code.replace(/[^\n]/g, ""),
  );
  const sentences = [];
  let line = 1;
  for (const block of prose.split(/(\n\s*\n|\n(?=[-|#]))/)) {
    const plain = block
      .replace(/\s+/g, " ")
      .replace(/^[-#> ]+/, "")
      .trim();
    if (/[a-z]/.test(plain) && !/^\|[- |]+\|$/.test(plain)) {
      const pieces = plain.startsWith("|") ? [plain] : plain.split(/(?<=[.:?!])\s+(?=[A-Z`*[])/);
      for (const text of pieces)
        if (text.split(" ").length > 3) sentences.push({ place: `${file}:${line}`, text });
    }
    line += block.split("\n").length - 1;
  }
  return sentences;
}

function draw(all, count, random) {
  const rest = [...all];
  return Array.from(
    { length: Math.min(count, rest.length) },
    () => rest.splice(random() * rest.length, 1)[0],
  );
}

const random = randomFrom(Number(values.seed));
const count = Number(values.count);
const paths = values.paths.split(",");
const comments = paths.flatMap((path) => filesIn(path, ".ts")).flatMap(commentsOf);
const sentences = paths.flatMap((path) => filesIn(path, ".md")).flatMap(sentencesOf);
const drawn = [...draw(comments, count, random), ...draw(sentences, count, random)];
console.log(
  `Seed ${values.seed}: ${comments.length} comments and ${sentences.length} sentences to draw from.\n`,
);
for (const [index, { place, text }] of drawn.entries()) console.log(`${index + 1}. (${place}) ${text}`);
