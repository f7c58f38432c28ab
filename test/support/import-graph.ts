// Reads the imports of TypeScript files and finds cycles among them.
import { readdirSync, readFileSync } from "node:fs";
import { join, posix, relative, sep } from "node:path";
import ts from "typescript";

/** An import of one file by another. */
export interface Import {
  readonly from: string;
  readonly to: string;
}

/** Source text by path from the root of the repository, with `/` between the parts of the path. */
export type Sources = ReadonlyMap<string, string>;

/** Reads every TypeScript file in `folders`. */
export function readSources(root: string, folders: readonly string[]): Sources {
  const sources = new Map<string, string>();
  for (const folder of folders) {
    for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !entry.name.endsWith(".ts")) continue;
      const file = join(entry.parentPath, entry.name);
      sources.set(relative(root, file).split(sep).join("/"), readFileSync(file, "utf8"));
    }
  }
  return sources;
}

/** Every import of one file by another, types included, in the order of the files. Imports of Node's modules are left out. */
export function importsOf(sources: Sources): Import[] {
  return [...sources].flatMap(([from, text]) =>
    specifiersIn(from, text)
      .filter((specifier) => specifier.startsWith("."))
      .map((specifier) => ({ from, to: resolve(from, specifier) })),
  );
}

function resolve(from: string, specifier: string): string {
  return posix.join(posix.dirname(from), specifier).replace(/\.js$/, ".ts");
}

/** The specifiers of imports, re-exports, `import()` and `import("…").Type`. */
function specifiersIn(file: string, text: string): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    const specifier = specifierOf(node);
    if (specifier !== undefined && ts.isStringLiteralLike(specifier)) found.push(specifier.text);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.ES2022));
  return found;
}

function specifierOf(node: ts.Node): ts.Node | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return node.moduleSpecifier;
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
    return node.arguments[0];
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) return node.argument.literal;
  return undefined;
}

/** The first cycle among `imports`: its files in order, with the first one again at the end. */
export function cycleIn(imports: readonly Import[]): string[] | undefined {
  const next = grouped(imports);
  const done = new Set<string>();
  const path: string[] = [];
  const walk = (file: string): string[] | undefined => {
    if (done.has(file)) return undefined;
    const seenAt = path.indexOf(file);
    if (seenAt >= 0) return [...path.slice(seenAt), file];
    path.push(file);
    for (const to of next.get(file) ?? []) {
      const cycle = walk(to);
      if (cycle !== undefined) return cycle;
    }
    path.pop();
    done.add(file);
    return undefined;
  };
  for (const file of next.keys()) {
    const cycle = walk(file);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

function grouped(imports: readonly Import[]): Map<string, string[]> {
  const next = new Map<string, string[]>();
  for (const { from, to } of imports) next.set(from, [...(next.get(from) ?? []), to]);
  return next;
}
