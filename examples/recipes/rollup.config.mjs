// Bundles program.mjs with rollup: `npx rollup --config`. The modules of Node stay outside.
import { nodeResolve } from "@rollup/plugin-node-resolve";

export default {
  input: "program.mjs",
  output: { file: "dist/rollup.mjs", format: "es" },
  external: /^node:/,
  plugins: [nodeResolve()],
};
