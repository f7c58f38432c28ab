import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { readSources } from "./support/import-graph.js";

const logicalOperators = new Set([
  ...[ts.SyntaxKind.AmpersandAmpersandToken, ts.SyntaxKind.AmpersandAmpersandEqualsToken],
  ...[ts.SyntaxKind.BarBarToken, ts.SyntaxKind.BarBarEqualsToken],
  ...[ts.SyntaxKind.QuestionQuestionToken, ts.SyntaxKind.QuestionQuestionEqualsToken],
]);

function isDecision(node: ts.Node): boolean {
  if (ts.isIfStatement(node) || ts.isConditionalExpression(node) || ts.isSwitchStatement(node)) return true;
  if (ts.isIterationStatement(node, false) || ts.isTryStatement(node)) return true;
  return ts.isBinaryExpression(node) && logicalOperators.has(node.operatorToken.kind);
}

/** A module without decisions contains only types, constants, re-exports or straight-line code. It needs no test file. */
function hasDecisions(text: string): boolean {
  const search = (node: ts.Node): boolean => isDecision(node) || (ts.forEachChild(node, search) ?? false);
  return search(ts.createSourceFile("module.ts", text, ts.ScriptTarget.ES2022));
}

/** `src/runtime/wait.ts` -> `test/runtime/wait.test.ts`, `protocol/mask.ts` -> `test/protocol/mask.test.ts`. */
function testOf(file: string): string {
  return `test/${file.replace(/^src\//, "").replace(/\.ts$/, ".test.ts")}`;
}

describe("a module that contains decisions", () => {
  const root = fileURLToPath(new URL("..", import.meta.url));
  const sources = readSources(root, ["protocol", "src"]);

  it("has a test file at the mirrored path", () => {
    const missing = [...sources]
      .filter(([file, text]) => hasDecisions(text) && !existsSync(join(root, testOf(file))))
      .map(([file]) => file);
    expect(missing).toEqual([]);
  });

  it.each([
    ["if", "export function f(a: boolean) { if (a) g(); }"],
    ["a conditional expression", "export const f = (a: boolean) => (a ? 1 : 2);"],
    ["a loop", "export function f(all: number[]) { for (const one of all) g(one); }"],
    ["switch", "export function f(a: number) { switch (a) { case 1: g(); } }"],
    ["try", "export function f() { try { g(); } catch { h(); } }"],
    ["a logical operator", "export const f = (a?: number) => a ?? 1;"],
    ["a logical assignment", "export function f() { x ||= 1; }"],
  ])("is recognized by %s", (_, text) => {
    expect(hasDecisions(text)).toBe(true);
  });

  it.each([
    ["types", "export interface A { readonly b: string | undefined }"],
    ["constants", "export const a = 1 as const;"],
    ["re-exports", 'export { a } from "./a.js";'],
    ["straight-line code", "export function f(a: number) { return g(a) + 1; }"],
  ])("is not one with only %s", (_, text) => {
    expect(hasDecisions(text)).toBe(false);
  });
});
