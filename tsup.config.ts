import type { Format, Options } from "tsup";

type EsbuildPlugin = NonNullable<Options["esbuildPlugins"]>[number];

/**
 * Keeps the entry points `protocol` and `index` out of the other bundles, which import them instead. Each format then has
 * one copy of every class. Bundles that share chunks would have one copy as well, but tsup rewrites those for CommonJS in
 * a way that turns class fields into prototype methods.
 */
function keepEntriesApart(extension: ".js" | ".cjs"): EsbuildPlugin {
  return {
    name: "keep-entries-apart",
    setup(build): void {
      build.onResolve({ filter: /\/protocol\/index\.js$/ }, () => ({
        path: `./protocol${extension}`,
        external: true,
      }));
      // Only entry points in a folder of `src/` import the entry point of the client.
      build.onResolve({ filter: /^\.\.\/index\.js$/ }, () => ({
        path: `./index${extension}`,
        external: true,
      }));
    },
  };
}

function oneFormat(format: Format, extension: ".js" | ".cjs"): Options {
  return {
    entry: {
      index: "src/index.ts",
      protocol: "protocol/index.ts",
      testing: "src/testing/index.ts",
      channels: "src/channels/index.ts",
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
    esbuildPlugins: [keepEntriesApart(extension)],
  };
}

const formats: Options[] = [oneFormat("esm", ".js"), oneFormat("cjs", ".cjs")];

export default formats;
