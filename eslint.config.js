import eslint from "@eslint/js";
import { defineConfig, globalIgnores } from "eslint/config";
import tseslint from "typescript-eslint";

const nodeGlobals = Object.fromEntries(
  Object.getOwnPropertyNames(globalThis).map((name) => [name, "readonly"]),
);

/** Tests replace the runtime, so product code uses time, randomness and the network only through the runtime. */
const throughTheRuntime = "Use the injected runtime (src/runtime/runtime.ts).";

const injectedGlobals = [
  "setTimeout",
  "setInterval",
  "setImmediate",
  "clearTimeout",
  "clearInterval",
  "clearImmediate",
  "Date",
  "performance",
  "crypto",
  "fetch",
].map((name) => ({ name, message: throughTheRuntime }));

const injectedProperties = [
  { object: "Math", property: "random" },
  { object: "process", property: "nextTick" },
  { object: "process", property: "hrtime" },
  { object: "AbortSignal", property: "timeout" },
].map((rule) => ({ ...rule, message: throughTheRuntime }));

const randomOfCrypto = {
  name: "node:crypto",
  importNames: [
    "default",
    "getRandomValues",
    "randomBytes",
    "randomFill",
    "randomFillSync",
    "randomInt",
    "randomUUID",
    "webcrypto",
  ],
  message: throughTheRuntime,
};

const bareNames = {
  regex: "^(assert|buffer|crypto|dns|events|fs|http|https|net|os|path|stream|tls|url|util|zlib)(/|$)",
  message: "Import Node's built-in modules with the prefix `node:`.",
};

const defaultExport = {
  selector: "ExportDefaultDeclaration, ExportSpecifier[exported.name='default']",
  message: "Use a named export.",
};

/** `cases()` reads the environment variable TEST_CASES. */
const casesOfProperties = [
  {
    selector: "Property[key.name='numRuns'] > Literal",
    message: "Write `numRuns: cases(...)`, from test/support/cases.ts.",
  },
  {
    selector: "CallExpression[callee.object.name='fc'][callee.property.name='assert'][arguments.length=1]",
    message: "Write `{ numRuns: cases(100) }`, from test/support/cases.ts.",
  },
];

/** Measured on Node 20: `recv-text-1KiB` of the bench fell from 0.49 to 0.33 us without a few private getters. */
const privateGetter = {
  selector: "MethodDefinition[kind='get'] > PrivateIdentifier.key",
  message: "V8 11 calls its runtime for each access of a private getter. Write a private method.",
};

const size = {
  "max-lines": ["error", { max: 400, skipBlankLines: true, skipComments: true }],
  "max-lines-per-function": ["error", { max: 60, skipBlankLines: true, skipComments: true }],
};

export default defineConfig(
  globalIgnores([
    "**/node_modules/",
    "dist/",
    "coverage/",
    "test-results/",
    "autobahn/report/",
    "interop/report/",
    // It is checked by `npm run libraries`, which installs the libraries.
    "libraries/types.ts",
    "**/.*/",
  ]),
  { linterOptions: { noInlineConfig: true } },
  eslint.configs.recommended,
  {
    languageOptions: { globals: nodeGlobals },
    rules: {
      eqeqeq: "error",
      "no-var": "error",
      "prefer-const": "error",
      "no-restricted-syntax": ["error", defaultExport, privateGetter],
    },
  },
  {
    files: ["**/*.ts", "**/*.mts", "**/*.cts"],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      "@typescript-eslint/consistent-type-imports": ["error", { disallowTypeAnnotations: false }],
      "@typescript-eslint/switch-exhaustiveness-check": [
        "error",
        { considerDefaultExhaustiveForUnions: false, requireDefaultForNonUnion: false },
      ],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "@typescript-eslint/no-unnecessary-condition": [
        "error",
        { allowConstantLoopConditions: "only-allowed-literals" },
      ],
      "@typescript-eslint/restrict-template-expressions": [
        "error",
        { allowNumber: true, allowBoolean: true },
      ],
      // An abort rejects with the reason that the user gave. The reason can be any value.
      "@typescript-eslint/only-throw-error": [
        "error",
        { allowThrowingAny: true, allowThrowingUnknown: true },
      ],
      "@typescript-eslint/prefer-promise-reject-errors": [
        "error",
        { allowThrowingAny: true, allowThrowingUnknown: true },
      ],
      // With `noUncheckedIndexedAccess`, a byte at an index that was checked is read with `!`.
      "@typescript-eslint/no-non-null-assertion": "off",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
    },
  },
  {
    files: ["protocol/**/*.ts"],
    rules: {
      ...size,
      "no-console": "error",
      "no-restricted-globals": ["error", ...injectedGlobals],
      "no-restricted-properties": ["error", ...injectedProperties],
      "@typescript-eslint/no-restricted-imports": [
        "error",
        {
          paths: [randomOfCrypto],
          patterns: [
            {
              regex: "^(?!\\.|node:(buffer|crypto|module|zlib)$)",
              message: "protocol/ may import only four of Node's built-in modules.",
            },
            { regex: "(^|/)src/", message: "protocol/ must not import from src/." },
          ],
        },
      ],
    },
  },
  {
    files: ["src/**/*.ts"],
    rules: {
      ...size,
      "no-console": "error",
      "@typescript-eslint/no-restricted-imports": [
        "error",
        {
          patterns: [
            bareNames,
            { regex: "protocol/(?!index\\.js$)", message: "Import from protocol/index.js." },
          ],
        },
      ],
    },
  },
  {
    files: ["src/**/*.ts"],
    // The test kit has a runtime and a server of its own.
    ignores: [
      ...["src/runtime/**", "src/transport/**"],
      ...["src/testing/virtual-runtime.ts", "src/testing/virtual-peer.ts", "src/testing/socket-stream.ts"],
      // Parses a date, and does not read the clock.
      "src/whatwg/cookie-date.ts",
    ],
    rules: {
      "no-restricted-globals": ["error", ...injectedGlobals],
      "no-restricted-properties": ["error", ...injectedProperties],
      "@typescript-eslint/no-restricted-imports": [
        "error",
        {
          paths: [randomOfCrypto],
          patterns: [
            bareNames,
            { regex: "protocol/(?!index\\.js$)", message: "Import from protocol/index.js." },
            {
              regex: "^node:(net|tls|dns|http|https|timers|perf_hooks)(/|$)",
              allowTypeImports: true,
              message: throughTheRuntime,
            },
          ],
        },
      ],
    },
  },
  {
    // Web IDL counts the arguments of a call, and specifies the property `length` of functions.
    files: ["src/whatwg/**/*.ts"],
    rules: {
      "prefer-rest-params": "off",
      "@typescript-eslint/no-useless-default-assignment": "off",
    },
  },
  {
    // The deserializer of `json` takes its type from the client into whose options it is spread.
    files: ["src/client/sending/default-messages.ts"],
    rules: { "@typescript-eslint/no-unnecessary-type-parameters": "off" },
  },
  {
    files: ["interop/clients/counted-ws.mjs"],
    rules: { "no-restricted-syntax": "off" },
  },
  {
    // The package `ws` has a default export, a namespace of types, and a class for servers.
    files: ["src/ws/*.ts"],
    rules: {
      "no-restricted-syntax": ["error", privateGetter],
      "@typescript-eslint/no-namespace": ["error", { allowDeclarations: true }],
      "@typescript-eslint/no-extraneous-class": "off",
    },
  },
  {
    files: ["test/**/*.ts"],
    rules: {
      "@typescript-eslint/no-empty-function": "off",
      "@typescript-eslint/unbound-method": "off",
      "no-restricted-syntax": ["error", defaultExport, privateGetter, ...casesOfProperties],
    },
  },
  {
    // Node 20, which runs ESLint, has no global class.
    files: ["examples/migration/undici-before.mjs"],
    languageOptions: { globals: { WebSocket: "readonly" } },
  },
  {
    files: ["*.config.{js,ts}", "**/*.config.{js,ts,mjs}"],
    rules: { "no-restricted-syntax": "off" },
  },
);
