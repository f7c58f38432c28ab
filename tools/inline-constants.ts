// Replaces named numbers by their values in a built file, with the name in a comment. Minifiers do not do this in a file
// with imports, so each name would be a variable in the bundle of an application. This module does not read or write
// files.
import ts from "typescript";

const calculations: Partial<Record<ts.SyntaxKind, (left: number, right: number) => number>> = {
  [ts.SyntaxKind.PlusToken]: (left, right) => left + right,
  [ts.SyntaxKind.MinusToken]: (left, right) => left - right,
  [ts.SyntaxKind.AsteriskToken]: (left, right) => left * right,
  [ts.SyntaxKind.AsteriskAsteriskToken]: (left, right) => left ** right,
  [ts.SyntaxKind.BarToken]: (left, right) => left | right,
  [ts.SyntaxKind.LessThanLessThanToken]: (left, right) => left << right,
};

/** The constant numbers at the top level of a file, and the constant objects whose properties are all numbers. */
class Constants {
  readonly #numbers = new Map<string, number>();
  readonly #objects = new Map<string, ReadonlyMap<string, number>>();

  /** @returns The name of a number that the statement declares. */
  add(statement: ts.Statement): string | undefined {
    if (!ts.isVariableStatement(statement)) return undefined;
    const [declaration, ...others] = statement.declarationList.declarations;
    const value = declaration?.initializer;
    if (declaration === undefined || value === undefined || others.length > 0) return undefined;
    const name = declaration.name.getText();
    const number = this.valueOf(value);
    if (number !== undefined) this.#numbers.set(name, number);
    else if (ts.isObjectLiteralExpression(value)) this.#addObject(name, value);
    return number === undefined ? undefined : name;
  }

  #addObject(name: string, { properties }: ts.ObjectLiteralExpression): void {
    const members = properties.flatMap((property): [string, number][] => {
      const value = ts.isPropertyAssignment(property) ? this.valueOf(property.initializer) : undefined;
      return value === undefined ? [] : [[property.name!.getText(), value]];
    });
    if (members.length > 0 && members.length === properties.length) this.#objects.set(name, new Map(members));
  }

  /** @returns `undefined` if the expression is not a constant number. */
  valueOf(node: ts.Node): number | undefined {
    if (ts.isNumericLiteral(node)) return Number(node.text);
    if (ts.isIdentifier(node)) return this.#numbers.get(node.text);
    if (ts.isPropertyAccessExpression(node))
      return this.#objects.get(node.expression.getText())?.get(node.name.text);
    if (ts.isParenthesizedExpression(node)) return this.valueOf(node.expression);
    if (ts.isPrefixUnaryExpression(node) && node.operator === ts.SyntaxKind.MinusToken) {
      const value = this.valueOf(node.operand);
      return value === undefined ? undefined : -value;
    }
    if (!ts.isBinaryExpression(node)) return undefined;
    const [left, right] = [this.valueOf(node.left), this.valueOf(node.right)];
    if (left === undefined || right === undefined) return undefined;
    return calculations[node.operatorToken.kind]?.(left, right);
  }
}

/** Calls `visit` for a node and all nodes in it, until it returns `true` for a node. */
function walk(node: ts.Node, visit: (node: ts.Node) => boolean): void {
  if (!visit(node)) ts.forEachChild(node, (child) => walk(child, visit));
}

/** `true` if the name is a key, and not a reference to a variable. */
function isKey(node: ts.Node): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.name === node;
  if (ts.isBindingElement(parent)) return parent.propertyName === node;
  return (ts.isPropertyAssignment(parent) || ts.isClassElement(parent)) && parent.name === node;
}

/** The part of a node that a value is assigned to. */
function assignedPart(node: ts.Node): ts.Node | undefined {
  const { FirstAssignment, LastAssignment, PlusPlusToken, MinusMinusToken } = ts.SyntaxKind;
  if (ts.isBinaryExpression(node)) {
    const { kind } = node.operatorToken;
    return kind >= FirstAssignment && kind <= LastAssignment ? node.left : undefined;
  }
  const isStep = ts.isPrefixUnaryExpression(node) || ts.isPostfixUnaryExpression(node);
  return isStep && [PlusPlusToken, MinusMinusToken].includes(node.operator) ? node.operand : undefined;
}

/** Names that have one declaration in the file and no assignment, so that each use has the declared value. */
function constantNames(file: ts.SourceFile): Set<string> {
  const counts = new Map<string, number>();
  const count = (name: ts.Node): boolean => {
    if (ts.isIdentifier(name) && !isKey(name)) counts.set(name.text, (counts.get(name.text) ?? 0) + 1);
    return false;
  };
  walk(file, (node) => {
    const isVariable = ts.isVariableDeclaration(node) || ts.isParameter(node) || ts.isBindingElement(node);
    if (isVariable || ts.isFunctionLike(node) || ts.isClassLike(node)) count(node.name ?? node);
    const assigned = assignedPart(node);
    if (assigned !== undefined) walk(assigned, count);
    return false;
  });
  return new Set([...counts].flatMap(([name, uses]) => (uses === 1 ? name : [])));
}

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

function edit(node: ts.Node, text: string): Edit {
  return { start: node.getStart(), end: node.end, text };
}

function replacement(node: ts.Node, value: number): Edit {
  const name = node.getText();
  const needsParentheses = value < 0 || ts.isPropertyAccessExpression(node.parent);
  return edit(node, `${needsParentheses ? `(${value})` : value} /* ${name} */`);
}

/** Replaces each number that has a name at the top level of `code`, and each number of a constant object. */
export function inlineConstants(code: string): string {
  const file = ts.createSourceFile("built.js", code, ts.ScriptTarget.Latest, true, ts.ScriptKind.JS);
  const unchanged = constantNames(file);
  const constants = new Constants();
  const declared = new Map<string, ts.Statement>();
  for (const statement of file.statements) {
    const [declaration] = ts.isVariableStatement(statement) ? statement.declarationList.declarations : [];
    const name = unchanged.has(declaration?.name.getText() ?? "") ? constants.add(statement) : undefined;
    if (name !== undefined) declared.set(name, statement);
  }
  const edits: Edit[] = [];
  const statements = new Set(declared.values());
  walk(file, (node) => {
    if (statements.has(node as ts.Statement)) return true;
    if (ts.isExportSpecifier(node) || ts.isShorthandPropertyAssignment(node)) {
      const { propertyName = node.name } = node as ts.ExportSpecifier;
      return declared.delete(propertyName.getText()) || true;
    }
    const isName = ts.isPropertyAccessExpression(node) || (ts.isIdentifier(node) && !isKey(node));
    const value = isName ? constants.valueOf(node) : undefined;
    if (value !== undefined) edits.push(replacement(node, value));
    return value !== undefined;
  });
  // A constant that is exported, also by `module.exports = { name }`, keeps its declaration.
  for (const statement of declared.values()) edits.push(edit(statement, ""));
  edits.sort((one, other) => other.start - one.start);
  return edits.reduce((text, { start, end, text: by }) => text.slice(0, start) + by + text.slice(end), code);
}
