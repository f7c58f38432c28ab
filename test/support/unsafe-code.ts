// Finds code that runs text as a program, or that loads a module whose name is not written in the source. It parses the
// source with the compiler of TypeScript and does not follow values.
import ts from "typescript";

/** Names whose every use is reported: they run text, compile bytes or load modules by name. */
const reported = new Set([
  ...["eval", "WebAssembly", "createRequire", "getBuiltinModule", "dlopen", "binding", "_linkedBinding"],
  ...["mainModule", "_load", "AsyncFunction", "GeneratorFunction", "importScripts"],
]);

/** Objects whose properties include the names above. */
const globals = new Set(["globalThis", "global", "process", "module", "require"]);

const timers = new Set(["setTimeout", "setInterval", "setImmediate", "queueMicrotask", "nextTick"]);

/** The function of the package that loads a module of Node by its name. */
const loader = "loadNodeModule";

/** What {@link unsafeCodeIn} has found: the uses that it reports, and the names of the loaded modules. */
export interface UnsafeCode {
  /** A short description of each use, in the order of the source. */
  readonly uses: readonly string[];
  /** The names of the imported and loaded modules, without the modules of which only types are imported. */
  readonly modules: readonly string[];
}

/** @param file - The name of the file. Its ending selects TypeScript or JavaScript. */
export function unsafeCodeIn(file: string, text: string): UnsafeCode {
  const uses: string[] = [];
  const modules: string[] = [];
  const visit = (node: ts.Node): void => {
    if (isType(node)) return;
    const use = useOf(node);
    if (use !== undefined) uses.push(use);
    const name = loadedBy(node);
    if (name !== undefined) {
      if (ts.isStringLiteralLike(name)) modules.push(name.text);
      else uses.push(`a module by a computed name: ${name.getText()}`);
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.ESNext, true));
  return { uses, modules };
}

/** Types exist only in the source. */
function isType(node: ts.Node): boolean {
  if (ts.isImportDeclaration(node)) return node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword;
  if (ts.isExportDeclaration(node)) return node.isTypeOnly;
  // The base class of a class is an expression, in spite of its place in the syntax tree.
  if (ts.isExpressionWithTypeArguments(node)) return !isOfClass(node.parent);
  return ts.isTypeNode(node) || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node);
}

function isOfClass(clause: ts.Node): boolean {
  return (
    ts.isHeritageClause(clause) &&
    clause.token === ts.SyntaxKind.ExtendsKeyword &&
    ts.isClassLike(clause.parent)
  );
}

function useOf(node: ts.Node): string | undefined {
  if (ts.isIdentifier(node)) return useOfName(node);
  if (ts.isElementAccessExpression(node)) return useOfElement(node);
  if (ts.isPropertyAccessExpression(node) && node.name.text === "constructor" && !isOnlyNamed(node))
    return "the constructor of a value";
  return ts.isCallExpression(node) ? useOfCall(node) : undefined;
}

function useOfName(node: ts.Identifier): string | undefined {
  const { parent, text } = node;
  if (reported.has(text)) return text;
  // `Function.prototype` is used to call methods of all functions.
  const isPrototype = ts.isPropertyAccessExpression(parent) && parent.name.text === "prototype";
  if (text === "Function" && !(isPrototype && parent.expression === node)) return text;
  if (text === "constructor" && ts.isBindingElement(parent)) return "the constructor of a value";
  if (text === "require" && !(ts.isCallExpression(parent) && parent.expression === node)) return text;
  const isListed =
    ts.isImportSpecifier(parent) || ts.isExportSpecifier(parent) || ts.isVariableDeclaration(parent);
  return text === loader && !(isListed && !isValue(node)) && !isCalled(node) ? text : undefined;
}

/** Whether the name is the value that initializes a variable. */
function isValue(node: ts.Identifier): boolean {
  return ts.isVariableDeclaration(node.parent) && node.parent.initializer === node;
}

/** `object["name"]`, and `globalThis[name]`. */
function useOfElement({ expression, argumentExpression }: ts.ElementAccessExpression): string | undefined {
  if (ts.isStringLiteralLike(argumentExpression)) {
    const { text } = argumentExpression;
    return reported.has(text) || ["Function", "require", "constructor"].includes(text) ? text : undefined;
  }
  const object = ts.isIdentifier(expression) ? expression.text : "";
  return globals.has(object) ? `${object} with a computed name` : undefined;
}

function useOfCall(node: ts.CallExpression): string | undefined {
  const [first, second] = node.arguments;
  const called = lastName(node.expression);
  if (first !== undefined && timers.has(called ?? "") && !isFunction(first)) return `${called} with a text`;
  if (called !== "get" || first === undefined || second === undefined) return undefined;
  // `Reflect.get(globalThis, name)`.
  const isGlobal = ts.isIdentifier(first) && globals.has(first.text);
  if (isGlobal) return `${first.text} with a computed name`;
  const name = ts.isStringLiteralLike(second) ? second.text : "";
  if (name === "constructor" && !isOnlyNamed(node)) return "the constructor of a value";
  return reported.has(name) ? name : undefined;
}

/** Whether an argument of a timer may be a function. Names are checked by the types. */
function isFunction(node: ts.Expression): boolean {
  if (ts.isArrowFunction(node) || ts.isFunctionExpression(node)) return true;
  return ts.isIdentifier(node) || ts.isPropertyAccessExpression(node);
}

/** The argument that names the module which `import()`, `require()`, an import or an export loads. */
function loadedBy(node: ts.Node): ts.Expression | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return node.moduleSpecifier;
  if (ts.isExternalModuleReference(node)) return node.expression;
  if (!ts.isCallExpression(node)) return undefined;
  const isImport = node.expression.kind === ts.SyntaxKind.ImportKeyword;
  const name = lastName(node.expression);
  if (!isImport && name !== "require" && name !== loader) return undefined;
  return node.arguments[0] ?? node;
}

/** `name`, `object.name` and `(0, object.name)`, as CommonJS calls an imported function. */
function lastName(node: ts.Expression): string | undefined {
  if (ts.isIdentifier(node)) return node.text;
  if (ts.isPropertyAccessExpression(node)) return node.name.text;
  if (ts.isParenthesizedExpression(node)) return lastName(node.expression);
  return ts.isBinaryExpression(node) ? lastName(node.right) : undefined;
}

function isCalled(node: ts.Node): boolean {
  for (let callee = node; ; callee = callee.parent) {
    const { parent } = callee;
    if (ts.isCallExpression(parent)) return parent.expression === callee;
    const isCallee = ts.isPropertyAccessExpression(parent) ? parent.name === callee : false;
    if (!isCallee && !ts.isParenthesizedExpression(parent) && !ts.isBinaryExpression(parent)) return false;
  }
}

/** `value.constructor.name` only reads the name of a class. */
function isOnlyNamed(node: ts.Node): boolean {
  let { parent } = node;
  while (ts.isParenthesizedExpression(parent) || ts.isAsExpression(parent)) parent = parent.parent;
  return ts.isPropertyAccessExpression(parent) && parent.name.text === "name";
}

/** The names of properties that Node does not document: private ones, and the methods of all Buffers. */
const undocumented = /^(?:_[a-z]\w*|(?:utf8|latin1|ucs2|ascii|hex|base64|base64url)(?:Slice|Write))$/;

/** Returns the names of undocumented properties that a source reads, or passes as a text, each once. */
export function undocumentedIn(file: string, text: string): string[] {
  const found = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (isType(node)) return;
    const name = propertyOf(node);
    if (name !== undefined && undocumented.test(name)) found.add(name);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.ESNext, true));
  return [...found].sort();
}

/** The name in `object.name`, `object["name"]`, `call("name")` and `const { name } = object`. */
function propertyOf(node: ts.Node): string | undefined {
  if (ts.isPropertyAccessExpression(node)) return node.name.text;
  if (ts.isStringLiteralLike(node)) {
    const { parent } = node;
    return ts.isElementAccessExpression(parent) || ts.isCallExpression(parent) ? node.text : undefined;
  }
  if (!ts.isBindingElement(node)) return undefined;
  const name = node.propertyName ?? node.name;
  return ts.isIdentifier(name) ? name.text : undefined;
}
