// Prints the longest files and functions of protocol/ and src/, in lines.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const root = fileURLToPath(new URL("..", import.meta.url));
const shown = 5;

const files = ["protocol", "src"].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(folder, name)),
);

const lengths = { file: [], function: [] };
for (const path of files) {
  const source = ts.createSourceFile(
    path,
    readFileSync(join(root, path), "utf8"),
    ts.ScriptTarget.ES2022,
    true,
  );
  lengths.file.push({ lines: source.getLineStarts().length - 1, where: path });
  visit(source, source);
}

function visit(node, source) {
  if (ts.isFunctionLike(node) && node.body !== undefined) {
    const first = source.getLineAndCharacterOfPosition(node.getStart()).line;
    const last = source.getLineAndCharacterOfPosition(node.end).line;
    const name = node.name?.getText() ?? node.parent.name?.getText() ?? ts.SyntaxKind[node.kind];
    lengths.function.push({ lines: last - first + 1, where: `${source.fileName}:${first + 1} ${name}` });
  }
  ts.forEachChild(node, (child) => visit(child, source));
}

for (const [kind, all] of Object.entries(lengths)) {
  all.sort((a, b) => b.lines - a.lines);
  for (const { lines, where } of all.slice(0, shown)) console.log(`${kind}  ${lines} lines  ${where}`);
}
