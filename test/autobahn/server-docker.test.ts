// The Docker server of the conformance run, with a fake `docker` command. It starts no container.
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { load } from "./load.js";

interface Server {
  url: string;
  resultFolder: string;
  stop(): Promise<void>;
}

interface Servers {
  prepareServers(wanted: "docker" | "python" | undefined): Promise<{
    name: string;
    start(folder: string, patterns: readonly string[]): Promise<Server>;
  }>;
}

/** A fake `docker` command: records each call and serves HTTP on the published port like the container. */
const standIn = `#!${process.execPath}
const { appendFileSync } = require("node:fs");
const args = process.argv.slice(2);
appendFileSync(process.env.DOCKER_CALLS, JSON.stringify(args) + "\\n");
if (args[0] === "version") process.exit(Number(process.env.DOCKER_VERSION_CODE));
if (args[0] === "run") {
  const port = Number(args.find((arg) => arg.startsWith("--publish=")).split(":").at(-1));
  require("node:http").createServer((_, response) => response.end()).listen(port, "127.0.0.1");
}
`;

describe("the suite's server on Docker", () => {
  let folder: string;
  let servers: Servers;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "jetsocket-docker-"));
    await mkdir(join(folder, "bin"));
    await mkdir(join(folder, "lane"));
    await writeFile(join(folder, "bin/docker"), standIn);
    await chmod(join(folder, "bin/docker"), 0o755);
    vi.stubEnv("PATH", join(folder, "bin") + delimiter + String(process.env["PATH"]));
    vi.stubEnv("DOCKER_CALLS", join(folder, "calls"));
    vi.stubEnv("DOCKER_VERSION_CODE", "0");
    servers = await load<Servers>("server.mjs");
  });

  afterEach(async () => {
    vi.unstubAllEnvs();
    await rm(folder, { recursive: true, force: true });
  });

  it("is started with one `docker run` and removed by its name", async () => {
    const kind = await servers.prepareServers(undefined);
    expect(kind.name).toBe("Docker");
    const server = await kind.start(join(folder, "lane"), ["6.*"]);
    const { port } = new URL(server.url);
    const specification: unknown = JSON.parse(
      await readFile(join(folder, "lane/specification.json"), "utf8"),
    );
    await server.stop();

    const calls = (await readFile(join(folder, "calls"), "utf8")).trim().split("\n");
    expect(calls.map((call): unknown => JSON.parse(call))).toEqual([
      ["version", "--format", "{{.Server.Version}}"],
      [
        "run",
        "--rm",
        "--init",
        `--name=jetsocket-autobahn-${port}`,
        `--user=${String(process.getuid?.())}:${String(process.getgid?.())}`,
        `--publish=127.0.0.1:${port}:${port}`,
        `--volume=${join(folder, "lane")}:/lane`,
        "crossbario/autobahn-testsuite:25.10.1",
        "wstest",
        "--mode=fuzzingserver",
        "--spec=/lane/specification.json",
        "--webport=0",
      ],
      ["rm", "--force", `jetsocket-autobahn-${port}`],
    ]);
    expect(server.resultFolder).toBe(join(folder, "lane/results"));
    expect(specification).toMatchObject({
      url: `ws://127.0.0.1:${port}`,
      outdir: "/lane/results",
      cases: ["6.*"],
      options: { closeHandshakeTimeout: 30 },
    });
  });

  it("is rejected if Docker does not answer and no other server is allowed", async () => {
    vi.stubEnv("DOCKER_VERSION_CODE", "1");
    await expect(servers.prepareServers("docker")).rejects.toThrow("Docker does not answer");
  });

  it("explains that the machine has neither Docker nor Python 2.7", async () => {
    vi.stubEnv("PATH", join(folder, "nothing"));
    vi.stubEnv("PYENV_ROOT", join(folder, "nothing"));
    await expect(servers.prepareServers(undefined)).rejects.toThrow(
      "the suite needs Docker, or Python 2.7 (on PATH or under pyenv), and this machine has neither",
    );
  });
});
