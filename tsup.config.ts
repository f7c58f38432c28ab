import { writeFile } from "node:fs/promises";
import type { Format, Options } from "tsup";

type EsbuildPlugin = NonNullable<Options["esbuildPlugins"]>[number];

/**
 * Keeps the entry points `protocol` and `index` out of the other bundles, which import the built file instead. So each
 * format has one copy of every class. Bundles that share chunks would do it too, but tsup rewrites those for CommonJS in
 * a way that turns class fields into prototype methods.
 */
function keepEntriesApart(extension: ".js" | ".cjs"): EsbuildPlugin {
  return {
    name: "keep-entries-apart",
    setup(build): void {
      const keepApart = (filter: RegExp, name: string): void =>
        build.onResolve({ filter }, () => ({ path: `./${name}${extension}`, external: true }));
      keepApart(/\/protocol\/index\.js$/, "protocol");
      // Only entry points in a folder of `src/` import this path.
      keepApart(/^\.\.\/index\.js$/, "index");
    },
  };
}

/** With `require()`, `jetsocket/ws` is the class itself, as with the package `ws`. */
async function writeCommonJsOfWs(): Promise<void> {
  await writeFile("dist/ws-require.cjs", '"use strict";\nmodule.exports = require("./ws.cjs").WebSocket;\n');
  await writeFile("dist/ws-require.d.cts", 'import ws = require("./ws.cjs");\nexport = ws.WebSocket;\n');
}

function oneFormat(format: Format, extension: ".js" | ".cjs"): Options {
  return {
    entry: {
      index: "src/index.ts",
      ws: "src/ws/index.ts",
      protocol: "protocol/index.ts",
      testing: "src/testing/index.ts",
      whatwg: "src/whatwg/index.ts",
      channels: "src/channels/index.ts",
      pool: "src/pool/index.ts",
      presets: "src/presets/index.ts",
    },
    format: [format],
    outExtension: () => ({ js: extension }),
    target: "node20",
    platform: "node",
    splitting: false,
    treeshake: false,
    minify: false,
    // What is built reads like its source, so a stack trace points at readable code without a map.
    sourcemap: false,
    removeNodeProtocol: false,
    // tsup hands the declaration build an option that TypeScript 6 deprecates.
    dts: { compilerOptions: { ignoreDeprecations: "6.0" } },
    clean: false,
    silent: true,
    onSuccess: writeCommonJsOfWs,
    esbuildPlugins: [keepEntriesApart(extension)],
  };
}

const formats: Options[] = [oneFormat("esm", ".js"), oneFormat("cjs", ".cjs")];

export default formats;
