// Takes away the functions of Node that are not documented, one by one and all together. A client in a process of its own
// then exchanges messages with the package ws. In Node 20, `Buffer.from(text)`, `toString` and `write` then fail too.
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocketServer } from "ws";
import { runProgram } from "../layers/child-process.js";
import { transpilePackage } from "../support/transpiled-package.js";

const folder = mkdtempSync(join(tmpdir(), "jetsocket-"));
const compression = { threshold: 0, serverNoContextTakeover: false, clientNoContextTakeover: false };
let server: WebSocketServer;
/** How each connection ends: the code and the reason of the received Close frame. */
const ends: Promise<unknown[]>[] = [];

beforeAll(async () => {
  transpilePackage(folder);
  server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: compression });
  server.on("connection", (socket, { url }) => {
    socket.on("error", () => undefined);
    ends.push(once(socket, "close"));
    socket.on("message", (data: Buffer, isBinary) => {
      // RFC 6455 8.1: the byte 0x28 cannot follow 0xc3.
      if (url === "/invalid")
        (Reflect.get(socket, "_socket") as Socket).write(Buffer.of(0x81, 2, 0xc3, 0x28));
      else socket.send(data, { binary: isBinary });
    });
  });
  await once(server, "listening");
}, 30_000);

afterAll(() => {
  for (const client of server.clients) client.terminate();
  server.close();
  rmSync(folder, { recursive: true });
});

/**
 * Sends messages of all sizes and kinds. Prints the number of messages that came back unchanged, the name of the codec
 * backend, and how an invalid message and the connection end.
 */
const program = `
const ascii = (size) => "abcdefghijklmnop".repeat(Math.ceil(size / 16)).slice(0, size);
const texts = [
  ...[0, 1, 5, 125, 126, 128, 600, 5_000, 20_000, 40_000, 70_000].map(ascii),
  ...[1, 100, 600, 5_000, 30_000].map((count) => "h\\u00e9\\u20ac\\u{1f600}".repeat(count)),
  "\\ufeff\\ufffd\\u0000", ascii(600) + "\\ufffd",
];
const binary = [0, 1, 125, 126, 300, 5_000, 70_000].map((size) => Uint8Array.from({ length: size }, (_, at) => at * at));
const same = (one, other) => typeof one === typeof other && one.length === other.length &&
  (typeof one === "string" ? one === other : one.every((byte, at) => byte === other[at]));
const options = { reconnect: false, deserializer: (data) => data, headers: { Authorization: "Basic dXNlcjpwdw==" } };
const result = { same: 0, other: [] };
for (const compress of [false, true]) {
  // From 8 MiB, a text is decoded while it arrives.
  const large = hasLargeText && !compress ? ["\\u00e9" + ascii(9 * 1024 * 1024)] : [];
  const ws = await connect(url, { ...options, compress, compressionThreshold: 0 });
  const check = async (sent, expected = sent) => {
    const got = await ws.recv({ timeout: 5_000 });
    if (same(got, expected)) result.same++;
    else result.other.push([compress, expected.length, got.length]);
  };
  for (const message of [...texts, ...binary, ...large]) {
    ws.sendRaw(message);
    await check(message);
  }
  ws.sendRaw("\\ud800");
  await check("\\ufffd");
  // A burst, which arrives in few reads.
  for (let index = 0; index < 500; index++) ws.sendRaw("message " + index);
  for (let index = 0; index < 500; index++) await check("message " + index);
  const borrowed = new Promise((resolve) => ws.on("rawMessage", ({ data }) => resolve(data.length), { borrowed: true }));
  ws.sendRaw("h\\u00e9");
  await check("h\\u00e9");
  result.borrowed = await borrowed;
  await ws.ping();
  await ws.close(4000, "gr\\u00fc\\u00df");
}
const ws = await connect(url + "/invalid", { ...options, compress: false });
ws.sendRaw("now");
result.invalid = await ws.recv({ timeout: 5_000 }).catch((error) => error.code);
result.backend = createCodecFactory().name;
console.log(JSON.stringify(result));
process.exit(0);
`;

/** Runs the program after `preparation`. The package is loaded after both. */
async function runAfter(preparation: string, hasLargeText: boolean): Promise<unknown> {
  const entry = (path: string): string => JSON.stringify(pathToFileURL(join(folder, path)).href);
  const { port } = server.address() as AddressInfo;
  const lines: string[] = [];
  const errors = await runProgram(
    `import zlib from "node:zlib";
${preparation}
const hasLargeText = ${hasLargeText};
const url = "ws://127.0.0.1:${port}";
const { connect } = await import(${entry("src/index.js")});
const { createCodecFactory } = await import(${entry("protocol/index.js")});
${program}`,
    (line) => lines.push(line),
  );
  expect(errors).toBe("");
  return JSON.parse(lines.join(""));
}

/** The number of messages that the program sends, without the large text. */
const messageCount = 2 * 527;

interface Expected {
  readonly backend?: "handle" | "dictionary";
  readonly hasLargeText?: boolean;
}

async function expectAll(
  preparation: string,
  { backend = "handle", hasLargeText = false }: Expected,
): Promise<void> {
  expect(await runAfter(preparation, hasLargeText)).toEqual({
    same: hasLargeText ? messageCount + 1 : messageCount,
    other: [],
    borrowed: 3,
    invalid: "INVALID_UTF8",
    backend,
  });
  const reasons = (await Promise.all(ends.splice(0))).map(
    ([code, reason]) => `${code as number} ${String(reason)}`,
  );
  expect(reasons.slice(0, 2)).toEqual(["4000 grüß", "4000 grüß"]);
}

const methods = ["utf8Write", "utf8Slice", "latin1Slice", "ucs2Slice"];

/** Replaces a property of an object. */
const replaced = (object: string, name: string, descriptor: string): string =>
  `Object.defineProperty(${object}, ${name}, { configurable: true, ${descriptor} });\n`;

/** Programs that take a method of all Buffers away. */
const lossesOfMethod: Readonly<Record<string, (name: string) => string>> = {
  deleted: (name) => `delete Buffer.prototype.${name};\n`,
  "a function that throws": (name) =>
    replaced("Buffer.prototype", `"${name}"`, `value() { throw new Error("gone"); }`),
  "a function that returns nonsense": (name) =>
    replaced("Buffer.prototype", `"${name}"`, `value: () => "nonsense"`),
  "a getter that throws": (name) =>
    replaced("Buffer.prototype", `"${name}"`, `get() { throw new Error("gone"); }`),
};

const lossesOfSpecies: Readonly<Record<string, string>> = {
  deleted: "delete Buffer[Symbol.species];\n",
  "a getter that throws": replaced("Buffer", "Symbol.species", `get() { throw new Error("gone"); }`),
  "a class that is no Buffer": replaced("Buffer", "Symbol.species", "value: Uint8Array"),
  "a class that ignores its arguments": replaced(
    "Buffer",
    "Symbol.species",
    "value: function () { return Buffer.alloc(9); }",
  ),
};

/** Changes each zlib stream that the package creates. */
const streams = (change: string): string => `
for (const name of ["createInflateRaw", "createDeflateRaw"]) {
  const create = zlib[name];
  const value = (options) => {
    const stream = create(options);
    ${change}
    return stream;
  };
  Object.defineProperty(zlib, name, { value });
}
`;

const lossesOfHandle: Readonly<Record<string, string>> = {
  "is deleted": streams("delete stream._handle;"),
  "has no state": streams("delete stream._writeState;"),
  throws: streams(`stream._handle.writeSync = () => { throw new Error("gone"); };`),
  "writes nothing": streams("stream._handle.writeSync = () => undefined;"),
  "inflates to other bytes": streams(`
    const { writeSync } = stream._handle;
    stream._handle.writeSync = function (flush, input, at, size, output, ...rest) {
      writeSync.call(this, flush, input, at, size, output, ...rest);
      output[rest[0]] ^= 1;
    };`),
};

describe("a client", () => {
  it("uses the native zlib handle when nothing is taken away", () => expectAll("", { hasLargeText: true }));

  describe.each(methods)("works if buffer.%s is", (name) => {
    it.each(["deleted", "a function that returns nonsense"])("%s", (how) =>
      expectAll(lossesOfMethod[how]!(name), { hasLargeText: name === "ucs2Slice" }),
    );
  });

  describe("works if Buffer[Symbol.species] is", () => {
    it.each(Object.entries(lossesOfSpecies))("%s", (_, loss) => expectAll(loss, {}));
  });

  describe("works if the handle of a zlib stream", () => {
    it.each(Object.entries(lossesOfHandle))("%s", (_, loss) => expectAll(loss, { backend: "dictionary" }));
  });

  describe("works if each of them is", () => {
    it.each(Object.entries(lossesOfMethod))("%s", (_, take) =>
      expectAll(methods.map(take).join("") + lossesOfSpecies.deleted! + lossesOfHandle["is deleted"]!, {
        backend: "dictionary",
        hasLargeText: true,
      }),
    );
  });
});
