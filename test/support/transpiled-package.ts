import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import ts from "typescript";
import { readSources } from "./import-graph.js";

/** Writes the package as JavaScript into `folder`, so that a plain Node runs it. */
export function transpilePackage(folder: string): void {
  const compilerOptions: ts.CompilerOptions = {
    module: ts.ModuleKind.ESNext,
    target: ts.ScriptTarget.ES2022,
    verbatimModuleSyntax: true,
  };
  for (const [path, text] of readSources(join(import.meta.dirname, "../.."), ["src", "protocol"])) {
    const file = join(folder, path.replace(/\.ts$/, ".js"));
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, ts.transpileModule(text, { compilerOptions }).outputText);
  }
  writeFileSync(join(folder, "package.json"), '{"type":"module"}');
}
