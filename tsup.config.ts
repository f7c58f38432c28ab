import { writeFile } from "node:fs/promises";
import type { Format, Options } from "tsup";

type EsbuildPlugin = NonNullable<Options["esbuildPlugins"]>[number];

/**
 * Keeps the door of `protocol/` out of the other bundles, which load it from its neighbour instead: so each
 * format has one copy of every class. Bundles that share chunks would do it too, but tsup rewrites those
 * for CommonJS in a way that turns class fields into prototype methods.
 */
function keepProtocolApart(extension: ".js" | ".cjs"): EsbuildPlugin {
  return {
    name: "keep-protocol-apart",
    setup(build): void {
      build.onResolve({ filter: /\/protocol\/index\.js$/ }, () => ({
        path: `./protocol${extension}`,
        external: true,
      }));
      // The drop-ins use the public interface of the package, and load it in the same way.
      build.onResolve({ filter: /^\.\.\/index\.js$/ }, () => ({
        path: `./index${extension}`,
        external: true,
      }));
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
      protocol: "protocol/index.ts",
      testing: "src/testing/index.ts",
      ws: "src/ws/index.ts",
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
    onSuccess: writeCommonJsOfWs,
    silent: true,
    esbuildPlugins: [keepProtocolApart(extension)],
  };
}

const formats: Options[] = [oneFormat("esm", ".js"), oneFormat("cjs", ".cjs")];

export default formats;
