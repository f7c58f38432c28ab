// Starts, stops and freezes a real proxy. It does not know what the proxy does.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { environment } from "./debian.js";
import { type ProxyOrder, type ProxyProgram, serviceOf } from "./proxy-programs.js";

/** The credentials of every proxy that requires some. A url must encode some of these characters. */
export const credentials = { user: "user", password: "s3cr+t:x" } as const;

/** User names and passwords in a url. */
export const logins = { right: "user:s3cr%2Bt%3Ax", wrong: "user:gu3ss" } as const;

/** The time in milliseconds in which a proxy must accept connections. */
const startTimeout = 20_000;

/** One proxy, on a port that it keeps when it is started again. */
export class ProxyProcess {
  readonly name: string;
  readonly program: ProxyProgram;
  readonly port: number;
  readonly #order: ProxyOrder;
  #child: ChildProcess | undefined;
  #output = "";

  private constructor(program: ProxyProgram, order: ProxyOrder) {
    this.name = program.name;
    this.program = program;
    this.port = order.port;
    this.#order = order;
  }

  static async start(program: ProxyProgram, needsLogin = false): Promise<ProxyProcess> {
    const folder = await mkdtemp(join(tmpdir(), "jetsocket-proxy-"));
    const order = { port: await freePort(), credentials: needsLogin ? credentials : undefined, folder };
    const proxy = new ProxyProcess(program, order);
    try {
      await proxy.start();
    } catch (error) {
      await proxy.remove();
      throw error;
    }
    return proxy;
  }

  /** @param login - One of {@link logins}. */
  url(login?: string): string {
    return `${this.program.scheme}://${login === undefined ? "" : `${login}@`}127.0.0.1:${this.port}`;
  }

  /** Resolves when the proxy accepts connections. */
  async start(): Promise<void> {
    const [file, ...args] = await this.program.prepare(this.#order);
    const child = spawn(file, args, { env: environment(), stdio: ["ignore", "pipe", "pipe"] });
    this.#child = child;
    this.#output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (bytes: Buffer) => (this.#output += bytes.toString()));
    process.once("exit", this.#kill);
    const failed = once(child, "error").then(([error]) => error as Error);
    const deadline = performance.now() + startTimeout;
    // Microsocks does not report that it listens.
    while (!(await accepts(this.port))) {
      const error = child.pid === undefined ? await failed : undefined;
      if (error !== undefined || child.exitCode !== null || performance.now() > deadline)
        throw new Error(`${this.name} does not start: ${this.#output}`, { cause: error });
      await delay(20);
    }
  }

  readonly #kill = (): void => void this.#child?.kill("SIGKILL");

  /** Ends the proxy like a crash. Its connections are reset or closed. */
  async crash(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#child = undefined;
    process.off("exit", this.#kill);
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    // A killed Squid leaves its shared memory, and does not start again while that exists.
    const service = `${serviceOf(this.#order.folder)}-`;
    const left = (await readdir("/dev/shm")).filter((name) => name.startsWith(service));
    await Promise.all(left.map((name) => rm(join("/dev/shm", name), { force: true })));
  }

  /** Crashes the proxy and removes its files. */
  async remove(): Promise<void> {
    await this.crash();
    await rm(this.#order.folder, { recursive: true, force: true });
  }

  /** The kernel still accepts connections for the proxy, but nothing is answered until {@link thaw}. */
  freeze(): void {
    this.#child?.kill("SIGSTOP");
  }

  thaw(): void {
    this.#child?.kill("SIGCONT");
  }
}

/** The range is below the ports of outgoing connections, so that none of them takes the port of a stopped proxy. */
const ports = { first: 20_000, count: 10_000 };

async function freePort(): Promise<number> {
  for (;;) {
    const port = ports.first + Math.floor(Math.random() * ports.count);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false)).listen(port, "127.0.0.1", () => resolve(true));
    });
    server.close();
    if (isFree) return port;
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("error", () => resolve(false));
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
  });
}
