// The modules of Node that the package loads, and how it loads them. Shared by the tests of the sources and of the built
// files.

/** The modules of Node, those that are imported and those that are loaded on first use. */
export const knownModules: readonly string[] = [
  "node:async_hooks",
  "node:buffer",
  "node:crypto",
  "node:diagnostics_channel",
  "node:dns",
  "node:events",
  "node:http",
  "node:https",
  "node:module",
  "node:net",
  "node:querystring",
  "node:stream",
  "node:tls",
  "node:util",
  "node:zlib",
];

/** The uses in the module that loads modules of Node by their names: an import of `createRequire`, and its call. */
export const loaderUses: readonly string[] = ["createRequire", "createRequire", "getBuiltinModule"];
