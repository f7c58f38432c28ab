import { describe, expect, it } from "vitest";
import { undocumentedIn, unsafeCodeIn } from "./unsafe-code.js";

describe("unsafeCodeIn", () => {
  it.each([
    ["eval", "eval(text);"],
    ["eval", "(0, eval)(text);"],
    ["eval", "globalThis.eval(text);"],
    ["eval", 'globalThis["eval"](text);'],
    ["eval", "const { eval: run } = globalThis;"],
    ["eval", 'Reflect.get(object, "eval");'],
    ["Function", "new Function(text);"],
    ["Function", "Function(text)();"],
    ["Function", "const make = Function;"],
    ["Function", "class Made extends Function {}"],
    ["Function", 'globalThis["Function"](text);'],
    ["the constructor of a value", "(() => {}).constructor(text);"],
    ["the constructor of a value", "new (async () => {}).constructor(text);"],
    ["the constructor of a value", "const make = Function.prototype.constructor;"],
    ["the constructor of a value", 'Reflect.get(f, "constructor")(text);'],
    ["the constructor of a value", "const { constructor: make } = f;"],
    ["constructor", 'f["constructor"](text);'],
    ["setTimeout with a text", 'setTimeout("run()", 1);'],
    ["setInterval with a text", "globalThis.setInterval(`${code}`, 1);"],
    ["setImmediate with a text", 'setImmediate("run(" + name + ")");'],
    ["WebAssembly", "new WebAssembly.Module(bytes);"],
    ["WebAssembly", "const { Module } = (globalThis as unknown as { WebAssembly: A }).WebAssembly;"],
    ["globalThis with a computed name", "globalThis[name](text);"],
    ["process with a computed name", "process[name](text);"],
    ["process with a computed name", "Reflect.get(process, name);"],
    ["a module by a computed name: name", "await import(name);"],
    ["a module by a computed name: `./${name}.js`", "await import(`./${name}.js`);"],
    ["a module by a computed name: name", "require(name);"],
    ["a module by a computed name: name", "loadNodeModule(name);"],
    ["a module by a computed name: name", "(0, import_protocol.loadNodeModule)(name);"],
    ["require", "const load = require;"],
    ["require", "module.require(name);"],
    ["loadNodeModule", "const load = loadNodeModule;"],
    ["loadNodeModule", "names.map(loadNodeModule);"],
    ["createRequire", "createRequire(path)(name);"],
    ["getBuiltinModule", 'process.getBuiltinModule("node:vm");'],
    ["binding", 'process.binding("buffer");'],
    ["dlopen", "process.dlopen(target, file);"],
  ])("reports %s in %s", (use, text) => {
    expect(unsafeCodeIn("module.ts", text).uses).toContain(use);
  });

  it.each([
    "const type: Function = f;",
    "interface Loader { getBuiltinModule?: (name: string) => unknown }",
    "Function.prototype[Symbol.hasInstance].call(type, value);",
    "class A { constructor() { this.evaluate(); } }",
    "console.log(value.constructor.name);",
    "setTimeout(() => {}, 1); setImmediate(callback); process.nextTick(this.run);",
    "const { setImmediate } = globalThis; process.versions.node;",
    '// eval("text")\nconst text = "new Function()";',
    'import type * as vm from "node:vm";',
    'type Vm = typeof import("node:vm");',
  ])("reports nothing in %s", (text) => {
    expect(unsafeCodeIn("module.ts", text)).toEqual({ uses: [], modules: [] });
  });

  it.each([
    'import * as vm from "node:vm";',
    'import { type Script } from "node:vm";',
    'export { Script } from "node:vm";',
    'import "node:vm";',
    'import vm = require("node:vm");',
    'await import("node:vm");',
    'loadNodeModule("node:vm");',
    'const load = () => (0, import_protocol2.loadNodeModule)("node:vm");',
  ])("returns the module of %s", (text) => {
    expect(unsafeCodeIn("module.ts", text)).toEqual({ uses: [], modules: ["node:vm"] });
  });

  it("reads JavaScript too", () => {
    const found = unsafeCodeIn("module.cjs", 'const vm = require("node:vm"); new Function("a", vm);');
    expect(found).toEqual({ uses: ["Function"], modules: ["node:vm"] });
  });
});

describe("undocumentedIn", () => {
  it.each([
    ["_handle", "stream._handle.reset();"],
    ["_handle", 'Reflect.get(stream, "_handle");'],
    ["_handle", "const { _handle: handle } = stream;"],
    ["utf8Slice", "bytes.utf8Slice(0, 1);"],
    ["latin1Write", 'bytes["latin1Write"](text);'],
  ])("returns %s for %s", (name, text) => {
    expect(undocumentedIn("module.ts", text)).toContain(name);
  });

  it.each(["function f(_unused: number) {}", "latin1Slice(bytes, 0, 1);", "type A = { _handle: B };"])(
    "returns nothing for %s",
    (text) => {
      expect(undocumentedIn("module.ts", text)).toEqual([]);
    },
  );
});
