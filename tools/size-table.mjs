// Prints the tables of docs/design/size.md: what each folder and each subject takes in a program that imports
// `{ connect }`, in kilobytes. The first figure is the minified size. The second figure is the difference after gzip to
// a program without the text of these modules.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Parts of folders, and parts that several folders share. A pattern is matched with the path of a module. */
const subjects = {
  "replay and recovery of missed messages":
    /buffer\/(replay|recovery|reorder|stream|.*-window|overlap|delivery|message-stream)/,
  "outbox and acknowledgements": /buffer\/(outbox|unacked|keyed-queue)|rate-limit/,
  "permessage-deflate: own inflater":
    /(message-inflater|block-code|inflate-memory|huffman|alphabets|wasm-inflater|match-copier)/,
  "permessage-deflate: handles of zlib": /deflate\/(handle-|zlib-handle|chunked-output|window-primer)/,
  "permessage-deflate: without handles of zlib": /dictionary-backend/,
  "WebAssembly: assembler, masks and UTF-8": /wasm-module|wide-mask|wasm-utf8/,
  "secrets in URLs, headers, texts and errors": /protocol\/display\/|src\/redaction\/|insecure-credentials/,
  "TLS: sessions, details and faults": /src\/transport\/tls/,
  "proxies (HTTP, HTTPS, SOCKS5, environment)": /protocol\/proxy\/|proxy-tunnel|proxy-env|resolve-proxy/,
  redirects: /connection\/redirects/,
  "race of addresses (Happy Eyeballs)": /address-race/,
  "verdict and advice": /reporting\/(attempt-advice|verdict)|refused-status/,
  "diagnostics channels and NODE_DEBUG": /reporting\/diagnostics|frame-observer/,
  "names of other packages in option errors": /option-hints|nearest-name|event-names/,
  statistics: /src\/stats\//,
};

/** Marks the first line of each module in the bundle. A minifier keeps such comments. */
const markModules = {
  name: "mark-modules",
  setup(all) {
    all.onLoad({ filter: /\.ts$/ }, ({ path }) => ({
      contents: `/*! ${path.slice(root.length, -3)} */\n${readFileSync(path, "utf8")}`,
      loader: "ts",
    }));
  },
};

const { outputFiles } = await build({
  stdin: { contents: 'export { connect } from "./src/index.ts";', resolveDir: root },
  ...{ bundle: true, minify: true, format: "esm", platform: "node", target: "node20" },
  ...{ legalComments: "inline", plugins: [markModules], write: false },
});
/** The minified text of each module, in the order of the bundle. */
const modules = outputFiles[0].text
  .split(/\/\*! (?=(?:src|protocol)\/)/)
  .map((part) => /^(\S*) \*\/\n?([^]*)$/.exec(part)?.slice(1) ?? ["", part]);

/** @param {(module: string) => boolean} isLeftOut */
function sizeWithout(isLeftOut) {
  const text = modules.flatMap(([name, part]) => (isLeftOut(name) ? [] : part)).join("");
  return gzipSync(text, { level: 9 }).length;
}

const whole = sizeWithout(() => false);
const kilobytes = (bytes) => (bytes / 1000).toFixed(1);

/** @param {string} name @param {(module: string) => boolean} isPart */
function row(name, isPart) {
  const minified = modules.reduce((sum, [module, text]) => sum + (isPart(module) ? text.length : 0), 0);
  return [name, kilobytes(minified), kilobytes(whole - sizeWithout(isPart))];
}

/** @param {string[][]} rows */
function print(rows) {
  rows.sort((one, other) => other[2] - one[2]);
  for (const cells of rows) console.log(`| ${cells.join(" | ")} |`);
  console.log();
}

const folderOf = (module) => module.slice(0, module.lastIndexOf("/") + 1);
const folders = [...new Set(modules.map(([name]) => folderOf(name)))].filter((folder) => folder !== "");
print(folders.map((folder) => row(`\`${folder}\``, (module) => folderOf(module) === folder)));
print(Object.entries(subjects).map(([name, pattern]) => row(name, (module) => pattern.test(module))));
const rest = sizeWithout((module) => Object.values(subjects).some((pattern) => pattern.test(module)));
console.log(`The program without these subjects: ${kilobytes(rest)} KB after gzip.`);
console.log(`The whole program: ${kilobytes(whole)} KB after gzip.`);
