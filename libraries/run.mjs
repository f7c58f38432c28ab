// Runs all checks of this folder. The exit code is 1 if a check fails.
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { ValidationError, WebSocket } from "jetsocket";
import { serve } from "../examples/embedded-server.mjs";
import { arktypeSchema, asyncSchemas, valibotSchema, zodSchema } from "./schemas.mjs";

const folder = fileURLToPath(new URL(".", import.meta.url));
let failures = 0;

function check(name, actual, expected) {
  const isGood = isDeepStrictEqual(actual, expected);
  console.log(`${isGood ? "ok  " : "FAIL"} ${name}`);
  if (isGood) return;
  failures++;
  console.log("  expected", expected, "\n  actual", actual);
}

const feed = [
  { symbol: "ABC", price: 1 },
  { symbol: "ABC", price: "2.5" },
  { symbol: 5, price: 3 },
  { symbol: "ABC", price: "n/a" },
  { symbol: "END", price: 0 },
];
const server = await serve({
  onConnection: (peer) => {
    for (const message of feed) peer.send(JSON.stringify(message));
    peer.send(JSON.stringify("text"));
    peer.close(1000, "");
  },
});

/** Receives the whole feed. */
async function receive(options) {
  const ws = new WebSocket(server.url, { reconnect: false, ...options });
  const result = { messages: [], errors: [], dropped: 0 };
  ws.on("error", ({ error }) => error instanceof ValidationError && result.errors.push(error));
  ws.on("dropped", () => result.dropped++);
  await ws.connect();
  for await (const message of ws) result.messages.push(message);
  return result;
}

const good = [
  { symbol: "ABC", price: 1 },
  { symbol: "ABC", price: 2.5 },
  { symbol: "END", price: 0 },
];
for (const [library, schema] of Object.entries({
  zod: zodSchema,
  valibot: valibotSchema,
  arktype: arktypeSchema,
})) {
  for (const schemaMode of ["strict", "lenient"]) {
    const { messages, errors, dropped } = await receive({ schema, schemaMode });
    check(`${library}, ${schemaMode}: messages`, messages, good);
    check(`${library}, ${schemaMode}: dropped`, dropped, 3);
    const codes = errors.map(({ code, issues }) => `${code} ${issues.length > 0}`);
    check(
      `${library}, ${schemaMode}: errors`,
      codes,
      schemaMode === "strict" ? Array(3).fill("VALIDATION_FAILED true") : [],
    );
  }
}
for (const [library, schema] of Object.entries(asyncSchemas)) {
  const { messages, errors } = await receive({ schema, deserializer: String });
  check(`${library}, a schema that returns promises: messages`, messages, []);
  check(
    `${library}, a schema that returns promises: errors`,
    errors.map(({ code, message }) => `${code} ${message.includes("option schema")}`),
    Array(6).fill("SCHEMA_FUNCTION_FAILED true"),
  );
}
server.close();

const run = (...args) => execFileSync(process.execPath, args, { cwd: folder, encoding: "utf8" });
for (const program of ["msgpack", "protobuf"])
  check(program, run(`${program}.mjs`), "{ symbol: 'ABC', price: 1.5 }\n");
let types;
try {
  types = run("../node_modules/typescript/bin/tsc", "--project", "tsconfig.json");
} catch (error) {
  types = error.stdout;
}
check("the inferred types", types, "");
process.exitCode = failures > 0 ? 1 : 0;
