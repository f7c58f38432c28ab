// Bundles program.mjs with webpack: `npx webpack`. The target `node20` leaves the modules of Node outside.
export default {
  entry: "./program.mjs",
  target: "node20",
  mode: "production",
  experiments: { outputModule: true },
  output: { filename: "webpack.mjs", module: true, chunkFormat: "module" },
};
