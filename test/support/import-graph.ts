import { readdirSync, readFileSync } from "node:fs";
import { join, posix, relative, sep } from "node:path";
import ts from "typescript";

/** One module that names another. */
export interface Arrow {
  readonly from: string;
  readonly to: string;
  /** `true` where only types are named, so that nothing of it is left in what is built. */
  readonly isTypeOnly: boolean;
}

/** Source text by path from the root of the repository, with `/` between its parts. */
export type Sources = ReadonlyMap<string, string>;

/** Reads every TypeScript file of `folders`. */
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

/** Every arrow between two files, in the order of the files; what belongs to Node is left out. */
export function arrowsOf(sources: Sources): Arrow[] {
  return [...sources].flatMap(([from, text]) =>
    importsOf(from, text)
      .filter(({ path }) => path.startsWith("."))
      .map(({ path, isTypeOnly }) => ({ from, to: resolve(from, path), isTypeOnly })),
  );
}

function resolve(from: string, path: string): string {
  return posix.join(posix.dirname(from), path).replace(/\.js$/, ".ts");
}

interface Import {
  readonly path: string;
  readonly isTypeOnly: boolean;
}

/** Imports, re-exports, `import()` and `import("…").Type`, wherever they stand. */
function importsOf(file: string, text: string): Import[] {
  const found: Import[] = [];
  const visit = (node: ts.Node): void => {
    const hit = importIn(node);
    if (hit !== undefined) found.push(hit);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.ES2022));
  return found;
}

function importIn(node: ts.Node): Import | undefined {
  if (ts.isImportDeclaration(node)) return named(node.moduleSpecifier, isTypeImport(node.importClause));
  if (ts.isExportDeclaration(node)) return named(node.moduleSpecifier, node.isTypeOnly);
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    return named(node.arguments[0], false);
  }
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
    return named(node.argument.literal, true);
  }
  return undefined;
}

function isTypeImport(clause: ts.ImportClause | undefined): boolean {
  return clause?.phaseModifier === ts.SyntaxKind.TypeKeyword;
}

function named(specifier: ts.Node | undefined, isTypeOnly: boolean): Import | undefined {
  return specifier !== undefined && ts.isStringLiteralLike(specifier)
    ? { path: specifier.text, isTypeOnly }
    : undefined;
}

/** The first circle that `arrows` close, as the files along it, its first one again at the end. */
export function circleIn(arrows: readonly Arrow[]): string[] | undefined {
  const next = grouped(arrows);
  const done = new Set<string>();
  const path: string[] = [];
  const walk = (file: string): string[] | undefined => {
    if (done.has(file)) return undefined;
    const seenAt = path.indexOf(file);
    if (seenAt >= 0) return [...path.slice(seenAt), file];
    path.push(file);
    for (const to of next.get(file) ?? []) {
      const circle = walk(to);
      if (circle !== undefined) return circle;
    }
    path.pop();
    done.add(file);
    return undefined;
  };
  for (const file of next.keys()) {
    const circle = walk(file);
    if (circle !== undefined) return circle;
  }
  return undefined;
}

function grouped(arrows: readonly Arrow[]): Map<string, string[]> {
  const next = new Map<string, string[]>();
  for (const { from, to } of arrows) next.set(from, [...(next.get(from) ?? []), to]);
  return next;
}
