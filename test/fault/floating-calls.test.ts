// Runs programs that do not handle the promises of the client, and checks exit code and output.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { transpilePackage } from "../support/transpiled-package.js";

let folder: string;

/** The package compiled to JavaScript, so that Node runs it without vitest. */
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "jetsocket-"));
  transpilePackage(folder);
}, 60_000);

afterAll(() => rmSync(folder, { recursive: true }));

interface Exit {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

/** The first lines of each program: `refusing` is a URL without a server, `listen` starts a scripted server. */
const prologue = (entryPoint: string): string => `
import { once } from "node:events";
import { createServer } from "node:net";
import { createHash } from "node:crypto";
import { connect, WebSocket } from ${JSON.stringify(entryPoint)};

process.on("warning", ({ name, message }) => console.log("warning", name, message.slice(0, 40)));
const listen = async (onSocket) => {
  const server = createServer(onSocket).listen(0, "127.0.0.1");
  await once(server, "listening");
  server.unref();
  return \`ws://127.0.0.1:\${server.address().port}\`;
};
const answer = (socket) => socket.once("data", (request) => {
  const [, key] = /Sec-WebSocket-Key: (.*)\\r/i.exec(String(request));
  const accept = createHash("sha1").update(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest("base64");
  socket.write(\`HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\nSec-WebSocket-Accept: \${accept}\\r\\n\\r\\n\`);
  socket.on("data", () => undefined).on("error", () => undefined);
});
/** Resets the connection when the first bytes after the handshake arrive. */
const breaking = (socket) => {
  answer(socket);
  socket.once("data", () => socket.once("data", () => socket.resetAndDestroy()));
};
const refusing = "ws://127.0.0.1:1/";
`;

/** Writes a program to a file of its own and runs it until it exits. */
async function run(program: string): Promise<Exit> {
  const entryPoint = pathToFileURL(join(folder, "src/index.js")).href;
  const file = join(folder, `program-${Math.random()}.mjs`);
  await writeFile(file, `${prologue(entryPoint)}\n${program}`);
  const child = spawn(process.execPath, [file], { timeout: 8_000 });
  let output = "";
  let errors = "";
  child.stdout.on("data", (text: Buffer) => (output += String(text)));
  child.stderr.on("data", (text: Buffer) => (errors += String(text)));
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, output, errors })));
}

const noReconnect = "{ reconnect: false }";

describe("an unhandled failure of connect() or run()", () => {
  it.each([
    ["connect()", `new WebSocket(refusing).connect();`],
    ["run()", `new WebSocket(refusing, ${noReconnect}).run();`],
    [
      "run() that retries",
      `new WebSocket(refusing, { backoff: { base: 1, floor: 1, maxAttempts: 3 } }).run();`,
    ],
    [
      "connect() that retries",
      `new WebSocket(refusing, { retryInitial: true, backoff: { base: 1, floor: 1, maxAttempts: 3 } }).connect();`,
    ],
    ["the function connect()", `connect(refusing);`],
    ["both in one tick", `const ws = new WebSocket(refusing, ${noReconnect}); ws.connect(); ws.run();`],
    [
      "connect() with a listener of other events",
      `new WebSocket(refusing).on("disconnected", () => {}).connect();`,
    ],
    ["a derived promise", `new WebSocket(refusing).connect().then(() => console.log("connected"));`],
    ["Promise.all", `Promise.all([new WebSocket(refusing).connect()]);`],
  ])("ends the process and prints the error, its advice and the call: %s", async (_name, program) => {
    const { code, output, errors } = await run(program);
    expect(errors).toContain("ConnectionError: Connecting to ws://127.0.0.1:1/ failed (phase: tcp)");
    expect(errors).toContain("Nothing listens at that address");
    expect(errors).toMatch(/(connect|run)\(\) was called:\n(.*\n)*? +at .*program-[\d.]+\.mjs:\d+:\d+/);
    expect([code, output]).toEqual([1, ""]);
  });

  it("prints the advice for an HTTP response other than 101", async () => {
    const { code, errors } = await run(`
      const url = await listen((socket) => socket.end("HTTP/1.1 401 Unauthorized\\r\\nContent-Length: 0\\r\\n\\r\\n"));
      async function begin() {
        new WebSocket(url).connect();
      }
      await begin();
    `);
    expect(errors).toContain("HandshakeError");
    expect(errors).toContain("Check the token or password");
    expect(errors).toMatch(/at begin \(.*program-/);
    expect(code).toBe(1);
  });

  it.each([
    [
      `ws.terminate(); ws.connect();`,
      "InvalidStateError: connect() is not possible while the client is closed",
    ],
    [`ws.connect({ timout: 5 });`, "TypeError: Unknown option"],
    [`ws.run({ timout: 5 });`, "TypeError: Unknown option"],
    [`ws.connect({ signal: AbortSignal.abort(new Error("mine")) });`, "Error: mine"],
    [`ws.run({ signal: AbortSignal.abort(new Error("mine")) });`, "Error: mine"],
    [`new WebSocket(refusing, { signal: AbortSignal.abort(new Error("mine")) }).run();`, "Error: mine"],
    [`new WebSocket(refusing, { signal: AbortSignal.abort(new Error("mine")) }).connect();`, "Error: mine"],
    [`connect("nonsense");`, "TypeError: Invalid url"],
    [`ws.connect({ timeout: 0 });`, "TimeoutError: connect() took longer than"],
    [`ws.connect(); ws.terminate();`, "CloseError: The connection to"],
  ])("ends the process if the call fails at once: %s", async (calls, message) => {
    const { code, output, errors } = await run(`const ws = new WebSocket(refusing);\n${calls}`);
    expect(errors).toContain(message);
    expect(errors).toContain("program-");
    expect([code, output]).toEqual([1, ""]);
  });

  it("ends the process if run() fails because the connection breaks", async () => {
    const { code, output, errors } = await run(`
      const url = await listen(breaking);
      const ws = new WebSocket(url, ${noReconnect});
      ws.on("connected", () => void ws.send("break"));
      ws.run();
    `);
    expect(errors).toMatch(/ConnectionError: The connection to .* was lost/);
    expect(errors).toContain("program-");
    expect([code, output]).toEqual([1, ""]);
  });
});

describe("a failure of connect() or run() does not end the process if it is handled:", () => {
  it.each([
    ["awaited", `await new WebSocket(refusing).connect().catch(({ code }) => console.log(code));`],
    [
      "caught later in the tick",
      `const call = new WebSocket(refusing).connect(); call.catch(({ code }) => console.log(code));`,
    ],
    ["run() caught", `new WebSocket(refusing, ${noReconnect}).run().catch(({ code }) => console.log(code));`],
    ["the function", `try { await connect(refusing); } catch ({ code }) { console.log(code); }`],
    [
      "handled by then()",
      `new WebSocket(refusing).connect().then(undefined, ({ code }) => console.log(code));`,
    ],
    [
      "a listener of error",
      `new WebSocket(refusing).on("error", ({ error }) => console.log(error.code)).connect();`,
    ],
    [
      "a once listener of error",
      `new WebSocket(refusing).once("error", ({ error }) => console.log(error.code)).connect();`,
    ],
    [
      "a listener of closed",
      `new WebSocket(refusing, ${noReconnect}).on("closed", ({ report }) => console.log(report.error.code)).run();`,
    ],
    [
      "a for await loop",
      `const ws = new WebSocket(refusing); ws.connect(); try { for await (const one of ws); } catch ({ code }) { console.log(code); }`,
    ],
    [
      "batches",
      `const ws = new WebSocket(refusing); ws.connect(); try { for await (const one of ws.batches()); } catch ({ code }) { console.log(code); }`,
    ],
    [
      "recv()",
      `const ws = new WebSocket(refusing); ws.connect(); await ws.recv().catch(({ code }) => console.log(code));`,
    ],
    [
      "connect() and run(), with a listener",
      `const ws = new WebSocket(refusing, ${noReconnect}); ws.on("closed", ({ report }) => console.log(report.error.code)); ws.connect(); ws.run();`,
    ],
  ])("%s", async (_name, program) => {
    expect(await run(program)).toEqual({ code: 0, output: "ECONNREFUSED\n", errors: "" });
  });

  it.each(["for await (const one of ws);", "await ws.recv();"])(
    "an abort that rejects the read before the connection has ended: %s",
    async (reading) => {
      const program = `
        const url = await listen(answer);
        const controller = new AbortController();
        const ws = new WebSocket(url, { signal: controller.signal, closeTimeout: 50 });
        ws.run();
        setTimeout(() => controller.abort(new Error("over")), 300);
        try { ${reading} } catch ({ message }) { console.log(message); }
      `;
      expect(await run(program)).toEqual({ code: 0, output: "over\n", errors: "" });
    },
  );

  it("a call that is rejected at once, with a listener", async () => {
    const program = `const ws = new WebSocket(refusing).on("closed", () => console.log("closed")); ws.terminate(); ws.connect(); ws.run({ timout: 5 });`;
    expect(await run(program)).toEqual({ code: 0, output: "closed\n", errors: "" });
  });
});

describe("other calls that are not awaited", () => {
  it("never end the process; the first rejected one emits a warning", async () => {
    const program = `
      const url = await listen(breaking);
      const ws = new WebSocket(url, ${noReconnect});
      ws.send("x"); ws.sendRaw("x"); ws.ping(); ws.pong(); ws.flush(); ws.rotate(); ws.reconnect();
      await ws.connect();
      ws.recv({ timeout: 1 }); ws.ping(); ws.flush(); ws.ping({ payload: new Uint8Array(200) });
      await new Promise((resolve) => ws.on("closed", resolve));
      ws.close(17); ws.send("x"); ws.recv(); ws.flush(); ws.reconnect(); ws.rotate(); ws.ping();
      console.log("still here");
    `;
    expect(await run(program)).toEqual({
      code: 0,
      output: "warning JetSocketError A call was refused, and its promise is n\nstill here\n",
      errors: expect.stringContaining("send() is not possible while the client is idle") as unknown,
    });
  });

  it("emit one warning for a fatal end that nothing observes while no call is pending", async () => {
    const program = `
      const url = await listen(breaking);
      const ws = new WebSocket(url, ${noReconnect});
      await ws.connect();
      ws.send("break");
    `;
    const { code, output } = await run(program);
    expect(output).toMatch(/^warning ConnectionError The connection to ws:.*\n$/);
    expect(code).toBe(0);
  });
});

describe("the error of a call that is not awaited", () => {
  it("is the object that listeners receive; only its stack is extended", async () => {
    const { code, output, errors } = await run(`
      const ws = new WebSocket(refusing, ${noReconnect});
      let reported;
      ws.on("error", ({ error }) => (reported = { error, message: error.message, code: error.code, cause: error.cause }));
      const running = ws.run();
      try {
        await ws.connect();
      } catch (error) {
        const { message, code, cause } = reported;
        console.log(error === reported.error, error === ws.lastReport.error, error.message === message, error.code === code, error.cause === cause);
        console.log(Object.keys(error).join(), error.stack.startsWith(\`\${error.name}: \${message}\\n\`));
        console.log(await running.catch((same) => same === error));
        console.log(error.stack.match(/\\w+\\(\\) was called:/g).join());
      }
    `);
    expect(errors).toBe("");
    expect(output).toBe(
      "true true true true true\ncode,phase true\ntrue\nconnect() was called:,run() was called:\n",
    );
    expect(code).toBe(0);
  });
});
